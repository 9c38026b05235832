"""Every fault that a journal can have is found where it is, and a sound one is called sound."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal as D
from pathlib import Path

import pytest
from msgspec.structs import replace
from old_journals import FORMATS, unpack
from test_journal_reader import ENTRY, EXIT, LIFE, NOW, SNDK, fill, order, trade, written

from core.messages.effects import EdgeRow, FillRow, PostRow, TradeRow
from core.model.order import OrderSide, OrderStatus
from core.runtime.clock import ManualClock
from core.runtime.journal import Journal
from core.runtime.journal_check import MOST_TOLD, CheckError, check_journal

WHOLE = (
    *(row for row in LIFE if not isinstance(row, (TradeRow, FillRow))),
    fill(1, ENTRY, OrderSide.BUY, NOW),
    replace(fill(2, EXIT, OrderSide.SELL, NOW + 30_000), fill=replace(fill(2, EXIT, OrderSide.SELL, NOW + 30_000).fill, closed_pnl=D("0.1"))),
    order(EXIT, OrderStatus.FILLED, "0.05", is_exit=True),
    PostRow(2, NOW + 1, "orders", 1, "answered"),
    trade(),
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def faults(path: Path) -> dict[str, tuple[str, ...]]:
    return {look.name: look.faults for look in check_journal(path).looked if look.faults}


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def test_a_sound_journal(path: Path) -> None:
    written(path, *WHOLE)
    found = check_journal(path)
    assert (found.is_sound, faults(path)) == (True, {})
    assert {look.name: look.count for look in found.looked if look.name in ("posts", "trades against fills", "orders against fills")} == {
        "posts": 2, "orders against fills": 2, "trades against fills": 1,
    }  # fmt: skip


@pytest.mark.parametrize("format_", FORMATS)
def test_old_journals_are_sound_as_they_lie_and_brought_up_to_date(format_: int, path: Path) -> None:
    unpack(format_, path)
    assert faults(path) == {}
    assert Journal.open(path, ManualClock(NOW + 10**10)).close()
    assert faults(path) == {}


@pytest.mark.parametrize(
    ("name", "statement", "words"),
    [
        ("runs of rows", "UPDATE audit_rows SET run_id = 9", "audit_rows: 2 rows from"),
        ("ids", "UPDATE trade_rows SET id = (SELECT min(id) FROM order_rows)", "is in order_rows,trade_rows"),
        ("correlations", "UPDATE signal_rows SET verdict = 'denied'", "no accepted signal has the id 's1-1'"),
        ("correlations", "UPDATE trade_rows SET correlation_id = 's7-7'", "no order has the id 's7-7'"),
        ("nonces", "UPDATE post_rows SET nonce = 5 WHERE post_id = 2", f"post 2 has nonce 5, after {NOW}"),
        ("nonces", "DELETE FROM high_water", f"high_water: nonce 0, but {NOW + 1} was used"),
        ("posts", "DELETE FROM post_rows WHERE outcome = 'answered' AND post_id = 1", "run 1 post 1: opened and never closed, though the run ended"),
        ("posts", "DELETE FROM post_rows WHERE outcome = 'opened' AND post_id = 1", "run 1 post 1: closed, and never opened"),
        ("posts", "UPDATE post_rows SET post_id = 1", "run 1 post 1: opened 2 times, closed 2 times"),
        ("orders against fills", "UPDATE fill_rows SET size = '0.04' WHERE tid = 1", f"{ENTRY} says 0.05 filled, its fills add up to 0.04"),
        ("orders against fills", f"DELETE FROM order_rows WHERE status = 'filled' AND cloid = '{EXIT}'", "is in flight, though the run ended in order"),
        ("trades against fills", "UPDATE fill_rows SET fee = '0.02' WHERE tid = 1", "xyz:SNDK has fees 0.02, its fills add up to 0.03"),
        ("trades against fills", "UPDATE trade_rows SET gross_pnl_usd = '7'", "has gross PnL 7, its fills add up to 0.1"),
        ("audit trail", "DELETE FROM audit_rows WHERE number = 1", "run 1 goes from 0 to 2"),
        ("fills a restart knows", "DELETE FROM fill_keys WHERE tid = 2", "xyz:SNDK 2 would be taken for news by a restart"),
        ("odd rows", "INSERT INTO event_rows VALUES (999, 1, 1, 'unwritable row', 'what')", "event_rows 999: unwritable row: what"),
    ],
)  # fmt: skip
def test_a_fault_is_found_where_it_is(path: Path, name: str, statement: str, words: str) -> None:
    written(path, *WHOLE)
    change(path, statement)
    found = faults(path)
    assert name in found
    assert any(words in fault for fault in found[name]), found


def test_a_run_that_goes_on_or_was_killed_may_have_loose_ends(path: Path) -> None:
    written(path, *WHOLE)
    change(path, "UPDATE runs SET ended_ms = NULL, ended_clean = 0", "DELETE FROM post_rows WHERE outcome = 'answered'")
    assert faults(path) == {}


def test_a_repeat_of_the_same_bytes_is_no_fault(path: Path) -> None:
    written(path, *WHOLE, PostRow(3, 0, "orders", 1, "answered"))
    assert faults(path) == {}


def test_what_was_taken_out_in_time_is_no_fault(path: Path) -> None:
    written(path, *WHOLE)
    change(
        path,
        "DELETE FROM post_rows WHERE post_id = 1 AND outcome = 'opened'",
        "DELETE FROM audit_rows WHERE number = 1",
        "INSERT INTO high_water VALUES ('taken out', 3)",
    )
    assert faults(path) == {}


def test_many_faults_of_one_kind_are_not_all_told(path: Path) -> None:
    written(path, *(EdgeRow(f"s9-{n}", SNDK, OrderSide.BUY, 0, 0, None, None, None, None) for n in range(50)))
    (told,) = faults(path).values()
    assert len(told) == MOST_TOLD + 1
    assert told[-1] == "and 30 more"


def test_a_damaged_file(path: Path) -> None:
    written(path, *WHOLE, *(fill(n, ENTRY, OrderSide.BUY, NOW + 40_000 + n, "") for n in range(10, 2_000)))
    change(path, "DELETE FROM fill_keys")  # and then the index is made to say otherwise than its table
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'correlation_id <> ''''', 'correlation_id = ''''') WHERE name = 'fills_by_correlation'"
        )
        db.commit()
    assert any("fills_by_correlation" in fault for fault in faults(path)["file"])


def test_what_is_no_journal(path: Path) -> None:
    with pytest.raises(CheckError, match=r"journal\.db: cannot be read"):
        check_journal(path)
    written(path, *WHOLE)
    change(path, "UPDATE trade_rows SET fees_usd = 'much'")
    with pytest.raises(CheckError, match="a value makes no sense"):
        check_journal(path)
