"""Who goes first when the engine and the console want the same processor, or the interpreter: the engine.

Both are threads of one process, so the system shares time out between them evenly: a tick that comes due while the console draws waits for the
console's slice to end, 3 to 5 ms. A thread with a lower priority has to make room at once. Only lowering is asked for, which needs no privilege. Easy to get
wrong: priorities of single threads are Linux's own; elsewhere the same call would lower the whole program, so there it is not made.

And whoever is awake is left alone until his slice is over, 3 ms or so, even by a thread that goes first: unless the one that wakes asked for shorter
slices (Linux 6.12 and newer, for any thread and without privilege; older ones do not look at it).

Of the interpreter, which one thread has at a time, Python knows no priorities: who wants it waits for a fixed time before the other has to
hand it over. That time is read by the one who waits, when he begins to wait. So the engine's thread sets it low before it goes to sleep, and wakes
into a short wait; and high when it is awake, so that the console does not get it in the middle of an order.

DESIGN "Hosting".
"""

from __future__ import annotations

import ctypes
import os
import platform
import selectors
import sys
import threading
from contextlib import suppress
from typing import Any

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


SLICE_NS = 300_000
"""Shorter than anybody's who did not ask; the kernel takes 0.1 to 100 ms."""
_SET_ATTRIBUTES = {"x86_64": 314, "aarch64": 274}
"""The number of `sched_setattr`, for which the C library has no name."""


class _Attributes(ctypes.Structure):
    """The kernel's `struct sched_attr`, first version."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def wake_at_once() -> None:
    """Ask for short slices for the calling thread: when it wakes, it does not wait for the end of another's long one."""
    number = _SET_ATTRIBUTES.get(platform.machine())
    if sys.platform != "linux" or number is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return
    with suppress(OSError, AttributeError):  # then it waits, as everywhere else
        nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        wanted = _Attributes(size=ctypes.sizeof(_Attributes), policy=os.SCHED_OTHER, nice=nice, runtime=SLICE_NS)
        ctypes.CDLL(None).syscall(number, 0, ctypes.byref(wanted), 0)


SWITCH_INTERVAL_S = 0.005
"""How long the engine keeps the interpreter while the console wants it: through a whole turn, which ends in its sleep. At a fifth of it the
console took it between the signature of one order in fifty and its bytes, for 2 ms."""
WAKING_INTERVAL_S = 0.0001
"""How long the console keeps it while the engine, which has just been woken, wants it. At Python's own 5 ms a drawing console costs the engine
4 ms. Source: TEXTUAL 2.2."""


class _Waiting:
    """The system's own waiting, with the short time around it and around nothing else.

    Whoever hands over the interpreter begins to wait for it at once, and reads the time then. So the long one is set in the first instruction
    after the wait: later, and the console waits the short time as well, and takes the interpreter back in the middle of an order.
    """

    def __init__(self, real: Any) -> None:
        self._real = real

    def poll(self, timeout: float | None = None, max_events: int = -1) -> list[tuple[int, int]]:
        sys.setswitchinterval(WAKING_INTERVAL_S)
        try:
            found: list[tuple[int, int]] = self._real.poll(timeout, max_events)
        finally:
            sys.setswitchinterval(SWITCH_INTERVAL_S)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class EngineSelector(selectors.DefaultSelector):
    """Where the engine's event loop sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self._is_wrapped = isinstance(self, getattr(selectors, "EpollSelector", ()))
        if self._is_wrapped:
            self._selector: Any = _Waiting(vars(self)["_selector"])

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._is_wrapped:
            return super().select(timeout)
        sys.setswitchinterval(WAKING_INTERVAL_S)
        try:
            return super().select(timeout)
        finally:
            sys.setswitchinterval(SWITCH_INTERVAL_S)
