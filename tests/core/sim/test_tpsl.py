"""Families of orders: who wakes and who goes when another one of the family ends."""

from __future__ import annotations

import pytest
from sim_desk import OTHER_KEY, limit, trigger

from core.sim.saved import restore, save

LAYOUT = [{"error": "Unexpected number of trigger orders asset=110016"}]


def bracket(px, tif="Gtc", sz="0.05"):
    return limit(True, px, sz, tif=tif), trigger("tp", False, "1800", sz), trigger("sl", False, "1600", sz)


def mark_to(desk, px):
    desk.pin(oracle=str(px), bid=str(px - 1), ask=str(px + 1))
    desk.later()


def history(desk):
    return {(o["order"]["orderType"], o["status"]) for o in desk.info("historicalOrders", user=desk.user)}


def test_children_of_a_resting_order_wait_for_its_fill(desk):
    parent, *rest = desk.orders(*bracket("1690"), grouping="normalTpsl")
    assert rest == ["waitingForFill", "waitingForFill"]
    (shown,) = desk.front()
    assert shown["oid"] == parent["resting"]["oid"]
    assert [c["orderType"] for c in shown["children"]] == ["Take Profit Market", "Stop Market"]
    mark_to(desk, 1685)
    assert desk.szi() == "0.05"
    assert {o["orderType"] for o in desk.front()} == {"Take Profit Market", "Stop Market"}


def test_children_of_an_order_filled_at_once_wait_for_their_trigger(desk):
    parent, *rest = desk.orders(*bracket("1700", "Ioc"), grouping="normalTpsl")
    assert "filled" in parent
    assert rest == ["waitingForTrigger", "waitingForTrigger"]
    assert len(desk.front()) == 2


@pytest.mark.parametrize(
    ("px", "done", "left"), [(1805, "Take Profit Market", "Stop Market"), (1595, "Stop Market", "Take Profit Market")]
)
def test_the_first_to_be_filled_ends_the_other(desk, px, done, left):
    desk.orders(*bracket("1700", "Ioc"), grouping="normalTpsl")
    mark_to(desk, px)
    assert desk.szi() == "0.0"
    assert history(desk) == {("Limit", "filled"), (done, "filled"), (left, "siblingFilledCanceled")}
    assert desk.front() == []


def test_a_cancelled_parent_takes_its_children_along(desk):
    parent = desk.orders(*bracket("1690"), grouping="normalTpsl")[0]
    desk.send({"type": "cancel", "cancels": [{"a": 110016, "o": parent["resting"]["oid"]}]})
    assert desk.front() == []
    assert history(desk) == {("Limit", "canceled"), ("Take Profit Market", "canceled"), ("Stop Market", "canceled")}


def test_even_when_a_part_of_it_was_filled(desk):
    parent = desk.orders(*bracket("1698.5"), grouping="normalTpsl")[0]
    desk.order(False, "1698.5", "0.02", key=OTHER_KEY)
    assert desk.szi() == "0.02"
    desk.send({"type": "cancel", "cancels": [{"a": 110016, "o": parent["resting"]["oid"]}]})
    assert desk.front() == []


def test_a_parent_that_does_not_match_leaves_nothing(desk):
    statuses = desk.orders(*bracket("1690", "Ioc"), grouping="normalTpsl")
    assert all("could not immediately match" in s["error"] for s in statuses)
    assert len(statuses) == 3
    assert desk.front() == []


def test_a_modified_parent_keeps_its_children(desk):
    oid = desk.orders(*bracket("1690"), grouping="normalTpsl")[0]["resting"]["oid"]
    assert desk.send({"type": "modify", "oid": oid, "order": limit(True, "1691", "0.05")})["status"] == "ok"
    (shown,) = desk.front()
    assert len(shown["children"]) == 2
    mark_to(desk, 1685)
    assert len(desk.front()) == 2


