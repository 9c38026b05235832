"""The latch in the journal: whatever becomes of its row, a restart is latched unless the row says free and was sealed so."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.messages.effects import LatchState
from core.runtime.clock import ManualClock
from core.runtime.journal import Journal
from core.runtime.journal_check import check_journal
from core.runtime.journal_latch import DAMAGED, read_latch
from core.runtime.journal_schema import UNREADABLE, JournalError, open_file

NOW = 1_700_000_000_000
TRIPPED = LatchState(NOW - 60_000, "loss of the day")


def left_by_a_run(path: Path, latch: LatchState) -> None:
    journal = Journal.open(path, ManualClock(NOW))
    assert journal.persist_latch(latch)
    journal.end_run(clean=True)
    assert journal.close()


def found_by_the_next(path: Path) -> LatchState:
    journal = Journal.open(path, ManualClock(NOW))
    assert journal.close()
    return journal.recovered.latch


def change(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute("PRAGMA writable_schema = ON")
        db.execute(sql)


CHANGES = {
    "made free": "UPDATE latch SET tripped_at_ms = NULL",
    "made free altogether": "UPDATE latch SET tripped_at_ms = NULL, reason = ''",
    "another time": "UPDATE latch SET tripped_at_ms = 0",
    "another reason": "UPDATE latch SET reason = 'los\x7f of the day'",
    "no row": "DELETE FROM latch",
    "no number": "UPDATE latch SET tripped_at_ms = 'soon'",
    "no text": "UPDATE latch SET reason = x'80ff'",
    "another seal": "UPDATE high_water SET value = value + 1 WHERE name = 'latch seal'",
}


@pytest.mark.parametrize("latch", [TRIPPED, LatchState()], ids=["tripped", "free"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_damaged_latch_reads_as_latched(tmp_path: Path, name: str, latch: LatchState) -> None:
    path = tmp_path / "journal.db"
    left_by_a_run(path, latch)
    with closing(sqlite3.connect(path)) as db:
        before = db.execute("SELECT * FROM latch").fetchall(), db.execute("SELECT * FROM high_water").fetchall()
    change(path, CHANGES[name])
    with closing(sqlite3.connect(path)) as db:
        after = db.execute("SELECT * FROM latch").fetchall(), db.execute("SELECT * FROM high_water").fetchall()
    if before == after:  # a free latch that is made free
        assert found_by_the_next(path) == latch
        return
    (looked,) = [look for look in check_journal(path).looked if look.name == "latch"]
    assert len(looked.faults) == 1
    found = found_by_the_next(path)
    assert found.tripped_at_ms == NOW
    assert found.reason.startswith(DAMAGED)
    assert found_by_the_next(path) == found, "it is on the disk again, sealed, and stays until the operator resets it"


def test_every_bit_of_the_row_on_the_disk(tmp_path: Path) -> None:
    """The bytes of the row itself: whichever bit flips, the next start is latched, or is refused."""
    path = tmp_path / "journal.db"
    left_by_a_run(path, TRIPPED)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    at = whole.index(TRIPPED.reason.encode())
    began = at - 12  # the cell's and the record's header, and the time
    seen = {"latched": 0, "refused": 0}
    for byte in range(began, at + len(TRIPPED.reason)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[byte] ^= 1 << bit
            path.write_bytes(damaged)
            for beside in tmp_path.glob("journal.db-*"):
                beside.unlink()
            try:
                with closing(open_file(path)) as db:
                    found = read_latch(db, NOW)
            except (JournalError, *UNREADABLE):
                seen["refused"] += 1
            else:
                assert found.tripped_at_ms is not None, (byte - at, bit)
                seen["latched"] += 1
    assert seen["latched"] > 100, seen


def test_a_latch_from_before_the_seal_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    left_by_a_run(path, TRIPPED)
    change(path, "DELETE FROM high_water WHERE name = 'latch seal'")
    assert found_by_the_next(path) == TRIPPED
    change(path, CHANGES["made free"])
    assert found_by_the_next(path).reason.startswith(DAMAGED), "sealed by the start that believed it"


def test_a_reason_that_cannot_be_stored_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    left_by_a_run(path, LatchState(NOW, "broken \ud800 paste"))
    assert found_by_the_next(path) == LatchState(NOW, "broken ? paste")
