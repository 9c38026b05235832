"""Guards of posts, orders and cancels that no life may ever need, each for itself."""

from __future__ import annotations

from engine_rig import BUY, NOW, NVDA, SNDK, D, Rig, foreign_order, order_of, update
from msgspec.structs import replace
from test_cancels import tracked
from test_orders import fill, order, table_with
from test_posting import flattening

from core.engine.asking import Asker
from core.engine.cancels import CancelDesk
from core.engine.entries import ENTRY_MAX_AGE_MS
from core.engine.orders import OrderTable
from core.messages.commands import CancelAll, FlattenMarket, PlaceOrder
from core.messages.effects import ForgetPost
from core.messages.events import PostSigned
from core.messages.queries import QueryFills, QueryOrderStatus, QueryPositions
from core.model.cloid import CloidMaker
from core.model.order import OrderStatus, PendingOrder, Purpose, Report, TimeInForce

XYZ = QueryPositions("xyz")


def test_where_every_cancel_has_lost_its_order_no_post_is_made() -> None:
    rig = Rig()
    rig.open_position()
    rig.sends = False
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    rig.advance(100)
    exit_post = rig.posts[-1]
    resting = foreign_order(NVDA, cloid=CloidMaker(0).next())
    rig.handle(update(resting))
    rig.handle(CancelAll(command_id="c"))
    rig.advance(100)
    assert rig.m.scheduler.depths[0] == 1
    rig.handle(update(resting, status=OrderStatus.CANCELED))
    rig.sends = True
    rig.sent(exit_post)
    rig.advance(300)
    assert rig.posts[-1] is exit_post


def test_a_signature_that_comes_after_the_end_of_its_post_tells_nothing() -> None:
    rig = Rig()
    post = rig.enter()
    rig.fill_post(post)
    assert rig.handle(PostSigned(post.post_id, "0xab")) == []


def test_the_bytes_of_a_post_that_never_left_are_forgotten() -> None:
    rig = Rig()
    rig.sends = False
    post = rig.enter()
    rig.not_sent(post)
    assert ForgetPost(post.post_id) in rig.effects(ForgetPost)


def test_a_copy_takes_its_turn_like_any_other_post() -> None:
    rig = Rig()
    rig.muted = {QueryOrderStatus, QueryFills}
    flattening(rig)
    rig.advance(5_100)
    assert rig.reposts
    assert rig.m.budget.has_posted_within(1_000, rig.m.now)


def test_an_order_by_hand_may_wait_longer_than_an_entry() -> None:
    rig = Rig()
    rig.sends = False
    first = rig.enter(NVDA)
    rig.handle(PlaceOrder(command_id="h", who="ada", market=SNDK, side=BUY, size=D("0.1"), limit_px=D("200.1")))
    rig.advance(ENTRY_MAX_AGE_MS + 100)
    rig.sends = True
    rig.sent(first)
    rig.advance(100)
    assert [order_of(p).market for p in rig.posts] == [NVDA, SNDK]


def test_failures_of_an_earlier_connection_make_no_question_wait() -> None:
    asker = Asker()
    for n in range(4):
        asker.ask(XYZ, NOW + n)
        asker.on_failure(XYZ, NOW + n)
    asker.forget()
    asker.ask(XYZ, NOW)
    asker.on_failure(XYZ, NOW)
    assert asker.due_ms(XYZ, 60_000) == NOW + 1_000


def test_a_cancel_that_was_answered_before_the_line_broke_is_asked_at_once_after_it() -> None:
    desk = CancelDesk()
    desk.want(tracked(9))
    (cancel,) = desk.due(NOW)
    desk.on_answer(cancel, NOW)
    desk.on_disconnect()
    assert desk.due(NOW) == [cancel]


def test_what_ended_with_its_cancel_under_way_can_be_cancelled_when_it_is_there_again() -> None:
    desk, order = CancelDesk(), tracked(9)
    desk.want(order)
    (cancel,) = desk.due(NOW)
    desk.on_ended(order)
    desk.want(order)
    assert desk.due(NOW) == [cancel]


def resting(table: OrderTable, *, tif: TimeInForce = TimeInForce.GTC, reduce_only: bool = False) -> PendingOrder:
    pending = PendingOrder(CloidMaker(1).next(), SNDK, BUY, D(200), D(1), reduce_only, tif, NOW)
    table.register(pending, Purpose.MANUAL, "", NOW)
    table.report(pending.cloid, Report.POSTED, NOW)
    table.report(pending.cloid, Report.RESTING, NOW, oid=9)
    return pending


def test_an_order_that_rests_does_not_hold_up_the_comparison_of_sizes() -> None:
    table = OrderTable()
    pending = resting(table)
    assert not table.has_unsettled(SNDK)
    table.report(pending.cloid, Report.PARTIAL, NOW, venue_filled=D("0.5"))
    assert table.has_unsettled(SNDK), "fills that were spoken of are missing"


def test_an_ioc_that_is_said_to_be_open_does_not_rest() -> None:
    table = OrderTable()
    pending = resting(table, tif=TimeInForce.IOC)
    assert table.has_unsettled(SNDK)
    assert not table.get(pending.cloid).may_rest  # type: ignore[union-attr]


def test_an_order_without_a_number_may_not_rest() -> None:
    table = OrderTable()
    pending = resting(table)
    known = table.get(pending.cloid)
    assert known is not None
    assert known.may_rest
    assert not replace(known, oid=None).may_rest


def test_a_reduce_only_order_that_rests_is_no_exit() -> None:
    table = OrderTable()
    known = table.get(resting(table, reduce_only=True).cloid)
    assert known is not None
    assert not known.is_exit


def test_what_an_earlier_run_left_in_the_book_keeps_its_market_busy() -> None:
    rig = Rig()
    rig.handle(update(foreign_order(SNDK, cloid=CloidMaker(0).next())))
    assert rig.m.orders.is_busy(SNDK)
    assert rig.m.orders.pending_size(SNDK) > 0


def test_a_fill_of_an_order_that_is_settled_is_counted() -> None:
    pending = order()
    table = table_with(pending)
    table.report(pending.cloid, Report.REJECTED, NOW, venue_filled=D(0))
    change = table.on_fill(fill(pending, "0.4"), NOW)
    assert change is not None
    assert change.after.filled_size == D("0.4")
