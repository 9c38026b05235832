"""The thread that writes to the terminal in the place of Textual's own, which the event loop can be made to wait for.

Decides when nobody reads (a stall) and what is dropped meanwhile. Never paints: when a stall is over it says so, and somebody else
paints everything again.
Easy to get wrong: queued output is kept, only later output is dropped. Half an escape sequence, or a lost "mouse off", cannot be
repaired by painting. And whether a stall is over is decided under the lock that also decides what is dropped, or the last drop can
come after the last repaint and the screen stays wrong.

DESIGN "Hosting", Output that cannot block.
"""

from __future__ import annotations

import os
import select
import termios
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from hip3_tui.terminal import RESET, open_unblocking

STALL_S = 0.5
"""Nothing accepted for so long: nobody reads. A terminal that is merely busy takes a frame in a few milliseconds."""

BACKLOG_BYTES = 256 * 1024
"""More than this waiting counts as stalled too: a link slower than our drawing would otherwise show an ever older past."""

STOP_S = 1.0
"""How long the last output may take at the end of the program."""

RESUME = "\x18\x1b[?2026l\x1b[0m"
"""First words after a stall: whatever sequence or held frame was cut by the drop is over."""


class OutputThread(threading.Thread):
    """Takes over the place of Textual's WriterThread. `write` never blocks; `stop` takes at most `STOP_S` and a bit."""

    def __init__(self, fd: int, on_drained: Callable[[], None], on_dead: Callable[[], None]) -> None:
        """
        Args:
            fd: Where to write; opened anew if it is a terminal.
            on_drained: Called from this thread when a stall is over and everything queued was read.
            on_dead: Called from this thread when the terminal is gone.
        """
        super().__init__(daemon=True, name="textual-output")
        self._on_drained, self._on_dead = on_drained, on_dead
        self.is_terminal = True
        try:
            self._fd = open_unblocking(fd)
        except OSError:  # not a terminal (a file, a pipe), or dead already; then the first write will tell
            self._fd, self.is_terminal = fd, False
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLOUT)
        self._changed = threading.Condition()  # held for a few assignments, never across a system call that could wait
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._closing = False
        self._give_up = threading.Event()
        self.stalled = False
        self.dead = False
        self.stalls = 0
        self.dropped_bytes = 0
        self.written_bytes = 0

    # --- the event loop's side ------------------------------------------------------------------------------------------------

    def write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        with self._changed:
            if self.dead or self._closing:
                return
            if not self.stalled and self._queued_bytes + len(data) > BACKLOG_BYTES and self._queue:
                self._mark_stalled()
            if self.stalled:
                self.dropped_bytes += len(data)
                return
            self._queue.append(data)
            self._queued_bytes += len(data)
            self._changed.notify()

    def flush(self) -> None:
        """Nothing to do: the thread writes as soon as it can."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def stop(self) -> None:
        """Write out what is queued, within a bound, and end. If that fails, throw it away and put the terminal back."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self.is_alive():
            self.join(0.0 if self.stalled else STOP_S)
        cut = self.is_alive() or self.stalled
        self._give_up.set()
        if self.is_alive():
            self.join(STOP_S / 2)
        if cut and not self.dead and self.is_terminal:
            with suppress(OSError, termios.error):
                termios.tcflush(self._fd, termios.TCOFLUSH)
            with suppress(OSError):
                os.write(self._fd, RESET)

    # --- the thread's side ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closing:
                    self._changed.wait()
                data = b"".join(self._queue)
                self._queue.clear()
            if not data or not self._push(data):
                return
            with self._changed:
                self._queued_bytes -= len(data)
                drained = self.stalled and not self._queue and not self._closing
                if drained:
                    self.stalled = False
                    self._queue.append(RESUME.encode())
                    self._queued_bytes += len(RESUME)
            if drained:
                self._on_drained()

    def _push(self, data: bytes) -> bool:
        """Write it all, however long the terminal takes. False: given up, or the terminal is gone."""
        view, blocked_since = memoryview(data), None
        while view:
            if self._give_up.is_set():
                return False
            try:
                if not self.is_terminal and not self._poll.poll(100):
                    raise BlockingIOError  # a pipe has no flag of our own: ask first, then write little
                written = os.write(self._fd, view if self.is_terminal else view[: select.PIPE_BUF])
            except BlockingIOError:
                now = time.monotonic()
                blocked_since = blocked_since or now
                if now - blocked_since > STALL_S and not self.stalled:
                    with self._changed:
                        self._mark_stalled()
                self._poll.poll(100)
                self._give_up.wait(0.005)  # a terminal may poll writable and still take nothing
            except OSError:
                self._die()
                return False
            else:
                blocked_since, view = None, view[written:]
                self.written_bytes += written
        return True

    def _mark_stalled(self) -> None:
        self.stalled = True
        self.stalls += 1

    def _die(self) -> None:
        with self._changed:
            self.dead = True
            self._queue.clear()
        self._on_dead()
