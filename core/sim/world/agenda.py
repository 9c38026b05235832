"""Virtual time: what is to happen, in the order of its times, and first come first served within one.

Decides nothing. Rule that is easy to get wrong: nothing ever happens in the past; what is asked for too late happens now.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Agenda:
    """The clock is the time of the last thing that happened."""

    def __init__(self, start_ms: int) -> None:
        self.now_ms = start_ms
        self._items: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, when_ms: int, do: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._items, (max(when_ms, self.now_ms), self._count, do))

    def after(self, ms: int, do: Callable[[], None]) -> None:
        self.at(self.now_ms + ms, do)

    def run(self, until_ms: int) -> None:
        """Let everything happen that is due before ``until_ms``; the clock stands there then."""
        items = self._items
        while items and items[0][0] < until_ms:
            self.now_ms, _, do = heapq.heappop(items)
            do()
        self.now_ms = max(self.now_ms, until_ms)
