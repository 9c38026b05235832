"""The recorder with a real journal around it: chunks, the bound, a disk that fails, a kill."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_rig import NOW, make_config, make_run
from msgspec.structs import replace

from core.messages.effects import AuditRow, ForgetPost, Severity
from core.messages.events import ChannelError, Tick
from core.messages.recovered import Recovered
from core.messages.tape import Start, Turn, decode_start, decode_turn
from core.runtime import journal as journal_module
from core.runtime import tape_recorder
from core.runtime.clock import ManualClock
from core.runtime.journal import Journal
from core.runtime.tape_reader import open_tape
from core.runtime.tape_recorder import CHUNK_BYTES, CHUNK_MS, KEPT_RUNS, TapeRecorder

MB = 1_000_000


def make_start(run_id: int = 1) -> Start:
    config = make_config()
    return Start(config, make_run(config, run_id), Recovered(run_id=run_id), NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    opened = Journal.open(path, ManualClock(NOW))
    yield opened
    opened.close()


def asked(path: Path, sql: str) -> list[Any]:
    db = sqlite3.connect(path)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def until(what: str, holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        threading.Event().wait(0.01)  # the writer is another thread
    raise AssertionError(f"not within 10 s: {what}")


def chunks(path: Path) -> list[Any]:
    return asked(path, "SELECT run_id, number, first_ms, last_ms, turns FROM tape ORDER BY run_id, number")


def read(path: Path) -> list[Turn]:
    with open_tape(path) as tape:
        return list(tape.turns)


# --- what is kept --------------------------------------------------------------------------------------------------------


def test_every_turn_comes_back_in_order(journal: Journal, path: Path) -> None:
    tape = journal.begin_tape(make_start(), 10)
    turns = [Turn(NOW + 100 * n, ChannelError(f"{n}"), (ForgetPost(n),) * (n % 3)) for n in range(95)]
    turns.append(Turn(NOW + 9_600, Tick(), (), "ValueError: no"))
    for turn in turns:
        tape.record(turn.now_ms, turn.message, turn.effects, turn.error)
    assert journal.close()
    assert read(path) == turns
    with open_tape(path) as opened:
        assert opened.start == make_start()
    assert chunks(path)[:2] == [(1, 0, NOW, NOW, 0), (1, 1, NOW, NOW + CHUNK_MS, 11)]
    assert sum(turns for *_, turns in chunks(path)) == len(turns)
    assert asked(path, "SELECT count(*) FROM audit_rows") == [(0,)]


def test_a_chunk_is_on_the_disk_when_its_time_is_over_and_not_at_the_end_only(journal: Journal, path: Path) -> None:
    tape = journal.begin_tape(make_start(), 10)
    tape.record(NOW, Tick(), ())
    tape.record(NOW + CHUNK_MS, Tick(), ())
    until("both chunks", lambda: len(chunks(path)) == 2)


def test_a_chunk_is_cut_before_it_grows_too_large(journal: Journal, path: Path) -> None:
    tape = journal.begin_tape(make_start(), 10)
    for _ in range(5):
        tape.record(NOW, ChannelError("x" * (CHUNK_BYTES // 2)), ())
    assert journal.close()
    assert [turns for *_, turns in chunks(path)] == [0, 2, 2, 1]


def test_a_chunk_is_lines_that_anybody_can_read(journal: Journal, path: Path) -> None:
    tape = journal.begin_tape(make_start(), 10)
    tape.record(NOW, Tick(), (ForgetPost(1),))
    assert journal.close()
    first, second = [zlib.decompress(b) for (b,) in asked(path, "SELECT lines FROM tape ORDER BY number")]
    assert decode_start(first) == make_start()
    assert decode_turn(second, 2) == Turn(NOW, Tick(), (ForgetPost(1),))


def test_recording_does_no_work_of_the_writers(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the engine's thread nothing is compressed and nothing is written."""
    threads: set[str] = set()
    real = zlib.compress

    def watched(data: bytes) -> bytes:
        threads.add(threading.current_thread().name)
        return real(data)

    monkeypatch.setattr(tape_recorder.zlib, "compress", watched)
    tape = journal.begin_tape(make_start(), 10)
    for n in range(100):
        tape.record(NOW + n * CHUNK_MS, Tick(), ())
    assert journal.close()
    assert threads == {"journal"}


def test_without_a_tape_the_journal_is_as_it_was(journal: Journal, path: Path) -> None:
    journal.append(AuditRow(1, Severity.INFO, "k", "x", ""))
    assert journal.close()
    assert chunks(path) == []


# --- where it ends ---------------------------------------------------------------------------------------------------------


def ended(path: Path) -> list[Any]:
    return asked(path, "SELECT run_id, text FROM event_rows WHERE kind = 'tape ended'")


