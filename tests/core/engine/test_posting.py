"""The plan's nine rows for the ExecutorLoop, each under its number, through Engine.handle; and SPEC 7's table of outcomes."""

from __future__ import annotations

import pytest
from engine_rig import (
    BTC,
    IOC_NO_MATCH,
    NVDA,
    SNDK,
    D,
    Rig,
    cancels_of,
    foreign_order,
    make_config,
    order_of,
    orders_of,
    report_of,
    update,
)

from core.config import ExecutionConfig
from core.engine.budget import LIMITED_INTERVAL_MS
from core.engine.entries import ENTRY_MAX_AGE_MS
from core.messages.commands import CancelAll, FlattenAll, FlattenMarket, TripHardStop
from core.messages.effects import Ask, ForgetPost, Post, PostRow
from core.messages.events import OrderOutcome, Outcome, PostReply, RateLimitRead, ServerTimeRead, Tick
from core.messages.queries import QueryFills, QueryOpenOrders, QueryOrderStatus, QuerySpecs
from core.model.cloid import CloidMaker
from core.model.order import Orders, OrderStatus


def two_in_one() -> tuple[Rig, Post]:
    """A post with two entries."""
    rig = Rig(make_config(execution=ExecutionConfig(max_notional_total=D(200))))
    rig.enter(BTC)
    rig.dislocate(SNDK)
    rig.dislocate(NVDA)
    rig.reject(rig.posts[0])
    rig.advance(100)
    post = rig.posts[-1]
    assert len(orders_of(post)) == 2
    return rig, post


def flattening(rig: Rig) -> Post:
    """A position, and its exit on the way."""
    rig.open_position()
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    rig.advance(100)
    return rig.posts[-1]


def test_1_normal_flow() -> None:
    """tick -> post -> sent, inflight 1 -> reply, inflight 0."""
    rig = Rig()
    rig.sends = False
    post = rig.enter()
    assert (rig.inflight, rig.m.posts.sent_total) == (0, 0)
    assert rig.order(order_of(post)).status is OrderStatus.IN_FLIGHT
    rig.sent(post)
    assert rig.inflight == 1
    rig.fill_post(post)
    assert rig.inflight == 0
    assert (rig.m.posts.sent_total, rig.m.posts.completed_total) == (1, 1)
    assert rig.order(order_of(post)).is_settled
    assert ForgetPost(post.post_id) in rig.effects(ForgetPost)


def test_2_send_failure_of_an_entry_frees_its_market() -> None:
    rig = Rig()
    rig.sends = False
    post = rig.enter()
    rig.not_sent(post)
    assert rig.inflight == 0
    assert rig.m.posts.sent_total == 0
    assert rig.order(order_of(post)).status is OrderStatus.CANCELED
    assert not rig.m.orders.is_busy(SNDK)
    assert rig.snapshot().tally.send_failures == 1
    rig.advance(2000)
    assert rig.posts == [post], "an entry is never sent again"


def test_2_send_failure_of_an_exit_sends_the_same_order_again() -> None:
    rig = Rig()
    rig.open_position()
    rig.sends = False
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    rig.advance(100)
    first = rig.posts[-1]
    rig.not_sent(first)
    assert rig.inflight == 0
    rig.sends = True
    rig.advance(100)
    second = rig.posts[-1]
    assert second.post_id != first.post_id
    assert second.nonce > first.nonce
    assert order_of(second).cloid == order_of(first).cloid


def test_2_send_failure_of_a_cancel_requeues_it() -> None:
    rig = Rig()
    rig.venue.open_orders = [foreign_order(cloid="0x68697033" + "0" * 24)]
    rig.sends = False
    rig.advance(31_000)
    rig.handle(CancelAll(command_id="c"))
    rig.advance(100)
    first = rig.posts[-1]
    rig.not_sent(first)
    rig.sends = True
    rig.advance(100)
    assert cancels_of(rig.posts[-1]) == cancels_of(first)
    assert rig.posts[-1].nonce > first.nonce


