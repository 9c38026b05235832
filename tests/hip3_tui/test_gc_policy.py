"""The collector's policy: what came to stay is frozen, also when it came late."""

from __future__ import annotations

import gc
import itertools

import pytest

from hip3_tui import gc_policy


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The collector's calls, in order; the real one is left alone."""
    calls: list[str] = []
    for name in ("collect", "freeze", "set_threshold"):
        monkeypatch.setattr(gc, name, lambda *a, name=name: calls.append(name))
    return calls


def test_after_the_first_frame_everything_is_frozen(collector: list[str]) -> None:
    gc_policy.start()
    assert collector == ["collect", "freeze", "set_threshold"]


@pytest.mark.parametrize(("took_s", "frozen"), [(0.001, False), (0.030, True)])
def test_a_slow_collection_is_followed_by_a_freeze(
    collector: list[str], monkeypatch: pytest.MonkeyPatch, took_s: float, frozen: bool
) -> None:
    times = iter((10.0, 10.0 + took_s))
    monkeypatch.setattr(gc_policy.time, "thread_time", lambda: next(times))
    monkeypatch.setattr(gc_policy, "_freezes_left", gc_policy.MOST_FREEZES)
    gc_policy.collect()
    assert collector == ["collect", "freeze"][: 2 if frozen else 1]


def test_on_a_machine_that_is_always_slow_it_stops_freezing(
    collector: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is frozen alive is never collected: it was a leak of 100 MB an hour."""
    times = itertools.count()
    monkeypatch.setattr(gc_policy.time, "thread_time", lambda: float(next(times)))
    monkeypatch.setattr(gc_policy, "_freezes_left", gc_policy.MOST_FREEZES)
    for _ in range(100):
        gc_policy.collect()
    assert collector.count("collect") == 100
    assert collector.count("freeze") == gc_policy.MOST_FREEZES
