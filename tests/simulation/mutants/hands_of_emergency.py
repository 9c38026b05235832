"""Trials of the stop program: `life.only "+emergency"`. The account's owner has opened a good deal by other means, on every dex and on markets
that the console does not know; somebody runs `hip3-tui stop`; and what an emergency is made for happens in its first seconds.

What the owner opened and an emergency could not close within its time, the owner closes in the end, so that a life can come to rest.
Decides nothing about red.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from core.hyperliquid.actions import envelope
from core.model.rounding import round_price, round_size, wire_text
from core.sim.world.plan import Planned
from core.sim.world.program import NO_SIGNATURE
from core.sim.world.stopper import WITHIN_MS, held_at
from core.sim.world.troubles import Strike, _fault
from core.sim.world.world import World

D = Decimal
_REACH = D("0.01")
_CLEAN_EVERY_MS = 1_000
_CLEAN_TIMES = 20
MANY = 220
"""More orders than one action can cancel."""
_TWAP_MINUTES, _TWAP_USD = 5, D(130)


def _others(world: World) -> list[str]:
    """Coins with a book that the console does not trade."""
    ours = {m.coin for m in world.plan.config.markets}
    markets = world.exchange.venue.markets
    return [coin for coin, market in markets.items() if coin not in ours and market.mid_px is not None]


def _owner_trades(world: World, dice: Random, theme: str = "") -> str:
    """Positions, now and then resting orders and a TWAP, on some dexes or on all."""
    coins = _others(world)
    some = dice.sample(coins, dice.choice((1, 2, 3, 5)))
    if theme == "budget" or dice.random() < 0.6:  # on every dex
        some += [next(c for c in dice.sample(coins, len(coins)) if _dex(c) == d) for d in ("", "xyz", "test")]
    said = [_open(world, coin, dice) for coin in dict.fromkeys(some)]
    if theme == "budget" or dice.random() < 0.5:
        coin = dice.choice(coins)
        said += [_rest(world, coin) for _ in range(dice.choice((1, 3, 30, MANY)))]
    if theme == "twap" or dice.random() < 0.1:
        said.append(_start_twap(world, dice))
    return f"the owner trades: {len(said)} orders by other means"


def _dex(coin: str) -> str:
    return coin.partition(":")[0] if ":" in coin else ""


def _open(world: World, coin: str, dice: Random) -> str:
    spec, mid = world.exchange.venue.universe.by_coin[coin].spec, world.exchange.venue.markets[coin].mid_px
    assert mid is not None
    is_buy = dice.random() < 0.5
    px = round_price(mid * (1 + _REACH if is_buy else 1 - _REACH), is_buy, spec.sz_decimals)
    size = round_size(D(dice.choice((12, 20, 60))) / mid, spec.sz_decimals)
    return world.stranger.send(spec, is_buy, px, size, reduce_only=False, tif="Ioc") if size else ""


def _rest(world: World, coin: str) -> str:
    spec, mid = world.exchange.venue.universe.by_coin[coin].spec, world.exchange.venue.markets[coin].mid_px
    assert mid is not None
    px = round_price(mid * D("0.7"), False, spec.sz_decimals)
    size = round_size(D(12) / px + 1 / D(10) ** spec.sz_decimals, spec.sz_decimals)
    return world.stranger.send(spec, True, px, size, reduce_only=False, tif="Gtc")


def _start_twap(world: World, dice: Random) -> str:
    coin = dice.choice(_others(world))
    spec, mid = world.exchange.venue.universe.by_coin[coin].spec, world.exchange.venue.markets[coin].mid_px
    assert mid is not None
    size = wire_text(round_size(_TWAP_USD / mid, spec.sz_decimals))
    asked = {"a": spec.asset_id, "b": True, "s": size, "r": False, "m": _TWAP_MINUTES, "t": False}
    return _act(world, {"type": "twapOrder", "twap": asked})


def _act(world: World, action: dict[str, Any]) -> str:
    taken = world.exchange.decode(envelope(action, world.stranger.next_nonce(), NO_SIGNATURE, None, None))
    return str(world.submit(taken, signer=world.plan.account))


def _emergency(world: World, dice: Random) -> str:
    """The owner's trades, somebody runs the stop program, and then its troubles; the console is killed or stands still before it in most."""
    if world.stops.is_under_way:
        return "nothing"
    themes = list(THEMES)
    theme = themes[(world.plan.seed * 2 + len(world.stops.runs)) % len(themes)]
    said = [f"an emergency, {theme}", _owner_trades(world, dice, theme)]
    if dice.random() < 0.4:
        world.program.kill_soon(0, 0)
    elif dice.random() < 0.4:
        world.program.stall(dice.randint(1_000, 8_000))
    if dice.random() < 0.3:
        world.agenda.after(dice.randint(200, 12_000), lambda: world.tell(_owner_trades(world, dice)))
    world.agenda.after(WITHIN_MS + 1_500, lambda: _clean_up(world, _CLEAN_TIMES))
    said.append(world.stops.begin(dice))
    for name in THEMES[theme] or dice.sample(list(EMERGENCIES), dice.choice((0, 1, 2, 3))):
        at_ms = 0 if name == "budget" and dice.random() < 0.7 else dice.choice((0, dice.randint(0, 1_800), 2_500))
        world.agenda.after(at_ms, lambda name=name: _strike(world, name, dice))  # type: ignore[misc]
    return "; ".join(said)


def _strike(world: World, name: str, dice: Random) -> None:
    if not world.is_calm:
        world.mark(f"emergency {name}")
        world.tell(f"trouble: {EMERGENCIES[name](world, dice)}")


