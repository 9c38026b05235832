"""A console that is a window beside the running one: what it shows, and all it may not do."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import snapshots_for_tests as made
from console_desk import desk

from core.messages.commands import CancelAll, FlattenAll, PauseEntries, ResetHardStop, TripHardStop
from core.messages.exit_codes import ExitCode
from hip3_tui.console import Outside
from hip3_tui.screens.shutdown import ShutdownScreen


@dataclass
class FakeWindow:
    may_brake: bool = False
    note: str = ""
    name: str = "w77"


@pytest.mark.parametrize("key", ["f", "c", "p", "x", "r"])
async def test_a_window_that_only_looks_sends_nothing_and_says_so(key: str) -> None:
    async with desk(made.hard_stopped(), outside=Outside(window=FakeWindow())) as it:
        assert "VIEW ONLY" in it.text()
        await it.press(key)
        assert it.handle.sent == []
        assert len(it.app.screen_stack) == 1
        assert "This window only looks" in it.toasts[-1]


async def test_a_window_with_brakes_may_stop_and_nothing_else() -> None:
    async with desk(made.hard_stopped(), outside=Outside(window=FakeWindow(may_brake=True))) as it:
        assert "BRAKES ONLY" in it.text()
        await it.press("f", "c", "p", "x")
        assert [type(command) for command in it.handle.sent] == [FlattenAll, CancelAll, PauseEntries, TripHardStop]
        assert {command.command_id for command in it.handle.sent} == {"w77-1", "w77-2", "w77-3", "w77-4"}
        await it.press("r")
        assert "Not from this window" in it.toasts[-1]
        await it.see(made.snapshot(paused=True))
        await it.press("p")
        assert len(it.handle.sent) == 4
        assert "may not do that" in it.toasts[-1]


async def test_whatever_asks_a_window_sends_no_more_than_brakes() -> None:
    async with desk(made.hard_stopped(), outside=Outside(window=FakeWindow(may_brake=True))) as it:
        it.app.send(lambda i, who: ResetHardStop(command_id=i, who=who, reason="a mistake of ours"), "Reset")
        assert it.handle.sent == []


async def test_closing_a_window_asks_nobody_to_get_flat() -> None:
    async with desk(made.snapshot(), outside=Outside(window=FakeWindow())) as it:
        assert "Close" in it.text()
        await it.press("q")
        assert it.lifecycle.asked == [(ExitCode.OK, "the window was closed")]
        await it.see()
        assert not any(isinstance(screen, ShutdownScreen) for screen in it.app.screen_stack)


async def test_a_window_shows_the_end_of_what_it_looks_at() -> None:
    async with desk(made.leaving(), outside=Outside(window=FakeWindow())) as it:
        assert isinstance(it.app.screen, ShutdownScreen)
        assert "Q: close this window" in it.flowing()


async def test_a_window_says_why_it_shows_nothing_new() -> None:
    async with desk(
        None, outside=Outside(window=FakeWindow(note="no console is running on testnet with this config"))
    ) as it:
        assert "THIS WINDOW" in it.text()
        assert "no console is running on testnet" in it.flowing()
