"""The simulated exchange's clock: the machine's, or a multiple of it, and never behind what was already lived.

At a speed of 10 an hour of market passes in six minutes: blocks, delays of replies, idle connections, funding and everything else that
takes time keep their length in the venue's time. Easy to get wrong: whoever waits here waits for so much of the venue's time, not of ours;
and a client signs with its own clock, which the venue's leaves behind (a nonce may be two days old, so a speed of 10 is good for five hours).

Issue 4 part 6.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

TOP_SPEED = 1_000.0


def wall_ms() -> int:
    return int(time.time() * 1000)


class VenueClock:
    """Unix ms of the venue when called."""

    def __init__(self, beneath: Callable[[], int] = wall_ms, speed: float = 1.0) -> None:
        assert 0 < speed <= TOP_SPEED, speed
        self._beneath = beneath
        self._speed = speed
        self._begun_ms = beneath()
        self._ahead_ms = 0

    def __call__(self) -> int:
        now_ms = self._beneath()
        if self._speed != 1:
            now_ms = self._begun_ms + int((now_ms - self._begun_ms) * self._speed)
        return now_ms + self._ahead_ms

    def not_before(self, ms: int) -> None:
        """Go on from there, if that is later than now."""
        self._ahead_ms += max(0, ms - self())

    async def pause(self, ms: float) -> None:
        """Wait for so much of the venue's time."""
        if ms > 0:
            await asyncio.sleep(ms / 1000 / self._speed)
