"""What the analysis reads: plain values out of the journal, nothing worked out yet.

Rule that is easy to get wrong: an order counts once for each way it was counted while it lived. One that timed out and turned out to be
filled is a timeout and an acceptance, exactly as in the counters of the run.

SPEC 10.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from core.messages.effects import Severity
from core.model.market import MarketKey
from core.model.order import OrderSide
from core.model.position import FundingPayment, Trade
from core.model.signal import Signal


class RunFact(Struct, frozen=True):
    """One run of the program. Settings are None for a run whose config the journal does not have."""

    run_id: int
    started_ms: int
    ended_ms: int | None
    ended_clean: bool
    network: str = ""
    account: str = ""
    slippage_bps: Decimal | None = None
    time_stop_ms: int | None = None
    reduce_only_timeout_ms: int | None = None


class TradeFact(Struct, frozen=True):
    run_id: int
    trade: Trade
    signal_id: str
    """What opened it, also where the run that closed it did not know any more; empty if no signal did."""


class OrderFact(Struct, frozen=True):
    """One order, summed up from all that was said of it."""

    run_id: int
    cloid: str
    purpose: str
    created_ms: int
    at_ms: int
    """Last heard of."""
    accepted: bool
    rejected: bool
    timed_out: bool
    filled: bool


class EdgeFact(Struct, frozen=True):
    signal_id: str
    after_ms: int
    bid_px: Decimal | None
    ask_px: Decimal | None
    edge_bps: Decimal | None


class EventFact(Struct, frozen=True):
    at_ms: int
    severity: Severity
    kind: str
    text: str
    correlation_id: str = ""


class DeniedFact(Struct, frozen=True):
    """How many signals were denied on one UTC day of a run."""

    run_id: int
    day_ms: int
    """Its first moment."""
    count: int


class Facts(Struct, frozen=True):
    """All of a journal, each list oldest first."""

    source: str
    runs: tuple[RunFact, ...] = ()
    trades: tuple[TradeFact, ...] = ()
    orders: tuple[OrderFact, ...] = ()
    signals: tuple[Signal, ...] = ()
    """Accepted ones."""
    edges: tuple[EdgeFact, ...] = ()
    funding: tuple[FundingPayment, ...] = ()
    events: tuple[EventFact, ...] = ()
    """Warnings and worse, and the latch."""
    denied: tuple[DeniedFact, ...] = ()
    notes: tuple[str, ...] = ()
    """What the journal cannot tell any more."""


def touch(edge: EdgeFact, side: OrderSide) -> Decimal | None:
    """What an entry on that side would have paid."""
    return edge.ask_px if side.is_buy else edge.bid_px


def paid_between(funding: tuple[FundingPayment, ...], market: MarketKey, after_ms: int, until_ms: int) -> Decimal:
    return sum((p.usdc for p in funding if p.market == market and after_ms < p.time_ms <= until_ms), Decimal(0))
