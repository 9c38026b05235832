"""OrderTable: busy is read off the orders; terminal is not settled."""

from __future__ import annotations

from decimal import Decimal

import pytest
from engine_rig import BUY, NOW, NVDA, SELL, SNDK, D, foreign_order, report_of
from msgspec.structs import replace

from core.engine.orders import OrderTable
from core.model.cloid import CloidMaker
from core.model.order import OrderStatus, PendingOrder, Purpose, Report, TimeInForce
from core.model.position import Fill

CLOIDS = CloidMaker(1)


def order(*, reduce_only: bool = False, size: str = "1") -> PendingOrder:
    side = SELL if reduce_only else BUY
    return PendingOrder(CLOIDS.next(), SNDK, side, D(200), D(size), reduce_only, TimeInForce.IOC, NOW)


def table_with(o: PendingOrder, *, posted: bool = True) -> OrderTable:
    table = OrderTable()
    table.register(o, Purpose.EXIT if o.reduce_only else Purpose.ENTRY, "s1", NOW)
    if posted:
        table.report(o.cloid, Report.POSTED, NOW)
    return table


def fill(o: PendingOrder, size: str, oid: int = 9, cloid: bool = True) -> Fill:
    return Fill(
        market=o.market,
        side=o.side,
        price=o.price,
        size=Decimal(size),
        time_ms=NOW,
        start_position=D(0),
        closed_pnl=D(0),
        fee=D(0),
        oid=oid,
        tid=1,
        cloid=o.cloid if cloid else None,
    )


def test_an_entry_makes_its_market_busy_from_the_moment_it_is_registered() -> None:
    table = table_with(order(), posted=False)
    assert table.is_busy(SNDK)
    assert not table.is_busy(NVDA)
    assert not table.has_unresolved_exit(SNDK)


def test_an_exit_does_not_make_the_market_busy_for_entries() -> None:
    table = table_with(order(reduce_only=True))
    assert not table.is_busy(SNDK)
    assert table.has_unresolved_exit(SNDK)
    assert table.pending_size(SNDK) == 0


def test_a_resting_reduce_only_order_that_shrinks_keeps_no_exit_waiting_for_fills() -> None:
    """The exchange shrinks it with its position: what is left of it is smaller, and nothing was filled (seed 60004)."""
    o = replace(order(reduce_only=True), tif=TimeInForce.GTC)
    table = table_with(o)
    table.on_venue_report(report_of(o, OrderStatus.OPEN, 9), NOW)
    assert not table.has_unresolved_exit(SNDK)
    table.on_venue_report(report_of(o, OrderStatus.OPEN, 9, filled=D("0.6")), NOW)
    assert not table.has_unresolved_exit(SNDK), "a time stop need not wait for it"
    assert table.on_fill(fill(o, "0.4"), NOW) is not None
    tracked = table.get(o.cloid)
    assert tracked is not None
    assert (tracked.status, tracked.filled_size) == (OrderStatus.PARTIAL_FILLED, D("0.4")), "fills tell of themselves"


def test_terminal_is_settled_only_with_the_fills_that_were_spoken_of() -> None:
    o = order()
    table = table_with(o)
    change = table.report(o.cloid, Report.FILLED, NOW, oid=9, venue_filled=D("0.6"))
    assert change is not None
    assert (change.ended, change.settled) == (True, False)
    assert table.is_busy(SNDK)
    assert table.pending_size(SNDK) == D("0.6"), "what is still on its way, not what was ordered"
    assert table.on_fill(fill(o, "0.2"), NOW) is not None
    assert table.pending_size(SNDK) == D("0.4")
    change = table.on_fill(fill(o, "0.4"), NOW)
    assert change is not None
    assert change.settled
    assert not table.is_busy(SNDK)


def test_a_full_fill_before_any_reply_settles_the_order() -> None:
    o = order()
    table = table_with(o)
    change = table.on_fill(fill(o, "1"), NOW)
    assert change is not None
    assert change.after.status is OrderStatus.FILLED
    assert change.settled
    assert table.report(o.cloid, Report.FILLED, NOW, oid=9, venue_filled=D(1)) is None, "the reply says nothing new"


