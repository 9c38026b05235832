"""TradeBook: from flat to flat on one market is a trade, and this is what it earned.

Gross PnL and fees are the exchange's own figures, taken off the fills, so that the sum agrees with it to the cent whatever happened to
sizes in between. It never decides when a position is flat; PositionTracker does.

SPEC 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from core.model.market import MarketKey
from core.model.order import OrderSide
from core.model.position import ExitReason, Fill, Trade
from core.model.signal import Signal

_BPS = Decimal(10_000)
_ZERO = Decimal(0)


class _OpenTrade:
    def __init__(self, side: OrderSide, entry_ms: int) -> None:
        self.side = side
        self.entry_ms = entry_ms
        self.entry_size = _ZERO
        self.entry_value = _ZERO
        self.exit_size = _ZERO
        self.exit_value = _ZERO
        self.gross = _ZERO
        self.fees = _ZERO
        self.last_ms = entry_ms
        self.signal: Signal | None = None
        self.opened_by = ""

    @property
    def id(self) -> str:
        return self.signal.signal_id if self.signal else self.opened_by


class TradeBook:
    def __init__(self) -> None:
        self._open: dict[MarketKey, _OpenTrade] = {}

    def on_fill(self, fill: Fill, signal: Signal | None, correlation_id: str = "") -> None:
        """Add a fill to the market's trade; the first one opens it. ``signal``: what its order was placed for, if for a signal."""
        trade = self._open.get(fill.market)
        if trade is None:
            trade = self._open[fill.market] = _OpenTrade(_side_held(fill), fill.time_ms)
            trade.opened_by = correlation_id if fill.side is trade.side else ""
        if fill.side is trade.side:
            trade.entry_size += fill.size
            trade.entry_value += fill.size * fill.price
        else:
            trade.exit_size += fill.size
            trade.exit_value += fill.size * fill.price
        trade.gross += fill.closed_pnl
        trade.fees += fill.fee
        trade.last_ms = fill.time_ms
        trade.signal = trade.signal or signal

    def rebuild(self, market: MarketKey, fills: Sequence[Fill], correlation_id: str = "") -> None:
        """All fills of the trade under way are known now, those of an earlier run too, and perhaps what it was opened for."""
        if fills:
            before = self._open.pop(market, None)
            for fill in fills:
                self.on_fill(fill, before.signal if before else None, correlation_id or (before.id if before else ""))

    def is_open(self, market: MarketKey) -> bool:
        return market in self._open

    def open_fees(self, market: MarketKey) -> Decimal:
        """Fees paid so far for the position now held."""
        trade = self._open.get(market)
        return trade.fees if trade else _ZERO

    def open_id(self, market: MarketKey) -> str:
        """The correlation id of what opened the position now held; empty when that is not known."""
        trade = self._open.get(market)
        return trade.id if trade else ""

    def close(
        self, market: MarketKey, reason: ExitReason, *, exit_started_ms: int | None, attempts: int, now_ms: int
    ) -> Trade | None:
        """The market is flat. None when no fill of the trade was ever seen."""
        trade = self._open.pop(market, None)
        if trade is None:
            return None
        # A side without fills of its own (position from before this run) is valued at the other side's price: no invented gain.
        entry = trade.entry_value / trade.entry_size if trade.entry_size else None
        exit_ = trade.exit_value / trade.exit_size if trade.exit_size else None
        entry_px, exit_px = entry or exit_, exit_ or entry
        assert entry_px is not None
        assert exit_px is not None
        return Trade(
            trade_id=trade.id,
            market=market,
            side=trade.side,
            size=max(trade.entry_size, trade.exit_size),
            entry_price=entry_px,
            exit_price=exit_px,
            entry_ms=trade.entry_ms,
            exit_ms=trade.last_ms,
            exit_reason=reason,
            gross_pnl_usd=trade.gross,
            fees_usd=trade.fees,
            expected_edge_bps=trade.signal.expected_edge_bps if trade.signal else None,
            actual_edge_bps=(exit_px - entry_px) / entry_px * _BPS * trade.side.sign,
            flat_time_ms=max(0, now_ms - exit_started_ms) if exit_started_ms is not None else 0,
            exit_attempts=attempts,
        )


def usd(amount: Decimal) -> str:
    """With its sign before the currency, as on the screen."""
    return f"{'-' if amount < 0 else '+'}${abs(amount):.4f}"


def _side_held(fill: Fill) -> OrderSide:
    """The side of the position that this first seen fill belongs to: it may be an exit of a position from before."""
    if fill.start_position == 0:
        return fill.side
    return OrderSide.BUY if fill.start_position > 0 else OrderSide.SELL
