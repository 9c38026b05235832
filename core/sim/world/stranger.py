"""The account's owner, trading by other means than our program: orders that we have not placed. They rest far from the market."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from core.hyperliquid.actions import envelope
from core.model.rounding import round_price, round_size, wire_text
from core.sim.world.plan import START_MS
from core.sim.world.program import NO_SIGNATURE

if TYPE_CHECKING:
    from core.sim.world.world import World

_FAR = Decimal("0.7")
"""Of the mid: never filled."""
_USD = Decimal(15)


class Stranger:
    def __init__(self, world: World) -> None:
        self._world = world
        self._nonce = START_MS

    def place(self, dice: Random) -> str:
        """One order of theirs; answers what the venue said."""
        world = self._world
        coin = dice.choice(world.plan.config.markets).coin
        spec = world.exchange.venue.universe.by_coin[coin].spec
        mid = world.exchange.venue.markets[coin].mid_px
        if mid is None:
            return "nothing"
        self._nonce = max(self._nonce + 1, world.agenda.now_ms)
        px = round_price(mid * _FAR, False, spec.sz_decimals)
        order = {
            "a": spec.asset_id,
            "b": True,
            "p": wire_text(px),
            "s": wire_text(round_size(_USD / px, spec.sz_decimals)),
            "r": False,
            "t": {"limit": {"tif": "Gtc"}},
        }
        action = {"type": "order", "orders": [order], "grouping": "na"}
        taken = world.exchange.decode(envelope(action, self._nonce, NO_SIGNATURE, None, None))
        return f"an order of other means on {coin}: {world.submit(taken, signer=world.plan.account)}"
