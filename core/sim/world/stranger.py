"""The account's owner, trading by other means than our program: orders far from the market, and exits of positions that we hold.

Their exits make ours too large: the venue shrinks what is reduce-only, and refuses it when nothing is left to reduce.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from core.hyperliquid.actions import envelope
from core.model.market import MarketSpec
from core.model.rounding import round_price, round_size, wire_text
from core.sim.world.plan import START_MS
from core.sim.world.program import NO_SIGNATURE

if TYPE_CHECKING:
    from core.sim.world.world import World

_FAR = Decimal("0.7")
"""Of the mid: never filled."""
_REACH = Decimal("0.01")
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
        px = round_price(mid * _FAR, False, spec.sz_decimals)
        return self.send(spec, True, px, round_size(_USD / px, spec.sz_decimals), reduce_only=False, tif="Gtc")

    def close(self, dice: Random) -> str:
        """They close a part of a position, or all of it; answers what the venue said."""
        world = self._world
        held = [m.coin for m in world.plan.config.markets if self._szi(m.coin)]
        if not held:
            return "nothing"
        coin = dice.choice(held)
        spec = world.exchange.venue.universe.by_coin[coin].spec
        szi, mid = self._szi(coin), world.exchange.venue.markets[coin].mid_px
        size = round_size(abs(szi) * dice.choice((Decimal("0.3"), Decimal("0.6"), Decimal(1))), spec.sz_decimals)
        if mid is None or not size:
            return "nothing"
        is_buy = szi < 0
        px = round_price(mid * (1 + _REACH if is_buy else 1 - _REACH), is_buy, spec.sz_decimals)
        return self.send(spec, is_buy, px, size, reduce_only=True, tif="Ioc")

    def _szi(self, coin: str) -> Decimal:
        venue = self._world.exchange.venue
        return venue.accounts[self._world.plan.account].szi(venue.universe.by_coin[coin])

    def next_nonce(self) -> int:
        self._nonce = max(self._nonce + 1, self._world.agenda.now_ms)
        return self._nonce

    def send(self, spec: MarketSpec, is_buy: bool, px: Decimal, size: Decimal, *, reduce_only: bool, tif: str) -> str:
        world = self._world
        order = {
            "a": spec.asset_id,
            "b": is_buy,
            "p": wire_text(px),
            "s": wire_text(size),
            "r": reduce_only,
            "t": {"limit": {"tif": tif}},
        }
        action = {"type": "order", "orders": [order], "grouping": "na"}
        taken = world.exchange.decode(envelope(action, self.next_nonce(), NO_SIGNATURE, None, None))
        return f"an order of other means on {spec.market}: {world.submit(taken, signer=world.plan.account)}"
