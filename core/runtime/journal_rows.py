"""From the engine's journal rows to lines of tables: which table, which columns, how a value is kept.

Rule that is easy to get wrong: a value that a column cannot hold (half a surrogate pair, a number beyond 64 bits) must not keep the batch
it is in from the disk, for the batch would be tried for ever; it is kept as well as it can be, and a row that cannot be kept at all becomes
a line of `event_rows` that shows it.

SPEC 10.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any

from msgspec import Struct

from core.messages.effects import (
    AuditRow,
    EdgeRow,
    FillRow,
    FundingRow,
    JournalRow,
    OrderRow,
    PostRow,
    SignalRow,
    TradeRow,
)
from core.model.market import MarketKey

Cell = str | int | None
Line = tuple[Cell, ...]
UNWRITABLE = "unwritable row"


class EventRow(Struct, frozen=True):
    """What the program itself did, not the engine: runs, latch, config, journal."""

    kind: str
    text: str


AnyRow = JournalRow | EventRow


class Table(Struct, frozen=True):
    """Where rows of one kind go. Every line begins with id, run_id, at_ms; then, if it has one, the correlation id."""

    name: str
    columns: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    may_be_null: frozenset[str] = frozenset()
    identity: str = ""
    """Columns by which a row that is there already is known: it was told twice."""

    def line(self, row: Any) -> tuple[Cell, ...]:
        """Raises ValueError where something is missing that the table must have."""
        cells = tuple(cell(v) for v in self.values(row))
        missing = [c for c, v in zip(self.columns, cells, strict=True) if v is None and c not in self.may_be_null]
        if missing:
            raise ValueError(f"no {', '.join(missing)}")
        return cells

    @property
    def insert(self) -> str:
        columns = ("id", "run_id", "at_ms", *self.columns)
        told_twice = f" ON CONFLICT ({self.identity}) DO NOTHING" if self.identity else ""
        return f"INSERT INTO {self.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}){told_twice}"


_SIGNAL = (
    "oracle_px",
    "touch_px",
    "touch_sz",
    "mid_px",
    "price",
    "size",
    "edge_bps",
    "fee_bps",
    "expected_edge_bps",
)
_FILL = (
    "market",
    "side",
    "price",
    "size",
    "time_ms",
    "start_position",
    "closed_pnl",
    "fee",
    "oid",
    "tid",
    "cloid",
    "crossed",
    "direction",
    "fee_token",
)
_TRADE = (
    "market",
    "side",
    "size",
    "entry_price",
    "exit_price",
    "entry_ms",
    "exit_ms",
    "exit_reason",
    "gross_pnl_usd",
    "fees_usd",
    "expected_edge_bps",
    "actual_edge_bps",
    "flat_time_ms",
    "exit_attempts",
)
_ORDER = (
    "correlation_id",
    "cloid",
    "market",
    "status",
    "oid",
    "side",
    "price",
    "size",
    "filled_size",
    "reduce_only",
    "purpose",
    "reason",
)
_POST = ("post_id", "nonce", "kind", "count", "outcome")
_EDGE = (
    "correlation_id",
    "market",
    "side",
    "after_ms",
    "late_ms",
    "oracle_px",
    "bid_px",
    "ask_px",
    "edge_bps",
)
_FUNDING = ("market", "time_ms", "usdc", "signed_size", "rate")
_EVENT = ("kind", "text")
_AUDIT = ("number", "severity", "kind", "text", "correlation_id", "command_id")


def _get(*names: str) -> Callable[[Any], tuple[Any, ...]]:
    return lambda of: tuple(getattr(of, name) for name in names)


_signal, _fill, _trade, _payment = _get(*_SIGNAL), _get(*_FILL), _get(*_TRADE), _get(*_FUNDING)

TABLES: dict[type[Struct], Table] = {
    SignalRow: Table(
        "signal_rows",
        ("correlation_id", "market", "side", "seen_ms", "verdict", *_SIGNAL),
        lambda r: (
            r.signal.signal_id,
            r.signal.market,
            r.signal.side,
            r.signal.at_ms,
            r.verdict,
            *_signal(r.signal),
        ),
    ),
    OrderRow: Table("order_rows", _ORDER, _get(*_ORDER), frozenset({"oid"})),
    PostRow: Table("post_rows", _POST, _get(*_POST)),
    FillRow: Table(
        "fill_rows",
        ("correlation_id", *_FILL),
        lambda r: (r.correlation_id, *_fill(r.fill)),
        frozenset({"cloid"}),
        identity="time_ms, market, tid",
    ),
    TradeRow: Table(
        "trade_rows",
        ("correlation_id", *_TRADE),
        lambda r: (r.trade.trade_id, *_trade(r.trade)),
        frozenset({"expected_edge_bps"}),
    ),
    EdgeRow: Table("edge_rows", _EDGE, _get(*_EDGE), frozenset({"oracle_px", "bid_px", "ask_px", "edge_bps"})),
    FundingRow: Table("funding_rows", _FUNDING, lambda r: _payment(r.payment), identity="time_ms, market"),
    AuditRow: Table("audit_rows", _AUDIT, _get(*_AUDIT)),
    EventRow: Table("event_rows", _EVENT, _get(*_EVENT)),
}
_INSERTS = {table.name: table.insert for table in TABLES.values()}


def cell(value: Any) -> Cell:
    """A value as a column keeps it. Decimals without an exponent, so that text is what a person would write."""
    match value:
        case None:
            return None
        case bool():
            return int(value)
        case int():
            return value if -(2**63) <= value < 2**63 else str(value)
        case Decimal():
            return f"{value:f}"
        case Enum():
            return cell(value.value)
        case MarketKey():
            return value.name
    return str(value).encode("utf-8", "replace").decode()


def lines_of(rows: list[tuple[int, AnyRow]], run_id: int, next_id: int) -> dict[str, list[Line]]:
    """Lines for each statement, in the order of the rows; their ids count up from ``next_id``, one for each row."""
    lines: dict[str, list[Line]] = {}
    for number, (at_ms, row) in enumerate(rows, next_id):
        table = TABLES[type(row)]
        try:
            values = table.line(row)
            where = table.name
        except Exception as e:  # a row that was never meant to be: shown, and out of the way of the others
            where, values = "event_rows", (UNWRITABLE, ascii(f"{type(row).__name__}: {type(e).__name__}: {e}: {row}"))
        lines.setdefault(_INSERTS[where], []).append((number, run_id, at_ms, *values))
    return lines


def links_of(rows: list[tuple[int, AnyRow]], run_id: int) -> list[Line]:
    """Which orders a post carried."""
    return [(run_id, r.post_id, cell(c)) for _, r in rows if isinstance(r, PostRow) for c in r.cloids]
