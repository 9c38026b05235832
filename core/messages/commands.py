"""What the operator may ask of the engine. Every command carries an id; the audit trail answers it with that id.

`who` is the operator's name as the console knows it, `command_id` unique within the run.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import OrderSide, TimeInForce


class Command(Struct, frozen=True, tag=True, kw_only=True):
    command_id: str
    who: str = "operator"


class FlattenAll(Command, frozen=True, kw_only=True):
    """Close every position, reduce-only. Entries go on afterwards unless paused."""


class FlattenMarket(Command, frozen=True, kw_only=True):
    market: MarketKey


class CancelAll(Command, frozen=True, kw_only=True):
    """Cancel every open order of ours, queued ones included. Exits are left alone."""


class CancelOrder(Command, frozen=True, kw_only=True):
    cloid: Cloid


class CancelExternal(Command, frozen=True, kw_only=True):
    """Cancel one order that another program or hand has placed, by the exchange's own id: it may have no client id."""

    oid: int


class PlaceOrder(Command, frozen=True, kw_only=True):
    """One order by hand. Sizes and prices come as they were typed; the engine rounds and judges them (core.messages.ticket).

    Exactly one of ``size`` (in coin) and ``usd`` (size x limit price, at most), and exactly one of ``limit_px`` and ``slippage_bps`` (from
    the best price on the other side). ``cloid``: made by `cloid_by_hand`; without one the engine makes it.
    """

    market: MarketKey
    side: OrderSide
    size: Decimal | None = None
    usd: Decimal | None = None
    limit_px: Decimal | None = None
    slippage_bps: Decimal | None = None
    tif: TimeInForce = TimeInForce.IOC
    reduce_only: bool = False
    cloid: Cloid | None = None


class TripHardStop(Command, frozen=True, kw_only=True):
    """Latch now, cancel and flatten everything."""

    reason: str = "operator key"


class ResetHardStop(Command, frozen=True, kw_only=True):
    """Release the latch. Refused while anything is open or the connection is down, unless ``override``."""

    reason: str
    override: bool = False


class PauseEntries(Command, frozen=True, kw_only=True):
    paused: bool


class DecideCheckpoint(Command, frozen=True, kw_only=True):
    """Go on beyond a checkpoint that was reached, or stop there. Kept in the journal: it holds over restarts."""

    trades: int
    """Which one: a decision about another is refused."""
    go_on: bool
    reason: str


class StartTrading(Command, frozen=True, kw_only=True):
    """The operator's word, given before the engine was made. The audit trail keeps what it was given for."""

    text: str
    cancel_oids: tuple[int, ...] = ()
    """Orders of others that were found open, to be cancelled as soon as they are seen."""
    close_markets: tuple[MarketKey, ...] = ()
    """Markets with a position that was found open, to be closed as soon as it is seen."""


class Shutdown(Command, frozen=True, kw_only=True):
    """Orderly stop: no entries, cancel our orders, flatten, confirm with the exchange, end. A run by hand leaves everything open instead."""

    reason: str


AnyCommand = (
    FlattenAll
    | FlattenMarket
    | CancelAll
    | CancelOrder
    | CancelExternal
    | PlaceOrder
    | TripHardStop
    | ResetHardStop
    | PauseEntries
    | DecideCheckpoint
    | StartTrading
    | Shutdown
)
