"""The guard at work on a simulated exchange in this process, with heartbeats written by hand."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from account_driver import MARKETS, TestAccount
from test_stop_target import NO_SUCH_PID, beat
from venue_thread import QUIET, VenueThread

from core.config import parse_config
from core.engine.guard_watch import Life
from core.hyperliquid.signing_key import SigningKey
from core.messages.effects import Alert
from core.runtime import guard as guard_module
from core.runtime.clock import SystemClock
from core.runtime.guard import Guard
from core.runtime.heartbeat import Beat, beat_file
from core.runtime.keys import TEST_ADDRESS, TEST_GUARD_KEY, KeyManager
from core.runtime.small_files import replace_file
from core.runtime.stop_record import find_record
from core.runtime.stop_target import Target

SETTINGS = msgspec.structs.replace(QUIET, markets=tuple(coin for dex in MARKETS.values() for coin in dex))
AGENT = SigningKey.from_hex(TEST_GUARD_KEY)


class Desk:
    """A venue with something open, a heartbeat, and a guard."""

    def __init__(self, venue: VenueThread, folder: Path) -> None:
        self.venue = venue
        self.journal = folder / "journal.db"
        self.account = TestAccount(int(venue.url.rsplit(":", 1)[1]))
        venue.control(do="approve_agent", user=TEST_ADDRESS, agent=AGENT.address, name="guard")
        self.said: list[str] = []
        self.alerts: list[Alert] = []
        self.beat: Beat

    def console(self, **fields: Any) -> None:
        """The heartbeat as it stands now."""
        self.beat = beat(self.journal, at_ms=SystemClock().wall_ms(), **{"dexes": ("xyz",), "ticks": 5, **fields})

    def change(self, **fields: Any) -> None:
        self.beat = msgspec.structs.replace(self.beat, **fields)
        replace_file(beat_file(self.journal), self.beat, durable=False)

    def guard(self, *, key: SigningKey = AGENT, max_tries: int | None = None, act_within_ms: int = 10_000) -> Guard:
        text = (
            f'ws_url = "{self.venue.url.replace("http", "ws")}/ws"\ninfo_url = "{self.venue.url}/info"\nmode = "observation"\n'
            f'[[markets]]\ncoin = "xyz:SNDK"\n[execution]\npost_timeout_ms = 100\n[guard]\nact_within_ms = {act_within_ms}\n'
        )
        target = Target(f"{self.venue.url}/info", TEST_ADDRESS, self.journal, None)
        config = parse_config(text, "my.toml")
        return Guard(
            config, target, KeyManager(key), SystemClock(), self.said.append, self.alerts.append, max_tries=max_tries
        )

    def has_said(self, text: str) -> bool:
        return any(text in line for line in self.said)

    def open_on(self, dex: str) -> list[Any]:
        return [p for p in self.venue.control(do="truth")["positions"] if p["dex"] == dex]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(guard_module, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(guard_module, "_BEYOND_EXPIRY_S", 0.1)
    with VenueThread(SETTINGS) as venue:
        yield Desk(venue, tmp_path)


def watch(
    guard: Guard, until: tuple[Life, ...], meanwhile: Callable[[], Coroutine[Any, Any, None]] | None = None
) -> None:
    async def run() -> None:
        stop = asyncio.Event()
        others = asyncio.create_task(meanwhile()) if meanwhile else None
        async with asyncio.timeout(30):
            await guard.watch(stop, until)
        if others is not None:
            await others

    asyncio.run(run())


def test_a_dead_console_is_dealt_with_on_its_own_dexes_alone(desk: Desk) -> None:
    desk.account.hold("xyz:SNDK")
    desk.account.hold("BTC")
    desk.account.rest("xyz:NVDA", 2)
    desk.account.rest("ETH", 2)
    desk.console(pid=NO_SUCH_PID)
    watch(desk.guard(), (Life.HANDLED,))
    assert desk.open_on("xyz") == []
    assert len(desk.open_on("")) == 1
    assert {o["coin"] for o in desk.account.open_orders()} == {"ETH"}
    record = find_record(desk.journal)
    assert record is not None
    assert record.text.startswith("the console died (hip3-tui guard): flat and no open order")
    assert [a.title for a in desk.alerts] == ["the console died", "dealt with: the console died"]


def test_it_remembers_on_the_disk_what_it_dealt_with(desk: Desk) -> None:
    desk.console(pid=NO_SUCH_PID)
    watch(desk.guard(), (Life.HANDLED,))
    desk.account.hold("xyz:SNDK")
    watch(desk.guard(), (Life.HANDLED,))
    assert len(desk.open_on("xyz")) == 1, "what came after it is not the guard's to close"


def test_nothing_open_leaves_no_record(desk: Desk) -> None:
    desk.console(pid=NO_SUCH_PID)
    watch(desk.guard(), (Life.HANDLED,))
    assert find_record(desk.journal) is None
    assert desk.has_said("nothing was open")


def test_an_order_that_arrives_after_the_death_is_found_by_the_second_look(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_module, "_BEYOND_EXPIRY_S", 4.0)
    desk.console(pid=NO_SUCH_PID)

    async def late_fill() -> None:
        while not desk.has_said("flat and no open order, confirmed"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await asyncio.to_thread(desk.account.hold, "xyz:SNDK")

    watch(desk.guard(), (Life.HANDLED,), late_fill)
    assert desk.open_on("xyz") == []
    assert find_record(desk.journal) is not None


def test_a_console_that_comes_back_and_is_latched_is_left_to_itself(desk: Desk) -> None:
    desk.account.hold("xyz:SNDK")
    desk.venue.control(do="fault", name="halt", coin="xyz:SNDK")
    desk.console(pid=NO_SUCH_PID)

    async def comes_back() -> None:
        while not desk.has_said("close sell"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        desk.change(pid=os.getpid(), ticks=50)
        await asyncio.sleep(0.5)
        assert not desk.has_said("stands back"), "not as long as it is not latched"
        desk.change(ticks=60, latched=True)

    watch(desk.guard(), (Life.ALIVE,), comes_back)
    assert desk.has_said("guard stands back")
    assert len(desk.open_on("xyz")) == 1


def test_what_cannot_be_closed_is_told_and_begun_anew(desk: Desk) -> None:
    desk.account.hold("xyz:SNDK")
    desk.venue.control(do="fault", name="halt", coin="xyz:SNDK")
    desk.console(pid=NO_SUCH_PID)
    guard = desk.guard(max_tries=2)
    guard._config = msgspec.structs.replace(
        guard._config, guard=msgspec.structs.replace(guard._config.guard, act_within_ms=1_000)
    )
    watch(guard, (Life.HANDLED,))
    titles = [a.title for a in desk.alerts]
    assert titles.count("guard: NOT CONFIRMED flat") == 2
    record = find_record(desk.journal)
    assert record is not None
    assert "NOT CONFIRMED" in record.outcome


def test_an_end_that_was_not_flat_is_dealt_with(desk: Desk) -> None:
    desk.account.hold("xyz:SNDK")
    desk.console(ended=True, confirmed=False, text="NOT CONFIRMED after 15 s")
    watch(desk.guard(), (Life.HANDLED,))
    assert desk.open_on("xyz") == []
    record = find_record(desk.journal)
    assert record is not None
    assert "ended without being flat: NOT CONFIRMED after 15 s" in record.reason


def test_a_living_console_is_left_alone(desk: Desk) -> None:
    desk.account.hold("xyz:SNDK")
    desk.console()

    async def beats() -> None:
        for ticks in range(10, 40):
            desk.change(ticks=ticks)
            await asyncio.sleep(0.05)
        desk.change(ended=True, confirmed=True)

    watch(desk.guard(), (Life.QUIET,), beats)
    assert len(desk.open_on("xyz")) == 1
    assert not desk.has_said("died")


def test_an_observers_death_is_nobodys_business(desk: Desk) -> None:
    desk.account.hold("xyz:SNDK")
    desk.console(pid=NO_SUCH_PID, trades=False)
    watch(desk.guard(), (Life.QUIET,))
    assert len(desk.open_on("xyz")) == 1


async def test_whether_it_could_act(desk: Desk) -> None:
    assert await desk.guard().probe() == ""
    stranger = desk.guard(key=SigningKey.from_hex("0x" + "44" * 32))
    assert "is no agent of account" in await stranger.probe()
    assert await stranger.probe() != ""
    assert [a.title for a in desk.alerts] == ["guard cannot act"], "told once"
    desk.venue.control(do="approve_agent", user=TEST_ADDRESS, agent=stranger._keys.address, name="two")
    assert await stranger.probe() == ""
    assert desk.alerts[-1].title == "guard can act again"


async def test_an_exchange_that_does_not_answer_is_told(desk: Desk) -> None:
    desk.venue.control(do="fault", name="info_down", for_ms=60_000)
    assert "cannot be asked" in await desk.guard().probe()
    assert desk.alerts[0].title == "guard cannot act"
