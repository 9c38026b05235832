"""An order of ours that had ended, as far as we knew, and stands in the book all the same."""

from __future__ import annotations

from decimal import Decimal

from engine_rig import BUY, SNDK, Rig, cancels_of, orders_of, report_of, update
from msgspec.structs import replace

from core.messages.commands import PlaceOrder, TripHardStop
from core.messages.events import OpenOrdersRead, OrderReport
from core.messages.queries import QueryOpenOrders
from core.model.order import OrderStatus, TimeInForce

D = Decimal


def ended_and_resting(rig: Rig) -> OrderReport:
    """Its end was told, with a word of the exchange's own, and it was none."""
    rig.handle(PlaceOrder(command_id="h", market=SNDK, side=BUY, size=D("0.1"), limit_px=D(190), tif=TimeInForce.GTC))
    rig.advance(100)
    order = orders_of(rig.posts[-1])[0]
    report = report_of(order, OrderStatus.OPEN, 900)
    rig.handle(update(report))
    rig.handle(update(report_of(order, OrderStatus.CANCELED, 900)))
    assert not rig.m.orders.unsettled()
    rig.muted.add(QueryOpenOrders)
    return report


def listed(rig: Rig, report: OrderReport) -> None:
    rig.venue.open_orders = [report]
    rig.muted.discard(QueryOpenOrders)
    rig.advance(31_000)


def test_what_rests_long_after_its_end_is_ours_to_see_and_to_cancel() -> None:
    rig = Rig()
    report = ended_and_resting(rig)
    listed(rig, report)
    (shown,) = rig.m.orders.external()
    assert (shown.oid, shown.cloid) == (900, report.cloid)
    assert rig.m.orders.is_busy(SNDK), "no entry beside it"
    assert any("and it rests" in t for t in rig.audit("orders"))
    rig.handle(TripHardStop(command_id="t"))
    rig.advance(300)
    assert [c.oid for c in cancels_of(rig.posts[-1]).cancels] == [900]
    rig.venue.open_orders = []
    rig.handle(update(report_of_gone(report)))
    assert not rig.m.orders.external()


def report_of_gone(report: OrderReport) -> OrderReport:
    return replace(report, status=OrderStatus.CANCELED, status_text="canceled")


def test_a_list_of_a_moment_after_its_end_may_be_older_than_it() -> None:
    rig = Rig()
    report = ended_and_resting(rig)
    rig.advance(2_000)
    asked = rig.m.orders.let_go_of_resting((report,), rig.now)
    assert asked == []
    rig.handle(OpenOrdersRead("xyz", (report,)))
    assert not rig.m.orders.external()
    assert not rig.m.orders.is_busy(SNDK)
