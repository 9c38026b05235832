"""The journal as CSV: one file a table, with exact decimals, times as ISO 8601 and as Unix ms, and a sidecar that says what each column is.

The sidecar `NAME.schema.json` names each column's type as Parquet has it (string, int64, decimal, bool), so that a reader need not guess:
guessing makes a float of a price. Easy to get wrong: everything is read in one transaction, so the files are of one moment; and a value that
a spreadsheet would take for a formula is kept as it is, for this is data and no spreadsheet.

SPEC 10.
"""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from msgspec import Struct

from core.runtime.journal_read import UnreadableJournal, reading

_INT = frozenset(
    [
        "id",
        "run_id",
        "oid",
        "tid",
        "post_id",
        "nonce",
        "count",
        "number",
        "exit_attempts",
        "after_ms",
        "late_ms",
        "flat_time_ms",
        "held_ms",
        "started_ms",
        "ended_ms",
        "value",
    ]
)
_BOOL = frozenset({"reduce_only", "crossed", "ended_clean", "accepted"})
_TEXT = frozenset(
    [
        "correlation_id",
        "market",
        "side",
        "verdict",
        "cloid",
        "status",
        "purpose",
        "reason",
        "kind",
        "outcome",
        "direction",
        "fee_token",
        "exit_reason",
        "severity",
        "text",
        "command_id",
        "network",
        "mode",
        "account",
        "signer",
        "version",
        "config_source",
        "config",
        "name",
        "signal_id",
    ]
)


class ExportError(Exception):
    """Nothing, or not everything, could be written; the text says what and why."""


class _Kind(Struct, frozen=True):
    table: str
    times: tuple[str, ...]
    """Columns of Unix ms that get an ISO column beside them."""


KINDS = {
    "signals": _Kind("signal_rows", ("at_ms", "seen_ms")),
    "orders": _Kind("order_rows", ("at_ms",)),
    "posts": _Kind("post_rows", ("at_ms",)),
    "post_orders": _Kind("post_orders", ()),
    "fills": _Kind("fill_rows", ("at_ms", "time_ms")),
    "trades": _Kind("trade_rows", ("at_ms", "entry_ms", "exit_ms")),
    "edges": _Kind("edge_rows", ("at_ms",)),
    "funding": _Kind("funding_rows", ("at_ms", "time_ms")),
    "audit": _Kind("audit_rows", ("at_ms",)),
    "events": _Kind("event_rows", ("at_ms",)),
    "runs": _Kind("runs", ("started_ms", "ended_ms")),
    "latch": _Kind("latch", ("tripped_at_ms",)),
    "counters": _Kind("risk_counters", ()),
    "high_water": _Kind("high_water", ()),
}
"""As the command line names them -> where they are."""


class Column(Struct, frozen=True):
    name: str
    type: str
    """string, int64, bool, decimal or timestamp[ms, UTC]."""


class Exported(Struct, frozen=True):
    kind: str
    path: Path
    rows: int


def export_one(journal: Path, kind: str, out: IO[str]) -> int:
    """Write one kind as CSV. Returns the number of rows.

    Raises:
        ExportError: The journal cannot be read.
    """
    try:
        with reading(journal) as db:
            return _write(db, kind, out)
    except UnreadableJournal as e:
        raise ExportError(f"{journal}: {e}") from None


def export_all(journal: Path, folder: Path, kinds: Sequence[str] = tuple(KINDS)) -> list[Exported]:
    """Write each kind to a file of its own, each with its sidecar.

    Raises:
        ExportError: The journal cannot be read, or the folder not be written.
    """
    done = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with reading(journal) as db:
            for kind in kinds:
                path = folder / f"{kind}.csv"
                with _private(path) as out:
                    rows = _write(db, kind, out)
                with _private(folder / f"{kind}.schema.json") as sidecar:
                    json.dump(schema(db, kind), sidecar, indent=1)
                done.append(Exported(kind, path, rows))
    except UnreadableJournal as e:
        raise ExportError(f"{journal}: {e}") from None
    except OSError as e:
        raise ExportError(f"{e.filename or folder}: cannot be written: {e.strerror}") from None
    return done


def schema(db: sqlite3.Connection, kind: str) -> dict[str, Any]:
    """What the sidecar says."""
    return {
        "table": kind,
        "format": "csv, utf-8, comma, header, empty = null",
        "columns": [{"name": c.name, "type": c.type} for c in _columns(db, kind)],
    }


def _columns(db: sqlite3.Connection, kind: str) -> list[Column]:
    made = []
    for name in _names(db, kind):
        made.append(Column(name, _type(name, kind)))
        if name in KINDS[kind].times:
            made.append(Column(_iso_name(name), "timestamp[ms, UTC]"))
    return made


def _names(db: sqlite3.Connection, kind: str) -> list[str]:
    return [d[0] for d in db.execute(f"SELECT * FROM {KINDS[kind].table} LIMIT 0").description]


def _type(name: str, kind: str) -> str:
    if kind == "counters":
        return "string"  # each counter has a type of its own
    if name in _BOOL:
        return "bool"
    if name in _INT or name in KINDS[kind].times:
        return "int64"
    return "string" if name in _TEXT else "decimal"


def _iso_name(name: str) -> str:
    return f"{name.removesuffix('_ms')}_iso"


def _write(db: sqlite3.Connection, kind: str, out: IO[str]) -> int:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([c.name for c in _columns(db, kind)])
    names = _names(db, kind)
    rows = 0
    db.row_factory = None
    order = ", ".join(
        str(n + 1) for n in range(min(3, len(names)))
    )  # what came first stands first, from whichever file
    for row in db.execute(f"SELECT * FROM {KINDS[kind].table} ORDER BY {order}"):
        writer.writerow(list(_cells(names, row, KINDS[kind].times)))
        rows += 1
    return rows


def _cells(names: Sequence[str], row: Sequence[Any], times: Sequence[str]) -> Iterator[Any]:
    for name, value in zip(names, row, strict=True):
        yield value
        if name in times:
            yield None if value is None else iso(value)


def iso(at_ms: int) -> str:
    """``2026-11-26T23:43:55.123Z``; the number itself where it is no time."""
    try:
        return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at_ms % 1000:03d}Z"
    except (ValueError, OverflowError, OSError):
        return str(at_ms)


def _private(path: Path) -> IO[str]:
    """For the owner's eyes, as the journal is."""
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="")
