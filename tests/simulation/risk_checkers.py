"""Checkers that the mutants asked for, of what limits a loss and ends a position: counters, trips, commands, exits, the end.

Same form and same promise as in checkers.
"""

from __future__ import annotations

from collections.abc import Sequence

from check import Check, is_by_hand, is_explained
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
    Alert,
    Effect,
    ForgetPost,
    Journal,
    OrderRow,
    PersistCounters,
    Post,
    Repost,
    RiskCounters,
    TradeRow,
)
from core.messages.events import (
    Connected,
    Disconnected,
    OutsideFault,
    ServerTimeRead,
    Tick,
    TimeJump,
)
from core.messages.tape import Message
from core.model.cloid import is_ours
from core.model.market import MarketKey
from core.model.order import Orders, OrderStatus, Purpose, TrackedOrder
from core.model.position import ExitReason
from core.model.rounding import tick_size
from core.sim.truth import ActionEntry
from core.sim.world.world import World


class Rejected(Check):
    """Every rejection that nothing explains counts toward the limit per hour, once, and no other does; past it, on mainnet, the latch trips.

    And a rejected exit is told out loud.
    """

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._counted = 0

    def started(self, world: World) -> None:
        assert world.engine is not None
        self._counted = len(world.engine.machines.risk.counters.rejected_at_ms)

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if engine is None:
            return
        m, config = engine.machines, world.plan.config
        rows = [e.row for e in effects if isinstance(e, Journal) and isinstance(e.row, OrderRow)]
        fresh = [r for r in rows if r.status is OrderStatus.REJECTED and r.reason and not is_explained(r.reason)]
        fresh = [r for r in fresh if not r.filled_size]
        before, self._counted = self._counted, len(m.risk.counters.rejected_at_ms)
        if isinstance(message, ResetHardStop):
            return
        self.expect(
            self._counted - before == len(fresh),
            f"{self._counted - before} rejections count, {len(fresh)} are unexplained: {[r.reason for r in fresh]}",
        )
        told = {e.title.split()[0] for e in effects if isinstance(e, Alert)}
        for row in fresh:
            self.expect(not row.reduce_only or str(row.market) in told, f"{row.market}: an exit was rejected, unheard")
        if config.is_mainnet_signature and not m.latch.tripped and m.stopping is None:
            self.expect(self._counted <= config.risk.max_rejected_per_hour, f"{self._counted} rejections, not latched")


class Counters(Check):
    """What the risk counters say goes to the disk with the message that changed it, and every limit of them trips."""

    quiet = ()

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
        loss = -(counters.cumulative_pnl_usd + counters.funding_usd)
        self.expect(loss <= config.max_loss_usd, f"a loss of ${loss}, and not latched")
        if isinstance(message, ServerTimeRead):
            drift = abs(message.server_ms - message.local_ms)
            self.expect(drift <= config.risk.clock_drift_refuse_ms, f"clocks {drift} ms apart, and not latched")


