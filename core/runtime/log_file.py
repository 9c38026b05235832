"""The program's log: one file beside the journal, written by a thread of its own.

Takes everything that is logged anywhere, and what dying threads and the interpreter itself would print. Easy to get wrong: a log handler
that writes to the terminal stops the engine for as long as nobody reads the terminal, so nothing here, not even an error of logging
itself, may go to stderr; and a full disk must not stop trading, so the engine's threads only put a record in a queue.

DESIGN "Hosting"; TEXTUAL 1.2 (engine logs to real stderr: dead after 0.09 s).
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path

from core.config import ConfigError

MAX_BYTES = 10_000_000
KEPT_FILES = 3
_OWNER_ONLY = 0o600
_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)-8s %(threadName)s %(name)s: %(message)s"


def start_log(path: Path, level: int = logging.INFO) -> Callable[[], None]:
    """Send everything logged to a file from now on. After the program's signals are blocked, for this starts a thread.

    Returns:
        What writes the rest and closes the file; to be called once, at the very end.

    Raises:
        ConfigError: The file cannot be opened.
    """
    try:
        file = _OwnersFile(path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8")
    except OSError as e:
        raise ConfigError(f"journal.path: the log {path} beside it cannot be opened: {e.strerror}") from None
    formatter = logging.Formatter(_FORMAT, datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    file.setFormatter(formatter)
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(records, file)
    logging.raiseExceptions = False  # or logging reports its own failures on stderr
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers[:] = [logging.handlers.QueueHandler(records)]
    root.setLevel(level)
    logging.getLogger("websockets").setLevel(logging.WARNING)  # at INFO it repeats what the gateway says
    threading.excepthook = _log_thread_death
    sys.unraisablehook = _log_unraisable
    listener.start()

    def stop() -> None:
        listener.stop()
        file.close()

    return stop


class _OwnersFile(logging.handlers.RotatingFileHandler):
    """For its owner's eyes, wherever the journal lies; also one that an older version left open to others."""

    def _open(self) -> TextIOWrapper:
        fd = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY)
        with contextlib.suppress(OSError):  # somebody else's file that we may write: better a log than none
            os.fchmod(fd, _OWNER_ONLY)
        return TextIOWrapper(open(fd, "ab"), encoding=self.encoding, errors=self.errors)


def _log_thread_death(death: threading.ExceptHookArgs) -> None:
    name = death.thread.name if death.thread is not None else "unknown"
    if death.exc_type is not SystemExit and death.exc_value is not None:
        logging.getLogger(__name__).error("thread %s died", name, exc_info=death.exc_value)


def _log_unraisable(event: sys.UnraisableHookArgs) -> None:
    logging.getLogger(__name__).error(
        "%s: %r", event.err_msg or "exception ignored", event.object, exc_info=event.exc_value
    )
