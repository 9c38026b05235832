"""The plan's twelve rows for the BatchScheduler, each under its number, and what SPEC 4 adds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_rig import BTC, BUY, NOW, SELL, D
from hypothesis import given
from hypothesis import strategies as st

from core.config import ExecutionConfig
from core.engine.hard_stop import HardStopLatch
from core.engine.posts import OpenPost, PostRequestManager
from core.engine.scheduler import BatchScheduler, Enqueued
from core.model.cloid import CloidMaker
from core.model.market import MarketKey
from core.model.order import Cancels, Orders, PendingCancel, PendingOrder, TimeInForce


class Desk:
    """A scheduler with an inflight that is set by hand."""

    def __init__(self, has_unresolved_exit: Callable[[MarketKey], bool] = lambda market: False) -> None:
        self.inflight = 0
        self.latch = HardStopLatch()
        self.scheduler = BatchScheduler(ExecutionConfig(), self.latch, lambda: self.inflight, has_unresolved_exit)
        self._cloids = CloidMaker(1)
        self._markets = 0

    def order(self, *, reduce_only: bool, market: MarketKey | None = None) -> PendingOrder:
        self._markets += 1
        return PendingOrder(
            self._cloids.next(),
            market or MarketKey("", f"M{self._markets}"),
            SELL if reduce_only else BUY,
            D(100),
            D(1),
            reduce_only,
            TimeInForce.IOC,
            NOW,
        )

    def new(self) -> tuple[PendingOrder, Enqueued]:
        order = self.order(reduce_only=False)
        return order, self.scheduler.enqueue_new_order(order)

    def exit(self, market: MarketKey | None = None) -> tuple[PendingOrder, Enqueued]:
        order = self.order(reduce_only=True, market=market)
        return order, self.scheduler.enqueue_reduce_only(order)

    def cancel(self, oid: int = 1) -> tuple[PendingCancel, Enqueued]:
        cancel = PendingCancel(BTC, oid=oid)
        return cancel, self.scheduler.enqueue_cancel(cancel)


def test_1_each_kind_is_queued() -> None:
    desk = Desk()
    assert [desk.new()[1], desk.exit()[1], desk.cancel()[1]] == [Enqueued.QUEUED] * 3
    assert desk.scheduler.depths == (1, 1, 1)


def test_2_new_order_1001_is_refused() -> None:
    desk = Desk()
    assert all(desk.new()[1] is Enqueued.QUEUED for _ in range(1000))
    assert desk.new()[1] is Enqueued.QUEUE_FULL
    assert desk.scheduler.depths == (0, 0, 1000)


def test_3_reduce_only_501_is_refused() -> None:
    desk = Desk()
    assert all(desk.exit()[1] is Enqueued.QUEUED for _ in range(500))
    assert desk.exit()[1] is Enqueued.QUEUE_FULL


def test_4_cancel_201_is_refused() -> None:
    desk = Desk()
    assert all(desk.cancel(i)[1] is Enqueued.QUEUED for i in range(200))
    assert desk.cancel(200)[1] is Enqueued.QUEUE_FULL


@pytest.mark.parametrize(("inflight", "expected"), [(79, Enqueued.QUEUED), (80, Enqueued.QUEUED_DEGRADED)])
def test_5_high_watermark_degrades_new_orders_alone(inflight: int, expected: Enqueued) -> None:
    desk = Desk()
    desk.inflight = inflight
    assert desk.new()[1] is expected
    assert desk.exit()[1] is Enqueued.QUEUED
    assert desk.cancel()[1] is Enqueued.QUEUED


@pytest.mark.parametrize(("inflight", "with_new"), [(79, True), (80, False), (99, False)])
def test_5_from_the_high_watermark_on_only_reduce_only_leaves(inflight: int, with_new: bool) -> None:
    desk = Desk()
    new, _ = desk.new()
    exit_, _ = desk.exit()
    desk.inflight = inflight
    assert desk.scheduler.tick() == Orders((exit_, new) if with_new else (exit_,))


def test_6_cancels_leave_first_and_alone() -> None:
    desk = Desk()
    new, _ = desk.new()
    exit_, _ = desk.exit()
    cancel, _ = desk.cancel()
    assert desk.scheduler.tick() == Cancels((cancel,))
    assert desk.scheduler.tick() == Orders((exit_, new))


def test_7_without_cancels_reduce_only_leaves_before_new() -> None:
    desk = Desk()
    first, second = desk.new()[0], desk.new()[0]
    exit_, _ = desk.exit()
    assert desk.scheduler.tick() == Orders((exit_, first, second))
    assert desk.scheduler.is_empty


def test_7_fifty_in_all_per_action() -> None:
    desk = Desk()
    exits = [desk.exit()[0] for _ in range(30)]
    news = [desk.new()[0] for _ in range(30)]
    assert desk.scheduler.tick() == Orders((*exits, *news[:20]))
    assert desk.scheduler.tick() == Orders(tuple(news[20:]))


def test_8_at_the_inflight_limit_nothing_leaves_and_all_stays_queued() -> None:
    desk = Desk()
    desk.new(), desk.exit(), desk.cancel()
    desk.inflight = 100
    assert desk.scheduler.tick() is None
    assert desk.scheduler.depths == (1, 1, 1)


def test_8_at_the_inflight_limit_reduce_only_is_queued_and_new_is_not() -> None:
    desk = Desk()
    desk.inflight = 100
    assert desk.new()[1] is Enqueued.INFLIGHT_FULL
    assert desk.exit()[1] is Enqueued.INFLIGHT_FULL
    assert desk.cancel()[1] is Enqueued.QUEUED
    assert desk.scheduler.depths == (1, 1, 0)


def test_9_requeued_reduce_only_goes_to_the_front_in_its_old_order() -> None:
    desk = Desk()
    first, second = desk.exit()[0], desk.exit()[0]
    assert desk.scheduler.tick() == Orders((first, second))
    third, _ = desk.exit()
    desk.scheduler.requeue_reduce_only([first, second])
    assert desk.scheduler.tick() == Orders((first, second, third))


def test_10_tick_does_not_count() -> None:
    posts = PostRequestManager()
    scheduler = BatchScheduler(ExecutionConfig(), HardStopLatch(), lambda: posts.inflight)
    scheduler.enqueue_cancel(PendingCancel(BTC, oid=1))
    assert scheduler.tick() is not None
    assert (posts.inflight, posts.sent_total) == (0, 0)


def test_11_inflight_is_sent_minus_completed() -> None:
    posts = PostRequestManager()
    for _ in range(3):
        post_id = posts.next_id()
        posts.register(OpenPost(post_id, 1, Cancels(()), NOW, NOW + 5000, None))
        posts.mark_as_sent(post_id, NOW)
    assert posts.inflight == 3
    posts.close(2)
    posts.close(2)
    assert (posts.inflight, posts.sent_total, posts.completed_total) == (2, 3, 1)


@given(st.lists(st.sampled_from(["new", "exit", "oid", "cloid"]), max_size=40), st.integers(0, 100))
def test_12_one_tick_is_one_action_type(kinds: list[str], inflight: int) -> None:
    """Whatever is queued: no action mixes, nothing is lost, nothing leaves twice."""
    desk = Desk()
    desk.inflight = 0
    put: list[object] = []
    for i, kind in enumerate(kinds):
        if kind == "new":
            put.append(desk.new()[0])
        elif kind == "exit":
            put.append(desk.exit()[0])
        elif kind == "oid":
            put.append(desk.cancel(i)[0])
        else:
            cancel = PendingCancel(BTC, cloid=CloidMaker(i).next())
            desk.scheduler.enqueue_cancel(cancel)
            put.append(cancel)
    desk.inflight = inflight
    out: list[object] = []
    while (batch := desk.scheduler.tick()) is not None:
        if isinstance(batch, Cancels):
            assert len({c.oid is None for c in batch.cancels}) == 1, "cancel and cancelByCloid in one action"
            out.extend(batch.cancels)
        else:
            flags = [o.reduce_only for o in batch.orders]
            assert flags == sorted(flags, reverse=True), "reduce-only first"
            out.extend(batch.orders)
    left = sum(desk.scheduler.depths)
    assert len(out) + left == len(put)
    assert len({id(o) for o in out}) == len(out)
    if inflight < 80:
        assert left == 0


def test_cancels_by_oid_and_by_cloid_never_share_an_action() -> None:
    desk = Desk()
    by_oid = [PendingCancel(BTC, oid=i) for i in (1, 2)]
    by_cloid = PendingCancel(BTC, cloid=CloidMaker(1).next())
    for cancel in (by_oid[0], by_cloid, by_oid[1]):
        desk.scheduler.enqueue_cancel(cancel)
    assert desk.scheduler.tick() == Cancels(tuple(by_oid))
    assert desk.scheduler.tick() == Cancels((by_cloid,))


def test_fifty_cancels_per_action() -> None:
    desk = Desk()
    for i in range(60):
        desk.cancel(i)
    sizes = []
    while isinstance(batch := desk.scheduler.tick(), Cancels):
        sizes.append(len(batch.cancels))
    assert sizes == [50, 10]


def test_second_exit_of_a_market_is_refused_while_one_is_queued() -> None:
    desk = Desk()
    assert desk.exit(BTC)[1] is Enqueued.QUEUED
    assert desk.exit(BTC)[1] is Enqueued.DUPLICATE_FLATTEN
    desk.scheduler.tick()
    assert desk.exit(BTC)[1] is Enqueued.QUEUED


def test_second_exit_of_a_market_is_refused_while_one_is_unresolved() -> None:
    desk = Desk(lambda market: market == BTC)
    assert desk.exit(BTC)[1] is Enqueued.DUPLICATE_FLATTEN
    assert desk.exit()[1] is Enqueued.QUEUED


def test_hard_stop_holds_new_orders_and_lets_exits_and_cancels_pass() -> None:
    desk = Desk()
    new, _ = desk.new()
    exit_, _ = desk.exit()
    cancel, _ = desk.cancel()
    desk.latch.trip("test", NOW)
    assert desk.scheduler.tick() == Cancels((cancel,))
    assert desk.scheduler.tick() == Orders((exit_,))
    assert desk.scheduler.tick() is None
    assert desk.scheduler.drop_new_orders() == [(new.cloid, new.market)]
    assert desk.scheduler.is_empty


def test_limited_budget_lets_exits_before_cancels_and_nothing_new() -> None:
    desk = Desk()
    desk.new()
    exit_, _ = desk.exit()
    cancel, _ = desk.cancel()
    assert desk.scheduler.tick(limited=True) == Orders((exit_,))
    assert desk.scheduler.tick(limited=True) == Cancels((cancel,))
    assert desk.scheduler.tick(limited=True) is None


def test_requeued_cancels_go_to_the_front() -> None:
    desk = Desk()
    first, _ = desk.cancel(1)
    desk.scheduler.tick()
    second, _ = desk.cancel(2)
    desk.scheduler.requeue_cancels([first])
    assert desk.scheduler.tick() == Cancels((first, second))


def test_remove_takes_back_one_queued_order() -> None:
    desk = Desk()
    new, _ = desk.new()
    assert desk.scheduler.remove(new.cloid)
    assert not desk.scheduler.remove(new.cloid)
    assert desk.scheduler.is_empty


def test_one_queued_order_is_taken_back_and_the_rest_keep_their_order() -> None:
    desk = Desk()
    orders = [desk.new()[0] for _ in range(3)]
    exits = [desk.exit()[0] for _ in range(3)]
    assert desk.scheduler.remove(orders[1].cloid)
    assert desk.scheduler.remove(exits[1].cloid)
    assert not desk.scheduler.remove(orders[1].cloid), "it is gone already"
    assert desk.scheduler.tick() == Orders((exits[0], exits[2], orders[0], orders[2]))


def test_disconnect_empties_exits_and_cancels() -> None:
    desk = Desk()
    exit_, _ = desk.exit()
    desk.cancel()
    desk.new()
    assert desk.scheduler.drop_exits_and_cancels() == [exit_.cloid]
    assert desk.scheduler.depths == (0, 0, 1)


def test_exits_of_a_market_are_taken_back_and_others_stay() -> None:
    desk = Desk()
    gone, _ = desk.exit(BTC)
    stays, _ = desk.exit()
    assert desk.scheduler.drop_exits_of(BTC) == [gone.cloid]
    assert desk.scheduler.drop_exits_of(BTC) == []
    assert desk.scheduler.tick() == Orders((stays,))
