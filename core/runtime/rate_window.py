"""How much was used in the last minute. One object per limit of the exchange; they know neither each other nor the engine's inflight.

Exact sliding window, not a bucket: the exchange counts what it saw in a minute, so a bucket that refills while it is drained would let
almost twice the limit through. Holds no task and asks no clock.

PROTOCOL 9.1, 9.2.
"""

from __future__ import annotations

from collections import deque


class RateWindow:
    """Allows ``limit`` units in any ``window_ms``."""

    def __init__(self, limit: int, window_ms: int = 60_000) -> None:
        assert limit > 0
        assert window_ms > 0
        self.limit = limit
        self._window_ms = window_ms
        self._taken: deque[tuple[int, int]] = deque()
        self._used = 0

    def used(self, now_ms: int) -> int:
        """Units taken in the window that ends now."""
        oldest = now_ms - self._window_ms
        while self._taken and self._taken[0][0] <= oldest:
            self._used -= self._taken.popleft()[1]
        return self._used

    def try_take(self, now_ms: int, units: int = 1, limit: int | None = None) -> bool:
        """Take if it fits.

        Args:
            limit: A tighter limit for this caller, so that others find room left.
        """
        if self.used(now_ms) + units > min(self.limit, limit or self.limit):
            return False
        self.take(now_ms, units)
        return True

    def take(self, now_ms: int, units: int) -> None:
        """Count what was used already, whether or not it fitted."""
        if units:
            self._taken.append((now_ms, units))
            self._used += units

    def wait_ms(self, now_ms: int, units: int = 1, limit: int | None = None) -> int:
        """How long until that many would fit; 0 when they do now."""
        excess = self.used(now_ms) + units - min(self.limit, limit or self.limit)
        if excess <= 0:
            return 0
        for at_ms, taken in self._taken:
            excess -= taken
            if excess <= 0:
                return at_ms + self._window_ms - now_ms
        return self._window_ms
