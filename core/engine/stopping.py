"""HardStop and the orderly stop: both end everything that is open; one latches and stays, the other ends the program.

`trip` is one synchronous method: latch (on disk first), drop what is queued, cancel the rest, flatten all, alert. There is no window
between its steps. Easy to get wrong: done means that the exchange itself said flat, in an answer to a question asked after we
believed so; anything else is NOT CONFIRMED.

SPEC 8; lessons L26, L28, L29, L30, L46.
"""

from __future__ import annotations

from core.engine.entries import Entries
from core.engine.exits import Exits
from core.engine.machines import Machines, Stopping
from core.engine.posts import count_of
from core.messages.commands import ResetHardStop
from core.messages.effects import Finished, Journal, PersistLatch, PostRow, Severity
from core.messages.queries import QueryOpenOrders, QueryPositions
from core.model.cloid import is_ours
from core.model.order import OrderStatus
from core.model.position import ExitReason
from core.model.rounding import wire_text


class StopDesk:
    def __init__(self, m: Machines, entries: Entries, exits: Exits) -> None:
        self._m = m
        self._entries = entries
        self._exits = exits
        self._said_flat = False

    # --- HardStop ------------------------------------------------------------------------------------------------------------

    def trip(self, reason: str) -> None:
        """Latch and end everything. A second trip changes nothing; the first reason is kept."""
        m = self._m
        if not m.latch.trip(reason, m.now):
            m.note(Severity.WARNING, "hard stop", f"already latched; also: {reason}")
            return
        # Before whatever this message has set in motion already: it is to be on disk first.
        m.out.insert(0, PersistLatch(m.latch.state))
        self._said_flat = False
        m.note(Severity.CRITICAL, "hard stop", reason)
        dropped = self._entries.drop_queued("hard stop")
        self._end_everything(ExitReason.HARD_STOP, with_foreign=True)
        foreign = sum(1 for o in m.orders.external() if not is_ours(o.cloid))
        others = f" ({foreign} of them EXTERNAL, cancelled too)" if foreign and m.trading else ""
        m.alert(
            Severity.CRITICAL,
            "HARD STOP",
            f"{reason}; {dropped} queued entries dropped, {m.orders_left} orders{others} and {m.positions_left} positions left",
        )

    def reset_refusal(self, *, override: bool = False) -> str:
        """Why the latch may not be released now; empty if it may."""
        m = self._m
        if not m.latch.tripped:
            return "not latched"
        if override:
            return ""
        return self._something_left() or m.risk.standing_reason()

    def reset(self, command: ResetHardStop) -> str:
        """Release the latch. Returns why not, or an empty text."""
        m = self._m
        if not command.reason.strip():
            return "a reset needs a reason"
        refusal = self.reset_refusal(override=command.override)
        if refusal:
            return refusal
        overridden = self.reset_refusal() if command.override else ""
        m.latch.reset()
        m.cancels.give_up_foreign(m.now)
        m.emit(PersistLatch(m.latch.state))
        m.risk.after_reset(forgive_loss=command.override and bool(m.risk.standing_reason()))
        m.persist_counters()
        how = f" OVERRIDING: {overridden}" if overridden else ""
        m.note(
            Severity.CRITICAL,
            "reset",
            f"hard stop released by {command.who}: {command.reason}{how}",
            command_id=command.command_id,
        )
        return ""

    # --- orderly stop ----------------------------------------------------------------------------------------------------------

    def shut_down(self, reason: str) -> None:
        m = self._m
        if m.stopping is not None:
            return
        m.stopping = Stopping(reason, m.now, m.now + m.config.execution.stop_grace_ms)
        m.note(Severity.INFO, "stop", f"orderly stop: {reason}")
        self._entries.drop_queued("stopping")
        self._end_everything(ExitReason.SHUTDOWN, with_foreign=False)
        self._finish_if_done()

    # --- time --------------------------------------------------------------------------------------------------------------------

    def on_tick(self) -> None:
        m = self._m
        if m.latch.tripped and m.trading:
            self._end_everything(ExitReason.HARD_STOP, with_foreign=True)
            if not self._said_flat and not self._something_left():
                self._said_flat = True
                m.alert(Severity.INFO, "HARD STOP done", "no position and no order is left; waiting for a reset")
        if m.stopping is not None:
            if not m.latch.tripped:
                self._end_everything(ExitReason.SHUTDOWN, with_foreign=False)
            self._finish_if_done()

    # --- inside ------------------------------------------------------------------------------------------------------------------

    def _something_left(self) -> str:
        """What is open, or why that is not known; empty when nothing is and the exchange agrees."""
        m = self._m
        if not m.link.connected:
            return "not connected: what is open is not known"
        if m.positions_left or m.orders_left:
            return f"{m.positions_left} positions and {m.orders_left} orders are left"
        if not m.readiness.account_read or m.positions.has_suspects:
            return "positions and orders are not in sync with the exchange yet"
        return ""

    def _end_everything(self, reason: ExitReason, *, with_foreign: bool) -> None:
        """Ask for the end of each order and position that was not asked for yet. Exits under way are left alone."""
        m = self._m
        if not m.trading or self._leaves_open:
            return
        for order in m.orders.live():
            if order.is_exit:
                continue
            if order.status is not OrderStatus.QUEUED:
                m.cancels.want(order)
            elif order.reduce_only and order.cloid is not None and m.scheduler.remove(order.cloid):
                # By hand: it would rest where the exit has to go.
                self._entries.on_dropped(order.cloid, reason.value)
        for order in m.orders.external():
            if with_foreign or is_ours(order.cloid):
                m.cancels.want(order)
        self._exits.flatten_all(reason)

    @property
    def _leaves_open(self) -> bool:
        """A run by hand ends as it is, unless the hard stop has the word."""
        return self._m.run.by_hand and not self._m.latch.tripped

    def _finish_if_done(self) -> None:
        m, stop = self._m, self._m.stopping
        assert stop is not None
        if m.finished:
            return
        if not m.trading:
            self._finish(True, "nothing to close: observation mode")
            return
        if self._leaves_open:
            self._leave_when_still(stop)
            return
        if not m.link.was_ready and not m.positions_left and not m.orders.unsettled() and not m.posts.sent_total:
            synced = m.readiness.account_read and not m.orders_left
            text = "nothing was sent in this run"
            self._finish(synced, text if synced else f"{text}, but what the account holds was never read")
            return
        own_orders = len(m.orders.unsettled()) + sum(1 for o in m.orders.external() if is_ours(o.cloid))
        if m.positions_left or own_orders:
            stop.flat_since_ms = None
            stop.confirmed.clear()
            stop.step = "closing positions and orders" if m.link.connected else "waiting for the connection"
        elif stop.flat_since_ms is None:
            stop.flat_since_ms = m.now
            stop.confirmed.clear()
        if stop.flat_since_ms is not None and m.link.connected:
            stop.step = "asking the exchange to confirm"
            queries = [q for dex in m.config.dexes for q in (QueryPositions(dex), QueryOpenOrders(dex))]
            for query in queries:
                if query not in stop.confirmed:
                    m.ask_every(query, 500)
            if stop.confirmed.issuperset(queries):
                self._finish(True, "the exchange reports flat and no order of ours")
                return
        if m.now >= stop.deadline_ms:
            held = ", ".join(f"{p.market} {p.side.value} {p.size}" for p in m.positions.all()) or "no position known"
            self._finish(
                False, f"NOT CONFIRMED after {(m.now - stop.since_ms) / 1000:.0f} s: {held}; {own_orders} orders"
            )

    def _leave_when_still(self, stop: Stopping) -> None:
        """Nothing is cancelled or closed: done as soon as every order has ended or rests."""
        m = self._m
        moving = [o for o in m.orders.unsettled() if not o.is_resting]
        stop.step = "waiting for orders under way"
        if moving and m.now < stop.deadline_ms:
            return
        held = ", ".join(f"{p.market} {p.side.value} {wire_text(p.size)}" for p in m.positions.all()) or "no position"
        resting = len(m.orders.unsettled()) - len(moving)
        text = f"left open as asked: {held}, {resting} resting orders"
        if moving:
            self._finish(False, f"NOT CONFIRMED: the outcome of {len(moving)} orders is not known; {text}")
        else:
            self._finish(True, text)

    def _finish(self, confirmed: bool, text: str) -> None:
        m = self._m
        m.finished = True
        for post in (m.posts.get(post_id) for post_id in m.posts.open_ids()):
            if post is not None and not post.repeats_post:  # flat was confirmed before its answer came
                kind = type(post.batch).__name__.lower()
                m.emit(Journal(PostRow(post.post_id, post.nonce, kind, count_of(post.batch), "unanswered at the end")))
        severity = Severity.INFO if confirmed else Severity.CRITICAL
        m.alert(severity, "stopped", text)
        m.emit(Finished(confirmed, text))