class Limits(Check):
    """The results of the trades, added up here: too much lost, too often in a row, too far from what was expected, and it latches."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._losses = 0
        self._slips = 0

    def started(self, world: World) -> None:
        assert world.engine is not None
        counters = world.engine.machines.risk.counters
        self._losses, self._slips = counters.consecutive_losses, counters.slippage_in_a_row

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if engine is None:
            return
        m, risk = engine.machines, world.plan.config.risk
        if isinstance(message, ResetHardStop) and not m.latch.tripped:
            self._losses, self._slips = m.risk.counters.consecutive_losses, m.risk.counters.slippage_in_a_row
        for effect in effects:
            if not isinstance(effect, Journal) or not isinstance(effect.row, TradeRow):
                continue
            trade = effect.row.trade
            self._losses = self._losses + 1 if trade.net_pnl_usd < 0 else 0
            if trade.slippage_bps is not None:
                self._slips = self._slips + 1 if trade.slippage_bps > risk.max_slippage_bps else 0
        counters = m.risk.counters
        self.expect(counters.consecutive_losses == self._losses, f"{self._losses} losses in a row, not as counted")
        self.expect(counters.slippage_in_a_row == self._slips, f"{self._slips} slips in a row, not as counted")
        if m.latch.tripped or m.stopping is not None:
            return
        self.expect(self._losses <= risk.max_consecutive_losses, f"{self._losses} losses in a row, and not latched")
        if world.plan.config.is_mainnet_signature:
            self.expect(self._slips < risk.max_slippage_in_a_row, f"{self._slips} slips in a row, and not latched")


class Trips(Check):
    """What is at risk at a disconnect latches; a flatten that is not done in its time latches."""

    quiet = (Tick,)

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
        if not (effects or self._since) and isinstance(message, Tick) and m.positions.is_flat:
            self._was_ready = self._was_ready or m.readiness.is_ready  # what is left of a quiet tick with nothing held
            return
        stopped = m.latch.tripped or m.stopping is not None or world.plan.config.mode != "trading"
        if isinstance(message, ResetHardStop):
            self._since.clear()
        if isinstance(message, Disconnected):
            self.expect(not m.posts.open_ids(), f"disconnected, and posts {m.posts.open_ids()} are open")
            self.expect(m.scheduler.is_empty, f"disconnected, and the queues hold {m.scheduler.depths}")
        if isinstance(message, Disconnected) and self._was_ready:
            self.expect(stopped, "disconnected after trading was ready, and not latched")
        self.expect(not isinstance(message, OutsideFault) or m.latch.tripped, "a fault outside, and not latched")
        self._was_ready = self._was_ready or m.readiness.is_ready
        if self._since:  # between two ticks one may end and the next begin
            self._since = {k: ms for k, ms in self._since.items() if m.flattener.get(k) and m.positions.get(k)}
        if not isinstance(message, Tick):
            return
        held = {p.market for p in m.positions.all()}
        if not held:
            self._since.clear()
            return
        tasks = {market: m.flattener.get(market) for market in held}
        self._since = {k: self._since.get(k, m.now) for k, t in tasks.items() if t is not None}
        limit = world.plan.config.execution.reduce_only_timeout_ms
        for market, since in self._since.items():
            self.expect(stopped or m.now - since <= limit, f"{market}: closing for {m.now - since} ms, and not latched")


class Ending(Check):
    """While latched or stopping, on every tick: no entry in the queue, a cancel wanted of each, an exit under way of each position."""

    quiet = (Tick,)

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if engine is None or not isinstance(message, Tick):
            return
        m = engine.machines
        is_over = m.latch.tripped or m.stopping is not None
        if not m.trading:
            return
        if m.positions.is_flat and not is_over:
            return
        if is_over:
            self.expect(not m.scheduler.depths[2], "entries in the queue after a stop")
            self._all_ended(world, "after a stop")
        for p in m.positions.all():
            if not m.is_configured(p.market):
                continue
            age = p.age_ms(m.now)
            limit = world.plan.config.execution.time_stop_ms
            self.expect(
                not m.is_configured(p.market) or age <= limit or m.flattener.get(p.market),
                f"{p.market}: {age} ms old, and not being closed",
            )

    def _all_ended(self, world: World, when: str) -> None:
        assert world.engine is not None
        m = world.engine.machines
        wanted = {o.cloid for o in m.cancels.wanted}
        for order in m.orders.live():
            if not order.is_exit and order.status is not OrderStatus.QUEUED:
                self.expect(order.cloid in wanted, f"{order.market}: {order.status.value} {when}, no cancel wanted")
        for p in m.positions.all():
            self.expect(m.flattener.get(p.market), f"{p.market}: held {when}, and not being closed")


class Obeyed(Check):
    """A command does what it says in its own turn."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._was_latched = False

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if engine is None or not engine.machines.trading:  # an observer obeys by saying no (session_checkers)
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
                left = [o for o in m.orders.live() if o.status is not OrderStatus.QUEUED and not o.is_exit]
                self.expect(all(o.cloid in wanted for o in left), "cancel all, and an order was left alone")
                self.expect(self.ledger.latched or not self._foreign(m.cancels.wanted), "orders of others cancelled")
            case CancelOrder(cloid=cloid):
                order = m.orders.get(cloid)
                ended = order is None or order.status.is_terminal
                self.expect(ended or cloid in wanted, "cancel of one order, and it lives on unasked")
            case PauseEntries(paused=paused):
                self.expect(m.paused == paused, f"pause {paused} was not heard")
                own = [o for o in m.orders.live() if o.status is OrderStatus.QUEUED and o.purpose is Purpose.ENTRY]
                self.expect(not (paused and own), "paused, and entries of our own in the queue")
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

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._jumped_ms = 0
        self._last: dict[MarketKey, tuple[str, int]] = {}
        """The newest exit of a market, and when it left."""
        self._opened_ms: dict[str, int] = {}
        """Since when the venue holds, or last held, something there: what a late fill adds is as old as what it was added to."""

    def started(self, world: World) -> None:
        self._last.clear()

    def executed(self, world: World, entry: ActionEntry) -> None:
        self._opened_ms.update((coin, held.opened_ms) for coin, held in self.ledger.held.items())

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        x = world.plan.config.execution
        if isinstance(message, TimeJump):
            self._jumped_ms = world.local_ms  # the quotes from before are forgotten
        if isinstance(message, (TimeJump, Connected)):
            self._last.clear()
        for effect in effects:
            if isinstance(effect, Post) and isinstance(effect.batch, Orders):
                for order in effect.batch.orders:
                    if is_by_hand(order):
                        continue
                    if order.reduce_only:
                        self._pause(world, order.market, order.cloid)
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
                    assert world.engine is not None
                    tick = tick_size(order.price, world.engine.machines.specs[order.market].sz_decimals)
                    least, most = x.flatten_slippage_bps - 1, x.flatten_slippage_max_bps + tick / mid * 10_000
                    self.expect(least <= away <= most, f"{order.market}: an exit {away:.0f} bps from mid")
            elif isinstance(effect, Journal) and isinstance(effect.row, TradeRow):
                t = effect.row.trade
                self._last.pop(t.market, None)
                if (
                    t.exit_reason is ExitReason.TIME_STOP
                    and t.trade_id
                    and not world.skew_ms
                    and not world.marks["trouble clock_step"]
                    and not world.stops.runs  # somebody else may have closed it just before
                ):
                    age = t.exit_ms - min(t.entry_ms, self._opened_ms.get(t.market.name, t.entry_ms))
                    self.expect(age >= x.time_stop_ms, f"{t.market}: a time stop after {age} ms of {x.time_stop_ms}")

    def _pause(self, world: World, market: MarketKey, cloid: str) -> None:
        last, self._last[market] = self._last.get(market), (cloid, world.steady_ms)
        if last is not None and last[0] != cloid:
            gap = world.steady_ms - last[1]
            self.expect(gap >= 350, f"{market}: two attempts of an exit within {gap} ms")


class Confirmed(Check):
    """A stop is confirmed only when the venue really is flat and holds no order of ours. At rest nothing is kept that is over."""

    quiet = ()

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
        if confirmed and world.plan.config.mode == "trading":
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


RISK_CHECKERS = (Rejected, Counters, Limits, Trips, Ending, Obeyed, Exits, Confirmed)
