"""Signals that end the program, taken by one thread; and children that do not inherit our deafness.

Decides which signals are taken. Does not decide what happens then (lifecycle.py does).
Easy to get wrong: the mask must be set in the main thread before any other thread starts, or the kernel hands a signal to the
thread that lacks it and the program is gone, positions open. And a mask is inherited: a child born with it cannot be ended by TERM.

DESIGN "Hosting", Signals.
"""

from __future__ import annotations

import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)

_POLITE = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
"""Left alone when they were ignored at launch: nohup says so with HUP, a script's `&` with INT and QUIT. TERM is always meant."""


class StopSignals:
    """Hands each stop signal to ``on_signal``, in one thread of its own, one after the other."""

    def __init__(self, on_signal: Callable[[int], None]) -> None:
        self._on_signal = on_signal
        self._taken: frozenset[signal.Signals] = frozenset()
        self._strays: queue.SimpleQueue[int] = queue.SimpleQueue()  # its put may be called from a handler

    def install(self) -> None:
        """Take the signals. In the main thread, before any other thread exists."""
        assert threading.current_thread() is threading.main_thread(), "signals are installed in the main thread"
        ignored = {s for s in _POLITE if signal.getsignal(s) is signal.SIG_IGN}
        self._taken = frozenset(STOP_SIGNALS) - ignored
        for number in self._taken:
            # Never the normal road: it catches the signal that arrives while `start_child` has the mask undone in its thread.
            signal.signal(number, self._stray)
        signal.pthread_sigmask(signal.SIG_BLOCK, self._taken)
        threading.Thread(target=self._wait, name="signals", daemon=True).start()
        threading.Thread(target=self._collect_strays, name="stray-signals", daemon=True).start()

    def start_child(self, args: Sequence[str], **popen: Any) -> subprocess.Popen[Any]:
        """Start a child process that can be ended by signals, out of reach of the terminal's own (a hang-up must not take a helper
        process away while the engine still needs it). Arguments as for `subprocess.Popen`; safe from any thread.
        """
        assert "preexec_fn" not in popen, "preexec_fn can deadlock in a program with threads"
        popen.setdefault("start_new_session", True)
        before = signal.pthread_sigmask(signal.SIG_UNBLOCK, self._taken)
        try:
            return subprocess.Popen(args, **popen)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _wait(self) -> None:
        while True:
            self._on_signal(signal.sigwait(self._taken))

    def _stray(self, number: int, _frame: FrameType | None) -> None:
        self._strays.put(number)

    def _collect_strays(self) -> None:
        while True:
            self._on_signal(self._strays.get())
