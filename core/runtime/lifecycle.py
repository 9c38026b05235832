"""The one way out of the program: the engine first, then the console, then the exit code.

Decides the order and the bounds of ending, and what the exit code promises. Knows no terminal: it is given a way to end the console
and a way to put the terminal back. Works without a console as well.
Easy to get wrong: nothing here may wait without a bound or depend on the console's event loop. A console whose loop is stuck, a
terminal that nobody reads, an engine that hangs: each must still end, and say on stderr what may be open.

DESIGN "Hosting"; plan 4.2 (Ctrl+C: all flat, then exit).
"""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from core.messages.exit_codes import ExitCode, exit_code_of_signal
from core.messages.snapshot import Snapshot
from core.runtime.engine_thread import EngineThread, describe
from core.runtime.signals import StopSignals

_log = logging.getLogger(__name__)

UI_GRACE_S = 3.0
"""From the moment the console was told to end until the main thread must be back: restoring a healthy terminal takes under 0.2 s."""

TELL_AGAIN_S = 0.5
"""Between two calls to the console to end."""

CLEANUP_S = 2.0
"""For everything registered with `before_leaving` together."""

STDERR_S = 0.5
"""How long the last words may wait for a reader."""

INSISTENT = 3
"""The signal of this number leaves at once: twice asking may be an accident, three times is not."""


