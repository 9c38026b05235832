"""Trials of the stop program in straits: `life.only "+straits"`. One run of it in a life, and one thing in its way that is rare in any other:
the cancels' budget used up too, a market that the exchange does not list, a list that cannot be read, answers that lie and then do not, a
clock that is days off, a key that is taken away, owners who are faster, one word for a whole batch of cancels.

What only this program is told or answered goes through `Straits`, so the console's own questions are not lied to. Decides nothing about red.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace
from mutants.hands_of_emergency import _act, _clean, _clean_up, _dex, _open, _others, _rest

from core.engine.emergency_dex import Kind, Read
from core.hyperliquid.info import read_positions
from core.messages.events import PositionsRead
from core.model.rounding import round_price, round_size, wire_text
from core.sim.admission import WireFailure
from core.sim.world.http import NoAnswer
from core.sim.world.plan import Planned
from core.sim.world.program import AGENT
from core.sim.world.stopper import WITHIN_MS, StopRun, held_at
from core.sim.world.troubles import Strike
from core.sim.world.world import World

D = Decimal
_REACH = D("0.01")
_CLEAN_TIMES = 20
_HOUR_MS = 3_600_000
_SILENCE_MS = 3_000
_OWNER_ACTS_MS = 20_000
STRAITS_MS = 48_000
"""Of weather: what is in the way of a whole run is in its way until shortly before its end."""
_CLEAN_UP_MS = (22_000, 36_000, WITHIN_MS + 2_500)


class Straits:
    """What is special about the answers that one run gets."""

    def __init__(self) -> None:
        self.fails: dict[Kind, tuple[str, ...]] = {}
        """Reads of these kinds fail for these dexes, until `fail_until_ms`."""
        self.fail_until_ms = 0
        self.fails_slowly = False
        self.fails_in_turn = False
        """Every second read of positions fails."""
        self.empty_at: tuple[int, ...] = ()
        """Which answers about the positions of a dex are empty whatever is held, counted from 0."""
        self.empty_of: str | None = None
        """Of which dex; None: of each."""
        self.hidden: frozenset[str] = frozenset()
        """Coins that the exchange does not list."""
        self.coarse: frozenset[str] = frozenset()
        """Coins of which no size has a digit after the point, says the exchange: less than one cannot be closed."""
        self.is_worthless = False
        """Positions are told without their value, as if there were no mark."""
        self.one_word = 0
        """So many cancels of several are not carried out and answered with one error."""
        self.failed_twap_cancels = 0
        self.owner_is_first = False
        self._looks: Counter[str] = Counter()

    def fail(self, read: Read, now_ms: int) -> bool:
        if self.fails_in_turn and read.kind in (Kind.POSITIONS, Kind.TWAPS):
            self._looks[f"turn {read.dex}"] += 1
            return self._looks[f"turn {read.dex}"] % 2 == 1 and self._looks[f"turn {read.dex}"] < 8
        return now_ms < self.fail_until_ms and read.dex in self.fails.get(read.kind, ())

    def is_empty(self, dex: str) -> bool:
        self._looks[dex] += 1
        return self.empty_of in (None, dex) and self._looks[dex] - 1 in self.empty_at


_answer_to, _submit = StopRun._answer_to, StopRun._submit
_OF_RUN: dict[int, Straits] = {}
"""By the time of the run's beginning: a life has one at a time."""


def _answer_in_straits(run: StopRun, read: Read) -> Any:
    tell = yield from _answer_to(run, read)
    straits, world = _OF_RUN.get(id(run)), run._world
    if straits is None:
        return tell
    if straits.fail(read, world.agenda.now_ms):
        if straits.fails_slowly:
            yield _SILENCE_MS
        raise NoAnswer("HTTP 502")
    if read.kind is Kind.POSITIONS and straits.is_empty(read.dex):
        world.mark("strait lie")
        nothing = PositionsRead(read.dex, world.agenda.now_ms, (), D(0), D(0))
        return lambda now_ms: run.stop.on_positions(nothing, now_ms)
    if read.kind is Kind.POSITIONS and straits.is_worthless and world.agenda.now_ms < straits.fail_until_ms:
        asked = {"type": "clearinghouseState", "user": world.plan.account, "dex": read.dex}
        seen = read_positions(msgspec.json.encode(world.exchange.info(asked, world.agenda.now_ms)), read.dex)
        seen = replace(seen, positions=tuple(replace(p, position_value=D(0)) for p in seen.positions))
        return lambda now_ms: run.stop.on_positions(seen, now_ms)
    if read.kind is Kind.SPECS and (straits.hidden or straits.coarse):
        by_coin = world.exchange.venue.universe.by_coin
        listed = [m for m in by_coin.values() if _dex(m.coin) == read.dex and m.coin not in straits.hidden]
        specs = [replace(m.spec, sz_decimals=0) if m.coin in straits.coarse else m.spec for m in listed]
        return lambda now_ms: run.stop.on_specs(read.dex, specs, now_ms)
    return tell


