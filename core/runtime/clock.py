"""Time for the loop: one reading of the wall at start, then a clock that only goes forward.

The engine's Unix ms never jump when somebody sets the wall clock, and go on counting while the machine sleeps, so that a TimeStop is
overdue the moment it wakes. Easy to get wrong: Linux's CLOCK_MONOTONIC, which asyncio and time.monotonic() use, stands still in suspend;
CLOCK_BOOTTIME does not. How far our time is from the exchange's is measured elsewhere (ServerTimeRead), not assumed here.

SPEC 2, 3; LESSONS L41.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What the outside asks for the time."""

    def now_ms(self) -> int:
        """Unix ms, never going back."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, for measuring; of the same source as `now_ms`."""
        ...

    def wall_ms(self) -> int:
        """What the wall clock says now; for journal stamps that people compare with other logs."""
        ...


# Linux names the clock that counts through suspend BOOTTIME; on macOS CLOCK_MONOTONIC itself does.
_SOURCE = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The machine's clock."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.clock_gettime(_SOURCE)

    def now_ms(self) -> int:
        return int((self._offset_s + time.clock_gettime(_SOURCE)) * 1000)

    def monotonic(self) -> float:
        return time.clock_gettime(_SOURCE)

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that stands where it was put. For tests and simulations."""

    def __init__(self, start_ms: int = 1_700_000_000_000) -> None:
        self._ms = float(start_ms)
        self.wall_offset_ms = 0

    def now_ms(self) -> int:
        return int(self._ms)

    def monotonic(self) -> float:
        return self._ms / 1000

    def wall_ms(self) -> int:
        return int(self._ms) + self.wall_offset_ms

    def advance(self, ms: float) -> None:
        assert ms >= 0, f"time does not go back ({ms} ms)"
        self._ms += ms
