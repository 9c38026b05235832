"""The console under a test's fingers: its two fakes, its clock, what it was given of the outside, and the screen as the terminal has it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from snapshots_for_tests import T0, FakeHandle, FakeLifecycle
from textual.pilot import Pilot

from core.config_console import ConsoleConfig
from core.messages.snapshot import Snapshot
from hip3_tui.app import ConsoleApp
from hip3_tui.console import NOTHING_BESIDE, Outside
from hip3_tui.operator_actions import DEFAULT_KEYMAP


@dataclass
class Desk:
    app: ConsoleApp
    handle: FakeHandle
    lifecycle: FakeLifecycle
    pilot: Pilot[int | None]
    now: list[int]
    written: list[str]
    """What would have gone to the terminal beside the picture: titles, notifications."""

    async def see(self, snapshot: Snapshot | None = None) -> None:
        """Let the console look, at a new snapshot if one is given."""
        if snapshot is not None:
            self.handle.latest = snapshot
        self.app.refresh_picture()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, holds: Callable[[], Any], what: str) -> None:
        """Wait for what a worker thread brings."""
        for _ in range(1000):
            if holds():
                return
            await self.pilot.pause(0.02)
        raise AssertionError(f"not within 20 s: {what}; the screen:\n{self.text()}")

    async def read(self, words: str) -> None:
        await self.until(lambda: words in self.flowing(), repr(words))

    def text(self) -> str:
        """The screen as the terminal has it."""
        return "\n".join(
            "".join(segment.text for segment in strip) for strip in self.app.screen._compositor.render_strips()
        )

    def flowing(self) -> str:
        """The same with line breaks, frames and repeated blanks gone."""
        return " ".join(self.text().replace("┃", " ").replace("│", " ").split())

    @property
    def toasts(self) -> list[str]:
        return [toast.message for toast in self.app._notifications]


def console(
    handle: FakeHandle, outside: Outside = NOTHING_BESIDE, lifecycle: FakeLifecycle | None = None, **more: Any
) -> ConsoleApp:
    """A console whose clock stands a moment after the hand-made snapshots."""
    more.setdefault("clock", lambda: T0 + 100)
    settings = more.pop("settings", None) or ConsoleConfig(refresh_hz=1)
    keymap = DEFAULT_KEYMAP.remapped(settings.keys)
    life = lifecycle or FakeLifecycle()
    return ConsoleApp(handle, life, outside=outside, settings=settings, keymap=keymap, who="ada", own_gc=False, **more)


@asynccontextmanager
async def desk(
    snapshot: Snapshot | None,
    size: tuple[int, int] = (80, 24),
    outside: Outside = NOTHING_BESIDE,
    *,
    lifecycle: FakeLifecycle | None = None,
    settings: ConsoleConfig | None = None,
) -> AsyncIterator[Desk]:
    handle, life, now = FakeHandle(snapshot), lifecycle or FakeLifecycle(), [T0 + 100]
    app = console(handle, outside, life, clock=lambda: now[0], settings=settings)
    written: list[str] = []
    app._to_terminal = lambda sequence: written.append(sequence) if sequence else None  # type: ignore[method-assign]
    async with app.run_test(size=size, notifications=True) as pilot:
        it = Desk(app, handle, life, pilot, now, written)
        await it.see()
        yield it
