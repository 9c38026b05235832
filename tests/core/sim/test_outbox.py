"""Telling gone wrong: frames late, missing, doubled, oddly worded. What happened stays what happened."""

from __future__ import annotations

from test_feed import Line

CLOID = "0x0000000000000000000000000000abcd"
OTHER_USER = "0x14791697260e4c9a71f18484c9f997b308e59325"


def kinds(block):
    return [e.channel for e in block.user_events]


def test_fills_come_later_than_the_order_update_and_keep_their_date(desk):
    desk.control(do="fault", name="fill_delay", ms=500)
    desk.order(True, "1700", "0.05")
    traded_ms = desk.now_ms
    assert kinds(desk.later()) == ["orderUpdates"]
    assert len(desk.info("userFills", user=desk.user)) == 1
    assert kinds(desk.later(420)) == []
    desk.order(False, "1690", "0.05")
    block = desk.later(140)
    assert kinds(block) == ["userFills", "user", "orderUpdates", "userFills", "user"]
    assert block.user_events[0].data["fills"][0]["time"] == traded_ms
    assert kinds(desk.later()) == []


def test_a_frame_of_fills_is_never_sent(desk):
    desk.control(do="fault", name="skip_fill_frame")
    desk.order(True, "1700", "0.05")
    assert kinds(desk.later()) == ["orderUpdates"]
    assert kinds(desk.later(60_000)) == []
    assert len(desk.info("userFills", user=desk.user)) == 1
    desk.order(False, "1690", "0.05")
    assert kinds(desk.later()) == ["orderUpdates", "userFills", "user"]


def test_frames_come_twice_the_very_same(desk):
    desk.control(do="fault", name="duplicate_frames", count=2)
    desk.order(True, "1700", "0.05")
    block = desk.later()
    assert kinds(block) == ["orderUpdates", "orderUpdates", "userFills", "userFills", "user"]
    assert block.user_events[0] == block.user_events[1]
    assert len(desk.info("userFills", user=desk.user)) == 1


def test_who_never_asks_is_not_remembered_without_end(desk, monkeypatch):
    monkeypatch.setattr("core.sim.outbox._MOST_HUSHED", 5)
    desk.control(do="fault", name="black_hole")
    for _ in range(10):
        desk.order(True, "1600", "0.05", tif="Gtc")
        assert kinds(desk.later()) == []
    desk.info("openOrders", user=desk.user)
    (event,) = desk.later().user_events
    newest = [o["oid"] for o in desk.info("openOrders", user=desk.user, dex="xyz")[:5]]
    assert [update["order"]["oid"] for update in event.data] == newest[::-1]


def test_frames_of_state_come_twice_too(desk):
    line = Line(desk)
    line.subscribe(type="clearinghouseState", user=desk.user, dex="xyz")
    line.take()
    desk.control(do="fault", name="duplicate_frames", for_ms=1_000, address=desk.user)
    desk.order(True, "1700", "0.05")
    line.live()
    first, second = line.take()
    assert first == second
    assert first["channel"] == "clearinghouseState"


def test_trouble_of_one_user_is_no_trouble_of_another(desk):
    desk.control(do="fault", name="skip_fill_frame", address=OTHER_USER, count=9)
    desk.order(True, "1700", "0.05")
    assert kinds(desk.later()) == ["orderUpdates", "userFills", "user"]


def test_an_end_is_told_in_a_word_nobody_knows(desk):
    desk.control(do="fault", name="odd_status")
    oid = desk.order(True, "1700", "0.05", cloid=CLOID)["filled"]["oid"]
    (updates,) = desk.told("orderUpdates")
    assert [u["status"] for u in updates] == ["open", "holdingPattern"]
    assert updates[1]["order"]["sz"] == "0.0"
    assert desk.info("orderStatus", user=desk.user, oid=oid)["order"]["status"] == "filled"
    desk.control(do="fault", name="odd_status", text="somethingNewRejected")
    assert desk.info("orderStatus", user=desk.user, oid=CLOID)["order"]["status"] == "somethingNewRejected"
    assert desk.info("orderStatus", user=desk.user, oid=CLOID)["order"]["status"] == "filled"
    assert desk.szi() == "0.05"


def test_an_open_order_is_told_in_the_usual_word(desk):
    desk.control(do="fault", name="odd_status")
    oid = desk.order(True, "1600", "0.05", tif="Gtc")["resting"]["oid"]
    (updates,) = desk.told("orderUpdates")
    assert [u["status"] for u in updates] == ["open"]
    assert desk.info("orderStatus", user=desk.user, oid=oid)["order"]["status"] == "open"
