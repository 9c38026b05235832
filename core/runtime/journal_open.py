"""Opening the journal without standing still for the disk.

A new file costs several waits for the disk, a tenth of a second in all, in which the processor has nothing to do and the first frame comes no nearer. So it is
opened in a thread of its own while this one loads what the screen needs. Rule that is easy to get wrong: the answer is waited for before anything
is drawn, because a journal that cannot be used is a line on the terminal, not a console that dies.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from core.runtime.clock import Clock
from core.runtime.journal import Journal


def open_journal(path: Path, clock: Clock, meanwhile: Callable[[], None] | None = None) -> Journal:
    """Open or make a journal, and begin a run in it.

    Args:
        meanwhile: Done in this thread while the disk is waited for.

    Raises:
        JournalError: It cannot be used.
    """
    if meanwhile is None:
        return Journal.open(path, clock)
    opened: list[Journal | BaseException] = []

    def run() -> None:
        try:
            opened.append(Journal.open(path, clock))
        except BaseException as e:  # whatever it is, it is raised where it is waited for
            opened.append(e)

    opening = threading.Thread(target=run, name="journal-open", daemon=True)
    opening.start()
    try:
        meanwhile()
    finally:
        opening.join()
    (result,) = opened
    if isinstance(result, BaseException):
        raise result
    return result
