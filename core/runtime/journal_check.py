"""Whether a journal is whole and says the same thing everywhere: what is wrong, and where.

It looks, and repairs nothing. What it holds against each other: the file itself, runs and their rows, ids and correlations, nonces, posts
opened and closed, orders and what their fills add up to, trades and the fills they were made of. Easy to get wrong: a run that is going on,
or was killed, has posts and orders without an end; that is no fault, so only runs that ended are held to it.

SPEC 10; lessons L05, L17.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

from msgspec import Struct

from core.runtime.journal_latch import latch_fault
from core.runtime.journal_read import UnreadableJournal, reading
from core.runtime.journal_tables import ROW_TABLES

MOST_TOLD = 20
"""Faults of one kind that are told one by one."""
_LATE_MS = 2_000
"""Fills are stamped by the exchange, whose clock may be so far from ours."""


class Looked(Struct, frozen=True):
    """One thing that was looked at. No faults: it is as it should be."""

    name: str
    count: int
    """Of how many rows, runs, trades ..."""
    faults: tuple[str, ...]


class CheckedJournal(Struct, frozen=True):
    path: str
    looked: tuple[Looked, ...]

    @property
    def is_sound(self) -> bool:
        return not any(look.faults for look in self.looked)


class CheckError(Exception):
    """It cannot be looked at; the text says which file, and why."""


def check_journal(path: Path) -> CheckedJournal:
    """Look at everything.

    Raises:
        CheckError: Not there, or no journal.
    """
    try:
        with reading(path) as db:
            return CheckedJournal(str(path), tuple(Looked(name, *look(db)) for name, look in _LOOKS.items()))
    except UnreadableJournal as e:
        raise CheckError(f"{path}: {e}") from None
    except (ValueError, ArithmeticError) as e:
        raise CheckError(f"{path}: a value makes no sense: {e}") from None


_Found = tuple[int, tuple[str, ...]]


def _all(count: int, faults: Iterator[str]) -> _Found:
    told: list[str] = []
    more = 0
    for fault in faults:
        if len(told) < MOST_TOLD:
            told.append(fault)
        else:
            more += 1
    return count, (*told, f"and {more} more") if more else tuple(told)


def _number(db: sqlite3.Connection, sql: str) -> int:
    (found,) = db.execute(sql).fetchone()
    return int(found or 0)


def _file(db: sqlite3.Connection) -> _Found:
    """SQLite's own look at its pages, indexes and constraints."""
    said = [row[0] for row in db.execute("PRAGMA integrity_check")]
    return _number(db, "PRAGMA page_count"), () if said == ["ok"] else tuple(said[:MOST_TOLD])


def _runs(db: sqlite3.Connection) -> _Found:
    """Every row belongs to a run that is there."""
    tables = {t: _number(db, f"SELECT count(*) FROM {t}") for t in ROW_TABLES}

    def faults() -> Iterator[str]:
        for table in tables:
            sql = f"SELECT min(id), run_id, count(*) FROM {table} WHERE run_id NOT IN (SELECT run_id FROM runs) GROUP BY run_id"
            for row_id, run_id, count in db.execute(sql):
                yield f"{table}: {count} rows from {row_id} on belong to run {run_id}, which is not there"

    return _all(sum(tables.values()), faults())


def _ids(db: sqlite3.Connection) -> _Found:
    """One count over all tables: no id twice."""
    every = " UNION ALL ".join(f"SELECT id, '{t}' AS place FROM {t}" for t in ROW_TABLES)
    sql = f"SELECT id, group_concat(place) FROM ({every}) GROUP BY id HAVING count(*) > 1"
    count = _number(db, f"SELECT count(*) FROM ({every})")
    return _all(count, (f"id {row_id} is in {places}" for row_id, places in db.execute(sql)))


