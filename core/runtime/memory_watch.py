"""Out of memory is a stop, not a mystery: noticed before everything fails, with something kept back to stop with.

A process that is refused memory loses a thread here and a screen there, and may trade on half blind: no key, no picture, and a heartbeat that
looks well. So a thread asks for a little memory four times a second; twice refused, it gives back what was kept for this, has the hard stop
latched and the program ended in order. Easy to get wrong: nothing here may need memory when there is none (even waiting for an event makes a
lock, even starting a thread may hang), so what is needed is made before; and a process that is refused memory still, seconds after it got
the reserve, will not get flat any more and must be gone, for then the guard closes.

What the kernel kills for want of memory is not warned of: to the guard that is a kill like any other.

SPEC 8, 11.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import threading
from collections.abc import Callable

from core.messages.commands import TripHardStop
from core.messages.exit_codes import ExitCode
from core.runtime.engine_thread import EngineThread
from core.runtime.lifecycle import Lifecycle

_log = logging.getLogger(__name__)

RESERVE_BYTES = 48 << 20
"""Address space, never touched: it costs no memory until it is given back."""
PROBE_BYTES = 4 << 20
LOOK_EVERY_S = 0.25
STARVED_S = 5.0
"""Together, after the reserve is back: longer, and the guard's ten seconds would be over."""
REASON = "out of memory: the system refuses this process more"
_NOT_CONFIRMED = (
    b"\r\nhip3-tui: out of memory, and the engine could not end: NOT CONFIRMED flat; look at the exchange now "
    b"(`hip3-tui stop`)\r\n"
)
_CONFIRMED = b"\r\nhip3-tui: out of memory: flat confirmed; left without clearing up\r\n"


class MemoryWatch:
    """Args:
    on_low: Told once, from this thread, with the reserve already given back: the stop begins here.
    is_flat: Whether the engine has ended, and flat is confirmed.
    leave_after_s: After `on_low`, when the process is left at the latest.
    leave: Ends the process.
    has_room: Whether the system gives us so many bytes; for tests.
    """

    def __init__(
        self,
        on_low: Callable[[], None],
        is_flat: Callable[[], bool],
        leave_after_s: float,
        *,
        leave: Callable[[int], None] = os._exit,
        has_room: Callable[[int], bool] | None = None,
    ) -> None:
        self._on_low = on_low
        self._is_flat = is_flat
        self._leave_after_s = leave_after_s
        self._leave = leave
        self._has_room = has_room or has_room_for
        self._reserve: mmap.mmap | None = None
        self._never = threading.Lock()
        self._never.acquire()  # whoever waits for it waits its time, and makes nothing for that
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)

    def start(self) -> None:
        try:
            self._reserve = mmap.mmap(-1, RESERVE_BYTES)
        except (OSError, ValueError) as e:
            _log.warning("no memory could be kept back for a stop without memory: %s", e)
        self._thread.start()

    def stop(self) -> None:
        """For an orderly end."""
        self._stopping.set()

    # --- the thread ----------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        refused = 0
        while not self._stopping.is_set() and refused < 2:
            self._wait()
            refused = 0 if self._has_room(PROBE_BYTES) else refused + 1
        if self._stopping.is_set():
            return
        self._give_back()
        try:
            self._on_low()
        except Exception:
            _log.error("out of memory, and the stop could not be begun")
        starved = waited = 0.0
        while waited < self._leave_after_s and starved < STARVED_S:
            self._wait()
            if self._stopping.is_set():
                return
            waited += LOOK_EVERY_S
            starved += 0.0 if self._has_room(PROBE_BYTES) else LOOK_EVERY_S
        is_flat = self._is_flat()
        with contextlib.suppress(OSError):
            os.write(2, _CONFIRMED if is_flat else _NOT_CONFIRMED)
        self._leave(ExitCode.CRASH if is_flat else ExitCode.WEDGED)

    def _wait(self) -> None:
        self._never.acquire(True, LOOK_EVERY_S)

    def _give_back(self) -> None:
        if self._reserve is not None:
            self._reserve.close()
            self._reserve = None


def watch_memory(engine: EngineThread, lifecycle: Lifecycle, *, stays_open: bool) -> MemoryWatch:
    """For a program: latched, flat, and the end. ``stays_open``: what was opened by hand is left, as was said."""
    trip = TripHardStop(command_id="memory", who="program", reason=REASON)

    def on_low() -> None:
        if not stays_open:
            engine.send(trip)
        lifecycle.begin_exit(ExitCode.CRASH, REASON)

    def is_flat() -> bool:
        ending = engine.ending
        return engine.is_done and ending is not None and ending.confirmed

    watch = MemoryWatch(on_low, is_flat, lifecycle.ends_within_s)
    lifecycle.before_leaving(watch.stop)
    return watch


def has_room_for(size: int) -> bool:
    """Whether the system gives us so much more. It is given back at once, and never touched."""
    try:
        mmap.mmap(-1, size).close()
    except (OSError, MemoryError, ValueError):
        return False
    return True
