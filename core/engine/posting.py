"""From the queues to a post and back: dispatch, deadlines, answers.

One post per interval, one batch per post, one nonce per batch. A post is closed exactly once, and what its end means for each order is
the table of SPEC 7. Easy to get wrong: silence is not rejection. After a post was sent, no answer makes every order in it UNKNOWN;
only an exit that certainly never left is queued again.

SPEC 4, 7 (PostRequestManager, what happens to a batch).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from core.engine.account import SPECS_AGAIN_MS, Account
from core.engine.by_hand import ByHand
from core.engine.entries import Entries
from core.engine.lookups import Case
from core.engine.machines import Machines
from core.engine.posts import OpenPost, cloids_of, count_of
from core.engine.rejections import Rejection, classify
from core.messages.effects import ForgetPost, Journal, Post, PostRow, Repost, Severity
from core.messages.events import OrderOutcome, Outcome, PostNotSent, PostRefused, PostReply, PostSent, PostSigned
from core.messages.queries import QueryOpenOrders, QuerySpecs
from core.model.cloid import Cloid
from core.model.order import (
    Cancels,
    Orders,
    OrderStatus,
    PendingCancel,
    PendingOrder,
    Purpose,
    Report,
    TimeInForce,
)

_NOT_SENT_ALERT_AFTER = 3


class Posting:
    def __init__(self, m: Machines, account: Account, entries: Entries, by_hand: ByHand) -> None:
        self._m = m
        self._by_hand = by_hand
        self._account = account
        self._entries = entries
        self._not_sent_in_a_row = 0

    # --- out -----------------------------------------------------------------------------------------------------------

    def dispatch(self, is_tick: bool) -> None:
        """Hand at most one post to the outside, if the interval since the last is over and the last has left."""
        m = self._m
        if not is_tick and m.config.execution.dispatch != "eager":
            return
        if m.scheduler.is_empty and m.lookups.is_empty:
            return  # nearly always: nothing waits to leave
        if not m.may_post or m.posts.has_unsent or not m.budget.may_post(m.now):
            return
        if m.budget.has_posted_within(m.config.execution.tick_interval_ms, m.now):
            return
        if m.posts.inflight < m.config.execution.inflight_limit and self._repeat():
            return
        batch = m.scheduler.tick(limited=m.budget.limited)
        if isinstance(batch, Orders):
            batch = self._still_wanted(batch)
        elif isinstance(batch, Cancels):
            batch = self._still_open(batch)
        if batch is not None:
            self._open(batch)

    def on_tick(self) -> None:
        """Posts past their deadline are closed; what they carried is looked for."""
        m = self._m
        for post_id in m.posts.overdue(m.now):
            post = m.posts.close(post_id)
            assert post is not None
            m.budget.on_failure(m.now)
            self._journal(post, "timed out" if post.sent else "timed out unsent")
            m.note(
                Severity.WARNING, "post", f"post {post_id}: no answer within {m.config.execution.post_timeout_ms} ms"
            )
            self._on_silence(post)

    def _repeat(self) -> bool:
        """Send the bytes of a lost exit once more."""
        m = self._m
        original = m.lookups.due_repeat(m.now)
        if original is None:
            return False
        lost = [m.orders.get(c.cloid) for c in m.lookups.all() if c.post_id == original]
        exits = Orders(tuple(o.as_pending() for o in lost if o is not None))
        post_id = m.posts.next_id()
        deadline_ms = m.now + m.config.execution.post_timeout_ms
        m.posts.register(OpenPost(post_id, 0, exits, m.now, deadline_ms, None, repeats_post=original))
        m.budget.on_posted(
            0, m.now
        )  # counted with the first copy, but in limited mode it takes its turn like any other
        m.emit(Repost(post_id, original))
        m.note(Severity.WARNING, "post", f"post {post_id}: the bytes of post {original} once more")
        return True

    def _still_wanted(self, batch: Orders) -> Orders | None:
        """The last look before signing: no entry that the gates would refuse by now, nothing that ended meanwhile."""
        m = self._m
        kept = []
        for order in batch.orders:
            tracked = m.orders.get(order.cloid)
            if tracked is not None and tracked.status is not OrderStatus.QUEUED:
                # Put back as never sent, and the exchange had it after all.
                continue
            if order.reduce_only:
                kept.append(order)
                continue
            by_hand = tracked is not None and tracked.purpose is Purpose.MANUAL
            why = (self._by_hand if by_hand else self._entries).last_refusal(order)
            if why:
                self._entries.on_dropped(order.cloid, why)
            else:
                kept.append(order)
        return Orders(tuple(kept)) if kept else None

    def _still_open(self, batch: Cancels) -> Cancels | None:
        """What ended while its cancel waited in the queue is not cancelled."""
        kept = tuple(c for c in batch.cancels if self._m.cancels.order_of(c) is not None)
        return Cancels(kept) if kept else None

    def _open(self, batch: Orders | Cancels) -> None:
        m = self._m
        timeout = m.config.execution.post_timeout_ms
        has_entry = isinstance(batch, Orders) and any(not o.reduce_only for o in batch.orders)
        # On the exchange's clock, which is the one that judges it.
        expires = m.now + m.nonces.offset_ms + timeout if has_entry else None
        post_id, nonce = m.posts.next_id(), m.nonces.next()
        post = OpenPost(post_id, nonce, batch, m.now, m.now + timeout, expires)
        m.posts.register(post)
        if isinstance(batch, Orders):
            for order in batch.orders:
                self._account.on_change(m.orders.report(order.cloid, Report.POSTED, m.now))
        self._tell_lives(batch, "to be signed", f"post {post_id}, nonce {nonce}")
        m.budget.on_posted(count_of(batch), m.now)
        self._journal(post, "opened")
        m.emit(Post(post_id, nonce, batch, expires))

    # --- what the socket says --------------------------------------------------------------------------------------------

    def on_signed(self, event: PostSigned) -> None:
        post = self._m.posts.get(event.post_id)
        if post is not None:
            self._tell_lives(post.batch, "signed", f"action {event.action_hash}")

    def on_sent(self, event: PostSent) -> None:
        m = self._m
        if m.posts.mark_as_sent(event.post_id, m.now):
            self._not_sent_in_a_row = 0
            post = m.posts.get(event.post_id)
            assert post is not None
            self._tell_lives(post.batch, "sent again" if post.is_repeat else "sent", f"post {post.post_id}")

    def on_not_sent(self, event: PostNotSent) -> None:
        """It never left, for certain: exits and cancels go back to the front, entries are dropped."""
        m = self._m
        post = m.posts.close(event.post_id)
        if post is None:
            return
        self._journal(post, f"not sent: {event.reason}")
        self._tell_lives(post.batch, "not sent", event.reason)
        if post.is_repeat:
            return
        m.tally.send_failures += 1
        self._not_sent_in_a_row += 1
        m.budget.on_failure(m.now)
        m.budget.on_refunded(count_of(post.batch))
        m.note(Severity.WARNING, "post", f"post {post.post_id} not sent: {event.reason}")
        if self._not_sent_in_a_row == _NOT_SENT_ALERT_AFTER:
            m.alert(Severity.CRITICAL, "posts do not leave", f"{_NOT_SENT_ALERT_AFTER} in a row, last: {event.reason}")
        m.emit(ForgetPost(post.post_id))
        self._put_back(post, event.reason)

    def _put_back(self, post: OpenPost, reason: str) -> None:
        m = self._m
        assert m.link.connected, f"post {post.post_id} is open without a connection: a disconnect closes every post"
        if isinstance(post.batch, Cancels):
            m.scheduler.requeue_cancels(post.batch.cancels)
            return
        exits = [o for o in post.batch.orders if o.reduce_only]
        for order in post.batch.orders:
            tracked = m.orders.get(order.cloid)
            # Not in flight any more: the exchange has spoken of it. Then it did leave, and how it ended the look-ups will tell.
            is_in_flight = tracked is not None and tracked.status is OrderStatus.IN_FLIGHT
            if is_in_flight and not order.reduce_only:
                self._entries.on_dropped(order.cloid, f"send failed: {reason}")
        for order in exits:
            self._account.on_change(m.orders.report(order.cloid, Report.NOT_SENT, m.now))
        m.scheduler.requeue_reduce_only(exits)

    def drop_exits(self, cloids: Iterable[Cloid], why: str) -> None:
        """Exits that will not leave: the Flattener makes a new attempt, at a new price, when it can."""
        for cloid in cloids:
            self._account.on_change(self._m.orders.report(cloid, Report.DROPPED, self._m.now, reason=why))

    # --- what the exchange says ------------------------------------------------------------------------------------------

    def on_reply(self, event: PostReply) -> None:
        m = self._m
        post = m.posts.close(event.post_id)
        if post is None:
            m.note(Severity.INFO, "post", f"post {event.post_id}: answered after its deadline")
            return
        self._on_answered(post)
        m.budget.on_success()
        outcomes = event.outcomes
        count = count_of(post.batch)
        if len(outcomes) != count:
            collapsed = outcomes[0] if len(outcomes) == 1 and outcomes[0].outcome is Outcome.ERROR else None
            m.note(
                Severity.WARNING,
                "post",
                f"post {post.post_id}: {len(outcomes)} answers for {count} items"
                + (f", one error for all: {collapsed.error}" if collapsed else ""),
            )
            filler = collapsed or OrderOutcome(Outcome.UNREADABLE, error="no answer for this item")
            outcomes = (filler,) * count if collapsed else (*outcomes, *(filler,) * count)[:count]
        self._journal(post, "answered")
        if post.is_repeat and len(event.outcomes) > count:
            # The bytes hold orders that are known by now: which answer is whose cannot be told. The look-ups will.
            return
        if isinstance(post.batch, Cancels):
            for cancel, outcome in zip(post.batch.cancels, outcomes, strict=True):
                self._on_cancel_outcome(cancel, outcome)
        else:
            for order, outcome in zip(post.batch.orders, outcomes, strict=True):
                m.lives.on_answer(order.cloid, outcome, m.now)
                self._on_order_outcome(post, order, outcome)
        self._forget(post)

    def on_refused(self, event: PostRefused) -> None:
        m = self._m
        post = m.posts.close(event.post_id)
        if post is None:
            if classify(event.error) is Rejection.RATE_LIMIT:  # said of the address, however late
                m.note(Severity.WARNING, "post", f"post {event.post_id} refused after its deadline: {event.error}")
                m.budget.on_used_up()
            return
        self._on_answered(post)
        self._journal(post, f"refused: {event.error}")
        self._tell_lives(post.batch, "refused", event.error)
        kind = classify(event.error)
        if post.is_repeat and kind is Rejection.DUPLICATE_NONCE:
            # The first copy arrived: what became of it the look-ups will tell, and soon, for it cannot arrive again.
            m.lookups.on_nonce_used(post.repeats_post, m.now)
            m.note(Severity.INFO, "post", f"post {post.post_id}: the exchange had it already")
            return
        m.note(Severity.WARNING, "post", f"post {post.post_id} refused: {event.error} ({kind.value})")
        m.budget.on_failure(m.now)
        if kind is Rejection.RATE_LIMIT:
            m.budget.on_used_up()
        elif kind is Rejection.POST_ONLY_PHASE:
            m.budget.on_post_only_phase(m.now)
        elif kind is Rejection.SIGNATURE:
            m.alert(
                Severity.CRITICAL,
                "signature mismatch",
                f"{event.error}: check key, agent approval and network ({m.run.network})",
            )
        if post.is_repeat:
            # It was the copy that was refused; what became of the first one the look-ups will tell.
            return
        if event.is_transport:
            # A 429 or a 500 in place of an answer does not prove that nothing was executed.
            self._on_silence(post)
            return
        m.budget.on_refunded(count_of(post.batch))
        if isinstance(post.batch, Cancels):
            for cancel in post.batch.cancels:
                m.cancels.on_answer(cancel, m.now)
        else:
            for order in post.batch.orders:
                change = m.orders.report(
                    order.cloid, Report.REJECTED, m.now, venue_filled=Decimal(0), reason=event.error
                )
                self._account.on_change(change)
        self._forget(post)

    def _on_order_outcome(self, post: OpenPost, order: PendingOrder, outcome: OrderOutcome) -> None:
        m = self._m
        match outcome.outcome:
            case Outcome.FILLED:
                filled = outcome.filled_size if outcome.filled_size is not None else order.size
                whole = filled >= order.size or order.tif is TimeInForce.IOC
                change = m.orders.report(
                    order.cloid, Report.FILLED if whole else Report.PARTIAL, m.now, oid=outcome.oid, venue_filled=filled
                )
            case Outcome.RESTING | Outcome.WAITING:
                change = m.orders.report(order.cloid, Report.RESTING, m.now, oid=outcome.oid)
            case Outcome.ERROR:
                if classify(outcome.error) is Rejection.POST_ONLY_PHASE:
                    m.budget.on_post_only_phase(m.now)
                change = m.orders.report(
                    order.cloid, Report.REJECTED, m.now, oid=outcome.oid, venue_filled=Decimal(0), reason=outcome.error
                )
            case _:
                m.tally.errors += 1
                m.note(Severity.WARNING, "post", f"post {post.post_id}: answer not understood: {outcome.error}")
                self._lose(post, order)
                return
        self._account.on_change(change)

    def _on_cancel_outcome(self, cancel: PendingCancel, outcome: OrderOutcome) -> None:
        m = self._m
        m.cancels.on_answer(cancel, m.now)
        order = m.cancels.order_of(cancel)
        if outcome.outcome is Outcome.ERROR and classify(outcome.error) is not Rejection.GONE:
            m.note(Severity.WARNING, "cancel", f"{cancel.market}: {outcome.error}")
            return
        if outcome.outcome is Outcome.ERROR:
            # Or it rests, and we asked for it under a number that its market has no more: nobody says so but the list of markets.
            m.ask_every(QuerySpecs(cancel.market.dex), SPECS_AGAIN_MS)
        # Gone or cancelled: how much of it was filled is for the order update, or the list of open orders, to say.
        if order is not None:
            m.ask(QueryOpenOrders(cancel.market.dex))

    # --- silence -----------------------------------------------------------------------------------------------------------

    def on_disconnect(self) -> None:
        """Every open post will stay without an answer."""
        m = self._m
        for post_id in m.posts.open_ids():
            post = m.posts.close(post_id)
            assert post is not None
            self._journal(post, "disconnected")
            self._on_silence(post)
        self.drop_exits(m.scheduler.drop_exits_and_cancels(), "disconnected")

    def _on_silence(self, post: OpenPost) -> None:
        m = self._m
        if post.is_repeat:
            return
        if isinstance(post.batch, Cancels):
            for cancel in post.batch.cancels:
                m.cancels.on_answer(cancel, m.now)
                m.ask(QueryOpenOrders(cancel.market.dex))
            m.emit(ForgetPost(post.post_id))
            return
        requeued = []
        for order in post.batch.orders:
            # Whether unsent bytes left after all is not certain. For an exit that is harmless; an entry is looked for.
            if not post.sent and order.is_exit and m.link.connected:
                requeued.append(order)
            else:
                self._lose(post, order)
        for order in requeued:
            self._account.on_change(m.orders.report(order.cloid, Report.NOT_SENT, m.now))
        m.scheduler.requeue_reduce_only(requeued)
        self._forget(post)

    def _lose(self, post: OpenPost, order: PendingOrder) -> None:
        m = self._m
        has_entry = isinstance(post.batch, Orders) and any(not o.reduce_only for o in post.batch.orders)
        change = m.orders.report(order.cloid, Report.LOST, m.now, reason="no answer")
        if change is None:
            return  # an update or a fill has told its end already
        m.count_order(timed_out=1)
        m.lookups.open(
            Case(
                cloid=order.cloid,
                post_id=post.post_id,
                sent_ms=post.opened_at_ms,
                expires_ms=post.deadline_ms if post.expires_after_ms is not None else None,
                repeatable=not has_entry,
                now_ms=m.now,
            )
        )
        self._account.on_change(change)

    # --- inside ------------------------------------------------------------------------------------------------------------

    def _on_answered(self, post: OpenPost) -> None:
        if post.sent_at_ms is not None:
            self._m.link.latencies_ms.append(self._m.now - post.sent_at_ms)
            self._m.link.account_at_ms = self._m.now

    def _forget(self, post: OpenPost) -> None:
        if not post.is_repeat and not self._m.lookups.uses_post(post.post_id):
            self._m.emit(ForgetPost(post.post_id))

    def _tell_lives(self, batch: Orders | Cancels, name: str, text: str) -> None:
        """A step for each order by hand in it."""
        m = self._m
        if isinstance(batch, Orders):
            for order in batch.orders:
                m.lives.step(order.cloid, m.now, name, text)
            return
        for cancel in batch.cancels:
            wanted = m.cancels.order_of(cancel)
            if wanted is not None and wanted.cloid is not None:
                m.lives.step(wanted.cloid, m.now, f"cancel {name}", text)

    def _journal(self, post: OpenPost, outcome: str) -> None:
        kind, cloids = type(post.batch).__name__.lower(), cloids_of(post.batch) if outcome == "opened" else ()
        self._m.emit(Journal(PostRow(post.post_id, post.nonce, kind, count_of(post.batch), outcome, cloids)))
