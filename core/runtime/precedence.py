"""Who goes first when the engine and the console want the same processor: the engine.

Both are threads of one process, so the system shares time out between them evenly: a tick that comes due while the console draws waits for the
console's slice to end, 3 to 5 ms. A thread with a lower priority has to make room at once. Only lowering is asked for, which needs no privilege. Easy to get
wrong: priorities of single threads are Linux's own; elsewhere the same call would lower the whole program, so there it is not made.

DESIGN "Hosting".
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

STEPS = 5
"""A third of the engine's share where both want all of it. Far more, and a console that is kept from running by other programs would keep the
interpreter, which it may hold, from the engine as well."""
_LOWEST = 19


def give_way() -> None:
    """Let the calling thread, and those that it starts from now on, make room for the other threads of this program."""
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    with suppress(OSError):  # then they share evenly, as everywhere else
        now = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(_LOWEST, now + STEPS))
