"""The way out of a window beside the console: nothing to get flat, nothing to wait for.

Easy to get wrong: it leaves the program it looked at as it is, whatever ends the window.

SPEC 11.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from core.messages.exit_codes import exit_code_of_signal
from core.runtime.signals import StopSignals


class ViewLifecycle:
    """Implements core.messages.handle.LifecycleHandle."""

    def __init__(self) -> None:
        self._exiting = threading.Event()
        self._exit_app: Callable[[int], None] = lambda code: None
        self._signals = StopSignals(lambda number: self.begin_exit(exit_code_of_signal(number), "a signal"))

    def install(self, exit_app: Callable[[int], None]) -> None:
        """Take the stop signals, in the main thread; ``exit_app`` ends the console and must not block."""
        self._exit_app = exit_app
        self._signals.install()

    def begin_exit(self, code: int, reason: str) -> None:
        self._exiting.set()
        self._exit_app(code)

    def insist(self) -> None:
        self.begin_exit(0, "insisted")

    @property
    def exiting(self) -> bool:
        return self._exiting.is_set()
