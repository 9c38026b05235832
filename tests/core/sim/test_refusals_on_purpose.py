"""Faults in what the venue refuses and finds: collapsed batches, a nonce called used, a budget called spent, a thin book, old answers."""

from __future__ import annotations

import pytest

CLOID = "0x0000000000000000000000000000abcd"
OTHER_KEY = "0x0123456789012345678901234567890123456789012345678901234567890123"


def batch(*prices):
    orders = [
        {"a": 110016, "b": True, "p": px, "s": "0.05", "r": False, "t": {"limit": {"tif": "Ioc"}}} for px in prices
    ]
    return {"type": "order", "orders": orders, "grouping": "na"}


def test_a_batch_is_answered_by_one_error_and_nothing_is_executed(desk):
    desk.control(do="fault", name="collapse_batch")
    reply = desk.send(batch("1700", "1701"))
    assert reply["response"]["data"]["statuses"] == [{"error": "Order has invalid size. asset=110016"}]
    assert desk.info("historicalOrders", user=desk.user) == []
    assert desk.szi() == "0.0"
    assert len(desk.send(batch("1700", "1701"))["response"]["data"]["statuses"]) == 2


def test_a_batch_is_refused_as_an_action(desk):
    desk.control(do="fault", name="collapse_batch", level="action", text="Order has zero size.")
    assert desk.send(batch("1700", "1701")) == {"status": "err", "response": "Order has zero size."}
    assert desk.szi() == "0.0"


def test_cancels_do_not_collapse(desk):
    oid = desk.order(True, "1600", "0.05", tif="Gtc")["resting"]["oid"]
    desk.control(do="fault", name="collapse_batch")
    cancels = {"type": "cancel", "cancels": [{"a": 110016, "o": oid}]}
    assert desk.send(cancels)["response"]["data"]["statuses"] == ["success"]


def test_a_new_nonce_is_called_a_duplicate_once_and_is_used_up(desk):
    desk.control(do="fault", name="duplicate_nonce")
    envelope = desk.envelope(batch("1700"))
    text = f"Invalid nonce: duplicate nonce {envelope['nonce']}"
    assert desk.raw(envelope) == {"status": "err", "response": text}
    assert desk.raw(envelope) == {"status": "err", "response": text}
    assert desk.szi() == "0.0"
    assert desk.send(batch("1700"))["status"] == "ok"


def test_a_spent_budget_lets_one_action_through_in_ten_seconds(desk):
    assert desk.info("userRateLimit", user=desk.user)["nRequestsUsed"] == 0
    desk.control(do="fault", name="rate_limited", for_ms=25_000, address=desk.user)
    limits = desk.info("userRateLimit", user=desk.user)
    assert limits["nRequestsUsed"] >= limits["nRequestsCap"]
    answers = []
    for _ in range(25):
        answers.append(desk.send(batch("1600"))["status"])
        desk.later(1_000)
    assert [i for i, status in enumerate(answers) if status == "ok"] == [0, 10, 20]
    assert desk.send(batch("1600"))["status"] == "ok"
    assert desk.info("userRateLimit", user=desk.user)["nRequestsUsed"] == 4


def test_a_spent_budget_refuses_in_the_venues_words_and_leaves_cancels_and_others_alone(desk):
    oid = desk.order(True, "1600", "0.05", tif="Gtc")["resting"]["oid"]
    desk.control(do="fault", name="rate_limited", address=desk.user)
    desk.send(batch("1600"))
    reply = desk.send(batch("1600"))
    assert reply["response"].startswith(
        "Too many cumulative requests sent (10001 > 10000) for cumulative volume traded $"
    )
    assert desk.send(batch("1600"), key=OTHER_KEY)["status"] == "ok"
    assert desk.send({"type": "cancel", "cancels": [{"a": 110016, "o": oid}]})["status"] == "ok"


def test_an_ioc_finds_only_a_part(desk):
    desk.control(do="fault", name="thin_book", coin="xyz:SNDK", percent=30)
    status = desk.order(True, "1700", "0.05")
    assert status["filled"]["totalSz"] == "0.015"
    assert desk.szi() == "0.015"
    assert desk.info("openOrders", user=desk.user, dex="xyz") == []
    record = desk.info("orderStatus", user=desk.user, oid=status["filled"]["oid"])["order"]
    assert (record["status"], record["order"]["origSz"]) == ("filled", "0.05")
    assert desk.order(True, "1700", "0.05")["filled"]["totalSz"] == "0.05"


def test_a_reduce_only_finds_only_a_part_of_the_position(desk):
    desk.order(True, "1700", "0.05")
    desk.control(do="fault", name="thin_book", percent=50)
    assert desk.order(False, "1690", "0.3", reduce_only=True)["filled"]["totalSz"] == "0.025"
    assert desk.szi() == "0.025"


@pytest.mark.parametrize(("tif", "coin"), [("Gtc", "xyz:SNDK"), ("Ioc", "BTC")])
def test_a_thin_book_is_thin_for_iocs_of_its_coin(desk, tif, coin):
    desk.control(do="fault", name="thin_book", coin=coin, percent=1)
    desk.order(True, "1700", "0.05", tif=tif)
    assert desk.szi() == "0.05"


def test_one_lot_is_found_whole(desk):
    desk.order(True, "1700", "0.05")
    desk.order(False, "1690", "0.049", reduce_only=True)
    desk.control(do="fault", name="thin_book", percent=1)
    assert desk.order(False, "1690", "0.001", reduce_only=True)["filled"]["totalSz"] == "0.001"


def test_open_orders_as_they_were(desk):
    desk.order(True, "1697", "0.05", tif="Gtc", cloid=CLOID)
    desk.later(1_000)
    desk.order(True, "1600", "0.01", tif="Gtc")
    desk.pin(bid="1695", ask="1696", size="0.02")
    desk.later()
    assert [o["sz"] for o in desk.info("openOrders", user=desk.user, dex="xyz")] == ["0.01", "0.03"]
    for kind in ("openOrders", "frontendOpenOrders"):
        desk.control(do="fault", name="stale_open_orders", ms=500)
        (order,) = desk.info(kind, user=desk.user, dex="xyz")
        assert (order["cloid"], order["sz"]) == (CLOID, "0.05")
    desk.control(do="fault", name="stale_open_orders", ms=5_000)
    assert desk.info("openOrders", user=desk.user, dex="xyz") == []
    assert len(desk.info("openOrders", user=desk.user, dex="xyz")) == 2


def test_an_order_that_ended_is_open_in_an_old_answer(desk):
    oid = desk.order(True, "1600", "0.05", tif="Gtc")["resting"]["oid"]
    desk.later(1_000)
    desk.send({"type": "cancel", "cancels": [{"a": 110016, "o": oid}]})
    desk.control(do="fault", name="stale_open_orders", ms=500)
    desk.later(100)
    assert [o["oid"] for o in desk.info("openOrders", user=desk.user, dex="xyz")] == [oid]
    assert desk.info("openOrders", user=desk.user, dex="xyz") == []


def test_a_clearinghouse_as_it_was(desk):
    desk.order(True, "1700", "0.05")
    desk.later(1_000)
    desk.order(False, "1690", "0.02")
    desk.later(1_000)
    found = []
    for ms in (500, 1_500, 2_500):
        desk.control(do="fault", name="stale_clearinghouse", ms=ms)
        found.append((desk.szi(), desk.szi()))
    assert found == [("0.03", "0.03"), ("0.05", "0.03"), ("0.0", "0.03")]
