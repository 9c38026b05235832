"""What the engine wants done. The loop performs them in order, the first before the second; none of them answers directly."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from msgspec import Struct

from core.messages.queries import Query
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import ActionBatch, OrderSide, OrderStatus
from core.model.position import Fill, FundingPayment, Trade
from core.model.signal import Signal


class _Effect(Struct, frozen=True, tag=True):
    pass


class Post(_Effect, frozen=True):
    """Build, sign and send one action. Answered by PostSent or PostNotSent, then PostReply, PostRefused or silence."""

    post_id: int
    nonce: int
    batch: ActionBatch
    expires_after_ms: int | None


class Repost(_Effect, frozen=True):
    """Send the very bytes that ``original_post_id`` signed once more, under a new post id. Only ever an exit or a cancel."""

    post_id: int
    original_post_id: int


class ForgetPost(_Effect, frozen=True):
    """The signed bytes of this post will not be needed again."""

    post_id: int


class Subscribe(_Effect, frozen=True):
    """Subscribe to the data of these markets (bbo, activeAssetCtx); they are known to exist. The account's channels come with the connection."""

    markets: tuple[MarketKey, ...]


class Ask(_Effect, frozen=True):
    """Read from the exchange."""

    query: Query


class Reconnect(_Effect, frozen=True):
    """The connection looks alive and is not: close it and connect again."""

    reason: str


class LatchState(Struct, frozen=True):
    """The HardStop latch as it is kept on disk. ``tripped_at_ms`` None: not tripped."""

    tripped_at_ms: int | None = None
    reason: str = ""


class PersistLatch(_Effect, frozen=True):
    """On disk before the next effect is performed."""

    latch: LatchState


class RunCounters(Struct, frozen=True):
    """What was counted of the run as a whole, for its limits and checkpoints. Closed trades are `RiskCounters.trades_total`."""

    opened: int = 0
    wins: int = 0
    pnl_usd: Decimal = Decimal(0)
    """Net of fees; no reset touches it."""
    accepted: int = 0
    rejected: int = 0
    timed_out: int = 0
    edge_bps_sum: Decimal = Decimal(0)
    slippage_bps_sum: Decimal = Decimal(0)
    slippages: int = 0
    """Trades whose slippage could be measured."""
    passed: int = 0
    """The highest checkpoint beyond which the operator let it go on."""
    stopped_at: int = 0
    """The checkpoint at which the operator decided to stop; 0: none."""
    others: int = 0
    """Closed trades that no signal opened: by hand, or somebody else's. They are in the PnL, and no step toward a checkpoint."""


class RiskCounters(Struct, frozen=True):
    """What the risk monitor has counted in this run, kept across restarts."""

    cumulative_pnl_usd: Decimal = Decimal(0)
    """What the trades came to, fees included."""
    consecutive_losses: int = 0
    flatten_failures: int = 0
    rejected_at_ms: tuple[int, ...] = ()
    """Times of the rejections of the last hour that count toward the limit."""
    slippage_in_a_row: int = 0
    trades_total: int = 0
    trades_today: int = 0
    day: int = 0
    """Days since 1970 (UTC) that ``trades_today`` belongs to."""
    run: RunCounters = RunCounters()
    funding_usd: Decimal = Decimal(0)
    """Received (positive) or paid on top of what the trades came to; the limit of the loss is for both together."""


class PersistCounters(_Effect, frozen=True):
    counters: RiskCounters


class Severity(Enum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Alert(_Effect, frozen=True):
    """Tell the operator off screen too."""

    severity: Severity
    title: str
    body: str


# --- journal rows: one Journal effect each -----------------------------------------------------------------------------


class SignalRow(Struct, frozen=True, tag=True):
    signal: Signal
    verdict: str
    """``accepted`` or the denial's reason verbatim."""


class OrderRow(Struct, frozen=True, tag=True):
    """An order changed its state."""

    cloid: Cloid
    market: MarketKey
    status: OrderStatus
    oid: int | None
    side: str
    price: Decimal
    size: Decimal
    filled_size: Decimal
    reduce_only: bool
    purpose: str
    reason: str
    correlation_id: str


class PostRow(Struct, frozen=True, tag=True):
    """A post was opened or closed. ``outcome`` is ``opened`` or how it ended."""

    post_id: int
    nonce: int
    kind: str
    count: int
    outcome: str
    cloids: tuple[Cloid, ...] = ()
    """What an opened one carries: the link from a post to its orders, and so to their correlation ids."""


class FillRow(Struct, frozen=True, tag=True):
    fill: Fill
    correlation_id: str


class TradeRow(Struct, frozen=True, tag=True):
    trade: Trade


class EdgeRow(Struct, frozen=True, tag=True):
    """The market of an entry, ``after_ms`` after its first fill: whether what the signal saw was still there.

    ``edge_bps`` is oracle against the touch on the entry's side, before costs, as the detector sees it. None: no fresh data then.
    """

    correlation_id: str
    market: MarketKey
    side: OrderSide
    after_ms: int
    """0, 1000, 3000 or 5000, as asked for."""
    late_ms: int
    """How much later than that it was taken."""
    oracle_px: Decimal | None
    bid_px: Decimal | None
    ask_px: Decimal | None
    edge_bps: Decimal | None


class FundingRow(Struct, frozen=True, tag=True):
    """A payment of funding of this account, once. ``usdc`` > 0 was received."""

    payment: FundingPayment


class AuditRow(Struct, frozen=True, tag=True):
    """An entry of the audit trail."""

    number: int
    severity: Severity
    kind: str
    text: str
    correlation_id: str
    command_id: str = ""
    """The operator's command that it answers; empty where none did."""


JournalRow = SignalRow | OrderRow | PostRow | FillRow | TradeRow | EdgeRow | FundingRow | AuditRow


class Journal(_Effect, frozen=True):
    row: JournalRow


class Finished(_Effect, frozen=True):
    """The engine is done: an orderly stop ended. ``confirmed`` says that the exchange itself reported flat and no order of ours."""

    confirmed: bool
    text: str


class Refuse(_Effect, frozen=True):
    """Start-up cannot go on: what the config pins is not what the exchange has. Nothing was traded."""

    reason: str


Effect = (
    Post
    | Repost
    | ForgetPost
    | Subscribe
    | Ask
    | Reconnect
    | PersistLatch
    | PersistCounters
    | Alert
    | Journal
    | Finished
    | Refuse
)
