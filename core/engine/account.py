"""What the exchange tells about our orders, fills and positions, from whatever channel it comes, and what follows from it.

Reply, order update and fill come in any order, twice, or not at all; each is applied by the table it belongs to, and the consequences are
drawn here, once: an order that ended, an order that settled, a position that opened or closed. Easy to get wrong: the fills of the very
first snapshot are history, they move nothing and earn nothing.

SPEC 6, 7; DESIGN, four rules; lessons L02-L09, L18, L35.
"""

from __future__ import annotations

from collections.abc import Callable

from core.engine.away import Away
from core.engine.exits import Exits
from core.engine.lookups import NO_POST, Case, words_of_absence
from core.engine.machines import FILL_MARGIN_MS, Machines
from core.engine.orders import Change
from core.engine.positions import PositionChange
from core.engine.rejections import classify
from core.engine.trades import usd
from core.messages.effects import FillRow, ForgetPost, Journal, Severity, TradeRow
from core.messages.events import (
    Fills,
    FillsRead,
    OpenOrdersRead,
    OrderReport,
    OrderStatusRead,
    OrderUpdates,
    PositionsRead,
)
from core.messages.queries import Query, QueryFills, QueryOpenOrders, QueryOrderStatus, QueryPositions, QuerySpecs
from core.model.cloid import Cloid, is_ours
from core.model.market import MarketKey
from core.model.order import OrderStatus, Purpose, Report, TimeInForce
from core.model.position import ExitReason, Fill

_FILLS_EVERY_MS = 1_000
SPECS_AGAIN_MS = 5_000
_BELIEVE_AFTER_MS = 3_000
"""A reading of the fills asked this long after the order ended has them all, whatever size was claimed."""