def _correlations(db: sqlite3.Connection) -> _Found:
    """Orders of entries, fills, trades and edges lead back to what they came from."""

    def faults() -> Iterator[str]:
        signal = "SELECT 1 FROM signal_rows s WHERE s.verdict = 'accepted' AND s.correlation_id = x.correlation_id"
        looks = (
            ("order_rows", "x.purpose = 'entry'", signal, "no accepted signal"),
            (
                "fill_rows",
                "x.correlation_id <> ''",
                "SELECT 1 FROM order_rows o WHERE o.correlation_id = x.correlation_id",
                "no order",
            ),
            (
                "trade_rows",
                "x.correlation_id <> ''",
                "SELECT 1 FROM order_rows o WHERE o.correlation_id = x.correlation_id",
                "no order",
            ),
            ("edge_rows", "1", signal, "no accepted signal"),
        )
        for table, which, origin, lacking in looks:
            sql = f"SELECT x.id, x.correlation_id FROM {table} x WHERE {which} AND NOT EXISTS ({origin}) ORDER BY x.id"
            for row_id, correlation_id in db.execute(sql):
                yield f"{table} {row_id}: {lacking} has the id {correlation_id!r}"

    tables = ("order_rows", "fill_rows", "trade_rows", "edge_rows")
    return _all(sum(_number(db, f"SELECT count(*) FROM {t}") for t in tables), faults())


def _nonces(db: sqlite3.Connection) -> _Found:
    """Each post's nonce is above all before it, and the high water above them all. A repeat of the same bytes has none (0)."""

    def faults() -> Iterator[str]:
        last = 0
        for row_id, post_id, nonce in db.execute(
            "SELECT id, post_id, nonce FROM post_rows WHERE outcome = 'opened' ORDER BY id"
        ):
            if nonce and nonce <= last:
                yield f"post_rows {row_id}: post {post_id} has nonce {nonce}, after {last}"
            last = max(last, nonce)
        mark = _number(db, "SELECT max(value) FROM high_water WHERE name = 'nonce'")
        if mark < last:
            yield f"high_water: nonce {mark}, but {last} was used"

    return _all(_number(db, "SELECT count(*) FROM post_rows WHERE outcome = 'opened'"), faults())


def _posts(db: sqlite3.Connection) -> _Found:
    """Opened once, closed once; in runs that ended, all of them."""
    sql = """
        SELECT p.run_id, p.post_id, sum(p.outcome = 'opened'), sum(p.outcome <> 'opened'), r.ended_ms IS NOT NULL
        FROM post_rows p LEFT JOIN runs r ON r.run_id = p.run_id
        WHERE p.id > coalesce((SELECT value FROM high_water WHERE name = 'taken out'), 0) GROUP BY p.run_id, p.post_id"""
    rows = db.execute(sql).fetchall()

    def faults() -> Iterator[str]:
        is_cut = _number(db, "SELECT count(*) FROM high_water WHERE name = 'taken out'")
        for run_id, post_id, opened, closed, ended in rows:
            if opened > 1 or closed > 1:
                yield f"run {run_id} post {post_id}: opened {opened} times, closed {closed} times"
            elif not opened and not is_cut and not _is_repeat(db, run_id, post_id):
                yield f"run {run_id} post {post_id}: closed, and never opened"
            elif opened and not closed and ended:
                yield f"run {run_id} post {post_id}: opened and never closed, though the run ended"

    return _all(len(rows), faults())


def _is_repeat(db: sqlite3.Connection, run_id: int, post_id: int) -> bool:
    """The same bytes once more: journaled when it ends, not when it leaves, for it has no nonce of its own."""
    row = db.execute("SELECT max(nonce) FROM post_rows WHERE run_id = ? AND post_id = ?", (run_id, post_id)).fetchone()
    return not row[0]


def _orders(db: sqlite3.Connection) -> _Found:
    """What an order says it was filled is what its fills add up to; and after the end of its run it has an end itself."""
    sql = """
        SELECT o.id, o.cloid, o.status, o.filled_size, r.ended_ms IS NOT NULL AND r.ended_clean FROM order_rows o
            JOIN (SELECT max(id) AS last FROM order_rows GROUP BY cloid) l ON l.last = o.id LEFT JOIN runs r ON r.run_id = o.run_id"""
    rows = db.execute(sql).fetchall()
    filled: dict[str, Decimal] = {}
    for cloid, size in db.execute("SELECT cloid, size FROM fill_rows WHERE cloid IS NOT NULL"):
        filled[cloid] = filled.get(cloid, Decimal(0)) + Decimal(size)

    def faults() -> Iterator[str]:
        for row_id, cloid, status, said, ended_clean in rows:
            really = filled.get(cloid, Decimal(0))
            if ended_clean and Decimal(said) != really:
                yield f"order_rows {row_id}: {cloid} says {said} filled, its fills add up to {really:f}"
            if ended_clean and status in ("queued", "in flight"):
                yield f"order_rows {row_id}: {cloid} is {status}, though the run ended in order"

    return _all(len(rows), faults())


