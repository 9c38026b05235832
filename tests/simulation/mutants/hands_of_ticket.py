"""Trials of orders by hand: what an operator can type, sensible or not, in a hurry, while markets, limits and the line misbehave.

    life.only "+ticket"   an order by hand every half second; queues, limits and clocks as tight as the ticket will meet them

Most orders are near what a limit allows, one in four is a slip: a market that is not ours, an id of somebody else's, a price from another
world, both prices or none, a size of nothing. Decides nothing about what is red.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace
from mutants import generous

from core.config import MarketConfig, SimConfig
from core.messages.commands import CancelAll, FlattenAll, FlattenMarket, PauseEntries, PlaceOrder, TripHardStop
from core.model.cloid import Cloid, cloid_by_hand
from core.model.market import MarketKey
from core.model.order import OrderSide, TimeInForce
from core.sim.world.plan import MARKETS, Plan, Planned
from core.sim.world.troubles import Strike, _fault
from core.sim.world.world import World

D = Decimal
_ELSEWHERE = MarketKey("", "SOL")
"""Listed, and not configured in any of these lives."""


def _order(world: World, dice: Random) -> str:
    """One order by hand, as large as somebody who knows the limits would make it."""
    engine = world.engine
    if engine is None:
        return "nobody to give an order to"
    market = dice.choice(world.plan.config.markets).key
    mid = world.exchange.venue.markets[market.name].mid_px or world.exchange.venue.markets[market.name].oracle_px
    szi = world.exchange.venue.accounts[world.plan.account].szi(world.exchange.venue.universe.by_coin[market.name])
    side, tif = dice.choice(tuple(OrderSide)), dice.choice((TimeInForce.IOC, *TimeInForce))
    reduces = dice.random() < (0.5 if szi else 0.1)
    if reduces and szi and dice.random() < 0.9:
        side = OrderSide.SELL if szi > 0 else OrderSide.BUY
    elif szi and dice.random() < 0.5:
        side = OrderSide.BUY if szi > 0 else OrderSide.SELL  # what adds to it
    away = D(dice.choice((-20, -5, 0, 5, 60, 150))) / 10_000
    usd = dice.choice((D(11), D(12), D("14.9"), D("19.9"), D("29.5"), D("49.5"), D(dice.randint(5, 60))))
    share = dice.choice((D("0.5"), D(1), D(1), D(3)))
    by_slippage = tif is TimeInForce.IOC and dice.random() < 0.6
    order = PlaceOrder(
        command_id=f"t{_count(world)}",
        market=market,
        side=side,
        size=abs(szi) * share if reduces and szi else None,
        usd=None if reduces and szi else usd,
        limit_px=None if by_slippage else mid * (1 - side.sign * away),
        slippage_bps=D(dice.choice((0, 5, 30, 80))) if by_slippage else None,
        tif=tif,
        reduce_only=reduces,
        cloid=cloid_by_hand(engine.machines.run.cloid_space, _count(world)),
    )
    if dice.random() < 0.25:
        order = _slip(order, mid, dice)
    world.give(order)
    if dice.random() < 0.1:
        world.give(order)
    return f"an order by hand: {order}"


def _slip(order: PlaceOrder, mid: Decimal, dice: Random) -> PlaceOrder:
    """The same order, but for a slip of the finger."""
    sign = order.side.sign
    return dice.choice(
        (
            replace(order, market=_ELSEWHERE),
            replace(order, cloid=Cloid("0x68697033" + "00" * 11 + "07")),
            replace(order, limit_px=None, slippage_bps=None),
            replace(order, limit_px=mid, slippage_bps=D(5)),
            replace(order, size=None, usd=None),
            replace(order, size=D("0.01"), usd=D(12)),
            replace(order, size=D(-1), usd=None),
            replace(order, limit_px=None, slippage_bps=D(2_500), tif=TimeInForce.IOC),
            replace(order, limit_px=mid * (D("2.1") if sign > 0 else D("0.02")), slippage_bps=None),
            replace(order, limit_px=mid * (D("0.02") if sign > 0 else D("2.1")), slippage_bps=None),
            replace(order, limit_px=mid * D("1.0000123"), slippage_bps=None),
        )
    )


def _count(world: World) -> int:
    """A number that no order of this life has had."""
    return 1 + world.marks["ticket"] + int(world.mark("ticket") is not None)


def _command(world: World, dice: Random) -> str:
    if world.engine is None:
        return "nobody to command"
    market = dice.choice(world.plan.config.markets).key
    name = f"k{_count(world)}"
    command = dice.choice(
        (
            FlattenMarket(command_id=name, market=market),
            FlattenMarket(command_id=name, market=market),
            FlattenAll(command_id=name),
            CancelAll(command_id=name),
            PauseEntries(command_id=name, paused=True),
            TripHardStop(command_id=name),
        )
    )
    world.give(command)
    return f"{type(command).__name__}"


def _both_at_once(world: World, dice: Random) -> str:
    """Orders of several hands in one moment: what one of them would have passed alone."""
    for _ in range(dice.randint(2, 4)):
        _order(world, dice)
    return "several orders by hand at once"


def _order_then_gap(world: World, dice: Random) -> str:
    """The price runs away while the order waits."""
    said = _order(world, dice)
    coin = dice.choice(world.plan.config.markets).coin
    bps = dice.choice((-400, -90, 90, 400, 900))
    world.exchange.control({"do": "fault", "name": "price_gap", "coin": coin, "bps": bps}, world.agenda.now_ms)
    return f"{said}; {coin} jumps by {bps} bps"


def _order_then_command(world: World, dice: Random) -> str:
    return f"{_order(world, dice)}; {_command(world, dice)}"


def _delist(world: World, dice: Random) -> str:
    """One market is taken off the list, and everybody goes on."""
    coin = dice.choice(world.plan.config.markets).coin
    if world.exchange.venue.universe.by_coin[coin].spec.is_delisted or len(world.plan.config.markets) < 2:
        return "nothing"
    changes = {"is_delisted": True}
    held = world.exchange.venue.accounts[world.plan.account].szi(world.exchange.venue.universe.by_coin[coin])
    if held or sum(world.exchange.venue.universe.by_coin[m.coin].spec.is_delisted for m in world.plan.config.markets):
        return "nothing"
    world.exchange.control(
        {"do": "fault", "name": "change_spec", "coin": coin, "changes": changes}, world.agenda.now_ms
    )
    return f"{coin} is taken off the list"


TROUBLES_OF_TICKET: dict[str, Strike] = {
    "ticket_order": _order,
    "ticket_command": _command,
    "ticket_several": _both_at_once,
    "ticket_gap": _order_then_gap,
    "ticket_then": _order_then_command,
    "ticket_delist": _delist,
    "ticket_used_up": _fault("rate_limited", for_ms=(3_000, 12_000)),
    "ticket_silence": _fault("lose_reply", count=(1, 3)),
}
_WEATHER = (
    "ticket_used_up",
    "ticket_silence",
    "ticket_delist",
    "one_sided",
    "silent_channels",
    "cut",
    "venue_closed",
    "change_spec",
    "crash",
    "short_halt",
    "thin_book",
    "spread_shock",
    "post_only",
    "reads_lost",
    "sends_fail",
)


def ticket(plan: Plan, length_ms: int, dice: Random) -> Plan:
    found = [Planned(at, "go_on") for at in range(2_000, length_ms, dice.choice((700, 1_500)))]
    if dice.random() < 0.5:
        found += [Planned(at, "dislocate") for at in range(1_200, length_ms, dice.randint(900, 2_500))]
    hands = ("ticket_order",) * 5 + ("ticket_several", "ticket_gap", "ticket_then", "ticket_command")
    at = 1_000
    while (at := at + dice.randint(50, 900)) < length_ms:
        found.append(Planned(at, dice.choice(hands)))
    weather, at = dice.sample(_WEATHER, dice.randint(1, 4)), 3_000
    while (at := at + dice.randint(500, 6_000)) < length_ms:
        found.append(Planned(at, dice.choice(weather)))
    return replace(plan, config=_config(plan, dice), troubles=tuple(sorted(found, key=lambda p: p.at_ms)))


_DELISTED = ("MATIC", "RNDR", "FTM", "xyz:URANIUM")
"""Coins that the exchange does not trade any more from the first day on."""


def delisted(plan: Plan, length_ms: int, dice: Random) -> Plan:
    """The same with a market among ours that was delisted long ago."""
    made = ticket(plan, length_ms, dice)
    gone = tuple(MarketConfig(c) for c in dice.sample(_DELISTED, dice.choice((1, 2))))
    markets = (*made.config.markets, *gone)
    safety = replace(made.config.safety, allowed_markets=None)
    calm = tuple(p for p in made.troubles if p.name not in _OF_A_TRADED_MARKET)
    return replace(made, config=replace(made.config, markets=markets, safety=safety), troubles=calm)


_OF_A_TRADED_MARKET = (
    "dislocate",
    "ticket_gap",
    "ticket_delist",
    "change_spec",
    "short_halt",
    "one_sided",
    "spread_shock",
)


def _config(plan: Plan, dice: Random) -> Any:
    config = plan.config
    coins = dice.sample(MARKETS, dice.choice((1, 2, 4)))
    per_market = D(dice.choice((50, 30, 20)))
    narrow = dice.random() < 0.5
    execution = replace(
        config.execution,
        size_alpha=D(1),
        max_notional_per_market=per_market,
        max_notional_total=per_market * D(dice.choice((1, "1.5", 4))),
        time_stop_ms=dice.choice((1_000, 4_000, 15_000)),
        reduce_only_timeout_ms=30_000,
        inflight_limit=dice.choice((1, 2)) if narrow else 100,
        inflight_high_watermark=1 if narrow else 80,
        cancel_queue_cap=200,
        reduce_only_queue_cap=dice.choice((1, 500)),
        new_order_queue_cap=dice.choice((1, 2)) if narrow else 1000,
        batch_max_orders=dice.choice((1, 50)),
        batch_max_cancels=50,
        tick_interval_ms=dice.choice((100, 250, 500)),
        post_timeout_ms=dice.choice((1_000, 8_000)),
        min_edge_bps=D(0),
        slippage_bps=D(5),
    )
    return replace(
        config,
        markets=tuple(MarketConfig(c) for c in coins),
        execution=execution,
        risk=replace(
            config.risk,
            **generous.RISK,
            position_sync_ms=1_000,
        ),
        safety=replace(
            config.safety,
            max_daily_trades=dice.choice((3, 8, 10_000)),
            auto_stop_loss_usd=D(10_000),
            allowed_markets=(coins[0],) if dice.random() < 0.3 else None,
            max_notional_usd=D(dice.choice((100, 20))),
        ),
        sim=SimConfig(network="testnet"),
    )
