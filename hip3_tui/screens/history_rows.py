"""Rows of the journal as cells of a table, as lines of details, and as CSV.

A table has the columns that its width allows, the most telling first; the details and the file have everything. Rule that is easy to get wrong: the
table rounds for the eye, the file does not, because somebody will add it up.

SPEC 10, 11.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

from core.messages.effects import Severity
from core.messages.records import (
    AnyRecord,
    EventRecord,
    FillRecord,
    OrderRecord,
    PostRecord,
    RecordKind,
    SignalRecord,
    TradeRecord,
)
from core.model.cloid import short
from core.model.order import OrderSide
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line

TIME = "TIME (UTC)"
Cell = tuple[str, str]
"""Text and the name of its style."""


class Column(NamedTuple):
    title: str
    width: int
    cell: Callable[[Any], Cell]
    right: bool = False
    least: int = 0
    """Shown from this width of the table on."""
    most: int = 9_999
    """And up to this one."""


def _plain(words: str, style: str = "") -> Cell:
    return (words, style)


def _time(record: Any) -> Cell:
    return (f.date_time(record.at_ms), "dim")


def _short_time(record: Any) -> Cell:
    return (f.date_time(record.at_ms)[5:], "dim")


_TIMES = (Column(TIME, 14, _short_time, most=99), Column(TIME, 19, _time, least=100))


def _market(record: Any) -> Cell:
    return (record.market.name, "strong")


def _side(record: Any) -> Cell:
    return ("BUY" if record.side is OrderSide.BUY else "SELL", "accent")


def _money(amount: Decimal | None) -> Cell:
    if amount is None:
        return (f.UNKNOWN, "dim")
    return (f.signed_usd(amount), "good" if amount > 0 else "bad" if amount < 0 else "")


def _order_state(record: OrderRecord) -> Cell:
    words = record.status
    return (words.upper() if words == "unknown" else words, "warn" if words in ("unknown", "rejected") else "")


_SEVERITY = {Severity.INFO: "", Severity.WARNING: "warn", Severity.CRITICAL: "bad"}

_ORDERS = (
    *_TIMES,
    Column("MARKET", 11, _market),
    Column("SIDE", 4, _side),
    Column("SIZE", 8, lambda r: _plain(f.size(r.size)), right=True),
    Column("FILLED", 9, lambda r: _plain(f.size(r.filled)), right=True, least=112),
    Column("PRICE", 9, lambda r: _plain(f.price(r.price)), right=True),
    Column("STATE", 10, _order_state),
    Column("KIND", 8, lambda r: _plain(("RO " if r.reduce_only else "") + r.purpose), least=112),
    Column("CLOID", 6, lambda r: _plain(short(r.cloid), "dim"), least=124),
    Column("OID", 12, lambda r: _plain(f.UNKNOWN if r.oid is None else str(r.oid), "dim"), right=True, least=140),
    Column("WHY", 0, lambda r: _plain(r.reason, "dim")),
)
_FILLS = (
    *_TIMES,
    Column("MARKET", 11, _market),
    Column("SIDE", 4, _side),
    Column("SIZE", 9, lambda r: _plain(f.size(r.size)), right=True),
    Column("PRICE", 10, lambda r: _plain(f.price(r.price)), right=True),
    Column("FEE", 9, lambda r: _plain(f"${r.fee_usd:.4f}"), right=True, least=90),
    Column("PNL", 8, lambda r: _money(r.closed_pnl_usd) if r.closed_pnl_usd else ("", ""), right=True),
    Column("TAKES", 6, lambda r: _plain("taker" if r.crossed else "maker", "dim"), least=112),
    Column("CLOID", 6, lambda r: _plain(short(r.cloid), "dim"), least=120),
    Column("TID", 16, lambda r: _plain(str(r.tid), "dim"), right=True, least=150),
    Column("WHAT", 0, lambda r: _plain(r.direction, "dim")),
)
_TRADES = (
    *_TIMES,
    Column("MARKET", 11, _market),
    Column("SIDE", 5, lambda r: _plain("LONG" if r.side is OrderSide.BUY else "SHORT", "accent")),
    Column("SIZE", 9, lambda r: _plain(f.size(r.size)), right=True, least=110),
    Column("ENTRY", 10, lambda r: _plain(f.price(r.entry_price)), right=True, least=110),
    Column("EXIT", 10, lambda r: _plain(f.price(r.exit_price)), right=True, least=110),
    Column("NET PNL", 8, lambda r: _money(r.net_pnl_usd), right=True),
    Column("EXPECTED", 8, lambda r: _plain(f.signed_bps(r.expected_edge_bps), "dim"), right=True, least=130),
    Column("ACTUAL", 7, lambda r: _plain(f.signed_bps(r.actual_edge_bps)), right=True),
    Column("SLIPPED", 7, lambda r: _plain(f.signed_bps(r.slippage_bps), "dim"), right=True, least=130),
    Column("HELD", 6, lambda r: _plain(f.age(r.exit_ms - r.entry_ms)), right=True),
    Column("FLAT IN", 7, lambda r: _plain(f.age(r.flat_time_ms)), right=True, least=150),
    Column("BECAUSE", 0, lambda r: _plain(r.exit_reason.value, "warn" if r.exit_attempts > 1 else "")),
)
_SIGNALS = (
    *_TIMES,
    Column("MARKET", 11, _market),
    Column("SIDE", 4, _side),
    Column("EDGE", 7, lambda r: _plain(f.signed_bps(r.edge_bps)), right=True),
    Column("EXPECTED", 8, lambda r: _plain(f.signed_bps(r.expected_edge_bps), "dim"), right=True, least=100),
    Column("ORACLE", 10, lambda r: _plain(f.price(r.oracle_px)), right=True, least=110),
    Column("TOUCH", 10, lambda r: _plain(f.price(r.touch_px)), right=True, least=110),
    Column("SIZE", 9, lambda r: _plain(f.size(r.size)), right=True, least=110),
    Column("VERDICT", 0, lambda r: _plain(r.verdict, "good" if r.accepted else "warn")),
)
_POSTS = (
    *_TIMES,
    Column("POST", 6, lambda r: _plain(str(r.post_id)), right=True),
    Column("KIND", 12, lambda r: _plain(r.kind)),
    Column("ORDERS", 6, lambda r: _plain(str(r.count)), right=True),
    Column(
        "TOOK", 7, lambda r: _plain(f.UNKNOWN if r.closed_ms is None else f.latency(r.closed_ms - r.at_ms)), right=True
    ),
    Column("NONCE", 13, lambda r: _plain(str(r.nonce), "dim"), right=True, least=100),
    Column("OUTCOME", 0, lambda r: _plain(r.outcome or "open", "" if r.outcome else "warn")),
)
_EVENTS = (
    *_TIMES,
    Column("NO", 5, lambda r: _plain("" if r.number is None else str(r.number), "dim"), right=True, least=90),
    Column("KIND", 12, lambda r: _plain(r.kind, _SEVERITY[r.severity])),
    Column("WHAT", 0, lambda r: _plain(r.text, _SEVERITY[r.severity])),
)

COLUMNS: dict[RecordKind, tuple[Column, ...]] = {
    RecordKind.ORDERS: _ORDERS,
    RecordKind.FILLS: _FILLS,
    RecordKind.TRADES: _TRADES,
    RecordKind.SIGNALS: _SIGNALS,
    RecordKind.POSTS: _POSTS,
    RecordKind.EVENTS: _EVENTS,
}
RECORD_TYPES: dict[RecordKind, type[Any]] = {
    RecordKind.ORDERS: OrderRecord,
    RecordKind.FILLS: FillRecord,
    RecordKind.TRADES: TradeRecord,
    RecordKind.SIGNALS: SignalRecord,
    RecordKind.POSTS: PostRecord,
    RecordKind.EVENTS: EventRecord,
}
_PADDING = 1
"""Cells that a DataTable leaves at each side of a cell."""


def columns_for(kind: RecordKind, width: int) -> list[Column]:
    """Those for a table of this width; the last one, of width 0, takes what is left."""
    shown = [column for column in COLUMNS[kind] if column.least <= width <= column.most]
    used = sum(column.width + 2 * _PADDING for column in shown)
    return [column._replace(width=max(8, width - used)) if column.width == 0 else column for column in shown]


def details(record: AnyRecord) -> list[Line]:
    """Every field of a row, in its own name."""
    fields = [(name, value_text(getattr(record, name), name)) for name in record.__struct_fields__]
    width = max(len(name) for name, _ in fields) + 2
    return [((f"{name.replace('_', ' '):<{width}}", "dim"), (value, "")) for name, value in fields if value]


def value_text(value: Any, name: str = "") -> str:
    if value is None:
        return f.UNKNOWN
    if isinstance(value, Enum):
        return str(value.value)
    if name.endswith("_ms") and isinstance(value, int) and value > 10**11:
        return f"{f.date_time(value)}.{value % 1000:03} UTC"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def csv_text(kind: RecordKind, records: Iterable[AnyRecord]) -> str:
    """All fields, unrounded, times in Unix ms as the journal has them."""
    names = RECORD_TYPES[kind].__struct_fields__
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for record in records:
        writer.writerow([_csv_cell(getattr(record, name)) for name in names])
    return out.getvalue()


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Enum):
        return str(value.value)
    words = str(value)
    # What begins like a formula is one to a spreadsheet, and some of these words are the exchange's.
    return f"'{words}" if words[:1] in ("=", "+", "@", "\t") or (words[:1] == "-" and not _is_number(words)) else words


def _is_number(words: str) -> bool:
    try:
        float(words)
    except ValueError:
        return False
    return True
