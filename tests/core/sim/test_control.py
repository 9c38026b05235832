"""/control: the truth told, faults striking whom and as often as asked, and refusals that say what is allowed."""

from __future__ import annotations

import pytest

from core.sim.control import ControlError
from core.sim.faults import FAULTS, FaultBoard, FaultError

OTHER_USER = "0x14791697260e4c9a71f18484c9f997b308e59325"
NEW_USER = "0x" + "a" * 40


def test_the_truth(desk):
    desk.order(True, "1700", "0.05")
    desk.order(True, "1600", "0.05", tif="Gtc")
    desk.send({"type": "noop"}, nonce=1)
    truth = desk.control(do="truth")
    assert [(p["user"], p["coin"], p["szi"]) for p in truth["positions"]] == [(desk.user, "xyz:SNDK", "0.05")]
    assert [(o["coin"], o["sz"]) for o in truth["openOrders"]] == [("xyz:SNDK", "0.05")]
    assert [(f["user"], f["sz"]) for f in truth["fills"]] == [(desk.user, "0.05")]
    first, second, third = truth["actions"]
    assert (first["type"], first["accepted"], first["items"], first["signer"]) == ("order", True, 1, desk.user)
    assert "filled" in first["statuses"][0]
    assert second["nonce"] > first["nonce"]
    assert (third["accepted"], third["nonce"]) == (False, 1)
    assert third["error"].startswith("Invalid nonce: nonce too low")
    assert truth["balances"][desk.user]["dexes"][""]["accountValue"] == "1000.0"
    assert truth["counters"]["actionsReceived"] == 3


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ({"do": "nonsense"}, "truth"),
        ({}, "truth"),
        ("truth", "JSON object"),
        ({"do": "fault", "name": "nonsense"}, "lose_reply"),
        ({"do": "fault", "name": "lose_reply", "cout": 1}, "count"),
        ({"do": "fault", "name": "lose_reply", "count": 0}, "count"),
        ({"do": "fault", "name": "lose_reply", "level": "action"}, "reject_all"),
        ({"do": "set_price", "coin": "NOPE"}, "BTC"),
        ({"do": "set_price", "coin": "BTC", "oracle": 1, "bid": "x", "ask": 3}, "bid"),
        ({"do": "set_price", "coin": "BTC", "oracle": 1, "bid": 3, "ask": 2}, "bid < ask"),
        ({"do": "set_price", "coin": "BTC", "oracle": 1, "bid": "95000.5", "ask": 95001}, "tick"),
        ({"do": "fund", "user": "me", "usd": 1}, "address"),
        ({"do": "approve_agent", "user": NEW_USER, "agent": NEW_USER}, "not funded"),
    ],
)
def test_wrong_commands_are_told_what_is_allowed(desk, command, word):
    with pytest.raises(ControlError, match=word):
        desk.exchange.control(command, desk.now_ms)


def test_fund_opens_an_account(desk):
    assert desk.info("userRole", user=NEW_USER) == {"role": "missing"}
    assert desk.control(do="fund", user=NEW_USER, usd=250) == {"ok": True}
    assert desk.account_value(user=NEW_USER) == 250
    desk.control(do="fund", user=NEW_USER, usd="50")
    assert desk.account_value(user=NEW_USER) == 300


def test_pause_and_release(make_desk):
    desk = make_desk(markets=("BTC",))
    desk.control(do="pause_market")
    assert desk.later(5_000).coins == ()
    desk.control(do="resume_market")
    assert desk.later(5_000).coins == ("BTC",)
    desk.control(do="set_price", coin="BTC", oracle=90000, bid=89990, ask=90010)
    desk.later()
    assert desk.later(5_000).coins == ()
    desk.control(do="release", coin="BTC")
    assert desk.later(5_000).coins == ("BTC",)


def test_faults_in_the_venues_answers(desk):
    oid = desk.order(True, "1700", "0.05")["filled"]["oid"]
    desk.control(do="fault", name="unknown_oid_once")
    assert desk.info("orderStatus", user=desk.user, oid=oid) == {"status": "unknownOid"}
    assert desk.info("orderStatus", user=desk.user, oid=oid)["status"] == "order"
    desk.control(do="fault", name="empty_clearinghouse_once", address=desk.user)
    desk.info("clearinghouseState", user=OTHER_USER, dex="xyz")
    assert desk.szi() == "0.0"
    assert desk.szi() == "0.05"
    desk.control(do="fault", name="post_only")
    assert "Only post-only orders allowed" in desk.order(True, "1700", "0.05")["error"]
    assert "resting" in desk.order(True, "1690", "0.05", tif="Alo")
    desk.control(do="clear_faults")
    desk.control(do="fault", name="reject_all", text="No.")
    assert desk.order(True, "1700", "0.05")["error"] == "No. asset=110016"
    desk.control(do="clear_faults")
    desk.control(do="fault", name="reject_all", text="Not at all.", level="action", count=1)
    assert desk.send({"type": "noop"}) == {"status": "err", "response": "Not at all."}
    assert desk.send({"type": "noop"})["status"] == "ok"


def test_a_fault_strikes_as_often_as_long_and_whom_it_was_asked_to():
    board = FaultBoard()
    board.add("lose_reply", 0, count=2, address="0xAB")
    assert board.strike("lose_reply", 0, "0xcd") is None
    assert [board.strike("lose_reply", 0, "0xab") is not None for _ in range(3)] == [True, True, False]
    board.add("post_only", 0, for_ms=100)
    assert board.strike("post_only", 99)
    assert not board.strike("post_only", 100)
    board.add("silent_channels", 0, channels=("bbo",))
    assert board.silences("bbo", 0, None)
    assert not board.silences("l2Book", 0, None)
    board.clear()
    assert not board.silences("bbo", 0, None)
    with pytest.raises(FaultError, match="lose_request"):
        board.add("nonsense", 0)


def test_every_fault_is_described(desk):
    assert desk.control(do="list_faults")["faults"] == FAULTS