def test_2_three_send_failures_in_a_row_are_an_alert() -> None:
    rig = Rig()
    rig.open_position()
    rig.sends = False
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    for _ in range(3):
        rig.advance(100)
        rig.not_sent(rig.posts[-1])
    assert rig.alerts().count("posts do not leave") == 1


def test_3_timeout_of_a_sent_entry_is_unknown_and_keeps_its_mark() -> None:
    """[D]: not requeued, not assumed dead: looked up."""
    rig = Rig()
    rig.muted = {QueryOrderStatus, QueryFills}
    post = rig.enter()
    rig.advance(4_999)
    assert rig.inflight == 1
    rig.advance(1)
    assert rig.inflight == 0
    assert rig.order(order_of(post)).status is OrderStatus.UNKNOWN
    assert rig.m.orders.is_busy(SNDK)
    assert rig.snapshot().tally.orders_timed_out == 1
    rig.advance(20_000)
    assert rig.dislocate() is None
    assert rig.m.orders.is_busy(SNDK)
    assert len(rig.posts) == 1
    assert not rig.reposts


def test_3_timeout_of_a_sent_exit_repeats_the_same_bytes() -> None:
    rig = Rig()
    rig.muted = {QueryOrderStatus, QueryFills}
    post = flattening(rig)
    rig.advance(5_000)
    assert rig.order(order_of(post)).status is OrderStatus.UNKNOWN
    rig.advance(100)
    assert [r.original_post_id for r in rig.reposts] == [post.post_id]
    assert rig.posts[-1] is post, "no second signature for the same exit"


def test_4_timeout_of_an_unsent_exit_requeues_it() -> None:
    rig = Rig()
    rig.open_position()
    rig.sends = False
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    rig.advance(100)
    first = rig.posts[-1]
    rig.advance(5_000)
    second = rig.posts[-1]
    assert rig.inflight == 0
    assert second is not first
    assert order_of(second).cloid == order_of(first).cloid
    assert first.post_id not in rig.kept_bytes, "nobody will repeat the bytes of a post whose orders were requeued"


def test_4_timeout_of_an_unsent_entry_is_looked_for() -> None:
    """Whether unsent bytes left after all is not certain; an entry is never sent twice."""
    rig = Rig()
    rig.sends = False
    post = rig.enter()
    rig.advance(5_000)
    assert rig.inflight == 0
    assert rig.order(order_of(post)).status is OrderStatus.UNKNOWN
    assert rig.posts == [post]


def test_5_disconnect_completes_as_many_as_were_sent() -> None:
    rig = Rig()
    first = rig.enter(SNDK)
    rig.advance(100)
    rig.sends = False
    second = rig.enter(NVDA)
    assert rig.inflight == 1
    rig.disconnect()
    assert rig.inflight == 0
    assert (rig.m.posts.sent_total, rig.m.posts.completed_total) == (1, 1)
    assert {rig.order(order_of(p)).status for p in (first, second)} == {OrderStatus.UNKNOWN}
    assert rig.m.orders.is_busy(SNDK)
    assert rig.m.orders.is_busy(NVDA)


def test_6_refused_action_frees_its_orders_and_is_not_requeued() -> None:
    rig = Rig()
    post = rig.enter()
    rig.refuse(post, "Insufficient margin")
    assert rig.inflight == 0
    order = rig.order(order_of(post))
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "Insufficient margin")
    assert not rig.m.orders.is_busy(SNDK)
    rig.advance(2_000)
    assert rig.posts == [post]
    assert not rig.kept_bytes


def test_6_refused_exit_is_tried_anew_by_the_flattener() -> None:
    rig = Rig()
    post = flattening(rig)
    rig.refuse(post, "some fault")
    rig.advance(3_000)
    again = order_of(rig.posts[-1])
    assert again.reduce_only
    assert again.cloid != order_of(post).cloid


def test_6_refused_cancels_are_asked_again_a_second_later() -> None:
    rig = Rig()
    rig.venue.open_orders = [foreign_order(NVDA)]
    rig.handle(update(foreign_order(NVDA)))
    rig.handle(TripHardStop(command_id="x"))
    rig.advance(100)
    post = rig.posts[-1]
    rig.refuse(post, "some fault")
    assert post.post_id not in rig.kept_bytes
    rig.advance(900)
    assert rig.posts[-1] is post
    rig.advance(200)
    assert cancels_of(rig.posts[-1]) == cancels_of(post)
    assert rig.posts[-1].nonce > post.nonce


