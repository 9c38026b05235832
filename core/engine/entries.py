"""From a dislocation to a queued order: the signal, the gates, the order.

One dislocation of one market is one episode: it is judged at every touch, but a refusal is counted and journaled once per gate, so that
"denied" counts what was missed and not how often we looked. Easy to get wrong: gates, queue and order table are touched in one
synchronous step, so nothing can slip between the judgement and the mark.

SPEC 7 (on_signal gates, Detector).
"""

from __future__ import annotations

from core.engine.detector import Dislocation
from core.engine.gates import Denied, EntryFacts, Gate, judge
from core.engine.machines import Machines
from core.engine.markets import MarketState
from core.engine.scheduler import Enqueued
from core.messages.effects import Journal, Severity, SignalRow
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus, PendingOrder, Purpose, Report, TimeInForce
from core.model.rounding import wire_text
from core.model.signal import Signal

ENTRY_MAX_AGE_MS = 1_000
"""An entry leaves within this time of its signal, or never."""
BY_HAND_MAX_AGE_MS = 5_000
"""An operator who sees nothing leave for this long must not be surprised by it later."""


class Episode:
    """A dislocation that is going on. ``counted``: gates whose refusal is told already, or would only tell our own doing."""

    def __init__(self, signal_id: str, side: OrderSide, counted: frozenset[Gate] = frozenset()) -> None:
        self.signal_id = signal_id
        self.side = side
        self.counted = set(counted)
        self.is_signal = False
        """It came to a verdict that was told."""


_OF_OUR_OWN = frozenset(
    {Gate.MAX_POSITION_MARKET, Gate.HAS_POSITION, Gate.PENDING_ORDER, Gate.FLATTEN, Gate.MARKET_RISK}
)
"""After an entry was accepted the same dislocation goes on: that we hold it now is no second signal missed."""


class Denial:
    """The last refusal of a market, for the screen."""

    def __init__(self, text: str, at_ms: int) -> None:
        self.text = text
        self.at_ms = at_ms


