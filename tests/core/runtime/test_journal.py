"""The journal on a real disk: what survives a kill, what the next start reads, what is refused and what is heard."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from engine_rig import make_config, make_run

from core.messages.effects import (
    AuditRow,
    FillRow,
    LatchState,
    OrderRow,
    PostRow,
    RiskCounters,
    Severity,
)
from core.messages.recovered import Recovered
from core.messages.tape import Start
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus
from core.model.position import Fill
from core.runtime import journal as journal_module
from core.runtime import journal_bounds
from core.runtime.clock import ManualClock
from core.runtime.journal import Journal, JournalError
from core.runtime.journal_archive import archive_of

SNDK = MarketKey("xyz", "SNDK")
NOW = 1_790_000_000_000
DAY = 24 * 3600 * 1000


def fill(tid: int, time_ms: int = NOW) -> FillRow:
    return FillRow(
        Fill(SNDK, OrderSide.BUY, D("1698.6"), D("0.05"), time_ms, D(0), D(0), D("0.0076"), 5, tid), f"signal-{tid}"
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def journal(path: Path, clock: ManualClock) -> Iterator[Journal]:
    opened = Journal.open(path, clock)
    yield opened
    opened.close()


def rows(path: Path, sql: str) -> list[Any]:
    db = sqlite3.connect(path)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


# --- what the next start reads ---------------------------------------------------------------------------------------


def test_a_first_start_recovers_nothing(journal: Journal) -> None:
    assert journal.recovered == Recovered()


def test_everything_the_next_start_needs_comes_back(path: Path, clock: ManualClock) -> None:
    counters = RiskCounters(D("-3.21"), 2, 1, (NOW - 5, NOW - 1), 1, 17, 4, 20717)
    first = Journal.open(path, clock)
    first.persist_latch(LatchState(NOW, "loss"))
    first.put_counters(RiskCounters())
    first.put_counters(counters)
    first.append(fill(1))
    first.append(fill(1))
    first.append(fill(2))
    first.append(PostRow(1, NOW + 7, "orders", 1, "opened"))
    first.append(PostRow(1, NOW + 7, "orders", 1, "answered"))
    first.append(PostRow(2, NOW + 3, "orders", 1, "opened"))
    first.end_run(clean=True)
    assert first.close()

    second = Journal.open(path, clock)
    second.close()
    assert second.recovered == Recovered(
        run_id=2,
        last_nonce=NOW + 7,
        latch=LatchState(NOW, "loss"),
        counters=counters,
        seen_fills=frozenset({(NOW, "xyz:SNDK", 1), (NOW, "xyz:SNDK", 2)}),
        journal_since_ms=NOW,
        unclean=False,
    )


def test_a_released_latch_stays_released(path: Path, clock: ManualClock) -> None:
    first = Journal.open(path, clock)
    assert first.persist_latch(LatchState(NOW, "loss"))
    assert first.persist_latch(LatchState())
    first.close()
    second = Journal.open(path, clock)
    second.close()
    assert second.recovered.latch == LatchState()


def test_a_run_that_did_not_say_how_it_ended_was_unclean_and_its_last_nonces_are_kept_clear_of(
    path: Path, clock: ManualClock
) -> None:
    first = Journal.open(path, clock)
    first.append(PostRow(1, NOW, "orders", 1, "opened"))
    first.close()
    second = Journal.open(path, clock)
    second.end_run(clean=True)
    second.close()
    third = Journal.open(path, clock)
    third.close()
    assert (second.recovered.unclean, third.recovered.unclean) == (True, False)
    assert second.recovered.last_nonce == NOW + 1000
    assert third.recovered.last_nonce == NOW
    assert (second.recovered.run_id, third.recovered.run_id) == (2, 3)


def test_fills_are_remembered_for_ten_days(path: Path, clock: ManualClock) -> None:
    first = Journal.open(path, clock)
    first.append(fill(1, NOW - 11 * DAY))
    first.append(fill(2, NOW - 9 * DAY))
    first.close()
    second = Journal.open(path, clock)
    second.close()
    assert second.recovered.seen_fills == frozenset({(NOW - 9 * DAY, "xyz:SNDK", 2)})


def test_rows_carry_kind_time_and_correlation(path: Path, clock: ManualClock) -> None:
    journal = Journal.open(path, clock)
    journal.append(fill(1))
    clock.advance(5)
    journal.append(
        OrderRow(Cloid("0x1"), SNDK, OrderStatus.OPEN, 5, "buy", D("1"), D("2"), D(0), False, "entry", "", "signal-1")
    )
    journal.append(AuditRow(1, Severity.INFO, "start", "here we go", ""))
    journal.close()
    assert rows(path, "SELECT id, run_id, at_ms, correlation_id, price FROM fill_rows") == [
        (1, 1, NOW, "signal-1", "1698.6")
    ]
    assert rows(path, "SELECT id, run_id, at_ms, correlation_id FROM order_rows") == [(2, 1, NOW + 5, "signal-1")]
    assert rows(path, "SELECT id, run_id, at_ms, correlation_id FROM audit_rows") == [(3, 1, NOW + 5, "")]


def test_rows_reach_the_disk_without_being_asked_to(journal: Journal, path: Path) -> None:
    journal.append(fill(1))
    for _ in range(500):
        if rows(path, "SELECT count(*) FROM fill_rows") == [(1,)]:
            break
        threading.Event().wait(0.01)
    assert rows(path, "SELECT count(*) FROM fill_rows") == [(1,)]
    assert journal.backlog == 0


def test_text_that_cannot_be_stored_does_not_keep_the_rest_from_it(path: Path, clock: ManualClock) -> None:
    journal = Journal.open(path, clock)
    assert journal.persist_latch(LatchState(1, "broken \ud800 paste"))
    journal.append(AuditRow(1, Severity.INFO, "reset", "broken \ud800 paste", ""))
    journal.append(fill(1))
    assert journal.close()
    assert rows(path, "SELECT reason FROM latch") == [("broken ? paste",)]
    assert rows(path, "SELECT text FROM audit_rows") == [("broken ? paste",)]
    assert rows(path, "SELECT price FROM fill_rows") == [("1698.6",)]


# --- a kill ------------------------------------------------------------------------------------------------------------

_VICTIM = """
import sys
from core.messages.effects import LatchState
from core.runtime.clock import ManualClock
from core.runtime.journal import Journal
journal = Journal.open(sys.argv[1], ManualClock(1))
assert journal.persist_latch(LatchState(77, "killed in the act"))
print("latched", flush=True)
sys.stdin.read()
"""


def test_l29_the_latch_survives_kill_9(path: Path, clock: ManualClock) -> None:
    victim = subprocess.Popen(
        [sys.executable, "-c", _VICTIM, str(path)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    assert victim.stdout is not None
    assert victim.stdout.readline() == "latched\n"
    with pytest.raises(JournalError, match="locked by another running console"):
        Journal.open(path, clock)
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate()

    after = Journal.open(path, clock)
    after.close()
    assert after.recovered.latch == LatchState(77, "killed in the act")
    assert after.recovered.unclean
    assert after.recovered.run_id == 2


_WRITER = """
import sys, time
from core.messages.effects import AuditRow, Severity
from core.runtime.clock import SystemClock
from core.runtime.journal import Journal
clock = SystemClock()
journal = Journal.open(sys.argv[1], clock)
number = 0
while True:
    number += 1
    at_ms = clock.now_ms()
    journal.append(AuditRow(number, Severity.INFO, "beat", str(at_ms), ""))
    print(number, at_ms, flush=True)
    time.sleep(0.005)
