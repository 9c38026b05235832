"""What subscriptions are told as it happens: fills put together, order history, candles, states on change, and what stays silent."""

from __future__ import annotations

import json

import pytest

from core.sim.feed import MAX_USERS, Feed

USER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"


class Line:
    """A connection that keeps what it heard."""

    def __init__(self, desk, feed=None, ip=""):
        self.desk = desk
        self.feed = feed or Feed(desk.exchange)
        self.heard: list = []
        self.session = self.feed.open(lambda text: self.heard.append(json.loads(text)), desk.now_ms, ip)

    def say(self, method="subscribe", **subscription):
        text = json.dumps({"method": method, "subscription": subscription})
        return self.feed.receive(self.session, text, self.desk.now_ms)

    def live(self, ms=70):
        self.heard.clear()
        self.feed.publish(self.desk.later(ms), self.desk.now_ms)
        return self.heard

    def errors(self):
        return [f["data"] for f in self.heard if f["channel"] == "error"]


@pytest.fixture
def line(desk):
    return Line(desk)


def test_a_subscription_that_aggregates_hears_one_fill(line):
    line.say(type="userFills", user=USER, aggregateByTime=True)
    line.say(type="userFills", user=USER)
    line.desk.order(True, "1750", "2.5")
    whole, apart = (f["data"]["fills"] for f in line.live())
    assert len(apart) > len(whole) == 1
    assert whole[0]["sz"] == "2.5"


def test_each_order_has_its_history_frame(line):
    line.say(type="userHistoricalOrders", user=USER)
    line.desk.order(True, "1700", "0.05")
    (frame,) = line.live()
    assert frame["data"]["user"] == USER
    assert [row["status"] for row in frame["data"]["orderHistory"]] == ["open", "filled"]
    assert "isSnapshot" not in frame["data"]


def test_a_candle_comes_with_each_trade(line):
    line.say(type="candle", coin="xyz:SNDK", interval="1m")
    assert [f["channel"] for f in line.heard] == ["subscriptionResponse"]
    line.desk.order(True, "1700", "0.05")
    (frame,) = line.live()
    assert (frame["channel"], frame["data"]["c"], frame["data"]["n"]) == ("candle", "1699.0", 1)
    assert line.live() == []
    again = Line(line.desk, line.feed)
    again.say(type="candle", coin="xyz:SNDK", interval="1h")
    assert again.heard[1]["data"]["i"] == "1h"


@pytest.mark.parametrize(
    "subscription",
    [
        {"type": "clearinghouseState", "dex": "xyz"},
        {"type": "allDexsClearinghouseState"},
        {"type": "openOrders", "dex": "xyz"},
        {"type": "activeAssetData", "coin": "xyz:SNDK"},
    ],
)
def test_states_come_when_something_changed(line, subscription):
    line.say(**subscription, user=USER)
    before = line.heard[1]["data"]
    assert line.live() == []
    line.desk.order(True, "1700", "0.5")
    line.desk.order(True, "1600", "0.1", tif="Gtc")
    (frame,) = line.live()
    assert frame["channel"] == subscription["type"]
    assert frame["data"] != before


@pytest.mark.parametrize("kind", ["notification", "orderUpdates", "userEvents"])
def test_some_have_no_snapshot(line, kind):
    line.say(type=kind, user=USER)
    assert [f["channel"] for f in line.heard] == ["subscriptionResponse"]


def test_nothing_comes_after_unsubscribing(line):
    wanted = [{"type": "userFills", "user": USER}, {"type": "bbo", "coin": "xyz:SNDK"}, {"type": "fastAssetCtxs"}]
    for subscription in wanted:
        line.say(**subscription)
    for subscription in wanted:
        line.say("unsubscribe", **subscription)
    line.desk.order(True, "1700", "0.5")
    assert line.live(10_000) == []


def test_an_unsubscribe_may_leave_out_the_defaults(line):
    line.say(type="l2Book", coin="BTC", nSigFigs=None, mantissa=None, fast=False)
    line.heard.clear()
    line.say("unsubscribe", type="l2Book", coin="BTC")
    assert line.heard[0]["data"]["method"] == "unsubscribe"


def test_users_are_counted_per_ip_and_unsubscribing_frees_a_place(line):
    def user(i):
        return f"0x{i:040x}"

    for i in range(MAX_USERS):
        line.say(type="orderUpdates", user=user(i))
        line.say(type="userFills", user=user(i))
    second = Line(line.desk, line.feed)
    second.say(type="orderUpdates", user=user(99))
    assert second.errors() == ["Cannot track more than 15 total users."]
    elsewhere = Line(line.desk, line.feed, ip="10.0.0.9")
    elsewhere.say(type="orderUpdates", user=user(99))
    assert elsewhere.errors() == []
    line.say("unsubscribe", type="orderUpdates", user=user(0))
    second.say(type="orderUpdates", user=user(99))
    assert len(second.errors()) == 2, "the fills of that user are still watched"
    line.say("unsubscribe", type="userFills", user=user(0))
    second.say(type="orderUpdates", user=user(99))
    assert len(second.errors()) == 2


def test_a_closed_connection_frees_its_places(line):
    for i in range(MAX_USERS):
        line.say(type="orderUpdates", user=f"0x{i:040x}")
    line.feed.close(line.session)
    again = Line(line.desk, line.feed)
    again.say(type="orderUpdates", user=USER)
    assert again.errors() == []


def test_posts_of_one_ip_do_not_wait_for_anothers(line):
    def post(of, number):
        frame = {"method": "post", "id": number, "request": {"type": "info", "payload": {"type": "meta"}}}
        return of.feed.receive(of.session, json.dumps(frame), 0)

    other = Line(line.desk, line.feed, ip="10.0.0.9")
    mine = [post(line, i) for i in range(100)]
    assert post(line, 100) is None
    assert post(other, 1) is not None
    line.feed.close(line.session)
    for p in mine:
        line.feed.forget(p)
    assert line.feed.pending_posts == 1


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"method":' * 5_000, '{"method":"subscribe","subscription":{"type":"x","n":' + "9" * 400 + "}}", '{"method":"subscribe","subscription":{"type":"\\ud800"}}', "{}", "0"],
)  # fmt: skip
def test_hostile_frames_are_errors(line, text):
    assert line.feed.receive(line.session, text, line.desk.now_ms) is None
    assert len(line.errors()) == 1
