"""Whatever a row of the journal holds, its table takes it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from property_budget import examples
from struct_strategies import values_of

from core.messages.effects import JournalRow
from core.runtime.journal_rows import TABLES, lines_of
from core.runtime.journal_schema import migrate

KINDS: tuple[type[Struct], ...] = get_args(JournalRow)


@examples(4)
@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
@given(data=st.data())
def test_whatever_a_row_holds_it_is_written(kind: type[Struct], data: st.DataObject) -> None:
    row = data.draw(values_of(kind))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrate(db, 0)
        for statement, lines in lines_of([(1, row)], 1, 1).items():
            db.executemany(statement, lines)
        table = TABLES[kind]
        (line,) = db.execute(f"SELECT {', '.join(table.columns)} FROM {table.name}")
        assert line == table.line(row)
