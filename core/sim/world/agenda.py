"""Virtual time: what is to happen, in the order of its times, and first come first served within one.

Decides nothing. Rule that is easy to get wrong: nothing ever happens in the past; what is asked for too late happens now.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

_push = heapq.heappush


class Agenda:
    """The clock is the time of the last thing that happened."""

    def __init__(self, start_ms: int) -> None:
        self.now_ms = start_ms
        self._items: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, when_ms: int, do: Callable[[], None]) -> None:
        self._count += 1
        now_ms = self.now_ms
        _push(self._items, (when_ms if when_ms > now_ms else now_ms, self._count, do))

    def after(self, ms: int, do: Callable[[], None]) -> None:
        self._count += 1
        _push(self._items, (self.now_ms + (ms if ms > 0 else 0), self._count, do))

    def run(self, until_ms: int) -> None:
        """Let everything happen that is due before ``until_ms``; the clock stands there then."""
        items, pop = self._items, heapq.heappop
        while items and items[0][0] < until_ms:
            self.now_ms, _, do = pop(items)
            do()
        self.now_ms = max(self.now_ms, until_ms)
