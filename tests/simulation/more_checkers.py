"""Checkers that the mutants asked for: a guard was taken out, and nobody had noticed.

Same form and same promise as in checkers: each one thing, its own name in the Violation, judged from messages, effects and the venue, and
from the engine's books only where they are what the rule speaks of.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from ledger import Ledger

from core.messages.commands import (
    CancelAll,
    CancelOrder,
    FlattenAll,
    FlattenMarket,
    PauseEntries,
    ResetHardStop,
    TripHardStop,
)
from core.messages.effects import (
    Ask,
    Effect,
    FillRow,
    ForgetPost,
    Journal,
    PersistCounters,
    Post,
    PostRow,
    Repost,
    RiskCounters,
    SignalRow,
    Subscribe,
    TradeRow,
)
from core.messages.events import (
    Connected,
    Disconnected,
    PostNotSent,
    RateLimitRead,
    ServerTimeRead,
    OutsideFault,
    Tick,
    TimeJump,
)
from core.messages.queries import Query
from core.messages.tape import Message
from core.model.cloid import is_ours
from core.model.market import MarketKey
from core.model.order import Orders, OrderStatus, Purpose, TrackedOrder
from core.model.position import ExitReason, FillKey
from core.sim.truth import ActionEntry
from core.sim.world.watcher import Violation, Watcher
from core.sim.world.world import World

_EXPLAINED = (
    "could not immediately match",
    "reduce only order would increase",
    "only post-only orders",
    "too many cumulative requests",
    "action already expired",
    "no liquidity available",
)
"""What the market or the venue's state explains, in the venue's own words."""


class Check(Watcher):
    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def expect(self, holds: object, text: str) -> None:
        if not holds:
            raise Violation(type(self).__name__, text)


def has_entry(effect: Effect) -> bool:
    return (
        isinstance(effect, Post)
        and isinstance(effect.batch, Orders)
        and any(not o.reduce_only for o in effect.batch.orders)
    )


class Accepted(Check):
    """A signal is accepted only where SPEC 7 lets it: asked of the whole engine, not of the gate that should have refused."""

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Journal) and isinstance(effect.row, SignalRow) and effect.row.verdict == "accepted":
                self._judge(world, effect.row)

    def _judge(self, world: World, row: SignalRow) -> None:
        engine, market = world.engine, row.signal.market
        assert engine is not None
        m = engine.machines
        config = world.plan.config
        allowed = config.safety.allowed_markets
        others = [o for o in m.orders.unsettled() if o.market == market and o.correlation_id != row.signal.signal_id]
        for refused, why in (
            (self.ledger.latched, "after the latch"),
            (self.ledger.connected_ms is None, "without a connection"),
            (not m.readiness.is_ready, "while not ready"),
            (m.paused, "while paused"),
            (m.stopping is not None, "while stopping"),
            (allowed is not None and market.name not in allowed, "on a market that is not allowed"),
            (m.positions.get(market) is not None, "on a market with a position"),
            (m.positions.has_suspects, "while a size is in doubt"),
            (others, f"while {[o.status.value for o in others]} of the market are not settled"),
            (m.flattener.get(market) is not None, "while the market is being closed"),
            (any(o.market == market for o in m.cancels.wanted), "while a cancel of the market is wanted"),
            (row.signal.size * row.signal.price < 10, "under the minimum"),
        ):
            self.expect(not refused, f"{market}: a signal was accepted {why}")


class OnceTold(Check):
    """One dislocation is refused once by each gate, and the trades, fills and subscriptions of a life are told once."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._denied: set[tuple[str, str]] = set()
        self._fills: set[FillKey] = set()
        self._subscribed = False

    def started(self, world: World) -> None:
        self._denied.clear()
        self._fills.clear()
        self._subscribed = False

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, Connected):
            self._subscribed = False
        for effect in effects:
            if isinstance(effect, Subscribe):
                self.expect(not self._subscribed, "subscribed twice on one connection")
                self._subscribed = True
            if not isinstance(effect, Journal):
                continue
            if isinstance(effect.row, SignalRow):
                told = (effect.row.signal.signal_id, effect.row.verdict.split(":")[0])
                self.expect(told not in self._denied, f"{told[0]} was refused twice: {told[1]}")
                self._denied.add(told)
            elif isinstance(effect.row, FillRow):
                self.expect(effect.row.fill.key not in self._fills, f"fill {effect.row.fill.key} booked twice")
                self._fills.add(effect.row.fill.key)


