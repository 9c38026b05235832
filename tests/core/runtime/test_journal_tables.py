"""Tables and views: old journals come along row for row, and the questions of the plan have answers."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from old_journals import FORMATS, unpack

from core.messages.effects import LatchState
from core.runtime.clock import ManualClock
from core.runtime.journal import Journal, JournalError
from core.runtime.journal_schema import VERSION
from core.runtime.journal_tables import ROW_TABLES, VIEW_NAMES, VIEWS
from core.runtime.tape_reader import open_tape

NOW = 1_795_740_000_000
KINDS = {
    "SignalRow": "signal_rows",
    "OrderRow": "order_rows",
    "PostRow": "post_rows",
    "FillRow": "fill_rows",
    "TradeRow": "trade_rows",
    "AuditRow": "audit_rows",
}


def asked(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def opened(path: Path) -> Journal:
    journal = Journal.open(path, ManualClock(NOW))
    assert journal.close()
    return journal


@pytest.fixture(params=FORMATS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return unpack(request.param, tmp_path / "journal.db")


def json_rows(path: Path) -> dict[int, tuple[str, int, str, dict[str, Any]]]:
    rows = asked(path, "SELECT id, kind, at_ms, correlation_id, json FROM rows")
    return {row_id: (kind, at_ms, correlation, json.loads(text)) for row_id, kind, at_ms, correlation, text in rows}


def flat(said: dict[str, Any]) -> dict[str, Any]:
    """Inner struct and outer fields side by side, as the columns have them."""
    out: dict[str, Any] = {}
    for name, value in said.items():
        if name == "market":
            out[name] = f"{value['dex']}:{value['coin']}" if value["dex"] else value["coin"]
        elif isinstance(value, dict):
            out |= flat(value)
        else:
            out[name] = value
    return out


def test_every_row_of_an_old_journal_comes_along_with_every_value(old: Path) -> None:
    before = json_rows(old)
    assert {kind for kind, *_ in before.values()} == set(KINDS)
    opened(old)
    assert asked(old, "PRAGMA user_version") == [(VERSION,)]
    found = 0
    for kind, table in KINDS.items():
        with closing(sqlite3.connect(old)) as db:
            db.row_factory = sqlite3.Row
            for line in db.execute(f"SELECT * FROM {table} WHERE run_id <= 2"):
                was_kind, at_ms, correlation, said = before[line["id"]]
                columns = flat(said)
                assert (was_kind, at_ms) == (kind, line["at_ms"] if kind != "SignalRow" else at_ms)
                if "correlation_id" in line.keys():  # noqa: SIM118  a row of sqlite3 is no mapping
                    assert line["correlation_id"] == correlation
                for name in set(line.keys()) & set(columns) - {"at_ms"}:
                    assert line[name] == columns[name], (kind, name)
                found += 1
    assert found == len(before)


def test_what_the_next_start_needs_comes_along(old: Path) -> None:
    keys = set(asked(old, "SELECT time_ms, coin, tid FROM fills"))
    ((last_nonce,),) = asked(old, "SELECT max(nonce) FROM posts")
    ((tripped_at_ms, reason),) = asked(old, "SELECT tripped_at_ms, reason FROM latch")
    found = opened(old).recovered
    assert found.seen_fills == keys
    assert len(keys) > 20
    assert found.last_nonce == last_nonce + 1000
    assert found.latch == LatchState(tripped_at_ms, reason)
    assert reason
    assert (found.run_id, found.unclean) == (3, True)
    assert found.counters.trades_total > 10


def test_an_old_tape_still_plays(tmp_path: Path) -> None:
    path = unpack(2, tmp_path / "journal.db")

    def turns() -> list[int]:
        with open_tape(path, 1) as tape:
            return [turn.now_ms for turn in tape.turns]

    before = turns()
    assert len(before) > 100
    opened(path)
    assert turns() == before


def test_a_row_that_makes_no_sense_is_shown_and_keeps_nothing_from_coming_along(old: Path) -> None:
    with closing(sqlite3.connect(old)) as db:
        db.execute(
            'INSERT INTO rows VALUES (90001, 1, \'OrderRow\', 5, \'\', \'{"type":"OrderRow","unwritable":"x"}\')'
        )
        db.execute("INSERT INTO rows VALUES (90002, 1, 'Riddle', 5, '', '{}')")
        db.execute("INSERT INTO rows VALUES (90003, 1, 'TapeEnded', 5, '', '{\"reason\":\"it is full\"}')")
        db.commit()
    opened(old)
    assert asked(old, "SELECT id, kind, text FROM event_rows WHERE id > 90000 ORDER BY id") == [
        (90001, "unreadable row", 'OrderRow: {"type":"OrderRow","unwritable":"x"}'),
        (90002, "unreadable row", "Riddle: {}"),
        (90003, "tape ended", "it is full"),
    ]


def test_a_journal_that_cannot_be_brought_up_to_date_stays_as_it_was(old: Path) -> None:
    with closing(sqlite3.connect(old)) as db:
        db.execute("CREATE TABLE trade_rows (x)")
        db.commit()
        (version,) = db.execute("PRAGMA user_version").fetchone()
    before = json_rows(old)
    with pytest.raises(JournalError, match="cannot be used"):
        opened(old)
    if version == 1:  # each step is whole: the first of the two was
        version = 2
    assert asked(old, "PRAGMA user_version") == [(version,)]
    assert json_rows(old) == before
    assert asked(old, "SELECT count(*) FROM sqlite_master WHERE name = 'signal_rows'") == [(0,)]


def test_every_view_can_be_asked(old: Path) -> None:
    opened(old)
    for view in VIEW_NAMES:
        asked(old, f"SELECT * FROM {view}")
    for view in set(VIEWS) - {"edges", "funding", "events", "config_in_force"}:  # nothing of that in format 2
        assert asked(old, f"SELECT count(*) FROM {view}") > [(0,)], view


def test_one_line_an_order_and_one_a_post(old: Path) -> None:
    opened(old)
    ((orders, filled),) = asked(old, "SELECT count(*), sum(status = 'filled') FROM orders")
    assert asked(old, "SELECT count(DISTINCT cloid) FROM order_rows") == [(orders,)]
    assert asked(old, "SELECT count(*) FROM orders WHERE status = 'rejected' AND reason <> ''") == [(orders - filled,)]
    ((posts, answered),) = asked(old, "SELECT count(*), sum(outcome = 'answered' AND closed_ms >= at_ms) FROM posts")
    assert asked(old, "SELECT count(*) FROM post_rows") == [(2 * posts,)]
    assert answered == posts


def test_numbers_in_a_view_compare_as_numbers(old: Path) -> None:
    opened(old)
    assert asked(old, "SELECT count(*) FROM fills WHERE price > 1000") != asked(old, "SELECT count(*) FROM fills")
    assert asked(old, "SELECT count(*) FROM fills WHERE price > 1000 AND market LIKE '%NVDA'") == [(0,)]


def test_views_are_made_anew_at_each_start(tmp_path: Path) -> None:
    path = unpack(2, tmp_path / "journal.db")
    opened(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP VIEW trades")
        db.execute("CREATE VIEW trades AS SELECT 1")
        db.commit()
    opened(path)
    assert asked(path, "SELECT market FROM trades")


def test_ids_are_one_count_over_all_tables(old: Path) -> None:
    opened(old)
    every = " UNION ALL ".join(f"SELECT id FROM {t}" for t in ROW_TABLES)
    assert asked(old, f"SELECT count(*) - count(DISTINCT id) FROM ({every})") == [(0,)]


PLAN_SQL = """
WITH edge_calc AS (
    SELECT
        expected_edge_bps,
        CASE WHEN side = 'buy'
            THEN (exit_price - entry_price) / entry_price * 10000
            ELSE (entry_price - exit_price) / entry_price * 10000
        END AS actual_edge_bps
    FROM trades
    WHERE created_at >= {since}
)
SELECT
    AVG(expected_edge_bps) AS avg_expected,
    AVG(actual_edge_bps) AS avg_actual,
    AVG(expected_edge_bps) - AVG(actual_edge_bps) AS avg_slippage
FROM edge_calc
"""
"""Plan 3.6, letter for letter but for NOW() - INTERVAL '1 day', which SQLite spells datetime('now', '-1 day')."""


def test_the_plans_own_question_is_answered_and_knows_the_day(old: Path) -> None:
    opened(old)
    ((expected, actual, slippage),) = asked(old, PLAN_SQL.format(since="datetime('2026-11-26')"))
    trades = [
        json.loads(t)
        for (t,) in asked(old, "SELECT json_object('e', expected_edge_bps, 'a', actual_edge_bps) FROM trade_rows")
    ]
    assert expected == pytest.approx(sum(float(t["e"]) for t in trades) / len(trades))
    assert actual == pytest.approx(sum(float(t["a"]) for t in trades) / len(trades))
    assert slippage == pytest.approx(expected - actual)
    assert asked(old, PLAN_SQL.format(since="datetime('2026-11-27')")) == [(None, None, None)]
