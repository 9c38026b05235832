"""What is taken out when more rows came than the journal may keep, what stays for good, and that it takes small steps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal as D

import pytest
from test_journal_rows import FILL, NOW, SNDK, fresh

from core.messages.effects import AuditRow, JournalRow, OrderRow, PostRow, Severity, SignalRow
from core.model.cloid import Cloid
from core.model.order import OrderSide, OrderStatus
from core.model.signal import Signal
from core.runtime import journal_bounds
from core.runtime.journal_bounds import Bounds, next_row_id
from core.runtime.journal_rows import EventRow, lines_of, links_of


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(fresh()) as made:
        yield made


def signal(verdict: str) -> SignalRow:
    return SignalRow(Signal("s", SNDK, OrderSide.BUY, NOW, *(D(n) for n in range(1, 10))), verdict)


def rows(n: int) -> list[JournalRow | EventRow]:
    """Nine rows: five small talk, four for good."""
    cloid = Cloid(f"0x{n}")
    return [
        signal("accepted"),
        signal("spread"),
        OrderRow(cloid, SNDK, OrderStatus.REJECTED, None, "buy", D(1), D(1), D(0), False, "entry", "no match", "s"),
        PostRow(n, NOW + n, "orders", 1, "opened", (cloid,)),
        PostRow(n, NOW + n, "orders", 1, "answered"),
        AuditRow(n, Severity.INFO, "entry", "small talk", ""),
        AuditRow(n, Severity.WARNING, "post", "no answer", ""),
        EventRow("run", "began"),
        AuditRow(n, Severity.INFO, "entry", "small talk", ""),
    ]


def fill(db: sqlite3.Connection, rounds: int) -> None:
    all_rows = [(NOW, row) for n in range(rounds) for row in rows(n)]
    for statement, lines in lines_of(all_rows, 1, next_row_id(db)).items():
        db.executemany(statement, lines)
    db.executemany("INSERT INTO post_orders VALUES (?, ?, ?)", links_of(all_rows, 1))


def count(db: sqlite3.Connection, table: str) -> int:
    (found,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(found)


def test_the_next_id_is_after_the_last_of_any_table(db: sqlite3.Connection) -> None:
    assert next_row_id(db) == 1
    fill(db, 2)
    assert next_row_id(db) == 19


def test_small_talk_goes_and_what_judges_stays(db: sqlite3.Connection) -> None:
    fill(db, 100)
    bounds = Bounds(db)
    bounds.max_rows = 90
    bounds.keep(next_row_id(db))
    left = {
        t: count(db, t) for t in ("signal_rows", "order_rows", "post_rows", "post_orders", "audit_rows", "event_rows")
    }
    assert left == {
        "signal_rows": 110, "order_rows": 100, "post_rows": 20, "post_orders": 10, "audit_rows": 120, "event_rows": 100,
    }  # fmt: skip
    assert db.execute("SELECT min(id) FROM post_rows").fetchone() == (90 * 9 + 4,)


def test_nothing_goes_within_the_bound(db: sqlite3.Connection) -> None:
    fill(db, 10)
    bounds = Bounds(db)
    bounds.max_rows = 90
    bounds.keep(next_row_id(db))
    assert count(db, "post_rows") == 20


def test_a_step_is_small_and_goes_on_where_the_last_one_was(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_bounds, "STEP", 45)
    fill(db, 100)
    bounds = Bounds(db)
    bounds.max_rows = 90
    left = []
    for _ in range(3):
        bounds.keep(next_row_id(db))
        left.append(count(db, "post_rows"))
    assert left == [190, 180, 170]
    again = Bounds(db)  # the next run
    again.max_rows = 90
    again.keep(next_row_id(db))
    assert count(db, "post_rows") == 160


def test_a_step_that_fails_leaves_everything(db: sqlite3.Connection) -> None:
    fill(db, 100)
    bounds = Bounds(db)
    bounds.max_rows = 90
    db.execute("ALTER TABLE audit_rows RENAME TO hidden")
    with pytest.raises(sqlite3.Error):
        bounds.keep(901)
    assert not db.in_transaction
    db.execute("ALTER TABLE hidden RENAME TO audit_rows")
    assert count(db, "post_rows") == 200
    bounds.keep(901)
    assert count(db, "post_rows") == 20


def test_a_fill_is_never_taken_out(db: sqlite3.Connection) -> None:
    for statement, lines in lines_of([(NOW, FILL)], 1, 1).items():
        db.executemany(statement, lines)
    bounds = Bounds(db)
    bounds.max_rows = 10
    bounds.keep(5_000)
    assert count(db, "fill_rows") == 1