def _clean_up(world: World, times: int) -> None:
    """The owner closes what is left of their own."""
    if world.stops.is_under_way or times <= 0:
        return
    _clean(world)
    ours = {m.coin for m in world.plan.config.markets}
    if any(coin not in ours for coin in held_at(world)):
        world.agenda.after(_CLEAN_EVERY_MS, lambda: _clean_up(world, times - 1))


def _clean(world: World) -> None:
    venue = world.exchange.venue
    ours = {m.coin for m in world.plan.config.markets}
    for twap in [t for t in venue.twaps.values() if t.user == world.plan.account]:
        _act(world, {"type": "twapCancel", "a": twap.asset, "t": twap.id})
    for order in list(venue.open_orders(world.plan.account)):
        if order.coin not in ours:
            _act(
                world, {"type": "cancel", "cancels": [{"a": venue.universe.by_coin[order.coin].asset, "o": order.oid}]}
            )
    for coin, szi in held_at(world).items():
        mid = venue.markets[coin].mid_px
        if coin in ours or mid is None:
            continue
        spec = venue.universe.by_coin[coin].spec
        px = round_price(mid * (1 + _REACH if szi < 0 else 1 - _REACH), szi < 0, spec.sz_decimals)
        world.stranger.send(spec, szi < 0, px, abs(szi), reduce_only=True, tif="Ioc")


def _budget(world: World, dice: Random) -> str:
    ms = dice.randint(8_000, 45_000)
    world.exchange.control({"do": "fault", "name": "rate_limited", "for_ms": ms}, world.agenda.now_ms)
    world.hinder(ms)
    return f"the budget is used up for {ms} ms"


def _halt(world: World, dice: Random) -> str:
    """A market where something is held trades no more for a while."""
    held = list(held_at(world)) or ["BTC"]
    coin, ms = dice.choice(held), dice.randint(1_000, 15_000)
    world.exchange.control({"do": "fault", "name": "halt", "coin": coin, "for_ms": ms}, world.agenda.now_ms)
    world.hinder(ms)
    return f"{coin} is halted for {ms} ms"


def _dex_down(world: World, dice: Random) -> str:
    dex, how, ms = dice.choice(("", "xyz", "test")), dice.choice(("500", "502", "silence")), dice.randint(2_000, 25_000)
    requests = dice.choice(([], ["clearinghouseState"], ["openOrders"], ["meta"], ["allMids"]))
    command = {"do": "fault", "name": "dex_reads_fail", "dex": dex, "answer": how, "for_ms": ms, "requests": requests}
    world.exchange.control(command, world.agenda.now_ms)
    world.hinder(ms)
    return f"{requests or 'questions'} about the dex {dex!r} fail with {how} for {ms} ms"


def _owner_again(world: World, dice: Random) -> str:
    return _owner_trades(world, dice)


def _empty(world: World, dice: Random) -> str:
    world.exchange.control({"do": "fault", "name": "empty_clearinghouse_once"}, world.agenda.now_ms)
    return "clearinghouseState will answer empty once"


EMERGENCIES: dict[str, Strike] = {
    "budget": _budget,
    "halt": _halt,
    "dex_down": _dex_down,
    "owner_again": _owner_again,
    "empty": _empty,
    "replies_lost": _fault("lose_reply", count=(1, 3)),
    "requests_lost": _fault("lose_request", count=(1, 3)),
    "late_reply": _fault("late_reply", ms=(500, 5_000), count=(1, 2)),
    "collapse": _fault("collapse_batch", level=("order", "action"), text=("Insufficient margin to place order.",)),
    "reject_all": _fault("reject_all", for_ms=(300, 4_000), level=("order", "action")),
    "duplicate_nonce": _fault("duplicate_nonce", count=(1, 3)),
    "stale_positions": _fault("stale_clearinghouse", ms=(300, 4_000)),
    "stale_orders": _fault("stale_open_orders", ms=(300, 4_000)),
    "odd_status": _fault("odd_status", text=("holdingPattern", "lunarCanceled")),
    "http_502": _fault("http_502", count=(1, 6), road=("both", "info", "exchange")),
    "http_429": _fault("http_429", count=(1, 3), road=("both", "info", "exchange")),
    "info_down": _fault("info_down", for_ms=(500, 6_000)),
    "storm": _fault("latency_storm", ms=(100, 2_500), for_ms=(1_000, 8_000)),
    "thin_book": _fault("thin_book", percent=(5, 60)),
}


THEMES: dict[str, tuple[str, ...]] = {
    "budget": ("budget", "halt"),
    "twap": ("dex_down", "replies_lost"),
    "budget later": ("budget", "http_502"),
    "lost": ("replies_lost", "requests_lost", "late_reply"),
    "lies": ("empty", "stale_positions", "stale_orders"),
    "refused": ("duplicate_nonce", "collapse", "reject_all"),
    "down": ("dex_down", "dex_down", "info_down"),
    "thin": ("thin_book", "odd_status", "halt"),
    "drawn": (),
}
"""What belongs together. A seed has two of them; nine seeds have all of them twice."""


def troubles(length_ms: int, dice: Random) -> tuple[Planned, ...]:
    """Two emergencies in a life, and the console's trading around them."""
    found = [Planned(at, "dislocate") for at in range(1_200, length_ms, dice.randint(3_000, 6_000))]
    found += [Planned(at, "go_on") for at in range(2_000, length_ms, 2_500)]
    found += [Planned(at, "emergency") for at in (dice.randint(4_000, 8_000), dice.randint(18_000, 24_000))]
    return tuple(sorted(found, key=lambda p: p.at_ms))


HANDS_OF_EMERGENCY: dict[str, Strike] = {"emergency": _emergency}
