"""The row under the cursor: what it is in the newest snapshot, its ids, and the one thing that a key can do to it.

A position can be flattened, an order of any owner cancelled, by the exchange's id where it has no client id; nothing can be done to the others. Easy to get wrong: the row is
looked up anew by its key each time, so a position that is gone or an order that is over offers nothing any more.

SPEC 11.
"""

from __future__ import annotations

from core.messages.commands import AnyCommand, CancelExternal, CancelOrder, FlattenMarket
from core.messages.snapshot import AuditEntry, FillView, MarketView, OrderView, PositionView
from core.model.cloid import Cloid, short
from core.model.market import MarketKey
from core.model.position import Trade
from hip3_tui.panes.fills import key_of, newest_first
from hip3_tui.panes.orders import order_key
from hip3_tui.panes.picture import Picture
from hip3_tui.previews import Sending, canceling, closing

AnyRow = PositionView | OrderView | MarketView | FillView | Trade | AuditEntry


def chosen_row(picture: Picture) -> AnyRow | None:
    """None when nothing is chosen, or when what was chosen is gone."""
    snapshot, selected = picture.snapshot, picture.selected
    if snapshot is None or selected is None:
        return None
    match selected.list:
        case "positions":
            return next((p for p in snapshot.positions if p.market.name == selected.key), None)
        case "orders":
            return next((o for o in snapshot.orders if order_key(o) == selected.key), None)
        case "markets":
            return next((m for m in snapshot.markets if m.market.name == selected.key), None)
        case "fills":
            return next((row for row in newest_first(snapshot) if key_of(row) == selected.key), None)
        case "audit":
            return selected.entry
        case _:
            return None


def ids_of(row: AnyRow) -> list[tuple[str, str]]:
    """Name and value, the one that tells most first."""
    match row:
        case PositionView():
            ids = [("market", row.market.name)]
        case OrderView():
            ids = [("cloid", row.cloid or ""), ("oid", "" if row.oid is None else str(row.oid))]
        case MarketView():
            asset = "" if row.asset_id is None else str(row.asset_id)
            ids = [("market", row.market.name), ("asset id", asset)]
        case FillView():
            ids = [("tid", str(row.tid)), ("oid", str(row.oid)), ("cloid", row.cloid or "")]
        case Trade():
            ids = [("trade id", row.trade_id)]
        case AuditEntry():
            ids = [("correlation id", row.correlation_id), ("command id", row.command_id), ("line", str(row.number))]
    return [(name, value) for name, value in ids if value]


# --- flatten or cancel it --------------------------------------------------------------------------------------------


def row_deed(picture: Picture) -> str:
    """``flatten it``, ``cancel it``, or empty."""
    if row_closed_not(picture):
        return ""
    return "flatten it" if isinstance(chosen_row(picture), PositionView) else "cancel it"


def row_closed_not(picture: Picture) -> str:
    """Why the chosen row can be neither flattened nor cancelled; empty if it can."""
    match chosen_row(picture):
        case PositionView():
            return ""
        case OrderView() as order if order.status.is_terminal:
            return f"This order is over: {order.status.value}."
        case OrderView(cloid=None, oid=None):
            return "This order has no id yet: it can be named to nobody."
        case OrderView():
            return ""
        case None:
            return "Choose a position or an order first: arrow keys, or a click."
        case _:
            return "Only a position can be flattened and only an order cancelled."


def close_row(picture: Picture, command_id: str, who: str) -> AnyCommand:
    selected = picture.selected
    assert selected is not None, "what cannot be closed is not asked for"
    if selected.list == "positions":
        return FlattenMarket(command_id=command_id, who=who, market=MarketKey.parse(selected.key))
    order = chosen_row(picture)
    if isinstance(order, OrderView) and order.cloid is None:
        assert order.oid is not None, "what has no id cannot be closed"
        return CancelExternal(command_id=command_id, who=who, oid=order.oid)
    return CancelOrder(command_id=command_id, who=who, cloid=Cloid(selected.key))


def close_row_preview(picture: Picture) -> list[Sending]:
    row = chosen_row(picture)
    if isinstance(row, PositionView) and picture.snapshot is not None:
        return [closing(row, picture.snapshot.run.flatten_slippage_bps)]
    return [canceling(row)] if isinstance(row, OrderView) and not row.status.is_terminal else []


def close_row_title(picture: Picture) -> str:
    match chosen_row(picture):
        case PositionView() as position:
            return f"Flatten {position.market.name}"
        case OrderView() as order:
            name = f"oid {order.oid}" if order.cloid is None else short(order.cloid)
            return f"Cancel {'EXTERNAL ' if order.is_external else ''}order {name} on {order.market.name}"
        case _:
            return "Flatten or cancel the chosen row"
