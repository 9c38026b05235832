"""Everything that one correlation id went through, in the order in which the journal heard of it.

Decides nothing. Easy to get wrong: a post has no id of its own here, it belongs to whatever its orders belong to; and a payment of funding
belongs to the trade that was open on its market at that time.

SPEC 10 (every row carries its correlation id).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal

from core.messages.records import (
    AnyRecord,
    EventRecord,
    FillRecord,
    OrderRecord,
    PostRecord,
    RecordKind,
    SignalRecord,
    Step,
    TradeRecord,
)
from core.runtime.journal_pages import records

_Numbered = tuple[int, Step]
_BY_ID = "correlation_id = ? AND correlation_id <> ''"
"""The second half says nothing new, but lets SQLite use the indexes, which leave the empty ones out."""
_POST_OF = """id IN (SELECT o.id FROM order_rows r JOIN post_orders p ON p.cloid = r.cloid
    JOIN post_rows o ON o.run_id = p.run_id AND o.post_id = p.post_id WHERE r.correlation_id = ? AND r.correlation_id <> '')"""


def chain_of(db: sqlite3.Connection, correlation_id: str) -> tuple[Step, ...]:
    """See `RecordsHandle.chain`."""
    if not correlation_id:
        return ()
    steps: list[_Numbered] = []
    for kind, say in (
        (RecordKind.SIGNALS, _signal),
        (RecordKind.POSTS, _post),
        (RecordKind.FILLS, _fill),
        (RecordKind.TRADES, _trade),
        (RecordKind.EVENTS, _event),
    ):
        condition = _POST_OF if kind is RecordKind.POSTS else _BY_ID
        steps += [(r.row, say(r)) for r in records(db, kind, condition, (correlation_id,))]
    steps += _changes(db, correlation_id)
    steps += _edges(db, correlation_id)
    steps += _funding(db, correlation_id)
    return tuple(step for _, step in sorted(steps, key=lambda s: s[0]))


def _signal(r: AnyRecord) -> Step:
    assert isinstance(r, SignalRecord)
    seen = (
        f"{r.market} {r.side.value} edge {r.edge_bps:.1f} bps, {_n(r.size)} @ {_n(r.price)}, oracle {_n(r.oracle_px)}"
    )
    return Step(r.at_ms, "signal", f"{seen}: {r.verdict}", r)


def _post(r: AnyRecord) -> Step:
    assert isinstance(r, PostRecord)
    took = "" if r.closed_ms is None else f" after {r.closed_ms - r.at_ms} ms"
    return Step(r.at_ms, "post", f"post {r.post_id}, nonce {r.nonce}, {r.count} {r.kind}: {r.outcome}{took}", r)


def _fill(r: AnyRecord) -> Step:
    assert isinstance(r, FillRecord)
    text = f"{r.market} {r.side.value} {_n(r.size)} @ {_n(r.price)}, fee {_n(r.fee_usd)} USD, {r.direction}"
    return Step(r.at_ms, "fill", text.rstrip(", "), r)


def _trade(r: AnyRecord) -> Step:
    assert isinstance(r, TradeRecord)
    text = f"{r.market} closed by {r.exit_reason.value}, {r.actual_edge_bps:+.1f} bps, net {r.net_pnl_usd:+.4f} USD"
    return Step(r.at_ms, "trade", text, r)


def _event(r: AnyRecord) -> Step:
    assert isinstance(r, EventRecord)
    return Step(r.at_ms, "event", f"{r.severity.value} {r.kind}: {r.text}", r)


def _changes(db: sqlite3.Connection, correlation_id: str) -> Iterator[_Numbered]:
    last = {r.row: r for r in records(db, RecordKind.ORDERS, _BY_ID, (correlation_id,)) if isinstance(r, OrderRecord)}
    for r in db.execute(f"SELECT * FROM order_rows WHERE {_BY_ID} ORDER BY id", (correlation_id,)):
        filled = f", {r['filled_size']} filled" if Decimal(r["filled_size"]) else ""
        text = f"{r['purpose']} {r['side']} {r['size']} @ {r['price']} {r['cloid'][-6:]}: {r['status']}{filled}"
        yield r["id"], Step(r["at_ms"], "order", text + (f" ({r['reason']})" if r["reason"] else ""), last.get(r["id"]))


def _edges(db: sqlite3.Connection, correlation_id: str) -> Iterator[_Numbered]:
    for r in db.execute("SELECT * FROM edge_rows WHERE correlation_id = ? ORDER BY id", (correlation_id,)):
        when = "at the fill" if not r["after_ms"] else f"{r['after_ms'] // 1000} s after the fill"
        edge = "no fresh data" if r["edge_bps"] is None else f"{Decimal(r['edge_bps']):.1f} bps"
        yield r["id"], Step(r["at_ms"], "edge", f"{when}: {edge}")


def _funding(db: sqlite3.Connection, correlation_id: str) -> Iterator[_Numbered]:
    sql = """SELECT f.id, f.at_ms, f.time_ms, f.market, f.usdc FROM funding_rows f JOIN trade_rows t
        ON t.market = f.market AND f.time_ms > t.entry_ms AND f.time_ms <= t.exit_ms WHERE t.correlation_id = ? AND t.correlation_id <> ''"""
    for r in db.execute(sql, (correlation_id,)):
        yield r["id"], Step(r["time_ms"], "funding", f"{r['market']} {Decimal(r['usdc']):+f} USD")


def _n(value: Decimal) -> str:
    return f"{value.normalize():f}"
