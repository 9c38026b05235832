"""What an order is and how its life goes, as a table.

Every (status, report) pair is spelled out in `TRANSITIONS`; ``None`` means the report says nothing new (a duplicate, or a late echo).
Rules that are easy to get wrong: a terminal order is not yet settled (its fills may still be on the way, see `TrackedOrder.is_settled`),
and an order whose outcome is not known is UNKNOWN, which is neither dead nor alive.

SPEC 2, 6, 7. SPEC's *Pending* is split here in two, QUEUED (still ours alone) and IN_FLIGHT (handed to the socket).
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from msgspec import Struct

from core.model.cloid import Cloid
from core.model.market import MarketKey


class OrderSide(Enum):
    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> OrderSide:
        return OrderSide.SELL if self is OrderSide.BUY else OrderSide.BUY

    @property
    def is_buy(self) -> bool:
        return self is OrderSide.BUY

    @property
    def sign(self) -> int:
        return 1 if self is OrderSide.BUY else -1


class TimeInForce(Enum):
    """The values are the wire's."""

    IOC = "Ioc"
    GTC = "Gtc"
    ALO = "Alo"


class Purpose(Enum):
    """Why the order exists; shown beside it and kept with its fills."""

    ENTRY = "entry"
    EXIT = "exit"
    MANUAL = "manual"


class PendingOrder(Struct, frozen=True):
    """An order as it is queued and sent. Price and size are already rounded for its market."""

    cloid: Cloid
    market: MarketKey
    side: OrderSide
    price: Decimal
    size: Decimal
    reduce_only: bool
    tif: TimeInForce
    created_at_ms: int

    @property
    def is_exit(self) -> bool:
        """As `TrackedOrder.is_exit`."""
        return self.reduce_only and self.tif is TimeInForce.IOC


class PendingCancel(Struct, frozen=True):
    """A cancel of one order: by oid, or by cloid as long as the oid is not known. Exactly one of the two is set."""

    market: MarketKey
    oid: int | None = None
    cloid: Cloid | None = None

    def __post_init__(self) -> None:
        assert (self.oid is None) != (self.cloid is None), "a cancel names an oid or a cloid, not both"


class Orders(Struct, frozen=True, tag=True):
    """One action's worth of orders, reduce-only first."""

    orders: tuple[PendingOrder, ...]


class Cancels(Struct, frozen=True, tag=True):
    """One action's worth of cancels, all by oid or all by cloid: the two are different actions on the wire."""

    cancels: tuple[PendingCancel, ...]


ActionBatch = Orders | Cancels


class OrderStatus(Enum):
    QUEUED = "queued"
    IN_FLIGHT = "in flight"
    UNKNOWN = "unknown"
    OPEN = "open"
    PARTIAL_FILLED = "partly filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED})


class Report(Enum):
    """What can be said about an order. The first three are said by us, the rest by the exchange or by its silence."""

    POSTED = "posted"
    NOT_SENT = "not sent"
    DROPPED = "dropped"
    RESTING = "resting"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    LOST = "lost"


_S, _R = OrderStatus, Report
_SAID_BY_VENUE: dict[Report, OrderStatus | None] = {
    _R.RESTING: _S.OPEN,
    _R.PARTIAL: _S.PARTIAL_FILLED,
    _R.FILLED: _S.FILLED,
    _R.CANCELED: _S.CANCELED,
    _R.REJECTED: _S.REJECTED,
}
_NOTHING_NEW: dict[Report, OrderStatus | None] = dict.fromkeys(Report, None)

