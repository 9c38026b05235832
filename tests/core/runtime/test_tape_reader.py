"""What can be read as a tape, what is refused and in which words, and that a journal is only ever read."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from engine_rig import NOW
from old_journals import unpack
from test_tape_recorder import make_start, until

from core.messages.events import Tick
from core.messages.tape import Turn, encode_start, encode_turn
from core.runtime.clock import ManualClock
from core.runtime.journal import Journal
from core.runtime.journal_schema import VERSION
from core.runtime.tape_reader import UnreadableTape, open_tape
from core.runtime.tape_recorder import CHUNK_MS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def recorded(path: Path, run_id: int = 1, turns: int = 25, *, with_tape: bool = True) -> Journal:
    """A run whose turns are 0.1 s apart, not closed yet."""
    journal = Journal.open(path, ManualClock(NOW))
    if with_tape:
        tape = journal.begin_tape(make_start(run_id), 10)
        for n in range(turns):
            tape.record(NOW + 100 * n, Tick(), ())
    return journal


@pytest.fixture
def closed(path: Path) -> Path:
    """Three runs: 25 turns, no tape, 30 turns."""
    for run_id, turns in ((1, 25), (2, 0), (3, 30)):
        journal = recorded(path, run_id, turns, with_tape=turns > 0)
        journal.end_run(clean=True)
        assert journal.close()
    return path


def times(path: Path, run_id: int | None = None) -> list[int]:
    with open_tape(path, run_id) as tape:
        return [(turn.now_ms - NOW) // 100 for turn in tape.turns]


def refusal(path: Path, run_id: int | None = None) -> str:
    with pytest.raises(UnreadableTape) as refused:
        times(path, run_id)
    assert str(path) in str(refused.value)
    return str(refused.value).removeprefix(f"{path}: ")


def change(path: Path, *sql: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    for statement in sql:
        db.execute(statement)
    db.close()


# --- a journal ---------------------------------------------------------------------------------------------------------


def test_the_last_run_with_a_tape_unless_one_is_named(closed: Path) -> None:
    assert times(closed) == list(range(30))
    assert times(closed, 1) == list(range(25))
    with open_tape(closed, 1) as tape:
        assert tape.start == make_start(1)
        assert tape.end == "the run ended in order"


def test_a_run_that_is_not_there_or_has_none(closed: Path) -> None:
    assert refusal(closed, 4) == "there is no run 4; its runs: 1 (25 turns), 2 (no tape), 3 (30 turns)"
    assert refusal(closed, 2) == "run 2 has no tape; its runs: 1 (25 turns), 2 (no tape), 3 (30 turns)"


def test_no_run_has_one(path: Path) -> None:
    recorded(path, with_tape=False).close()
    assert refusal(path) == "no run in it has a tape; it is kept unless journal.tape_max_mb is 0"


def test_reading_changes_no_byte(closed: Path) -> None:
    before = hashlib.sha256(closed.read_bytes()).digest()
    times(closed)
    assert hashlib.sha256(closed.read_bytes()).digest() == before
    Journal.open(closed, ManualClock(NOW)).close()


def test_a_journal_that_a_console_is_writing_to(path: Path) -> None:
    journal = Journal.open(path, ManualClock(NOW))
    tape = journal.begin_tape(make_start(), 10)
    tape.record(NOW, Tick(), ())
    tape.record(NOW + CHUNK_MS, Tick(), ())
    until("a chunk", lambda: _turns_on_disk(path) == 2)
    with open_tape(path) as opened:
        assert opened.end == "the run goes on, or was killed"
        turns = opened.turns
        assert next(turns) == Turn(NOW, Tick())
        # The reader holds nothing meanwhile: the writer goes on, and can tidy up its file.
        tape.record(NOW + 2 * CHUNK_MS, Tick(), ())
        tape.record(NOW + 3 * CHUNK_MS, Tick(), ())
        until("another", lambda: _turns_on_disk(path) == 4)
        db = sqlite3.connect(path)
        assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
        db.close()
        assert len(list(turns)) == 3
    assert journal.close()
    assert len(times(path)) == 4


def _turns_on_disk(path: Path) -> int:
    db = sqlite3.connect(path)
    try:
        return int(db.execute("SELECT coalesce(sum(turns), 0) FROM tape").fetchone()[0])
    finally:
        db.close()


def test_a_tape_that_ended_before_its_run_says_why(closed: Path) -> None:
    change(closed, "INSERT INTO event_rows VALUES (NULL, 3, 1, 'tape ended', 'it is full')")
    with open_tape(closed) as tape:
        assert tape.end == "the run ended in order; its tape ends before it: it is full"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE tape SET lines = substr(lines, 1, 20) WHERE run_id = 3 AND number = 2", "incomplete or truncated stream"),
        ("UPDATE tape SET lines = 'text' WHERE run_id = 3 AND number = 2", "bytes-like"),
        ("UPDATE tape SET turns = turns + 1 WHERE run_id = 3 AND number = 2", "it holds 11 turns, not 12"),
        ("DELETE FROM tape WHERE run_id = 3 AND number = 2", "it is missing, and later ones are there"),
    ],
)  # fmt: skip
def test_a_damaged_chunk_is_named_and_what_is_before_it_is_still_there(closed: Path, damage: str, said: str) -> None:
    change(closed, damage)
    refused = refusal(closed)
    assert refused.startswith("run 3: chunk 2 is damaged: ")
    assert said in refused
    assert refused.endswith("; what is before it: --until 11")
    with open_tape(closed) as tape:
        assert [next(tape.turns).now_ms for _ in range(11)][-1] == NOW + 1000


def test_a_line_in_a_chunk_that_is_no_turn(closed: Path) -> None:
    db = sqlite3.connect(closed, isolation_level=None)
    (lines,) = db.execute("SELECT lines FROM tape WHERE run_id = 3 AND number = 2").fetchone()
    broken = zlib.compress(zlib.decompress(lines).replace(b'"Tick"', b'"Tock"', 1))
    db.execute("UPDATE tape SET lines = ? WHERE run_id = 3 AND number = 2", (broken,))
    db.close()
    assert refusal(closed).startswith("run 3: chunk 2 is damaged: line 13: not a turn: Invalid value 'Tock'")


def test_a_start_that_is_gone_or_damaged(closed: Path) -> None:
    change(closed, "UPDATE tape SET lines = (SELECT lines FROM tape WHERE run_id = 3 AND number = 1) WHERE number = 0")
    assert refusal(closed).startswith("run 3: chunk 0 is damaged: line 1: not the start of a tape")
    change(closed, "UPDATE tape SET lines = x'00' WHERE number = 0")
    assert refusal(closed).startswith("run 3: chunk 0 is damaged: ")
    change(closed, "DELETE FROM tape WHERE number = 0")
    assert refusal(closed) == "run 3: chunk 0, the start, is missing; tapes of older runs are taken out in time"


def test_a_damaged_file(closed: Path) -> None:
    data = bytearray(closed.read_bytes())
    data[100:] = b"\xa5" * (len(data) - 100)
    closed.write_bytes(bytes(data))
    assert "the journal cannot be read" in refusal(closed)


def test_a_database_of_something_else(path: Path) -> None:
    change(path, "CREATE TABLE cookies (name TEXT)")
    assert refusal(path) == "no journal of this program"


def test_a_journal_of_a_newer_program(closed: Path) -> None:
    change(closed, "PRAGMA user_version = 99")
    assert refusal(closed).startswith("written by a newer version of this program (format 99")


# --- a journal from before there were tapes ----------------------------------------------------------------------------


@pytest.fixture
def of_version_1(path: Path) -> Path:
    return unpack(1, path)


def test_it_has_no_tape_and_is_left_alone(of_version_1: Path) -> None:
    assert refusal(of_version_1) == "no tape in it: it was written before runs had tapes (format 1)"
    db = sqlite3.connect(of_version_1)
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    db.close()


def test_the_next_run_brings_it_up_to_date_and_keeps_everything(of_version_1: Path) -> None:
    journal = recorded(of_version_1, run_id=3)
    found = journal.recovered
    assert (found.run_id, found.latch.reason, found.unclean) == (3, "6 losses in a row > 5", True)
    assert journal.close()
    assert times(of_version_1) == list(range(25))
    assert refusal(of_version_1, 1) == "run 1 has no tape; its runs: 1 (no tape), 2 (no tape), 3 (25 turns)"
    db = sqlite3.connect(of_version_1)
    assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    db.close()


def test_an_end_before_the_runs_is_told_of_a_journal_of_format_2_as_well(path: Path) -> None:
    unpack(2, path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("""INSERT INTO rows VALUES (NULL, 1, 'TapeEnded', 1, '', '{"reason": "it is full"}')""")
        db.commit()
    with open_tape(path, 1) as tape:
        assert tape.end == "the run ended in order; its tape ends before it: it is full"


# --- folders that cannot be written -------------------------------------------------------------------------------------


@pytest.fixture
def read_only(closed: Path) -> Iterator[Path]:
    closed.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    yield closed
    closed.parent.chmod(stat.S_IRWXU)


@pytest.mark.skipif(os.geteuid() == 0, reason="to the superuser every folder can be written")
def test_a_journal_in_a_folder_that_cannot_be_written(read_only: Path) -> None:
    assert times(read_only) == list(range(30))


# --- a plain file --------------------------------------------------------------------------------------------------------


def plain(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"\n".join((encode_start(make_start(7)), *lines)) + b"\n")
    return path


TICKS = tuple(encode_turn(NOW + 100 * n, Tick(), ()) for n in range(3))


def test_a_plain_tape(tmp_path: Path) -> None:
    path = plain(tmp_path / "seed-5.tape", *TICKS)
    assert times(path) == times(path, 7) == [0, 1, 2]
    with open_tape(path) as tape:
        assert (tape.start, tape.end) == (make_start(7), "")
    assert times(plain(path)) == []


def test_a_plain_tape_has_one_run(tmp_path: Path) -> None:
    path = plain(tmp_path / "t", *TICKS)
    assert refusal(path, 1) == "run 1 is not in it; a tape holds one run, and this is run 7"


def test_a_plain_tape_that_was_cut_off(tmp_path: Path) -> None:
    path = plain(tmp_path / "t", *TICKS)
    path.write_bytes(path.read_bytes()[:-10])
    assert refusal(path).startswith("line 4: not a turn: ")
    assert refusal(path).endswith("what is before it: --until 2")


def test_json_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "package.json"
    path.write_text('{"name": "x"}\n')
    assert refusal(path).startswith("line 1: not the start of a tape")


@pytest.mark.parametrize("content", [b"", b"these are my notes", b"\x00" * 100])
def test_anything_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes"
    path.write_bytes(content)
    assert refusal(path) == "neither a journal nor a tape"


def test_nothing_there(tmp_path: Path) -> None:
    assert refusal(tmp_path / "missing") == "cannot be read: No such file or directory"
    assert refusal(tmp_path) == "cannot be read: Is a directory"
