"""The operator's orders by hand: every kind that the ticket has, most of them sensible, some a slip of the finger, one in ten sent twice.

They rest near the market, so that some are filled while nobody looks. Each bears an id of the operator's own (`cloid_by_hand`), by which whoever
judges tells them from the engine's.

SPEC 11 (order ticket).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from core.messages.commands import CancelAll, PlaceOrder
from core.model.cloid import cloid_by_hand
from core.model.order import OrderSide, TimeInForce
from core.model.rounding import wire_text

if TYPE_CHECKING:
    from core.sim.world.world import World

_BPS = Decimal(10_000)
_MOST_AWAY_BPS = 150
"""A resting order that is filled is worth about what it was when it was placed."""


class Hands:
    def __init__(self, world: World, next_id: Callable[[], str]) -> None:
        self._world = world
        self._next_id = next_id
        self._life = 0
        self._count = 0

    def place(self, dice: Random) -> str:
        """One order, or the same one twice; answers what was asked for."""
        world = self._world
        engine = world.engine
        if engine is None:
            return "nobody to give an order to"
        if self._life != world.life:
            self._life, self._count = world.life, 0  # a run counts its own
        self._count += 1
        market = dice.choice(world.plan.config.markets).key
        mid = world.exchange.venue.markets[market.name].mid_px
        szi = self._szi(market.name)
        side, usd = dice.choice(tuple(OrderSide)), Decimal(dice.choice((11, 12, 14, dice.randint(5, 60))))
        tif, away = dice.choice(tuple(TimeInForce)), Decimal(dice.randint(-20, _MOST_AWAY_BPS))
        reduces, slips, twice = dice.random() < 0.3, dice.random() < 0.1, dice.random() < 0.1
        share, bps = dice.choice((Decimal("0.5"), Decimal(1), Decimal(3))), Decimal(dice.randint(0, 80))
        if mid is None:
            return "nobody would place an order without a book"
        reduces = reduces and (bool(szi) or slips)
        if reduces and szi:
            side = OrderSide.SELL if szi > 0 else OrderSide.BUY
        by_slippage = tif is TimeInForce.IOC and not slips
        order = PlaceOrder(
            command_id=self._next_id(),
            market=market,
            side=side,
            size=abs(szi) * share if reduces and szi else None,
            usd=None if reduces and szi else usd,
            limit_px=None if by_slippage else mid * (1 - side.sign * away / _BPS),
            slippage_bps=bps if by_slippage or slips else None,
            tif=tif,
            reduce_only=reduces,
            cloid=cloid_by_hand(engine.machines.run.cloid_space, self._count),
        )
        world.give(order)
        if twice:
            world.give(order)
        size = f"${usd}" if order.size is None else wire_text(order.size)
        only = " reduce-only" if reduces else ""
        return f"an order by hand{', twice' if twice else ''}: {side.value} {size} {market} {tif.value}{only}"

    def cancel_all(self) -> None:
        self._world.give(CancelAll(command_id=self._next_id()))

    def _szi(self, coin: str) -> Decimal:
        venue = self._world.exchange.venue
        return venue.accounts[self._world.plan.account].szi(venue.universe.by_coin[coin])
