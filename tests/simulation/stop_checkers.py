"""What must hold of the stop program in a life: judged by what its actions did at the venue, and by what it said at its end.

It only ever makes the account smaller; it signs nothing under a number that was used; it says CONFIRMED of an account that is empty and of
no other; with nothing in the way it gets there, soon; and it does not ask so often that the venue shuts it out. Same form and same promise
as in checkers.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from check import Check
from ledger import ZERO, Ledger

from core.engine.emergency_dex import Kind
from core.sim.action_log import ActionEntry
from core.sim.world.stopper import StopRun, held_at
from core.sim.world.world import World

DONE_WITHIN_MS = 25_000
"""From the last moment when something was in the way: an answer that got lost is waited for three times three seconds, looks become two
seconds apart, and two seconds lie between the two empty answers."""
_NEWS_FOR_MS = 13_000
"""What was said of a dex is as old as ten seconds at most, and was three seconds on its way."""
_SEEN_MS = 7_000
"""What has been there for so long, a paced exit knows of: two looks, each with its answer lost once."""
_WEIGHTS = {Kind.POSITIONS: 2, Kind.MIDS: 2}
_OTHER_WEIGHT = 20
_WEIGHT_A_MINUTE = 1_200
_MOST_ACTIONS = 60
"""For each position that there was."""
_READS_FAIL = (
    "info_down",
    "dex_reads_fail",
    "latency_storm",
    "stale_clearinghouse",
    "http_429",
    "http_500",
    "http_502",
)
_LONG_AGO = -1_000_000
_ONCE = ("could not be read", "cannot be closed", ": refused: ", "request budget used up")
_GONE = ("reduce only order would increase", "already canceled, or filled")


class StopProgram(Check):
    """Everything of ours is cancelled, positions are reduced and never increased, and CONFIRMED is true."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._others_ms = _LONG_AGO
        """When somebody else's order was last executed."""
        self._since: dict[str, int] = {}
        """Since when a coin is held, or held anew."""
        self._at: dict[str, Decimal] = {}
        self._told_ms: dict[int, int] = {}
        """When a run was first told that the budget is used up."""

    def executed(self, world: World, entry: ActionEntry) -> None:
        run, now_ms = world.stops.acting, world.agenda.now_ms
        held = held_at(world)
        if run is None:
            self._others_ms = now_ms if entry.orders or entry.kind.startswith("twap") else self._others_ms
        else:
            self._judge(world, run, entry, held)
        for coin, szi in held.items():
            if self._at.get(coin) != szi:
                self._since[coin] = now_ms
        self._at = held

    def _judge(self, world: World, run: StopRun, entry: ActionEntry, held: dict[str, Decimal]) -> None:
        self.expect(not world.stops.nonce_twice, f"signed under a nonce that was used: {world.stops.nonce_twice}")
        self.expect(run.may_send_ms is not None, "an action before the console had its moment")
        self.expect(entry.kind in ("order", "cancel", "twapCancel"), f"an action of the kind {entry.kind}")
        self.expect(all(o.reduce_only and o.tif == "Ioc" for o in entry.orders), "an order that is not reduce-only IOC")
        for coin, szi in held.items():
            before = run.held.get(coin, ZERO)
            self.expect(abs(szi) <= abs(before), f"{coin}: {before} became {szi}")
            self.expect(szi * before > 0, f"{coin}: {before} turned into {szi}")
        resting = {o.oid for o in world.exchange.venue.open_orders(world.plan.account)}
        self.expect(resting <= run.resting, f"orders {resting - run.resting} rest that did not before")
        named = [o.coin for o in entry.orders]
        foreign = [c for c in named if not _is_asked(run, c)] if not run.every_dex else []
        self.expect(not foreign, f"exits on dexes that nobody asked to be closed: {foreign}")
        self.expect(len(set(named)) == len(named), f"two exits of one position in one action: {named}")
        if entry.error is not None and "too many cumulative requests" in entry.error.lower():
            self._told_ms.setdefault(run.begun_ms, world.agenda.now_ms)
        elif world.exchange.faults.peek("rate_limited", world.agenda.now_ms) and entry.kind == "order":
            self._took_all(world, run, named)
        exits = len(run.sent)
        most = _MOST_ACTIONS * max(1, len(run.held))
        self.expect(exits <= most, f"{exits} actions signed by one run")

    def _took_all(self, world: World, run: StopRun, named: list[str]) -> None:
        """One action in ten seconds gets through: what was there to be closed is in it."""
        now_ms = world.agenda.now_ms
        known_ms = now_ms - _SEEN_MS
        reads, faults = world.reads, world.exchange.faults
        told_ms = self._told_ms.get(run.begun_ms, now_ms)
        if max(told_ms, reads.lose_until_ms, reads.slow_until_ms) > known_ms:
            return
        if any(faults.peek(name, now_ms) for name in _READS_FAIL):
            return
        known = {c for c in run.held if self._since.get(c, now_ms) <= min(known_ms, run.looked_ms.get(_dex(c), 0))}
        left = [c for c in known if c not in named and _is_asked(run, c)]
        self.expect(not left, f"one action in ten seconds, and {left} are not in it")

    def stopped(self, world: World, run: StopRun) -> None:
        now_ms = world.agenda.now_ms
        held = {coin: szi for coin, szi in held_at(world).items() if _is_asked(run, coin)}
        resting = [o for o in world.exchange.venue.open_orders(world.plan.account) if _is_asked(run, o.coin)]
        own = [t for t in world.exchange.venue.twaps.values() if t.user == world.plan.account]
        twaps = [t for t in own if _is_asked(run, t.coin)]
        self._told_truly(run)
        calm_since = max(run.begun_ms, run.may_send_ms or now_ms, self._others_ms, world.hindered_until_ms)
        self._not_too_often(run)
        if run.is_confirmed:
            known_ms = max(run.begun_ms, now_ms - _NEWS_FOR_MS)
            left = {coin: szi for coin, szi in held.items() if self._since.get(coin, now_ms) < known_ms}
            self.expect(not left, f"CONFIRMED, and {left} are held")
            old = [o for o in resting if o.timestamp < known_ms]
            self.expect(not old, f"CONFIRMED, and {len(old)} orders rest")
            self.expect(all(t.timestamp >= known_ms for t in twaps), f"CONFIRMED, and {len(twaps)} TWAPs run")
            took = now_ms - calm_since
            self.expect(took <= DONE_WITHIN_MS, f"CONFIRMED {took} ms after the last thing that was in the way")
            return
        quiet_ms = now_ms - calm_since
        self.expect(
            quiet_ms <= DONE_WITHIN_MS,
            f"NOT CONFIRMED after {quiet_ms} ms with nothing in the way: {held} held, {len(resting)} orders",
        )

    def _told_truly(self, run: StopRun) -> None:
        """What is gone already is no failure; a key that is not taken is told as that; and what is told once is."""
        self.expect(len(set(run.numbers)) == len(run.numbers), f"two actions of one number: {run.numbers}")
        once = [note for note in run.said if any(mark in note for mark in _ONCE)]
        self.expect(len(set(once)) == len(once), f"told twice: {[n for n in once if once.count(n) > 1][:1]}")
        for note in map(str.lower, run.said):
            is_failure = "not filled" in note or ("orders cancelled" in note and "gone already" not in note)
            self.expect(not (is_failure and any(w in note for w in _GONE)), f"gone, and told as a failure: {note}")
            is_key = "refused" in note and "does not exist" in note
            self.expect(not is_key or "does not take this key" in note, f"a key that is not taken, told as: {note}")

    def _not_too_often(self, run: StopRun) -> None:
        by_minute: Counter[int] = Counter()
        for at_ms, kind in run.answers:
            by_minute[(at_ms - run.begun_ms) // 60_000] += _WEIGHTS.get(kind, _OTHER_WEIGHT)
        most = max(by_minute.values(), default=0)
        self.expect(most <= _WEIGHT_A_MINUTE, f"questions of weight {most} in a minute; the venue takes 1200")


def _is_asked(run: StopRun, coin: str) -> bool:
    """Whether it is on a dex that the run was to close."""
    return run.every_dex or _dex(coin) in run.dexes


def _dex(coin: str) -> str:
    return coin.partition(":")[0] if ":" in coin else ""


STOP_CHECKERS = (StopProgram,)
