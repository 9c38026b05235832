"""The emergency stop's edges: the key, the console's moment, the journal's nonces, the words of the verdict."""

from __future__ import annotations

import asyncio
import os
import threading
from decimal import Decimal as D
from pathlib import Path

import msgspec
import pytest
from test_stop_target import beat, config

from core.config import ConfigError, parse_config
from core.engine.emergency_dex import Left
from core.messages.effects import PostRow
from core.messages.events import OrderReport, VenuePosition
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus
from core.runtime import stop_program as stop_program_module
from core.runtime.clock import ManualClock, SystemClock
from core.runtime.emergency_run import EmergencyResult
from core.runtime.heartbeat import beat_file
from core.runtime.journal import Journal
from core.runtime.keys import TEST_ADDRESS
from core.runtime.small_files import replace_file
from core.runtime.stop_program import (
    StopOrder,
    await_console,
    both,
    highest_nonce,
    leave,
    left_text,
    on_its_way_s,
    outcome_of,
    run_stop,
    verdict,
)
from core.runtime.stop_record import StopRecord, find_record
from core.runtime.stop_target import Target

SNDK = MarketKey("xyz", "SNDK")
RECORD = StopRecord("1-2", 1_000, "hip3-tui stop", "emergency stop")
FLAT = EmergencyResult(True, (), True, 2, 30, 4.3, 1.95)
ORDER = OrderReport(SNDK, 1, None, OrderSide.BUY, D(1), D(1), D(1), False, OrderStatus.OPEN, "open", 1, 1)
LEFT = Left("xyz", (VenuePosition(SNDK, D("0.05"), D(1), D(1), D(0)),), (ORDER,), "positions: HTTP 502")


def test_refused_without_a_signer() -> None:
    with pytest.raises(ConfigError, match=r"my\.toml: signer: missing"):
        run_stop(StopOrder(config(), "my.toml", 5))


def test_refused_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    text = 'ws_url = "ws://127.0.0.1:9/ws"\ninfo_url = "http://127.0.0.1:9/info"\nmode = "observation"\n'
    text += '[[markets]]\ncoin = "BTC"\n[signer]\nkey_source = { type = "env_var", var_name = "NO_SUCH_KEY" }\n'
    with pytest.raises(ConfigError, match="NO_SUCH_KEY is not set"):
        run_stop(StopOrder(parse_config(text, "my.toml"), "my.toml", 5))


async def test_a_record_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "file").write_text("")
    await leave(tmp_path / "file" / "journal.db", RECORD, said.append)
    assert "could not be written" in said[0]


async def test_a_disk_that_does_not_answer_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()
    monkeypatch.setattr(stop_program_module, "_DISK_WITHIN_S", 0.1)
    monkeypatch.setattr(stop_program_module, "leave_record", lambda journal, record: answer.wait(10))
    said: list[str] = []
    await leave(tmp_path / "journal.db", RECORD, said.append)
    answer.set()
    assert "the disk does not answer" in said[0]


async def test_the_record_is_on_the_disk_first(tmp_path: Path) -> None:
    said: list[str] = []
    await leave(tmp_path / "journal.db", RECORD, said.append)
    assert find_record(tmp_path / "journal.db") == RECORD
    assert "record left" in said[0]


async def test_a_console_that_answers_is_waited_for(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    running = beat(journal)
    said: list[str] = []
    target = Target("http://127.0.0.1:1/info", TEST_ADDRESS, journal, running)
    waiting = asyncio.create_task(await_console(target, RECORD.id, SystemClock(), said.append))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    replace_file(beat_file(journal), msgspec.structs.replace(running, answered=RECORD.id), durable=False)
    await asyncio.wait_for(waiting, 1)
    assert said == [f"console: process {os.getpid()} has latched"]


async def test_a_console_that_does_not_answer_has_its_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop_program_module, "CONSOLE_WITHIN_S", 0.2)
    said: list[str] = []
    target = Target("http://127.0.0.1:1/info", TEST_ADDRESS, tmp_path / "journal.db", beat(tmp_path / "journal.db"))
    await asyncio.wait_for(await_console(target, RECORD.id, SystemClock(), said.append), 2)
    assert "did not answer" in said[0]