class Entries:
    def __init__(self, m: Machines) -> None:
        self._m = m
        self._episodes: dict[MarketKey, Episode] = {}
        self._count = 0
        self.last_denial: dict[MarketKey, Denial] = {}

    def on_market_event(self, state: MarketState) -> None:
        """A touch or an oracle price came in."""
        m = self._m
        fee_bps, min_edge_bps = m.fee_bps(state.market), m.min_edge_bps[state.market]
        side = m.detector.side_of(state, fee_bps, min_edge_bps)
        if side is None:
            self._episodes.pop(state.market, None)
            return
        verdict = m.market_gates.judge(state, m.now)
        found = m.detector.size_up(state, side, fee_bps, min_edge_bps, verdict.size_factor)
        if found is None:
            self._episodes.pop(state.market, None)
            return
        episode = self._episodes.get(state.market)
        if episode is None or episode.side is not found.side:
            episode = self._begin(state.market, found.side)
        self._judge(state, found, episode, verdict.blocked)

    def _judge(self, state: MarketState, found: Dislocation, episode: Episode, market_risk: str) -> None:
        m = self._m
        denied = judge(self.facts(state, found, market_risk))
        if denied is None:
            denied = self._place(state, found, episode)
        if denied is None:
            self._tell(episode)
            self._begin(state.market, found.side, _OF_OUR_OWN)
            return
        if denied.gate not in episode.counted:
            self._tell(episode)
            episode.counted.add(denied.gate)
            m.tally.denied[denied.gate] += 1
            self.last_denial[state.market] = Denial(denied.text, m.now)
            m.emit(Journal(SignalRow(self._signal(state, found, episode), denied.text)))

    def _begin(self, market: MarketKey, side: OrderSide, counted: frozenset[Gate] = frozenset()) -> Episode:
        self._count += 1
        episode = self._episodes[market] = Episode(f"s{self._m.run.run_id}-{self._count}", side, counted)
        return episode

    def _tell(self, episode: Episode) -> None:
        if not episode.is_signal:
            episode.is_signal = True
            self._m.tally.signals += 1

    def facts(self, state: MarketState, found: Dislocation, market_risk: str) -> EntryFacts:
        """What the gates look at."""
        m, market = self._m, state.market
        return EntryFacts(
            hard_stop=self.stopped(),
            not_ready=self.not_ready(),
            paused=self.paused(),
            not_allowed="" if market in m.allowed else f"{market} is not in safety.allowed_markets",
            daily_cap=self.daily_cap(),
            flattening=self.flattening(market),
            market_risk=market_risk,
            size=found.size,
            price=found.price,
            mark_px=state.mark_px,
            market_exposure_usd=m.exposure_usd(market),
            total_exposure_usd=m.total_exposure_usd(),
            max_market_usd=m.max_market_usd,
            max_total_usd=m.max_total_usd,
            has_position=m.positions.get(market) is not None,
            is_busy=m.orders.is_busy(market),
            budget=m.budget.refuses_entry(m.now),
        )

    def standing_refusal(self, state: MarketState) -> str:
        """Why no entry would pass on this market now, whatever the signal; and where nothing stands against it, why one of the size that
        the book gives now would not. Empty if it would."""
        m, market = self._m, state.market
        verdict = m.market_gates.judge(state, m.now)
        for gate, reason in (
            (Gate.HARD_STOP, self.stopped()),
            (Gate.NOT_READY, self.not_ready()),
            (Gate.PAUSED, self.paused()),
            (Gate.NOT_ALLOWED, "" if market in m.allowed else "not in safety.allowed_markets"),
            (Gate.DAILY_CAP, self.daily_cap()),
            (Gate.FLATTEN, self.flattening(market)),
            (Gate.MARKET_RISK, verdict.blocked),
            (Gate.ACTION_BUDGET, m.budget.refuses_entry(m.now)),
        ):
            if reason:
                return Denied(gate, reason).text
        if m.positions.get(market) is not None:
            return Gate.HAS_POSITION.value
        if m.orders.is_busy(market):
            return Gate.PENDING_ORDER.value
        denied = judge(self.facts(state, m.detector.would_be(state, verdict.size_factor), verdict.blocked))
        return denied.text if denied is not None else ""

    def last_refusal(self, order: PendingOrder) -> str:
        """Why a queued entry must not leave after all; empty if it may. Its own mark and exposure are in the books already."""
        m, market = self._m, order.market
        if m.latch.tripped or m.stopping:
            return "stopped"
        if waited := self.too_old(order):
            return waited
        reason = self.not_ready() or self.flattening(market) or m.risk.refuses_entry(m.now, self._under_way() - 1)
        if not reason and m.positions.get(market) is not None:
            reason = "a position has come up"
        if not reason and (m.exposure_usd(market) > m.max_market_usd or m.total_exposure_usd() > m.max_total_usd):
            reason = "over the exposure limit by now"
        return reason

    def too_old(self, order: PendingOrder) -> str:
        """Why what caused a queued order is so long ago that it must not leave; empty if it may."""
        tracked = self._m.orders.get(order.cloid)
        is_by_hand = tracked is not None and tracked.purpose is Purpose.MANUAL
        # The table's time goes back with our clock, the order's own does not.
        age_ms = self._m.now - (tracked or order).created_at_ms
        is_old = age_ms > (BY_HAND_MAX_AGE_MS if is_by_hand else ENTRY_MAX_AGE_MS)
        return f"too old: {age_ms} ms in the queue" if is_old else ""

    def drop_too_old(self) -> None:
        """Where nothing may leave (no budget, too many answers awaited), nobody would look at them for a minute."""
        for order in self._m.scheduler.new_orders:
            if why := self.too_old(order):
                self._m.scheduler.remove(order.cloid)
                self.on_dropped(order.cloid, why)

    def drop_queued(self, why: str) -> int:
        """Take back every order that adds to a position and has not left yet, those by hand included. Returns how many."""
        m = self._m
        dropped = m.scheduler.drop_new_orders()
        for cloid, _market in dropped:
            self.on_dropped(cloid, why)
        return len(dropped)

    def drop_queued_entries(self, why: str) -> int:
        """The same for entries of our own alone."""
        m = self._m
        entries = [o for o in m.orders.live() if o.status is OrderStatus.QUEUED and o.purpose is Purpose.ENTRY]
        for order in entries:
            assert order.cloid is not None
            m.scheduler.remove(order.cloid)
            self.on_dropped(order.cloid, why)
        return len(entries)

    def on_dropped(self, cloid: Cloid, why: str) -> None:
        """An entry will not leave: its market is free again."""
        m = self._m
        change = m.orders.report(cloid, Report.DROPPED, m.now, reason=why)
        if change is not None:
            m.signals.pop(change.after.correlation_id, None)
            m.cancels.on_ended(change.after)
            m.journal_order(change)

    # --- inside ------------------------------------------------------------------------------------------------------

    def stopped(self) -> str:
        m = self._m
        if m.latch.tripped:
            return m.latch.reason
        return "the console is stopping" if m.stopping else ""

    def paused(self) -> str:
        m = self._m
        return "by the operator" if m.paused else m.risk.run_limits.pause(m.risk.counters)

    def daily_cap(self) -> str:
        m = self._m
        return m.risk.refuses_entry(m.now, self._under_way()) or m.risk.standing_reason()

    def _under_way(self) -> int:
        """Orders that may still open a position, those by hand included."""
        return sum(1 for o in self._m.orders.unsettled() if not o.reduce_only and not o.filled_size)

    def not_ready(self) -> str:
        m = self._m
        if not m.trading:
            return "observation mode"
        if not m.link.connected:
            return "not connected"
        if not m.readiness.is_ready:
            return "; ".join(m.readiness.view().missing)
        if expiring := m.key_watch.refuses_entry(m.now):
            return expiring
        # In doubt we may hold more than we count, and the limits are limits of what we hold.
        return "the exchange and we disagree about a position" if m.positions.has_suspects else ""

    def flattening(self, market: MarketKey) -> str:
        m = self._m
        if m.flattener.get(market) is not None or m.orders.has_unresolved_exit(market):
            return "an exit of this market is not settled"
        return "a cancel of this market is not settled" if self._cancelling(market) else ""

    def _cancelling(self, market: MarketKey) -> bool:
        return any(o.market == market for o in self._m.cancels.wanted)

    def _signal(self, state: MarketState, found: Dislocation, episode: Episode) -> Signal:
        assert state.oracle_px is not None
        assert state.mid_px is not None
        return Signal(
            signal_id=episode.signal_id,
            market=state.market,
            side=found.side,
            at_ms=self._m.now,
            oracle_px=state.oracle_px,
            touch_px=found.touch_px,
            touch_sz=found.touch_sz,
            mid_px=state.mid_px,
            price=found.price,
            size=found.size,
            edge_bps=found.edge_bps,
            fee_bps=found.fee_bps,
            expected_edge_bps=found.expected_edge_bps,
        )

    def _place(self, state: MarketState, found: Dislocation, episode: Episode) -> Denied | None:
        m = self._m
        order = PendingOrder(
            cloid=m.cloids.next(),
            market=state.market,
            side=found.side,
            price=found.price,
            size=found.size,
            reduce_only=False,
            tif=TimeInForce.IOC,
            created_at_ms=m.now,
        )
        result = m.scheduler.enqueue_new_order(order)
        if result not in (Enqueued.QUEUED, Enqueued.QUEUED_DEGRADED):
            return Denied(Gate.ENQUEUE, result.value)
        signal = self._signal(state, found, episode)
        m.orders.register(order, Purpose.ENTRY, signal.signal_id, m.now)
        m.signals[signal.signal_id] = signal
        m.tally.entries += 1
        m.emit(Journal(SignalRow(signal, "accepted")))
        m.note(
            Severity.INFO,
            "entry",
            f"{state.market} {found.side.value} {wire_text(found.size)} @ {wire_text(found.price)}, edge {found.edge_bps:.1f} bps",
            correlation_id=signal.signal_id,
        )
        return None
