"""What the console sees: one immutable, numbered picture of the engine, replaced several times a second.

The console keeps no state of its own about trading; what is not in here is not on the screen. Times are engine time (`at_ms`), so a
countdown is drawn as deadline - at_ms, and a stale snapshot shows by its own age.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from msgspec import Struct
from msgspec.structs import force_setattr

from core.messages.alerts import AlertTarget
from core.messages.effects import Severity
from core.messages.ticket import OrderFacts, OrderLifeView
from core.model.cloid import Cloid, space_of_run
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus, TimeInForce
from core.model.position import Trade


class TradingState(Enum):
    """ACTIVE: entries possible. REDUCING: exits and cancels only. HALTED: not even those (observation, or no connection)."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class ConnectionPhase(Enum):
    CONNECTING = "connecting"
    SYNCING = "syncing"
    LIVE = "live"
    RECONNECTING = "reconnecting"


class RunInfo(Struct, frozen=True):
    """What does not change while the program runs."""

    network: str
    """mainnet, testnet or simulator."""
    mode: str
    """trading or observation."""
    account: str
    signer: str
    """Address of the signing key, empty without one. Never the key."""
    ws_url: str
    version: str
    run_id: int
    started_ms: int
    config_source: str
    tick_interval_ms: int
    time_stop_ms: int
    flatten_slippage_bps: Decimal = Decimal(100)
    """How far from mid the first attempt to close a position may go."""
    rules: str = ""
    """Whose rules apply: mainnet, testnet or simulator. Other than `network` only where our simulator rehearses one of the two; the console
    asks by this and shows that. Not said: the network's own."""
    by_hand: bool = False
    """This run places what the operator asks for and nothing else: no entries of its own, no time stop, and a lost connection stops nothing."""
    cloid_space: int = 0
    """What this run's order ids have and no other run's; drawn by the program. Not said: the run id's own, as in a world or an old tape."""

    def __post_init__(self) -> None:
        if not self.cloid_space:
            force_setattr(self, "cloid_space", space_of_run(self.run_id % (1 << 32)))  # of a broken file or wire too
        if not self.rules:
            force_setattr(self, "rules", self.network)


class ConnectionView(Struct, frozen=True):
    phase: ConnectionPhase
    since_ms: int
    epoch: int
    """How many times we connected in this run; 0 before the first."""
    reason: str
    """Why the last connection ended, empty if none did."""
    market_age_ms: int | None
    """Since the last message of market data."""
    account_age_ms: int | None
    """Since the exchange last told us anything about the account (a read or a message)."""
    clock_offset_ms: int | None
    order_latency_ms: int | None
    """Last post, sent to answered."""
    order_latency_p50_ms: int | None
    order_latency_max_ms: int | None
    order_latency_history: tuple[int, ...] = ()
    """Of the last posts, oldest first."""


class ReadyView(Struct, frozen=True):
    """The four conditions of READY-TRADING and, for those that fail, what is missing."""

    md_ready: bool
    order_snapshot: bool
    fills_snapshot: bool
    position_synced: bool
    missing: tuple[str, ...]
    positions_read: bool = False
    """What is held has been read on every dex, whether or not clock, fees and budget are known too."""

    @property
    def is_ready(self) -> bool:
        return self.md_ready and self.order_snapshot and self.fills_snapshot and self.position_synced

    @property
    def knows_positions(self) -> bool:
        return self.position_synced or self.positions_read

    @property
    def knows_what_is_open(self) -> bool:
        return self.knows_positions and self.order_snapshot


class InflightView(Struct, frozen=True):
    value: int
    limit: int
    high_watermark: int
    maximum: int
    """Highest value of this run."""
    history: tuple[int, ...]
    """Highest value of each of the last seconds, oldest first."""


class QueueView(Struct, frozen=True):
    name: str
    """cancel, reduce-only or new."""
    depth: int
    cap: int


class BudgetView(Struct, frozen=True):
    """The address budget of the exchange. ``limited``: one action per 10 s, exits first."""

    used: int | None
    cap: int | None
    limited: bool
    blocked_until_ms: int | None
    """The circuit breaker after failures in a row."""


class PositionView(Struct, frozen=True):
    market: MarketKey
    side: OrderSide
    size: Decimal
    entry_px: Decimal
    mark_px: Decimal | None
    notional_usd: Decimal | None
    upnl_usd: Decimal | None
    """At mark, net of the entry fee paid and the exit fee to come."""
    entry_ms: int
    time_stop_at_ms: int | None
    """When the TimeStop acts; None for a position that is not ours to stop."""
    exit_attempts: int
    exit_reason: str
    """Empty while nothing closes it."""
    exit_started_ms: int | None
    is_external: bool
    is_suspect: bool
    """The exchange's last answer did not have it; waiting for a second one."""


class OrderView(Struct, frozen=True):
    cloid: Cloid | None
    oid: int | None
    market: MarketKey
    side: OrderSide
    price: Decimal
    size: Decimal
    filled: Decimal
    tif: TimeInForce | None
    reduce_only: bool
    status: OrderStatus
    purpose: str
    reason: str
    created_ms: int
    updated_ms: int
    is_external: bool
    is_settled: bool


class FillView(Struct, frozen=True):
    time_ms: int
    market: MarketKey
    side: OrderSide
    price: Decimal
    size: Decimal
    fee_usd: Decimal
    closed_pnl_usd: Decimal
    direction: str
    oid: int
    tid: int
    cloid: str | None
    is_external: bool


