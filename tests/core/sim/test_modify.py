"""An order is replaced by another: new oid, end of the queue, same family; and what is told when that cannot be."""

from __future__ import annotations

import pytest
from sim_desk import OTHER_KEY, limit, trigger

CLOID = "0x0000000000000000000000000000abcd"
GONE = "Cannot modify canceled or filled order. asset=110016"


def modify(desk, oid, order, **extra):
    return desk.send({"type": "modify", "oid": oid, "order": order, **extra})


def batch(desk, *modifies, **how):
    reply = desk.send({"type": "batchModify", "modifies": [{"oid": o, "order": w} for o, w in modifies]}, **how)
    assert reply["status"] == "ok", reply
    return reply["response"]["data"]["statuses"]


@pytest.fixture
def oid(desk):
    found = desk.order(True, "1690", "0.05", tif="Gtc", cloid=CLOID)["resting"]["oid"]
    desk.told("orderUpdates")
    return found


def test_a_modified_order_has_a_new_oid_and_the_reply_does_not_tell_it(desk, oid):
    assert modify(desk, oid, limit(True, "1691", "0.07", cloid=CLOID)) == {
        "status": "ok",
        "response": {"type": "default"},
    }
    (order,) = desk.front()
    assert order["oid"] != oid
    assert (order["limitPx"], order["sz"], order["cloid"]) == ("1691.0", "0.07", CLOID)
    assert desk.status(oid) == "canceled"
    (updates,) = desk.told("orderUpdates")
    assert [(u["status"], u["order"]["oid"], u["order"]["cloid"]) for u in updates] == [
        ("canceled", oid, CLOID),
        ("open", order["oid"], CLOID),
    ]


def test_a_batch_is_answered_item_by_item_with_the_new_oids(desk, oid):
    other = desk.order(True, "1680", "0.05", tif="Gtc")["resting"]["oid"]
    statuses = batch(
        desk,
        (CLOID.upper().replace("X", "x"), limit(True, "1692", "0.05", cloid=CLOID)),
        (other, limit(True, "1681", "0.05", tif="Alo")),
        (99, limit(True, "1681", "0.05")),
    )
    assert [o["oid"] for o in desk.front()] == [s["resting"]["oid"] for s in reversed(statuses[:2])]
    assert statuses[0]["resting"]["cloid"] == CLOID
    assert statuses[2] == {"error": GONE}


def test_of_a_cloid_the_latest_order_is_modified(desk, oid):
    batch(desk, (CLOID, limit(True, "1691", "0.05", cloid=CLOID)))
    batch(desk, (CLOID, limit(True, "1692", "0.05", cloid=CLOID)))
    assert [o["limitPx"] for o in desk.front()] == ["1692.0"]


def test_priority_is_lost(desk, oid):
    theirs = desk.order(True, "1690", "0.05", tif="Gtc", key=OTHER_KEY)["resting"]["oid"]
    modify(desk, oid, limit(True, "1690", "0.04"))
    book = desk.exchange.venue.books["xyz:SNDK"].resting()
    assert book[0].oid == theirs


@pytest.mark.parametrize("gone", ["cancelled", "filled", "unknown", "foreign"])
def test_what_is_gone_cannot_be_modified_and_nobody_learns_why(desk, oid, gone):
    if gone == "cancelled":
        desk.send({"type": "cancel", "cancels": [{"a": 110016, "o": oid}]})
    elif gone == "filled":
        oid = desk.order(True, "1700", "0.05")["filled"]["oid"]
    key = {"key": OTHER_KEY} if gone == "foreign" else {}
    assert batch(desk, (5 if gone == "unknown" else oid, limit(True, "1691", "0.05")), **key) == [{"error": GONE}]
    reply = desk.send({"type": "modify", "oid": 5, "order": limit(True, "1691", "0.05")})
    assert reply == {"status": "err", "response": GONE}


def test_with_a_the_new_order_is_placed_although_the_old_one_is_gone(desk):
    assert modify(desk, 99, limit(True, "1691", "0.05"), a=True)["status"] == "ok"
    assert [o["limitPx"] for o in desk.front()] == ["1691.0"]


@pytest.mark.parametrize(
    "order",
    [
        limit(True, "1700", "0.05"),
        limit(True, "1700", "0.05", tif="Ioc"),
        trigger("sl", True, "1800", "0.05", reduce_only=False),
    ],
    ids=["crossing", "ioc", "trigger"],
)
def test_without_a_the_new_order_must_rest(desk, oid, order):
    text = "Error placing new order during modify: Only orders that cannot execute immediately may replace an order. asset=110016"
    assert modify(desk, oid, order) == {"status": "err", "response": text}
    assert [o["oid"] for o in desk.front()] == [oid]
    assert modify(desk, oid, order, a=True)["status"] == "ok"
    assert desk.status(oid) == "canceled"


def test_a_bad_price_leaves_the_old_order_alone(desk, oid):
    text = modify(desk, oid, limit(True, "1691.12", "0.05"))["response"]
    assert text == "Error placing new order during modify: Price must be divisible by tick size. asset=110016"
    assert [o["oid"] for o in desk.front()] == [oid]


def test_what_the_book_refuses_comes_after_the_cancel(desk, oid):
    (status,) = batch(desk, (oid, limit(True, "1699", "0.05", tif="Alo")))
    assert status["error"].startswith("Error placing new order during modify: Post only order would have immediately")
    assert desk.front() == []
    assert desk.status(oid) == "canceled"


def test_the_margin_of_the_old_order_is_free_for_the_new_one(desk):
    desk.send({"type": "updateLeverage", "asset": 110016, "isCross": True, "leverage": 1})
    oid = desk.order(True, "1690", "0.5", tif="Gtc")["resting"]["oid"]
    assert "resting" in batch(desk, (oid, limit(True, "1690", "0.55")))[0]


def test_a_modify_ranks_by_its_new_order(desk):
    def rank(tif):
        action = {"type": "batchModify", "modifies": [{"oid": 1, "order": limit(True, "1", "1", tif=tif)}]}
        single = {"type": "modify", "oid": 1, "order": limit(True, "1", "1", tif=tif)}
        return [desk.exchange.decode(desk.envelope(a)).block_class for a in (action, single)]

    assert rank("Alo") == [0, 0]
    assert rank("Gtc") == [2, 2]
