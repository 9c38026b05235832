"""Rows of the journal as records, newest first, a page at a time.

Decides nothing. Easy to get wrong: rows come while somebody pages, so a page goes on below the id of the last row it showed; an order that
changed meanwhile is then seen once more at the top, and never lost.

SPEC 10, 11.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from core.messages.effects import Severity
from core.messages.records import (
    AnyRecord,
    EventRecord,
    FillRecord,
    OrderRecord,
    Page,
    PostRecord,
    RecordKind,
    SignalRecord,
    TradeRecord,
)
from core.model.market import MarketKey
from core.model.order import OrderSide
from core.model.position import ExitReason

MOST_ROWS = 1_000


class _Source(Struct, frozen=True):
    """Where the rows of one kind are, one record a row, with `id` as what orders them."""

    arms: tuple[str, ...]
    """One select for each table that has such rows."""
    searched: tuple[str, ...]
    """Columns in which the words are looked for."""
    record: Callable[[sqlite3.Row], AnyRecord]


def page_of(
    db: sqlite3.Connection, kind: RecordKind, *, search: str, before: int | None, limit: int, run_id: int | None
) -> Page:
    """See `RecordsHandle.page`."""
    assert 1 <= limit <= MOST_ROWS, f"limit {limit}: 1 to {MOST_ROWS}"
    source = _SOURCES[kind]
    conditions, values = ["1"], list[Any]()
    if before is not None:
        conditions.append("id < ?")
        values.append(before)
    if run_id is not None:
        conditions.append("run_id = ?")
        values.append(run_id)
    text = " || ' ' || ".join(f"coalesce({c}, '')" for c in source.searched)
    for word in search.split():
        conditions.append(f"{text} LIKE ? ESCAPE '!'")
        values.append(f"%{_escaped(word)}%")
    # Each arm by itself, or the newest few would be picked out of all there are.
    arm = f"SELECT * FROM (SELECT * FROM ({{}}) WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT {limit + 1})"
    sql = f"{' UNION ALL '.join(map(arm.format, source.arms))} ORDER BY id DESC LIMIT {limit + 1}"
    db.row_factory = sqlite3.Row
    rows = db.execute(sql, values * len(source.arms)).fetchall()
    shown = [source.record(row) for row in rows[:limit]]
    return Page(tuple(shown), shown[-1].row if len(rows) > limit else None)


def records(db: sqlite3.Connection, kind: RecordKind, condition: str, values: Sequence[Any]) -> list[AnyRecord]:
    """Records of a kind that fulfil a condition, oldest first; only of its first arm, the one whose rows can belong to something."""
    source = _SOURCES[kind]
    db.row_factory = sqlite3.Row
    return [
        source.record(r) for r in db.execute(f"SELECT * FROM ({source.arms[0]}) WHERE {condition} ORDER BY id", values)
    ]


def _escaped(word: str) -> str:
    return word.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _order(r: sqlite3.Row) -> OrderRecord:
    return OrderRecord(
        row=r["id"],
        run_id=r["run_id"],
        at_ms=r["at_ms"],
        correlation_id=r["correlation_id"],
        cloid=r["cloid"],
        oid=r["oid"],
        market=MarketKey.parse(r["market"]),
        side=OrderSide(r["side"]),
        price=Decimal(r["price"]),
        size=Decimal(r["size"]),
        filled=Decimal(r["filled_size"]),
        reduce_only=bool(r["reduce_only"]),
        purpose=r["purpose"],
        status=r["status"],
        reason=r["reason"],
        created_ms=r["created_ms"],
    )


def _fill(r: sqlite3.Row) -> FillRecord:
    return FillRecord(
        row=r["id"],
        run_id=r["run_id"],
        at_ms=r["time_ms"],
        correlation_id=r["correlation_id"],
        market=MarketKey.parse(r["market"]),
        side=OrderSide(r["side"]),
        price=Decimal(r["price"]),
        size=Decimal(r["size"]),
        fee_usd=Decimal(r["fee"]),
        closed_pnl_usd=Decimal(r["closed_pnl"]),
        direction=r["direction"],
        crossed=bool(r["crossed"]),
        oid=r["oid"],
        tid=r["tid"],
        cloid=r["cloid"] or "",
    )


def _trade(r: sqlite3.Row) -> TradeRecord:
    gross, fees = Decimal(r["gross_pnl_usd"]), Decimal(r["fees_usd"])
    expected, actual = _decimal(r["expected_edge_bps"]), Decimal(r["actual_edge_bps"])
    return TradeRecord(
        row=r["id"],
        run_id=r["run_id"],
        at_ms=r["exit_ms"],
        correlation_id=r["correlation_id"],
        market=MarketKey.parse(r["market"]),
        side=OrderSide(r["side"]),
        size=Decimal(r["size"]),
        entry_price=Decimal(r["entry_price"]),
        exit_price=Decimal(r["exit_price"]),
        entry_ms=r["entry_ms"],
        exit_ms=r["exit_ms"],
        exit_reason=ExitReason(r["exit_reason"]),
        gross_pnl_usd=gross,
        fees_usd=fees,
        net_pnl_usd=gross - fees,
        expected_edge_bps=expected,
        actual_edge_bps=actual,
        slippage_bps=None if expected is None else expected - actual,
        flat_time_ms=r["flat_time_ms"],
        exit_attempts=r["exit_attempts"],
    )


def _signal(r: sqlite3.Row) -> SignalRecord:
    return SignalRecord(
        row=r["id"],
        run_id=r["run_id"],
        at_ms=r["seen_ms"],
        correlation_id=r["correlation_id"],
        market=MarketKey.parse(r["market"]),
        side=OrderSide(r["side"]),
        oracle_px=Decimal(r["oracle_px"]),
        touch_px=Decimal(r["touch_px"]),
        touch_sz=Decimal(r["touch_sz"]),
        mid_px=Decimal(r["mid_px"]),
        price=Decimal(r["price"]),
        size=Decimal(r["size"]),
        edge_bps=Decimal(r["edge_bps"]),
        fee_bps=Decimal(r["fee_bps"]),
        expected_edge_bps=Decimal(r["expected_edge_bps"]),
        accepted=r["verdict"] == "accepted",
        verdict=r["verdict"],
    )


def _post(r: sqlite3.Row) -> PostRecord:
    return PostRecord(
        row=r["id"],
        run_id=r["run_id"],
        at_ms=r["at_ms"],
        correlation_id=r["correlation_id"] or "",
        post_id=r["post_id"],
        nonce=r["nonce"],
        kind=r["kind"],
        count=r["count"],
        closed_ms=r["closed_ms"],
        outcome=r["outcome"],
    )


def _event(r: sqlite3.Row) -> EventRecord:
    return EventRecord(
        row=r["id"],
        run_id=r["run_id"],
        at_ms=r["at_ms"],
        correlation_id=r["correlation_id"],
        number=r["number"],
        severity=Severity(r["severity"]),
        kind=r["kind"],
        text=r["text"],
    )


_POSTS = """
    SELECT o.id, o.run_id, o.at_ms, o.post_id, o.nonce, o.kind, o.count, c.at_ms AS closed_ms, coalesce(c.outcome, 'open') AS outcome,
        (SELECT max(r.correlation_id) FROM post_orders p JOIN order_rows r ON r.cloid = p.cloid
            WHERE p.run_id = o.run_id AND p.post_id = o.post_id) AS correlation_id
    FROM post_rows o LEFT JOIN post_rows c ON c.run_id = o.run_id AND c.post_id = o.post_id AND c.id > o.id
    WHERE o.outcome = 'opened'"""

_SOURCES = {
    RecordKind.ORDERS: _Source(
        (
            """SELECT l.*, (SELECT f.at_ms FROM order_rows f WHERE f.cloid = l.cloid ORDER BY f.id LIMIT 1) AS created_ms FROM order_rows l
                WHERE NOT EXISTS (SELECT 1 FROM order_rows n WHERE n.cloid = l.cloid AND n.id > l.id)""",
        ),
        ("market", "side", "status", "purpose", "reason", "cloid", "oid", "correlation_id"),
        _order,
    ),
    RecordKind.FILLS: _Source(
        ("SELECT * FROM fill_rows",), ("market", "side", "direction", "cloid", "oid", "tid", "correlation_id"), _fill
    ),
    RecordKind.TRADES: _Source(
        ("SELECT * FROM trade_rows",), ("market", "side", "exit_reason", "correlation_id"), _trade
    ),
    RecordKind.SIGNALS: _Source(
        ("SELECT * FROM signal_rows",), ("market", "side", "verdict", "correlation_id"), _signal
    ),
    RecordKind.POSTS: _Source((_POSTS,), ("post_id", "nonce", "kind", "outcome", "correlation_id"), _post),
    RecordKind.EVENTS: _Source(
        (
            "SELECT id, run_id, at_ms, correlation_id, number, severity, kind, text FROM audit_rows",
            "SELECT id, run_id, at_ms, '' AS correlation_id, NULL AS number, 'info' AS severity, kind, text FROM event_rows",
        ),
        ("severity", "kind", "text", "correlation_id"),
        _event,
    ),
}