class Queues(Check):
    """What leaves, leaves in the order of SPEC 4: cancels, exits, entries; entries not at the watermark; on a tick where ticks dispatch."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._put_back = False

    def started(self, world: World) -> None:
        self._put_back = False

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine, x = world.engine, world.plan.config.execution
        assert engine is not None
        m = engine.machines
        cancels, exits, new = m.scheduler.depths
        self._put_back |= isinstance(message, PostNotSent)
        self.expect(new <= x.new_order_queue_cap, f"{new} entries in the queue")
        self.expect(self._put_back or cancels <= x.cancel_queue_cap, f"{cancels} cancels in the queue")
        for effect in effects:
            if not isinstance(effect, (Post, Repost)):
                continue
            self.expect(x.dispatch == "eager" or isinstance(message, Tick), "a post between two ticks")
            if isinstance(effect, Repost) or not isinstance(effect.batch, Orders):
                continue
            self.expect(m.budget.limited or not cancels, f"orders left before {cancels} cancels")
            if has_entry(effect):
                self.expect(not exits, f"an entry left before {exits} exits")
                self.expect(m.posts.inflight < x.inflight_high_watermark, f"an entry at {m.posts.inflight} inflight")


class Budget(Check):
    """While the address has used up what it may send: one action per 10 s, and none that holds an entry."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._limited = False
        self._last_ms: int | None = None

    def started(self, world: World) -> None:
        self._limited = False
        self._last_ms = None

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, RateLimitRead):
            self._limited = message.used >= message.cap
        for effect in effects:  # a refusal that comes after its post was given up is not heard any more
            if isinstance(effect, Journal) and isinstance(effect.row, PostRow):
                self._limited |= "refused: too many cumulative requests" in effect.row.outcome.lower()
        for effect in effects:
            if isinstance(effect, (Post, Repost)):
                if self._limited:
                    self.expect(not has_entry(effect), "an entry while the budget is used up")
                    gap = None if self._last_ms is None else world.local_ms - self._last_ms
                    self.expect(gap is None or gap >= 10_000, f"two posts within {gap} ms while the budget is used up")
                self._last_ms = world.local_ms


class Rejected(Check):
    """Rejections that the venue explains do not count toward the limit per hour; past it, on mainnet, the latch has tripped."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._unexplained = 0

    def executed(self, world: World, entry: ActionEntry) -> None:
        errors = [s["error"] for s in entry.statuses or () if isinstance(s, dict) and "error" in s]
        post = self.ledger.posts.get(entry.nonce)
        count = len(post.batch.orders) if post and isinstance(post.batch, Orders) else 0
        if entry.error is not None:
            errors = [entry.error] * count
        elif len(errors) == 1 == len(entry.statuses or ()):
            errors *= count  # one error for all
        if entry.kind == "order":
            self._unexplained += sum(not any(e in error.lower() for e in _EXPLAINED) for error in errors)

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if engine is None:
            return
        m, config = engine.machines, world.plan.config
        counted = len(m.risk.counters.rejected_at_ms)
        if world.marks["trouble odd_status"]:
            return  # a status that nobody knows may sound like a rejection
        self.expect(counted <= self._unexplained, f"{counted} rejections count, {self._unexplained} are unexplained")
        if config.is_mainnet_signature and not m.latch.tripped and m.stopping is None:
            self.expect(counted <= config.risk.max_rejected_per_hour, f"{counted} rejections, and not latched")


class Counters(Check):
    """What the risk counters say goes to the disk with the message that changed it, and every limit of them trips."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._kept = RiskCounters()

    def started(self, world: World) -> None:
        assert world.engine is not None
        self._kept = world.engine.machines.risk.counters

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, PersistCounters):
                self._kept = effect.counters
        engine = world.engine
        if engine is None:
            return
        m, config = engine.machines, world.plan.config
        counters = m.risk.counters
        self.expect(counters == self._kept, f"{counters} is not what is on the disk: {self._kept}")
        if m.latch.tripped or m.stopping is not None:
            return
        loss = -counters.cumulative_pnl_usd
        self.expect(loss <= config.max_loss_usd, f"a loss of ${loss}, and not latched")
        if isinstance(message, ServerTimeRead):
            drift = abs(message.server_ms - message.local_ms)
            self.expect(drift <= config.risk.clock_drift_refuse_ms, f"clocks {drift} ms apart, and not latched")