def test_a_partial_fill_of_an_order_in_flight_waits_for_the_reply() -> None:
    o = order()
    table = table_with(o)
    table.on_fill(fill(o, "0.3"), NOW)
    tracked = table.get(o.cloid)
    assert tracked is not None
    assert tracked.status is OrderStatus.IN_FLIGHT
    change = table.report(o.cloid, Report.FILLED, NOW, oid=9, venue_filled=D("0.3"))
    assert change is not None
    assert change.settled


def test_the_first_terminal_word_stands() -> None:
    o = order()
    table = table_with(o)
    table.report(o.cloid, Report.REJECTED, NOW, venue_filled=D(0), reason="no")
    assert table.report(o.cloid, Report.CANCELED, NOW, reason="later") is None
    tracked = table.get(o.cloid)
    assert tracked is not None
    assert (tracked.status, tracked.reason) == (OrderStatus.REJECTED, "no")


def test_what_the_exchange_filled_only_grows() -> None:
    o = order()
    table = table_with(o)
    table.report(o.cloid, Report.RESTING, NOW, oid=9)
    table.on_venue_report(report_of(o, OrderStatus.CANCELED, 9, filled=D("0.5")), NOW)
    table.on_venue_report(report_of(o, OrderStatus.CANCELED, 9, filled=D("0.2")), NOW)
    tracked = table.get(o.cloid)
    assert tracked is not None
    assert tracked.venue_filled == D("0.5")


def test_a_rejected_report_filled_nothing_whatever_remains() -> None:
    o = order()
    table = table_with(o)
    said = replace(report_of(o, OrderStatus.REJECTED, 9, text="tickRejected"), remaining=D(0))
    change = table.on_venue_report(said, NOW)
    assert change is not None
    assert change.settled
    assert change.after.venue_filled == 0


def test_an_open_report_with_something_filled_is_partial() -> None:
    o = order()
    table = table_with(o)
    change = table.on_venue_report(report_of(o, OrderStatus.OPEN, 9, filled=D("0.5")), NOW)
    assert change is not None
    assert change.after.status is OrderStatus.PARTIAL_FILLED


def test_an_unknown_status_is_unknown_and_keeps_the_market_busy() -> None:
    o = order()
    table = table_with(o)
    table.on_venue_report(report_of(o, OrderStatus.UNKNOWN, 9, text="newThing"), NOW)
    tracked = table.get(o.cloid)
    assert tracked is not None
    assert tracked.status is OrderStatus.UNKNOWN
    assert table.is_busy(SNDK)


def test_fills_are_matched_by_oid_where_the_cloid_is_missing() -> None:
    o = order()
    table = table_with(o)
    table.report(o.cloid, Report.RESTING, NOW, oid=9)
    assert table.on_fill(fill(o, "0.5", oid=9, cloid=False), NOW) is not None
    assert table.on_fill(fill(o, "0.5", oid=10, cloid=False), NOW) is None


def test_believing_the_fills_settles_an_ended_order_and_no_living_one() -> None:
    o = order()
    table = table_with(o)
    assert table.believe_fills(o.cloid, NOW) is None
    table.report(o.cloid, Report.FILLED, NOW, oid=9, venue_filled=D(1))
    change = table.believe_fills(o.cloid, NOW)
    assert change is not None
    assert change.settled


def test_foreign_orders_are_kept_apart_and_leave_with_the_list() -> None:
    table = OrderTable()
    table.on_venue_report(foreign_order(NVDA, oid=77), NOW)
    table.on_venue_report(foreign_order(SNDK, oid=78, cloid=None), NOW)
    assert [o.oid for o in table.external()] == [77, 78]
    assert table.live() == []
    assert not table.is_busy(NVDA)
    table.replace_external("xyz", frozenset({78}))
    assert [o.oid for o in table.external()] == [78]
    table.replace_external("", frozenset())
    assert [o.oid for o in table.external()] == [78], "another dex's list says nothing about it"


def test_foreign_order_that_ended_is_gone() -> None:
    table = OrderTable()
    table.on_venue_report(foreign_order(oid=77), NOW)
    table.on_venue_report(replace(foreign_order(oid=77), status=OrderStatus.CANCELED), NOW)
    assert table.external() == []


def test_an_order_is_registered_once() -> None:
    o = order()
    table = table_with(o)
    with pytest.raises(AssertionError, match="registered twice"):
        table.register(o, Purpose.ENTRY, "", NOW)