def test_a_modified_stop_is_still_the_sibling(desk):
    desk.orders(*bracket("1700", "Ioc"), grouping="normalTpsl")
    stop = next(o for o in desk.front() if o["orderType"] == "Stop Market")
    moved = {"type": "modify", "oid": stop["oid"], "order": trigger("sl", False, "1650", "0.05"), "a": True}
    assert desk.send(moved)["status"] == "ok"
    mark_to(desk, 1640)
    assert desk.szi() == "0.0"
    assert desk.front() == []


@pytest.mark.parametrize(
    ("grouping", "orders"),
    [
        ("normalTpsl", [limit(True, "1690", "0.05"), limit(False, "1800", "0.05")]),
        ("normalTpsl", [trigger("tp", False, "1800", "0.05"), trigger("sl", False, "1600", "0.05")]),
        ("normalTpsl", [*bracket("1690"), trigger("sl", False, "1610", "0.05")]),
        ("normalTpsl", [limit(True, "1690", "0.05"), trigger("tp", True, "1600", "0.05")]),
        ("normalTpsl", [limit(True, "1690", "0.05"), trigger("tp", False, "1800", "0.05", reduce_only=False)]),
        ("normalTpsl", [limit(True, "1690", "0.05"), trigger("tp", False, "1800", "0.05", a=0)]),
        ("positionTpsl", [limit(True, "1690", "0.05")]),
        ("positionTpsl", [trigger("tp", False, "1800", "0"), trigger("tp", False, "1810", "0")]),
    ],
)
def test_other_layouts_are_refused_as_one(desk, grouping, orders):
    assert desk.orders(*orders, grouping=grouping) == LAYOUT
    assert desk.front() == []


def test_an_order_alone_is_a_family_without_children(desk):
    assert desk.orders(limit(True, "1690", "0.05"), grouping="normalTpsl") == LAYOUT


def test_a_child_on_the_wrong_side_of_its_parent_is_refused_before_anything_is_placed(desk):
    orders = [limit(True, "1690", "0.05"), trigger("sl", False, "1695", "0.05")]
    assert desk.orders(*orders, grouping="normalTpsl") == [{"error": "Invalid TP/SL price. asset=110016"}]
    assert desk.front() == []


def test_position_tpsl_closes_whatever_the_position_is(desk):
    desk.order(True, "1700", "0.05")
    statuses = desk.orders(
        trigger("tp", False, "1800", "0"), trigger("sl", False, "1600", "0"), grouping="positionTpsl"
    )
    assert statuses == ["waitingForTrigger", "waitingForTrigger"]
    assert [(o["isPositionTpsl"], o["sz"]) for o in desk.front()] == [(True, "0.0"), (True, "0.0")]
    desk.later(2_000)
    desk.order(True, "1700", "0.03")
    mark_to(desk, 1595)
    assert desk.szi() == "0.0"
    assert desk.front() == []
    assert desk.info("userFills", user=desk.user)[0]["sz"] == "0.08"


def test_position_tpsl_goes_with_the_position(desk):
    desk.order(True, "1700", "0.05")
    desk.orders(trigger("tp", False, "1800", "0"), grouping="positionTpsl")
    desk.order(False, "1690", "0.05", reduce_only=True)
    assert desk.front() == []


def test_position_tpsl_needs_a_position(desk):
    (status,) = desk.orders(trigger("tp", False, "1800", "0"), grouping="positionTpsl")
    assert status == {"error": "Reduce only order would increase position. asset=110016"}


def test_priority_fees_cannot_be_paid_here(desk):
    action = {"type": "order", "orders": [limit(True, "1700", "0.05", tif="Ioc")], "grouping": {"p": 5}}
    assert desk.send(action)["status"] == "err"
    assert desk.szi() == "0.0"


def test_families_survive_being_saved(desk):
    desk.orders(*bracket("1690"), grouping="normalTpsl")
    desk.orders(*bracket("1700", "Ioc"), grouping="normalTpsl")
    desk.exchange = restore(save(desk.exchange))
    assert sorted(len(o["children"]) for o in desk.front()) == [0, 0, 2]
    mark_to(desk, 1685)
    assert desk.szi() == "0.1"
    assert len(desk.front()) == 4
    mark_to(desk, 1595)
    assert desk.front() == []
