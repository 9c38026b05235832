"""The first page: once, in nobody's way, never before an alarm."""

from __future__ import annotations

from pathlib import Path

import pytest
import snapshots_for_tests as made
from console_desk import desk

from core.messages.commands import FlattenAll, TripHardStop
from hip3_tui.commands.beside import GREETING, first_greeting
from hip3_tui.console import Outside
from hip3_tui.screens.greeting import GreetingScreen
from hip3_tui.screens.help import HelpScreen
from hip3_tui.screens.trading import TradingScreen


class Memory:
    def __init__(self) -> None:
        self.greeted = 0

    def __call__(self) -> None:
        self.greeted += 1


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_it_greets_and_any_key_goes_on(size: tuple[int, int]) -> None:
    memory = Memory()
    async with desk(made.snapshot(), size, Outside(greeted=memory)) as it:
        assert isinstance(it.app.screen, GreetingScreen)
        for words in ("nothing here is real money", "stop everything now", "any key: go on"):
            assert words in it.flowing()
        assert memory.greeted == 0
        await it.press("space")
        assert isinstance(it.app.screen, TradingScreen)
        assert memory.greeted == 1


@pytest.mark.parametrize(("key", "command"), [("x", TripHardStop), ("f", FlattenAll)])
async def test_the_first_key_does_what_it_does(key: str, command: type) -> None:
    async with desk(made.snapshot(), outside=Outside(greeted=Memory())) as it:
        await it.press(key)
        await it.until(lambda: it.handle.sent, "the command")
        assert isinstance(it.handle.sent[0], command)
        assert not isinstance(it.app.screen, GreetingScreen)


async def test_a_key_that_opens_something_opens_it() -> None:
    async with desk(made.snapshot(), outside=Outside(greeted=Memory())) as it:
        await it.press("question_mark")
        await it.until(lambda: isinstance(it.app.screen, HelpScreen), "the help")


async def test_it_does_not_stay_before_an_alarm() -> None:
    memory = Memory()
    async with desk(made.snapshot(), outside=Outside(greeted=memory)) as it:
        await it.see(made.hard_stopped())
        assert isinstance(it.app.screen, TradingScreen)
        assert memory.greeted == 1


@pytest.mark.parametrize(
    ("network", "words"), [("mainnet", "REAL MONEY"), ("testnet", "play money on Hyperliquid's testnet")]
)
async def test_it_says_whose_money_it_is(network: str, words: str) -> None:
    snapshot = made.snapshot(run=made.run_info(network=network))
    async with desk(snapshot, outside=Outside(greeted=Memory())) as it:
        await it.read(words)


async def test_nobody_else_is_greeted() -> None:
    async with desk(made.snapshot()) as it:
        assert isinstance(it.app.screen, TradingScreen)


def test_it_is_remembered_and_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GREETING, raising=False)
    remember = first_greeting(tmp_path / "state")
    assert remember is not None
    assert first_greeting(tmp_path / "state") is not None
    remember()
    assert first_greeting(tmp_path / "state") is None
    monkeypatch.setenv(GREETING, "off")
    assert first_greeting(tmp_path / "other") is None
