"""The simulator's room through its keys, and the networks on which there is none."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest
import snapshots_for_tests as made
from console_desk import desk
from textual.widgets import Input

from core.messages.commands import TripHardStop
from core.messages.simulator import FaultInfo, FaultInForce, FaultSetting, SimulatorError
from hip3_tui.console import Outside
from hip3_tui.screens.help import HelpScreen
from hip3_tui.screens.simulator import SimulatorScreen
from hip3_tui.screens.trading import TradingScreen

FAULTS = (
    FaultInfo("lose_reply", "on the way", "an action is executed, its reply is lost", "once", (FaultSetting("count", "how often", ""),)),
    FaultInfo("late_reply", "on the way", "a reply comes `ms` later", "once", (FaultSetting("ms", "the time", "1000"),)),
    FaultInfo("halt", "markets", "nothing trades", "until cleared, no count", ()),
)  # fmt: skip


@dataclass
class FakeSimulator:
    force: tuple[FaultInForce, ...] = ()
    error: str = ""
    done: list[tuple[object, ...]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def faults(self) -> tuple[FaultInfo, ...]:
        return FAULTS

    def in_force(self) -> tuple[FaultInForce, ...]:
        self.threads.add(threading.current_thread().name)
        return self.force

    def strike(self, name: str, settings: str) -> None:
        self._note("strike", name, settings)

    def clear_faults(self) -> None:
        self._note("clear")

    def drop_connections(self) -> int:
        self._note("drop")
        return 2

    def jump_oracle(self, coin: str, bps: int) -> None:
        self._note("jump", coin, bps)

    def release(self, coin: str) -> None:
        self._note("release", coin)

    def _note(self, *what: object) -> None:
        self.threads.add(threading.current_thread().name)
        if self.error:
            raise SimulatorError(self.error)
        self.done.append(what)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_every_fault_is_there_with_what_it_does(size: tuple[int, int]) -> None:
    async with desk(made.snapshot(), size, Outside(simulator=FakeSimulator())) as it:
        await it.press("i")
        assert isinstance(it.app.screen, SimulatorScreen)
        text = it.flowing()
        for words in ("lose_reply", "its reply is lost", "halt", "settings: count", "in force: nothing", "xyz:SNDK"):
            assert words in text
        await it.press("down")
        assert "settings: ms=1000" in it.flowing()
        await it.press("escape")
        assert isinstance(it.app.screen, TradingScreen)


async def test_its_keys_ask_the_exchange_in_a_thread_of_their_own() -> None:
    fake = FakeSimulator(force=(FaultInForce("lose_reply", 2, None), FaultInForce("halt", None, made.T0 + 9_000)))
    async with desk(made.snapshot(), (120, 40), Outside(simulator=fake)) as it:
        await it.press("i")
        await it.read("in force: lose_reply (2 left), halt (")
        for key, words, done in (
            ("1", "2 connections dropped", ("drop",)),
            ("2", "the oracle of xyz:SNDK is +100 bps off its book", ("jump", "xyz:SNDK", 100)),
            ("3", "-100 bps off", ("jump", "xyz:SNDK", -100)),
            ("4", "xyz:SNDK moves by itself again", ("release", "xyz:SNDK")),
            ("0", "every fault is cleared", ("clear",)),
            ("enter", "lose_reply is on its way", ("strike", "lose_reply", "")),
        ):
            await it.press(key)
            await it.read(words)
            assert fake.done[-1] == done
        await it.press("right", "2")
        await it.until(lambda: fake.done[-1] == ("jump", "xyz:NVDA", 100), "the next market")
        assert fake.threads == {"FAULTS errand"}


async def test_settings_are_typed_and_a_refusal_is_told() -> None:
    fake = FakeSimulator()
    async with desk(made.snapshot(), (120, 40), Outside(simulator=fake)) as it:
        await it.press("i", "down", "tab")
        assert isinstance(it.app.focused, Input)
        await it.press(*"ms=500", "enter")
        await it.read("late_reply with ms=500 is on its way")
        assert fake.done == [("strike", "late_reply", "ms=500")]
        fake.error = "late_reply: mss: expected ms"
        await it.press("enter")
        await it.read("late_reply: mss: expected ms")
        await it.press("escape", "x")
        assert isinstance(it.handle.sent[0], TripHardStop)


@pytest.mark.parametrize("network", ["mainnet", "testnet"])
async def test_on_any_other_network_the_key_does_not_exist(network: str) -> None:
    snapshot = made.snapshot(run=made.run_info(network=network))
    async with desk(snapshot, (120, 40), Outside(simulator=FakeSimulator())) as it:
        await it.press("i")
        assert isinstance(it.app.screen, TradingScreen)
        assert it.toasts == []
        titles = [command.title for command in it.app.get_system_commands(it.app.screen)]
        assert not any("Simulator" in title for title in titles)
        await it.press("question_mark")
        assert isinstance(it.app.screen, HelpScreen)
        assert not any("Simulator" in words for line in it.app.screen.body(it.app.look()) for words, _ in line)


async def test_nor_without_a_hand_on_the_simulator() -> None:
    async with desk(made.snapshot(), outside=Outside()) as it:
        await it.press("i")
        assert isinstance(it.app.screen, TradingScreen)
        assert it.toasts == []