TRANSITIONS: dict[OrderStatus, dict[Report, OrderStatus | None]] = {
    # The venue may speak of an order that we hold as queued: a send that failed here and still arrived there.
    _S.QUEUED: {
        _R.POSTED: _S.IN_FLIGHT,
        _R.NOT_SENT: None,
        _R.DROPPED: _S.CANCELED,
        **_SAID_BY_VENUE,
        _R.LOST: None,
    },
    _S.IN_FLIGHT: {
        _R.POSTED: None,
        _R.NOT_SENT: _S.QUEUED,
        _R.DROPPED: _S.CANCELED,
        **_SAID_BY_VENUE,
        _R.LOST: _S.UNKNOWN,
    },
    # DROPPED: proven never executed (its time to arrive is over and nobody knows it).
    _S.UNKNOWN: {
        _R.POSTED: None,
        _R.NOT_SENT: None,
        _R.DROPPED: _S.CANCELED,
        **_SAID_BY_VENUE,
        _R.LOST: None,
    },
    _S.OPEN: {
        **_NOTHING_NEW,
        _R.PARTIAL: _S.PARTIAL_FILLED,
        _R.FILLED: _S.FILLED,
        _R.CANCELED: _S.CANCELED,
        _R.REJECTED: _S.REJECTED,
        _R.LOST: _S.UNKNOWN,
    },
    _S.PARTIAL_FILLED: {
        **_NOTHING_NEW,
        _R.FILLED: _S.FILLED,
        _R.CANCELED: _S.CANCELED,
        _R.REJECTED: _S.CANCELED,  # something was filled, so it cannot have been refused
        _R.LOST: _S.UNKNOWN,
    },
    # The first terminal word stands; late fills still count, they go by the fill, not by the status.
    _S.FILLED: dict(_NOTHING_NEW),
    _S.CANCELED: dict(_NOTHING_NEW),
    _S.REJECTED: dict(_NOTHING_NEW),
}


class TrackedOrder(Struct, frozen=True):
    """One order from the moment it was queued, or seen at the exchange, until it is settled.

    ``filled_size`` adds up the fills seen; ``venue_filled`` is what the exchange said it filled (None: not said yet).
    ``cloid`` is None only for a foreign order placed without one.
    """

    cloid: Cloid | None
    market: MarketKey
    side: OrderSide
    original_size: Decimal
    price: Decimal
    reduce_only: bool
    tif: TimeInForce | None
    purpose: Purpose
    status: OrderStatus
    created_at_ms: int
    updated_at_ms: int
    correlation_id: str = ""
    oid: int | None = None
    filled_size: Decimal = Decimal(0)
    venue_filled: Decimal | None = None
    reason: str = ""
    is_external: bool = False

    @property
    def is_settled(self) -> bool:
        """Terminal, and every fill that the exchange spoke of has been seen."""
        if not self.status.is_terminal:
            return False
        return self.venue_filled is None or self.filled_size >= self.venue_filled

    @property
    def unfilled(self) -> Decimal:
        return max(Decimal(0), self.original_size - self.filled_size)

    def as_pending(self) -> PendingOrder:
        """As it was queued and sent; an order of our own."""
        assert self.cloid is not None
        assert self.tif is not None
        return PendingOrder(
            self.cloid,
            self.market,
            self.side,
            self.price,
            self.original_size,
            self.reduce_only,
            self.tif,
            self.created_at_ms,
        )

    @property
    def is_resting(self) -> bool:
        """In the book until somebody ends it, with every fill seen that the exchange spoke of. An IOC never rests."""
        is_open = self.status in (OrderStatus.OPEN, OrderStatus.PARTIAL_FILLED)
        return is_open and self.tif is not TimeInForce.IOC and not self.misses_fills

    @property
    def may_rest(self) -> bool:
        """The exchange has spoken of it by its number, and it does not end by itself."""
        return self.oid is not None and self.tif is not TimeInForce.IOC

    @property
    def misses_fills(self) -> bool:
        """The exchange spoke of fills that have not been seen."""
        return self.venue_filled is not None and self.filled_size < self.venue_filled

    @property
    def is_exit(self) -> bool:
        """Can only make a position smaller, and ends by itself: nobody cancels it."""
        return self.reduce_only and self.tif is TimeInForce.IOC