def test_6_a_transport_error_proves_nothing() -> None:
    rig = Rig()
    post = rig.enter()
    rig.refuse(post, "HTTP 500", is_transport=True)
    assert rig.inflight == 0
    assert rig.m.orders.is_busy(SNDK)
    assert rig.snapshot().tally.orders_timed_out == 1


def test_7_replies_are_matched_by_post_id() -> None:
    rig = Rig()
    first = rig.enter(SNDK)
    rig.advance(100)
    second = rig.enter(NVDA)
    rig.reject(second)
    assert rig.order(order_of(first)).status is OrderStatus.IN_FLIGHT
    assert rig.order(order_of(second)).status is OrderStatus.REJECTED
    rig.reply(first, OrderOutcome(Outcome.RESTING, 5))
    assert rig.order(order_of(first)).oid == 5


def test_7_a_reply_to_an_unknown_post_changes_nothing() -> None:
    rig = Rig()
    post = rig.enter()
    rig.handle(PostReply(999, (OrderOutcome(Outcome.ERROR, error="x"),)))
    assert rig.inflight == 1
    assert rig.order(order_of(post)).status is OrderStatus.IN_FLIGHT


def test_8_the_sent_flag_goes_from_false_to_true_once() -> None:
    rig = Rig()
    rig.sends = False
    post = rig.enter()
    open_post = rig.m.posts.get(post.post_id)
    assert open_post is not None
    assert not open_post.sent
    rig.sent(post)
    open_post = rig.m.posts.get(post.post_id)
    assert open_post is not None
    assert open_post.sent
    rig.sent(post)
    assert rig.inflight == 1, "a second report of the same send counts nothing"


def test_8_a_send_reported_after_the_deadline_counts_nothing() -> None:
    rig = Rig()
    rig.sends = False
    post = rig.enter()
    rig.advance(5_000)
    rig.sent(post)
    assert (rig.inflight, rig.m.posts.sent_total) == (0, 0)


def test_9_sent_minus_completed_is_inflight_through_a_busy_minute() -> None:
    """The rig checks it after every message; here every kind of ending comes by."""
    rig = Rig()
    for i, end in enumerate(("fill", "reject", "refuse", "silence", "transport", "not sent", "fill")):
        market = (SNDK, NVDA, BTC)[i % 3]
        rig.advance(20_000)
        post = rig.dislocate(market)
        if post is None:
            continue
        if end == "fill":
            rig.fill_post(post)
        elif end == "reject":
            rig.reject(post)
        elif end == "refuse":
            rig.refuse(post, "no")
        elif end == "transport":
            rig.refuse(post, "HTTP 502", is_transport=True)
        elif end == "not sent":
            rig.not_sent(post)
    rig.advance(20_000)
    posts = rig.m.posts
    assert posts.sent_total - posts.completed_total == rig.inflight
    assert posts.sent_total >= 6


# --- what SPEC 4 and 7 add ------------------------------------------------------------------------------------------------


def test_eager_dispatch_leaves_with_the_event_and_keeps_the_interval() -> None:
    rig = Rig()
    assert rig.dislocate(SNDK) is not None
    assert rig.dislocate(NVDA) is None, "within the interval the next one waits for its tick"
    rig.advance(100)
    assert order_of(rig.posts[-1]).market == NVDA


def test_no_second_post_while_one_is_not_reported_as_sent() -> None:
    rig = Rig()
    rig.sends = False
    rig.enter(SNDK)
    rig.dislocate(NVDA)
    rig.advance(500)
    assert len(rig.posts) == 1


def test_an_entry_that_grew_old_in_the_queue_never_leaves() -> None:
    rig = Rig()
    rig.sends = False
    first = rig.enter(SNDK)
    rig.dislocate(NVDA)
    rig.advance(ENTRY_MAX_AGE_MS + 100)
    rig.sent(first)
    rig.advance(100)
    assert rig.posts == [first]
    assert not rig.m.orders.is_busy(NVDA)


