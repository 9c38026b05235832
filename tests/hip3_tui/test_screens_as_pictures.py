"""The screens as pictures: any change of a cell or a colour is seen. After a wanted change: pytest --snapshot-update, and look at them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import snapshots_for_tests as made
from snapshots_for_tests import T0, FakeHandle, FakeLifecycle
from textual.pilot import Pilot

from core.config_console import ConsoleConfig
from core.messages.snapshot import LoopStats, Snapshot
from core.sim.world.plan import Depth, draw
from core.sim.world.world import ACCOUNT, World
from hip3_tui.app import ConsoleApp

STATES: dict[str, Callable[[], Snapshot]] = {
    "quiet": made.flat,
    "trading": made.snapshot,
    "running": made.running,
    "hard_stop": made.hard_stopped,
    "unknown": made.unknown,
    "external": made.external,
    "stale": made.snapshot,
    "reconnecting": made.reconnecting,
    "connecting": made.connecting,
    "mainnet": lambda: made.on_mainnet(made.running()),
    "rehearsing": made.rehearsing,
}
SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}


def _app(snapshot: Snapshot, theme: str = "dark", keys: tuple[str, ...] = ()) -> tuple[ConsoleApp, list[int]]:
    now = [T0 + 100]
    settings = ConsoleConfig(refresh_hz=1, theme=theme)  # type: ignore[arg-type]
    return ConsoleApp(FakeHandle(snapshot), FakeLifecycle(), settings=settings, clock=lambda: now[0], own_gc=False), now


def _settle(now: list[int], later_ms: int = 0) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def settle(pilot: Pilot[Any]) -> None:
        await pilot.pause()
        now[0] += later_ms
        pilot.app.refresh_picture()  # type: ignore[attr-defined]
        await pilot.pause()

    return settle


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", STATES)
def test_main_screen(snap_compare: Any, state: str, size: str) -> None:
    app, now = _app(STATES[state]())
    settle = _settle(now, 7_200 if state == "stale" else 0)
    assert snap_compare(app, terminal_size=SIZES[size], run_before=settle)


@pytest.mark.parametrize("theme", ["light", "contrast", "colour-blind"])
def test_themes(snap_compare: Any, theme: str) -> None:
    app, now = _app(made.hard_stopped(), theme)
    assert snap_compare(app, terminal_size=(120, 40), run_before=_settle(now))


def seen_in_a_life(seed: int) -> Snapshot:
    """The shipped engine on the shipped exchange in virtual time, at the first moment with something open and something earned."""
    world = World(draw(seed, Depth.VALUE, ACCOUNT), ())
    world.start()
    for _ in range(2_000):
        world.live_until(world.agenda.now_ms + 250)
        if world.engine is not None:
            snapshot = world.engine.snapshot(world.local_ms, LoopStats())
            if snapshot.positions and snapshot.trades:
                return snapshot
    raise AssertionError(f"seed {seed}: never a position and a trade at once")


async def test_a_seed_of_the_simulator_is_the_same_picture_to_the_last_cell() -> None:
    """No file to compare with: any change of the engine would be another life. But the same seed is the same screen."""
    pictures = []
    for _ in range(2):
        snapshot = seen_in_a_life(seed=7)
        now = snapshot.at_ms
        app = ConsoleApp(
            FakeHandle(snapshot),
            FakeLifecycle(),
            settings=ConsoleConfig(refresh_hz=1),
            clock=lambda now=now: now,
            own_gc=False,
        )
        async with app.run_test(size=(120, 40)) as pilot:
            await _settle([now])(pilot)
            pictures.append(re.sub(r"terminal-\d+-", "terminal-", app.export_screenshot()))
    assert pictures[0] == pictures[1]
    for words in ("SIMULATOR", "AT&#160;RISK", "TRADE", "HARD&#160;STOP"):
        assert words in pictures[0]


DIALOGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "confirm": ("mainnet", ("f",)),
    "confirm_row": ("mainnet", ("j", "j", "d")),
    "reset": ("hard_stop", ("r",)),
    "help": ("trading", ("question_mark",)),
    "chosen": ("running", ("j", "j")),
    "details": ("running", ("j", "j", "enter")),
    "filter": ("trading", ("slash",)),
    "markets": ("running", ("tab", "j")),
}
"""Name -> what is below it, and the keys that open it."""


@pytest.mark.parametrize("name", DIALOGS)
def test_dialog(snap_compare: Any, name: str) -> None:
    state, keys = DIALOGS[name]
    app, now = _app(STATES[state]())

    async def press(pilot: Pilot[Any]) -> None:
        await _settle(now)(pilot)
        await pilot.press(*keys)
        await _settle(now)(pilot)

    assert snap_compare(app, terminal_size=(80, 24), run_before=press)
