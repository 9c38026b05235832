"""Every field of every row has a column of its own, and no value can keep a batch from the disk."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal as D
from typing import Any, get_args

import pytest
from msgspec import Struct
from msgspec.structs import fields, replace

from core.messages.effects import AuditRow, EdgeRow, FillRow, FundingRow, JournalRow, PostRow, Severity
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import OrderSide
from core.model.position import Fill, FundingPayment
from core.runtime.journal_rows import TABLES, UNWRITABLE, EventRow, cell, lines_of, links_of
from core.runtime.journal_schema import migrate

NOW = 1_790_000_000_000
SNDK = MarketKey("xyz", "SNDK")
KINDS: tuple[type[Struct], ...] = get_args(JournalRow)
FILL = FillRow(Fill(SNDK, OrderSide.BUY, D("1.50"), D("2E+1"), NOW, D(0), D(0), D("0.1"), 7, 8), "s1-1")
RENAMED = {"signal_id": "correlation_id", "trade_id": "correlation_id", "at_ms": "seen_ms"}
ELSEWHERE = {(PostRow, "cloids"): "the table post_orders has them"}


def fresh() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    migrate(db, 0)
    db.execute("INSERT INTO runs (run_id, started_ms) VALUES (1, 1)")
    return db


def put(db: sqlite3.Connection, *rows: Any, first_id: int = 1) -> None:
    for statement, lines in lines_of([(NOW, row) for row in rows], 1, first_id).items():
        db.executemany(statement, lines)


def leaves(kind: type[Struct]) -> list[str]:
    """Names of the fields, those of the struct inside (signal, fill, trade, payment) included."""
    names = []
    for field in fields(kind):
        inner = field.type
        is_inner = isinstance(inner, type) and issubclass(inner, Struct) and inner is not MarketKey
        names += leaves(inner) if is_inner else [field.name]
    return names


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_every_field_has_a_column(kind: type[Struct]) -> None:
    """A field that someone adds to a row must not be lost on the way to the disk."""
    wanted = {RENAMED.get(n, n) for n in leaves(kind) if (kind, n) not in ELSEWHERE}
    assert set(TABLES[kind].columns) == wanted


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_the_columns_are_the_tables(kind: type[Struct]) -> None:
    table = TABLES[kind]
    with closing(fresh()) as db:
        there = {name: not_null for _, name, _, not_null, _, _ in db.execute(f"PRAGMA table_info({table.name})")}
    assert set(there) == {"id", "run_id", "at_ms", *table.columns}
    assert {c for c in table.columns if not there[c]} == table.may_be_null


def test_decimals_are_text_as_a_person_writes_it() -> None:
    assert [cell(D(t)) for t in ("1.50", "2E+1", "-0", "1E-7", "124.3462482655566229053260754")] == [
        "1.50", "20", "-0", "0.0000001", "124.3462482655566229053260754",
    ]  # fmt: skip


def test_other_values() -> None:
    assert [cell(v) for v in (None, True, 7, 2**63, Severity.INFO, SNDK, Cloid("0x1"), "half \ud800")] == [
        None, 1, 7, str(2**63), "info", "xyz:SNDK", "0x1", "half ?",
    ]  # fmt: skip


def test_a_fill_told_twice_is_one_line() -> None:
    with closing(fresh()) as db:
        put(db, FILL, replace(FILL, correlation_id="other"))
        assert db.execute("SELECT id, correlation_id FROM fill_rows").fetchall() == [(1, "s1-1")]


def test_a_payment_told_twice_is_one_line() -> None:
    payment = FundingRow(FundingPayment(SNDK, NOW, D("-0.01"), D(1), D("0.0000125")))
    with closing(fresh()) as db:
        put(db, payment, payment)
        assert db.execute("SELECT id, usdc FROM funding_rows").fetchall() == [(1, "-0.01")]


def test_a_row_that_lacks_what_it_must_have_is_shown_and_the_others_are_written() -> None:
    broken: Any = AuditRow(1, None, "start", "text", "")  # type: ignore[arg-type]
    with closing(fresh()) as db:
        put(db, FILL, broken, EventRow("run", "began"))
        assert db.execute("SELECT id FROM fill_rows").fetchall() == [(1,)]
        (shown, event) = db.execute("SELECT id, kind, text FROM event_rows ORDER BY id").fetchall()
    assert shown[:2] == (2, UNWRITABLE)
    assert "AuditRow: ValueError: no severity" in shown[2]
    assert event == (3, "run", "began")


def test_an_edge_without_data_keeps_its_nulls() -> None:
    with closing(fresh()) as db:
        put(db, EdgeRow("s1-1", SNDK, OrderSide.BUY, 1000, 40, None, None, None, None))
        assert db.execute("SELECT after_ms, late_ms, oracle_px, edge_bps FROM edge_rows").fetchall() == [
            (1000, 40, None, None)
        ]


def test_a_post_is_linked_to_its_orders() -> None:
    rows = [(NOW, PostRow(4, NOW, "orders", 2, "opened", (Cloid("0x1"), Cloid("0x2")))), (NOW, FILL)]
    assert links_of(rows, 1) == [(1, 4, "0x1"), (1, 4, "0x2")]
