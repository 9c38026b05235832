"""The orders that are not over, oldest first, then those that ended last. UNKNOWN stands out: it is neither dead nor alive.

SPEC 6, 11.
"""

from __future__ import annotations

from typing import ClassVar

from core.messages.snapshot import OrderView, Snapshot
from core.model.cloid import short
from core.model.order import OrderStatus
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.live_table import Column, LiveTable, Row
from hip3_tui.panes.picture import Picture

_STATE_STYLE = {
    OrderStatus.QUEUED: "accent",
    OrderStatus.IN_FLIGHT: "accent",
    OrderStatus.OPEN: "strong",
    OrderStatus.PARTIAL_FILLED: "strong",
    OrderStatus.FILLED: "good",
    OrderStatus.CANCELED: "dim",
    OrderStatus.REJECTED: "bad",
}


class OrdersPane(LiveTable):
    TITLE = "Orders"
    EMPTY = "no order"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("STATE", 13),
        Column("MARKET", 10),
        Column("SIDE", 4),
        Column("SIZE", 8, right=True),
        Column("FILLED", 8, right=True, rank=4),
        Column("PRICE", 9, right=True),
        Column("KIND", 9, rank=1),
        Column("AGE", 6, right=True),
        Column("OID", 12, right=True, rank=5),
        Column("CLOID", 6, rank=3),
        Column("WHY", 14),
    )

    def empty(self, snapshot: Snapshot) -> Line:
        """Nothing known is not nothing open."""
        return super().empty(snapshot) if snapshot.ready.order_snapshot else text("not known yet", "warn")

    def note(self, picture: Picture) -> Line:
        if picture.snapshot is None:
            return ()
        live = sum(not order.is_settled for order in picture.snapshot.orders)
        return text(f"{live} live", "strong" if live else "dim")

    def needed(self, picture: Picture, rows: list[Row]) -> int:
        assert picture.snapshot is not None, "a table without a snapshot has no rows"
        return sum(not order.is_settled for order in picture.snapshot.orders)

    def rows(self, picture: Picture) -> list[Row]:
        snapshot = picture.snapshot
        assert snapshot is not None, "a table without a snapshot asks for no rows"
        return [_row(order, snapshot) for order in snapshot.orders]


def _row(order: OrderView, snapshot: Snapshot) -> Row:
    over = "dim" if order.is_settled else ""
    tif = "" if order.tif is None else order.tif.value
    cells = (
        state(order),
        text(order.market.name, over or "strong"),
        text("BUY" if order.side.is_buy else "SELL", over or "accent"),
        text(f.size(order.size), over),
        text(f.size(order.filled), over),
        text(f.price(order.price), over),
        text(f"{'RO ' if order.reduce_only else ''}{tif}", over),
        text(f.age(snapshot.at_ms - (order.updated_ms if order.is_settled else order.created_ms)), over),
        text(f.UNKNOWN if order.oid is None else str(order.oid), over),
        text(f.UNKNOWN if order.cloid is None else short(order.cloid), over),
        _why(order, over),
    )
    return Row(order_key(order), cells)


def order_key(order: OrderView) -> str:
    """Its client id; for one that was placed without, the exchange's."""
    return order.cloid if order.cloid is not None else f"oid {order.oid}"


def state(order: OrderView) -> Line:
    if order.status is OrderStatus.UNKNOWN:
        return text(" UNKNOWN ", "plate-warn")
    if order.status.is_terminal and not order.is_settled:
        return text(f"{order.status.value}, fill?", "warn")
    style = "dim" if order.is_settled and order.status is OrderStatus.FILLED else _STATE_STYLE[order.status]
    return text(order.status.value, style)


def _why(order: OrderView, over: str) -> Line:
    words = text(f"{order.purpose}: {order.reason}" if order.reason else order.purpose, over)
    return ((" EXTERNAL ", "plate-warn"), (" ", ""), *words) if order.is_external else words
