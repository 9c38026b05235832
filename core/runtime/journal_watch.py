"""Looks from time to time whether the journal's file is still the one that was opened.

A file that was deleted, replaced or written over goes on taking what is written to it, and nobody will ever read it again: SQLite does not
notice, so this must. Decides nothing; what it finds is an error like any other of the disk.
Easy to get wrong: the system drops every lock that a process has on a file when the process closes any descriptor of it, SQLite's too, and
the next program that closes the journal would then throw our log away. So one descriptor is held, and closed after SQLite's own.

SPEC 10; LESSONS L29.
"""

from __future__ import annotations

import os
from pathlib import Path

from core.runtime.clock import Clock

LOOK_EVERY_S = 2.0
_HEADER = b"SQLite format 3\0"


class FileWatch:
    """Watches one open journal."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._next = clock.monotonic() + LOOK_EVERY_S
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._identity = _identity(os.fstat(self._fd))

    def look(self) -> None:
        """At most every `LOOK_EVERY_S`.

        Raises:
            OSError: It is gone, another file, or no journal any more. What this run wrote may not be found again, a latch included.
        """
        if self._clock.monotonic() < self._next:
            return
        if _identity(os.stat(self._path)) != self._identity:
            raise OSError("the file was replaced by another one while this program had it open")
        if os.pread(self._fd, len(_HEADER), 0) != _HEADER:
            raise OSError("something wrote over the file: it is no journal any more")
        self._next = self._clock.monotonic() + LOOK_EVERY_S

    def close(self) -> None:
        """After SQLite has closed the file, never before."""
        os.close(self._fd)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
