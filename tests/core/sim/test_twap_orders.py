"""How a TWAP is told over the socket: its states, its history, the fills of its slices; and that it survives a saved venue."""

from __future__ import annotations

import msgspec
import pytest
from sim_desk import SNDK, Desk

from core.sim.feed import Feed
from core.sim.saved import restore, save
from core.sim.twap import SLICE_MS

CHANNELS = ("userTwapSliceFills", "userTwapHistory", "twapStates")


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.pin(size="5")
    desk.later()
    return desk


def listen(desk: Desk, **extra) -> tuple[Feed, list]:
    feed, heard = Feed(desk.exchange), []
    session = feed.open(lambda text: heard.append(msgspec.json.decode(text)), desk.now_ms)
    for channel in CHANNELS:
        wanted = {"type": channel, "user": desk.user} | (extra if channel == "twapStates" else {})
        feed.receive(
            session, msgspec.json.encode({"method": "subscribe", "subscription": wanted}).decode(), desk.now_ms
        )
    return feed, heard


def begin(desk: Desk) -> int:
    asked = {"a": SNDK, "b": True, "s": "0.2", "r": False, "m": 5, "t": False}
    return desk.send({"type": "twapOrder", "twap": asked})["response"]["data"]["status"]["running"]["twapId"]


def block(desk: Desk, feed: Feed, ms: int = 70) -> None:
    desk.now_ms += ms
    feed.publish(desk.exchange.advance(desk.now_ms), desk.now_ms)


def test_everything_is_told_as_it_happens(desk):
    feed, heard = listen(desk, dex="xyz")
    heard.clear()
    twap_id = begin(desk)
    block(desk, feed)
    told = {frame["channel"]: frame["data"] for frame in heard}
    assert set(told) == set(CHANNELS)
    (row,) = told["userTwapHistory"]["history"]
    assert (row["twapId"], row["status"]) == (twap_id, {"status": "activated"})
    (piece,) = told["userTwapSliceFills"]["twapSliceFills"]
    assert (piece["twapId"], piece["fill"]["sz"]) == (twap_id, "0.02")
    ((told_id, state),) = told["twapStates"]["states"]
    assert told_id == twap_id
    assert state == {
        "coin": "xyz:SNDK",
        "user": desk.user,
        "side": "B",
        "sz": "0.2",
        "executedSz": "0.02",
        "executedNtl": "33.98",
        "minutes": 5,
        "reduceOnly": False,
        "randomize": False,
        "timestamp": desk.now_ms - 70,
    }


def test_states_are_those_of_one_dex(desk):
    feed, heard = listen(desk)
    heard.clear()
    begin(desk)
    block(desk, feed)
    assert "twapStates" not in {frame["channel"] for frame in heard}


def test_a_snapshot_comes_first_and_says_what_was(desk):
    begin(desk)
    feed, _ = listen(desk)
    block(desk, feed)
    _, heard = listen(desk, dex="xyz")
    told = {f["channel"]: f["data"] for f in heard if f["channel"] in CHANNELS}
    assert told["userTwapHistory"]["isSnapshot"] is True
    assert len(told["userTwapHistory"]["history"]) == 1
    assert len(told["userTwapSliceFills"]["twapSliceFills"]) == 1
    assert len(told["twapStates"]["states"]) == 1


def test_a_saved_venue_goes_on_with_it(desk):
    begin(desk)
    desk.now_ms += 70
    desk.exchange.advance(desk.now_ms)
    desk.exchange = restore(save(desk.exchange))
    for _ in range(10 * SLICE_MS // 70 + 1):
        desk.now_ms += 70
        desk.exchange.advance(desk.now_ms)
    held = desk.exchange.venue.position(desk.user, "xyz:SNDK")
    assert held is not None
    assert str(held.szi) in ("0.2", "0.200")
