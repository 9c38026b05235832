"""What closes positions and ends orders: TimeStop, Flattener, cancels. Passes every gate, in every state that can send at all.

Easy to get wrong: an exit is priced by whatever price there is (mid, else mark, else the exchange's own), because a position that
cannot be priced must still be closed.

SPEC 6 (TimeStop, Flattener), 8 (sequence).
"""

from __future__ import annotations

from decimal import Decimal

from core.engine.flatten import FlattenTask
from core.engine.machines import Machines
from core.engine.orders import Change
from core.engine.scheduler import Enqueued
from core.engine.time_stop import TimeStopVerdict
from core.messages.effects import Severity
from core.model.market import MarketKey
from core.model.order import PendingOrder, Purpose, Report, TimeInForce
from core.model.position import ExitReason
from core.model.rounding import round_size

RESYNC_WAIT_MS = 10_000
"""How long an exit waits for positions to be read anew; after that it goes for what we believe. Reduce-only cannot make it worse."""
_FRESH_MS = 10_000


class Exits:
    def __init__(self, m: Machines) -> None:
        self._m = m
        self._alarmed: set[MarketKey] = set()

    def on_tick(self) -> list[str]:
        """Time stops, due attempts, due cancels. Returns reasons for a HardStop: flattens that did not get done."""
        self._check_time_stops()
        if self._m.may_post:
            self._cancel_foreign()
            self._close_found()
            self._queue_attempts()
            self._queue_cancels()
        return self._check_failures()

    def flatten(self, market: MarketKey, reason: ExitReason) -> bool:
        """Begin to close a market. False when it is being closed already."""
        m = self._m
        if not m.flattener.request(market, reason, m.now):
            return False
        position = m.positions.get(market)
        held = f"{position.side.value} {position.size}" if position else "nothing"
        text = f"{market}: closing {held}, {reason.value}"
        m.note(Severity.INFO, "flatten", text, correlation_id=m.trades.open_id(market))
        return True

    def flatten_all(self, reason: ExitReason) -> int:
        """Begin to close everything held. Returns how many markets are new to it."""
        return sum(self.flatten(p.market, reason) for p in self._m.positions.all())

    def on_flat(self, market: MarketKey) -> FlattenTask | None:
        """The position is gone, and with it what was to reduce it and has not left yet: that could reduce nothing."""
        m = self._m
        self._alarmed.discard(market)
        for cloid in m.scheduler.drop_exits_of(market):
            change = m.orders.report(cloid, Report.DROPPED, m.now, reason="flat already")
            if change is not None:
                m.cancels.on_ended(change.after)
                m.journal_order(change)
        return m.flattener.on_flat(market)

    def take_back(self, market: MarketKey) -> list[Change]:
        """The position moved: an exit that still waits in the queue is for what it was. The next one is for what it is."""
        m, taken = self._m, []
        for order in m.orders.queued_exits(market):
            assert order.cloid is not None
            m.scheduler.remove(order.cloid)
            change = m.orders.report(order.cloid, Report.DROPPED, m.now, reason="the position moved before it left")
            assert change is not None
            taken.append(change)
        return taken

    # --- inside ------------------------------------------------------------------------------------------------------

    def _cancel_foreign(self) -> None:
        """Orders of others that the operator wants gone."""
        m = self._m
        for order in m.orders.external():
            if order.oid in m.foreign_to_cancel:
                m.foreign_to_cancel.discard(order.oid)
                m.cancels.want(order)

    def _close_found(self) -> None:
        """Positions found open that the operator wants gone: once, when they were read. What is opened later is another position."""
        m = self._m
        for market in [k for k in m.found_to_close if m.readiness.dex_synced(k.dex)]:
            del m.found_to_close[market]
            if m.positions.get(market) is not None:
                self.flatten(market, ExitReason.OPERATOR)

    def _check_time_stops(self) -> None:
        m = self._m
        if not m.trading or m.run.by_hand:
            return
        for position in m.positions.all():
            if not m.is_configured(position.market):
                continue
            verdict = m.time_stop.check(position, m.now)
            if verdict is TimeStopVerdict.HOLD:
                continue
            self.flatten(position.market, ExitReason.TIME_STOP)
            if verdict is TimeStopVerdict.ALERT_AND_FLATTEN and position.market not in self._alarmed:
                self._alarmed.add(position.market)
                age = position.age_ms(m.now) / 1000
                m.alert(Severity.CRITICAL, f"{position.market} still open", f"held for {age:.0f} s, closing it")

    def _queue_attempts(self) -> None:
        m = self._m
        for task in m.flattener.due(m.now):
            position = m.positions.get(task.market)
            if position is None:
                m.flattener.on_flat(task.market)
                continue
            if m.orders.has_unresolved_exit(task.market) or self._awaits_resync(task.market):
                continue
            spec, reference = m.specs.get(task.market), self._reference_px(task.market)
            if spec is None or reference is None:
                task.last_result = "waiting for a price" if spec else "waiting for the market's spec"
                continue
            size = round_size(position.size, spec.sz_decimals)
            if size == 0:
                task.last_result = f"size {position.size} is less than one lot"
                continue
            side = position.side.opposite
            order = PendingOrder(
                cloid=m.cloids.next(),
                market=task.market,
                side=side,
                price=m.flattener.limit_price(task, side, reference, spec.sz_decimals),
                size=size,
                reduce_only=True,
                tif=TimeInForce.IOC,
                created_at_ms=m.now,
            )
            result = m.scheduler.enqueue_reduce_only(order)
            if result in (Enqueued.QUEUE_FULL, Enqueued.DUPLICATE_FLATTEN):
                m.alert(Severity.CRITICAL, f"{task.market} exit not queued", result.value)
                m.flattener.on_attempt_ended(task.market, result.value, m.now)
                continue
            m.flattener.on_attempt(task)
            m.orders.register(order, Purpose.EXIT, m.trades.open_id(task.market), m.now)

    def _awaits_resync(self, market: MarketKey) -> bool:
        """After a reconnect the exchange is asked first. An answer that does not come must not keep a position open for ever."""
        m = self._m
        return not m.readiness.dex_synced(market.dex) and m.now - m.link.connected_at_ms < RESYNC_WAIT_MS

    def _reference_px(self, market: MarketKey) -> Decimal | None:
        """The best price there is: fresh mid, fresh mark, the exchange's mark of the position, and only then what is old."""
        m = self._m
        state, of_position = m.markets.get(market), m.venue_marks.get(market)
        if state is None:
            return of_position
        bbo_age, ctx_age = state.bbo_age_ms(m.now), state.ctx_age_ms(m.now)
        if state.mid_px is not None and bbo_age is not None and bbo_age <= _FRESH_MS:
            return state.mid_px
        if state.mark_px is not None and ctx_age is not None and ctx_age <= _FRESH_MS:
            return state.mark_px
        return next((px for px in (of_position, state.mark_px, state.mid_px) if px is not None), None)

    def _queue_cancels(self) -> None:
        m = self._m
        for cancel in m.cancels.due(m.now):
            if cancel.market not in m.specs:
                m.cancels.on_not_queued(cancel, m.now)  # without its asset id it cannot be written; asked again soon
                continue
            if m.scheduler.enqueue_cancel(cancel) is Enqueued.QUEUE_FULL:
                m.alert(Severity.CRITICAL, f"{cancel.market} cancel not queued", Enqueued.QUEUE_FULL.value)
                m.cancels.on_not_queued(cancel, m.now)

    def _check_failures(self) -> list[str]:
        m = self._m
        reasons = []
        for task in m.flattener.failures(m.now):
            elapsed = (m.now - task.started_ms) / 1000
            text = f"{task.market} not flat {elapsed:.0f} s after its flatten began, {task.attempts} attempts"
            m.alert(Severity.CRITICAL, "flatten failed", f"{text}; last: {task.last_result or 'no answer yet'}")
            counted = m.risk.on_flatten_failed()
            m.persist_counters()
            reasons.append(counted or text)
        return reasons
