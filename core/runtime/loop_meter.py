"""How late the loop's ticks are and how long the collector held us up. Measured here, shown in the snapshot, decides nothing.

Easy to get wrong: the collector calls us from any thread and in the middle of anything, our own reading included. What it writes are
fixed places of a fixed list, one per second; anything that grows would change under the reader.
"""

from __future__ import annotations

import gc
import time
from collections import deque

from core.messages.snapshot import LoopStats

_WINDOW_S = 60.0
_GC_SECONDS = 60
_REFRESH_S = 1.0
"""Percentiles are worked out this often: sorting a minute of ticks for every snapshot would be a pause of our own."""


class LoopMeter:
    """Lateness of ticks over the last minute, longest collection of the same minute."""

    def __init__(self) -> None:
        self._late: deque[tuple[float, float]] = deque()
        self._gc_worst: list[tuple[int, float]] = [(-1, 0.0)] * _GC_SECONDS
        """The longest pause of each second, at the place of that second modulo the length."""
        self._gc_started: float | None = None
        self._worked_out_at = float("-inf")
        self._p99 = self._max = self._gc_max = 0.0

    def tick(self, at_s: float, late_s: float) -> None:
        self._late.append((at_s, late_s * 1000))

    def watch_gc(self) -> None:
        """Time every collection, whichever thread runs it: all threads stand still for it."""
        gc.callbacks.append(self._on_gc)

    def unwatch_gc(self) -> None:
        gc.callbacks.remove(self._on_gc)

    def _on_gc(self, phase: str, info: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._gc_started = now
        elif self._gc_started is not None:
            second, pause_ms = int(now), (now - self._gc_started) * 1000
            known_second, known_ms = self._gc_worst[second % _GC_SECONDS]
            if known_second != second or pause_ms > known_ms:
                self._gc_worst[second % _GC_SECONDS] = (second, pause_ms)

    def stats(self, at_s: float, inbox_depth: int, journal_backlog: int) -> LoopStats:
        """What to show now."""
        if at_s - self._worked_out_at >= _REFRESH_S:
            self._work_out(at_s)
        return LoopStats(
            tick_late_p99_ms=round(self._p99, 3),
            tick_late_max_ms=round(self._max, 3),
            inbox_depth=inbox_depth,
            journal_backlog=journal_backlog,
            gc_pause_max_ms=round(self._gc_max, 3),
        )

    def _work_out(self, at_s: float) -> None:
        self._worked_out_at = at_s
        while self._late and self._late[0][0] <= at_s - _WINDOW_S:
            self._late.popleft()
        late = sorted(ms for _, ms in self._late)
        self._p99 = late[int(len(late) * 0.99)] if late else 0.0
        self._max = late[-1] if late else 0.0
        oldest = int(time.perf_counter()) - _GC_SECONDS
        self._gc_max = max((ms for second, ms in self._gc_worst if second > oldest), default=0.0)
