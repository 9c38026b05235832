"""What we hold, and what made it so. A fill is counted once, by its key, however often it is shown to us.

SPEC 2, 6.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from msgspec import Struct

from core.model.market import MarketKey
from core.model.order import OrderSide

FillKey = tuple[int, str, int]
"""(time, coin, tid): the identity of a fill across snapshots, reconnects and restarts."""


class Fill(Struct, frozen=True):
    """One execution of an order of this account, as the exchange tells it. ``closed_pnl`` excludes the fee; ``fee`` < 0 is a rebate."""

    market: MarketKey
    side: OrderSide
    price: Decimal
    size: Decimal
    time_ms: int
    start_position: Decimal
    closed_pnl: Decimal
    fee: Decimal
    oid: int
    tid: int
    cloid: str | None = None
    crossed: bool = True
    direction: str = ""
    fee_token: str = "USDC"

    @property
    def key(self) -> FillKey:
        return (self.time_ms, self.market.name, self.tid)


class FundingPayment(Struct, frozen=True):
    """What a position paid (``usdc`` < 0) or received at a full hour. Time and market are its identity."""

    market: MarketKey
    time_ms: int
    usdc: Decimal
    signed_size: Decimal
    rate: Decimal


class Position(Struct, frozen=True):
    """An open position. ``size`` is never negative, the side says the direction."""

    market: MarketKey
    side: OrderSide
    size: Decimal
    entry_price: Decimal
    entry_timestamp_ms: int
    last_fill_timestamp_ms: int
    unrealized_pnl: Decimal = Decimal(0)

    @property
    def is_flat(self) -> bool:
        return self.size == 0

    @property
    def signed_size(self) -> Decimal:
        return self.size * self.side.sign

    def age_ms(self, now_ms: int) -> int:
        return max(0, now_ms - self.entry_timestamp_ms)


class ExitReason(Enum):
    """Why a position was closed, shown with every trade."""

    TIME_STOP = "time stop"
    OPERATOR = "operator"
    HARD_STOP = "hard stop"
    SHUTDOWN = "shutdown"
    EXTERNAL = "external"
    AWAY = "while away"
    """Its last fill came while no program was running."""


class Trade(Struct, frozen=True):
    """An entry and its exit: everything from flat to flat on one market. Money in USD, edges in bps."""

    trade_id: str
    """The correlation id of the order that opened it, which is that of its signal (s...), or of an order by hand (m...); empty when none of
    this run's did."""
    market: MarketKey
    side: OrderSide
    size: Decimal
    entry_price: Decimal
    exit_price: Decimal
    entry_ms: int
    exit_ms: int
    exit_reason: ExitReason
    gross_pnl_usd: Decimal
    fees_usd: Decimal
    expected_edge_bps: Decimal | None
    actual_edge_bps: Decimal
    flat_time_ms: int
    """From the decision to close until flat."""
    exit_attempts: int

    @property
    def is_by_signal(self) -> bool:
        """A signal of ours opened it: what the strategy is judged by."""
        return self.trade_id.startswith("s")

    @property
    def net_pnl_usd(self) -> Decimal:
        return self.gross_pnl_usd - self.fees_usd

    @property
    def slippage_bps(self) -> Decimal | None:
        return None if self.expected_edge_bps is None else self.expected_edge_bps - self.actual_edge_bps
