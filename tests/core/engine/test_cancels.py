"""CancelDesk: wanted once, asked again only when the answer did not end the order."""

from __future__ import annotations

from engine_rig import BUY, FOREIGN, NOW, SNDK, D
from msgspec.structs import replace

from core.engine.cancels import CancelDesk
from core.engine.orders import OrderTable
from core.model.cloid import Cloid, CloidMaker
from core.model.order import PendingCancel, PendingOrder, Purpose, TimeInForce, TrackedOrder


def tracked(oid: int | None = None) -> TrackedOrder:
    order = PendingOrder(CloidMaker(1).next(), SNDK, BUY, D(200), D(1), False, TimeInForce.GTC, NOW)
    return replace(OrderTable().register(order, Purpose.ENTRY, "", NOW), oid=oid)


def test_by_oid_where_it_is_known_else_by_cloid() -> None:
    desk, order = CancelDesk(), tracked()
    assert desk.want(order)
    assert desk.due(NOW) == [PendingCancel(SNDK, cloid=order.cloid)]
    desk = CancelDesk()
    desk.want(tracked(9))
    assert desk.due(NOW) == [PendingCancel(SNDK, oid=9)]


def test_wanted_twice_is_once_also_when_the_oid_came_in_between() -> None:
    desk, order = CancelDesk(), tracked()
    assert desk.want(order)
    assert not desk.want(order)
    assert not desk.want(replace(order, oid=9))
    assert len(desk.due(NOW)) == 1
    assert desk.due(NOW + 60_000) == [], "it is under way"


def test_asked_again_a_second_after_an_answer_that_did_not_end_it() -> None:
    desk = CancelDesk()
    desk.want(tracked(9))
    (cancel,) = desk.due(NOW)
    desk.on_answer(cancel, NOW + 100)
    assert desk.due(NOW + 1_099) == []
    assert desk.due(NOW + 1_100) == [cancel]


def test_an_ended_order_is_forgotten_under_both_its_names() -> None:
    desk, order = CancelDesk(), tracked()
    desk.want(order)
    desk.on_ended(replace(order, oid=9))
    assert desk.wanted == []
    assert desk.due(NOW) == []


def test_after_a_disconnect_what_is_wanted_is_asked_at_once() -> None:
    desk = CancelDesk()
    desk.want(tracked(9))
    (cancel,) = desk.due(NOW)
    desk.on_disconnect()
    assert desk.due(NOW) == [cancel]


def test_the_order_behind_a_cancel() -> None:
    desk, order = CancelDesk(), tracked(9)
    desk.want(order)
    assert desk.order_of(PendingCancel(SNDK, oid=9)) is order
    assert desk.order_of(PendingCancel(SNDK, oid=10)) is None


def test_what_found_no_room_in_the_queue_is_due_again_a_second_later() -> None:
    desk = CancelDesk()
    desk.want(tracked(9))
    (cancel,) = desk.due(NOW)
    desk.on_not_queued(cancel, NOW)
    assert desk.due(NOW + 999) == []
    assert desk.due(NOW + 1_000) == [cancel]


def test_an_answer_for_an_order_that_ended_delays_nothing_later() -> None:
    desk, order = CancelDesk(), tracked(9)
    desk.want(order)
    (cancel,) = desk.due(NOW)
    desk.on_ended(order)
    desk.on_answer(cancel, NOW)
    desk.want(order)
    assert desk.due(NOW) == [cancel]


def test_a_released_hard_stop_gives_up_the_orders_of_others_and_keeps_ours() -> None:
    desk, ours = CancelDesk(), tracked(9)
    nameless, foreign = replace(tracked(10), cloid=None), replace(tracked(11), cloid=Cloid(FOREIGN))
    for order in (nameless, ours, foreign):
        desk.want(order)
    desk.give_up_foreign(NOW)
    assert desk.wanted == [ours]
    assert desk.due(NOW) == [PendingCancel(SNDK, oid=9)]


def test_a_cancel_that_is_under_way_is_not_sent_again_because_it_was_given_up_and_is_wanted_anew() -> None:
    """The operator released the latch, and 80 ms later it was pulled again: the cancel of a foreign order left twice in half a second."""
    desk = CancelDesk()
    under_way, answered = replace(tracked(10), cloid=None), replace(tracked(11), cloid=None)
    for order in (under_way, answered):
        desk.want(order)
    desk.due(NOW)
    desk.on_answer(PendingCancel(SNDK, oid=11), NOW + 50)
    desk.give_up_foreign(NOW + 100)
    for order in (under_way, answered):
        assert desk.want(order)
    assert desk.due(NOW + 1_049) == []
    assert desk.due(NOW + 1_050) == [PendingCancel(SNDK, oid=11)]
    assert desk.due(NOW + 1_100) == [PendingCancel(SNDK, oid=10)]


def test_a_foreign_order_that_was_given_up_and_wanted_anew_without_a_cancel_under_way_is_cancelled_at_once() -> None:
    desk = CancelDesk()
    order = replace(tracked(10), cloid=None)
    desk.want(order)
    desk.give_up_foreign(NOW)
    desk.want(order)
    assert desk.due(NOW) == [PendingCancel(SNDK, oid=10)]
