"""The journal's rows as the facts that core.analysis reads. Works nothing out beyond summing up an order's rows.

SPEC 10.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from core.analysis.facts import DeniedFact, EdgeFact, EventFact, Facts, OrderFact, RunFact, TradeFact
from core.messages.effects import Severity
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus
from core.model.position import ExitReason, FundingPayment, Trade
from core.model.signal import Signal
from core.runtime.journal_archive import TAKEN_OUT, THROWN_AWAY, is_attached
from core.runtime.journal_tables import SIGNAL_OF_TRADE

_DAY_MS = 86_400_000
LOST = "no answer"
"""Reason of an order that became UNKNOWN because its post was not answered in time: what the counters call a timeout."""

_ORDERS = f"""
    SELECT l.run_id, l.cloid, l.purpose, f.at_ms, l.at_ms, l.status, l.oid IS NOT NULL, CAST(l.filled_size AS REAL) > 0,
        EXISTS (SELECT 1 FROM order_rows u WHERE u.cloid = l.cloid AND u.status = '{OrderStatus.UNKNOWN.value}' AND u.reason = '{LOST}')
    FROM order_rows l JOIN (SELECT max(id) AS last, min(id) AS first FROM order_rows GROUP BY cloid) o ON l.id = o.last
        JOIN order_rows f ON f.id = o.first ORDER BY l.id"""
_EVENTS = """
    SELECT at_ms, severity, kind, text, correlation_id, id FROM audit_rows WHERE severity <> 'info'
    UNION ALL SELECT at_ms, 'info', kind, text, '', id FROM event_rows WHERE kind IN ('latch', 'journal', 'unwritable row') ORDER BY id"""


def facts_of(db: sqlite3.Connection, source: str) -> Facts:
    """Everything in an open journal."""
    db.row_factory = None
    return Facts(
        source=source,
        runs=tuple(_runs(db)),
        trades=tuple(_trades(db)),
        orders=tuple(_orders(db)),
        signals=tuple(_signals(db)),
        edges=tuple(_edges(db)),
        funding=tuple(_funding(db)),
        events=tuple(EventFact(at, Severity(sev), *rest) for at, sev, *rest, _ in db.execute(_EVENTS)),
        denied=tuple(_denied(db)),
        notes=tuple(_notes(db)),
    )


def _runs(db: sqlite3.Connection) -> Iterator[RunFact]:
    sql = "SELECT run_id, started_ms, ended_ms, ended_clean, network, account, config FROM runs ORDER BY run_id"
    for run_id, started_ms, ended_ms, clean, network, account, config in db.execute(sql):
        execution: dict[str, Any] = json.loads(config).get("execution", {}) if config else {}
        slippage = execution.get("slippage_bps")
        yield RunFact(
            run_id,
            started_ms,
            ended_ms,
            bool(clean),
            network,
            account,
            None if slippage is None else Decimal(str(slippage)),
            execution.get("time_stop_ms"),
            execution.get("reduce_only_timeout_ms"),
        )


def _trades(db: sqlite3.Connection) -> Iterator[TradeFact]:
    sql = f"""
        SELECT t.run_id, {SIGNAL_OF_TRADE}, t.correlation_id, t.market, t.side, t.size, t.entry_price, t.exit_price, t.entry_ms, t.exit_ms,
            t.exit_reason, t.gross_pnl_usd, t.fees_usd, t.expected_edge_bps, t.actual_edge_bps, t.flat_time_ms, t.exit_attempts
        FROM trade_rows t ORDER BY t.id"""
    for run_id, signal_id, trade_id, market, side, *numbers in db.execute(sql):
        size, entry, exit_, entry_ms, exit_ms, reason, gross, fees, expected, actual, flat_ms, attempts = numbers
        trade = Trade(
            trade_id,
            MarketKey.parse(market),
            OrderSide(side),
            Decimal(size),
            Decimal(entry),
            Decimal(exit_),
            entry_ms,
            exit_ms,
            ExitReason(reason),
            Decimal(gross),
            Decimal(fees),
            None if expected is None else Decimal(expected),
            Decimal(actual),
            flat_ms,
            attempts,
        )
        yield TradeFact(run_id, trade, signal_id)


def _orders(db: sqlite3.Connection) -> Iterator[OrderFact]:
    for run_id, cloid, purpose, created_ms, at_ms, text, has_oid, filled, lost in db.execute(_ORDERS):
        status = OrderStatus(text)
        accepted = status is OrderStatus.FILLED or (
            status.is_terminal and status is not OrderStatus.REJECTED and has_oid
        )
        rejected = status is OrderStatus.REJECTED
        yield OrderFact(run_id, cloid, purpose, created_ms, at_ms, bool(accepted), rejected, bool(lost), bool(filled))


def _signals(db: sqlite3.Connection) -> Iterator[Signal]:
    sql = """
        SELECT correlation_id, market, side, seen_ms, oracle_px, touch_px, touch_sz, mid_px, price, size, edge_bps, fee_bps, expected_edge_bps
        FROM signal_rows WHERE verdict = 'accepted' ORDER BY id"""
    for signal_id, market, side, seen_ms, *numbers in db.execute(sql):
        yield Signal(signal_id, MarketKey.parse(market), OrderSide(side), seen_ms, *map(Decimal, numbers))


def _edges(db: sqlite3.Connection) -> Iterator[EdgeFact]:
    sql = "SELECT correlation_id, after_ms, bid_px, ask_px, edge_bps FROM edge_rows ORDER BY id"
    for signal_id, after_ms, *prices in db.execute(sql):
        bid, ask, edge = (None if p is None else Decimal(p) for p in prices)
        yield EdgeFact(signal_id, after_ms, bid, ask, edge)


def _funding(db: sqlite3.Connection) -> Iterator[FundingPayment]:
    sql = "SELECT market, time_ms, usdc, signed_size, rate FROM funding_rows ORDER BY time_ms, id"
    for market, time_ms, *numbers in db.execute(sql):
        yield FundingPayment(MarketKey.parse(market), time_ms, *map(Decimal, numbers))


def _denied(db: sqlite3.Connection) -> Iterator[DeniedFact]:
    sql = f"""
        SELECT run_id, seen_ms / {_DAY_MS} * {_DAY_MS}, count(*) FROM signal_rows WHERE verdict <> 'accepted' GROUP BY 1, 2 ORDER BY 1, 2"""
    return (DeniedFact(*row) for row in db.execute(sql))


def _notes(db: sqlite3.Connection) -> Iterator[str]:
    marks = dict(db.execute("SELECT name, value FROM high_water"))
    lost = marks.get(THROWN_AWAY if is_attached(db) else TAKEN_OUT)
    if lost:
        why = (
            "the archive was full: journal.archive_max_mb" if is_attached(db) else "the archive beside it is not there"
        )
        yield f"denied signals, posts and small talk of the first {lost} rows are missing, {why}"
    for run_id, ended_ms, clean in db.execute("SELECT run_id, ended_ms, ended_clean FROM runs ORDER BY run_id"):
        if ended_ms is None:
            yield f"run {run_id} goes on, or was killed"
        elif not clean:
            yield f"run {run_id} ended, but not in order"
