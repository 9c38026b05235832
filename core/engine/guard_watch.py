"""Whether the console that is watched lives, hangs, died, or ended in order.

Decides from what its heartbeat says and from the watcher's own time alone; two processes' clocks are never compared. Rules that are easy to get
wrong: a count that moves is life, whatever else; after a sleep of the machine, or of the watcher, the console gets its whole time
again, because it slept too; what was dealt with once is not dealt with again, but a console that came back to life and hangs once more is; and
somebody who comes long after a death must not judge what lies on the account by now.

SPEC 8.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

SLEPT_MS = 2_000
"""Looks are a quarter of a second apart; further than this, we were stopped or asleep."""
FOUND_WITHIN_MS = 600_000
"""A death found at our own start is ours to deal with when the last beat is not older: a machine that started anew, a guard that did."""


class Life(Enum):
    """The values are for people."""

    NONE = "no console has run here"
    ALIVE = "alive"
    QUIET = "ended in order, or only observes"
    HANDLED = "dead, and dealt with"
    LONG_DEAD = "died long ago"
    DEAD = "died"
    HUNG = "hangs"
    NOT_FLAT = "ended without being flat"

    @property
    def needs_us(self) -> bool:
        return self in (Life.DEAD, Life.HUNG, Life.NOT_FLAT)


class Seen(Struct, frozen=True):
    """One look at the heartbeat."""

    run: str
    """Tells runs apart, also those of the same process number."""
    ticks: int
    at_ms: int
    """By the console's own clock."""
    is_process_there: bool
    ended: bool
    confirmed: bool


class Watch:
    """Args: timeout_ms: a loop that stood still for this long hangs; handled: the run that was dealt with last, from an earlier life of ours."""

    def __init__(self, timeout_ms: int, handled: str = "") -> None:
        self._timeout_ms = timeout_ms
        self._handled = handled
        self._run = ""
        self._ticks = -1
        self._moved_ms = 0
        self._looked_ms: int | None = None
        self._last: Seen | None = None
        self._was_alive = False

    def look(self, seen: Seen | None, now_ms: int, wall_ms: int) -> Life:
        """Judge.

        Args:
            seen: None when there is no heartbeat, or none that can be read now.
            now_ms: The watcher's own time, which never goes back.
            wall_ms: What the wall clock says; only a death found at our start is dated by it.
        """
        slept = self._looked_ms is not None and now_ms - self._looked_ms > SLEPT_MS
        self._looked_ms = now_ms
        if seen is None:
            # One that was there is judged on: a file that vanished is a heart that does not beat.
            seen = self._last
            if seen is None:
                return Life.NONE
        self._last = seen
        if seen.run != self._run:
            self._run, self._ticks, self._moved_ms, self._was_alive = seen.run, seen.ticks, now_ms, False
        elif seen.ticks != self._ticks:
            self._ticks, self._moved_ms, self._was_alive = seen.ticks, now_ms, True
            if self._handled == seen.run:
                self._handled = ""  # it came back to life
        elif slept:
            self._moved_ms = now_ms
        return self._judge(seen, now_ms, wall_ms)

    def handled(self) -> str:
        """Note that this death was dealt with. Returns the run, for the disk."""
        self._handled = self._run
        return self._run

    def _judge(self, seen: Seen, now_ms: int, wall_ms: int) -> Life:
        if seen.ended and seen.confirmed:
            return Life.QUIET
        if self._handled == seen.run:
            return Life.HANDLED
        is_dead = seen.ended or not seen.is_process_there
        if is_dead and not self._was_alive and wall_ms - seen.at_ms > FOUND_WITHIN_MS:
            return Life.LONG_DEAD
        if seen.ended:
            return Life.NOT_FLAT
        if not seen.is_process_there:
            return Life.DEAD
        if now_ms - self._moved_ms >= self._timeout_ms:
            return Life.HUNG
        return Life.ALIVE
