"""The journal's file: its tables, and how a file that cannot be used is refused.

Versioned by SQLite's own user_version: an older file is brought up to date step by step, a newer one is refused, because guessing at it
could lose a latch. Easy to get wrong: one file belongs to one running program, so a lock beside it is held for as long as it is open; the
operating system releases it whatever way the program ends.

SPEC 8, 10.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

from core.runtime.journal_tables import FORMAT_3, view_statements

VERSION = 3

_STEPS: tuple[str, ...] = (
    """
    CREATE TABLE runs (run_id INTEGER PRIMARY KEY, started_ms INTEGER NOT NULL, ended_ms INTEGER, ended_clean INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE latch (id INTEGER PRIMARY KEY CHECK (id = 1), tripped_at_ms INTEGER, reason TEXT NOT NULL);
    CREATE TABLE counters (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL);
    CREATE TABLE rows (
        id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, kind TEXT NOT NULL, at_ms INTEGER NOT NULL,
        correlation_id TEXT NOT NULL, json TEXT NOT NULL
    );
    CREATE INDEX rows_by_kind ON rows (kind, at_ms);
    CREATE INDEX rows_by_correlation ON rows (correlation_id) WHERE correlation_id <> '';
    CREATE TABLE fills (time_ms INTEGER NOT NULL, coin TEXT NOT NULL, tid INTEGER NOT NULL, PRIMARY KEY (time_ms, coin, tid)) WITHOUT ROWID;
    CREATE TABLE posts (nonce INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, post_id INTEGER NOT NULL, kind TEXT NOT NULL, outcome TEXT NOT NULL);
    """,
    """
    CREATE TABLE tape (
        run_id INTEGER NOT NULL, number INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
        turns INTEGER NOT NULL, lines BLOB NOT NULL, PRIMARY KEY (run_id, number)
    );
    """,
    FORMAT_3,
)
"""Step n makes version n + 1 of version n."""
assert len(_STEPS) == VERSION
_WAL_BYTES = 16_000_000
"""What a long write leaves beside the journal is cut back to this."""


_LONGEST = 200


class JournalError(Exception):
    """The journal cannot be opened; the text says which file, why, and what can be done. The operator's to mend."""


class FileLock:
    """Held while the journal is open. Beside the file, not on it: SQLite has locks of its own there."""

    def __init__(self, path: Path) -> None:
        """Take it.

        Raises:
            JournalError: Another running program holds it.
            OSError: The lock file cannot be made.
        """
        self._fd = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise JournalError(
                f"journal {path}: locked by another running console; two consoles must not share one journal"
            ) from None

    def release(self) -> None:
        os.close(self._fd)


def open_file(path: Path) -> sqlite3.Connection:
    """Open or make the journal's file, up to date and ready to write.

    The connection may be used from another thread than this one, by one thread at a time.

    Raises:
        JournalError: Not a journal, newer than this program, locked, or not writable.
    """
    try:
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        elif path.stat().st_size == 0:
            raise JournalError(
                f"journal {path}: is empty: whatever was in it is lost, a latch included; look at the exchange first, then remove the file"
            )
        db = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as e:
        raise JournalError(f"journal {path}: cannot be opened: {e}") from None
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        _bring_up_to_date(db, path)
    except UNREADABLE as e:
        db.close()
        raise JournalError(f"journal {path}: {_explain(e)}") from None
    except JournalError:
        db.close()
        raise
    return db


def _bring_up_to_date(db: sqlite3.Connection, path: Path) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise JournalError(
            f"journal {path}: written by a newer version of this program (format {version}, this one knows {VERSION})"
        )
    if version == 0 and db.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
        raise JournalError(f"journal {path}: is a database of something else; give journal.path another file")
    migrate(db, version)
    # Proves now that the file can be written, not at the first trade.
    db.execute("BEGIN IMMEDIATE")
    for statement in view_statements():
        db.execute(statement)
    db.execute("COMMIT")


def migrate(db: sqlite3.Connection, version: int) -> None:
    """From format ``version`` to this program's, each step whole or not at all."""
    for step in range(version, VERSION):
        try:
            db.executescript(f"BEGIN IMMEDIATE; {_STEPS[step]} PRAGMA user_version = {step + 1}; COMMIT;")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged file raises: SQLite's complaint, or Python's about the damaged text that the complaint quotes."""


def one_line(e: Exception) -> str:
    """SQLite's complaint without what it quotes: that may be a page of damaged text."""
    if isinstance(e, UnicodeDecodeError):
        return "malformed text"
    text = " ".join(str(e).split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."


def _explain(e: Exception) -> str:
    text = one_line(e)
    if "not a database" in text or "malformed" in text:
        return f"damaged, or not a journal at all ({text}); move it away to start a new one, but first read the latch in it if you can"
    if "locked" in text:
        return f"another program is writing to it ({text}); close it and start again"
    if "readonly" in text or "unable to open" in text:
        return f"cannot be written ({text}); check the rights of the file and its folder"
    return f"cannot be used ({text})"
