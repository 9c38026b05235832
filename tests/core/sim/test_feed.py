"""What a connection hears: acks with defaults, errors, snapshots, live frames, silence, and the kill."""

from __future__ import annotations

import json

import pytest

from core.sim.admission import WireFailure
from core.sim.feed import MAX_PENDING_POSTS, Feed
from core.sim.subscriptions import SocketKilled

USER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"


class Line:
    """A connection that keeps what it heard."""

    def __init__(self, desk, feed=None):
        self.desk = desk
        self.feed = feed or Feed(desk.exchange)
        self.heard: list = []
        self.session = self.feed.open(lambda text: self.heard.append(json.loads(text)), desk.now_ms)

    def say(self, frame):
        text = frame if isinstance(frame, str) else json.dumps(frame)
        return self.feed.receive(self.session, text, self.desk.now_ms)

    def subscribe(self, **subscription):
        self.say({"method": "subscribe", "subscription": subscription})

    def live(self, ms=70):
        block = self.desk.later(ms)
        self.feed.publish(block, self.desk.now_ms)

    def take(self):
        heard = self.heard[:]
        self.heard.clear()
        return heard


@pytest.fixture
def line(desk):
    return Line(desk)


@pytest.mark.parametrize(
    ("sent", "echo"),
    [
        ({"type": "bbo", "coin": "BTC"}, {"type": "bbo", "coin": "BTC"}),
        (
            {"type": "l2Book", "coin": "xyz:SNDK"},
            {"type": "l2Book", "coin": "xyz:SNDK", "nSigFigs": None, "mantissa": None, "fast": False},
        ),
        (
            {"type": "userFills", "user": USER.upper().replace("0X", "0x")},
            {"type": "userFills", "user": USER, "aggregateByTime": False},
        ),
        ({"type": "clearinghouseState", "user": USER}, {"type": "clearinghouseState", "user": USER, "dex": ""}),
        ({"type": "allMids"}, {"type": "allMids", "dex": ""}),
    ],
)
def test_acks_echo_the_defaults_and_come_first(line, sent, echo):
    line.subscribe(**sent)
    ack = line.take()[0]
    assert ack == {"channel": "subscriptionResponse", "data": {"method": "subscribe", "subscription": echo}}


def test_twice_and_never_subscribed(line):
    line.subscribe(type="orderUpdates", user=USER)
    line.take()
    line.subscribe(type="orderUpdates", user=USER)
    (error,) = line.take()
    assert error["channel"] == "error"
    assert error["data"] == f'Already subscribed: {{"type":"orderUpdates","user":"{USER}"}}'
    line.say({"method": "unsubscribe", "subscription": {"type": "orderUpdates", "user": USER}})
    assert line.take()[0]["data"]["method"] == "unsubscribe"
    line.say({"method": "unsubscribe", "subscription": {"type": "orderUpdates", "user": USER}})
    assert line.take()[0]["data"].startswith("Already unsubscribed: ")


@pytest.mark.parametrize(
    "subscription",
    [{"type": "webData2", "user": USER}, {"type": "userFills", "user": "me"}, {"type": "allMids", "dex": "no"}, 5],
)
def test_invalid_subscriptions(line, subscription):
    line.say({"method": "subscribe", "subscription": subscription})
    (error,) = line.take()
    assert error["data"].startswith("Invalid subscription ")


@pytest.mark.parametrize("coin", ["btc", "SNDK", "XYZ:SNDK", "NOPE"])
def test_an_unknown_coin_kills(line, coin):
    with pytest.raises(SocketKilled):
        line.subscribe(type="bbo", coin=coin)
    assert line.take() == []


@pytest.mark.parametrize(
    "text", ["nonsense", "[]", '{"method":"dance"}', '{"method":"post","request":{"type":"info"}}']
)
def test_frames_without_sense(line, text):
    line.say(text)
    assert line.take() == [{"channel": "error", "data": f"Error parsing JSON into valid websocket request: {text}"}]


def test_ping(line):
    line.say({"method": "ping"})
    assert line.take() == [{"channel": "pong"}]


def test_bbo_only_when_the_touch_changed(line):
    line.subscribe(type="bbo", coin="xyz:SNDK")
    _, first = line.take()
    assert first["data"]["bbo"][0] == {"px": "1698.0", "sz": "1.0", "n": 1}
    line.live()
    line.take()
    line.live()
    assert line.take() == []
    line.desk.order(True, "1650", "0.05", tif="Gtc")  # the book changed, the touch did not
    line.live()
    assert line.take() == []
    line.desk.order(True, "1699", "0.4")
    line.live()
    (changed,) = line.take()
    assert changed["data"]["bbo"][1] == {"px": "1699.0", "sz": "0.6", "n": 1}