class Trips(Check):
    """What is at risk at a disconnect latches; a flatten that is not done in its time latches."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._was_ready = False
        self._since: dict[MarketKey, int] = {}

    def started(self, world: World) -> None:
        self._was_ready = False
        self._since.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if engine is None:
            return
        m = engine.machines
        stopped = m.latch.tripped or m.stopping is not None
        if isinstance(message, ResetHardStop):
            self._since.clear()
        if isinstance(message, Disconnected) and self._was_ready:
            self.expect(stopped, "disconnected after trading was ready, and not latched")
        self.expect(not isinstance(message, OutsideFault) or m.latch.tripped, "a fault outside, and not latched")
        self._was_ready |= m.readiness.is_ready
        if not isinstance(message, Tick):
            return
        held = {p.market for p in m.positions.all()}
        tasks = {market: m.flattener.get(market) for market in held}
        self._since = {k: self._since.get(k, m.now) for k, t in tasks.items() if t is not None}
        limit = world.plan.config.execution.reduce_only_timeout_ms
        for market, since in self._since.items():
            self.expect(stopped or m.now - since <= limit, f"{market}: closing for {m.now - since} ms, and not latched")


class Ending(Check):
    """While latched or stopping, on every tick: no entry in the queue, a cancel wanted of each, an exit under way of each position."""

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if engine is None or not isinstance(message, Tick):
            return
        m = engine.machines
        if m.latch.tripped or m.stopping is not None:
            self.expect(not m.scheduler.depths[2], "entries in the queue after a stop")
            self._all_ended(world, "after a stop")
        for p in m.positions.all():
            age = p.age_ms(m.now)
            limit = world.plan.config.execution.time_stop_ms
            self.expect(age <= limit or m.flattener.get(p.market), f"{p.market}: {age} ms old, and not being closed")

    def _all_ended(self, world: World, when: str) -> None:
        assert world.engine is not None
        m = world.engine.machines
        wanted = {o.cloid for o in m.cancels.wanted}
        for order in m.orders.live():
            if order.purpose is not Purpose.EXIT and order.status is not OrderStatus.QUEUED:
                self.expect(order.cloid in wanted, f"{order.market}: {order.status.value} {when}, no cancel wanted")
        for p in m.positions.all():
            self.expect(m.flattener.get(p.market), f"{p.market}: held {when}, and not being closed")


class Obeyed(Check):
    """A command does what it says in its own turn."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._was_latched = False

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if engine is None:
            return
        m = engine.machines
        wanted = {o.cloid for o in m.cancels.wanted}
        match message:
            case FlattenAll():
                left = [p.market for p in m.positions.all() if m.flattener.get(p.market) is None]
                self.expect(not left, f"flatten all, and {left} are not being closed")
            case FlattenMarket(market=market):
                held = m.positions.get(market) is not None
                self.expect(held == (m.flattener.get(market) is not None), f"flatten {market}, held: {held}")
            case CancelAll():
                queued = [o.cloid for o in m.orders.live() if o.status is OrderStatus.QUEUED and not o.reduce_only]
                self.expect(not queued, f"cancel all, and {queued} are queued")
                left = [
                    o for o in m.orders.live() if o.status is not OrderStatus.QUEUED and o.purpose is not Purpose.EXIT
                ]
                self.expect(all(o.cloid in wanted for o in left), "cancel all, and an order was left alone")
                self.expect(self.ledger.latched or not self._foreign(m.cancels.wanted), "orders of others cancelled")
            case CancelOrder(cloid=cloid):
                order = m.orders.get(cloid)
                ended = order is None or order.status.is_terminal
                self.expect(ended or cloid in wanted, "cancel of one order, and it lives on unasked")
            case PauseEntries(paused=paused):
                self.expect(m.paused == paused, f"pause {paused} was not heard")
                self.expect(not (paused and m.scheduler.depths[2]), "paused, and entries in the queue")
            case TripHardStop():
                self.expect(self.ledger.latched, "hard stop, and not latched")
            case ResetHardStop(override=False):
                if self._was_latched and not self.ledger.latched:
                    self.expect(not self.ledger.held, f"reset while {list(self.ledger.held)} are held")
                    self.expect(self.ledger.connected_ms is not None, "reset without a connection")
                    self.expect(message.reason.strip(), "reset without a reason")
        self._was_latched = self.ledger.latched

    def _foreign(self, orders: Sequence[TrackedOrder]) -> bool:
        return any(not is_ours(o.cloid) for o in orders)


