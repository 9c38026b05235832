"""The terminal as a device: writing to it without ever blocking, and putting it back as it was found.

Decides nothing about what is drawn. Easy to get wrong: the non-blocking flag belongs to the open file description, which a terminal
shares with the shell that started us, so each writer here opens the device anew. And the kernel refuses to restore a terminal while
some thread of ours blocks inside a write to it: nobody may block there in the first place.

DESIGN "Hosting", Output that cannot block.
"""

from __future__ import annotations

import os
import select
import sys
import termios
import time
from contextlib import suppress
from typing import Any

RESET = (
    b"\x18"  # CAN: forget the half of an escape sequence that may have got through
    b"\x1b[?2026l"  # end a frame that was being held back
    b"\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # mouse
    b"\x1b[?2048l\x1b[?2004l\x1b[?1004l\x1b[<u"  # in-band resize, bracketed paste, focus, keyboard protocol
    b"\x1b[?7h\x1b[0m\x1b[?1049l\x1b[?25h"  # line wrap, colours, the normal screen, the cursor
)
"""Undoes every mode that Textual 8.2.8's driver turns on, in one write that fits any terminal's buffer."""


def open_unblocking(fd: int) -> int:
    """A new descriptor for the terminal behind ``fd`` that never blocks.

    Raises:
        OSError: ``fd`` is no terminal, or the terminal is gone.
    """
    return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)


def write_within(fd: int, data: bytes, seconds: float) -> bool:
    """Write to a non-blocking descriptor for at most so long. True: all of it went out."""
    view, end = memoryview(data), time.monotonic() + seconds
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            poll.poll(20)
            time.sleep(0.002)  # a terminal may poll writable and still take nothing
        except OSError:
            return False
    return True


class SavedTerminal:
    """The terminal's settings when this object was made, which is before the console starts."""

    def __init__(self) -> None:
        self._attributes: list[Any] | None = None
        self._fd: int | None = None
        with suppress(OSError, termios.error, ValueError, AttributeError):
            # None where the program was started with the stream closed: an AttributeError, and nothing to restore.
            self._attributes = termios.tcgetattr(sys.__stdin__.fileno())  # type: ignore[union-attr]
            self._fd = open_unblocking(sys.__stderr__.fileno())  # type: ignore[union-attr]

    def restore(self) -> None:
        """Put it back. Does not block: what the terminal never read is thrown away first, which makes room for the reset."""
        if self._fd is None:
            return
        with suppress(OSError, termios.error):
            termios.tcflush(self._fd, termios.TCOFLUSH)
        with suppress(OSError, termios.error):
            termios.tcsetattr(self._fd, termios.TCSANOW, self._attributes or [])
        write_within(self._fd, RESET, 0.2)


class PatientFile:
    """A text file on the terminal that gives up rather than block; for what Textual prints after the screen is gone (a traceback)."""

    encoding = "utf-8"

    def __init__(self, fd: int, seconds: float, in_all: float) -> None:
        """
        Args:
            fd: Non-blocking, kept open by the caller.
            seconds: How long nothing at all may be taken; once that happened, nothing more is written.
            in_all: For everything ever written here together, however slowly the terminal reads.
        """
        self._fd = fd
        self._seconds = seconds
        self._end = time.monotonic() + in_all

    def write(self, text: str) -> int:
        data = text.encode("utf-8", "replace")
        for start in range(0, len(data), _PIECE):
            left = self._end - time.monotonic()
            if left <= 0 or not write_within(self._fd, data[start : start + _PIECE], min(left, self._seconds)):
                self._end = 0.0
                break
        return len(text)

    def flush(self) -> None:
        """Nothing is kept back."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd


_PIECE = 2048
"""What a terminal that reads at all takes in one go."""
