"""The clocks, and the sliding window that uses them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runtime.clock import ManualClock, SystemClock
from core.runtime.rate_window import RateWindow


def test_the_system_clock_starts_at_the_wall_and_goes_forward() -> None:
    clock = SystemClock()
    assert abs(clock.now_ms() - time.time() * 1000) < 100
    readings = [clock.now_ms() for _ in range(1000)]
    assert readings == sorted(readings)
    assert abs(clock.wall_ms() - clock.now_ms()) < 100


def test_setting_the_wall_clock_does_not_move_the_engines_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    before = clock.now_ms()
    an_hour_ago = time.time_ns() - 3600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: an_hour_ago)
    monkeypatch.setattr(time, "time", lambda: an_hour_ago / 1e9)
    assert 0 <= clock.now_ms() - before < 1000
    assert clock.wall_ms() < before - 3_500_000


def test_the_manual_clock_stands_still() -> None:
    clock = ManualClock(1000)
    assert (clock.now_ms(), clock.wall_ms(), clock.monotonic()) == (1000, 1000, 1.0)
    clock.advance(250)
    assert (clock.now_ms(), clock.monotonic()) == (1250, 1.25)
    with pytest.raises(AssertionError):
        clock.advance(-1)


def test_a_window_lets_its_limit_through_and_says_how_long_to_wait() -> None:
    window = RateWindow(10, 1000)
    assert window.try_take(0, 6)
    assert window.try_take(100, 4)
    assert not window.try_take(200)
    assert window.wait_ms(200) == 800
    assert window.wait_ms(200, 7) == 900
    assert not window.try_take(999)
    assert window.try_take(1000, 6)
    assert window.used(1000) == 10


def test_a_tighter_limit_leaves_room_for_others() -> None:
    window = RateWindow(10, 1000)
    assert window.try_take(0, 8, limit=8)
    assert not window.try_take(0, 1, limit=8)
    assert window.wait_ms(0, 1, limit=8) == 1000
    assert window.try_take(0, 2)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 5)), max_size=60))
def test_no_window_of_that_length_ever_holds_more(steps: list[tuple[int, int]]) -> None:
    window, now, taken = RateWindow(12, 1000), 0, []
    for pause, units in steps:
        now += pause
        wait = window.wait_ms(now, units)
        fits = window.try_take(now, units)
        assert fits == (wait == 0)
        if fits:
            taken.append((now, units))
        else:
            assert RateWindow.used(window, now + wait) + units <= 12
            now += wait
    for start, _ in taken:
        assert sum(u for at, u in taken if start <= at < start + 1000) <= 12
