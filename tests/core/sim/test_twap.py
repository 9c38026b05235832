"""TWAP orders: slices in their time, what is left behind is caught up, and every end there is."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sim_desk import OTHER_KEY, SNDK, Desk

from core.sim.twap import SLICE_MS

D = Decimal
ETH = 1


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.pin(size="5")
    desk.later()
    return desk


def twap(desk: Desk, sz="0.2", *, is_buy=True, minutes=5, reduce_only=False, randomize=False, a=SNDK, **how):
    """The `status` of its answer."""
    asked = {"a": a, "b": is_buy, "s": sz, "r": reduce_only, "m": minutes, "t": randomize}
    reply = desk.send({"type": "twapOrder", "twap": asked}, **how)
    assert reply["status"] == "ok", reply
    assert reply["response"]["type"] == "twapOrder"
    return reply["response"]["data"]["status"]


def cancel(desk: Desk, twap_id: int, *, a=SNDK, **how):
    reply = desk.send({"type": "twapCancel", "a": a, "t": twap_id}, **how)
    assert reply["response"]["type"] == "twapCancel"
    return reply["response"]["data"]["status"]


def live(desk: Desk, ms: int) -> None:
    """In blocks, as time goes by."""
    end = desk.now_ms + ms
    while desk.now_ms < end:
        desk.now_ms += 70
        desk.exchange.advance(desk.now_ms)


def position(desk: Desk) -> Decimal:
    held = desk.exchange.venue.position(desk.user, "xyz:SNDK")
    return held.szi if held else D(0)


def slices(desk: Desk) -> list[Decimal]:
    return [D(row["fill"]["sz"]) for row in desk.info("userTwapSliceFills", user=desk.user)]


def history(desk: Desk) -> list[str]:
    return [row["status"]["status"] for row in desk.info("twapHistory", user=desk.user)]


def test_it_is_bought_in_even_slices_one_every_half_minute(desk):
    running = twap(desk)["running"]
    live(desk, 100)
    assert slices(desk) == [D("0.02")]
    live(desk, SLICE_MS)
    assert slices(desk) == [D("0.02")] * 2
    live(desk, 8 * SLICE_MS)
    assert slices(desk) == [D("0.02")] * 10
    assert position(desk) == D("0.2")
    assert history(desk) == ["activated", "finished"]
    assert {row["twapId"] for row in desk.info("userTwapSliceFills", user=desk.user)} == {running["twapId"]}
    fill = desk.info("userFills", user=desk.user)[0]
    assert fill["twapId"] == running["twapId"]
    assert fill["hash"] == "0x" + "0" * 64


def test_its_state_says_how_far_it_is(desk):
    twap_id = twap(desk)["running"]["twapId"]
    live(desk, 2 * SLICE_MS + 100)
    assert desk.info("webData2", user=desk.user)["twapStates"] == [], "it speaks of the main dex"
    (row,) = desk.info("twapHistory", user=desk.user)
    assert row["twapId"] == twap_id
    assert row["state"]["executedSz"] == "0.0", "as it was when it began"
    running = desk.exchange.venue.twaps[twap_id]
    assert (running.executed_sz, running.executed_ntl) == (D("0.06"), D("101.94"))


def test_what_a_thin_book_left_behind_is_caught_up_three_slices_at_most(desk):
    desk.control(do="fault", name="thin_book", percent=5, count=3)
    twap(desk)
    live(desk, 2 * SLICE_MS + 100)
    assert sum(slices(desk), D(0)) < D("0.01")
    live(desk, SLICE_MS)
    assert slices(desk)[-1] == D("0.06")
    live(desk, 6 * SLICE_MS)
    assert position(desk) == D("0.2"), "the last slice asks for all that is left"


def test_a_slice_that_finds_nobody_is_no_end(desk):
    twap(desk)
    desk.control(do="fault", name="one_sided", coin="xyz:SNDK", side="asks", for_ms=SLICE_MS // 2)
    live(desk, 200)
    assert slices(desk) == []
    live(desk, 10 * SLICE_MS)
    assert position(desk) == D("0.2")


def test_slices_that_vary_still_come_to_the_whole(desk):
    twap(desk, "1.0", randomize=True)
    live(desk, 10 * SLICE_MS)
    assert position(desk) == D("1.0")
    assert len(set(slices(desk))) > 3
    again = Desk()
    again.pin(size="5")
    again.later()
    twap(again, "1.0", randomize=True)
    live(again, 10 * SLICE_MS)
    assert slices(again) == slices(desk), "and are the same for the same seed"


def test_it_is_cancelled_by_its_owner_and_keeps_what_it_has(desk):
    twap_id = twap(desk)["running"]["twapId"]
    live(desk, 100)
    gone = {"error": "TWAP was never placed, has already been canceled, or is filled."}
    assert cancel(desk, twap_id, key=OTHER_KEY) == gone
    assert cancel(desk, twap_id, a=ETH) == gone
    assert cancel(desk, twap_id) == "success"
    assert cancel(desk, twap_id) == gone
    live(desk, SLICE_MS)
    assert position(desk) == D("0.02")
    assert history(desk) == ["activated", "terminated"]


def test_reduce_only_ends_when_nothing_is_left_to_reduce(desk):
    assert "increase position" in twap(desk, is_buy=False, reduce_only=True)["error"]
    desk.order(True, "1750", "0.2")
    twap(desk, is_buy=False, reduce_only=True)
    live(desk, SLICE_MS + 100)
    desk.order(False, "1600", "0.16", reduce_only=True)
    live(desk, SLICE_MS)
    assert position(desk) == 0
    assert history(desk) == ["activated", "error"]
    assert not desk.exchange.venue.twaps


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"minutes": 1}, "Invalid TWAP duration: 1 min(s)"),
        ({"minutes": 1_441}, "Invalid TWAP duration: 1441 min(s)"),
        ({"sz": "0"}, "invalid size"),
        ({"sz": "0.0001"}, "invalid size"),
        ({"sz": "0.01"}, "value too small"),
        ({"a": 119_999}, "not listed"),
    ],
)
def test_what_cannot_be_done_is_refused_in_its_status(desk, how, text):
    assert text in twap(desk, **how)["error"]
    assert not desk.exchange.venue.twaps
    assert history(desk) == []


def test_a_range_of_slices_is_told_by_time(desk):
    twap(desk)
    live(desk, SLICE_MS + 100)
    first, *_ = desk.info("userTwapSliceFills", user=desk.user)
    at = first["fill"]["time"]
    assert desk.info("userTwapSliceFillsByTime", user=desk.user, startTime=at, endTime=at) == [first]
    assert len(desk.info("userTwapSliceFillsByTime", user=desk.user, startTime=0)) == 2


def test_so_many_run_at_once_and_no_more(desk, monkeypatch):
    monkeypatch.setattr("core.sim.twap._MOST_RUNNING", 2)
    first = twap(desk)["running"]["twapId"]
    assert "running" in twap(desk)
    assert twap(desk) == {"error": f"Too many TWAPs are running: 2. asset={SNDK}"}
    assert "running" in twap(desk, key=OTHER_KEY)
    cancel(desk, first)
    assert "running" in twap(desk)
