"""All machines of one engine in one place, and the list of effects that one message produces.

The rooms of the engine (session, account, entries, exits, posting, stopping) get this and nothing else; each machine itself knows no other. It
holds no rule of its own beyond sums over machines (exposure, "may we trade").
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from core.config import Config
from core.engine.asking import Asker
from core.engine.audit import AuditTrail
from core.engine.budget import ActionBudget
from core.engine.cancels import CancelDesk
from core.engine.detector import Detector
from core.engine.edge_watch import EdgeWatch
from core.engine.flatten import Flattener
from core.engine.gates import Gate
from core.engine.hard_stop import HardStopLatch
from core.engine.key_watch import KeyWatch
from core.engine.lives import OrderLives
from core.engine.lookups import LookupDesk
from core.engine.market_gates import MarketGates
from core.engine.markets import MarketStateCache
from core.engine.nonces import NonceManager
from core.engine.orders import Change, OrderTable
from core.engine.positions import PositionTracker
from core.engine.posts import PostRequestManager
from core.engine.readiness import TradingReadyChecker
from core.engine.risk_monitor import RiskMonitor
from core.engine.scheduler import BatchScheduler
from core.engine.time_stop import TimeStop
from core.engine.trades import TradeBook
from core.messages.alerts import AlertTarget
from core.messages.effects import Alert, Effect, Journal, OrderRow, PersistCounters, Severity
from core.messages.queries import Query
from core.messages.recovered import Recovered
from core.messages.snapshot import ConnectionPhase, FillView, RunInfo
from core.model.cloid import CloidMaker
from core.model.market import MarketKey, MarketSpec
from core.model.order import TrackedOrder
from core.model.position import Fill, Trade
from core.model.signal import Signal

BPS = Decimal(10_000)
BASE_TAKER_RATE = Decimal("0.00045")
"""Perp tier 0, until the account's own rate is read; no entry leaves before that."""
BASE_MAKER_RATE = Decimal("0.00015")
FILL_MARGIN_MS = 20_000
"""A question for fills reaches back this much further than needed. Our clock may be 5 s off before trading is refused, and a step of it is
noticed with the next reading of the exchange's: until then it can be further off."""


class EngineClock:
    """The time the loop stamped on the message under work."""

    def __init__(self, now_ms: int) -> None:
        self.now = now_ms

    def now_ms(self) -> int:
        return self.now


class Tally:
    """Totals of the run; posts are counted by PostRequestManager."""

    def __init__(self) -> None:
        self.accepted = 0
        self.rejected = 0
        self.timed_out = 0
        self.send_failures = 0
        self.signals = 0
        self.entries = 0
        self.fills = 0
        self.flattens = 0
        self.worst_flat_ms: int | None = None
        self.denied: dict[Gate, int] = dict.fromkeys(Gate, 0)
        self.by_hand = 0
        self.by_hand_denied = 0
        self.market_explained = 0
        self.errors = 0
        self.realized = Decimal(0)
        self.fees = Decimal(0)
        self.funding = Decimal(0)
        self.wins = 0
        self.trades = 0


class Link:
    """The connection as the engine knows it."""

    def __init__(self, now_ms: int) -> None:
        self.connected = False
        self.phase = ConnectionPhase.CONNECTING
        self.since_ms = now_ms
        self.connected_at_ms = now_ms
        self.epoch = 0
        self.reason = ""
        self.market_at_ms: int | None = None
        self.account_at_ms: int | None = None
        self.latencies_ms: deque[int] = deque(maxlen=50)
        self.was_ready = False
        """READY was reached at least once in this run."""

    def enter(self, phase: ConnectionPhase, now_ms: int) -> None:
        if phase is not self.phase:
            self.phase, self.since_ms = phase, now_ms


class Stopping:
    """An orderly stop under way."""

    def __init__(self, reason: str, now_ms: int, deadline_ms: int) -> None:
        self.reason = reason
        self.since_ms = now_ms
        self.deadline_ms = deadline_ms
        self.flat_since_ms: int | None = None
        self.confirmed: set[Query] = set()
        self.step = "stopping entries"