"""


def test_a_kill_loses_no_more_than_the_last_batch_and_leaves_no_hole(path: Path, clock: ManualClock) -> None:
    """A real process, killed with -9 while it writes 200 rows a second."""
    victim = subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert victim.stdout is not None
    beats: list[tuple[int, int]] = []
    while len(beats) < 300:
        number, at_ms = victim.stdout.readline().split()
        beats.append((int(number), int(at_ms)))
    os.kill(victim.pid, signal.SIGKILL)
    rest, _ = victim.communicate()
    beats += [(int(n), int(at)) for n, at in (line.split() for line in rest.splitlines() if line.count(" ") == 1)]

    after = Journal.open(path, clock)
    after.close()
    kept = [number for (number,) in rows(path, "SELECT number FROM audit_rows ORDER BY id")]
    assert kept == list(range(1, len(kept) + 1))
    told = dict(beats)
    lost_ms = beats[-1][1] - told[kept[-1]]
    assert lost_ms < 1_000, f"{lost_ms} ms are lost"  # a batch is 100 ms apart; the rest is a busy machine's
    assert after.recovered.unclean


# --- files that cannot be used -----------------------------------------------------------------------------------------


def test_a_file_that_is_no_journal(path: Path, clock: ManualClock) -> None:
    path.parent.mkdir()
    path.write_bytes(b"these are my notes, not a database" * 100)
    with pytest.raises(JournalError, match=r"journal\.db: damaged, or not a journal"):
        Journal.open(path, clock)


def test_a_damaged_journal(path: Path, clock: ManualClock) -> None:
    Journal.open(path, clock).close()
    data = bytearray(path.read_bytes())
    data[100:] = b"\xa5" * (len(data) - 100)
    path.write_bytes(bytes(data))
    with pytest.raises(JournalError, match=r"journal\.db"):
        Journal.open(path, clock)


def test_the_database_of_something_else(path: Path, clock: ManualClock) -> None:
    path.parent.mkdir()
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE cookies (name TEXT)")
    db.close()
    with pytest.raises(JournalError, match="database of something else"):
        Journal.open(path, clock)
    assert rows(path, "SELECT name FROM sqlite_master") == [("cookies",)]


def test_a_journal_of_a_newer_program(path: Path, clock: ManualClock) -> None:
    Journal.open(path, clock).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalError, match="newer version of this program"):
        Journal.open(path, clock)


def test_a_journal_another_program_writes_to(path: Path, clock: ManualClock) -> None:
    Journal.open(path, clock).close()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match="another program is writing to it"):
        Journal.open(path, clock)
    db.close()
    Journal.open(path, clock).close()


def test_counters_that_cannot_be_read_are_not_taken_for_zero(path: Path, clock: ManualClock) -> None:
    Journal.open(path, clock).close()
    db = sqlite3.connect(path)
    db.execute("INSERT INTO counters VALUES (1, '{\"cumulative_pnl_usd\": []}')")
    db.commit()
    db.close()
    with pytest.raises(JournalError, match="cannot be read"):
        Journal.open(path, clock)


def test_a_folder_that_cannot_be_made(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot be written"):
        Journal.open(tmp_path / "file" / "journal.db", clock)


def test_a_folder_in_place_of_the_file(path: Path, clock: ManualClock) -> None:
    path.mkdir(parents=True)
    with pytest.raises(JournalError, match="cannot be"):
        Journal.open(path, clock)


def test_two_journals_on_one_file_in_one_program(journal: Journal, path: Path, clock: ManualClock) -> None:
    with pytest.raises(JournalError, match="locked"):
        Journal.open(path, clock)


# --- a disk that fails -------------------------------------------------------------------------------------------------


class Sabotage:
    """Takes a table away under the journal, as a disk would take the file; and gives it back."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)

    def hide(self, table: str) -> None:
        self._db.execute(f"ALTER TABLE {table} RENAME TO hidden")

    def restore(self, table: str) -> None:
        self._db.execute(f"ALTER TABLE hidden RENAME TO {table}")
        self._db.close()


