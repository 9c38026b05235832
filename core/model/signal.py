"""An oracle dislocation worth taking: the book lags behind the oracle by more than it costs to trade.

SPEC 7 (Detector).
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from core.model.market import MarketKey
from core.model.order import OrderSide


class Signal(Struct, frozen=True):
    """What was seen, and the order it asks for. Price and size are rounded; the edge is judged on the rounded price.

    ``edge_bps`` is oracle against limit price, before costs; ``expected_edge_bps`` is what is left after the entry and exit fee.
    ``signal_id`` is the correlation id that the order, its fills and the trade keep.
    """

    signal_id: str
    market: MarketKey
    side: OrderSide
    at_ms: int
    oracle_px: Decimal
    touch_px: Decimal
    touch_sz: Decimal
    mid_px: Decimal
    price: Decimal
    size: Decimal
    edge_bps: Decimal
    fee_bps: Decimal
    """Taker fee of one side on this market, in bps."""
    expected_edge_bps: Decimal

    @property
    def notional_usd(self) -> Decimal:
        return self.price * self.size
