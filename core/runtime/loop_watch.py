"""Whether the engine's loop turns, seen from another thread of the same process: a loop that stands still cannot say so itself.

Decides when it is said, no more: nothing is closed from here, for the engine may wake in the middle of it. The guard, which is another process,
closes; the operator is told here. Easy to get wrong: after a sleep of the whole process, or of the machine, the loop gets its time again; and before
its first turn there is nothing that could stand still.

SPEC 8 (AlertService), 11.
"""

from __future__ import annotations

from collections.abc import Callable

from core.messages.effects import Alert, Severity
from core.runtime.clock import Clock

HANGS_AFTER_S = 3.0
"""Thirty turns that did not come. The latch holds the loop up for a second at most, collecting garbage for a fifth of one."""
SLEPT_S = 1.0
"""Looks are a tenth of a second apart; further than this, we were stopped or asleep as well."""


class LoopWatch:
    """Args: alert: told when it hangs, and when it turns again. Must not wait."""

    def __init__(self, clock: Clock, alert: Callable[[Alert], None]) -> None:
        self._clock = clock
        self._alert = alert
        self._ticks = 0
        self._moved = self._looked = clock.monotonic()
        self.hangs = False

    def look(self, ticks: int) -> None:
        """Once every tenth of a second or so, with the count of turns so far."""
        now = self._clock.monotonic()
        slept, self._looked = now - self._looked > SLEPT_S, now
        if ticks != self._ticks:
            if self.hangs:
                self.hangs = False
                text = f"its loop stood still for {now - self._moved:.0f} s; look at what is open"
                self._alert(Alert(Severity.CRITICAL, "the engine turns again", text))
            self._ticks, self._moved = ticks, now
        elif slept:
            self._moved = now
        elif ticks and not self.hangs and now - self._moved >= HANGS_AFTER_S:
            self.hangs = True
            text = (
                f"its loop has stood still for {now - self._moved:.0f} s: no time stop, no exit and no key of the console works; a guard "
                "closes what is open; without one `hip3-tui stop` does"
            )
            self._alert(Alert(Severity.CRITICAL, "the engine hangs", text))