def test_contexts_come_once_a_second_and_books_seldom(line):
    line.subscribe(type="activeAssetCtx", coin="xyz:SNDK")
    line.subscribe(type="l2Book", coin="xyz:SNDK")
    line.subscribe(type="l2Book", coin="BTC", fast=True)
    line.take()
    for _ in range(10_010 // 70):
        line.live()
    heard = line.take()
    ctxs = [f for f in heard if f["channel"] == "activeAssetCtx"]
    slow = [f for f in heard if f["channel"] == "l2Book" and f["data"]["coin"] == "xyz:SNDK"]
    fast = [f for f in heard if f["channel"] == "l2Book" and f["data"]["coin"] == "BTC"]
    assert len(ctxs) in (9, 10)
    assert len(slow) == 1
    assert len(fast) in range(16, 20)
    assert fast[0]["data"]["fast"] is True
    assert len(fast[0]["data"]["levels"][0]) == 5
    assert ctxs[0]["data"]["ctx"]["oraclePx"] == "1700.0"


def test_account_channels(line):
    line.subscribe(type="orderUpdates", user=USER)
    line.subscribe(type="userEvents", user=USER)
    line.subscribe(type="userFills", user=USER)
    line.subscribe(type="clearinghouseState", user=USER, dex="xyz")
    line.subscribe(type="openOrders", user=USER, dex="xyz")
    first = [f for f in line.take() if f["channel"] != "subscriptionResponse"]
    assert [f["channel"] for f in first] == ["userFills", "clearinghouseState", "openOrders"]
    assert first[0]["data"] == {"isSnapshot": True, "user": USER, "fills": []}
    line.desk.order(True, "1700", "0.05")
    line.live()
    heard = {f["channel"]: f["data"] for f in line.take()}
    assert [u["status"] for u in heard["orderUpdates"]] == ["open", "filled"]
    assert "isSnapshot" not in heard["userFills"]
    assert list(heard["user"]) == ["fills"]
    assert heard["clearinghouseState"]["clearinghouseState"]["assetPositions"][0]["position"]["szi"] == "0.05"
    again = Line(line.desk, line.feed)
    again.subscribe(type="userFills", user=USER)
    assert len(again.take()[1]["data"]["fills"]) == 1


def test_nobody_hears_of_other_users(line):
    line.subscribe(type="orderUpdates", user="0x" + "1" * 40)
    line.take()
    line.desk.order(True, "1700", "0.05")
    line.live()
    assert line.take() == []


def test_silence_and_duplicates_on_request(line):
    line.desk.control(do="fault", name="duplicate_snapshot")
    line.subscribe(type="userFills", user=USER)
    assert [f["channel"] for f in line.take()] == ["subscriptionResponse", "userFills", "userFills"]
    line.subscribe(type="orderUpdates", user=USER)
    line.take()
    line.desk.control(do="fault", name="mute_order_updates")
    line.desk.order(True, "1700", "0.05")
    line.live()
    assert [f["channel"] for f in line.take()] == ["userFills"]
    line.desk.control(do="fault", name="silent_channels")
    line.desk.order(True, "1700", "0.05")
    line.live()
    line.say({"method": "ping"})
    assert line.take() == [{"channel": "pong"}]


def test_idle_means_that_nothing_was_sent_for_a_minute(line):
    line.live(59_000)
    assert line.feed.idle(line.desk.now_ms) == []
    line.live(1_100)
    assert line.feed.idle(line.desk.now_ms) == [line.session]
    line.say({"method": "ping"})
    assert line.feed.idle(line.desk.now_ms) == []


def test_more_than_a_hundred_posts_at_once(line):
    posts = [
        line.say({"method": "post", "id": i, "request": {"type": "info", "payload": {"type": "perpDexs"}}})
        for i in range(101)
    ]
    assert posts[100] is None
    assert all(posts[:MAX_PENDING_POSTS])
    assert line.take() == [{"channel": "error", "data": "too many pending post requests id=100"}]
    line.feed.forget(posts[0])
    assert line.say({"method": "post", "id": 7, "request": {"type": "info", "payload": {}}}) is not None


def test_answers_of_posts(line):
    post = line.say({"method": "post", "id": 3, "request": {"type": "info", "payload": {"type": "exchangeStatus"}}})
    line.feed.answer(line.session, post, {"time": 1}, line.desk.now_ms)
    line.feed.fail(line.session, post, WireFailure(422, "Failed"), line.desk.now_ms)
    action = line.say({"method": "post", "id": 4, "request": {"type": "action", "payload": {}}})
    line.feed.answer(line.session, action, {"status": "err", "response": "No"}, line.desk.now_ms)
    assert [f["data"]["response"] for f in line.take()] == [
        {"type": "info", "payload": {"type": "exchangeStatus", "data": {"time": 1}}},
        {"type": "error", "payload": "422 Unprocessable Entity: Failed"},
        {"type": "action", "payload": {"status": "err", "response": "No"}},
    ]


def test_the_fifteenth_user_is_refused(line):
    for i in range(15):
        line.subscribe(type="orderUpdates", user=f"0x{i:040x}")
    errors = [f for f in line.take() if f["channel"] == "error"]
    assert [e["data"] for e in errors] == ["Cannot track more than 15 total users."]


def test_a_closed_line_leaves_nothing_behind(line):
    line.subscribe(type="bbo", coin="xyz:SNDK")
    line.feed.close(line.session)
    line.take()
    line.desk.order(True, "1700", "0.05")
    line.live()
    assert line.take() == []
    assert line.feed.sessions == []


def test_coarser_books(line):
    line.subscribe(type="l2Book", coin="xyz:SNDK", nSigFigs=3)
    book = line.take()[1]["data"]
    assert book["levels"][0][0]["px"] == "1690.0"
    assert book["levels"][1][0]["px"] == "1700.0"
    assert book["spread"] == "10.0"