def test_hard_stop_before_signing_uses_neither_nonce_nor_post_id() -> None:
    rig = Rig()
    rig.enter(SNDK)
    rig.dislocate(NVDA)
    assert rig.m.scheduler.depths == (0, 0, 1)
    nonce = rig.m.nonces.last
    rig.handle(TripHardStop(command_id="x"))
    assert rig.m.scheduler.depths == (0, 0, 0)
    assert rig.m.nonces.last == nonce
    assert not rig.m.orders.is_busy(NVDA)


def test_actions_with_an_entry_expire_and_exits_do_not() -> None:
    rig = Rig()
    entry = rig.enter()
    assert entry.expires_after_ms == rig.now + 5_000
    rig.fill_post(entry)
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    rig.advance(200)
    assert rig.posts[-1].expires_after_ms is None


def test_a_batch_collapsed_to_one_error_is_applied_to_all_its_orders() -> None:
    rig, post = two_in_one()
    rig.reply(post, OrderOutcome(Outcome.ERROR, error="Insufficient margin to place order. asset=0"))
    assert {rig.order(o).status for o in orders_of(post)} == {OrderStatus.REJECTED}
    assert rig.inflight == 0


def test_missing_answers_make_their_orders_unknown() -> None:
    rig, post = two_in_one()
    first, second = orders_of(post)
    rig.muted = {QueryOrderStatus, QueryFills}
    rig.reply(post, OrderOutcome(Outcome.RESTING, 9))
    assert rig.order(first).status is OrderStatus.OPEN
    assert rig.order(second).status is OrderStatus.UNKNOWN
    assert rig.m.orders.is_busy(second.market)


def test_an_unreadable_answer_is_unknown_not_rejected() -> None:
    rig = Rig()
    rig.muted = {QueryOrderStatus, QueryFills}
    post = rig.enter()
    rig.reply(post, OrderOutcome(Outcome.UNREADABLE, error="{'new': 'thing'}"))
    assert rig.order(order_of(post)).status is OrderStatus.UNKNOWN
    assert rig.m.orders.is_busy(SNDK)


def test_per_order_error_touches_that_order_only() -> None:
    rig, post = two_in_one()
    first, second = orders_of(post)
    fill = rig.execute(second)
    rig.reply(
        post, OrderOutcome(Outcome.ERROR, error="no"), OrderOutcome(Outcome.FILLED, fill.oid, fill.size, fill.price)
    )
    assert rig.order(first).status is OrderStatus.REJECTED
    assert rig.order(second).status is OrderStatus.FILLED


def test_terminal_is_not_settled_until_the_fills_are_in() -> None:
    rig = Rig()
    post = rig.enter()
    order = order_of(post)
    fill = rig.execute(order)
    rig.muted = {QueryFills}
    rig.reply_filled(post, fill)
    assert rig.order(order).status is OrderStatus.FILLED
    assert rig.m.orders.is_busy(SNDK), "its fills are still on their way"
    rig.show(fill)
    assert not rig.m.orders.is_busy(SNDK)


@pytest.mark.parametrize("inflight_limit", [100, 2])
def test_two_lost_exits_are_both_repeated(inflight_limit: int) -> None:
    """Two posts lost at the same time: each one's bytes are sent again, up to three times, and never above the limit."""
    rig = Rig(make_config(execution=ExecutionConfig(inflight_limit=inflight_limit, inflight_high_watermark=2)))
    for market in (SNDK, NVDA):
        rig.open_position(market)
        rig.advance(100)
    for market in (SNDK, NVDA):
        rig.handle(FlattenMarket(command_id="f", market=market))
        rig.advance(100)
    exits = rig.posts[-2:]
    rig.muted = {QueryOrderStatus, QueryFills}
    rig.disconnect()
    rig.ready()
    rig.advance(14_000)
    repeated = [r.original_post_id for r in rig.reposts]
    assert {p: repeated.count(p) for p in repeated} == {p.post_id: 3 for p in exits}