def _trades(db: sqlite3.Connection) -> _Found:
    """Gross PnL and fees of a trade are those of the fills of its market in its time."""
    sql = "SELECT id, market, entry_ms, exit_ms, gross_pnl_usd, fees_usd FROM trade_rows ORDER BY id"
    rows = db.execute(sql).fetchall()

    def faults() -> Iterator[str]:
        for row_id, market, entry_ms, exit_ms, gross, fees in rows:
            sums = _fills_between(db, market, entry_ms, exit_ms)
            for what, said, really in (("gross PnL", gross, sums[0]), ("fees", fees, sums[1])):
                if Decimal(said) != really:
                    yield f"trade_rows {row_id}: {market} has {what} {said}, its fills add up to {really:f}"

    return _all(len(rows), faults())


def _fills_between(db: sqlite3.Connection, market: str, entry_ms: int, exit_ms: int) -> tuple[Decimal, Decimal]:
    sql = "SELECT closed_pnl, fee FROM fill_rows WHERE market = ? AND time_ms BETWEEN ? AND ?"
    pairs = db.execute(sql, (market, entry_ms, exit_ms)).fetchall()
    return sum((Decimal(p) for p, _ in pairs), Decimal(0)), sum((Decimal(f) for _, f in pairs), Decimal(0))


def _audit(db: sqlite3.Connection) -> _Found:
    """The audit trail has no gap, but for what was taken out in time."""
    taken = _number(db, "SELECT max(value) FROM high_water WHERE name = 'taken out'")
    rows = db.execute(
        "SELECT run_id, number, id FROM audit_rows WHERE id > ? ORDER BY run_id, number", (taken,)
    ).fetchall()

    def faults() -> Iterator[str]:
        last: dict[int, int] = {}
        for run_id, number, row_id in rows:
            before = last.get(run_id, number - 1 if taken else 0)
            if number != before + 1:
                yield f"audit_rows {row_id}: run {run_id} goes from {before} to {number}"
            last[run_id] = number

    return _all(len(rows), faults())


def _keys(db: sqlite3.Connection) -> _Found:
    """What a restart must know of fills is all there."""
    sql = """
        SELECT f.id, f.market, f.tid FROM fill_rows f
            LEFT JOIN fill_keys k ON k.time_ms = f.time_ms AND k.coin = f.market AND k.tid = f.tid WHERE k.tid IS NULL"""
    faults = (
        f"fill_rows {i}: {market} {tid} would be taken for news by a restart" for i, market, tid in db.execute(sql)
    )
    return _all(_number(db, "SELECT count(*) FROM fill_rows"), faults)


def _latch(db: sqlite3.Connection) -> _Found:
    """The latch is what was sealed."""
    return 1, tuple(filter(None, (latch_fault(db),)))


def _odd_rows(db: sqlite3.Connection) -> _Found:
    """Rows that could not be kept as they were, and rows that were lost."""
    sql = "SELECT id, kind, text FROM event_rows WHERE kind IN ('unwritable row', 'unreadable row', 'journal') ORDER BY id"
    return _all(
        _number(db, "SELECT count(*) FROM event_rows"),
        (f"event_rows {i}: {kind}: {text[:120]}" for i, kind, text in db.execute(sql)),
    )


_LOOKS: dict[str, Callable[[sqlite3.Connection], _Found]] = {
    "file": _file,
    "runs of rows": _runs,
    "ids": _ids,
    "correlations": _correlations,
    "nonces": _nonces,
    "posts": _posts,
    "orders against fills": _orders,
    "trades against fills": _trades,
    "audit trail": _audit,
    "fills a restart knows": _keys,
    "latch": _latch,
    "odd rows": _odd_rows,
}
