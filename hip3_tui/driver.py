"""The terminal driver: output that cannot block, a dead terminal that is noticed, a terminal that is put back on every exit.

Textual's own writer is a queue of 30 entries that the event loop waits on, joined without a bound at the end: a terminal that stops
reading freezes the console in under a second, and then it can neither exit nor suspend. Here the event loop only appends to the queue of our
own thread (output_thread.py); what comes while nobody reads is dropped, and afterwards the whole screen is painted again, once.

Never decides what a lost terminal means for trading: it tells the app. Never stops the process: Ctrl+Z and job control would stop the
engine's thread too.
Easy to get wrong: this leans on private attributes of Textual 8.2.8 (`_writer_thread`, `_file`, `_key_thread`, `_app`): that version is pinned
and tests/hip3_tui/test_driver.py runs on real pseudo-terminals.

DESIGN "Hosting"; TEXTUAL 1.
"""

from __future__ import annotations

import os
import select
import signal
import termios
import threading
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, cast

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver

from hip3_tui.key_flood import as_one_paste
from hip3_tui.output_thread import STOP_S, OutputThread
from hip3_tui.terminal import PatientFile


class TerminalOwner(Protocol):
    """What this driver asks of the app. Both are called on the app's event loop."""

    def repaint_all(self) -> None:
        """Paint every cell of the screen again; the terminal may show anything."""

    def on_terminal_dead(self) -> None:
        """The terminal is gone for good. Called once."""


class UnblockingDriver(LinuxDriver):
    """Use as ``App(driver_class=UnblockingDriver)``; the app is a `TerminalOwner`."""

    def __init__(self, app: Any, **options: Any) -> None:
        for name in ("repaint_all", "on_terminal_dead"):
            assert callable(getattr(app, name, None)), f"{type(app).__name__} must have {name}(), see TerminalOwner"
        self._owner = cast(TerminalOwner, app)
        self._output: OutputThread | None = None
        self._raw_attributes: list[Any] | None = None
        self._plain: dict[int, str] | None = getattr(app, "plain_glyphs", None)
        self._death = threading.Lock()  # taken once, by whichever side notices first, and never released
        super().__init__(app, **options)

    # --- what the app may look at -----------------------------------------------------------------------------------------------

    @property
    def stalled(self) -> bool:
        """Nobody reads the terminal now (or ever again): drawing is work for nothing."""
        return self._output is not None and (self._output.stalled or self._output.dead)

    @property
    def dead(self) -> bool:
        return self._death.locked()

    @property
    def stalls(self) -> int:
        return self._output.stalls if self._output is not None else 0

    @property
    def dropped_bytes(self) -> int:
        return self._output.dropped_bytes if self._output is not None else 0

    @property
    def written_bytes(self) -> int:
        return self._output.written_bytes if self._output is not None else 0

    # --- output -------------------------------------------------------------------------------------------------------------------

    @property
    def _writer_thread(self) -> WriterThread | None:  # an attribute in the base
        return cast("WriterThread | None", self._output)

    @_writer_thread.setter
    def _writer_thread(self, value: WriterThread | None) -> None:
        # The base makes its own writer in start_application_mode and then starts what this attribute holds: ours.
        assert self._file is not None, "the console needs a standard error stream to draw on"
        self._output = None if value is None else OutputThread(self._file.fileno(), self._drained, self._lost)

    def write(self, data: str) -> None:
        if self._output is not None:  # None: not in application mode, so nothing of ours may appear
            self._output.write(data if self._plain is None else data.translate(self._plain))

    def _drained(self) -> None:
        self._call_app(self._owner.repaint_all)

    def _lost(self) -> None:
        if self._death.acquire(blocking=False):
            if self._output is not None:
                self._output.dead = True
            self._call_app(self._owner.on_terminal_dead)

    def _call_app(self, callback: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the app's loop has ended
            self._loop.call_soon_threadsafe(callback)

    # --- life -----------------------------------------------------------------------------------------------------------------------

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call]
        # Job control stops all threads of a process, the engine's too. Ignored, a terminal that is not ours answers with errors.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
        with suppress(termios.error):
            self._raw_attributes = termios.tcgetattr(self.fileno)

    def close(self) -> None:
        super().close()
        output = self._output
        if output is None:
            return
        # What is printed from here on (the traceback of a crash) goes to the terminal directly, on the main thread.
        console = self._app.error_console
        if output.dead or output.stalled or output.is_alive():
            console.file = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  lives as long as the console
        elif output.is_terminal:
            console.file = cast(Any, PatientFile(output.fileno(), STOP_S, in_all=5 * STOP_S))

    def _sigtstp_application(self, *_: object) -> None:
        """Not stopped by Ctrl+Z: positions may be open."""

    def _sigcont_application(self, *_: object) -> None:
        """After a SIGSTOP: application mode was never left, so it is not started again (that would leave a second pair of threads)."""
        if self._raw_attributes is not None and self._is_foreground():
            with suppress(termios.error):  # the shell may have put its own settings in place meanwhile
                termios.tcsetattr(self.fileno, termios.TCSANOW, self._raw_attributes)
        self._call_app(self._owner.repaint_all)

    def stop_application_mode(self) -> None:
        self._raw_attributes = None
        super().stop_application_mode()

    # --- input ------------------------------------------------------------------------------------------------------------------------

    def run_input_thread(self) -> None:
        """Read keys until told to end. A terminal that hung up reads as "nothing, at once": taken for data it would spin at full load."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")(errors="replace").decode
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        while not self.exit_event.is_set() and not self.dead:
            if poll.poll(100):
                try:
                    data = os.read(self.fileno, 4096)
                except OSError:
                    data = b""
                if not data and self._is_background():
                    self.exit_event.wait(0.2)
                    continue
                if not data:
                    if self.input_tty:
                        self._lost()
                    break
                for message in as_one_paste(list(parser.feed(decode(data)))):
                    self.process_message(message)
            for message in parser.tick():
                self.process_message(message)
        with suppress(EOFError, ParseError):
            for _ in parser.feed(""):
                pass

    def _is_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self.fileno) == os.getpgrp()
        except OSError:
            return False

    def _is_background(self) -> bool:
        """Another job has the terminal now: reading fails, but the terminal is alive."""
        try:
            return os.tcgetpgrp(self.fileno) not in (os.getpgrp(), 0)
        except OSError:
            return False
