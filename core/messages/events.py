"""What the outside tells the engine. Facts only, already parsed; the loop stamps the time when it hands one over.

Rule that is easy to get wrong: a failed read is not an empty read, so failure is an event of its own (`ReadFailed`).
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from msgspec import Struct

from core.messages.alerts import AlertTarget
from core.messages.effects import Severity
from core.messages.queries import Query
from core.model.cloid import Cloid
from core.model.market import MarketKey, MarketSpec
from core.model.order import OrderSide, OrderStatus
from core.model.position import Fill, FundingPayment


class Event(Struct, frozen=True, tag=True):
    """Base of all events; the tag is the class name."""


class Tick(Event, frozen=True):
    """The scheduler's beat, one per tick interval."""


# --- connection ------------------------------------------------------------------------------------------------------


class Connected(Event, frozen=True):
    """The socket is open; nothing is subscribed yet. ``epoch`` counts connections of this run from 1."""

    epoch: int


class Disconnected(Event, frozen=True):
    """The socket is gone. Posts in flight will get no answer; the gateway is already trying again."""

    reason: str


class Subscribed(Event, frozen=True):
    """The exchange acknowledged a subscription. ``channel`` is its type, ``target`` the coin or user or empty."""

    channel: str
    target: str


class ChannelError(Event, frozen=True):
    """An error frame, or a frame that could not be parsed. Counted and shown, never fatal."""

    text: str


# --- market data -----------------------------------------------------------------------------------------------------


class Bbo(Event, frozen=True):
    """Best bid and offer; a missing side is None. ``from_book`` marks an answer to an l2Book request, which re-validates a quiet market."""

    market: MarketKey
    time_ms: int
    bid_px: Decimal | None
    bid_sz: Decimal | None
    ask_px: Decimal | None
    ask_sz: Decimal | None
    from_book: bool = False


class AssetCtx(Event, frozen=True):
    """Oracle, mark and open interest of a market. The channel carries no time of its own."""

    market: MarketKey
    oracle_px: Decimal
    mark_px: Decimal
    mid_px: Decimal | None
    open_interest: Decimal
    funding: Decimal


# --- account ---------------------------------------------------------------------------------------------------------


class OrderReport(Struct, frozen=True):
    """What the exchange says about one order, from orderUpdates, openOrders or orderStatus alike.

    ``status`` is ours, read off ``status_text``; UNKNOWN where the text is not understood. ``remaining`` is the unfilled size.
    """

    market: MarketKey
    oid: int
    cloid: str | None
    side: OrderSide
    limit_px: Decimal
    remaining: Decimal
    original_size: Decimal
    reduce_only: bool
    status: OrderStatus
    status_text: str
    status_time_ms: int
    placed_time_ms: int


class OrderUpdates(Event, frozen=True):
    """Live order updates, never a snapshot."""

    orders: tuple[OrderReport, ...]


class Fills(Event, frozen=True):
    """Executions, oldest first. A snapshot repeats fills already seen."""

    fills: tuple[Fill, ...]
    is_snapshot: bool


# --- answers to queries (queries.py) ----------------------------------------------------------------------------------


class ReadFailed(Event, frozen=True):
    """A query got no answer, or one that makes no sense. Nothing is known from it."""

    query: Query
    reason: str


class SpecsRead(Event, frozen=True):
    """The universe of one dex, delisted markets included."""

    dex: str
    specs: tuple[MarketSpec, ...]


class VenuePosition(Struct, frozen=True):
    """A position as clearinghouseState has it."""

    market: MarketKey
    signed_size: Decimal
    entry_price: Decimal
    position_value: Decimal
    unrealized_pnl: Decimal


class PositionsRead(Event, frozen=True):
    """Every position of the account on one dex, as of ``time_ms`` (the exchange's block time)."""

    dex: str
    time_ms: int
    positions: tuple[VenuePosition, ...]
    account_value: Decimal
    withdrawable: Decimal


class OpenOrdersRead(Event, frozen=True):
    """Every open order of the account on one dex."""

    dex: str
    orders: tuple[OrderReport, ...]


class OrderStatusRead(Event, frozen=True):
    """The answer to a look-up by cloid; None: the exchange does not know it (yet)."""

    cloid: Cloid
    report: OrderReport | None


