"""Trials of orders by hand that live long and in great number: `life.only "+crumbs"`. A large one rests at the touch and somebody else trades
against it in crumbs, as small as the exchange takes; and dozens of small ones come and go after it.

Decides nothing about red.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace
from mutants import generous

from core.config import MarketConfig, SimConfig
from core.hyperliquid.actions import envelope
from core.messages.commands import PlaceOrder
from core.model.cloid import cloid_by_hand
from core.model.market import MarketKey
from core.model.order import OrderSide, TimeInForce
from core.model.rounding import round_price, round_size, wire_text
from core.sim.world.plan import MARKETS, Plan, Planned
from core.sim.world.program import NO_SIGNATURE
from core.sim.world.troubles import Strike
from core.sim.world.world import World

D = Decimal
_CRUMB_USD, _LARGE_USD, _SMALL_USD = D("10.5"), D(890), D(15)
_CRUMBS = 75
"""More than the steps of a life that are kept. No crumb is as large as the one before: what repeats is one step."""


def _place(world: World, market: MarketKey, side: OrderSide, usd: Decimal, px: Decimal, tif: TimeInForce) -> str:
    engine = world.engine
    if engine is None:
        return "nobody to give an order to"
    world.mark("crumbs")
    number = world.marks["crumbs"]
    order = PlaceOrder(
        command_id=f"c{number}",
        market=market,
        side=side,
        size=None,
        usd=usd,
        limit_px=px,
        slippage_bps=None,
        tif=tif,
        reduce_only=False,
        cloid=cloid_by_hand(engine.machines.run.cloid_space, number),
    )
    world.give(order)
    return f"an order by hand: {order}"


def _large(world: World, dice: Random) -> str:
    """A bid between the touches; from a moment later on somebody sells into it."""
    market = world.plan.config.markets[0].key
    mid = world.exchange.venue.markets[market.name].mid_px
    if mid is None:
        return "nothing"
    world.agenda.after(400, lambda: _sell_into_it(world, market, _CRUMBS))
    return _place(world, market, OrderSide.BUY, _LARGE_USD, mid, TimeInForce.GTC)


def _sell_into_it(world: World, market: MarketKey, left: int) -> None:
    resting = [o for o in world.exchange.venue.open_orders(world.plan.account) if o.coin == market.name]
    if not resting or not left or world.is_calm:
        return
    spec, order = world.exchange.venue.universe.by_coin[market.name].spec, resting[0]
    size = round_size(
        _CRUMB_USD * (1 + D(left % 5) / 20) / order.limit_px + 1 / D(10) ** spec.sz_decimals, spec.sz_decimals
    )
    px = round_price(order.limit_px, False, spec.sz_decimals)
    asked = {"a": spec.asset_id, "b": False, "p": wire_text(px), "s": wire_text(size), "r": False}
    item = {**asked, "t": {"limit": {"tif": "Ioc"}}}
    action: dict[str, Any] = {"type": "order", "orders": [item], "grouping": "na"}
    another = next(a for a in world.exchange.venue.accounts if a != world.plan.account)
    world.mark("crumb")
    nonce = world.agenda.now_ms + world.marks["crumb"]
    world.submit(world.exchange.decode(envelope(action, nonce, NO_SIGNATURE, None, None)), signer=another)
    world.agenda.after(150, lambda: _sell_into_it(world, market, left - 1))


def _small(world: World, dice: Random) -> str:
    """One that is taken or not, at once, on the other market."""
    market, side = world.plan.config.markets[1].key, dice.choice(tuple(OrderSide))
    mid = world.exchange.venue.markets[market.name].mid_px
    if mid is None:
        return "nothing"
    return _place(world, market, side, _SMALL_USD, mid * (1 - side.sign * D("0.01")), TimeInForce.IOC)


CRUMBS_TROUBLES: dict[str, Strike] = {"crumbs_large": _large, "crumbs_small": _small}


def crumbs(plan: Plan, length_ms: int, dice: Random) -> Plan:
    found = [Planned(3_000, "crumbs_large"), *(Planned(at, "crumbs_small") for at in range(4_000, length_ms, 500))]
    config = plan.config
    execution = replace(
        config.execution,
        max_notional_per_market=D(900),
        max_notional_total=D(2_000),
        time_stop_ms=60_000,
        tick_interval_ms=100,
        reduce_only_timeout_ms=30_000,
        inflight_limit=100,
        inflight_high_watermark=80,
        min_edge_bps=D(100),
        post_timeout_ms=8_000,
    )
    forgiving = replace(config.risk, **generous.RISK)
    safety = replace(
        config.safety,
        **generous.DAY,
        allowed_markets=None,
        max_notional_usd=D(900),
    )
    return replace(
        plan,
        config=replace(
            config,
            markets=tuple(MarketConfig(c) for c in dice.sample(MARKETS, 2)),
            execution=execution,
            risk=forgiving,
            safety=safety,
            sim=SimConfig(network="testnet"),
        ),
        troubles=tuple(found),
    )
