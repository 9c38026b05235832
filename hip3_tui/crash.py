"""What is kept of a console that crashed: one line for the screen, a report beside the log, and a bound on how long nobody watches.

Without the values of any variable: a report is read by others. Easy to get wrong: a console that crashed may never come back to whoever
started it (a thread of its own hangs); an engine must not trade on unseen then, so it is stopped in order.
"""

from __future__ import annotations

import logging
import os
import threading
import traceback
from contextlib import suppress
from pathlib import Path

from core.messages.exit_codes import ExitCode
from core.messages.handle import LifecycleHandle

_log = logging.getLogger(__name__)

UNSEEN_S = 5.0
"""From the crash until something else shows the engine; putting a healthy terminal back takes under 0.2 s."""


class Crash:
    """Args:
    path: Where the report goes; the newest crash of a run is kept.
    lifecycle: Ends the program when nothing takes the console's place in time.
    """

    def __init__(self, path: Path, lifecycle: LifecycleHandle, unseen_s: float = UNSEEN_S) -> None:
        self.why = ""
        """In one line; empty while nothing crashed."""
        self.report = ""
        """The file, empty if it could not be written."""
        self._path = path
        self._lifecycle = lifecycle
        self._watch = threading.Timer(unseen_s, self._nobody_came)
        self._watch.daemon = True

    def noted(self, error: BaseException) -> None:
        """The console goes down with this. The first one counts: what follows it is mostly its echo."""
        if self.why:
            return
        inner = getattr(error, "error", None)  # Textual wraps what broke in a worker, and drops where it broke
        error = inner if isinstance(inner, BaseException) else error
        self.why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        self._watch.start()
        text = "".join(traceback.format_exception(error))
        _log.error("the console crashed: %s\n%s", self.why, text)
        with suppress(OSError):
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(fd, "w", encoding="utf-8") as file:
                file.write(text)
            self.report = str(self._path)

    def taken_over(self) -> None:
        """Something else shows the engine now."""
        self._watch.cancel()

    def _nobody_came(self) -> None:
        self._lifecycle.begin_exit(ExitCode.CRASH, "the console crashed and nothing took its place")
