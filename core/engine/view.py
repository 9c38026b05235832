"""The snapshot: what the console sees, built from the machines a few times a second. Reads everything, changes nothing.

SPEC 11.
"""

from __future__ import annotations

from decimal import Decimal

from core.engine.by_hand import ByHand
from core.engine.entries import Entries
from core.engine.machines import BPS, Machines
from core.engine.markets import MarketState
from core.engine.stopping import StopDesk
from core.messages.snapshot import (
    BudgetView,
    ConnectionView,
    HardStopView,
    InflightView,
    LoopStats,
    MarketView,
    OrderView,
    PnlView,
    PositionView,
    QueueView,
    ShutdownView,
    Snapshot,
    TallyView,
    TradingState,
)
from core.model.order import TrackedOrder
from core.model.position import Position

_ENDED_ORDERS_SHOWN = 30
_LATENCIES_SHOWN = 50


class View:
    def __init__(self, m: Machines, entries: Entries, stop_desk: StopDesk, by_hand: ByHand) -> None:
        self._m = m
        self._by_hand = by_hand
        self._entries = entries
        self._stop_desk = stop_desk
        self._number = 0
        self._seen: dict[int, tuple[TrackedOrder, OrderView]] = {}
        """Orders of the last snapshot and how they were shown, by the identity of the order, which is kept here and so stays its own."""

    def build(self, now_ms: int, loop: LoopStats) -> Snapshot:
        m = self._m
        self._number += 1
        state, why = self._state()
        return Snapshot(
            number=self._number,
            at_ms=now_ms,
            run=m.run,
            state=state,
            state_reason=why,
            paused=m.paused,
            connection=self._connection(now_ms),
            ready=m.readiness.view(),
            inflight=self._inflight(),
            queues=self._queues(),
            budget=BudgetView(m.budget.used, m.budget.cap, m.budget.limited, m.budget.blocked_until_ms(now_ms)),
            positions=tuple(self._position(p) for p in m.positions.all()),
            orders=self._orders(),
            fills=tuple(m.recent_fills),
            trades=tuple(m.recent_trades),
            markets=self._markets(now_ms),
            hard_stop=HardStopView(
                tripped=m.latch.tripped,
                reason=m.latch.reason,
                at_ms=m.latch.tripped_at_ms,
                orders_left=m.orders_left,
                positions_left=m.positions_left,
                reset_refusal=self._stop_desk.reset_refusal(),
            ),
            risk=m.risk.view(now_ms),
            tally=self._tally(),
            pnl=self._pnl(),
            audit=m.audit.entries,
            shutdown=self._shutdown(),
            loop=loop,
            alerts=m.alert_targets,
            lives=m.lives.views(m.orders.get),
            engine_error=m.fault,
            finished=m.finished,
            checkpoint=m.risk.run_limits.view(m.risk.counters),
            key_valid_until_ms=m.key_watch.valid_until_ms,
        )

    def _state(self) -> tuple[TradingState, str]:
        m = self._m
        if not m.trading:
            return TradingState.HALTED, "observation mode: nothing is sent"
        if not m.link.connected:
            return TradingState.HALTED, m.link.reason or "connecting"
        if m.latch.tripped:
            return TradingState.REDUCING, f"hard stop: {m.latch.reason}"
        if m.stopping is not None:
            return TradingState.REDUCING, f"stopping: {m.stopping.step}"
        if not m.readiness.is_ready:
            return TradingState.REDUCING, "not ready"
        if m.paused:
            return TradingState.REDUCING, "entries paused by the operator"
        if paused := m.risk.run_limits.pause(m.risk.counters):
            return TradingState.REDUCING, paused
        return TradingState.ACTIVE, ""

    def _connection(self, now_ms: int) -> ConnectionView:
        link, m = self._m.link, self._m
        latencies = sorted(link.latencies_ms)
        return ConnectionView(
            phase=link.phase,
            since_ms=link.since_ms,
            epoch=link.epoch,
            reason=link.reason,
            market_age_ms=None if link.market_at_ms is None else now_ms - link.market_at_ms,
            account_age_ms=None if link.account_at_ms is None else now_ms - link.account_at_ms,
            clock_offset_ms=m.nonces.offset_ms,
            order_latency_ms=link.latencies_ms[-1] if latencies else None,
            order_latency_p50_ms=latencies[len(latencies) // 2] if latencies else None,
            order_latency_max_ms=latencies[-1] if latencies else None,
            order_latency_history=tuple(link.latencies_ms)[-_LATENCIES_SHOWN:],
        )

    def _inflight(self) -> InflightView:
        m, limits = self._m, self._m.config.execution
        return InflightView(
            value=m.posts.inflight,
            limit=limits.inflight_limit,
            high_watermark=limits.inflight_high_watermark,
            maximum=m.inflight_peak,
            history=tuple(m.inflight_history),
        )

    def _queues(self) -> tuple[QueueView, ...]:
        limits = self._m.config.execution
        caps = (limits.cancel_queue_cap, limits.reduce_only_queue_cap, limits.new_order_queue_cap)
        names = ("cancel", "reduce-only", "new")
        return tuple(
            QueueView(name, depth, cap) for name, depth, cap in zip(names, self._m.scheduler.depths, caps, strict=True)
        )

    def _position(self, p: Position) -> PositionView:
        m = self._m
        mark, task = m.mark_of(p.market), m.flattener.get(p.market)
        configured = m.is_configured(p.market)
        upnl = None
        if mark is not None:
            exit_fee = p.size * mark * m.fee_bps(p.market) / BPS
            upnl = (mark - p.entry_price) * p.signed_size - m.trades.open_fees(p.market) - exit_fee
        return PositionView(
            market=p.market,
            side=p.side,
            size=p.size,
            entry_px=p.entry_price,
            mark_px=mark,
            notional_usd=None if mark is None else p.size * mark,
            upnl_usd=upnl,
            entry_ms=p.entry_timestamp_ms,
            time_stop_at_ms=m.time_stop.due_at_ms(p) if configured and m.trading and not m.run.by_hand else None,
            exit_attempts=task.attempts if task else 0,
            exit_reason=task.reason.value if task else "",
            exit_started_ms=task.started_ms if task else None,
            is_external=not configured,
            is_suspect=m.positions.is_suspect(p.market),
        )

    def _orders(self) -> tuple[OrderView, ...]:
        m = self._m
        ended = m.orders.ended()[-_ENDED_ORDERS_SHOWN:]
        shown = (*m.orders.unsettled(), *m.orders.external(), *reversed(ended))
        # Nearly all of them are the very objects of the last snapshot, which nobody can have changed.
        known = self._seen
        self._seen = {id(o): known.get(id(o)) or (o, _order(o)) for o in shown}
        return tuple(self._seen[id(o)][1] for o in shown)

    def _markets(self, now_ms: int) -> tuple[MarketView, ...]:
        total_usd = self._m.total_exposure_usd()
        return tuple(self._market(s, now_ms, total_usd) for s in self._m.markets.all())

    def _market(self, s: MarketState, now_ms: int, total_usd: Decimal) -> MarketView:
        m = self._m
        denial = self._entries.last_denial.get(s.market)
        fee = m.fee_bps(s.market) if s.spec else None
        return MarketView(
            market=s.market,
            asset_id=s.spec.asset_id if s.spec else None,
            index=s.spec.index if s.spec else None,
            oracle_px=s.oracle_px,
            mark_px=s.mark_px,
            bid_px=s.bid_px,
            ask_px=s.ask_px,
            bid_sz=s.bid_sz,
            ask_sz=s.ask_sz,
            buy_edge_bps=s.edge_bps(True),
            sell_edge_bps=s.edge_bps(False),
            threshold_bps=None if fee is None else m.detector.threshold_bps(fee, m.min_edge_bps[s.market]),
            fee_bps=fee,
            spread_bps=s.spread_bps,
            bbo_age_ms=s.bbo_age_ms(now_ms),
            ctx_age_ms=s.ctx_age_ms(now_ms),
            gate=self._entries.standing_refusal(s),
            last_denial=denial.text if denial else "",
            last_denial_ms=denial.at_ms if denial else None,
            left_out=s.left_out,
            edge_history=tuple(s.edge_history),
            facts=self._by_hand.facts(s.market, total_usd),
        )

    def _tally(self) -> TallyView:
        t, posts = self._m.tally, self._m.posts
        return TallyView(
            posts_sent=posts.sent_total,
            posts_completed=posts.completed_total,
            orders_accepted=t.accepted,
            orders_rejected=t.rejected,
            orders_timed_out=t.timed_out,
            send_failures=t.send_failures,
            signals=t.signals,
            entries=t.entries,
            fills=t.fills,
            flattens=t.flattens,
            worst_flat_time_ms=t.worst_flat_ms,
            denied=tuple((gate.value, count) for gate, count in t.denied.items() if count),
            market_explained_rejections=t.market_explained,
            errors=t.errors,
            orders_by_hand=t.by_hand,
            orders_by_hand_denied=t.by_hand_denied,
        )

    def _pnl(self) -> PnlView:
        m, t = self._m, self._m.tally
        unrealized = Decimal(0)
        for p in m.positions.all():
            mark = m.mark_of(p.market)
            if mark is not None:
                unrealized += (mark - p.entry_price) * p.signed_size
        return PnlView(
            realized_usd=t.realized,
            fees_usd=t.fees,
            funding_usd=t.funding,
            unrealized_usd=unrealized,
            account_value_usd=sum(m.account_values.values(), Decimal(0)) if m.account_values else None,
            exposure_usd=m.total_exposure_usd(),
            exposure_limit_usd=m.max_total_usd,
            trades=t.trades,
            wins=t.wins,
            history=tuple(m.pnl_history),
        )

    def _shutdown(self) -> ShutdownView | None:
        m, stop = self._m, self._m.stopping
        if stop is None:
            return None
        return ShutdownView(
            reason=stop.reason,
            since_ms=stop.since_ms,
            deadline_ms=stop.deadline_ms,
            orders_left=len(m.orders.unsettled()),
            positions_left=m.positions_left,
            step=stop.step,
        )


def _order(o: TrackedOrder) -> OrderView:
    return OrderView(
        cloid=o.cloid,
        oid=o.oid,
        market=o.market,
        side=o.side,
        price=o.price,
        size=o.original_size,
        filled=o.filled_size,
        tif=o.tif,
        reduce_only=o.reduce_only,
        status=o.status,
        purpose=o.purpose.value,
        reason=o.reason,
        created_ms=o.created_at_ms,
        updated_ms=o.updated_at_ms,
        is_external=o.is_external,
        is_settled=o.is_settled,
    )