def test_a_refused_repeat_says_nothing_about_the_first_copy() -> None:
    rig = Rig()
    rig.muted = {QueryOrderStatus, QueryFills}
    post = flattening(rig)
    rig.advance(5_100)
    rig.refuse(rig.reposts[-1], "Too many cumulative requests sent")
    assert rig.order(order_of(post)).status is OrderStatus.UNKNOWN
    rig.muted = set()
    fill = rig.execute(order_of(post))
    rig.show(fill)
    assert rig.position() is None


def test_a_requeued_exit_that_executed_after_all_does_not_leave_again() -> None:
    rig = Rig()
    rig.open_position()
    rig.sends = False
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    rig.advance(100)
    first = rig.posts[-1]
    rig.not_sent(first)
    assert rig.m.scheduler.depths == (0, 1, 0)
    rig.show(rig.execute(order_of(first)))
    count = len(rig.posts)
    rig.advance(300)
    assert len(rig.posts) == count
    assert rig.m.scheduler.is_empty


def test_order_update_before_the_reply_settles_too() -> None:
    rig = Rig()
    post = rig.enter()
    order = order_of(post)
    rig.handle(update(report_of(order, OrderStatus.REJECTED, 9, text="iocCancelRejected")))
    assert rig.order(order).status is OrderStatus.REJECTED
    rig.reject(post)
    assert rig.snapshot().tally.orders_rejected == 1


def test_posts_are_journaled_open_and_closed() -> None:
    rig = Rig()
    post = rig.enter()
    rig.fill_post(post)
    outcomes = [(r.post_id, r.outcome) for r in rig.rows(PostRow)]
    assert outcomes == [(post.post_id, "opened"), (post.post_id, "answered")]


def test_tick_dispatch_waits_for_the_tick() -> None:
    rig = Rig(make_config(execution=ExecutionConfig(dispatch="tick")))
    assert rig.dislocate() is None
    rig.handle(Tick())
    assert isinstance(rig.posts[-1].batch, Orders)


# --- what is reported late, twice, or not at all ------------------------------------------------------------------------------


def test_reports_of_a_post_that_is_closed_change_nothing() -> None:
    rig = Rig()
    post = rig.enter()
    rig.reject(post)
    before = rig.snapshot()
    rig.refuse(post, "some fault")
    rig.not_sent(post)
    after = rig.snapshot()
    assert after.orders == before.orders
    assert (after.tally, after.budget, after.audit) == (before.tally, before.budget, before.audit)


def test_a_repeat_that_did_not_leave_costs_nothing_and_is_made_again() -> None:
    rig = Rig()
    rig.muted = {QueryOrderStatus, QueryFills}
    post = flattening(rig)
    rig.advance(5_000)
    rig.sends = False
    rig.advance(100)
    failures = rig.snapshot().tally.send_failures
    rig.not_sent(rig.reposts[0])
    assert rig.snapshot().tally.send_failures == failures
    assert post.post_id in rig.kept_bytes
    rig.sends = True
    rig.advance(2_000)
    assert [r.original_post_id for r in rig.reposts] == [post.post_id] * 2


def test_an_answer_that_overtakes_the_report_of_its_sending_settles_and_measures_nothing() -> None:
    rig = Rig()
    rig.sends = False
    post = rig.enter()
    rig.fill_post(post)
    assert rig.order(order_of(post)).is_settled
    assert rig.snapshot().connection.order_latency_ms is None
    assert (rig.m.posts.sent_total, rig.inflight) == (0, 0)


def test_an_order_that_ended_is_not_looked_for_when_its_answer_is_lost() -> None:
    rig = Rig()
    rig.muted = {QueryOrderStatus, QueryFills}
    post = rig.enter()
    order = order_of(post)
    rig.handle(update(report_of(order, OrderStatus.REJECTED, 9, text="iocCancelRejected")))
    rig.advance(6_000)
    assert rig.order(order).status is OrderStatus.REJECTED
    assert not any(isinstance(e.query, QueryOrderStatus) for e in rig.effects(Ask))
    assert post.post_id not in rig.kept_bytes