class Exits(Check):
    """An exit is priced off what is known now, within its slippage; a time stop comes in its time, not before."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._jumped_ms = 0

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        x = world.plan.config.execution
        if isinstance(message, TimeJump):
            self._jumped_ms = world.local_ms  # the quotes from before are forgotten
        for effect in effects:
            if isinstance(effect, Post) and isinstance(effect.batch, Orders):
                for order in effect.batch.orders:
                    touch = self.ledger.touch.get(order.market)
                    if not order.reduce_only or touch is None or order.created_at_ms != world.local_ms:
                        continue
                    bbo, at_ms = touch
                    if (
                        bbo.bid_px is None
                        or bbo.ask_px is None
                        or at_ms <= self._jumped_ms
                        or world.local_ms - at_ms > 5_000
                    ):
                        continue
                    mid = (bbo.bid_px + bbo.ask_px) / 2
                    away = order.side.sign * (order.price - mid) / mid * 10_000
                    least, most = x.flatten_slippage_bps - 1, x.flatten_slippage_max_bps + 5
                    self.expect(least <= away <= most, f"{order.market}: an exit {away:.0f} bps from mid")
            elif isinstance(effect, Journal) and isinstance(effect.row, TradeRow):
                t = effect.row.trade
                if (
                    t.exit_reason is ExitReason.TIME_STOP
                    and t.trade_id
                    and not world.skew_ms
                    and not world.marks["trouble clock_step"]
                ):
                    age = t.exit_ms - t.entry_ms
                    self.expect(age >= x.time_stop_ms, f"{t.market}: a time stop after {age} ms of {x.time_stop_ms}")


class Questions(Check):
    """The same question is out once; and all of them together keep the address's weight."""

    MOST_PER_MINUTE = 300

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._asked: deque[int] = deque()
        self._out: Counter[Query] = Counter()
        self.most = 0

    def started(self, world: World) -> None:
        self._asked.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        now_ms = world.agenda.now_ms
        for effect in effects:
            if isinstance(effect, Ask):
                self.expect(self.ledger.connected_ms is not None, "a question without a connection")
                self._asked.append(now_ms)
        while self._asked and now_ms - self._asked[0] > 60_000:
            self._asked.popleft()
        self.most = max(self.most, len(self._asked))
        self.expect(len(self._asked) <= self.MOST_PER_MINUTE, f"{len(self._asked)} questions within a minute")


class Ready(Check):
    """Ready means: every market that is not left out has a fresh two-sided touch and a fresh oracle price."""

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if engine is None or not isinstance(message, Tick) or not engine.machines.readiness.is_ready:
            return
        risk = world.plan.config.risk
        usable = 0
        for state in engine.machines.markets.all():
            if state.left_out or (state.spec is not None and state.spec.is_delisted):
                continue
            usable += 1
            touch, context = self.ledger.touch.get(state.market), self.ledger.context.get(state.market)
            self.expect(touch and context, f"ready, and nothing is known of {state.market}")
            assert touch is not None
            assert context is not None
            ages = world.local_ms - touch[1], world.local_ms - context[1]
            self.expect(ages[0] <= risk.bbo_stale_ms, f"ready, and the touch of {state.market} is {ages[0]} ms old")
            self.expect(ages[1] <= risk.ctx_stale_ms, f"ready, and the oracle of {state.market} is {ages[1]} ms old")
            self.expect(touch[0].bid_px and touch[0].ask_px, f"ready, and the book of {state.market} is one-sided")
        self.expect(usable, "ready, and no market has data")


class Confirmed(Check):
    """A stop is confirmed only when the venue really is flat and holds no order of ours. At rest nothing is kept that is over."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._kept: set[int] = set()
        """Posts whose signed bytes the outside was not told to forget."""

    def started(self, world: World) -> None:
        self._kept.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Post):
                self._kept.add(effect.post_id)
            elif isinstance(effect, ForgetPost):
                self._kept.discard(effect.post_id)
            elif isinstance(effect, Repost):
                self.expect(effect.original_post_id in self._kept, "a repeat of bytes that are forgotten")

    def finished(self, world: World, confirmed: bool) -> None:
        if confirmed:
            ours = [o for o in world.exchange.venue.open_orders(world.plan.account) if is_ours(o.cloid)]
            self.expect(not self.ledger.held, f"confirmed, and {list(self.ledger.held)} are held")
            self.expect(not ours, f"confirmed, and {len(ours)} orders of ours rest at the venue")

    def at_rest(self, world: World) -> None:
        assert world.engine is not None
        m = world.engine.machines
        self.expect(m.scheduler.is_empty, f"at rest, and the queues hold {m.scheduler.depths}")
        self.expect(not m.cancels.wanted, f"at rest, and cancels are wanted of {len(m.cancels.wanted)} orders")
        self.expect(not m.signals, f"at rest, and {list(m.signals)} are kept")
        self.expect(not self._kept, f"at rest, and the bytes of posts {self._kept} are kept")


MORE = (
    Accepted,
    OnceTold,
    Queues,
    Budget,
    Rejected,
    Counters,
    Trips,
    Ending,
    Obeyed,
    Exits,
    Questions,
    Ready,
    Confirmed,
)