def _submit_in_straits(run: StopRun, payload: Any) -> Any:
    straits, world, action = _OF_RUN.get(id(run)), run._world, payload["action"]
    if straits is None:
        return _submit(run, payload)
    if action["type"] == "twapCancel" and straits.failed_twap_cancels:
        straits.failed_twap_cancels -= 1
        raise WireFailure(502, "Bad Gateway")
    if action["type"] == "cancel" and len(action["cancels"]) > 1 and straits.one_word:
        straits.one_word -= 1
        return {"status": "ok", "response": {"type": "cancel", "data": {"statuses": [{"error": "Try again."}]}}}
    if straits.owner_is_first:
        by_asset = world.exchange.venue.universe.by_asset
        if action["type"] == "cancel":
            _act(world, {"type": "cancel", "cancels": action["cancels"][:1]})
        elif action["type"] == "order":
            _close(world, by_asset[action["orders"][0]["a"]].coin)
    return _submit(run, payload)


StopRun._answer_to = _answer_in_straits  # type: ignore[method-assign]
StopRun._submit = _submit_in_straits  # type: ignore[method-assign]


def _close(world: World, coin: str) -> None:
    szi, mid = held_at(world).get(coin), world.exchange.venue.markets[coin].mid_px
    if szi is None or mid is None:
        return
    spec = world.exchange.venue.universe.by_coin[coin].spec
    px = round_price(mid * (1 + _REACH if szi < 0 else 1 - _REACH), szi < 0, spec.sz_decimals)
    world.stranger.send(spec, szi < 0, px, abs(szi), reduce_only=True, tif="Ioc")


def _own(world: World, dice: Random, positions: int, orders: int, dex: str | None = None) -> list[str]:
    """The owner opens so many positions, on as many dexes as there are, and rests orders there."""
    coins = [c for c in _others(world) if dex is None or _dex(c) == dex]
    dice.shuffle(coins)
    by_dex: list[str] = [next(c for c in coins if _dex(c) == d) for d in dict.fromkeys(map(_dex, coins))]
    chosen = list(dict.fromkeys((*by_dex, *coins)))[: max(positions, 1)]
    for coin in chosen[:positions]:
        _open(world, coin, dice)
    for i in range(orders):
        _rest(world, chosen[i % len(chosen)])
    return chosen


def _halt(world: World, coins: list[str], ms: int) -> None:
    for coin in coins:
        world.exchange.control({"do": "fault", "name": "halt", "coin": coin, "for_ms": ms}, world.agenda.now_ms)
    world.hinder(ms)


def _use_up(world: World, ms: int) -> None:
    """Cancels too: for so long one action in ten seconds gets through, of whatever kind."""
    account, used = world.exchange.venue.accounts[world.plan.account], 10_000_000
    account.requests_used += used
    world.hinder(ms)

    def back() -> None:
        account.requests_used -= used

    world.agenda.after(ms, back)


def _start_twap(world: World, coin: str) -> None:
    spec, mid = world.exchange.venue.universe.by_coin[coin].spec, world.exchange.venue.markets[coin].mid_px
    assert mid is not None
    asked = {"a": spec.asset_id, "b": True, "s": wire_text(round_size(D(130) / mid, spec.sz_decimals)), "r": False}
    _act(world, {"type": "twapOrder", "twap": {**asked, "m": 5, "t": False}})
    world.agenda.after(world.plan.block_ms * 2, lambda: _close(world, coin))  # of its first slice; the next is 30 s off


def _until_the_owner_acts(world: World) -> None:
    world.agenda.after(_OWNER_ACTS_MS, lambda: _clean(world))
    world.hinder(_OWNER_ACTS_MS + 1_000)


# --- what is in the way ------------------------------------------------------------------------------------------------------


