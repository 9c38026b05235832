"""The one question before a dangerous key on mainnet: exactly what would be sent, and the focus on Cancel.

It follows the snapshot while it is open, because what is sent is what is open when it is confirmed.

SPEC 11.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import ClassVar

from textual.binding import BindingType
from textual.widgets import Button

from core.messages.snapshot import OrderView, PositionView, Snapshot
from core.model.order import OrderStatus
from hip3_tui import format as f
from hip3_tui.operator_actions import OperatorAction
from hip3_tui.panes.live_lines import Line, join, text
from hip3_tui.panes.picture import Picture
from hip3_tui.panes.status import network_plate
from hip3_tui.screens.dialog import Dialog, letters_that_act

_MOST_ROWS = 8


class ConfirmScreen(Dialog[bool]):
    """Dismissed with True to go on, anything else not to."""

    BINDINGS: ClassVar[list[BindingType]] = letters_that_act()
    HINT = "Enter: the focused button   Esc: cancel"

    def __init__(self, action: OperatorAction, picture: Picture) -> None:
        super().__init__(picture, dangerous=True)
        self.action = action

    def on_mount(self) -> None:
        self.query_one("#dialog").border_title = f"{self.action.title}?"
        self.query_one("#cancel", Button).focus()

    def body(self, picture: Picture) -> list[Line]:
        snapshot = picture.snapshot
        assert snapshot is not None, "nothing is asked before the engine has reported"
        rows = flatten_preview(snapshot) if self.action.id == "flatten_all" else cancel_preview(snapshot)
        hidden = len(rows) - _MOST_ROWS
        if hidden > 0:
            rows = [*rows[:_MOST_ROWS], text(f"+{hidden} more", "warn")]
        stale = [text(f" STALE: seen {f.age(picture.age_ms)} ago ", "plate-bad")] if picture.is_stale else []
        return [
            join([network_plate(snapshot), text("real money" if snapshot.run.network == "mainnet" else "")]),
            (),
            *rows,
            (),
            *stale,
            text(self.action.help, "dim"),
        ]

    def buttons(self) -> Iterable[Button]:
        yield Button("Cancel", id="cancel")
        yield Button(self.action.confirm_label, id="go", classes="-danger")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "go")


def flatten_preview(snapshot: Snapshot) -> list[Line]:
    """One order for each position that is ours to close: the whole of it, the other way."""
    if not snapshot.positions:
        return [text("no position is open now; one that opens before you confirm is closed too", "warn")]
    slippage_bps = snapshot.run.flatten_slippage_bps
    return [_closing(position, slippage_bps) for position in snapshot.positions]


def _closing(position: PositionView, slippage_bps: Decimal) -> Line:
    side = position.side.opposite
    about = position.mark_px if position.mark_px is not None else position.entry_px
    # To the digits of the mark: close enough to see what may happen; the engine rounds to the tick.
    bound = (about * (1 + side.sign * slippage_bps / 10_000)).quantize(
        about, ROUND_CEILING if side.is_buy else ROUND_FLOOR
    )
    return _sent(
        f"{'BUY' if side.is_buy else 'SELL'}",
        f.size(position.size),
        position.market.name,
        f"{'up' if side.is_buy else 'down'} to {f.price(bound)}",
        about * position.size,
        "EXTERNAL" if position.is_external else "",
    )


def cancel_preview(snapshot: Snapshot) -> list[Line]:
    """The orders of ours that are not over. Exits are left alone."""
    orders = [order for order in snapshot.orders if can_be_canceled(order)]
    if not orders:
        return [text("no order of ours is open now; one that opens before you confirm is cancelled too", "warn")]
    return [
        _sent(
            f"CANCEL {'BUY' if order.side.is_buy else 'SELL'}",
            f.size(order.size - order.filled),
            order.market.name,
            f"at {f.price(order.price)}",
            order.price * (order.size - order.filled),
            " UNKNOWN " if order.status is OrderStatus.UNKNOWN else order.status.value,
        )
        for order in orders
    ]


def can_be_canceled(order: OrderView) -> bool:
    return not order.status.is_terminal and not order.is_external and not order.reduce_only


def _sent(what: str, size: str, market: str, price: str, notional: Decimal, how: str) -> Line:
    return (
        (f"{what:<11} ", "strong"),
        (f"{size:>9} ", "strong"),
        (f.fit(market, 11), "strong"),
        (f"{price:<17}", ""),
        (f"{f.usd(notional):>9}", ""),
        (f"  {how}", "dim"),
    )
