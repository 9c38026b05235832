"""Guards around silence, doubt and reconnects that another guard usually stands before, each by itself.

What the simulation could not tell from the shipped engine is told here.
"""

from __future__ import annotations

from typing import Any

from engine_rig import BUY, NOW, SELL, SNDK, D, Rig, make_config, order_of, orders_of

from core.config import ExecutionConfig
from core.engine.positions import PositionTracker
from core.messages.commands import FlattenAll, Shutdown
from core.messages.effects import Ask
from core.messages.events import OpenOrdersRead, OrderOutcome, Outcome, PositionsRead, VenuePosition
from core.messages.queries import QueryFills, QueryOpenOrders, QueryOrderStatus, QueryPositions
from core.model.order import OrderStatus
from core.model.position import Fill


def exit_under_way(rig: Rig) -> Any:
    rig.open_position(SNDK)
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(200)
    post = rig.posts[-1]
    assert orders_of(post)[0].reduce_only
    return post


# --- silence -----------------------------------------------------------------------------------------------------------


def test_an_exit_whose_bytes_may_have_left_before_the_line_broke_is_looked_for() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    rig.sends = False
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(200)
    order = order_of(rig.posts[-1])
    rig.disconnect()
    kept = rig.m.orders.get(order.cloid)
    assert kept is not None
    assert kept.status is OrderStatus.UNKNOWN


def test_a_repeat_that_nobody_answers_puts_nothing_into_the_queue() -> None:
    rig = Rig()
    post = exit_under_way(rig)
    rig.sends = False
    rig.advance(5_300)
    assert rig.reposts, "the answer is overdue: the same bytes again"
    count = len(rig.posts)
    rig.advance(6_000)
    assert rig.m.scheduler.depths[1] == 0
    assert [o.cloid for p in rig.posts[count:] for o in orders_of(p)] == []
    assert rig.m.orders.get(order_of(post).cloid) is not None


def test_an_entry_lost_with_the_line_may_still_arrive_until_it_expires() -> None:
    rig = Rig()
    post = rig.enter(SNDK)
    rig.advance(500)
    rig.disconnect()
    case = rig.m.lookups.get(order_of(post).cloid)
    assert case is not None
    assert post.expires_after_ms is not None
    assert case.absent_counts_from_ms >= post.expires_after_ms


# --- reconnects and doubt ----------------------------------------------------------------------------------------------


def test_the_first_reading_of_a_new_connection_is_believed_at_once() -> None:
    rig = Rig()
    rig.disconnect()
    rig.venue.held[SNDK] = (D("0.1"), D(200))
    rig.connect()
    assert rig.position(SNDK) is not None


def test_the_fills_are_asked_for_at_once_on_a_new_connection() -> None:
    rig = Rig()
    rig.enter(SNDK)
    rig.advance(5_100)
    assert rig.engine._account._fills_asked_ms is not None
    rig.disconnect()
    assert rig.engine._account._fills_asked_ms is None


def test_a_size_in_doubt_is_compared_with_the_fills_as_well() -> None:
    rig = Rig()
    rig.advance(3_000)
    rig.log.clear()
    held = (VenuePosition(SNDK, D("0.1"), D(200), D(20), D(0)),)
    rig.muted.add(QueryPositions)
    rig.m.asker.drop(QueryPositions("xyz"))
    rig.m.asker.ask(QueryPositions("xyz"), rig.now)
    rig.handle(PositionsRead("xyz", rig.now, held, D(1000), D(1000)))
    assert rig.m.positions.has_suspects
    assert any(isinstance(e.query, QueryFills) for e in rig.effects(Ask))


def test_a_difference_proves_nothing_while_an_order_of_the_market_may_still_move_it() -> None:
    rig = Rig()
    rig.enter(SNDK)
    held = (VenuePosition(SNDK, D("0.1"), D(200), D(20), D(0)),)
    rig.muted.add(QueryPositions)
    rig.m.asker.drop(QueryPositions("xyz"))
    rig.m.asker.ask(QueryPositions("xyz"), rig.now)
    rig.handle(PositionsRead("xyz", rig.now, held, D(1000), D(1000)))
    assert not rig.m.positions.has_suspects


