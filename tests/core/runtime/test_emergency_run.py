"""The emergency against our simulated exchange in this process, and whose account the key acts for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from account_driver import MARKETS, TestAccount
from venue_thread import QUIET, VenueThread

from core.engine.emergency import EmergencyStop
from core.engine.emergency_nonces import EmergencyNonces
from core.hyperliquid.signing_key import SigningKey
from core.model.cloid import CloidMaker
from core.runtime.clock import SystemClock
from core.runtime.emergency_run import Emergency, EmergencyResult
from core.runtime.keys import TEST_ADDRESS, TEST_KEY, KeyManager
from core.runtime.venue_http import VenueHttp

AGENT = "0x" + "22" * 32
SETTINGS = msgspec.structs.replace(QUIET, markets=tuple(coin for dex in MARKETS.values() for coin in dex))


class Run:
    """One emergency, and what it said."""

    def __init__(self, venue: VenueThread) -> None:
        self.venue = venue
        self.said: list[str] = []

    def stop(
        self, account: str = TEST_ADDRESS, key: str = TEST_KEY, within_s: float = 20, may_send: Any = None
    ) -> EmergencyResult:
        async def run() -> EmergencyResult:
            clock = SystemClock()
            async with VenueHttp(f"{self.venue.url}/info", clock) as http:
                emergency = Emergency(
                    EmergencyStop(("",), CloidMaker(1), every_dex=True),
                    http,
                    KeyManager(SigningKey.from_hex(key)),
                    account,
                    EmergencyNonces(0, clock.now_ms()),
                    clock,
                    self.said.append,
                    is_mainnet_signature=False,
                )
                return await emergency.run(within_s, may_send() if may_send else None)

        return asyncio.run(run())

    def truth(self) -> tuple[list[Any], list[Any]]:
        truth = self.venue.control(do="truth")
        return truth["positions"], truth["openOrders"]


@pytest.fixture
def run() -> Iterator[Run]:
    with VenueThread(SETTINGS) as venue:
        yield Run(venue)


def account_on(run: Run) -> TestAccount:
    account = TestAccount(int(run.venue.url.rsplit(":", 1)[1]))
    account.fill_up(4, 12)
    return account


def test_flat_and_said_so(run: Run) -> None:
    account_on(run)
    result = run.stop()
    assert result.confirmed
    assert result.left == ()
    assert (result.exits_sent, result.cancels_sent, result.was_open) == (4, 12, True)
    assert result.flat_after_s is not None
    assert result.flat_after_s + 2 <= result.seconds
    assert run.truth() == ([], [])


def test_nothing_is_sent_before_it_may(run: Run) -> None:
    account_on(run)
    seen: list[int] = []

    async def console() -> None:
        await asyncio.sleep(0.5)
        seen.append(len(run.truth()[0]))

    assert run.stop(may_send=console).confirmed
    assert seen == [4]


def test_an_agent_acts_for_its_master(run: Run) -> None:
    account_on(run)
    run.venue.control(do="approve_agent", user=TEST_ADDRESS, agent=SigningKey.from_hex(AGENT).address)
    assert run.stop(key=AGENT).confirmed
    assert run.truth() == ([], [])


def test_l16_an_agents_address_as_account_is_seen_through(run: Run) -> None:
    account_on(run)
    agent = SigningKey.from_hex(AGENT).address
    run.venue.control(do="approve_agent", user=TEST_ADDRESS, agent=agent)
    assert run.stop(account=agent, key=AGENT).confirmed
    assert run.truth() == ([], [])
    assert any("is an agent of" in text for text in run.said)


def test_a_sub_account_is_named_in_what_is_sent_and_its_master_left_alone(run: Run) -> None:
    master = account_on(run)
    sub = master.answer_to({"type": "createSubAccount", "name": "sub"})["data"]
    master.act({"type": "subAccountTransfer", "subAccountUser": sub, "isDeposit": True, "usd": 200_000_000})
    inside = TestAccount(master.port, account=sub)
    inside.vault = sub
    inside.hold("BTC")
    inside.rest("ETH", 2)
    assert run.stop(account=sub).confirmed
    positions, orders = run.truth()
    assert {p["user"] for p in positions} == {TEST_ADDRESS}
    assert (len(positions), len(orders)) == (4, 12)
    assert any("subAccount" in text for text in run.said)


def test_an_account_that_nobody_knows_is_not_flat(run: Run) -> None:
    result = run.stop(account="0x" + "ab" * 20)
    assert not result.confirmed
    assert "knows no account" in result.left[0].trouble


def test_the_time_is_over(run: Run) -> None:
    account_on(run)
    run.venue.control(do="fault", name="info_down", for_ms=60_000)
    result = run.stop(within_s=1.5)
    assert not result.confirmed
    assert 1.4 < result.seconds < 4
    assert result.left
    assert any("taken for an account of its own" in text for text in run.said)
