"""A journal's file that is no longer what was opened is noticed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from core.runtime.clock import ManualClock
from core.runtime.journal import Journal
from core.runtime.journal_read import UnreadableJournal, open_read_only
from core.runtime.journal_watch import LOOK_EVERY_S, FileWatch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t (x)")
    db.close()
    return path


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def later(clock: ManualClock, watch: FileWatch) -> None:
    clock.advance(LOOK_EVERY_S * 1000)
    watch.look()


def test_a_file_that_stays_is_no_news(path, clock):
    watch = FileWatch(path, clock)
    for _ in range(3):
        later(clock, watch)


def test_deleted(path, clock):
    watch = FileWatch(path, clock)
    path.unlink()
    with pytest.raises(OSError, match="No such file"):
        later(clock, watch)


def test_replaced(path, clock):
    watch = FileWatch(path, clock)
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)
    with pytest.raises(OSError, match="replaced"):
        later(clock, watch)


def test_written_over(path, clock):
    watch = FileWatch(path, clock)
    with path.open("r+b") as file:
        file.write(b"rubbish rubbish rubbish")
    with pytest.raises(OSError, match="no journal any more"):
        later(clock, watch)


def test_it_looks_again_and_again_while_it_is_wrong(path, clock):
    watch = FileWatch(path, clock)
    path.unlink()
    for _ in range(2):
        with pytest.raises(OSError, match="No such file"):
            later(clock, watch)


def test_it_does_not_look_all_the_time(path, clock):
    watch = FileWatch(path, clock)
    path.unlink()
    watch.look()


def test_looking_leaves_the_locks_of_the_database_alone(path, clock):
    """A descriptor closed anywhere in the process would drop them: then a stranger who opens and closes the journal is taken for its last
    user, and takes the log away with everything in it."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("INSERT INTO t VALUES (1)")
    watch = FileWatch(path, clock)
    later(clock, watch)
    stranger = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM t').fetchall()"
    subprocess.run([sys.executable, "-c", stranger, str(path)], check=True)
    assert path.with_name("journal.db-wal").exists()
    db.execute("INSERT INTO t VALUES (2)")
    reader = sqlite3.connect(path)
    assert reader.execute("SELECT x FROM t").fetchall() == [(1,), (2,)]
    db.close()
    watch.close()


def test_reading_pages_in_the_same_program_leaves_them_alone_too(tmp_path, clock):
    """As the console does while its engine writes."""
    path = tmp_path / "own.db"
    journal = Journal.open(path, clock)
    open_read_only(path)[0].close()
    stranger = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM runs').fetchall()"
    subprocess.run([sys.executable, "-c", stranger, str(path)], check=True)
    assert path.with_name("own.db-wal").exists(), "the stranger took itself for the last user"
    assert journal.close()


def test_what_cannot_be_read_is_said_without_opening_it(tmp_path):
    with pytest.raises(UnreadableJournal, match="No such file"):
        open_read_only(tmp_path / "none.db")
    with pytest.raises(UnreadableJournal, match="not a file"):
        open_read_only(tmp_path)
    (tmp_path / "text.db").write_text("not a journal, but long enough to be read as one" * 100)
    with pytest.raises(UnreadableJournal, match="no journal of this program"):
        open_read_only(tmp_path / "text.db")