def test_a_failing_disk_is_heard_once_and_nothing_is_lost_when_it_comes_back(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_RETRY_S", 0.02)
    heard: list[str] = []
    first = threading.Event()
    journal.listen(lambda text: (heard.append(text), first.set()))  # type: ignore[func-returns-value]
    disk = Sabotage(path)
    disk.hide("fill_rows")
    journal.append(fill(1))
    assert first.wait(5)
    journal.append(fill(2))
    threading.Event().wait(0.2)  # several retries
    assert len(heard) == 1
    assert "cannot be written" in heard[0]
    assert journal.backlog == 2
    disk.restore("fill_rows")
    assert journal.close()
    assert rows(path, "SELECT count(*) FROM fill_rows") == [(2,)]


def test_a_fault_before_anybody_listened_is_told(journal: Journal, path: Path) -> None:
    Sabotage(path).hide("fill_rows")
    journal.append(fill(1))
    heard: list[str] = []
    for _ in range(500):
        journal.listen(heard.append)
        if heard:
            break
        threading.Event().wait(0.01)
    assert "cannot be written" in heard[0]


def test_a_latch_that_cannot_be_written_says_so_within_its_bound(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "LATCH_WITHIN_S", 0.3)
    heard: list[str] = []
    journal.listen(heard.append)
    disk = Sabotage(path)
    disk.hide("latch")
    assert not journal.persist_latch(LatchState(1, "x"))
    assert len(heard) == 1
    disk.restore("latch")
    assert journal.close()
    assert rows(path, "SELECT tripped_at_ms, reason FROM latch") == [(1, "x")]


def test_what_the_program_itself_did_is_written_too(path: Path, clock: ManualClock) -> None:
    journal = Journal.open(path, clock)
    config = make_config()
    journal.describe_run(Start(config, make_run(config), journal.recovered, NOW))
    journal.persist_latch(LatchState(NOW, "loss"))
    journal.persist_latch(LatchState(NOW, "loss"))
    journal.persist_latch(LatchState())
    journal.end_run(clean=True)
    assert journal.close()
    told = [text for (text,) in rows(path, "SELECT text FROM event_rows ORDER BY id")]
    assert told[0].startswith("run 1: simulator, trading, account 0xaaaa")
    assert told[1:] == ["tripped: loss", "released", "ended in order"]
    ((network, mode, source),) = rows(path, "SELECT network, mode, config_source FROM runs")
    assert (network, mode, source) == ("simulator", "trading", "test.toml")
    settings = dict(rows(path, "SELECT setting, value FROM config_in_force"))
    assert settings["execution.time_stop_ms"] == config.execution.time_stop_ms
    assert settings["markets[0].coin"] == "xyz:SNDK"


def test_the_bound_of_the_config_is_kept(path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_bounds, "_LEAST", 1)
    journal = Journal.open(path, clock)
    config = make_config()
    journal.describe_run(Start(config, make_run(config), journal.recovered, NOW), max_rows=10)
    for n in range(1, 101):
        journal.append(AuditRow(n, Severity.INFO, "beat", "small talk", ""))
    for _ in range(500):
        if rows(path, "SELECT value FROM high_water WHERE name = 'taken out'"):
            break
        threading.Event().wait(0.02)
    assert journal.close()
    ((left,),) = rows(path, "SELECT count(*) FROM audit_rows")
    assert 0 < left <= 11
    ((moved,),) = rows(archive_of(path), "SELECT count(*) FROM audit_rows")
    assert left + moved == 100


def test_rows_beyond_the_backlog_drop_the_oldest(journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_MAX_BACKLOG", 3)
    monkeypatch.setattr(journal_module, "_RETRY_S", 60.0)
    first = threading.Event()
    journal.listen(lambda text: first.set())
    disk = Sabotage(path)
    disk.hide("fill_rows")
    for tid in range(1, 6):
        journal.append(fill(tid))
    assert first.wait(5)
    assert journal.backlog == 3
    disk.restore("fill_rows")
    assert journal.close()
    assert rows(path, "SELECT correlation_id FROM fill_rows ORDER BY id") == [
        ("signal-3",),
        ("signal-4",),
        ("signal-5",),
    ]


def test_a_journal_that_lost_all_it_had_is_not_taken_for_a_new_one(path: Path, clock: ManualClock) -> None:
    """It may have held a latch."""
    Journal.open(path, clock).close()
    path.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(JournalError, match="is empty: whatever was in it is lost, a latch included"):
            Journal.open(path, clock)
    path.unlink()
    Journal.open(path, clock).close()


def test_damaged_text_that_sqlite_quotes_is_one_line_and_leaves_no_lock(path: Path, clock: ManualClock) -> None:
    Journal.open(path, clock).close()
    content = path.read_bytes()
    at = content.index(b"CREATE TABLE")
    path.write_bytes(content[:at] + b"\xff\xfe\n\n" + content[at + 4 :])
    for _ in range(2):
        with pytest.raises(JournalError) as error:
            Journal.open(path, clock)
        assert "\n" not in str(error.value)
        assert "locked by" not in str(error.value)
