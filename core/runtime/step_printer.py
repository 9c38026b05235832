"""Says each step as it happens, with the time since the beginning, without ever holding up what it tells of.

Easy to get wrong: a terminal can stop reading (flow control, a dead link), and then a print waits for ever. So the writing is done by a
thread of its own, and whoever ends the program waits for it with a bound.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

import msgspec

from core.runtime.clock import Clock

_FLUSH_WITHIN_S = 1.0


class StepPrinter:
    """Args: as_json: one object a line, for programs."""

    def __init__(
        self,
        clock: Clock,
        *,
        as_json: bool = False,
        out: TextIO | None = None,
        stamp: Callable[[], str] | None = None,
    ) -> None:
        """
        Args:
            stamp: What each line begins with; default the time since the beginning.
        """
        self._clock = clock
        self._started = clock.monotonic()
        self._as_json = as_json
        self._stamp = stamp
        self._out = out or sys.stdout
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="printer", daemon=True)
        self._thread.start()

    def say(self, text: str) -> None:
        """One step. From any thread; never waits."""
        at_s = self._clock.monotonic() - self._started
        if self._as_json:
            self._lines.put(msgspec.json.encode({"at_s": round(at_s, 3), "step": text}).decode())
        else:
            self._lines.put(f"{self._stamp() if self._stamp else f'+{at_s:6.2f} s'}  {text}")

    def tell(self, lines: list[str], as_json: dict[str, Any]) -> None:
        """Something without a time of its own: lines for people, or one object for programs."""
        if self._as_json:
            self._lines.put(msgspec.json.encode(as_json).decode())
        else:
            for line in lines:
                self._lines.put(line)

    def close(self) -> bool:
        """Wait for what was said, with a bound. False: not all of it was taken."""
        self._lines.put(None)
        self._thread.join(_FLUSH_WITHIN_S)
        return not self._thread.is_alive()

    def _write(self) -> None:
        try:
            while (line := self._lines.get()) is not None:
                self._out.write(line + "\n")
                self._out.flush()
        except (OSError, ValueError):  # nobody listens any more; the work goes on
            return