def test_exits_in_the_queue_are_dropped_by_a_disconnect_and_made_anew_after_it() -> None:
    """At a new price, after the positions were read."""
    rig = Rig()
    rig.open_position()
    rig.sends = False
    rig.enter(NVDA)
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    rig.advance(100)
    (queued,) = [o for o in rig.m.orders.live() if o.reduce_only]
    rig.disconnect()
    assert queued.cloid is not None
    ended = rig.m.orders.get(queued.cloid)
    assert ended is not None
    assert (ended.status, ended.reason) == (OrderStatus.CANCELED, "disconnected")
    rig.sends = True
    rig.muted = {QueryOrderStatus, QueryFills}
    rig.ready()
    exits = [o for p in rig.posts if isinstance(p.batch, Orders) for o in orders_of(p) if o.reduce_only]
    assert len(exits) == 1
    assert exits[0].cloid != queued.cloid


# --- the last look before signing ----------------------------------------------------------------------------------------------


def test_what_ended_while_its_cancel_waited_is_not_cancelled() -> None:
    rig = Rig()
    rig.sends = False
    first = rig.enter(SNDK)
    resting = foreign_order(NVDA, cloid=CloidMaker(0).next())
    rig.handle(update(resting))
    rig.handle(CancelAll(command_id="c"))
    rig.advance(100)
    assert rig.m.scheduler.depths[0] == 2
    rig.handle(update(resting, status=OrderStatus.CANCELED))
    rig.sends = True
    rig.sent(first)
    rig.advance(300)
    cancelled = [c.oid for p in rig.posts[1:] for c in cancels_of(p).cancels]
    assert cancelled == [None], "only the entry, which has no oid yet"


# --- answers to repeats, to cancels, and in odd numbers -------------------------------------------------------------------------


def test_more_answers_than_orders_are_cut() -> None:
    rig = Rig()
    post = rig.enter()
    rig.reply(post, OrderOutcome(Outcome.ERROR, error=IOC_NO_MATCH), OrderOutcome(Outcome.RESTING, 9))
    assert rig.order(order_of(post)).status is OrderStatus.REJECTED
    assert f"post {post.post_id}: 2 answers for 1 items" in rig.audit("post")


def test_answers_to_a_repeat_whose_bytes_hold_more_orders_are_not_given_out() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    rig.open_position(NVDA)
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    sndk, nvda = orders_of(rig.posts[-1])
    rig.muted = {QueryOrderStatus, QueryFills}
    rig.advance(5_100)
    rig.handle(update(report_of(sndk, OrderStatus.CANCELED, 900)))
    rig.advance(2_100)
    rig.reply(rig.reposts[-1], OrderOutcome(Outcome.ERROR, error="no"), OrderOutcome(Outcome.FILLED, 901))
    assert rig.order(nvda).status is OrderStatus.UNKNOWN


def test_a_repeat_that_is_a_duplicate_nonce_proves_that_the_first_copy_arrived() -> None:
    rig = Rig()
    rig.muted = {QueryOrderStatus, QueryFills}
    post = flattening(rig)
    rig.advance(5_100)
    rig.refuse(rig.reposts[-1], "Invalid nonce: duplicate nonce 1705054000000")
    assert f"post {rig.reposts[-1].post_id}: the exchange had it already" in rig.audit("post")
    rig.advance(10_000)
    assert len(rig.reposts) == 1, "its bytes are used up"
    assert rig.order(order_of(post)).status is OrderStatus.UNKNOWN
    rig.muted = set()
    rig.advance(17_000)
    assert rig.order(order_of(post)).reason == "never executed: proven absent"


def test_a_budget_that_the_exchange_calls_used_up_leaves_exits_and_cancels_only() -> None:
    rig = Rig()
    rig.refuse(rig.enter(), "Too many cumulative requests sent (10001 > 10000) for cumulative volume traded $0.")
    assert rig.snapshot().budget.limited
    assert rig.dislocate(NVDA) is None
    assert rig.market(NVDA).last_denial == "action budget: address budget used up: exits and cancels only"