class MarketView(Struct, frozen=True):
    market: MarketKey
    asset_id: int | None
    index: int | None
    oracle_px: Decimal | None
    mark_px: Decimal | None
    bid_px: Decimal | None
    ask_px: Decimal | None
    bid_sz: Decimal | None
    ask_sz: Decimal | None
    buy_edge_bps: Decimal | None
    """Oracle above the best ask, before costs; positive means a dislocation to buy."""
    sell_edge_bps: Decimal | None
    threshold_bps: Decimal | None
    """Edge at which a signal fires: fee + slippage + edge asked for."""
    fee_bps: Decimal | None
    spread_bps: Decimal | None
    bbo_age_ms: int | None
    ctx_age_ms: int | None
    gate: str
    """Why no entry would pass now, verbatim; empty when one would."""
    last_denial: str
    last_denial_ms: int | None
    left_out: bool
    """No data for this market: it is left out and does not hold up the others."""
    edge_history: tuple[Decimal, ...]
    """The larger of the two edges, one value a second, oldest first."""
    facts: OrderFacts | None = None
    """What an order by hand on this market is judged by."""


class HardStopView(Struct, frozen=True):
    tripped: bool
    reason: str
    at_ms: int | None
    orders_left: int
    positions_left: int
    reset_refusal: str
    """Why a reset would be refused now; empty if it would be accepted."""


class RiskCounterView(Struct, frozen=True):
    """One counter against its limit. The limit itself is still allowed; beyond it the latch trips."""

    name: str
    value: Decimal
    limit: Decimal
    unit: str
    """USD, or empty for a plain count."""
    enforced: bool
    """False: shown, but does not stop on this network."""


class CheckpointView(Struct, frozen=True):
    """The run against its limit and checkpoints, restarts included. None in the snapshot when it has neither."""

    reached: int | None
    """The checkpoint that waits for the operator's decision (`DecideCheckpoint`), or at which it was to stop."""
    is_stopped: bool
    """It was decided to stop there."""
    next: int | None
    """The first checkpoint that was not gone beyond; None when there is none left."""
    max_trades: int | None
    opened: int
    trades: int
    """Closed."""
    wins: int
    pnl_usd: Decimal
    """Net of fees."""
    fill_rate: Decimal | None
    """Orders accepted of those accepted, rejected or timed out."""
    edge_bps: Decimal | None
    """Mean of what the trades made, before fees."""
    slippage_bps: Decimal | None
    """Mean of what was expected less what was made, of the trades that allow it."""


class TallyView(Struct, frozen=True):
    """Totals of this run."""

    posts_sent: int
    posts_completed: int
    orders_accepted: int
    orders_rejected: int
    orders_timed_out: int
    send_failures: int
    signals: int
    entries: int
    fills: int
    flattens: int
    worst_flat_time_ms: int | None
    denied: tuple[tuple[str, int], ...]
    """Gate -> how many signals it refused, in gate order."""
    market_explained_rejections: int
    """Shown, but not counted toward the limit per hour."""
    errors: int
    """Frames not understood, reads failed."""
    orders_by_hand: int = 0
    orders_by_hand_denied: int = 0


class PnlView(Struct, frozen=True):
    realized_usd: Decimal
    """Of this run, after fees."""
    fees_usd: Decimal
    unrealized_usd: Decimal
    account_value_usd: Decimal | None
    exposure_usd: Decimal
    exposure_limit_usd: Decimal
    trades: int
    wins: int
    history: tuple[Decimal, ...]
    """Realized PnL after each trade, oldest first."""
    funding_usd: Decimal = Decimal(0)
    """Received or paid in this run; in none of the other figures."""


class ShutdownView(Struct, frozen=True):
    """An orderly stop under way."""

    reason: str
    since_ms: int
    deadline_ms: int
    orders_left: int
    positions_left: int
    step: str


class AuditEntry(Struct, frozen=True):
    """One line of the audit trail. Numbers have no gaps: a gap on screen means lines were missed."""

    number: int
    at_ms: int
    severity: Severity
    kind: str
    text: str
    correlation_id: str
    command_id: str


class LoopStats(Struct, frozen=True):
    """Measured by the loop, not by the engine. Lateness of ticks over the last minute."""

    tick_late_p99_ms: float = 0.0
    tick_late_max_ms: float = 0.0
    inbox_depth: int = 0
    journal_backlog: int = 0
    gc_pause_max_ms: float = 0.0


class Snapshot(Struct, frozen=True):
    number: int
    at_ms: int
    run: RunInfo
    state: TradingState
    state_reason: str
    paused: bool
    connection: ConnectionView
    ready: ReadyView
    inflight: InflightView
    queues: tuple[QueueView, ...]
    budget: BudgetView
    positions: tuple[PositionView, ...]
    orders: tuple[OrderView, ...]
    """Live and unsettled, oldest first, then those ended last."""
    fills: tuple[FillView, ...]
    """Newest first."""
    trades: tuple[Trade, ...]
    """Newest first."""
    markets: tuple[MarketView, ...]
    hard_stop: HardStopView
    risk: tuple[RiskCounterView, ...]
    tally: TallyView
    pnl: PnlView
    audit: tuple[AuditEntry, ...]
    """Newest last."""
    shutdown: ShutdownView | None
    loop: LoopStats
    alerts: tuple[AlertTarget, ...] = ()
    """Where alerts go and how that fares; empty: nowhere."""
    lives: tuple[OrderLifeView, ...] = ()
    """Orders by hand, newest first, those that ended lately included."""
    engine_error: str = ""
    """The engine is dead; this is why."""
    finished: bool = False
    checkpoint: CheckpointView | None = None
    key_valid_until_ms: int | None = None
    """When the approval of the key ends, if the exchange says so."""