def test_at_its_bound_recording_ends_audibly_and_the_run_goes_on(
    journal: Journal, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []
    journal.listen(heard.append)
    tape = journal.begin_tape(make_start(), 1)
    noise = os.urandom(150_000).hex()  # compresses to half, no further
    with caplog.at_level(logging.WARNING):
        for n in range(20):
            tape.record(NOW + n * CHUNK_MS, ChannelError(noise), ())
        until("the end", lambda: bool(ended(path)))
    journal.append(AuditRow(1, Severity.INFO, "k", "the run goes on", ""))
    tape.record(NOW + 99 * CHUNK_MS, Tick(), ())
    assert journal.close()
    assert ended(path) == [(1, "it has reached journal.tape_max_mb = 1")]
    assert "the tape of run 1 ends here, the run goes on" in caplog.text
    assert heard == []
    kept = read(path)
    assert 3 <= len(kept) < 20
    assert kept == [Turn(NOW + n * CHUNK_MS, ChannelError(noise)) for n in range(len(kept))]
    ((size,),) = asked(path, "SELECT sum(length(lines)) FROM tape")
    assert 0.7 * MB < size <= MB
    assert asked(path, "SELECT count(*) FROM audit_rows") == [(1,)]


def test_what_cannot_be_written_down_ends_it_before_that_turn(journal: Journal, path: Path) -> None:
    tape = journal.begin_tape(make_start(), 1)
    tape.record(NOW, Tick(), ())
    tape.record(NOW, ChannelError(object()), ())  # type: ignore[arg-type]
    tape.record(NOW, Tick(), ())
    assert journal.close()
    assert len(read(path)) == 1
    assert "ChannelError cannot be written down: TypeError" in ended(path)[0][1]


def test_a_start_that_cannot_be_written_down_costs_the_tape_and_not_the_run(journal: Journal, path: Path) -> None:
    tape = journal.begin_tape(replace(make_start(), now_ms=object()), 1)
    tape.record(NOW, Tick(), ())
    assert journal.close()
    assert chunks(path) == []
    assert "its start cannot be written down: TypeError" in ended(path)[0][1]


def test_tapes_of_old_runs_are_taken_out_a_few_chunks_at_a_time(path: Path) -> None:
    last = KEPT_RUNS + 3
    for run_id in range(1, last + 1):
        journal = Journal.open(path, ManualClock(NOW))
        tape = journal.begin_tape(make_start(run_id), 1)
        for n in range(30):
            tape.record(NOW + n * CHUNK_MS, Tick(), ())
        assert journal.close()
    kept = {run_id for run_id, *_ in chunks(path)}
    assert kept == set(range(last - KEPT_RUNS + 1, last + 1))
    assert len(chunks(path)) == 16 * KEPT_RUNS
    assert asked(path, "SELECT count(*) FROM runs") == [(last,)], "only the tapes go"


# --- a disk that fails -----------------------------------------------------------------------------------------------------


def test_a_failing_disk_is_a_fault_of_the_journal_and_nothing_is_lost_when_it_comes_back(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_RETRY_S", 0.02)
    heard: list[str] = []
    first = threading.Event()
    journal.listen(lambda text: (heard.append(text), first.set()))  # type: ignore[func-returns-value]
    disk = sqlite3.connect(path, isolation_level=None)
    disk.execute("ALTER TABLE tape RENAME TO hidden")
    tape = journal.begin_tape(make_start(), 1)
    for n in range(30):
        tape.record(NOW + n * CHUNK_MS, Tick(), ())
    assert first.wait(5)
    assert "cannot be written" in heard[0]
    disk.execute("ALTER TABLE hidden RENAME TO tape")
    disk.close()
    assert journal.close()
    assert len(heard) == 1
    assert [t.now_ms for t in read(path)] == [NOW + n * CHUNK_MS for n in range(30)]


def test_a_disk_that_fails_too_long_costs_the_tape_and_not_the_memory(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_RETRY_S", 60.0)
    monkeypatch.setattr(tape_recorder, "MAX_WAITING", 5)
    first = threading.Event()
    journal.listen(lambda text: first.set())
    disk = sqlite3.connect(path, isolation_level=None)
    disk.execute("ALTER TABLE tape RENAME TO hidden")
    tape = journal.begin_tape(make_start(), 1)
    assert first.wait(5)
    for n in range(100):
        tape.record(NOW + n * 2 * CHUNK_MS, Tick(), ())
    assert tape.ended == "the disk did not keep up"
    disk.execute("ALTER TABLE hidden RENAME TO tape")
    disk.close()
    assert journal.close()
    kept = [t.now_ms for t in read(path)]
    assert 0 < len(kept) < 100
    assert kept == [NOW + n * 2 * CHUNK_MS for n in range(len(kept))], "a beginning without holes"
    assert "did not keep up" in ended(path)[0][1]


# --- a kill ------------------------------------------------------------------------------------------------------------------

_VICTIM = """
import sys, threading
from engine_rig import NOW
from test_tape_recorder import make_start
from core.messages.events import ChannelError
from core.runtime.clock import ManualClock
from core.runtime.journal import Journal
journal = Journal.open(sys.argv[1], ManualClock(NOW))
tape = journal.begin_tape(make_start(), 100)
n = 0
while True:
    n += 1
    tape.record(NOW + 100 * n, ChannelError(f"{n}"), ())
    while n % 500 == 0 and tape.has_work:
        threading.Event().wait(0.01)
"""


def test_kill_9_in_the_middle_of_writing_leaves_whole_chunks(path: Path) -> None:
    here = Path(__file__)
    folders = (here.parents[3], here.parents[2], here.parent)
    victim = subprocess.Popen(
        [sys.executable, "-c", _VICTIM, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))},
    )
    try:
        until("some chunks", lambda: path.exists() and victim.poll() is None and _count(path) > 50)
    finally:
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
    turns = read(path)
    assert len(turns) > 400
    assert turns == [Turn(NOW + 100 * n, ChannelError(f"{n}")) for n in range(1, len(turns) + 1)]
    with open_tape(path) as tape:
        assert tape.end == "the run goes on, or was killed"


def _count(path: Path) -> int:
    try:
        return len(chunks(path))
    except sqlite3.Error:  # it is still being made
        return 0


# --- cost --------------------------------------------------------------------------------------------------------------------


def test_a_turn_waits_for_nothing() -> None:
    """A recorder whose chunks nobody takes: bounded, and it says why it ended."""
    tape = TapeRecorder(1, make_start(), 1)
    for n in range(10 * tape_recorder.MAX_WAITING):
        tape.record(NOW + n * 2 * CHUNK_MS, Tick(), ())
    assert tape.ended
    assert tape.has_work
