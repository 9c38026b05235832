"""How much the journal keeps: old rows that no verdict needs are moved to an archive beside it, a few at a time.

Kept for good: trades, fills, orders, accepted signals, edges, funding, errors, and what the program itself did. Moved when more rows
came after them than the bound: denied signals, posts, and the audit trail's small talk; they are nearly everything that a week writes.
The file does not shrink by it, its free pages are used again. Easy to get wrong: it works in the writer's thread between two batches, and
a latch may be waiting, so one step looks at a bounded number of ids, found by their key.

SPEC 10.
"""

from __future__ import annotations

import sqlite3

from core.runtime.journal_archive import TAKEN_OUT, THROWN_AWAY, Archive
from core.runtime.journal_tables import ROW_TABLES

MAX_ROWS = 2_000_000
"""Some 250 MB: measured, 125 bytes a row with its indexes."""
STEP = 1_000
"""Ids looked at between two batches, 0.1 s apart: far more than a busy second writes, and some 5 ms of work."""

_LEAST = 200
"""Moved at once; each move waits for the disk once."""

_MOVED = {
    "signal_rows": "FROM signal_rows WHERE id > ? AND id <= ? AND verdict <> 'accepted'",
    "post_orders": "FROM post_orders WHERE (run_id, post_id) IN (SELECT run_id, post_id FROM post_rows WHERE id > ? AND id <= ?)",
    "post_rows": "FROM post_rows WHERE id > ? AND id <= ?",
    "audit_rows": "FROM audit_rows WHERE id > ? AND id <= ? AND severity = 'info'",
}
_SELECTS = {table: f"SELECT * {which}" for table, which in _MOVED.items()}


def next_row_id(db: sqlite3.Connection) -> int:
    """The id of the next row: one more than any that any table has."""
    highest = " UNION ALL ".join(f"SELECT max(id) AS id FROM {table}" for table in ROW_TABLES)
    (last,) = db.execute(f"SELECT max(id) FROM ({highest})").fetchone()
    return (last or 0) + 1


class Bounds:
    """One open journal's. `high_water` remembers how far it got."""

    """Args: archive: Takes what is moved; None: it is thrown away."""

    def __init__(self, db: sqlite3.Connection, archive: Archive | None = None) -> None:
        self.max_rows = MAX_ROWS
        self.archive = archive
        self._db = db
        row = db.execute("SELECT value FROM high_water WHERE name = ?", (TAKEN_OUT,)).fetchone()
        self._done = row[0] if row else 0

    def keep(self, next_id: int) -> None:
        """Move a step's worth of what is beyond the bound, if it is worth it."""
        until = min(self._done + STEP, next_id - 1 - self.max_rows)
        if until - self._done < min(_LEAST, STEP):
            return
        db = self._db
        is_kept = self.archive is not None and self.archive.keep(_SELECTS, (self._done, until))
        db.execute("BEGIN IMMEDIATE")
        try:
            for which in _MOVED.values():
                db.execute(f"DELETE {which}", (self._done, until))
            for mark in (TAKEN_OUT,) if is_kept else (TAKEN_OUT, THROWN_AWAY):
                db.execute("INSERT OR REPLACE INTO high_water VALUES (?, ?)", (mark, until))
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        self._done = until
