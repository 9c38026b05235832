"""The decision at a checkpoint: its numbers, the plan's words, and a command only with a reason."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import snapshots_for_tests as made
from console_desk import desk
from msgspec.structs import replace
from textual.widgets import Button, Input

from core.messages.commands import DecideCheckpoint
from core.messages.snapshot import CheckpointView, Snapshot
from hip3_tui.screens.checkpoint import CheckpointScreen
from hip3_tui.screens.trading import TradingScreen

VIEW = CheckpointView(
    reached=10,
    is_stopped=False,
    next=10,
    max_trades=100,
    opened=10,
    trades=10,
    wins=4,
    pnl_usd=Decimal("-1.25"),
    fill_rate=Decimal("0.83"),
    edge_bps=Decimal("3.21"),
    slippage_bps=None,
)


def at_checkpoint(**changes: Any) -> Snapshot:
    return replace(made.snapshot(), checkpoint=replace(VIEW, **changes))


async def test_the_numbers_and_what_the_plan_asks_of_them() -> None:
    async with desk(at_checkpoint(), (120, 40)) as it:
        await it.press("n")
        assert isinstance(it.app.screen, CheckpointScreen)
        text = it.flowing()
        for words in (
            "CHECKPOINT 10",
            "10 of 100, 4 won",
            "1.25",
            "83 %",
            "+3.2 bps",
            "not known",
            "slippage < 20 bps",
        ):
            assert words in text, words


@pytest.mark.parametrize(("button", "go_on"), [("go", True), ("stop", False)])
async def test_a_decision_is_sent_with_its_reason(button: str, go_on: bool) -> None:
    async with desk(at_checkpoint()) as it:
        await it.press("n")
        it.app.screen.query_one("#reason", Input).value = " fills look right "
        it.app.screen.query_one(f"#{button}", Button).press()
        await it.pilot.pause()
        assert it.handle.sent == [
            DecideCheckpoint(command_id="c-1", who="ada", trades=10, go_on=go_on, reason="fills look right")
        ]


async def test_without_a_reason_nothing_is_sent() -> None:
    async with desk(at_checkpoint()) as it:
        await it.press("n")
        it.app.screen.query_one("#go", Button).press()
        await it.pilot.pause()
        assert it.handle.sent == []
        assert "Say why" in it.text()


async def test_later_decides_nothing() -> None:
    async with desk(at_checkpoint()) as it:
        await it.press("n", "escape")
        assert it.handle.sent == []
        assert isinstance(it.app.screen, TradingScreen)


async def test_a_decision_to_stop_can_be_taken_back_and_says_so() -> None:
    async with desk(at_checkpoint(is_stopped=True)) as it:
        await it.press("n")
        assert "it was decided to stop here; going on takes that back" in it.flowing()


@pytest.mark.parametrize("snapshot", [made.snapshot(), at_checkpoint(reached=None)])
async def test_where_none_waits_the_key_says_so(snapshot: Snapshot) -> None:
    async with desk(snapshot) as it:
        await it.press("n")
        assert isinstance(it.app.screen, TradingScreen)
        assert any("No checkpoint waits" in toast for toast in it.toasts)
