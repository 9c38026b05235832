"""What the console may hold of the outside: the engine's handle and the program's life cycle; of a window beside it, what it may do; and what an
order by hand would be.

Both are called from the console's thread and never block it. The real ones are core.runtime.engine_thread.EngineThread and
core.runtime.lifecycle.Lifecycle; tests of the console give it hand-made ones.
"""

from __future__ import annotations

from typing import Protocol

from core.messages.commands import AnyCommand, PlaceOrder
from core.messages.snapshot import Snapshot
from core.messages.ticket import OrderPreview


class EngineHandle(Protocol):
    """One reference out, one queue in."""

    @property
    def latest(self) -> Snapshot | None:
        """The newest snapshot, None before the first."""
        ...

    @property
    def is_done(self) -> bool:
        """The engine has ended, orderly or not."""
        ...

    @property
    def error(self) -> str:
        """Why the engine died; empty while it lives and after an orderly end."""
        ...

    def send(self, command: AnyCommand) -> None:
        """Hand a command to the engine. The audit trail answers with the command's id."""
        ...


class OrderPreviewer(Protocol):
    """Works out what an order by hand would be now, without sending it: core.runtime.order_preview."""

    def __call__(self, command: PlaceOrder, snapshot: Snapshot, /) -> OrderPreview | None:
        """None: the market is not one of the config's."""
        ...


class WindowHandle(Protocol):
    """What a window beside the running program knows of itself. A console that has one is that window, and its engine is another process's."""

    @property
    def name(self) -> str:
        """Begins the ids of its commands, so that they are not the console's own."""
        ...

    @property
    def may_brake(self) -> bool:
        """Whether it may close, cancel, stop and pause. Nothing else in any case."""
        ...

    @property
    def note(self) -> str:
        """Why nothing new is seen; empty while it is."""
        ...


class LifecycleHandle(Protocol):
    """The one way out of the program: engine first, then the screen, then the exit code."""

    def begin_exit(self, code: int, reason: str) -> None:
        """Ask the engine for an orderly stop and end the program when it is done or its grace is over. Idempotent."""
        ...

    def insist(self) -> None:
        """Leave now, whatever is open. For an operator who was told what stays open and asked again."""
        ...

    @property
    def exiting(self) -> bool: ...