def resting(rig: Rig) -> Any:
    post = rig.enter(SNDK)
    rig.reply(post, OrderOutcome(Outcome.RESTING, 900))
    return order_of(post)


def asked_for(rig: Rig, cloid: Any) -> bool:
    return Ask(QueryOrderStatus(cloid)) in rig.effects(Ask)


def test_a_list_asked_before_an_order_was_open_says_nothing_of_it() -> None:
    rig = Rig()
    rig.muted.add(QueryOpenOrders)
    rig.m.asker.drop(QueryOpenOrders("xyz"))
    rig.m.asker.ask(QueryOpenOrders("xyz"), rig.now)
    rig.now += 50
    order = resting(rig)
    rig.log.clear()
    rig.handle(OpenOrdersRead("xyz", ()))
    assert not asked_for(rig, order.cloid)


def test_an_order_in_flight_need_not_be_in_the_list() -> None:
    rig = Rig()
    rig.muted.add(QueryOpenOrders)
    order = order_of(rig.enter(SNDK))
    rig.now += 50
    rig.m.asker.drop(QueryOpenOrders("xyz"))
    rig.m.asker.ask(QueryOpenOrders("xyz"), rig.now)
    rig.log.clear()
    rig.handle(OpenOrdersRead("xyz", ()))
    assert not asked_for(rig, order.cloid)


def test_an_empty_list_while_something_is_held_confirms_nothing() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    rig.handle(Shutdown(command_id="s", reason="done"))
    rig.muted.add(QueryOpenOrders)
    rig.m.asker.drop(QueryOpenOrders("xyz"))
    rig.m.asker.ask(QueryOpenOrders("xyz"), rig.now)
    rig.handle(OpenOrdersRead("xyz", ()))
    assert rig.m.stopping is not None
    assert rig.m.stopping.confirmed == set()


def test_a_position_is_as_old_as_its_opening_fill_even_where_the_fill_before_it_is_not_known() -> None:
    def fill(at: int, start: str) -> Fill:
        return Fill(SNDK, BUY, D(200), D(1), NOW + at, D(start), D(0), D(0), 9, at)

    tracker = PositionTracker()
    tracker.take_new((fill(1, "0"), fill(3, "0")))  # what closed the first was never shown
    assert [f.time_ms - NOW for f in tracker.fills_that_built(SNDK, BUY)] == [3]
    assert tracker.fills_that_built(SNDK, SELL) == []


# --- exits -------------------------------------------------------------------------------------------------------------


def test_nothing_is_queued_while_there_is_no_connection() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    rig.disconnect()
    assert rig.m.flattener.get(SNDK) is not None
    rig.advance(15_000)
    assert rig.m.scheduler.is_empty


def test_an_observer_closes_nothing_that_has_become_too_old() -> None:
    rig = Rig(make_config(mode="observation", signer=None), ready=False)
    rig.venue.held[SNDK] = (D("0.1"), D(200))
    rig.connect()
    rig.advance(100_000)
    assert rig.position(SNDK) is not None
    assert not rig.m.flattener.is_active


def test_a_position_that_stays_open_is_alarmed_of_once_and_the_next_one_again() -> None:
    execution = ExecutionConfig(time_stop_ms=1_000, reduce_only_timeout_ms=3_000)
    rig = Rig(make_config(execution=execution))
    for times in (1, 2):
        rig.open_position(SNDK)
        rig.advance(4_500)
        assert rig.alerts().count(f"{SNDK} still open") == times
        rig.fill_post(rig.posts[-1])
        assert rig.position(SNDK) is None
        rig.advance(10_000)
        if rig.m.latch.tripped:
            rig.m.latch.reset()