def _all_used_up(world: World, dice: Random, straits: Straits) -> None:
    """Neither exits nor cancels get through more than once in ten seconds, and the exits find nobody for a while."""
    coins = _own(world, dice, 4, dice.choice((3, 12)))
    _halt(world, coins, dice.choice((1, 25_000)))
    _use_up(world, 30_000)


def _never_filled(world: World, dice: Random, straits: Straits) -> None:
    """The same, with exits that find nobody until the end."""
    coins = _own(world, dice, 4, 8)
    _use_up(world, 38_000)
    _halt(world, coins, 36_000)


def _cancels_used_up(world: World, dice: Random, straits: Straits) -> None:
    _own(world, dice, 0, dice.choice((3, 12)))
    _use_up(world, 25_000)


def _slow_dex(world: World, dice: Random, straits: Straits) -> None:
    """One action in ten seconds, and one dex that cannot be looked at."""
    _own(world, dice, 4, 0)
    for_ms = 28_000
    world.exchange.control({"do": "fault", "name": "rate_limited", "for_ms": for_ms}, world.agenda.now_ms)
    world.hinder(for_ms)
    straits.fails = {Kind.POSITIONS: (dice.choice(("xyz", "test")),)}
    straits.fail_until_ms, straits.fails_slowly = world.agenda.now_ms + for_ms, True


def _everything(world: World, dice: Random, straits: Straits) -> None:
    """More positions than one action closes, and one action in ten seconds."""
    _own(world, dice, 70, 0)
    _use_up(world, 25_000)


def _refused_cancels(world: World, dice: Random, straits: Straits) -> None:
    _own(world, dice, 0, 12)
    fault = {"do": "fault", "name": "reject_all", "for_ms": 2_500, "level": "action", "text": "Try again."}
    world.agenda.after(500, lambda: world.exchange.control(fault, world.agenda.now_ms))
    world.hinder(5_000)


def _one_word(world: World, dice: Random, straits: Straits) -> None:
    _own(world, dice, 0, 12)
    straits.one_word = 2
    world.hinder(5_000)


def _unlisted(world: World, dice: Random, straits: Straits) -> None:
    """Something is held where the exchange lists nothing: it stays until its owner closes it, and all else is closed."""
    dex = dice.choice(("xyz", "test"))
    coins = _own(world, dice, 6, 2, dex)
    straits.hidden = frozenset(coins[:2])
    _until_the_owner_acts(world)


def _less_than_a_lot(world: World, dice: Random, straits: Straits) -> None:
    coins = _own(world, dice, 5, 0, dice.choice(("xyz", "")))
    straits.coarse = frozenset(c for c in coins if abs(held_at(world).get(c, D(1))) < 1)
    _until_the_owner_acts(world)


def _no_price(world: World, dice: Random, straits: Straits) -> None:
    """Neither mid nor mark, for a while."""
    _own(world, dice, 4, 0)
    straits.fails, straits.fail_until_ms = {Kind.MIDS: ("", "xyz", "test")}, world.agenda.now_ms + 6_000
    straits.is_worthless = True
    world.hinder(8_000)


def _unlisted_twap(world: World, dice: Random, straits: Straits) -> None:
    coin = dice.choice(_others(world))
    _start_twap(world, coin)
    straits.hidden = frozenset((coin,))
    world.hinder(WITHIN_MS)


def _late_twap(world: World, dice: Random, straits: Straits) -> None:
    """It is found when all dexes are confirmed, and its cancel does not arrive at once."""
    _start_twap(world, dice.choice(_others(world)))
    straits.fails, straits.fail_until_ms = {Kind.TWAPS: ("",)}, world.agenda.now_ms + 6_000
    straits.failed_twap_cancels = dice.choice((2, 4, 6))
    world.hinder(10_000)


def _twap_and_lies(world: World, dice: Random, straits: Straits) -> None:
    """A TWAP is ended right after the first word that nothing is open, and the look after it says the same: both lie."""
    coins = _own(world, dice, 3, 0)
    _start_twap(world, dice.choice([c for c in _others(world) if c not in coins and _dex(c) == _dex(coins[0])]))
    straits.empty_at, straits.empty_of = (0, 1), _dex(coins[0])
    world.program.kill_soon(0, 0)


def _no_list(world: World, dice: Random, straits: Straits) -> None:
    """Which dexes there are cannot be read for a while, and on one of those something is open."""
    _own(world, dice, 3, 3, "test")
    straits.fails, straits.fail_until_ms = {Kind.DEXES: ("",)}, world.agenda.now_ms + 9_000
    world.hinder(9_000)


