"""TLS whose reads and writes are back from letting go of the interpreter as soon as can be.

The system's library lets go of it for every record, and a console that draws takes it. Whoever wants it back waits for the time that is set
when he begins to wait: the long one, which is the engine's own (precedence.py), between an order's signature and its bytes. So around these two
calls, and around nothing else, the short one is set. Decides nothing: who may be trusted is the system's list, as everywhere.

DESIGN "Hosting".
"""

from __future__ import annotations

import ssl
import sys
from typing import Any

from core.runtime.precedence import SWITCH_INTERVAL_S, WAKING_INTERVAL_S


class QuickTls(ssl.SSLObject):
    """Errors and results are those of the class it stands for. For the engine's thread alone, whose time it sets."""

    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        sys.setswitchinterval(WAKING_INTERVAL_S)
        try:
            return super().read(len, buffer)
        finally:
            sys.setswitchinterval(SWITCH_INTERVAL_S)

    def write(self, data: Any) -> int:
        sys.setswitchinterval(WAKING_INTERVAL_S)
        try:
            return super().write(data)
        finally:
            sys.setswitchinterval(SWITCH_INTERVAL_S)


def context() -> ssl.SSLContext:
    """The system's trusted certificates, host names checked."""
    made = ssl.create_default_context()
    made.sslobject_class = QuickTls
    return made
