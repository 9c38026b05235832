"""A journal whose old rows were moved to its archive says the same as one that kept them all: in reports, exports and checks."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from test_journal_bounds import count, fill, rows
from test_journal_rows import NOW

from core.runtime.journal_archive import THROWN_AWAY, Archive, archive_of
from core.runtime.journal_bounds import Bounds, next_row_id
from core.runtime.journal_check import check_journal
from core.runtime.journal_export import export_all
from core.runtime.journal_facts import facts_of
from core.runtime.journal_read import reading
from core.runtime.journal_rows import lines_of, links_of
from core.runtime.journal_schema import open_file

MOVED = ("signals", "posts", "post_orders", "audit")


class Week:
    """A journal on disk with the archive beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = open_file(path)
        self.db.execute("INSERT INTO runs (run_id, started_ms) VALUES (1, 1)")
        self.archive = Archive(self.db, archive_of(path))
        self.bounds = Bounds(self.db, self.archive)
        self.bounds.max_rows = 90

    def go_on(self, rounds: int, *, move: bool = True) -> None:
        """So many rounds of nine rows each, then moved as far as it is due."""
        before = count(self.db, "event_rows")
        all_rows = [(NOW, row) for n in range(before, before + rounds) for row in rows(n)]
        for statement, lines in lines_of(all_rows, 1, next_row_id(self.db)).items():
            self.db.executemany(statement, lines)
        self.db.executemany("INSERT INTO post_orders VALUES (?, ?, ?)", links_of(all_rows, 1))
        for _ in range(10 if move else 0):
            self.bounds.keep(next_row_id(self.db))

    def close(self) -> None:
        self.archive.close()
        self.db.close()


@pytest.fixture
def week(tmp_path: Path) -> Iterator[Week]:
    folder = tmp_path / "moved"
    folder.mkdir()
    made = Week(folder / "journal.db")
    yield made
    made.close()


def exported(journal: Path, folder: Path) -> dict[str, list[list[str]]]:
    export_all(journal, folder, MOVED)
    return {kind: list(csv.reader((folder / f"{kind}.csv").open())) for kind in MOVED}


def whole(tmp_path: Path, rounds: int) -> Path:
    """The same, with nothing moved."""
    path = tmp_path / f"whole-{rounds}.db"
    with closing(open_file(path)) as db:
        db.execute("INSERT INTO runs (run_id, started_ms) VALUES (1, 1)")
        fill(db, rounds)
    return path


def test_nothing_is_lost_and_nothing_is_there_twice(week: Week, tmp_path: Path) -> None:
    for _ in range(6):
        week.go_on(100)
    assert count(week.db, "post_rows") < 2 * 60
    kept = whole(tmp_path, 600)
    assert exported(week.path, tmp_path / "a") == exported(kept, tmp_path / "b")
    with reading(week.path) as mine, reading(kept) as theirs:
        ours, all_of_it = facts_of(mine, "x"), facts_of(theirs, "x")
    assert ours.denied == all_of_it.denied
    assert ours.denied[0].count == 600
    assert ours == all_of_it, "no note of a loss, for there was none"


def test_a_kill_between_the_archive_and_the_journal_counts_no_row_twice(
    week: Week, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def keep_and_die(*arguments: object) -> bool:
        Archive.keep(week.archive, *arguments)  # type: ignore[arg-type]
        raise Killed

    monkeypatch.setattr(week.archive, "keep", keep_and_die)
    week.go_on(200, move=False)
    with pytest.raises(Killed):
        week.bounds.keep(next_row_id(week.db))
    kept = whole(tmp_path, 200)
    assert exported(week.path, tmp_path / "a") == exported(kept, tmp_path / "b")
    monkeypatch.undo()
    week.go_on(1)
    kept = whole(tmp_path, 201)
    assert count(week.db, "post_rows") < 2 * 60
    assert exported(week.path, tmp_path / "c") == exported(kept, tmp_path / "d")


def test_what_does_not_fit_the_archive_is_thrown_away_and_said(week: Week, tmp_path: Path) -> None:
    week.archive.max_mb = 0
    week.go_on(100)
    assert not archive_of(week.path).exists()
    assert week.db.execute("SELECT value FROM high_water WHERE name = ?", (THROWN_AWAY,)).fetchone() is not None
    with reading(week.path) as db:
        assert "are missing, the archive beside it is not there" in facts_of(db, "x").notes[0]


def test_an_archive_that_was_taken_away_is_missed(week: Week) -> None:
    week.go_on(100)
    week.close()
    for file in week.path.parent.glob("journal-archive.db*"):
        file.unlink()
    with reading(week.path) as db:
        assert "of the first 810 rows are missing" in facts_of(db, "x").notes[0]


def test_it_is_for_the_owners_eyes_and_a_look_while_it_is_written_to_holds_up_nothing(week: Week) -> None:
    week.go_on(100)
    assert archive_of(week.path).stat().st_mode & 0o077 == 0
    with reading(week.path) as db:
        before = db.execute("SELECT count(*) FROM post_rows").fetchone()
        week.go_on(200)
        assert db.execute("SELECT count(*) FROM post_rows").fetchone() == before, "one moment, in both files"


def test_a_check_reads_both(week: Week) -> None:
    week.go_on(300)
    looked = {look.name: look for look in check_journal(week.path).looked}
    assert looked["ids"].faults == ()
    assert looked["ids"].count == 300 * 9
    with sqlite3.connect(archive_of(week.path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