def _lies(world: World, dice: Random, straits: Straits) -> None:
    """Empty, then not, an exit that finds nobody, and empty once more."""
    coins = _own(world, dice, 4, 0)
    straits.empty_at = dice.choice(((0, 2), (0, 3), (1, 3), (0, 2, 4)))
    _halt(world, coins, dice.choice((1, 9_000)))


def _in_turn(world: World, dice: Random, straits: Straits) -> None:
    _own(world, dice, 3, 3)
    straits.fails_in_turn = True
    world.hinder(6_000)


def _clock_behind(world: World, dice: Random, straits: Straits) -> None:
    _own(world, dice, 4, 2)
    world.stops.skew_ms = dice.choice((-90_000, -12_000))


def _clock_ahead(world: World, dice: Random, straits: Straits) -> None:
    _own(world, dice, 4, 2)
    world.stops.skew_ms = dice.choice((30 * _HOUR_MS, 80 * _HOUR_MS))


def _many_numbers_ahead(world: World, dice: Random, straits: Straits) -> None:
    """Somebody else signed a hundred times with our key and a clock that is ahead: what is lower than the lowest of them is refused."""
    _own(world, dice, 3, 2)
    world.program.kill_soon(0, 0)
    first = world.agenda.now_ms + 20_000
    for nonce in range(first, first + 100):
        world.exchange.venue.nonces.use(AGENT.address, nonce)
    world.hinder(20_000)


def _key(world: World, dice: Random, straits: Straits) -> None:
    _own(world, dice, 4, 4)
    for_ms = 8_000
    expire = {"do": "fault", "name": "expire_agent"}
    world.agenda.after(dice.choice((0, 1_700)), lambda: world.exchange.control(expire, world.agenda.now_ms))
    world.agenda.after(for_ms, world.approve_agent)
    world.hinder(for_ms)


def _faster(world: World, dice: Random, straits: Straits) -> None:
    _own(world, dice, 4, 5)
    straits.owner_is_first = True


def _own_dexes(world: World, dice: Random, straits: Straits) -> None:
    """Whoever stops closes what the console's dexes hold, and nothing else."""
    _own(world, dice, 5, 4)
    coin = dice.choice([c for c in _others(world) if _dex(c) in ("test", "xyz")])
    _start_twap(world, coin)
    world.stops.every_dex = False


STRAITS = (
    *(_all_used_up, _never_filled, _cancels_used_up, _slow_dex, _everything, _refused_cancels, _one_word, _unlisted),
    *(_less_than_a_lot, _no_price, _unlisted_twap, _late_twap, _twap_and_lies, _no_list, _lies, _in_turn),
    *(_clock_behind, _clock_ahead, _key, _faster, _own_dexes),
)
"""One for each seed, in turn."""
LATER = (_many_numbers_ahead,)
"""Of seeds from here on, so that those before keep theirs."""
LATER_FROM = 200


def _strait(world: World, dice: Random) -> str:
    if world.stops.is_under_way:
        return "nothing"
    straits_of_seed = STRAITS if world.plan.seed < LATER_FROM else LATER
    made = straits_of_seed[(world.plan.seed + len(world.stops.runs)) % len(straits_of_seed)]
    straits = Straits()
    if dice.random() < 0.6 and made is not _clock_behind:
        world.program.kill_soon(0, 0)
    made(world, dice, straits)
    world.agenda.after(world.plan.block_ms * 4, lambda: _begin(world, dice, straits))
    for ms in _CLEAN_UP_MS:
        world.agenda.after(ms, lambda: _clean_up(world, _CLEAN_TIMES))
    return f"a stop in straits: {made.__name__.strip('_')}"


def _begin(world: World, dice: Random, straits: Straits) -> None:
    if not world.stops.is_under_way and not world.is_calm:
        world.tell(world.stops.begin(dice))
        _OF_RUN[id(world.stops.runs[-1])] = straits
    world.stops.skew_ms, world.stops.every_dex = 0, True


def troubles(length_ms: int, dice: Random) -> tuple[Planned, ...]:
    found = [Planned(at, "dislocate") for at in range(1_200, length_ms, 4_000)]
    found += [Planned(at, "go_on") for at in range(2_000, length_ms, 2_500)]
    found.append(Planned(dice.randint(3_000, 6_000), "strait"))
    return tuple(sorted(found, key=lambda p: p.at_ms))


HANDS_OF_STRAITS: dict[str, Strike] = {"strait": _strait}