@pytest.mark.parametrize("whole", [True, False])
def test_a_post_only_phase_holds_entries_back_whoever_says_so(whole: bool) -> None:
    rig = Rig()
    post, error = rig.enter(), "Only post-only orders allowed immediately after a network upgrade"
    if whole:
        rig.refuse(post, error)
    else:
        rig.reject(post, error)
    rig.advance(30_000)
    assert rig.market(NVDA).gate.startswith("action budget: post-only phase after an upgrade")
    assert not rig.snapshot().hard_stop.tripped


def test_a_signature_that_the_exchange_cannot_place_is_a_critical_alert() -> None:
    rig = Rig()
    rig.refuse(rig.enter(), "User or API Wallet 0x00 does not exist.")
    assert rig.alerts() == ["signature mismatch"]


def cancelling(rig: Rig) -> Post:
    """A resting order of an earlier run, and its cancel on the way."""
    rig.venue.open_orders = [foreign_order(NVDA, cloid=CloidMaker(0).next())]
    rig.handle(update(rig.venue.open_orders[0]))
    rig.handle(CancelAll(command_id="c"))
    rig.advance(100)
    return rig.posts[-1]


def test_a_cancel_of_what_is_gone_asks_for_the_list_and_is_done() -> None:
    rig = Rig()
    post = cancelling(rig)
    rig.venue.open_orders = []
    rig.reject(post, "Order was never placed, already canceled, or filled. asset=110002")
    assert Ask(QueryOpenOrders("xyz")) in rig.last
    assert rig.m.cancels.wanted == []
    rig.advance(3_000)
    assert rig.posts == [post]


def test_a_cancel_of_what_is_gone_reads_the_numbers_of_the_markets_again() -> None:
    rig = Rig()
    rig.advance(6_000)
    post = cancelling(rig)
    rig.reject(post, "Order was never placed, already canceled, or filled. asset=110002")
    assert Ask(QuerySpecs("xyz")) in rig.last
    other = Rig()
    other.advance(6_000)
    other.reject(cancelling(other), "something else")
    assert Ask(QuerySpecs("xyz")) not in other.last


def test_a_cancel_that_is_refused_for_another_reason_is_told_and_asked_again() -> None:
    rig = Rig()
    post = cancelling(rig)
    rig.reject(post, "something else")
    assert rig.audit("cancel") == ["xyz:NVDA: something else"]
    assert Ask(QueryOpenOrders("xyz")) not in rig.last
    rig.advance(1_100)
    assert cancels_of(rig.posts[-1]) == cancels_of(post)
    assert len(rig.posts) == 2


def test_an_answer_to_a_cancel_of_an_order_that_ended_meanwhile_asks_nothing() -> None:
    rig = Rig()
    post = cancelling(rig)
    rig.handle(update(rig.venue.open_orders[0], status=OrderStatus.CANCELED))
    rig.reply(post, OrderOutcome(Outcome.CANCELED))
    assert not any(isinstance(e, Ask) for e in rig.last)
    rig.advance(3_000)
    assert rig.posts == [post]


def test_a_cancel_without_an_answer_asks_for_the_list_and_is_not_repeated_as_bytes() -> None:
    rig = Rig()
    post = cancelling(rig)
    rig.log.clear()
    rig.advance(5_000)
    assert Ask(QueryOpenOrders("xyz")) in rig.effects(Ask)
    assert post.post_id not in rig.kept_bytes
    rig.advance(1_100)
    assert rig.reposts == []
    assert cancels_of(rig.posts[-1]) == cancels_of(post)


# --- what holds posts back, and what is counted ----------------------------------------------------------------------------------


def test_nothing_is_repeated_while_the_connection_is_down() -> None:
    rig = Rig()
    rig.muted = {QueryOrderStatus, QueryFills}
    post = flattening(rig)
    rig.disconnect()
    rig.advance(10_000)
    assert rig.reposts == []
    rig.ready()
    assert [r.original_post_id for r in rig.reposts] == [post.post_id]


