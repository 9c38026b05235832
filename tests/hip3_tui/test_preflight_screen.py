"""The screen before trading begins: what it shows, that nothing begins by accident, and what the operator's answer is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from console_desk import Desk, desk
from msgspec.structs import replace
from textual.widgets import Button, Checkbox, Input

from core.messages.preflight import WORD, Check, FoundOrder, FoundPosition, Go, PreflightReport, Verdict
from core.model.market import MarketKey
from hip3_tui.console import Outside
from hip3_tui.screens.preflight import PreflightScreen
from hip3_tui.screens.trading import TradingScreen

SNDK = MarketKey.parse("xyz:SNDK")
PASSED = tuple(Check(f"check {n}", f"value {n}", f"limit {n}", Verdict.PASS) for n in range(17))
REPORT = PreflightReport(
    at_ms=0,
    network="simulator",
    rules="mainnet",
    place="ws://127.0.0.1:8123/ws",
    account="0x" + "ab" * 20,
    signer="0x" + "cd" * 20,
    config_source="own.toml",
    checks=PASSED,
    word=WORD,
)
FAILED = Check("signer", "role missing", "an agent of the account", Verdict.FAIL, "approve it with the account's key")


@dataclass
class FakePreflight:
    report: PreflightReport | None = None
    is_over: bool = False
    refusal: str = ""
    answers: list[Go] = field(default_factory=list)
    looked_again: int = 0

    def go(self, answer: Go) -> str:
        self.answers.append(answer)
        self.is_over = not self.refusal
        return self.refusal

    def again(self) -> None:
        self.looked_again += 1


@asynccontextmanager
async def at(
    report: PreflightReport | None, size: tuple[int, int] = (120, 40), **more: Any
) -> AsyncIterator[tuple[Desk, FakePreflight]]:
    preflight = FakePreflight(report, **more)
    async with desk(None, size, Outside(preflight=preflight)) as it:
        await it.see()
        yield it, preflight


async def test_while_it_asks_it_says_so_and_only_quit_and_again_are_there() -> None:
    async with at(None) as (it, _):
        assert isinstance(it.app.screen, PreflightScreen)
        assert "Asking the exchange" in it.text()
        assert not it.app.screen.query_one("#go", Button).display


async def test_every_check_with_value_limit_and_verdict() -> None:
    async with at(REPORT) as (it, _):
        text = it.text()
        for n in range(17):
            assert f"check {n} " in text
            assert f"value {n}  (limit {n})" in text
        assert "SIMULATOR" in text
        assert "under mainnet's rules" in text
        assert "REAL MONEY   " not in text, "a rehearsal is no real money"
        assert f"type {WORD} to begin" in text


async def test_on_mainnet_it_says_real_money() -> None:
    async with at(replace(REPORT, network="mainnet", place="wss://api.hyperliquid.xyz/ws")) as (it, _):
        assert " REAL MONEY   wss://api.hyperliquid.xyz/ws" in it.text()


async def test_on_a_small_screen_what_passed_is_named_and_what_did_not_is_told() -> None:
    warned = Check("approval", "ends in 3 h 0 min", "a day or more", Verdict.WARN, "approve a new agent")
    async with at(replace(REPORT, checks=(*PASSED, warned)), (80, 24)) as (it, _):
        assert "ends in 3 h 0 min (a day or more)" in it.flowing()
        assert "-> approve a new agent" in it.flowing()
        assert "check 0, check 1, check 2" in it.flowing()
        assert it.app.screen.query_one("#go", Button).display


async def test_the_word_begins_and_nothing_less_does() -> None:
    async with at(REPORT, refusal="type REAL MONEY to begin") as (it, preflight):
        word = it.app.screen.query_one("#word", Input)
        assert it.app.focused is word
        await it.press(*"nope", "enter")
        assert preflight.answers[-1] == Go("ada", "nope")
        assert "Not begun: type REAL MONEY to begin." in it.text()
        assert word.value == ""
        assert it.app.focused is word
        preflight.refusal = ""
        await it.press(*["space" if c == " " else c for c in WORD], "enter")
        assert preflight.answers[-1] == Go("ada", WORD)
        await it.see()
        assert isinstance(it.app.screen, TradingScreen)


@pytest.mark.parametrize("key", ["enter", "x", "f", "space"])
async def test_no_key_begins_by_accident(key: str) -> None:
    async with at(replace(REPORT, word="")) as (it, preflight):
        assert it.app.focused is not None
        assert it.app.focused.id == "quit"
        await it.press(key)
        assert preflight.answers == []
        assert it.handle.sent == []


async def test_escape_quits_and_begins_nothing() -> None:
    async with at(REPORT) as (it, preflight):
        await it.press("escape")
        assert preflight.answers == []
        assert it.lifecycle.asked == [(0, "ada quit")]


async def test_a_failed_check_leaves_no_way_to_begin() -> None:
    async with at(replace(REPORT, checks=(*PASSED, FAILED))) as (it, preflight):
        assert "FAIL" in it.text()
        assert "-> approve it with the account's key" in it.text()
        assert not it.app.screen.query_one("#go", Button).display
        assert not it.app.screen.query_one("#word", Input).display
        it.app.screen.query_one("#again", Button).press()
        await it.pilot.pause()
        assert preflight.looked_again == 1
        preflight.report = REPORT
        await it.see()
        assert it.app.screen.query_one("#go", Button).display


async def test_orders_and_positions_found_are_listed_and_can_be_left_or_ended() -> None:
    found = replace(
        REPORT,
        checks=PASSED[:5],
        word="",
        orders=(FoundOrder(SNDK, 77, "buy", Decimal("0.5"), Decimal(900), False),),
        positions=(FoundPosition(SNDK, Decimal("-0.02"), Decimal(1700), True),),
    )
    for cancel, close in ((False, False), (True, False), (False, True)):
        async with at(found) as (it, preflight):
            assert "open order 77: xyz:SNDK buy 0.5 @ 900, EXTERNAL" in it.text()
            assert "position xyz:SNDK -0.02 @ 1,700: the engine takes it over and closes it" in it.text()
            it.app.screen.query_one("#cancel", Checkbox).value = cancel
            it.app.screen.query_one("#close", Checkbox).value = close
            it.app.screen.query_one("#go", Button).press()
            await it.pilot.pause()
            assert preflight.answers == [Go("ada", "", cancel_foreign=cancel, close_found=close)]


async def test_what_is_chosen_has_a_cross_and_a_long_remedy_stands_under_itself() -> None:
    long = Check("positions", "2 open", "none", Verdict.WARN, "one to be taken over " * 5 + "or close them")
    orders = (FoundOrder(SNDK, 77, "buy", Decimal("0.5"), Decimal(900), False),)
    async with at(replace(REPORT, checks=(*PASSED[:3], long), word="", orders=orders)) as (it, _):
        rows = it.text().splitlines()
        (first,) = (row.index("->") for row in rows if "-> one to be" in row)
        (last,) = (row.index("or close them") for row in rows if "or close them" in row)
        assert last > first, "not at the margin"
        (before,) = (row for row in rows if "cancel the open orders found" in row)
        it.app.screen.query_one("#cancel", Checkbox).value = True
        await it.pilot.pause()
        (after,) = (row for row in it.text().splitlines() if "cancel the open orders found" in row)
        assert "X" not in before.split("cancel")[0]
        assert "X" in after.split("cancel")[0]


async def test_a_choice_that_is_not_shown_is_none() -> None:
    async with at(replace(REPORT, word="")) as (it, preflight):
        assert not it.app.screen.query_one("#close", Checkbox).display
        it.app.screen.query_one("#close", Checkbox).value = True
        it.app.screen.query_one("#go", Button).press()
        await it.pilot.pause()
        assert preflight.answers == [Go("ada")]


async def test_where_nothing_waits_nothing_is_shown() -> None:
    async with desk(None) as it:
        assert isinstance(it.app.screen, TradingScreen)
