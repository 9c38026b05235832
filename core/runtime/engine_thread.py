"""The thread the engine lives in: its own event loop, one queue in, one reference out.

Decides nothing about trading. Never waits for the console, never calls into it, and nothing the console can call here blocks.
Easy to get wrong: a plain daemon thread on purpose. A pool's thread, or a worker of the console, is joined without a bound when the
program ends, so that a console that crashed would leave an engine trading unseen. Whoever ends the program (lifecycle.py) waits
for `wait_done` with a bound instead.

DESIGN "Hosting"; issue part "stalled terminal".
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from core.messages.commands import AnyCommand, Shutdown
from core.messages.snapshot import Snapshot
from core.runtime.precedence import EngineSelector, wake_at_once

_log = logging.getLogger(__name__)

DROPPED_KEPT = 100
"""Commands remembered that came too late. Enough to tell an operator what did not happen."""

STOP_COMMAND_ID = "stop"
"""Command id of the Shutdown that `request_stop` hands in; there is at most one in a run."""


class Ending(Struct, frozen=True):
    """How the engine says it ended. ``confirmed``: the exchange itself reported flat and no order of ours (or nothing was ever at stake)."""

    confirmed: bool
    text: str
    refused: bool = False
    """Start-up was refused; nothing was traded."""


EngineMain = Callable[["EngineThread", asyncio.Event], Awaitable[None]]
"""The engine's life, run on the engine's loop. The event is set when a stop was asked for, for waits that read no commands (connecting).
It calls `receive_commands` once, `publish` often, and `conclude` before it returns."""


class EngineThread:
    """Runs ``main`` in a thread of its own. Implements core.messages.handle.EngineHandle."""

    def __init__(self, main: EngineMain) -> None:
        self._main = main
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop: asyncio.Event | None = None
        self._receive: Callable[[AnyCommand], None] | None = None
        self._waiting: deque[AnyCommand] = deque()
        self._dropped: deque[AnyCommand] = deque(maxlen=DROPPED_KEPT)
        self._stop_asked = threading.Lock()  # taken once, without waiting, and never released: "am I the first to ask?"
        self._stop_reason = ""
        self._failure: BaseException | None = None
        self._latest: Snapshot | None = None
        self._error = ""
        self._ending: Ending | None = None
        self._has_run = False
        self.done = threading.Event()
        """Set when the engine's main has ended, whichever way."""

    def start(self) -> None:
        """Start the thread, once. After a stop was asked for, the engine ends at once without having run."""
        self._thread.start()

    # --- what any thread may ask ------------------------------------------------------------------------------------------

    @property
    def latest(self) -> Snapshot | None:
        return self._latest

    @property
    def is_started(self) -> bool:
        return self._thread.ident is not None

    @property
    def has_run(self) -> bool:
        """Main was entered. False for an engine that was asked to stop first: this run traded nothing, and asked nobody."""
        return self._has_run

    @property
    def is_done(self) -> bool:
        return self.done.is_set()

    @property
    def error(self) -> str:
        return self._error

    @property
    def ending(self) -> Ending | None:
        """How the engine said it ended; None while it lives, and if it died before it could say."""
        return self._ending

    @property
    def stop_reason(self) -> str:
        """Why a stop was asked for; empty if it was not."""
        return self._stop_reason

    @property
    def dropped(self) -> tuple[AnyCommand, ...]:
        """Commands that came after the end, newest last: they had no effect."""
        return tuple(self._dropped)

    def wait_done(self, timeout_s: float | None) -> bool:
        """Wait for the engine's end. True: it has ended. Not for the console's thread."""
        return self.done.wait(timeout_s)

    def send(self, command: AnyCommand) -> None:
        """Hand a command in. Before the engine takes commands it waits; after the end it is kept in `dropped`."""
        self._waiting.append(command)
        if self.done.is_set():
            self._drop_waiting()
        else:
            self._call_in_engine(self._deliver)

    def request_stop(self, reason: str) -> None:
        """Ask for an orderly stop. From any thread, as often as you like; the first reason counts."""
        if not self._stop_asked.acquire(blocking=False):
            return
        self._stop_reason = reason
        self._call_in_engine(self._set_stop)  # first, so that whoever reads the command finds the event set
        self.send(Shutdown(command_id=STOP_COMMAND_ID, who="program", reason=reason))

    # --- what the engine's main calls, on its own loop ----------------------------------------------------------------------

    def receive_commands(self, receive: Callable[[AnyCommand], None]) -> None:
        """From now on hand each command to ``receive``, those that waited first. An exception of its ends the engine."""
        self._receive = receive
        self._deliver()

    def publish(self, snapshot: Snapshot) -> None:
        """Replace the picture that the console sees. One reference, so a reader has either the old one or the new one."""
        self._latest = snapshot

    def conclude(self, ending: Ending) -> None:
        """Say how it ended. Without it, even a return is taken for a death."""
        self._ending = ending

    # --- the thread -----------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        wake_at_once()
        # The loop is closed after `done`: closing joins the loop's pool of threads without a bound, and a name look-up that hangs
        # there must not make a confirmed end look like a wedged engine.
        try:
            with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(EngineSelector())) as runner:
                try:
                    runner.run(self._live())
                except BaseException as e:
                    self._die(e)
                finally:
                    self._end()
        except BaseException as e:
            _log.error("closing the engine's loop failed: %s", describe(e))
            if not self.done.is_set():  # the loop could not even be made
                self._die(e)
                self._end()

    async def _live(self) -> None:
        self._loop, self._task, self._stop = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()
        if self._stop_reason:
            return
        self._has_run = True
        try:
            await self._main(self, self._stop)
        except asyncio.CancelledError:
            if self._failure is not None:
                raise self._failure from None
            raise
        if self._ending is None:
            raise RuntimeError("the engine ended without saying how")

    def _deliver(self) -> None:
        if self._receive is None or self.done.is_set():
            return
        try:
            while self._waiting:
                self._receive(self._waiting.popleft())
        except Exception as e:
            # Raised here it would only be logged by the event loop, and the engine would go on half deaf.
            assert self._task is not None
            self._failure = e
            self._task.cancel()

    def _set_stop(self) -> None:
        assert self._stop is not None
        self._stop.set()

    def _call_in_engine(self, callback: Callable[[], None]) -> None:
        loop = self._loop
        if loop is None:
            return  # not started: _live looks at the stop reason, receive_commands at what waits
        try:
            loop.call_soon_threadsafe(callback)
        except RuntimeError:  # closed between our look and now
            self._drop_waiting()

    def _die(self, error: BaseException) -> None:
        self._error = describe(error)
        _log.error("the engine died: %s", self._error, exc_info=error)
        if self._latest is not None:
            last = self._latest
            self._latest = msgspec.structs.replace(last, number=last.number + 1, engine_error=self._error)

    def _end(self) -> None:
        self.done.set()
        self._drop_waiting()

    def _drop_waiting(self) -> None:
        while True:
            try:
                self._dropped.append(self._waiting.popleft())
            except IndexError:
                return


def describe(error: BaseException) -> str:
    """Type and message, nothing of the frames: locals may hold what must not be shown. A group is told by its first member."""
    if isinstance(error, BaseExceptionGroup):
        more = len(error.exceptions) - 1
        return describe(error.exceptions[0]) + (f" (and {more} more)" if more else "")
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
