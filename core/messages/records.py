"""What the console may ask the journal: rows newest first, everything of one correlation id, the report.

Called from worker threads, several at once, and each call may take a while: never from the console's own. Answers come from the disk, so
they lag behind the snapshot by a batch (0.1 s). The real one is core.runtime.journal_reader.JournalReader. Easy to get wrong: rows come
while one pages, so a page goes on from a row (`before`), never from a count.

SPEC 10, 11.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Protocol

from msgspec import Struct

from core.messages.effects import Severity
from core.messages.report import Report
from core.model.market import MarketKey
from core.model.order import OrderSide
from core.model.position import ExitReason


class RecordsError(Exception):
    """The journal cannot be read now; the text is one line for the operator."""


class RecordKind(Enum):
    ORDERS = "orders"
    FILLS = "fills"
    TRADES = "trades"
    SIGNALS = "signals"
    POSTS = "posts"
    EVENTS = "events"
    """The audit trail, and what the program itself did: runs, latch, config, journal."""


class Record(Struct, frozen=True, kw_only=True):
    """What every row has."""

    row: int
    """Grows with every row of its kind; where the next page begins."""
    run_id: int
    at_ms: int
    correlation_id: str


class OrderRecord(Record, frozen=True, kw_only=True):
    """An order as it was last heard of; its changes are in the chain."""

    cloid: str
    oid: int | None
    market: MarketKey
    side: OrderSide
    price: Decimal
    size: Decimal
    filled: Decimal
    reduce_only: bool
    purpose: str
    status: str
    reason: str
    created_ms: int
    """First row of it; ``at_ms`` is the last."""


class FillRecord(Record, frozen=True, kw_only=True):
    """``at_ms`` is the exchange's time of the fill."""

    market: MarketKey
    side: OrderSide
    price: Decimal
    size: Decimal
    fee_usd: Decimal
    closed_pnl_usd: Decimal
    direction: str
    crossed: bool
    oid: int
    tid: int
    cloid: str


class TradeRecord(Record, frozen=True, kw_only=True):
    """``at_ms`` is the time it was flat."""

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
    net_pnl_usd: Decimal
    expected_edge_bps: Decimal | None
    actual_edge_bps: Decimal
    slippage_bps: Decimal | None
    flat_time_ms: int
    exit_attempts: int


class SignalRecord(Record, frozen=True, kw_only=True):
    market: MarketKey
    side: OrderSide
    oracle_px: Decimal
    touch_px: Decimal
    touch_sz: Decimal
    mid_px: Decimal
    price: Decimal
    size: Decimal
    edge_bps: Decimal
    fee_bps: Decimal
    expected_edge_bps: Decimal
    accepted: bool
    verdict: str
    """``accepted``, or the denial verbatim."""


class PostRecord(Record, frozen=True, kw_only=True):
    """``at_ms`` is when it was opened."""

    post_id: int
    nonce: int
    kind: str
    count: int
    closed_ms: int | None
    """None: still open, or the run was killed."""
    outcome: str


class EventRecord(Record, frozen=True, kw_only=True):
    number: int | None
    """The audit trail's own number; None for what the program itself did."""
    severity: Severity
    kind: str
    text: str


AnyRecord = OrderRecord | FillRecord | TradeRecord | SignalRecord | PostRecord | EventRecord


class Page(Struct, frozen=True):
    """Rows newest first."""

    rows: tuple[AnyRecord, ...]
    next_before: int | None
    """Pass it as ``before`` for the rows that come after these; None at the end."""


class Step(Struct, frozen=True):
    """One thing that happened on the way of a signal, an order, a trade."""

    at_ms: int
    what: str
    """signal, order, post, fill, edge, trade, funding or event."""
    text: str
    record: AnyRecord | None = None
    """None where there is no row of its own kind, such as an order's change of state."""


class RecordsHandle(Protocol):
    """The journal, read only."""

    @property
    def source(self) -> str:
        """The file's path."""
        ...

    def page(
        self,
        kind: RecordKind,
        *,
        search: str = "",
        before: int | None = None,
        limit: int = 100,
        run_id: int | None = None,
    ) -> Page:
        """Rows of one kind, newest first.

        Args:
            search: Words that must all be in the row (market, side, status, reason, id ...), in any order and any case.
            before: Only rows older than this one (`Page.next_before` of the page before).
            limit: At most so many, 1 to 1000.
            run_id: Of one run alone; default all in the file.

        Raises:
            RecordsError: The file cannot be read.
        """
        ...

    def chain(self, correlation_id: str) -> tuple[Step, ...]:
        """Everything with this correlation id, oldest first; empty if nothing has it.

        Raises:
            RecordsError: The file cannot be read.
        """
        ...

    def report(self, day: date | None = None) -> Report:
        """What the trades were worth; with ``day``, of that UTC day alone, with its review.

        Raises:
            RecordsError: The file cannot be read.
        """
        ...
