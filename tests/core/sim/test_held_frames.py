"""What is told late on purpose: held, overtaken, swallowed until somebody asks; and sockets that end on purpose."""

from __future__ import annotations

import pytest
from test_feed import Line

from core.sim.subscriptions import SocketKilled

CLOID = "0x0000000000000000000000000000abcd"


@pytest.fixture
def line(desk):
    line = Line(desk)
    for kind in ("orderUpdates", "userFills"):
        line.subscribe(type=kind, user=desk.user)
    line.take()
    return line


def channels(line):
    return [frame["channel"] for frame in line.take()]


def test_frames_of_some_channels_come_late_and_keep_their_order(desk, line):
    desk.control(do="fault", name="delay_frames", ms=500, for_ms=10_000, channels=["userFills"])
    desk.order(True, "1700", "0.05")
    line.live()
    desk.order(False, "1690", "0.02")
    line.live()
    assert channels(line) == ["orderUpdates", "orderUpdates"]
    line.live(300)
    assert channels(line) == []
    line.live(200)
    frames = line.take()
    assert [f["data"]["fills"][0]["sz"] for f in frames] == ["0.05", "0.02"]


def test_a_frame_is_overtaken_by_the_next_one(desk, line):
    desk.control(do="fault", name="reorder_frames", channels=["orderUpdates"])
    desk.order(True, "1700", "0.05")
    line.live()
    assert channels(line) == ["userFills", "orderUpdates"]


def test_a_frame_that_nothing_overtakes_comes_all_the_same(desk, line):
    desk.control(do="fault", name="reorder_frames", ms=400)
    desk.order(True, "1600", "0.05", tif="Gtc")
    line.live()
    assert channels(line) == []
    line.live(420)
    assert channels(line) == ["orderUpdates"]


def test_order_updates_come_later_than_their_fills(desk, line):
    desk.control(do="fault", name="update_delay", ms=300)
    desk.order(True, "1700", "0.05")
    line.live()
    assert channels(line) == ["userFills"]
    line.live(370)
    assert channels(line) == ["orderUpdates"]


@pytest.mark.parametrize(
    "question",
    [
        {"kind": "orderStatus", "oid": CLOID},
        {"kind": "userFills"},
        {"kind": "openOrders", "dex": "xyz"},
        {"kind": "historicalOrders"},
    ],
    ids=lambda q: q["kind"],
)
def test_a_black_hole_says_nothing_on_any_channel_until_somebody_asks(desk, line, question):
    for kind in ("clearinghouseState", "openOrders"):
        line.subscribe(type=kind, user=desk.user, dex="xyz")
    line.take()
    desk.control(do="fault", name="black_hole")
    desk.order(True, "1700", "0.05", cloid=CLOID)
    assert desk.szi() == "0.05", "it was executed; asking for the position is not asking for the order"
    for _ in range(40):
        line.live()
    assert channels(line) == []
    fields = {key: value for key, value in question.items() if key != "kind"}
    desk.info(question["kind"], user=desk.user, **fields)
    line.live()
    assert channels(line)[:2] == ["orderUpdates", "userFills"]


def test_nobody_gets_the_reply_of_a_black_hole(desk):
    def is_swallowed(action):
        return desk.exchange.submit(desk.exchange.decode(desk.envelope(action)), desk.now_ms).is_swallowed

    cancel = {"type": "cancel", "cancels": [{"a": 110016, "o": 1}]}
    desk.control(do="fault", name="black_hole")
    assert not is_swallowed({"type": "noop"}), "it is about orders"
    assert is_swallowed(cancel)
    assert not is_swallowed(cancel)


def test_a_subscribe_kills_its_socket(desk, line):
    desk.control(do="fault", name="kill_on_subscribe")
    with pytest.raises(SocketKilled):
        line.subscribe(type="bbo", coin="BTC")
    line.subscribe(type="bbo", coin="BTC")
    assert "bbo" in channels(line)


def test_an_idle_socket_is_dropped_early(desk, line):
    assert line.feed.idle(desk.now_ms + 5_000) == []
    desk.control(do="fault", name="idle_close", ms=4_000)
    assert line.feed.idle(desk.now_ms + 3_000) == []
    assert line.feed.idle(desk.now_ms + 5_000) == [line.session]


def test_the_venues_clock_is_off(desk):
    true_ms = desk.info("exchangeStatus")["time"]
    desk.control(do="fault", name="clock_ahead", ms=7_000)
    assert desk.info("exchangeStatus")["time"] == true_ms + 7_000
    desk.control(do="clear_faults")
    desk.control(do="fault", name="clock_behind", ms=2_000)
    assert desk.info("exchangeStatus")["time"] == true_ms - 2_000


def test_an_agents_approval_ends(desk):
    agent = "0x" + "b" * 40
    desk.control(do="approve_agent", user=desk.user, agent=agent, name="one")
    assert desk.info("userRole", user=agent)["role"] == "agent"
    desk.control(do="fault", name="expire_agent", address="0x" + "c" * 40)
    desk.later()
    assert desk.info("userRole", user=agent)["role"] == "agent"
    desk.control(do="fault", name="expire_agent", address=desk.user)
    desk.later()
    assert desk.info("userRole", user=agent)["role"] == "missing"
    assert desk.info("extraAgents", user=desk.user) == []
