"""Guards of the books that another guard usually stands before, each by itself: the table of orders, the tracker, the stops.

What the simulation could not tell from the shipped engine is told here.
"""

from __future__ import annotations

from typing import Any

import pytest
from engine_rig import BUY, NOW, NVDA, SELL, SNDK, D, Rig, foreign_order, report_of, update
from msgspec.structs import replace

from core.engine.asking import ANSWER_TIMEOUT_MS, Asker
from core.engine.orders import OrderTable
from core.engine.positions import PositionTracker
from core.messages.commands import CancelAll, FlattenAll, PauseEntries, ResetHardStop, Shutdown, TripHardStop
from core.messages.events import PositionsRead, VenuePosition
from core.messages.queries import QueryFees, QueryFills, QueryPositions
from core.model.cloid import CloidMaker
from core.model.market import MarketKey
from core.model.order import TRANSITIONS, OrderStatus, PendingCancel, PendingOrder, Purpose, Report, TimeInForce
from core.model.position import Fill, Position

CLOIDS = CloidMaker(8)
_S, _R = OrderStatus, Report


def entry(size: str = "1", market: MarketKey = SNDK) -> PendingOrder:
    return PendingOrder(CLOIDS.next(), market, BUY, D(200), D(size), False, TimeInForce.IOC, NOW)


def posted(order: PendingOrder) -> OrderTable:
    table = OrderTable()
    table.register(order, Purpose.ENTRY, "s1", NOW)
    table.report(order.cloid, Report.POSTED, NOW)
    return table


def fill(side: Any, size: str, at: int, *, start: str = "0", oid: int = 9, cloid: str | None = None) -> Fill:
    return Fill(SNDK, side, D(200), D(size), NOW + at, D(start), D(0), D(0), oid, at + 1_000, cloid)


# --- orders ------------------------------------------------------------------------------------------------------------


def test_the_first_oid_of_an_order_stays() -> None:
    order = entry()
    table = posted(order)
    table.report(order.cloid, Report.RESTING, NOW, oid=5)
    table.report(order.cloid, Report.PARTIAL, NOW, oid=6)
    kept = table.get(order.cloid)
    assert kept is not None
    assert (kept.oid, kept.status) == (5, OrderStatus.PARTIAL_FILLED)


def test_a_status_that_nobody_understands_says_nothing_of_what_was_filled() -> None:
    order = entry()
    table = posted(order)
    table.on_venue_report(report_of(order, OrderStatus.UNKNOWN, 5, filled=D("0.4"), text="odd"), NOW)
    kept = table.get(order.cloid)
    assert kept is not None
    assert (kept.status, kept.venue_filled) == (OrderStatus.UNKNOWN, None)


def test_a_fill_teaches_the_oid_that_later_reports_may_name_alone() -> None:
    order = entry()
    table = posted(order)
    table.on_fill(fill(BUY, "0.4", 1, oid=5, cloid=order.cloid), NOW)
    said = replace(report_of(order, OrderStatus.CANCELED, 5, filled=D("0.4")), cloid=None)
    change = table.on_venue_report(said, NOW)
    assert change is not None
    assert change.after.status is OrderStatus.CANCELED
    assert table.external() == []


def test_a_fill_of_an_open_order_makes_it_partly_filled_and_of_an_ended_one_nothing_else() -> None:
    order = entry()
    table = posted(order)
    table.report(order.cloid, Report.RESTING, NOW, oid=5)
    change = table.on_fill(fill(BUY, "0.4", 1, oid=5, cloid=order.cloid), NOW)
    assert change is not None
    assert change.after.status is OrderStatus.PARTIAL_FILLED
    table.report(order.cloid, Report.CANCELED, NOW, venue_filled=D(1))
    change = table.on_fill(fill(BUY, "0.6", 2, oid=5, cloid=order.cloid), NOW)
    assert change is not None
    assert (change.after.status, change.after.filled_size) == (OrderStatus.CANCELED, D(1))


def test_a_market_has_something_unsettled_while_any_order_of_it_is() -> None:
    table = posted(entry())
    assert table.has_unsettled(SNDK)
    assert not table.has_unsettled(NVDA)


def test_what_the_table_of_transitions_must_not_lose() -> None:
    assert TRANSITIONS[_S.QUEUED][_R.LOST] is None, "it never left: nothing can be lost"
    assert TRANSITIONS[_S.IN_FLIGHT][_R.LOST] is _S.UNKNOWN, "silence is not rejection"
    assert TRANSITIONS[_S.PARTIAL_FILLED][_R.REJECTED] is _S.CANCELED, "something was filled"
    for ended in (_S.FILLED, _S.CANCELED, _S.REJECTED):
        assert set(TRANSITIONS[ended].values()) == {None}, "the first terminal word stands"