def test_with_the_budget_used_up_even_exits_keep_their_distance() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(RateLimitRead(10_000, 10_000, D(0)))
    rig.advance(LIMITED_INTERVAL_MS)
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    rig.advance(100)
    first = rig.posts[-1]
    assert order_of(first).reduce_only
    rig.reject(first)
    rig.advance(LIMITED_INTERVAL_MS - 100)
    assert rig.posts[-1] is first
    rig.advance(100)
    assert rig.posts[-1] is not first


@pytest.mark.parametrize("end", ["not sent", "refused", "silence"])
def test_a_post_that_came_to_nothing_makes_entries_wait_and_the_next_answer_ends_the_count(end: str) -> None:
    rig = Rig()
    rig.muted = {QueryOrderStatus, QueryFills}
    rig.sends = end != "not sent"
    post = rig.enter(SNDK)
    used = rig.snapshot().budget.used
    if end == "not sent":
        rig.not_sent(post)
    elif end == "refused":
        rig.refuse(post, "some fault")
    else:
        rig.advance(5_000)
    budget = rig.snapshot().budget
    assert used is not None
    assert budget.used == (used if end == "silence" else used - 1), "only what may have arrived is paid for"
    assert budget.blocked_until_ms == rig.now + 1_000
    rig.sends = True
    rig.advance(1_000)
    rig.reject(rig.enter(NVDA))
    rig.advance(100)
    rig.refuse(rig.enter(BTC), "some fault")
    assert rig.snapshot().budget.blocked_until_ms == rig.now + 1_000, "the first failure of a new count"


def test_a_post_that_leaves_ends_the_row_of_those_that_do_not() -> None:
    rig = Rig()
    rig.open_position()
    rig.sends = False
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    for _ in range(2):
        rig.advance(100)
        rig.not_sent(rig.posts[-1])
    rig.advance(100)
    rig.sent(rig.posts[-1])
    rig.reject(rig.posts[-1])
    for _ in range(2):
        rig.advance(2_100)
        rig.not_sent(rig.posts[-1])
    assert rig.snapshot().tally.send_failures == 4
    assert "posts do not leave" not in rig.alerts()


def test_every_end_of_a_post_is_journaled_in_its_words() -> None:
    rig = Rig(make_config(execution=ExecutionConfig(max_notional_total=D(200))))
    rig.muted = {QueryOrderStatus, QueryFills}
    rig.sends = False
    rig.not_sent(rig.enter(SNDK), "no route")
    rig.advance(2_000)
    rig.enter(SNDK)
    rig.advance(5_000)
    rig.sends = True
    rig.advance(5_000)
    rig.refuse(rig.enter(NVDA), "some fault")
    rig.advance(5_000)
    rig.enter(NVDA)
    rig.advance(5_000 + 8_000)  # so long is the pause after four
    rig.enter(BTC)
    rig.disconnect()
    ends = [r.outcome for r in rig.rows(PostRow) if r.outcome != "opened"]
    assert ends == ["not sent: no route", "timed out unsent", "refused: some fault", "timed out", "disconnected"]


def test_an_ioc_ends_with_what_it_got() -> None:
    rig = Rig()
    post = rig.enter()
    part = rig.execute(order_of(post), size=D("0.1"))
    rig.reply_filled(post, part)
    assert rig.order(order_of(post)).status is OrderStatus.FILLED
    rig.show(part)
    assert rig.order(order_of(post)).is_settled
    position = rig.position()
    assert position is not None
    assert position.size == D("0.1")


def test_an_expiry_is_on_the_exchanges_clock() -> None:
    rig = Rig()
    rig.handle(ServerTimeRead(rig.now + 1_500, rig.now))
    assert rig.enter().expires_after_ms == rig.now + 1_500 + 5_000


def test_a_budget_that_is_used_up_is_heard_of_even_after_the_posts_deadline() -> None:
    rig = Rig()
    post = rig.enter()
    rig.advance(6_000)
    assert rig.m.posts.get(post.post_id) is None
    rig.refuse(post, "Too many cumulative requests sent (10001 > 10000) for cumulative volume traded $0.")
    assert rig.m.budget.limited
    assert any("refused after its deadline" in t for t in rig.audit("post"))