class Account:
    """Args: trip: pulls the HardStop with a reason."""

    def __init__(self, m: Machines, exits: Exits, trip: Callable[[str], None]) -> None:
        self._m = m
        self._exits = exits
        self._trip = trip
        self._away = Away(m, self._close_trade, trip)
        self._had_snapshot = False
        self._fills_asked_ms: int | None = None
        self._first_read: set[str] = set()
        """Dexes whose positions were read since the connection came up."""

    # --- channels ------------------------------------------------------------------------------------------------------

    def on_order_updates(self, updates: OrderUpdates) -> None:
        for report in (r for r in updates.orders if r.market.dex in self._m.dexes):  # no list of others is read
            if not self._m.orders.is_known(report):
                self._m.positions.doubt_filled(report, self._m.now)
            self._apply_report(report)
        self._forget_gone()

    def on_fills(self, event: Fills) -> None:
        m, fills = self._m, event.fills
        if event.is_snapshot:
            m.readiness.on_fills_snapshot()
            if not self._had_snapshot:
                self._had_snapshot = True
                fills = tuple(f for f in fills if self._away.is_of_this_run(f))
                live = {f.key for f in fills}
                history = tuple(f for f in event.fills if f.key not in live)
                new = m.positions.take_new(history)
                m.positions.keep_history(new)
                self._away.on_first_snapshot(history, new)
            # Only now: with the fills in hand, a difference in sizes is a real one.
            for dex in m.config.dexes:
                m.ask(QueryPositions(dex))
        for fill in m.positions.take_new(fills):
            self._apply_fill(fill)

    # --- answers -------------------------------------------------------------------------------------------------------

    def on_open_orders(self, read: OpenOrdersRead) -> None:
        """The snapshot of orders of one dex: what is not in it and was open is looked up."""
        m = self._m
        query = QueryOpenOrders(read.dex)
        asked_ms = m.asker.on_answer(query, m.now)
        if asked_ms is None:
            return  # asked on a connection that is gone: it must not stand for the snapshot of this one
        for text in m.orders.let_go_of_resting(read.orders, asked_ms):
            m.note(Severity.WARNING, "orders", text)
        for report in read.orders:
            self._apply_report(report)
        m.orders.replace_external(read.dex, frozenset(r.oid for r in read.orders))
        self._forget_gone()
        there = {r.oid for r in read.orders}
        for order in m.orders.live():
            is_resting = order.status in (OrderStatus.OPEN, OrderStatus.PARTIAL_FILLED)
            older = order.updated_at_ms < asked_ms
            if is_resting and order.market.dex == read.dex and order.oid not in there and older:
                assert order.cloid is not None
                m.ask(QueryOrderStatus(order.cloid))
        m.lookups.on_open_orders(read.dex, there, asked_ms, m.orders.get)
        m.readiness.on_open_orders(read.dex)
        self._confirm(query, asked_ms, is_empty=not any(is_ours(r.cloid) for r in read.orders))

    def on_positions(self, read: PositionsRead) -> None:
        m = self._m
        query = QueryPositions(read.dex)
        asked_ms = m.asker.on_answer(query, m.now)
        if asked_ms is None:
            return  # asked on a connection that is gone
        m.account_values[read.dex] = read.account_value
        m.positions_read_ms[read.dex] = m.now
        for p in read.positions:
            if p.signed_size:
                m.venue_marks[p.market] = abs(p.position_value / p.signed_size)
        is_first = read.dex not in self._first_read
        self._first_read.add(read.dex)
        changes = m.positions.reconcile(read, m.now, is_first=is_first, is_unsettled=m.orders.has_unsettled)
        for change in changes:
            if change.by_resync:
                held = f"{change.after.side.value} {change.after.size}" if change.after else "flat"
                m.note(Severity.WARNING, "resync", f"{change.market}: the exchange says {held}; taken over")
            self._on_position_change(change)
        if m.positions.has_suspects or any(c.by_resync and not c.is_found for c in changes):
            self._ask_fills(m.now - 60_000)
        m.readiness.on_positions(read.dex)
        self._confirm(query, asked_ms, is_empty=not read.positions)

    def on_order_status(self, read: OrderStatusRead) -> None:
        m = self._m
        asked = m.asker.on_answer(QueryOrderStatus(read.cloid), m.now) or 0
        if read.report is not None:
            self._apply_report(read.report)
            order = m.orders.get(read.cloid)
            # An IOC never rests: once its time is over, a status that nobody understands says no more than "not known" does.
            if read.report.status is not OrderStatus.UNKNOWN or order is None or order.tif is not TimeInForce.IOC:
                return
        elif m.lookups.get(read.cloid) is None:
            # It was seen open, and is gone without a word on how it ended.
            self.on_change(m.orders.report(read.cloid, Report.LOST, m.now, reason="no longer known to the exchange"))
        case = m.lookups.on_miss(read.cloid, asked)
        m.lives.step(read.cloid, m.now, "looked up", "the exchange does not know it")
        if case is not None and case.is_proven_absent(m.orders.get(case.cloid)):
            self._conclude_absent(case.cloid)

    def on_fills_read(self, read: FillsRead) -> None:
        m = self._m
        asked_ms = m.asker.on_answer(QueryFills(read.start_ms), m.now)
        m.asker.drop(QueryFills(read.start_ms))
        asked = asked_ms if asked_ms is not None else 0
        fills = read.fills
        if not self._had_snapshot:
            # What this run did not do is left to the snapshot, which books it.
            fills = tuple(f for f in fills if self._away.is_of_this_run(f))
            self._away.on_read_before(f for f in read.fills if f not in fills)
        for fill in m.positions.take_new(fills):
            self._apply_fill(fill)
        m.lookups.on_fills_read(read.start_ms, asked, read.complete)
        for case in m.lookups.all():
            if case.is_proven_absent(m.orders.get(case.cloid)):
                self._conclude_absent(case.cloid)
        if not read.complete:
            return
        for order in m.orders.unsettled():
            covered = read.start_ms <= order.created_at_ms - FILL_MARGIN_MS // 2
            if order.status.is_terminal and covered and asked >= order.updated_at_ms + _BELIEVE_AFTER_MS:
                assert order.cloid is not None
                m.note(
                    Severity.WARNING,
                    "fills",
                    f"{order.market} {order.cloid[-6:]}: {order.venue_filled} filled was said, {order.filled_size} is all there is",
                )
                self.on_change(m.orders.believe_fills(order.cloid, m.now))

    # --- time ------------------------------------------------------------------------------------------------------------

    def on_tick(self) -> None:
        """Look for what is missing: fills of orders that ended, outcomes of orders that are unknown."""
        m = self._m
        if m.orders.all_settled and m.lookups.is_empty:
            return
        oldest: list[int] = []
        for order in m.orders.unsettled():
            if order.misses_fills and m.now - order.updated_at_ms >= _FILLS_EVERY_MS:
                oldest.append(order.created_at_ms)
        sent_ms = m.lookups.earliest_sent_ms
        if sent_ms is not None:
            oldest.append(sent_ms)
        if oldest:
            self._ask_fills(min(oldest) - FILL_MARGIN_MS)
        for case in m.lookups.all():
            m.ask_every(QueryOrderStatus(case.cloid), _FILLS_EVERY_MS)
            if (lost := m.orders.get(case.cloid)) is not None and lost.may_rest:
                m.ask_every(QueryOpenOrders(lost.market.dex), _FILLS_EVERY_MS)
        for order in m.orders.live():
            # An IOC that is said to be open is one whose end we have missed.
            seen_open = order.status in (OrderStatus.OPEN, OrderStatus.PARTIAL_FILLED) and order.tif is TimeInForce.IOC
            if seen_open and m.now - order.updated_at_ms >= _FILLS_EVERY_MS:
                assert order.cloid is not None
                m.ask_every(QueryOrderStatus(order.cloid), _FILLS_EVERY_MS)

    def on_disconnect(self) -> None:
        self._first_read.clear()
        self._fills_asked_ms = None

    # --- consequences ------------------------------------------------------------------------------------------------------

    def on_change(self, change: Change | None) -> None:
        """An order changed: draw every consequence, once."""
        if change is None:
            return
        m, order = self._m, change.after
        assert order.cloid is not None
        if change.status_changed or change.before.filled_size != order.filled_size:
            m.journal_order(change)
        if order.status is OrderStatus.UNKNOWN:
            # Lost by its post (the case is open already), or a status nobody understands: look for it either way.
            m.lookups.open(Case(order.cloid, NO_POST, order.created_at_ms, None, repeatable=False, now_ms=m.now))
        else:
            self._close_case(order.cloid)
        if change.ended:
            m.cancels.on_ended(order)
            if order.status is OrderStatus.REJECTED:
                m.count_order(rejected=1)
            elif order.status is OrderStatus.FILLED or order.oid is not None:
                m.count_order(accepted=1)
            if order.purpose is Purpose.ENTRY:
                filled = bool(order.filled_size or order.venue_filled)
                m.market_gates.on_entry_ended(order.market, filled, m.now)
            if order.reason and order.status is OrderStatus.REJECTED:
                self._on_rejected(change)
        if change.settled:
            if order.purpose is Purpose.EXIT:
                m.flattener.on_attempt_ended(order.market, order.reason or order.status.value, m.now)
                if not order.filled_size:
                    m.ask(QueryPositions(order.market.dex))
            else:
                m.signals.pop(order.correlation_id, None)

    def _on_rejected(self, change: Change) -> None:
        m, order = self._m, change.after
        kind = classify(order.reason)
        text = f"{order.market} {order.side.value} {order.original_size} @ {order.price}: {order.reason} ({kind.value})"
        severity = Severity.WARNING if kind.counts or order.reduce_only else Severity.INFO
        m.note(severity, "rejected", text, correlation_id=order.correlation_id)
        if "openinterest" in order.reason.lower().replace(" ", ""):
            m.market_gates.on_open_interest_cap(order.market, m.now)
        if not kind.counts:
            m.tally.market_explained += 1
            return
        # It may be that we do not know the market's rules any more; an exit cannot wait until they are read anyway.
        m.ask_every(QuerySpecs(order.market.dex), SPECS_AGAIN_MS)
        if order.reduce_only:
            m.alert(Severity.CRITICAL, f"{order.market} exit rejected", order.reason)
        reason = m.risk.on_rejected(m.now)
        m.persist_counters()
        if reason:
            self._trip(reason)

    def _apply_report(self, report: OrderReport) -> None:
        m = self._m
        change = m.orders.on_venue_report(report, m.now)
        if report.status is OrderStatus.UNKNOWN:
            m.tally.errors += 1
            text = f"{report.market} oid {report.oid}: unknown status {report.status_text!r}"
            m.note(Severity.WARNING, "status", text)
        self.on_change(change)

    def _apply_fill(self, fill: Fill) -> None:
        m = self._m
        change = m.orders.on_fill(fill, m.now)
        order = change.after if change else None
        signal = m.signals.get(order.correlation_id) if order else None
        m.trades.on_fill(fill, signal, story := m.story_of(order, fill.cloid))
        if order is not None and order.cloid is not None:
            m.lives.on_fill(order.cloid, fill, m.now)
        m.tally.fills += 1
        m.tally.fees += fill.fee
        m.tally.realized += fill.closed_pnl - fill.fee
        m.show_fill(fill, is_external=order is None)
        m.emit(Journal(FillRow(fill, story)))
        if signal is not None:
            m.emit(*m.edges.on_fill(signal, fill.side, m.markets[fill.market], m.now))
        moved = m.positions.apply(fill, m.now)
        if moved is not None:
            closed_by = ExitReason.OPERATOR if order is not None and order.purpose is Purpose.MANUAL else None
            if order is None and not is_ours(fill.cloid):
                closed_by = ExitReason.EXTERNAL
            self._on_position_change(moved, closed_by=closed_by)
        elif fill.start_position + fill.size * fill.side.sign == 0 and m.positions.get(fill.market) is None:
            # Its size was taken over from the exchange before it came: what is left is to book what it earned.
            self._close_trade(fill.market, ExitReason.EXTERNAL)
        self.on_change(change)

    def _on_position_change(self, change: PositionChange, *, closed_by: ExitReason | None = None) -> None:
        m = self._m
        if change.closed:
            self._on_closed(change, closed_by)
        for taken_back in self._exits.take_back(change.market):
            self.on_change(taken_back)
        if change.opened and change.after is not None:
            p = change.after
            if self._away.is_made_now(change):
                m.risk.on_position_opened(m.now)
                m.persist_counters()
            if change.by_resync:
                self._away.take_over(p)
            m.note(Severity.INFO, "position", f"{p.market}: {p.side.value} {p.size} @ {p.entry_price:f} open")

    def _on_closed(self, change: PositionChange, closed_by: ExitReason | None) -> None:
        m = self._m
        task = self._exits.on_flat(change.market)
        if task is not None:
            m.tally.flattens += 1
            flat_ms = m.now - task.started_ms
            m.tally.worst_flat_ms = max(m.tally.worst_flat_ms or 0, flat_ms)
            reason = task.reason if closed_by is None else closed_by
            self._close_trade(change.market, reason, started_ms=task.started_ms, attempts=task.attempts)
        else:
            self._close_trade(change.market, ExitReason.EXTERNAL if closed_by is None else closed_by)

    def _close_trade(
        self, market: MarketKey, reason: ExitReason, *, started_ms: int | None = None, attempts: int = 0
    ) -> None:
        m = self._m
        trade = m.trades.close(market, reason, exit_started_ms=started_ms, attempts=attempts, now_ms=m.now)
        if trade is None:
            m.note(Severity.WARNING, "trade", f"{market}: flat, and no fill of it was seen", correlation_id="")
            return
        self._away.on_closed(trade)
        net = trade.net_pnl_usd
        m.tally.trades += 1
        m.tally.wins += net > 0
        m.recent_trades.appendleft(trade)
        m.emit(Journal(TradeRow(trade)))
        m.note(
            Severity.INFO,
            "trade",
            f"{market}: closed by {reason.value}, {trade.actual_edge_bps:+.1f} bps, net {usd(net)}",
            correlation_id=trade.trade_id,
        )
        reasons = [m.risk.on_position_closed(net)]
        m.count_trade(trade)
        if trade.slippage_bps is not None:
            reasons.append(m.risk.on_slippage(trade.slippage_bps))
        m.pnl_history.append(m.tally.realized)
        m.persist_counters()
        for why in reasons:
            if why:
                self._trip(why)

    def _forget_gone(self) -> None:
        """Orders of others tell nobody that they ended; they are only no longer there."""
        m = self._m
        there = {o.oid for o in m.orders.external()}
        for order in m.cancels.wanted:
            if order.is_external and order.oid not in there:
                m.cancels.on_ended(order)

    def _conclude_absent(self, cloid: Cloid) -> None:
        m, (reason, said) = self._m, words_of_absence(self._m.orders.get(cloid))
        change = m.orders.report(cloid, Report.DROPPED, m.now, reason=reason)
        assert change is not None, f"order {cloid} is looked for and not UNKNOWN"
        text = f"{change.after.market} {cloid[-6:]}: {said}"
        m.note(Severity.INFO, "lookup", text, correlation_id=change.after.correlation_id)
        self.on_change(change)

    def _close_case(self, cloid: Cloid) -> None:
        m = self._m
        case = m.lookups.close(cloid)
        if case is None:
            return
        m.asker.drop(QueryOrderStatus(cloid))
        if case.post_id != NO_POST and not m.lookups.uses_post(case.post_id):
            m.emit(ForgetPost(case.post_id))

    def _confirm(self, query: Query, asked_ms: int, *, is_empty: bool) -> None:
        """The exchange said "nothing" to a question asked after we believed it: that is what an orderly stop waits for.

        A later answer that is not empty takes it back, believed or not.
        """
        stop = self._m.stopping
        if stop is None or stop.flat_since_ms is None:
            return
        if not is_empty:
            stop.confirmed.discard(query)
        elif asked_ms >= stop.flat_since_ms:
            stop.confirmed.add(query)

    def _ask_fills(self, start_ms: int) -> None:
        m = self._m
        if self._fills_asked_ms is not None and 0 <= m.now - self._fills_asked_ms < _FILLS_EVERY_MS:
            return
        self._fills_asked_ms = m.now
        m.ask(QueryFills(max(0, start_ms)))
