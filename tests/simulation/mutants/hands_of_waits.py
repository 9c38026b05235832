"""Trials of what waits in the queue: `life.only "+waits"`. Answers get lost, so orders of ours wait behind them; and while one waits, what
let it in stops being true: the owner trades, prices run away, the operator stops, the line breaks, the budget ends.

A moment is waited for and not drawn, because a queue is empty most of the time. Decides nothing about what is red.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace
from mutants import generous
from mutants.hands_of_ticket import TROUBLES_OF_TICKET

from core.config import MarketConfig, SimConfig
from core.engine.machines import Machines
from core.messages.commands import CancelAll, FlattenAll, FlattenMarket, PauseEntries, PlaceOrder, TripHardStop
from core.model.cloid import cloid_by_hand
from core.model.order import OrderSide, OrderStatus, TimeInForce, TrackedOrder
from core.model.rounding import round_price, round_size
from core.sim.world.plan import MARKETS, START_MS, Plan, Planned
from core.sim.world.troubles import Strike
from core.sim.world.world import World

D = Decimal
_WAITS_FOR_MS, _LOOKS_EVERY_MS = 4_000, 10
_REACH = D("0.01")
_SLOW_MS = 9_000
"""Between two moments where an answer is waited for so long that an order by hand is too old after it."""
_EARLY_MS, _ONE_IN_MS = 20_000, 12_000
"""Used up: one action in ten seconds."""
_LEAST_USD, _MOST_USD, _NEARLY_USD = D(12), D("29.5"), D("0.3")
_LOST = ("lose_reply", "lose_request")


def _waiting(m: Machines) -> TrackedOrder | None:
    """An order that may open something and has not left yet."""
    return next((o for o in m.orders.unsettled() if o.status is OrderStatus.QUEUED and not o.reduce_only), None)


def _moment(world: World, dice: Random) -> str:
    """An answer gets lost, and when something waits behind it the rest happens."""
    until_ms = world.agenda.now_ms + _WAITS_FOR_MS
    name, by_hand = dice.choice(list(_MEANWHILE)), dice.random() < 0.6
    if not world.marks["budget ended"] and not any(world.exchange.faults.peek(f, world.agenda.now_ms) for f in _LOST):
        world.exchange.control({"do": "fault", "name": dice.choice(_LOST), "count": 1}, world.agenda.now_ms)

    def look() -> None:
        if world.is_calm or world.agenda.now_ms > until_ms:
            return
        nonlocal by_hand
        if by_hand and world.engine is not None and world.engine.machines.posts.open_ids():
            by_hand = not _placed_by_hand(world, dice)
        order = None if world.engine is None else _waiting(world.engine.machines)
        if order is None:
            world.agenda.after(_LOOKS_EVERY_MS, look)
            return
        world.mark(f"meanwhile {name}")
        world.tell(f"trouble: while an order for {order.market} waits: {name}")
        _MEANWHILE[name](world, order, dice)

    look()
    return f"an answer will be lost; and while something waits: {name}"


def _placed_by_hand(world: World, dice: Random) -> bool:
    """One by hand that every gate lets in, on a market where nothing is: as much as the limits allow."""
    assert world.engine is not None
    m = world.engine.machines
    idle = [k for k in m.markets_configured if m.positions.get(k) is None and not m.orders.is_busy(k)]
    usd = min(_MOST_USD, m.max_total_usd - m.total_exposure_usd() - _NEARLY_USD)
    if not idle or m.latch.tripped or m.stopping or usd < _LEAST_USD:
        return False
    market, side = dice.choice(idle), dice.choice(tuple(OrderSide))
    mid = world.exchange.venue.markets[market.name].mid_px
    if mid is None:
        return False
    number = 1 + world.marks["ticket"]
    world.mark("ticket")
    order = PlaceOrder(
        command_id=f"h{number}",
        market=market,
        side=side,
        size=None,
        usd=usd,
        limit_px=mid * (1 + side.sign * D("0.003")),
        slippage_bps=None,
        tif=dice.choice((TimeInForce.IOC, TimeInForce.GTC)),
        reduce_only=False,
        cloid=cloid_by_hand(m.run.cloid_space, number),
    )
    world.give(order)
    return True


def _owner(world: World, order: TrackedOrder, dice: Random) -> None:
    """The owner opens a position there, to the other side: with the order it is no more than the order alone would be."""
    _trade(world, order.market.name, order.side.value == "sell", D(dice.choice((12, 20))))


def _trade(world: World, coin: str, is_buy: bool, usd: Decimal) -> None:
    spec, mid = world.exchange.venue.universe.by_coin[coin].spec, world.exchange.venue.markets[coin].mid_px
    limits = world.plan.config.execution
    if mid is None or limits.max_notional_total < 4 * limits.max_notional_per_market:
        return
    px = round_price(mid * (1 + _REACH if is_buy else 1 - _REACH), is_buy, spec.sz_decimals)
    size = round_size(usd / mid, spec.sz_decimals)
    if size:
        world.stranger.send(spec, is_buy, px, size, reduce_only=False, tif="Ioc")


def _gap(world: World, order: TrackedOrder, dice: Random) -> None:
    bps = dice.choice((-600, 300, 600))
    for coin in (m.coin for m in world.plan.config.markets):
        world.exchange.control({"do": "fault", "name": "price_gap", "coin": coin, "bps": bps}, world.agenda.now_ms)


def _say(world: World, order: TrackedOrder, dice: Random) -> None:
    world.mark("waits said")
    name = f"w{world.marks['waits said']}"
    said = (
        FlattenMarket(command_id=name, market=order.market),
        FlattenAll(command_id=name),
        CancelAll(command_id=name),
        PauseEntries(command_id=name, paused=True),
        TripHardStop(command_id=name),
    )
    world.give(dice.choice(said))


def _trip(world: World, order: TrackedOrder, dice: Random) -> None:
    world.operator.trip()


def _unseen(world: World, order: TrackedOrder, dice: Random) -> None:
    """The owner trades on another market, and we learn of it from a size that is not ours."""
    world.exchange.control({"do": "fault", "name": "skip_fill_frame", "count": 1}, world.agenda.now_ms)
    others = [m.coin for m in world.plan.config.markets if m.coin != order.market.name]
    _trade(world, dice.choice(others), dice.random() < 0.5, D(12))


def _stop(world: World, order: TrackedOrder, dice: Random) -> None:
    world.operator.shut_down()


def _cut(world: World, order: TrackedOrder, dice: Random) -> None:
    world.road.cut()


def _used_up(world: World, order: TrackedOrder, dice: Random) -> None:
    """Once, and early: from then on no answer is lost, or an exit that is let through once in ten seconds would be late."""
    if world.marks["budget ended"] or world.agenda.now_ms > START_MS + _EARLY_MS:
        return
    ms = dice.randint(2_000, 8_000)
    world.mark("budget ended")
    world.exchange.control({"do": "clear_faults"}, world.agenda.now_ms)
    world.exchange.control({"do": "fault", "name": "rate_limited", "for_ms": ms}, world.agenda.now_ms)
    world.hinder(ms + _ONE_IN_MS)


_MEANWHILE: dict[str, Any] = {
    "the owner trades": _owner,
    "the owner trades too": _owner,
    "prices run away": _gap,
    "prices run on": _gap,
    "a hard stop": _trip,
    "the owner trades unseen": _unseen,
    "the operator says something": _say,
    "an orderly stop": _stop,
    "the line breaks": _cut,
    "the budget ends": _used_up,
}

TROUBLES_OF_WAITS: dict[str, Strike] = {"waits_moment": _moment, **TROUBLES_OF_TICKET}


def waits(plan: Plan, length_ms: int, dice: Random) -> Plan:
    is_slow = dice.random() < 0.25
    found = [Planned(at, "dislocate") for at in range(1_200, length_ms, dice.choice((500, 900)))]
    found += [Planned(at, "go_on") for at in range(2_000, length_ms, 700)]
    found += [
        Planned(at, "waits_moment")
        for at in range(2_500, length_ms, _SLOW_MS if is_slow else dice.choice((1_500, 3_000)))
    ]
    if by_hand := dice.choice((0, 300, 900)):
        found += [Planned(at, "ticket_order") for at in range(1_700, length_ms, by_hand)]
    return replace(plan, config=_config(plan, dice, is_slow), troubles=tuple(sorted(found, key=lambda p: p.at_ms)))


def _config(plan: Plan, dice: Random, is_slow: bool) -> Any:
    config = plan.config
    coins = dice.sample(MARKETS, dice.choice((2, 4, 4)))
    per_market = D(50)
    batch = dice.choice((1, 50))
    execution = replace(
        config.execution,
        size_alpha=D(1),
        max_notional_per_market=per_market,
        max_notional_total=per_market * D(dice.choice((1, "1.2", 4))),
        time_stop_ms=dice.choice((1_000, 4_000, 15_000)),
        reduce_only_timeout_ms=30_000,
        inflight_limit=dice.choice((2, 3)),
        inflight_high_watermark=1,
        cancel_queue_cap=200,
        reduce_only_queue_cap=500,
        new_order_queue_cap=dice.choice((2, 1_000)),
        batch_max_orders=batch,
        batch_max_cancels=batch,
        tick_interval_ms=dice.choice((100, 250, 500)),
        post_timeout_ms=6_000 if is_slow else dice.choice((1_000, 2_000)),
        min_edge_bps=D(0),
        slippage_bps=D(5),
    )
    forgiving = replace(
        config.risk,
        **generous.RISK,
        position_sync_ms=1_000,
    )
    safety = replace(
        config.safety,
        **generous.DAY,
        allowed_markets=None,
        max_notional_usd=D(30),
    )
    return replace(
        config,
        markets=tuple(MarketConfig(c) for c in coins),
        execution=execution,
        risk=forgiving,
        safety=safety,
        sim=SimConfig(network="testnet"),
    )
