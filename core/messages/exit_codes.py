"""The program's exit codes, in one place. The console asks for some of them, the life cycle has the last word.

An exit code below is a promise: 0 and 128+n are given only when the exchange itself confirmed flat (or there was nothing to flatten).
Where two apply, the worse one is told: WEDGED, then CRASH, REFUSED, NOT_CONFIRMED, then what was asked for.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    CRASH = 1
    """The engine or the console died of an exception."""
    WEDGED = 70
    """The engine did not end within its grace: what is open is not known."""
    TERMINAL_LOST = 74
    """The terminal went away; the engine was stopped in order and confirmed flat."""
    NOT_CONFIRMED = 75
    """Stopped, but the exchange did not confirm that everything is flat."""
    REFUSED = 78
    """Start-up refused: configuration, key, account or exchange do not fit. Nothing was traded."""


def exit_code_of_signal(signal_number: int) -> int:
    """What a shell reports for a program ended by this signal."""
    return 128 + signal_number
