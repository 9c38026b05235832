"""Stops and take profits: what they wait for, what becomes of them, and what their user is told."""

from __future__ import annotations

import pytest
from sim_desk import limit, trigger

CLOID = "0x0000000000000000000000000000abcd"


@pytest.fixture
def long(desk):
    """A desk that holds 0.05."""
    desk.order(True, "1700", "0.05")
    desk.later()
    return desk


def mark_to(desk, px):
    desk.pin(oracle=str(px), bid=str(px - 1), ask=str(px + 1))


def updates(desk):
    return [(u["status"], u["order"]["sz"]) for data in desk.told("orderUpdates") for u in data]


def test_a_stop_rests_with_an_oid_and_is_listed_as_what_it_is(long):
    (status,) = long.orders(trigger("sl", False, "1650", "0.05", px="1600", cloid=CLOID))
    oid = status["resting"]["oid"]
    assert status["resting"]["cloid"] == CLOID
    (shown,) = long.front()
    assert shown == {
        "coin": "xyz:SNDK",
        "side": "A",
        "limitPx": "1600.0",
        "sz": "0.05",
        "oid": oid,
        "timestamp": long.now_ms,
        "triggerCondition": "Price below 1650",
        "isTrigger": True,
        "triggerPx": "1650.0",
        "children": [],
        "isPositionTpsl": False,
        "reduceOnly": True,
        "orderType": "Stop Market",
        "origSz": "0.05",
        "tif": None,
        "cloid": CLOID,
    }
    (plain,) = long.info("openOrders", user=long.user, dex="xyz")
    assert "triggerPx" not in plain
    assert updates(long) == [("open", "0.05")]
    bids, asks = long.info("l2Book", coin="xyz:SNDK")["levels"]
    assert all(level["px"] != "1600.0" for level in (*bids, *asks))


@pytest.mark.parametrize(
    ("tpsl", "is_buy", "is_market", "word", "condition"),
    [
        ("sl", False, True, "Stop Market", "below"),
        ("sl", False, False, "Stop Limit", "below"),
        ("tp", False, True, "Take Profit Market", "above"),
        ("tp", True, False, "Take Profit Limit", "below"),
        ("sl", True, True, "Stop Market", "above"),
    ],
)
def test_names_and_conditions(make_desk, tpsl, is_buy, is_market, word, condition):
    desk = make_desk()
    desk.pin()
    desk.order(not is_buy, "1690" if is_buy else "1700", "0.05")
    px = "1650" if condition == "below" else "1750"
    desk.orders(trigger(tpsl, is_buy, px, "0.05", is_market=is_market))
    (shown,) = desk.front()
    assert (shown["orderType"], shown["triggerCondition"]) == (word, f"Price {condition} {px}")


def test_a_stop_market_triggers_at_the_mark_and_closes_under_the_same_oid(long):
    oid = long.orders(trigger("sl", False, "1650", "0.05", px="1600"))[0]["resting"]["oid"]
    long.later()
    mark_to(long, 1651)
    assert updates(long) == []
    mark_to(long, 1649)
    assert updates(long) == [("triggered", "0.05"), ("filled", "0.0")]
    fill = long.info("userFills", user=long.user)[0]
    assert (fill["oid"], fill["px"], fill["dir"], fill["crossed"]) == (oid, "1648.0", "Close Long", True)
    assert long.status(oid) == "filled"
    assert long.front() == []


def test_the_limit_of_a_market_trigger_is_not_used(long):
    long.orders(trigger("tp", False, "1750", "0.05", px="1900"))
    mark_to(long, 1755)
    long.later()
    assert long.szi() == "0.0"


def test_a_market_trigger_does_not_trade_further_than_a_tenth_from_the_mark(long):
    oid = long.orders(trigger("sl", False, "1650", "0.05", px="1"))[0]["resting"]["oid"]
    long.pin(oracle="2500", bid="1000", ask="1001")  # the mark is 45 % of the way to the oracle
    long.later()
    long.pin(oracle="1800", bid="1300", ask="1301")
    long.later()
    assert long.status(oid) == "marketOrderNoLiquidityRejected"
    assert long.szi() == "0.05"


