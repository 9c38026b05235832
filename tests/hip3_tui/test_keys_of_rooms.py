"""Every key of every room through the pilot, and the mouse in their place: tabs, rows, and the keys on the last line."""

from __future__ import annotations

from typing import Any

import pytest
import snapshots_for_tests as made
from console_desk import Desk, desk
from records_for_tests import FakeRecords
from report_for_tests import a_report
from test_simulator_screen import FakeSimulator

from core.messages.commands import FlattenAll
from hip3_tui.console import Outside
from hip3_tui.screens.history import KINDS, HistoryScreen
from hip3_tui.screens.history_details import DetailsScreen
from hip3_tui.screens.report import PAGES, ReportScreen
from hip3_tui.screens.room import Room
from hip3_tui.screens.simulator import SimulatorScreen
from hip3_tui.screens.trading import TradingScreen


class Journal(FakeRecords):
    def report(self, day: Any = None) -> Any:
        return a_report(12, None)


def outside() -> Outside:
    return Outside(records=Journal(), simulator=FakeSimulator())


async def read_rows(it: Desk) -> None:
    await it.until(lambda: getattr(it.app.screen, "_rows", None), "rows of the journal")


@pytest.mark.parametrize(("key", "room"), [("h", HistoryScreen), ("w", ReportScreen), ("i", SimulatorScreen)])
async def test_each_key_of_a_room_acts_and_none_breaks_it(key: str, room: type[Room]) -> None:
    """One after another, with everything that they open closed again: the room is still there at the end."""
    async with desk(made.snapshot(), (120, 40), outside()) as it:
        await it.press(key)
        assert isinstance(it.app.screen, room)
        keys = {k for binding in room.__dict__["BINDINGS"] for k in binding.key.split(",")}
        for each in sorted(keys):
            await it.press(each)
            if not isinstance(it.app.screen, room) or it.app.screen.focused.__class__.__name__ == "Input":
                await it.press("escape")
            if isinstance(it.app.screen, TradingScreen):
                await it.press(key)
            assert isinstance(it.app.screen, room), each
        for each in ("j", "k", "down", "up", "pagedown", "pageup", "g", "G", "ctrl+d", "ctrl+u"):
            await it.press(each)
        assert isinstance(it.app.screen, room)
        assert it.handle.sent == [], "looking sends nothing"
        await it.press("f")
        assert [type(command) for command in it.handle.sent] == [FlattenAll], "the keys that matter act in here"


async def test_tabs_are_clicked() -> None:
    async with desk(made.snapshot(), (120, 40), outside()) as it:
        await it.press("h")
        await read_rows(it)
        screen = it.app.screen
        assert isinstance(screen, HistoryScreen)
        for number, kind in enumerate(KINDS):
            line = it.text().splitlines()[1]
            await it.pilot.click(offset=(line.index(f"{number + 1} {kind.value.capitalize()}") + 3, 1))
            await it.pilot.pause()
            assert screen.kind is kind
        await it.press("w")
        report = it.app.screen
        assert isinstance(report, ReportScreen)
        for number, page in enumerate(PAGES):
            line = it.text().splitlines()[1]
            await it.pilot.click(offset=(line.index(f"{number + 1} {page}") + 2, 1))
            await it.pilot.pause()
            assert report.page == number
        await it.pilot.click(offset=(1, 1))
        assert report.page == len(PAGES) - 1, "the name of the room is no tab"


async def test_rows_are_clicked_and_opened() -> None:
    async with desk(made.snapshot(), (120, 40), outside()) as it:
        await it.press("h")
        await read_rows(it)
        await it.pilot.click(offset=(10, 6))
        await it.pilot.pause()
        assert it.app.screen.query_one("#rows").cursor_row == 2  # type: ignore[attr-defined]
        await it.press("enter")
        assert isinstance(it.app.screen, DetailsScreen)
        await it.press("escape")
        last = it.text().splitlines()[-1]
        await it.pilot.click(offset=(last.index("Flatten"), 39))
        await it.pilot.pause()
        assert [type(command) for command in it.handle.sent] == [FlattenAll]