def test_a_cancel_names_one_of_oid_and_cloid() -> None:
    for oid, cloid in ((None, None), (5, CLOIDS.next())):
        with pytest.raises(AssertionError):
            PendingCancel(SNDK, oid=oid, cloid=cloid)


# --- positions ---------------------------------------------------------------------------------------------------------


def read(at: int, signed: str = "0") -> PositionsRead:
    size = D(signed)
    held = (VenuePosition(SNDK, size, D(200), abs(size) * 200, D(0)),) if size else ()
    return PositionsRead("xyz", NOW + at, held, D(1000), D(1000))


def tracker_at(at: int = 0, signed: str = "0") -> PositionTracker:
    tracker = PositionTracker()
    compare(tracker, read(at, signed), first=True)
    return tracker


def compare(tracker: PositionTracker, answer: PositionsRead, *, first: bool = False) -> list[Any]:
    return tracker.reconcile(answer, answer.time_ms, is_first=first, is_unsettled=lambda market: False)


def test_fills_are_taken_in_the_order_of_their_times() -> None:
    fills = (fill(BUY, "1", 1), fill(BUY, "1", 3), fill(BUY, "1", 2))
    assert [f.time_ms - NOW for f in PositionTracker().take_new(fills)] == [1, 2, 3]


def test_a_fill_ends_the_doubt_about_a_size() -> None:
    tracker = tracker_at()
    compare(tracker, read(1_000, "2"))
    assert tracker.is_suspect(SNDK)
    tracker.apply(fill(BUY, "2", 1_500), NOW + 1_500)
    assert not tracker.is_suspect(SNDK)


def test_an_answer_that_agrees_is_no_doubt_and_no_change() -> None:
    tracker = tracker_at(0, "2")
    for at in (1_000, 4_000, 8_000):
        assert compare(tracker, read(at, "2")) == []
        assert not tracker.has_suspects


def test_what_was_taken_over_is_in_doubt_no_more() -> None:
    tracker = tracker_at()
    compare(tracker, read(1_000, "2"))
    (change,) = compare(tracker, read(4_000, "2"))
    assert change.by_resync
    assert not tracker.has_suspects


def test_a_position_is_not_opened_in_our_future() -> None:
    tracker = tracker_at()
    tracker.apply(fill(BUY, "1", 5_000), NOW + 1_000)
    held = tracker.get(SNDK)
    assert isinstance(held, Position)
    assert held.entry_timestamp_ms == NOW + 1_000
    found = PositionTracker()
    found.take_new((fill(BUY, "1", 5_000),))
    found.reconcile(read(6_000, "1"), NOW + 1_000, is_first=True, is_unsettled=lambda market: False)
    held = found.get(SNDK)
    assert held is not None
    assert held.entry_timestamp_ms == NOW + 1_000


def test_a_position_is_as_old_as_the_oldest_fill_since_the_market_was_flat() -> None:
    tracker = PositionTracker()
    tracker.take_new(
        (fill(BUY, "1", 1), fill(SELL, "1", 2, start="1"), fill(BUY, "1", 3), fill(BUY, "1", 4, start="1"))
    )
    assert [f.time_ms - NOW for f in tracker.fills_that_built(SNDK, BUY)] == [3, 4]


# --- questions ---------------------------------------------------------------------------------------------------------


def test_a_question_that_is_out_is_due_when_its_answer_is_given_up() -> None:
    asker, query = Asker(), QueryFees()
    asker.ask(query, NOW)
    asker.on_answer(query, NOW + 10)
    asker.ask(query, NOW + 1_000)
    assert asker.due_ms(query, 100) == NOW + 1_000 + ANSWER_TIMEOUT_MS


# --- stops and commands ------------------------------------------------------------------------------------------------


def waiting(rig: Rig) -> PendingOrder:
    """An entry that waits in the queue: the post before it was not reported as sent."""
    rig.sends = False
    rig.dislocate(NVDA)
    rig.dislocate(SNDK)
    assert rig.m.scheduler.depths[2] == 1
    (order,) = [o for o in rig.m.orders.live() if o.status is OrderStatus.QUEUED]
    assert order.cloid is not None
    return PendingOrder(
        order.cloid, order.market, order.side, order.price, order.original_size, False, TimeInForce.IOC, NOW
    )


