"""The help of the rooms: each key of theirs is told, and none that does nothing."""

from __future__ import annotations

from typing import Any

import pytest
import snapshots_for_tests as made
from console_desk import desk

from hip3_tui.drill_app import DrillLobby, DrillVerdictApp
from hip3_tui.screens.help import HelpScreen
from hip3_tui.screens.history import HistoryScreen
from hip3_tui.screens.report import ReportScreen
from hip3_tui.screens.room_keys import ROOM_KEYS
from hip3_tui.screens.simulator import SimulatorScreen

SCROLLING = {"pageup", "pagedown", "up", "down", "j", "k"}
ROOMS: dict[str, tuple[Any, ...]] = {
    "History": (HistoryScreen,),
    "Report": (ReportScreen,),
    "Faults of the simulator": (SimulatorScreen,),
    "Pages of a drill": (DrillVerdictApp, DrillVerdictApp.__mro__[1], DrillLobby),
}


@pytest.mark.parametrize("room", ROOMS)
def test_each_binding_is_told_and_each_told_is_bound(room: str) -> None:
    bound = {key for screen in ROOMS[room] for binding in screen.__dict__["BINDINGS"] for key in binding.key.split(",")}
    told = {key for each in ROOM_KEYS[room] for key in each.keys}
    assert bound - SCROLLING == told


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_help_has_them(size: tuple[int, int]) -> None:
    async with desk(made.snapshot(), size) as it:
        await it.press("question_mark")
        assert isinstance(it.app.screen, HelpScreen)
        words = ["".join(piece for piece, _ in line) for line in it.app.screen.body(it.app.look())]
        for room, keys in ROOM_KEYS.items():
            assert room in words
            for key in keys:
                assert any(line.startswith(f" {key.shown} ") for line in words), key
        await it.press("G")
        await it.read("no new picture from the engine")
        await it.press("g")
        await it.read("Stop and close")