class Lifecycle:
    """Implements core.messages.handle.LifecycleHandle.

    Args:
        engine: Not started yet, or `install` comes too late.
        grace_s: What the engine gets for an orderly stop. Longer than its own limit for getting flat, so that it can say itself
            that it failed; when this one is over, it is taken for wedged.
        restore_terminal: Puts the terminal back when the console cannot; must not block.
        leaves_open: A run by hand: nothing is flattened at its end, and nothing is promised of it.
        leave: Ends the process. `os._exit`: the interpreter's own end joins threads without a bound.
    """

    def __init__(
        self,
        engine: EngineThread,
        *,
        grace_s: float,
        ui_grace_s: float = UI_GRACE_S,
        restore_terminal: Callable[[], None] = lambda: None,
        leaves_open: bool = False,
        leave: Callable[[int], None] = os._exit,
    ) -> None:
        self._engine = engine
        self._grace_s = grace_s
        self._ui_grace_s = ui_grace_s
        self._restore_terminal = restore_terminal
        self._leaves_open = leaves_open
        self._leave_process = leave
        self._signals = StopSignals(self._on_signal)
        self._signals_seen = 0
        self._lock = threading.Lock()  # held for a few assignments only, never while waiting
        self._code = int(ExitCode.OK)
        self._reason = ""
        self._exit_app: Callable[[int], None] | None = None
        self._cleanups: list[Callable[[], Sequence[str] | None]] = []
        self._cleanup_s = CLEANUP_S
        self._undone: list[str] = []
        self.on_leaving: Callable[[int, str], None] = lambda code, words: None
        """Told the exit code and the last words before an orderly end cleans up; must not block."""
        self._exiting = threading.Event()
        self._engine_over = threading.Event()
        self._main_back = threading.Event()
        self._leaving = threading.Lock()  # taken once and never released: one thread speaks the last words

    def install(self) -> None:
        """Take the stop signals. In the main thread, before any other thread (the engine's too) is started."""
        self._signals.install()
        threading.Thread(target=self._end_in_order, name="lifecycle", daemon=True).start()

    def register_app(self, exit_app: Callable[[int], None]) -> None:
        """Name the way to end the console: called from another thread with the exit code, again and again until the main thread is
        back (a console that is still starting may miss the first call), so it must not block and may be repeated."""
        self._exit_app = exit_app

    def before_leaving(self, cleanup: Callable[[], Sequence[str] | None], more_s: float = 0.0) -> None:
        """Register something to do at an orderly end (flush a log, stop a helper process); not done when leaving at once.

        Args:
            cleanup: What it returns is said on stderr: what could not be done.
            more_s: How much longer than usual the end may take for it.
        """
        self._cleanups.append(cleanup)
        self._cleanup_s += more_s

    @property
    def ends_within_s(self) -> float:
        """From `begin_exit` to the end of the process, at most."""
        return self._grace_s + self._ui_grace_s + self._cleanup_s + STDERR_S

    def start_child(self, args: Sequence[str], **popen: Any) -> subprocess.Popen[Any]:
        """Start a child process without our signal mask, see `StopSignals.start_child`."""
        return self._signals.start_child(args, **popen)

    # --- asking for the end: any thread, never blocks -----------------------------------------------------------------------

    @property
    def exiting(self) -> bool:
        return self._exiting.is_set()

    def begin_exit(self, code: int, reason: str) -> None:
        """Ask for the orderly end. The first call's reason counts, and its code unless that was OK and a later one knows worse."""
        with self._lock:
            if self._exiting.is_set():
                self._code = self._code or code
                return
            self._code, self._reason = int(code), reason
            self._exiting.set()
        self._engine.request_stop(reason)

    def insist(self) -> None:
        """Leave now, whatever is open."""
        self._leave("left at once, on the operator's word", orderly=False)

    def _on_signal(self, number: int) -> None:
        self._signals_seen += 1
        name = signal.Signals(number).name
        _log.info("%s received (%d)", name, self._signals_seen)
        if self._signals_seen >= INSISTENT:
            self.begin_exit(exit_code_of_signal(number), name)
            self._leave(f"left at once at signal number {self._signals_seen} ({name})", orderly=False)
        self.begin_exit(exit_code_of_signal(number), name)

    # --- the end ---------------------------------------------------------------------------------------------------------------

    def run_console(self, run: Callable[[], int | None]) -> NoReturn:
        """Main thread: run the console until it ends, whichever way, then `finish`.

        Args:
            run: Runs the console and returns its exit code. The console should call `begin_exit` itself as soon as it goes down (it
                may be kept from returning by a thread of its own that hangs).
        """
        try:
            code = run() or 0
        except BaseException as e:
            _log.error("the console died: %s", describe(e), exc_info=e)
            _say(f"hip3-tui: the console died: {describe(e)}")
            code = ExitCode.CRASH
        self.finish(code)

    def finish(self, code: int = 0) -> NoReturn:
        """Main thread, when the console has ended (or there is none and the engine is done): wait for the engine and leave.

        Args:
            code: The console's own exit code; not zero if it crashed.
        """
        self._main_back.set()
        self.begin_exit(code, "the console ended" if not code else "the console crashed")
        if self._engine.is_started and not self._engine.is_done:
            how = "waiting for orders under way" if self._leaves_open else "cancelling and flattening"
            _say(f"hip3-tui: stopping ({self._reason}): {how}, at most {self._grace_s:g} s")
        self._engine_over.wait(self._grace_s + 1.0)
        self._leave(f"stopped ({self._reason})", orderly=True)
        while True:  # another thread is speaking the last words; it ends the process
            threading.Event().wait()

    def _end_in_order(self) -> None:
        self._exiting.wait()
        if self._engine.is_started:
            self._engine.wait_done(self._grace_s)
        self._engine_over.set()
        code = self._verdict()[0]
        patience_ends = time.monotonic() + self._ui_grace_s
        while not self._main_back.is_set():
            if time.monotonic() >= patience_ends:
                _log.info("the console did not end in %.1f s", self._ui_grace_s)
                self._leave(f"stopped ({self._reason}), the console was stuck", orderly=True, console_stuck=True)
                return
            self._tell_app(code)
            self._main_back.wait(min(TELL_AGAIN_S, self._ui_grace_s))

    def _tell_app(self, code: int) -> None:
        exit_app = self._exit_app
        if exit_app is None:
            return
        try:
            exit_app(code)
        except (
            Exception
        ) as e:  # a loop that is closed already: the main thread comes back by itself, or the grace ends it
            _log.info("the console could not be told to end: %s", type(e).__name__)

    def _leave(self, how: str, *, orderly: bool, console_stuck: bool = False) -> None:
        if not self._leaving.acquire(blocking=False):
            return
        code, words = self._verdict()
        _log.info("%s: %s; exit code %d", how, words, code)
        if orderly:
            self._tell_leaving(code, words)
            self._clean_up()
        if console_stuck or not orderly:
            self._restore_terminal()
        for text in self._undone:
            _say(f"hip3-tui: {text}")
        _say(f"hip3-tui: {how}: {words}")
        self._leave_process(code)

    def _tell_leaving(self, code: int, words: str) -> None:
        try:
            self.on_leaving(code, words)
        except Exception as e:
            _log.error("the end could not be told: %s: %s", type(e).__name__, e)

    def _clean_up(self) -> None:
        # In a thread of its own: any of it may hang, stdout too when its reader does not read.
        def run() -> None:
            for cleanup in (sys.stdout.flush, *reversed(self._cleanups)):
                try:
                    self._undone += cleanup() or ()
                except Exception as e:
                    _log.error("clean-up failed: %s: %s", type(e).__name__, e)

        thread = threading.Thread(target=run, name="clean-up", daemon=True)
        thread.start()
        thread.join(self._cleanup_s)

    def _verdict(self) -> tuple[int, str]:
        """The exit code, and what is known to be open, in words."""
        engine, code = self._engine, self._code
        ending = engine.ending
        if not engine.has_run and not engine.error:
            return code, "the engine had not started, this run traded nothing"
        flat = ending is not None and ending.confirmed
        said = f": {ending.text}" if ending is not None and ending.text else ""
        if engine.is_done and engine.error:
            known = f"flat confirmed{said}" if flat else f"NOT CONFIRMED flat, {what_is_open(engine.latest)}"
            return ExitCode.CRASH, f"the engine died ({engine.error}); {known}"
        if not engine.is_done and self._engine_over.is_set():
            late = f"NOT CONFIRMED flat, the engine did not end within {self._grace_s:g} s"
            return ExitCode.WEDGED, f"{late}, {what_is_open(engine.latest)}"
        if ending is not None and ending.refused:
            return ExitCode.REFUSED, f"refused to start{said}"
        if not flat:
            return ExitCode.NOT_CONFIRMED, f"NOT CONFIRMED flat{said}, {what_is_open(engine.latest)}"
        if self._leaves_open and ending is not None:
            return code, ending.text
        return code, f"flat confirmed{said}"