async def test_nobody_is_waited_for_where_none_runs(tmp_path: Path) -> None:
    said: list[str] = []
    for found in (None, beat(tmp_path / "journal.db", ended=True)):
        target = Target("http://127.0.0.1:1/info", TEST_ADDRESS, tmp_path / "journal.db", found)
        await asyncio.wait_for(await_console(target, RECORD.id, SystemClock(), said.append), 0.2)
    assert said == ["console: none is running here"] * 2


def test_the_highest_nonce_of_a_journal_that_is_open(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    assert highest_nonce(path) == 0
    journal = Journal.open(path, ManualClock())
    assert highest_nonce(path) == 0
    journal.append(PostRow(1, 1_790_000_000_123, "order", 1, "filled"))
    journal.append(PostRow(2, 1_790_000_000_456, "cancel", 1, "filled"))
    assert journal.close()
    assert highest_nonce(path) == 1_790_000_000_456
    path.write_bytes(b"no database")
    assert highest_nonce(path) == 0


def test_words_of_the_verdict(tmp_path: Path) -> None:
    target = Target("http://127.0.0.1:1/info", TEST_ADDRESS, tmp_path / "journal.db", None)
    (line,), data = verdict(FLAT, target)
    assert line.startswith(
        "CONFIRMED by the exchange, twice: no position and no open order; 2 exits and 30 cancels sent"
    )
    assert data["confirmed"] is True
    lines, data = verdict(msgspec.structs.replace(FLAT, confirmed=False, left=(LEFT,)), target)
    assert lines[0].startswith("NOT CONFIRMED")
    assert lines[1] == "  xyz: xyz:SNDK +0.05; 1 open orders (xyz:SNDK); positions: HTTP 502"
    assert TEST_ADDRESS in lines[-1]
    assert data["confirmed"] is False
    assert data["left"] == [left_text(LEFT)]
    lines, data = verdict(None, target)
    assert "what is open is not known" in lines[0]
    assert data == {"confirmed": False}


def test_words_for_the_next_console() -> None:
    assert outcome_of(FLAT) == "flat and no open order, confirmed by the exchange; 2 exits and 30 cancels sent"
    assert "nothing was open" in outcome_of(msgspec.structs.replace(FLAT, was_open=False))
    assert "NOT CONFIRMED" in outcome_of(msgspec.structs.replace(FLAT, confirmed=False, left=(LEFT,)))


@pytest.mark.parametrize(
    ("fields", "wall_ms", "wait_s"),
    [
        ({}, 10_000, 6.0),
        ({}, 15_500, 0.5),
        ({}, 60_000, 0.0),
        ({"post_timeout_ms": 800}, 10_000, 1.8),
        ({"ended": True}, 10_000, 0.0),
        ({"trades": False}, 10_000, 0.0),
    ],
)
def test_how_long_what_a_console_sent_may_still_arrive(
    tmp_path: Path, fields: dict[str, object], wall_ms: int, wait_s: float
) -> None:
    last = beat(tmp_path / "journal.db", at_ms=10_000, **fields)  # type: ignore[arg-type]
    target = Target("http://127.0.0.1:1/info", TEST_ADDRESS, tmp_path / "journal.db", last)
    assert on_its_way_s(target, wall_ms) == pytest.approx(wait_s)
    assert on_its_way_s(msgspec.structs.replace(target, beat=None), wall_ms) == 0.0


def test_two_looks_as_one() -> None:
    quiet = msgspec.structs.replace(FLAT, was_open=False, exits_sent=0, cancels_sent=0, seconds=2.1, flat_after_s=0.1)
    assert both(FLAT, quiet, 9.0) == msgspec.structs.replace(FLAT, seconds=9.0)
    late = msgspec.structs.replace(quiet, was_open=True, exits_sent=1, seconds=3.0, flat_after_s=0.5)
    result = both(quiet, late, 9.0)
    assert (result.was_open, result.exits_sent, result.flat_after_s) == (True, 1, 6.5)
    lost = msgspec.structs.replace(late, confirmed=False, left=(LEFT,))
    assert not both(FLAT, lost, 9.0).confirmed