def test_a_stop_limit_becomes_a_resting_order(long):
    oid = long.orders(trigger("sl", False, "1650", "0.05", px="1660", is_market=False))[0]["resting"]["oid"]
    long.later()
    mark_to(long, 1649)
    assert updates(long) == [("triggered", "0.05")]
    assert long.status(oid) == "triggered"
    assert [o["oid"] for o in long.front()] == [oid]
    mark_to(long, 1665)
    long.later()
    assert long.status(oid) == "filled"
    assert long.info("userFills", user=long.user)[0]["px"] == "1660.0"


def test_a_trigger_can_be_cancelled_before_and_after_it_fired(long):
    first = long.orders(trigger("sl", False, "1600", "0.05"))[0]["resting"]["oid"]
    second = long.orders(trigger("sl", False, "1650", "0.05", px="1660", is_market=False))[0]["resting"]["oid"]
    mark_to(long, 1649)
    long.later()
    reply = long.send({"type": "cancel", "cancels": [{"a": 110016, "o": oid} for oid in (first, second)]})
    assert reply["response"]["data"]["statuses"] == ["success", "success"]
    assert long.front() == []
    mark_to(long, 1500)
    long.later()
    assert long.szi() == "0.05"


@pytest.mark.parametrize(
    ("order", "text"),
    [
        (trigger("sl", False, "1750", "0.05"), "Invalid TP/SL price."),
        (trigger("tp", False, "1650", "0.05"), "Invalid TP/SL price."),
        (trigger("sl", False, "0", "0.05", px="1600"), "Invalid TP/SL price."),
        (trigger("sl", False, "1650.12", "0.05", px="1600"), "Price must be divisible by tick size."),
        (trigger("sl", False, "1650", "0.05", px="1600.12"), "Price must be divisible by tick size."),
        (trigger("sl", False, "1650", "0", px="1600"), "Order has zero size."),
        (trigger("sl", False, "1650", "0.005"), "Order must have minimum value of $10."),
        (trigger("tp", True, "1650", "0.05"), "Reduce only order would increase position."),
    ],
)
def test_refusals(long, order, text):
    assert long.orders(order) == [{"error": f"{text} asset=110016"}]
    assert long.front() == []


def test_a_reduce_only_trigger_of_more_than_the_position_closes_it_and_no_more(long):
    long.orders(trigger("sl", False, "1650", "0.5"))
    mark_to(long, 1649)
    long.later()
    assert long.szi() == "0.0"


def test_reduce_only_triggers_go_with_the_position_and_not_before(long):
    oid = long.orders(trigger("sl", False, "1650", "0.05"))[0]["resting"]["oid"]
    long.order(False, "1690", "0.02")
    assert [o["sz"] for o in long.front()] == ["0.05"]
    long.order(False, "1690", "0.03")
    assert long.status(oid) == "reduceOnlyCanceled"
    assert long.front() == []


def test_a_plain_trigger_opens_a_position_if_there_is_margin_when_it_fires(desk):
    desk.orders(trigger("sl", True, "1750", "0.05", reduce_only=False))
    poor = desk.orders(trigger("sl", True, "1760", "50", reduce_only=False))[0]["resting"]["oid"]
    mark_to(desk, 1755)
    desk.later()
    assert desk.szi() == "0.05"
    mark_to(desk, 1765)
    desk.later()
    assert desk.status(poor) == "perpMarginRejected"


def test_nothing_fires_on_a_halted_market(long):
    oid = long.orders(trigger("sl", False, "1650", "0.05"))[0]["resting"]["oid"]
    long.control(do="fault", name="halt", coin="xyz:SNDK")
    mark_to(long, 1600)
    long.later()
    assert long.status(oid) == "open"
    long.control(do="clear_faults")
    long.later()
    long.later()
    assert long.status(oid) == "filled"


def test_trigger_orders_are_in_the_first_class_of_a_block(desk):
    def rank(*orders):
        action = {"type": "order", "orders": list(orders), "grouping": "na"}
        return desk.exchange.decode(desk.envelope(action)).block_class

    assert rank(trigger("sl", False, "1650", "0.05")) == 0
    assert rank(trigger("sl", False, "1650", "0.05"), limit(True, "1", "1")) == 2
