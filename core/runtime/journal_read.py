"""A journal opened to be looked at, while a console may be writing to it; one of an older format is brought up to date in memory.

Decides nothing about what is in it. Rules that are easy to get wrong: the file is opened read-only and never changed, not even to bring it
up to date; and no statement may be left half read, because that would keep a running console's journal from being tidied up.

SPEC 10.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from core.runtime.journal_archive import attach
from core.runtime.journal_schema import UNREADABLE, VERSION, migrate, one_line
from core.runtime.journal_tables import VIEWS


class UnreadableJournal(Exception):
    """It cannot be looked at; the text says why, without the path."""


def open_read_only(path: Path) -> tuple[sqlite3.Connection, int]:
    """Open a journal as it is. In a folder that cannot be written SQLite cannot set up its shared memory; a journal that nobody has open
    needs none.

    Returns:
        The connection, to be closed, and the format.

    Raises:
        UnreadableJournal: Not there, no journal, newer than this program, or damaged.
    """
    # Not opened here to look inside: see `journal_watch` on what closing a descriptor does to a journal that this process is writing.
    try:
        path.stat()
    except OSError as e:
        raise UnreadableJournal(f"cannot be read: {e.strerror or e}") from None
    if not os.access(path, os.R_OK):
        raise UnreadableJournal(f"cannot be read: {os.strerror(errno.EACCES)}")
    if not path.is_file():
        raise UnreadableJournal("cannot be read: not a file")
    wal = path.with_name(path.name + "-wal")
    problem = ""
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        db = sqlite3.connect(f"file:{quote(str(path.absolute()))}?{mode}", uri=True, timeout=5.0, isolation_level=None)
        try:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except UNREADABLE as e:
            db.close()
            problem = one_line(e)
            if "not a database" in problem:
                raise UnreadableJournal("no journal of this program") from None
            if wal.exists() and wal.stat().st_size:
                problem += "; it was not closed in order: copy it, and its -wal, to a folder that can be written"
                break
            continue
        if version == 0 or version > VERSION:
            db.close()
            raise UnreadableJournal(
                "no journal of this program"
                if version == 0
                else f"written by a newer version of this program (format {version}, this one knows {VERSION})"
            )
        return db, int(version)
    raise UnreadableJournal(f"the journal cannot be read: {problem}")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A journal in this program's format, with every view, whatever format the file has. One transaction: everything is of one moment.

    Raises:
        UnreadableJournal: As `open_read_only`; or it turns out to be damaged on the way.
    """
    db, version = open_read_only(path)
    try:
        if version < VERSION:
            with_tables = _copied(db, version)
            db.close()
            db = with_tables
        else:
            attach(db, path)
        for name, select in VIEWS.items():  # of this program, whatever the file's own are
            db.execute(f"CREATE TEMP VIEW {name} AS {select}")
        db.execute("BEGIN")
        yield db
    except UNREADABLE as e:
        raise UnreadableJournal(f"the journal cannot be read: {one_line(e)}") from None
    finally:
        db.close()


def _copied(old: sqlite3.Connection, version: int) -> sqlite3.Connection:
    """In memory, without the tapes, which are large and of no interest here."""
    new = sqlite3.connect(":memory:", isolation_level=None)
    for name, sql in old.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall():
        new.execute(sql)
        if name != "tape":
            width = len(old.execute(f"PRAGMA table_info({name})").fetchall())
            new.executemany(
                f"INSERT INTO {name} VALUES ({', '.join('?' * width)})", old.execute(f"SELECT * FROM {name}")
            )
    migrate(new, version)
    return new
