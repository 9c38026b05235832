"""What was taken out of a journal for its size lies in a second file beside it, and is read with it as if it had stayed.

`journal.db` keeps `journal-archive.db`: the same tables, of the four kinds of rows that journal_bounds.py takes out. Rules that are easy to get
wrong: a row is on the disk here before it leaves the journal, so a kill between the two leaves it in both, and the journal's own mark of
how far it got says which of the two counts; and the archive has a bound of its own, beyond which rows are thrown away, and that is said.

SPEC 10.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

TABLES = ("signal_rows", "post_rows", "post_orders", "audit_rows")
MAX_MB = 4_000
TAKEN_OUT, THROWN_AWAY = "taken out", "thrown away"
"""Marks in `high_water`: up to which row they were taken out, and up to which they are nowhere any more."""


def archive_of(journal: Path) -> Path:
    return journal.with_name(f"{journal.stem}-archive{journal.suffix}")


class Archive:
    """The writer's side; its thread's alone. The file is made when the first rows come."""

    def __init__(self, journal: sqlite3.Connection, path: Path) -> None:
        self.max_mb = MAX_MB
        self._journal = journal
        self._path = path
        self._db: sqlite3.Connection | None = None

    def keep(self, selects: dict[str, str], bounds: tuple[int, int]) -> bool:
        """Have these rows on the disk. False: the archive is full, they will be nowhere.

        Args:
            selects: Table -> the rows, with two placeholders for ids after the first and up to the second bound.

        Raises:
            sqlite3.Error, OSError: They are not there.
        """
        if self._size_mb() >= self.max_mb:
            return False
        db = self._db = self._db or self._open()
        db.execute("BEGIN IMMEDIATE")
        try:
            for table, select in selects.items():
                rows = self._journal.execute(select, bounds).fetchall()
                if rows:
                    db.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return True

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _size_mb(self) -> float:
        with suppress(OSError):
            return self._path.stat().st_size / 1_000_000
        return 0

    def _open(self) -> sqlite3.Connection:
        if not self._path.exists():
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(self._path, timeout=1.0, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")  # what leaves the journal is here for certain
        there = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        marks = ", ".join("?" * len(TABLES))
        for name, sql in self._journal.execute(
            f"SELECT name, sql FROM sqlite_master WHERE tbl_name IN ({marks}) AND sql IS NOT NULL ORDER BY type DESC",
            TABLES,
        ):
            if name not in there:
                db.execute(sql)
        return db


def attach(db: sqlite3.Connection, journal: Path) -> bool:
    """Let the four tables of an open journal be both files together. False: there is no archive, or none that can be read."""
    path = archive_of(journal)
    if not path.is_file():
        return False
    try:
        db.execute("ATTACH DATABASE ? AS archive", (f"file:{quote(str(path.absolute()))}?mode=ro",))
        there = {name for (name,) in db.execute("SELECT name FROM archive.sqlite_master WHERE type = 'table'")}
    except sqlite3.Error:
        return False
    if not there.issuperset(TABLES):
        return False
    mark = f"coalesce((SELECT value FROM main.high_water WHERE name = '{TAKEN_OUT}'), 0)"
    for table in TABLES:
        if table == "post_orders":
            both = f"SELECT * FROM main.{table} UNION SELECT * FROM archive.{table}"
        else:
            both = f"SELECT * FROM main.{table} UNION ALL SELECT * FROM archive.{table} WHERE id <= {mark}"
        db.execute(f"CREATE TEMP VIEW {table} AS {both}")
    return True


def is_attached(db: sqlite3.Connection) -> bool:
    return any(name == "archive" for _, name, _ in db.execute("PRAGMA database_list").fetchall())
