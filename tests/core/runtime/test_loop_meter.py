"""LoopMeter: lateness, collections, and a collector that calls while we read."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from core.runtime import loop_meter
from core.runtime.loop_meter import LoopMeter


def test_lateness_over_the_last_minute() -> None:
    meter = LoopMeter()
    meter.tick(0.0, 0.5)
    for i in range(100):
        meter.tick(61.0 + i / 100, 0.001)
    meter.tick(62.0, 0.020)
    stats = meter.stats(62.0, 3, 4)
    assert (stats.tick_late_p99_ms, stats.tick_late_max_ms) == (1.0, 20.0)
    assert (stats.inbox_depth, stats.journal_backlog) == (3, 4)


def collection(meter: LoopMeter, monkeypatch: pytest.MonkeyPatch, begun_s: float, took_s: float) -> None:
    for phase, at in (("start", begun_s), ("stop", begun_s + took_s)):
        monkeypatch.setattr(loop_meter.time, "perf_counter", lambda at=at: at)
        meter._on_gc(phase, {})


def test_the_longest_collection_of_the_last_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = LoopMeter()
    collection(meter, monkeypatch, 100.0, 0.090)
    collection(meter, monkeypatch, 150.0, 0.010)
    collection(meter, monkeypatch, 150.2, 0.030)
    collection(meter, monkeypatch, 150.4, 0.020)
    assert meter.stats(0.0, 0, 0).gc_pause_max_ms == 90.0
    monkeypatch.setattr(loop_meter.time, "perf_counter", lambda: 165.0)
    assert meter.stats(2.0, 0, 0).gc_pause_max_ms == 30.0


def test_a_collection_while_we_read_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """It killed an engine once: the collector ran in the middle of the reading and wrote."""
    meter = LoopMeter()
    meter.watch_gc()

    class Collecting(list[Any]):
        def __iter__(self) -> Any:
            for item in super().__iter__():
                gc.collect(0)
                yield item

    try:
        meter._gc_worst = Collecting(meter._gc_worst)
        for second in range(5):
            assert meter.stats(float(second * 2), 0, 0).gc_pause_max_ms >= 0
    finally:
        meter.unwatch_gc()