def what_is_open(snapshot: Snapshot | None) -> str:
    """What the last picture of the engine had open, for an operator who must look at the exchange now."""
    if snapshot is None:
        return "what is open is not known"
    if not snapshot.positions and not snapshot.orders and not snapshot.ready.knows_positions:
        return "what is open is not known"
    positions = [f"{p.market} {p.side.value} {p.size}" for p in snapshot.positions]
    orders = [f"{o.market} {o.side.value} {o.size}" for o in snapshot.orders if not o.status.is_terminal]
    return f"last known: positions {', '.join(positions) or 'none'}; orders {', '.join(orders) or 'none'}"


def _say(text: str) -> None:
    """One line on stderr, without ever blocking on whoever reads it."""
    data = (" ".join(text.split()) + "\n").encode("utf-8", "replace")
    if not (sys.stderr or sys.__stderr__):
        return
    fd, own = 2, False
    with suppress(OSError):
        if os.isatty(2):
            # A description of our own: without it the non-blocking flag would fall on every program that shares the terminal.
            fd, own = os.open(os.ttyname(2), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK), True
    with suppress(OSError):
        poll = select.poll()
        poll.register(fd, select.POLLOUT)
        if poll.poll(int(STDERR_S * 1000)):
            os.write(fd, data[: select.PIPE_BUF])  # a pipe that polls writable takes this much without blocking
    if own:
        os.close(fd)
