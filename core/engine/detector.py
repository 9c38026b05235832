"""Detector: the book lags behind the oracle by more than it costs to trade.

Buy when the best ask is at or below oracle x (1 - (fee + slippage + edge) / 1e4), sell when the best bid is at or above the mirror
image. It fires only when a touch or an oracle price came in, and the edge is judged on the price and size that would really be sent,
after rounding. It does not know positions, limits or the time of day; the gates do.

SPEC 7 (Detector).
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from core.config import ExecutionConfig
from core.engine.markets import MarketState
from core.model.order import OrderSide
from core.model.rounding import round_price, round_size

_BPS = Decimal(10_000)
_ZERO = Decimal(0)


class Dislocation(Struct, frozen=True):
    """What an entry would be. ``size`` may be zero: too small to send, which the size gate says."""

    side: OrderSide
    touch_px: Decimal
    touch_sz: Decimal
    price: Decimal
    size: Decimal
    edge_bps: Decimal
    fee_bps: Decimal

    @property
    def expected_edge_bps(self) -> Decimal:
        """After both fees; the exit is assumed at the oracle."""
        return self.edge_bps - 2 * self.fee_bps


class Detector:
    def __init__(self, execution: ExecutionConfig, notional_cap_usd: Decimal) -> None:
        self._execution = execution
        self._cap = notional_cap_usd

    def threshold_bps(self, fee_bps: Decimal, min_edge_bps: Decimal) -> Decimal:
        return fee_bps + self._execution.slippage_bps + min_edge_bps

    def check(
        self, state: MarketState, fee_bps: Decimal, min_edge_bps: Decimal, size_factor: Decimal = Decimal(1)
    ) -> Dislocation | None:
        """Look at one market.

        Args:
            fee_bps: Taker fee of one side on this market.
            min_edge_bps: Edge asked for beyond fee and slippage.
            size_factor: What the market gates leave of the size.
        """
        side = self.side_of(state, fee_bps, min_edge_bps)
        return None if side is None else self.size_up(state, side, fee_bps, min_edge_bps, size_factor)

    def side_of(self, state: MarketState, fee_bps: Decimal, min_edge_bps: Decimal) -> OrderSide | None:
        """The first look, at the bare touch: mostly there is nothing to see."""
        threshold = self.threshold_bps(fee_bps, min_edge_bps)
        for side in (OrderSide.BUY, OrderSide.SELL):
            edge = state.edge_bps(side.is_buy)
            if edge is not None and edge >= threshold:
                return side
        return None

    def size_up(
        self, state: MarketState, side: OrderSide, fee_bps: Decimal, min_edge_bps: Decimal, size_factor: Decimal
    ) -> Dislocation | None:
        """What an entry on that side would be; None where rounding leaves no edge."""
        spec, oracle, mid = state.spec, state.oracle_px, state.mid_px
        touch_px = state.ask_px if side.is_buy else state.bid_px
        touch_sz = state.ask_sz if side.is_buy else state.bid_sz
        if spec is None or oracle is None or mid is None or touch_px is None or touch_sz is None:
            return None
        reach = touch_px * (1 + side.sign * self._execution.slippage_bps / _BPS)
        price = round_price(reach, side.is_buy, spec.sz_decimals)
        edge = side.sign * (oracle - price) / oracle * _BPS
        if edge < fee_bps + min_edge_bps:
            # Rounding took the edge away; at the bare touch it may still be there.
            price = round_price(touch_px, side.is_buy, spec.sz_decimals)
            edge = side.sign * (oracle - price) / oracle * _BPS
            if edge < fee_bps + min_edge_bps:
                return None
        return Dislocation(
            side=side,
            touch_px=touch_px,
            touch_sz=touch_sz,
            price=price,
            size=self._size(state, price, mid, touch_sz, size_factor, spec.sz_decimals),
            edge_bps=edge,
            fee_bps=fee_bps,
        )

    def would_be(self, state: MarketState, size_factor: Decimal) -> Dislocation:
        """An entry at the touch of the side that is nearer to a signal, had it the edge; of size zero where there is no book to take from."""
        buy, sell = state.edge_bps(True), state.edge_bps(False)
        side = OrderSide.SELL if buy is None or (sell is not None and sell > buy) else OrderSide.BUY
        touch_px = state.ask_px if side.is_buy else state.bid_px
        touch_sz = state.ask_sz if side.is_buy else state.bid_sz
        price, size, mid = touch_px or _ZERO, _ZERO, state.mid_px
        if state.spec is not None and mid is not None and touch_sz is not None:
            size = self._size(state, price, mid, touch_sz, size_factor, state.spec.sz_decimals)
        return Dislocation(side, price, touch_sz or _ZERO, price, size, state.edge_bps(side.is_buy) or _ZERO, _ZERO)

    def _size(
        self, state: MarketState, price: Decimal, mid: Decimal, touch_sz: Decimal, size_factor: Decimal, decimals: int
    ) -> Decimal:
        # The cap is measured like the exposure gate measures it (at mark), else a mark above mid would deny our own size.
        dearest = max(price, mid, state.mark_px or mid)
        size = min(self._execution.size_alpha * touch_sz * size_factor, self._cap / dearest)
        return round_size(size, decimals)