def test_settled_orders_are_kept_for_late_echoes_but_not_forever() -> None:
    table = OrderTable()
    for _ in range(510):
        o = order()
        table.register(o, Purpose.ENTRY, "", NOW)
        table.report(o.cloid, Report.DROPPED, NOW)
    assert len(table.ended()) == 500
    assert table.get(o.cloid) is not None


def test_an_order_that_was_forgotten_is_not_recognised_by_its_oid_either() -> None:
    table, first = OrderTable(), order()
    table.register(first, Purpose.ENTRY, "", NOW)
    table.report(first.cloid, Report.REJECTED, NOW, oid=9, venue_filled=D(0))
    for _ in range(500):
        o = order()
        table.register(o, Purpose.ENTRY, "", NOW)
        table.report(o.cloid, Report.DROPPED, NOW)
    assert table.get(first.cloid) is None
    assert table.report(first.cloid, Report.CANCELED, NOW) is None
    assert table.on_fill(fill(first, "1", oid=9, cloid=False), NOW) is None, "somebody else's, as far as we can tell"


def test_a_late_word_that_more_was_filled_makes_the_market_busy_until_those_fills_are_here() -> None:
    o = order()
    table = table_with(o)
    table.report(o.cloid, Report.CANCELED, NOW, oid=9, venue_filled=D(0))
    assert not table.is_busy(SNDK)
    change = table.report(o.cloid, Report.FILLED, NOW + 5, oid=9, venue_filled=D("0.5"))
    assert change is not None
    assert (change.after.status, change.after.venue_filled, change.settled) == (OrderStatus.CANCELED, D("0.5"), False)
    assert table.get(o.cloid) == change.after
    assert table.unsettled() == [change.after]
    assert table.ended() == []
    assert table.is_busy(SNDK)
    assert table.pending_size(SNDK) == D("0.5")
    assert table.live() == [], "it lives no more: nobody cancels it"
    settled = table.on_fill(fill(o, "0.5"), NOW + 6)
    assert settled is not None
    assert settled.settled
    assert not table.is_busy(SNDK)


def test_a_late_word_that_says_no_more_than_was_seen_changes_nothing() -> None:
    o = order()
    table = table_with(o)
    table.report(o.cloid, Report.CANCELED, NOW, oid=9, venue_filled=D("0.5"))
    table.on_fill(fill(o, "0.5"), NOW + 1)
    assert table.report(o.cloid, Report.FILLED, NOW + 5, oid=9, venue_filled=D("0.5")) is None
    assert not table.is_busy(SNDK)


def test_a_word_that_only_ends_like_a_refusal_does_not_free_what_its_size_says_was_filled() -> None:
    o = order()
    table = table_with(o)
    said = replace(report_of(o, OrderStatus.REJECTED, 9, text="somethingNewRejected"), remaining=D(0))
    change = table.on_venue_report(said, NOW)
    assert change is not None
    assert (change.ended, change.settled) == (True, False)
    assert (change.after.status, change.after.reason) == (OrderStatus.CANCELED, "somethingNewRejected")
    assert table.is_busy(SNDK)
    assert table.pending_size(SNDK) == 1


def test_a_word_that_only_ends_like_a_refusal_is_one_where_nothing_was_filled() -> None:
    o = order()
    table = table_with(o)
    change = table.on_venue_report(report_of(o, OrderStatus.REJECTED, 9, text="somethingNewRejected"), NOW)
    assert change is not None
    assert (change.after.status, change.settled) == (OrderStatus.REJECTED, True)


def test_a_list_that_is_older_than_the_end_of_a_foreign_order_does_not_bring_it_back() -> None:
    """The list of open orders was on its way when the order was cancelled: it was shown again, and cancelled once more."""
    table = OrderTable()
    said = foreign_order(NVDA, 77)
    table.on_venue_report(said, NOW)
    table.on_venue_report(replace(said, status=OrderStatus.CANCELED, status_text="canceled"), NOW + 1)
    table.on_venue_report(said, NOW + 2)
    assert table.external() == []
    for oid in range(1_000, 1_600):
        table.on_venue_report(replace(said, oid=oid, status=OrderStatus.CANCELED), NOW + 3)
    assert len(table._external_ended) == 500, "it is not remembered for ever"
