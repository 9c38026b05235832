"""Runs a real program on a real pseudo-terminal and looks at it as a terminal would, through pyte.

The program is the leader of its own session and the terminal its controlling one, so closing the terminal hangs it up as a closed
window does. A thread reads what it writes and answers the one question Textual asks of modern terminals (synchronised output).
`stall` stops that reading: the program then writes into a full buffer, as behind a hung ssh link.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyte

_TRAMPOLINE = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
ignored = {int(n) for n in sys.argv[1].split(",") if n}
for n in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(n, signal.SIG_IGN if n in ignored else signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, ())
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Takes the terminal as its controlling one, undoes what the test runner's own start may have left, and becomes the program."""

_QUESTION = re.compile(rb"\x1b\[\?(\d+)\$p")
_UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[(?:\?[\d;]*\$p|[<>=][\d;]*[a-zA-Z])")
_CUT = re.compile(rb"\x1b(?:\[[<>=?\d;$]*)?\Z")
KEPT_BYTES = 400_000


class PtyProgram:
    """A program running on a terminal of its own. Use as a context manager: it is gone afterwards."""

    def __init__(
        self,
        args: Sequence[str],
        cols: int = 120,
        rows: int = 40,
        env: Mapping[str, str] | None = None,
        ignore_signals: Sequence[int] = (),
        cwd: str | None = None,
    ) -> None:
        self.cols, self.rows = cols, rows
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.attributes_before: list[Any] = termios.tcgetattr(slave)
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})}
        for name in ("COLUMNS", "LINES"):
            environment.pop(name, None)
        ignored = ",".join(str(int(n)) for n in ignore_signals)
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _TRAMPOLINE, ignored, *args],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=environment,
            cwd=cwd,
        )
        os.close(slave)
        self.pid = self.process.pid
        self.output = b""
        """The last bytes it wrote, as far as they were read."""
        self.bytes_read = 0
        self._screen = pyte.Screen(cols, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self._cut = b""
        self._reading = threading.Event()
        self._reading.set()
        self._paused = threading.Event()
        self._closed = False
        self._pump_thread = threading.Thread(target=self._pump, daemon=True)
        self._pump_thread.start()

    def __enter__(self) -> PtyProgram:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- acting on it ------------------------------------------------------------------------------------------------------

    def send(self, keys: str | bytes) -> None:
        os.write(self.master, keys.encode() if isinstance(keys, str) else keys)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stall(self) -> None:
        """Stop reading. Returns when no read is under way any more."""
        self._paused.clear()
        self._reading.clear()
        assert self._paused.wait(5), "the reader did not stop"

    def resume(self) -> None:
        self._reading.set()

    def resize(self, cols: int, rows: int) -> None:
        with self._lock:
            self.cols, self.rows = cols, rows
            self._screen.resize(rows, cols)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def hang_up(self) -> None:
        """Close the terminal, as a closed window does."""
        self._closed = True
        self._reading.set()
        self._pump_thread.join(5)
        os.close(self.master)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        if not self._closed:
            self.hang_up()

    # --- looking at it -----------------------------------------------------------------------------------------------------

    def lines(self) -> list[str]:
        """The screen, line by line, without trailing blanks."""
        with self._lock:
            return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines())

    def wait_for(self, text: str, timeout: float = 10.0) -> None:
        """Wait until the text is on the screen; the failure shows the screen."""
        self.wait_until(lambda: text in self.text, timeout, f"{text!r} on the screen")

    def wait_until(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        end = time.monotonic() + timeout
        while not condition():
            code = self.process.poll()
            if code is not None and not condition():
                raise AssertionError(f"ended with {code} before {what}; last output: {self.output[-2000:]!r}")
            if time.monotonic() > end:
                raise AssertionError(f"no {what} in {timeout} s; the screen:\n{self.text}")
            time.sleep(0.02)

    def wait_exit(self, timeout: float) -> int:
        """The exit code. What it wrote last has been read when this returns, unless stalled."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still alive after {timeout} s; the screen:\n{self.text}") from None
        if not self._closed and self._reading.is_set():
            self._pump_thread.join(2)  # ends at the end of the output
        return code

    def attributes(self) -> list[Any]:
        """The terminal's settings now."""
        return termios.tcgetattr(self.master)

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def state(self) -> str:
        """The process state letter: T when stopped."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def thread_count(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def _pump(self) -> None:
        while not self._closed:
            if not self._reading.is_set():
                self._paused.set()
                self._reading.wait()
                continue
            if not select.select([self.master], [], [], 0.05)[0]:
                continue
            try:
                data = os.read(self.master, 65536)
            except OSError:  # EIO: the last descriptor of the other side is closed
                return
            if not data:
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        self.bytes_read += len(data)
        self.output = (self.output + data)[-KEPT_BYTES:]
        data = self._cut + data
        cut = _CUT.search(data)
        data, self._cut = (data[: cut.start()], cut.group()) if cut else (data, b"")
        for mode in _QUESTION.findall(data):
            if mode == b"2026":
                with suppress(OSError):
                    os.write(self.master, b"\x1b[?2026;2$y")
        with self._lock:
            self._stream.feed(_UNKNOWN_TO_PYTE.sub(b"", data))


def spawn(
    args: Sequence[str],
    cols: int = 120,
    rows: int = 40,
    env: Mapping[str, str] | None = None,
    **options: Any,
) -> PtyProgram:
    """Start a program on a new pseudo-terminal; see `PtyProgram`."""
    return PtyProgram(args, cols, rows, env, **options)