class Machines:
    def __init__(self, config: Config, run: RunInfo, recovered: Recovered, now_ms: int) -> None:
        execution = config.execution
        keys = tuple(m.key for m in config.markets)
        self.config = config
        self.run = run
        self.markets_configured = keys
        self.dexes = config.dexes
        """Read off the names once: every tick asks for them."""
        self.min_edge_bps = {
            m.key: execution.min_edge_bps if m.threshold_bps is None else m.threshold_bps for m in config.markets
        }
        allowed = config.safety.allowed_markets
        self.allowed = frozenset(keys) if allowed is None else frozenset(MarketKey.parse(a) for a in allowed)
        self.trading = config.mode == "trading"
        self.max_market_usd = min(execution.max_notional_per_market, config.safety.max_notional_usd)
        self.max_total_usd = execution.max_notional_total

        self.now = now_ms
        """The time of the message under work. An attribute: it is asked for some ten times a turn."""
        self.clock = EngineClock(now_ms)
        self.link = Link(now_ms)
        self.latch = HardStopLatch(recovered.latch)
        self.posts = PostRequestManager()
        self.orders = OrderTable()
        self.scheduler = BatchScheduler(
            execution, self.latch, lambda: self.posts.inflight, self.orders.has_unresolved_exit
        )
        self.nonces = NonceManager(
            self.clock,
            recovered.last_nonce,
            warn_ms=config.risk.clock_drift_warn_ms,
            refuse_ms=config.risk.clock_drift_refuse_ms,
        )
        self.positions = PositionTracker(recovered.seen_fills)
        self.trades = TradeBook()
        self.edges = EdgeWatch(config.risk.bbo_stale_ms, config.risk.ctx_stale_ms)
        self.markets = MarketStateCache(keys)
        self.market_gates = MarketGates(keys, config.risk)
        self.detector = Detector(execution, self.max_market_usd)
        self.readiness = TradingReadyChecker(config.dexes)
        self.time_stop = TimeStop(execution.time_stop_ms, execution.reduce_only_timeout_ms)
        self.flattener = Flattener(execution)
        self.risk = RiskMonitor(config, recovered.counters)
        self.checkpoint_told = self.risk.run_limits.reached(recovered.counters)
        self.budget = ActionBudget()
        self.asker = Asker()
        self.key_watch = KeyWatch()
        self.cancels = CancelDesk()
        self.lookups = LookupDesk()
        self.audit = AuditTrail()
        self.cloids = CloidMaker(run.cloid_space)

        self.specs: dict[MarketKey, MarketSpec] = {}
        """Every market of every configured dex."""
        self.taker_rate = BASE_TAKER_RATE
        self.maker_rate = BASE_MAKER_RATE
        self.signals: dict[str, Signal] = {}
        """Accepted signals by correlation id, until their order is settled; the trade keeps its own."""
        self.venue_marks: dict[MarketKey, Decimal] = {}
        """Marks of positions, from clearinghouseState: all there is for a market that we do not watch, or that has no data."""
        self.account_values: dict[str, Decimal] = {}
        self.positions_read_ms: dict[str, int] = {}
        """Dex -> when its positions were last read."""
        self.foreign_to_cancel: set[int] = set()
        """Oids of orders that this run did not place, to be cancelled on the operator's word when they are seen."""
        self.opened_by = recovered.opened_by
        """Cloid -> correlation id of what an earlier run opened and did not see closed."""
        self.seen_funding = recovered.seen_funding
        self.found_to_close: dict[MarketKey, None] = {}
        """Markets whose position, found open at the start, the operator wants closed; in the order in which they were found."""
        self.journal_since_ms = recovered.journal_since_ms
        self.lives = OrderLives()
        self.paused = run.by_hand
        self.stopping: Stopping | None = None
        self.finished = False
        self.fault = ""
        self.alert_targets: tuple[AlertTarget, ...] = ()
        self.tally = Tally()
        self.recent_fills: deque[FillView] = deque(maxlen=50)
        self.recent_trades: deque[Trade] = deque(maxlen=50)
        self.pnl_history: deque[Decimal] = deque(maxlen=120)
        self.inflight_history: deque[int] = deque(maxlen=60)
        self.inflight_peak = 0
        self.inflight_peak_second = 0
        self.out: list[Effect] = []

    # --- saying ------------------------------------------------------------------------------------------------------

    def emit(self, *effects: Effect) -> None:
        self.out.extend(effects)

    def note(self, severity: Severity, kind: str, text: str, *, correlation_id: str = "", command_id: str = "") -> None:
        """Write to the audit trail and the journal."""
        self.out.append(
            self.audit.add(self.now, severity, kind, text, correlation_id=correlation_id, command_id=command_id)
        )

    def alert(self, severity: Severity, title: str, body: str) -> None:
        """Tell the operator off screen as well; the audit trail has it in any case."""
        self.note(severity, "alert", f"{title}: {body}")
        self.out.append(Alert(severity, title, body))

    def story_of(self, order: TrackedOrder | None, cloid: str | None) -> str:
        """The correlation id that a fill belongs to: that of its order, else of what an earlier run placed under that cloid."""
        return order.correlation_id if order is not None else self.opened_by.get(cloid or "", "")

    def journal_order(self, change: Change) -> None:
        """One row per change of state or fill, and a step in the life of an order by hand."""
        order = change.after
        self.lives.on_change(change, self.now)
        assert order.cloid is not None
        self.out.append(
            Journal(
                OrderRow(
                    cloid=order.cloid,
                    market=order.market,
                    status=order.status,
                    oid=order.oid,
                    side=order.side.value,
                    price=order.price,
                    size=order.original_size,
                    filled_size=order.filled_size,
                    reduce_only=order.reduce_only,
                    purpose=order.purpose.value,
                    reason=order.reason,
                    correlation_id=order.correlation_id,
                )
            )
        )

    def show_fill(self, fill: Fill, *, is_external: bool) -> None:
        """Newest first on the screen."""
        view = FillView(
            time_ms=fill.time_ms,
            market=fill.market,
            side=fill.side,
            price=fill.price,
            size=fill.size,
            fee_usd=fill.fee,
            closed_pnl_usd=fill.closed_pnl,
            direction=fill.direction,
            oid=fill.oid,
            tid=fill.tid,
            cloid=fill.cloid,
            is_external=is_external,
        )
        self.recent_fills.appendleft(view)

    def persist_counters(self) -> None:
        self.out.append(PersistCounters(self.risk.counters))

    def count_trade(self, trade: Trade) -> None:
        """A trade is closed: perhaps it was the last before a decision."""
        self.risk.on_trade(trade)
        limits, counters = self.risk.run_limits, self.risk.counters
        if news := limits.news(self.checkpoint_told, counters):
            self.alert(Severity.WARNING, *news)
        self.checkpoint_told = limits.reached(counters)

    def count_order(self, *, accepted: int = 0, rejected: int = 0, timed_out: int = 0) -> None:
        """For the fill rate, of this start and of the run."""
        self.tally.accepted += accepted
        self.tally.rejected += rejected
        self.tally.timed_out += timed_out
        self.risk.on_order_ended(accepted=accepted, rejected=rejected, timed_out=timed_out)
        self.persist_counters()

    def ask(self, query: Query) -> None:
        """Ask, unless the connection is down: what is read then stands for nothing that comes after it."""
        if not self.link.connected:
            return
        self.out.extend(self.asker.ask(query, self.now))

    def ask_every(self, query: Query, interval_ms: int) -> None:
        if not self.link.connected:
            return
        self.out.extend(self.asker.ask_every(query, interval_ms, self.now))

    def set_back(self, by_ms: int) -> None:
        """Our clock was set back: the connection, the readings and an orderly stop are as old as they were."""
        link = self.link
        link.connected_at_ms -= by_ms
        if link.market_at_ms is not None:
            link.market_at_ms -= by_ms
        self.positions_read_ms = {dex: at_ms - by_ms for dex, at_ms in self.positions_read_ms.items()}
        if self.stopping is not None:
            self.stopping.since_ms -= by_ms
            self.stopping.deadline_ms -= by_ms
            if self.stopping.flat_since_ms is not None:
                self.stopping.flat_since_ms -= by_ms

    # --- sums over machines ------------------------------------------------------------------------------------------

    def fee_bps(self, market: MarketKey) -> Decimal:
        """Taker fee of one side on this market."""
        return self._fee_bps(market, self.taker_rate)

    def maker_fee_bps(self, market: MarketKey) -> Decimal:
        return self._fee_bps(market, self.maker_rate)

    def _fee_bps(self, market: MarketKey, rate: Decimal) -> Decimal:
        spec = self.specs.get(market)
        return rate * (spec.fee_scale if spec else 1) * BPS

    def mark_of(self, market: MarketKey) -> Decimal | None:
        mark = self.markets.mark(market)
        return self.venue_marks.get(market) if mark is None else mark

    def exposure_usd(self, market: MarketKey) -> Decimal:
        """Position and pending orders at mark. A market without mark is priced at its entry, never at nothing."""
        position = self.positions.get(market)
        mark = self.mark_of(market)
        held = position.size if position else Decimal(0)
        px = mark if mark is not None else (position.entry_price if position else Decimal(0))
        return (held + self.orders.pending_size(market)) * px

    def total_exposure_usd(self) -> Decimal:
        held = [p.market for p in self.positions.all()]
        pending = self.orders.pending_markets()
        return sum((self.exposure_usd(m) for m in dict.fromkeys([*held, *pending])), Decimal(0))

    def is_configured(self, market: MarketKey) -> bool:
        return market in self.min_edge_bps

    @property
    def has_account(self) -> bool:
        return bool(self.run.account)

    @property
    def may_post(self) -> bool:
        """Whether exits and cancels can leave at all."""
        return self.trading and self.link.connected

    @property
    def orders_left(self) -> int:
        """Orders of ours that may still move a position, and open ones that this run did not place. Terminal is not settled."""
        return len(self.orders.unsettled()) + len(self.orders.external())

    @property
    def positions_left(self) -> int:
        return len(self.positions.all())
