"""Preflight against the simulated exchange over real sockets: everything it refuses is tried, and the word it waits for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from real_rules import Rehearsal, venue_under
from venue_thread import VenueThread

from core.config import ConfigError, Network
from core.messages.preflight import WORD, Go, PreflightReport, Verdict
from core.runtime.account_lock import AccountLock
from core.runtime.clock import SystemClock
from core.runtime.config_file import load_config
from core.runtime.keys import TEST_ADDRESS
from core.runtime.preflight import OurSide, ParameterFile, PreflightDesk
from core.runtime.preflight_program import lines_of, look_at_journal, preflight_once


@pytest.fixture
def venue() -> Iterator[VenueThread]:
    with venue_under(Network.MAINNET) as running:
        yield running


@pytest.fixture
def rehearsal(venue: VenueThread, tmp_path: Path) -> Rehearsal:
    return Rehearsal(venue, tmp_path)


def looked(rehearsal: Rehearsal) -> PreflightReport:
    return preflight_once(load_config(rehearsal.config), str(rehearsal.config), rehearsal.state)


def failed(rehearsal: Rehearsal) -> dict[str, str]:
    report = looked(rehearsal)
    assert not report.may_begin
    return {c.name: c.value for c in report.failed}


def looked_until(rehearsal: Rehearsal, name: str, verdict: Verdict) -> str:
    """What a check says once the exchange has taken over what it was asked for, which takes it a block."""
    for _ in range(40):
        report = looked(rehearsal)
        (check,) = [c for c in report.checks if c.name == name]
        if check.verdict is verdict:
            return check.value
    raise AssertionError(f"{name} never came to {verdict}: {check}")


# --- what passes, what is told ---------------------------------------------------------------------------------------------


def test_a_fresh_agent_of_a_funded_account_may_begin(rehearsal: Rehearsal) -> None:
    report = looked(rehearsal)
    assert report.may_begin, report.failed
    assert (report.network, report.rules, report.word) == ("simulator", "mainnet", WORD)
    assert (report.account, report.signer) == (TEST_ADDRESS, rehearsal.agent)
    by_name = {c.name: c for c in report.checks}
    assert by_name["market xyz:SNDK"].value.startswith("id 110016, szDecimals 3")
    assert by_name["approval"].verdict is Verdict.PASS
    assert by_name["leverage xyz:SNDK"].value.split()[0] in ("cross", "isolated")
    text = "\n".join(lines_of(report))
    assert "under mainnet's rules" in text
    assert rehearsal.key.read_text() not in text


def test_testnets_rules_ask_for_no_word(tmp_path: Path) -> None:
    with venue_under(Network.TESTNET) as venue:
        report = looked(Rehearsal(venue, tmp_path, Network.TESTNET))
    assert report.may_begin, report.failed
    assert (report.rules, report.word) == ("testnet", "")


def test_open_orders_of_others_are_told_one_by_one(rehearsal: Rehearsal) -> None:
    oid = rehearsal.rest_a_foreign_order()
    report = looked(rehearsal)
    assert report.may_begin
    assert [(o.oid, o.is_ours) for o in report.orders] == [(oid, False)]
    assert "open orders" in {c.name for c in report.warned}
    assert f"open order {oid}: xyz:SNDK buy 0.05 @ 900.0, EXTERNAL" in "\n".join(lines_of(report))


# --- what is refused, each tried ---------------------------------------------------------------------------------------------


def test_a_key_that_nobody_approved(venue: VenueThread, tmp_path: Path) -> None:
    assert "not known to the exchange" in failed(Rehearsal(venue, tmp_path, approved=False))["signer"]


def test_an_approval_that_has_ended(rehearsal: Rehearsal) -> None:
    rehearsal.venue.control(do="fault", name="expire_agent")
    assert "not known to the exchange" in looked_until(rehearsal, "signer", Verdict.FAIL)


def test_an_agents_address_as_account(rehearsal: Rehearsal) -> None:
    rehearsal.write(TEST_ADDRESS, rehearsal.agent)
    assert "is an agent's address" in failed(rehearsal)["account"]


def test_a_pinned_id_of_another_market(rehearsal: Rehearsal) -> None:
    rehearsal.write("asset_idx = 110016", "asset_idx = 110028")
    assert failed(rehearsal)["market xyz:SNDK"] == "is 110016; 110028 is xyz:BABA"


def test_a_market_that_is_delisted(rehearsal: Rehearsal) -> None:
    rehearsal.venue.control(do="fault", name="change_spec", coin="xyz:SNDK", changes={"is_delisted": True})
    assert looked_until(rehearsal, "market xyz:SNDK", Verdict.FAIL) == "delisted"


def test_a_market_that_is_not_there(rehearsal: Rehearsal) -> None:
    path = rehearsal.write("xyz:SNDK", "xyz:NOPE")
    assert path.exists()
    assert failed(rehearsal)["market xyz:NOPE"] == "not listed on xyz"


@pytest.mark.parametrize(("fault", "verdict"), [("clock_ahead", "FAIL"), ("clock_behind", "FAIL")])
def test_a_clock_that_is_off(rehearsal: Rehearsal, fault: str, verdict: str) -> None:
    rehearsal.venue.control(do="fault", name=fault, ms=9_000)
    assert "ms from the exchange's" in failed(rehearsal)["clock"]


def test_a_request_budget_that_is_used_up(rehearsal: Rehearsal) -> None:
    rehearsal.venue.control(do="fault", name="rate_limited")
    assert "left of" in failed(rehearsal)["action budget"]


def test_an_account_without_money(rehearsal: Rehearsal) -> None:
    rehearsal.write("max_notional_usd = 50", "max_notional_usd = 900000")
    rehearsal.write("max_notional_per_market = 50", "max_notional_per_market = 900000")
    text = rehearsal.config.read_text().replace("max_notional_total = 50", "max_notional_total = 900000")
    rehearsal.config.write_text(text.replace("max_notional_usd = 50", "max_notional_usd = 900000"))
    assert "$1000.00 free" in failed(rehearsal)["margin xyz"]


def test_an_exchange_that_does_not_answer(rehearsal: Rehearsal) -> None:
    rehearsal.venue.control(do="fault", name="info_down")
    told = failed(rehearsal)
    assert {"market xyz:SNDK", "margin xyz", "account", "signer", "clock", "fees", "open orders", "positions"} <= set(
        told
    )
    assert all("HTTP 502" in value for name, value in told.items() if name != "leverage xyz:SNDK")


def test_an_exchange_that_is_not_there_is_named_by_its_place(rehearsal: Rehearsal) -> None:
    port = urlsplit(rehearsal.venue.url).port
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        other = free.getsockname()[1]
    rehearsal.config.write_text(rehearsal.config.read_text().replace(f":{port}/", f":{other}/"))
    assert failed(rehearsal) == {"exchange": f"nothing could be read: cannot connect to 127.0.0.1:{other}"}


def test_an_address_that_has_asked_too_much_is_told_to_wait(tmp_path: Path) -> None:
    with venue_under(Network.MAINNET, ip_limits=True) as venue:
        rehearsal = Rehearsal(venue, tmp_path)
        for _ in range(6):
            report = looked(rehearsal)
            if not report.may_begin:
                break
    told = {c.value: c.remedy for c in report.failed}
    assert not any(c.name == "exchange" for c in report.checks), "it has said nothing special, it has said nothing"
    assert told == {"not read: HTTP 429: the 1200 that one address may ask in a minute are used up": "wait a minute"}


def test_a_second_console(rehearsal: Rehearsal) -> None:
    config = load_config(rehearsal.config)
    lock = AccountLock.take(config, TEST_ADDRESS, rehearsal.agent, 1_705_054_000_000, state=rehearsal.state)
    try:
        assert failed(rehearsal)["console"].startswith("console, process ")
    finally:
        lock.release()
    assert looked(rehearsal).may_begin


def test_a_key_file_that_everybody_can_read(rehearsal: Rehearsal) -> None:
    rehearsal.key.chmod(0o644)
    assert "can be read by everybody (mode 0644)" in failed(rehearsal)["key"]


def test_a_journal_that_cannot_be_read_and_a_latch_in_one_that_can(rehearsal: Rehearsal) -> None:
    import sqlite3

    folder = rehearsal.state / "simulator" / TEST_ADDRESS
    folder.mkdir(parents=True)
    (folder / "journal.db").write_text("this is no journal")
    assert "not a database" in failed(rehearsal)["journal"]
    (folder / "journal.db").unlink()
    with sqlite3.connect(folder / "journal.db") as db:
        db.execute("CREATE TABLE latch (id INTEGER, tripped_at_ms INTEGER, reason TEXT)")
        db.execute("INSERT INTO latch VALUES (1, 5, '6 losses in a row > 5')")
    assert look_at_journal(folder / "journal.db") == ("", "6 losses in a row > 5")
    assert "hard stop" in {c.name for c in looked(rehearsal).warned}


def test_parameters_that_changed_since_the_last_run(rehearsal: Rehearsal) -> None:
    from core.messages.events import SpecsRead

    report = looked(rehearsal)
    (seen,) = [c for c in report.checks if c.name == "parameters xyz:SNDK"]
    assert seen.value == "seen for the first time"
    config = load_config(rehearsal.config)
    journal = rehearsal.state / "simulator" / TEST_ADDRESS / "journal.db"

    async def specs() -> Any:
        from core.runtime.preflight import read_facts

        facts = await read_facts(config, TEST_ADDRESS, rehearsal.agent, OurSide(journal=journal), SystemClock())
        return facts.specs

    read = asyncio.run(specs())
    assert isinstance(read["xyz"], SpecsRead)
    ParameterFile(journal).save(read, frozenset(m.key for m in config.markets))
    assert [c.value for c in looked(rehearsal).checks if c.name == "parameters xyz:SNDK"] == ["unchanged"]
    rehearsal.venue.control(do="fault", name="change_spec", coin="xyz:SNDK", changes={"max_leverage": 5})
    assert looked_until(rehearsal, "parameters xyz:SNDK", Verdict.WARN) == "max_leverage 10 -> 5"


def test_a_config_with_nobody_to_ask(tmp_path: Path) -> None:
    sim = Path(__file__).parents[3] / "config" / "sim.toml"
    with pytest.raises(ConfigError, match="starts a simulator of its own"):
        preflight_once(load_config(sim), "sim.toml", tmp_path)
    mainnet = sim.with_name("mainnet_micro.toml")
    with pytest.raises(ConfigError, match="still the placeholder"):
        preflight_once(load_config(mainnet), "mainnet_micro.toml", tmp_path)


# --- the word --------------------------------------------------------------------------------------------------------------


async def until_reported(
    desk: PreflightDesk, holds: Callable[[PreflightReport], bool] = lambda report: True
) -> PreflightReport:
    for _ in range(1_000):
        if desk.report is not None and holds(desk.report):
            return desk.report
        await asyncio.sleep(0.01)
    raise AssertionError("no report within 10 s")


async def test_nothing_begins_without_the_word_and_a_failed_check_takes_none(rehearsal: Rehearsal) -> None:
    config = load_config(rehearsal.config)
    ours = OurSide(journal=rehearsal.folder / "journal.db")
    desk = PreflightDesk(config, "own.toml", TEST_ADDRESS, rehearsal.agent, ours, SystemClock())
    assert desk.go(Go("ada", WORD)) == "still reading"
    stop = asyncio.Event()
    rehearsal.venue.control(do="fault", name="rate_limited")
    running = asyncio.create_task(desk.run(config, stop))
    await until_reported(desk)
    said = desk.go(Go("ada", WORD))
    assert said.startswith("1 checks failed: action budget; action budget: ")
    assert said.endswith(" -> it grows by one for each USD traded"), (
        "what and what to do, where no screen shows the checks"
    )
    rehearsal.venue.control(do="clear_faults")
    desk.again()
    await until_reported(desk, lambda report: report.may_begin)
    for wrong in ("", "real money", "YES"):
        assert desk.go(Go("ada", wrong)) == f"type {WORD} to begin"
    assert not desk.is_over
    assert not running.done()
    assert desk.go(Go("ada", f" {WORD} ", cancel_foreign=True)) == ""
    answered = await asyncio.wait_for(running, 5)
    assert answered is not None
    assert answered[1].cancel_foreign
    assert desk.is_over
    kinds = sorted(type(e).__name__ for e in desk.still_true())
    assert kinds == ["AgentsRead", "FeesRead", "RateLimitRead", "RoleRead", "RoleRead"], (
        "the dear ones, not asked twice"
    )
    assert desk.weights.used(SystemClock().now_ms()) > 400, "the engine's first minute knows what was asked"


async def test_a_stop_while_it_waits_begins_nothing(rehearsal: Rehearsal) -> None:
    config = load_config(rehearsal.config)
    ours = OurSide(journal=rehearsal.folder / "journal.db")
    desk = PreflightDesk(config, "own.toml", TEST_ADDRESS, rehearsal.agent, ours, SystemClock())
    stop = asyncio.Event()
    running = asyncio.create_task(desk.run(config, stop))
    await until_reported(desk)
    stop.set()
    assert await asyncio.wait_for(running, 5) is None
