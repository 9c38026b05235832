"""The real console over a real engine, without a terminal: what the operator sees, and keys that reach the engine.

The engine is a `Rig`'s, so its time is a number; the console's own clock is one too, and moves with it unless a test lets them part.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from engine_rig import Rig
from textual.pilot import Pilot

from core.config_console import ConsoleConfig
from core.messages.commands import AnyCommand
from core.messages.snapshot import Snapshot
from hip3_tui.app import ConsoleApp


@dataclass
class Handle:
    """The engine as the console may see it. ``latest`` is the newest snapshot that was published, not the newest there could be."""

    rig: Rig
    latest: Snapshot | None = None
    is_done: bool = False
    error: str = ""

    def publish(self) -> None:
        self.latest = self.rig.snapshot()

    def send(self, command: AnyCommand) -> None:
        self.rig.handle(command)


@dataclass
class Leaving:
    """The life cycle; writes down that it was asked."""

    exiting: bool = False
    asked: list[tuple[int, str]] = field(default_factory=list)

    def begin_exit(self, code: int, reason: str) -> None:
        self.exiting = True
        self.asked.append((code, reason))

    def insist(self) -> None:
        raise AssertionError("nobody insists in these stories")


@dataclass
class Console:
    app: ConsoleApp
    handle: Handle
    pilot: Pilot[int]
    now: list[int]

    async def look(self, ms_later: int = 0, *, publish: bool = True) -> str:
        """What is on the screen after so much time, line breaks and frames gone."""
        self.now[0] += ms_later
        if publish:
            self.handle.publish()
        self.app.refresh_picture()
        await self.pilot.pause()
        rows = ("".join(s.text for s in strip) for strip in self.app.screen._compositor.render_strips())
        return " ".join("\n".join(rows).replace("┃", " ").replace("│", " ").split())

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()


@asynccontextmanager
async def console(rig: Rig, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Console]:
    handle, now = Handle(rig), [rig.now]
    handle.publish()
    app = ConsoleApp(
        handle, Leaving(), settings=ConsoleConfig(refresh_hz=1), who="ada", clock=lambda: now[0], own_gc=False
    )
    async with app.run_test(size=size, notifications=True) as pilot:
        yield Console(app, handle, pilot, now)


__all__ = ["Console", "console"]
