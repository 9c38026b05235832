"""What the operator may ask of the engine. Every command carries an id; the audit trail answers it with that id.

`who` is the operator's name as the console knows it, `command_id` unique within the run.
"""

from __future__ import annotations

from msgspec import Struct

from core.model.cloid import Cloid
from core.model.market import MarketKey


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


class TripHardStop(Command, frozen=True, kw_only=True):
    """Latch now, cancel and flatten everything."""

    reason: str = "operator key"


class ResetHardStop(Command, frozen=True, kw_only=True):
    """Release the latch. Refused while anything is open or the connection is down, unless ``override``."""

    reason: str
    override: bool = False


class PauseEntries(Command, frozen=True, kw_only=True):
    paused: bool


class Shutdown(Command, frozen=True, kw_only=True):
    """Orderly stop: no entries, cancel our orders, flatten, confirm with the exchange, end."""

    reason: str


AnyCommand = (
    FlattenAll | FlattenMarket | CancelAll | CancelOrder | TripHardStop | ResetHardStop | PauseEntries | Shutdown
)