@pytest.mark.parametrize(
    "command",
    [
        TripHardStop(command_id="x"),
        Shutdown(command_id="x", reason="done"),
        CancelAll(command_id="x"),
        PauseEntries(command_id="x", paused=True),
    ],
    ids=lambda c: type(c).__name__,
)
def test_whatever_stops_entries_takes_back_what_is_queued_in_the_same_step(command: Any) -> None:
    rig = Rig()
    order = waiting(rig)
    rig.handle(command)
    assert rig.m.scheduler.depths[2] == 0
    kept = rig.m.orders.get(order.cloid)
    assert kept is not None
    assert kept.status is OrderStatus.CANCELED
    assert kept.cloid not in {o.cloid for o in rig.m.cancels.wanted}, "it never left: there is nothing to cancel"


def test_a_disconnect_empties_every_queue_and_closes_every_post() -> None:
    rig = Rig()
    order = waiting(rig)
    rig.disconnect()
    assert rig.m.scheduler.is_empty
    assert rig.m.posts.open_ids() == []
    kept = rig.m.orders.get(order.cloid)
    assert kept is not None
    assert kept.status is OrderStatus.CANCELED


def test_flatten_all_closes_what_is_held() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    rig.handle(FlattenAll(command_id="f"))
    assert rig.m.flattener.get(SNDK) is not None


def exit_under_way(rig: Rig) -> None:
    rig.open_position(SNDK)
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(200)
    assert rig.m.orders.has_unresolved_exit(SNDK)


@pytest.mark.parametrize("command", [TripHardStop(command_id="x"), CancelAll(command_id="x")])
def test_an_exit_under_way_is_cancelled_by_nobody(command: Any) -> None:
    rig = Rig()
    exit_under_way(rig)
    rig.handle(command)
    assert not [o for o in rig.m.cancels.wanted if o.purpose is Purpose.EXIT]


def test_a_second_word_to_stop_does_not_begin_the_time_anew() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    rig.handle(Shutdown(command_id="a", reason="first"))
    stop = rig.m.stopping
    rig.advance(300)
    rig.handle(Shutdown(command_id="b", reason="second"))
    assert rig.m.stopping is stop


def test_after_the_hard_stop_orders_of_others_are_left_alone_again() -> None:
    rig = Rig()
    rig.venue.open_orders = [foreign_order()]
    rig.handle(update(foreign_order()))
    rig.handle(TripHardStop(command_id="t"))
    assert rig.m.cancels.wanted
    rig.handle(ResetHardStop(command_id="r", reason="go on", override=True))
    assert not rig.m.latch.tripped
    assert not rig.m.cancels.wanted


def test_an_override_forgives_the_loss_only_where_the_loss_stood_in_the_way() -> None:
    rig = Rig()
    rig.lose_trade()
    lost = rig.m.risk.counters.cumulative_pnl_usd
    assert lost < 0
    rig.handle(TripHardStop(command_id="t"))
    rig.handle(ResetHardStop(command_id="r", reason="go on", override=True))
    assert rig.m.risk.counters.cumulative_pnl_usd == lost


def test_a_reset_waits_while_the_size_of_a_position_is_in_doubt() -> None:
    rig = Rig()
    rig.handle(TripHardStop(command_id="t"))
    held = (VenuePosition(SNDK, D(1), D(200), D(200), D(0)),)
    answer = PositionsRead("xyz", rig.now + 1, held, D(1000), D(1000))
    rig.m.positions.reconcile(answer, rig.now, is_first=False, is_unsettled=lambda market: False)
    assert rig.m.positions.has_suspects
    assert "not in sync" in rig.snapshot().hard_stop.reset_refusal


def test_an_exit_that_found_nothing_to_reduce_asks_where_we_stand() -> None:
    rig = Rig()
    exit_under_way(rig)
    rig.muted.add(QueryPositions)
    before = len(rig.log)
    rig.reject(rig.posts[-1], "Reduce only order would increase position. asset=110016")
    asked = [e for _, e in rig.log[before:] if getattr(e, "query", None) == QueryPositions("xyz")]
    assert asked, "the exit had nothing to close: what is held has to be read"


def test_fills_are_asked_from_no_time_before_time() -> None:
    rig = Rig()
    rig.muted.add(QueryFills)
    rig.engine._account._fills_asked_ms = None
    rig.engine._account._ask_fills(-5)
    asked = [e.query for e in rig.m.out if isinstance(getattr(e, "query", None), QueryFills)]
    assert asked == [QueryFills(0)]
