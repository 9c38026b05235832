"""A page and a chain cost the same in a long journal as in a short one: measured in steps of SQLite's machine, not in time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from msgspec.structs import replace
from test_journal_reader import SNDK, order, signal
from test_journal_rows import NOW, fresh

from core.messages.effects import AuditRow, PostRow, Severity, SignalRow
from core.messages.records import RecordKind
from core.model.cloid import Cloid
from core.model.order import OrderStatus
from core.runtime.journal_chain import chain_of
from core.runtime.journal_pages import page_of
from core.runtime.journal_rows import EventRow, lines_of, links_of
from core.runtime.journal_tables import view_statements


def journal_of(lives: int) -> sqlite3.Connection:
    """So many signals, each with its order and its post."""
    db = fresh()
    for statement in view_statements():
        db.execute(statement)
    rows: list[tuple[int, Any]] = []
    for n in range(lives):
        cloid, signal_id = Cloid(f"0x{n:032x}"), f"s1-{n}"
        rows += [
            (NOW, SignalRow(signal(signal_id), "accepted")),
            (NOW, replace(order(cloid, OrderStatus.IN_FLIGHT), correlation_id=signal_id)),
            (NOW, PostRow(n, NOW + n, "orders", 1, "opened", (cloid,))),
            (NOW, PostRow(n, NOW + n, "orders", 1, "answered")),
            (NOW, replace(order(cloid, OrderStatus.FILLED), correlation_id=signal_id)),
            (NOW, AuditRow(n, Severity.INFO, "entry", str(SNDK), signal_id)),
            (NOW, EventRow("run", "something")),
        ]
    for statement, lines in lines_of(rows, 1, 1).items():
        db.executemany(statement, lines)
    db.executemany("INSERT INTO post_orders VALUES (?, ?, ?)", links_of(rows, 1))
    return db


def work(lives: int, ask: Callable[[sqlite3.Connection], object]) -> int:
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    with closing(journal_of(lives)) as db:
        db.set_progress_handler(step, 1)
        ask(db)
    return steps


def page(kind: RecordKind) -> Callable[[sqlite3.Connection], object]:
    return lambda db: page_of(db, kind, search="", before=None, limit=20, run_id=None)


@pytest.mark.parametrize(
    "ask",
    [lambda db: chain_of(db, "s1-7"), *(page(k) for k in RecordKind)],
    ids=["chain", *(k.value for k in RecordKind)],
)
def test_the_work_does_not_grow_with_the_journal(ask: Callable[[sqlite3.Connection], object]) -> None:
    short, long = work(100, ask), work(2_000, ask)
    assert short > 0
    assert long < short * 1.5


def test_the_chain_has_its_post() -> None:
    with closing(journal_of(10)) as db:
        assert [s.what for s in chain_of(db, "s1-7")] == ["signal", "order", "post", "order", "event"]
