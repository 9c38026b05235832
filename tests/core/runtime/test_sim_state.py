"""The simulated exchange between two runs: saved by /control to the file named at its start, found there by the next one."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request

import msgspec
import pytest
from sim_desk import SNDK, TEST_KEY
from venue_thread import QUIET, VenueThread

from core.hyperliquid.actions import canonical_action
from core.hyperliquid.signing import sign_l1_action
from core.runtime.sim_clock import VenueClock
from core.runtime.sim_server import SimServer, SimServerError
from core.sim.exchange import PUBLIC_TEST_ACCOUNT


def post(venue, road, body):
    request = urllib.request.Request(venue.url + road, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as e:
        return json.loads(e.read())


def order(venue, px="1600"):
    action = {
        "type": "order",
        "orders": [{"a": SNDK, "b": True, "p": px, "s": "0.1", "r": False, "t": {"limit": {"tif": "Gtc"}}}],
        "grouping": "na",
    }
    nonce = venue.now_ms()
    signature = sign_l1_action(TEST_KEY, canonical_action(action), None, nonce, None, False)
    return post(venue, "/exchange", {"action": action, "nonce": nonce, "signature": signature})


def open_orders(venue):
    return post(venue, "/info", {"type": "openOrders", "user": PUBLIC_TEST_ACCOUNT, "dex": "xyz"})


def test_a_venue_goes_on_in_the_next_run(tmp_path):
    file = tmp_path / "venue"
    with VenueThread(state=file) as first:
        order(first)
        saved = post(first, "/control", {"do": "save"})
        assert saved["ok"] is True
        assert file.stat().st_size == saved["bytes"]
        resting = open_orders(first)
        assert len(resting) == 1
    with VenueThread(state=file) as second:
        assert open_orders(second) == resting
    assert [p.name for p in tmp_path.iterdir()] == ["venue"]


def test_loading_goes_back_to_what_was_saved(tmp_path):
    with VenueThread(state=tmp_path / "venue") as venue:
        order(venue)
        post(venue, "/control", {"do": "save"})
        order(venue, "1610")
        assert len(open_orders(venue)) == 2
        assert post(venue, "/control", {"do": "load"}) == {"ok": True, "dropped": 0}
        assert [o["limitPx"] for o in open_orders(venue)] == ["1600.0"]
        order(venue, "1620")
        assert len(open_orders(venue)) == 2


def test_without_a_file_nothing_is_saved_and_control_names_no_path():
    with VenueThread() as venue:
        for do in ("save", "load"):
            answer = post(venue, "/control", {"do": do, "path": "/anywhere"})
            assert answer == {"error": "no file was named at the start: hip3-tui sim --state FILE"}


def test_a_file_that_is_no_venue_is_refused_at_the_start(tmp_path):
    file = tmp_path / "venue"
    file.write_bytes(b"something else")
    with pytest.raises(SimServerError, match="not a saved venue"):
        SimServer(QUIET, state=file)


def test_its_time_goes_on_from_the_saved_one_never_back(tmp_path):
    with VenueThread(state=tmp_path / "venue") as first:
        first.jump(3_600_000)
        time.sleep(0.2)
        post(first, "/control", {"do": "save"})
        saved_ms = first.server.exchange.venue.block_ms
    with VenueThread(state=tmp_path / "venue") as second:
        time.sleep(0.2)
        told_ms = post(second, "/info", {"type": "exchangeStatus"})["time"]
    assert saved_ms < told_ms < saved_ms + 60_000


# speed -----------------------------------------------------------------------------------------------------------------


def test_a_fast_clock():
    now = [1_000]
    clock = VenueClock(lambda: now[0], speed=10)
    assert clock() == 1_000
    now[0] += 50
    assert clock() == 1_500
    clock.not_before(2_000)
    assert clock() == 2_000
    now[0] += 1
    assert clock() == 2_010
    clock.not_before(5)
    assert clock() == 2_010


def test_at_ten_times_the_speed_the_same_life_passes_in_a_tenth():
    with VenueThread(msgspec.structs.replace(QUIET, latency_min_ms=2_000, latency_max_ms=2_000), speed=10) as venue:
        begun = time.monotonic()
        first_ms = post(venue, "/info", {"type": "exchangeStatus"})["time"]
        second_ms = post(venue, "/info", {"type": "exchangeStatus"})["time"]
        took_s = time.monotonic() - begun
    assert 1_000 <= second_ms - first_ms <= 8_000
    assert took_s < 3
