"""The latch's row in the journal, and the seal over it: a row that was changed by anything but this program reads as latched, never as free.

SQLite keeps no checksum of its pages: one flipped bit can make a time a NULL, and NULL means free. So a seal over both columns lies in another
table, written in the same transaction. Easy to get wrong: a journal of an older version has a row and no seal, and is believed once, until
this start has sealed it; a row that is gone while its seal is there was taken away.

SPEC 8; lesson L29.
"""

from __future__ import annotations

import hashlib
import sqlite3

from core.messages.effects import LatchState

_SEAL = "latch seal"
DAMAGED = "the latch in the journal is damaged: what it said is not known, so it counts as tripped"


def write_latch(db: sqlite3.Connection, latch: LatchState) -> None:
    """Both in one transaction, which is the caller's to make durable."""
    reason = writable(latch.reason)
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("INSERT OR REPLACE INTO latch VALUES (1, ?, ?)", (latch.tripped_at_ms, reason))
        db.execute("INSERT OR REPLACE INTO high_water VALUES (?, ?)", (_SEAL, _seal(latch.tripped_at_ms, reason)))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def read_latch(db: sqlite3.Connection, now_ms: int) -> LatchState:
    """What the last run left; tripped now if that cannot be told."""
    row = db.execute("SELECT tripped_at_ms, reason FROM latch").fetchone()
    fault = latch_fault(db)
    if fault:
        said = f"; its reason reads {row[1][:80]!r}" if row is not None and isinstance(row[1], str) and row[1] else ""
        return LatchState(now_ms, DAMAGED + said)
    return LatchState() if row is None else LatchState(row[0], row[1])


def latch_fault(db: sqlite3.Connection) -> str:
    """What is wrong with the row; empty if nothing is."""
    row = db.execute("SELECT tripped_at_ms, reason FROM latch").fetchone()
    seal = db.execute("SELECT value FROM high_water WHERE name = ?", (_SEAL,)).fetchone()
    if row is None:
        return "" if seal is None else "latch: the row is gone, its seal is there"
    tripped_at_ms, reason = row
    if not isinstance(reason, str) or not (tripped_at_ms is None or type(tripped_at_ms) is int):
        return "latch: the row holds what no latch holds"
    if seal is not None and seal[0] != _seal(tripped_at_ms, reason):
        return "latch: the row is not what was sealed"
    return ""


def writable(text: str) -> str:
    """Half a surrogate pair (a broken paste) cannot be stored; it must not keep the rest from being stored."""
    return text.encode("utf-8", "replace").decode()


def _seal(tripped_at_ms: int | None, reason: str) -> int:
    """63 bits, which SQLite's integers hold."""
    digest = hashlib.sha256(f"{tripped_at_ms}\n{reason}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