class FillsRead(Event, frozen=True):
    """Fills since ``start_ms``, oldest first. ``complete`` is False when the answer was cut at its limit."""

    start_ms: int
    fills: tuple[Fill, ...]
    complete: bool


class FundingRead(Event, frozen=True):
    """Funding paid and received since ``start_ms``, oldest first."""

    start_ms: int
    payments: tuple[FundingPayment, ...]


class RateLimitRead(Event, frozen=True):
    """The address budget: actions used of actions allowed."""

    used: int
    cap: int
    cum_volume_usd: Decimal


class FeesRead(Event, frozen=True):
    """Base rates of the account as fractions (0.00045 = 4.5 bps), before the scale of a builder dex."""

    taker_rate: Decimal
    maker_rate: Decimal


class RoleRead(Event, frozen=True):
    """What an address is to the exchange: user, agent, subAccount, vault or missing. ``owner``: an agent's or sub-account's master."""

    address: str
    role: str
    owner: str = ""


class Agent(Struct, frozen=True):
    """A key that may sign for the account. ``valid_until_ms`` None: without an end."""

    name: str
    address: str
    valid_until_ms: int | None


class AgentsRead(Event, frozen=True):
    """The named agents of the account. One without a name is not listed anywhere."""

    agents: tuple[Agent, ...]


class ServerTimeRead(Event, frozen=True):
    """The exchange's state time, and our clock half way through the request."""

    server_ms: int
    local_ms: int


# --- posts -----------------------------------------------------------------------------------------------------------


class PostSigned(Event, frozen=True):
    """A post is built and signed; its bytes go to the socket next. ``action_hash`` is what was signed, as hex."""

    post_id: int
    action_hash: str


class PostSent(Event, frozen=True):
    """The bytes of a post are with the socket."""

    post_id: int


class PostNotSent(Event, frozen=True):
    """A post never left: no connection, or signing failed."""

    post_id: int
    reason: str


class Outcome(Enum):
    """What the exchange said of one order or cancel inside an action."""

    RESTING = "resting"
    FILLED = "filled"
    CANCELED = "canceled"
    ERROR = "error"
    WAITING = "waiting"
    """Accepted, not yet placed (trigger orders)."""
    UNREADABLE = "unreadable"


class OrderOutcome(Struct, frozen=True):
    """One element of ``statuses``. ``filled_size`` and ``avg_px`` go with FILLED, ``error`` with ERROR (its asset suffix kept)."""

    outcome: Outcome
    oid: int | None = None
    filled_size: Decimal | None = None
    avg_px: Decimal | None = None
    error: str = ""


class PostReply(Event, frozen=True):
    """The action was taken; one outcome per order or cancel. The length may differ from the batch (a batch collapsed to one error)."""

    post_id: int
    outcomes: tuple[OrderOutcome, ...]


class PostRefused(Event, frozen=True):
    """The whole action was refused: ``status: err``, or an error in place of an answer (``is_transport``), whose outcome is not certain."""

    post_id: int
    error: str
    is_transport: bool = False


# --- our own side ----------------------------------------------------------------------------------------------------


class OutsideFault(Event, frozen=True):
    """Something of ours broke: the journal cannot be written, a task died, the clock jumped. Always a HardStop."""

    what: str


class TimeJump(Event, frozen=True):
    """Our own time stood still or jumped (suspend, a stopped process): every age is suspect until fresh data came."""

    gap_ms: int


class Noticed(Event, frozen=True):
    """Something beside trading that the operator should read in the audit trail. Stops nothing."""

    severity: Severity
    kind: str
    text: str


class AlertsChanged(Event, frozen=True):
    """How the alerts fare, target by target. What is worth a line in the audit trail comes as a `Noticed`."""

    targets: tuple[AlertTarget, ...]


AnyEvent = (
    Tick
    | Connected
    | Disconnected
    | Subscribed
    | ChannelError
    | Bbo
    | AssetCtx
    | OrderUpdates
    | Fills
    | ReadFailed
    | SpecsRead
    | PositionsRead
    | OpenOrdersRead
    | OrderStatusRead
    | FillsRead
    | FundingRead
    | RateLimitRead
    | FeesRead
    | RoleRead
    | AgentsRead
    | ServerTimeRead
    | PostSigned
    | PostSent
    | PostNotSent
    | PostReply
    | PostRefused
    | OutsideFault
    | TimeJump
    | Noticed
    | AlertsChanged
)
