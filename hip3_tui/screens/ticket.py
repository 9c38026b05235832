"""The order ticket: one order by hand. Above what is asked for, below what would be sent and whether it would be let through; then its life.

It works nothing out itself: the preview comes from outside (`Outside.preview`), the life from the snapshot, and the engine judges again when the
order comes. Easy to get wrong: Enter in a field never sends, it goes to the button; an order is sent with the id that its preview showed, so
a second press of the same button cannot make a second order; and closing the ticket ends nothing.

SPEC 11 (order ticket); lessons L01, L18, L37.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import count
from typing import ClassVar

from msgspec.structs import replace
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static

from core.messages.commands import CancelOrder, PlaceOrder
from core.messages.ticket import OrderLifeView, OrderPreview
from core.model.cloid import Cloid, cloid_by_hand, short
from core.model.market import MarketKey
from core.model.order import OrderSide, TimeInForce
from hip3_tui import format as f
from hip3_tui.console import Console
from hip3_tui.operator_action import OperatorAction
from hip3_tui.operator_actions import ACTIONS
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.picture import Picture
from hip3_tui.previews import Sending
from hip3_tui.screens.choice import Choice
from hip3_tui.screens.confirm import ConfirmScreen
from hip3_tui.screens.dialog import Dialog, content
from hip3_tui.screens.ticket_words import NO_BUILDER, life_lines, preview_lines

_AROUND_STEPS = 15
"""Rows of the screen that the steps of a life do not get: the rest of the box, and what is told at the bottom."""
_NUMBERS: Iterator[int] = count(1)
"""Of the orders by hand of this program: an id is good once."""


class BadField(Exception):
    """What is typed cannot be an order; which field, and why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field
        self.why = why


class TicketScreen(Dialog[None]):
    TITLE_TEXT = "Order by hand"
    HINT = "Tab/Up/Down: field   Left/Right: choice   Esc: close"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    def __init__(self, picture: Picture, console: Console) -> None:
        super().__init__(picture, dangerous=picture.asks_first)
        self.console = console
        self._number = next(_NUMBERS)
        self._followed = ""
        """Command id of the order whose life is shown; empty: one is being written."""
        snapshot = picture.snapshot
        self._markets = [m.market for m in snapshot.markets] if snapshot is not None else []
        # Kept, not asked for by name: a picture may come while the screen is being put together or taken down.
        self._amount, self._price = (
            Input(words, id=name, max_length=16) for name, words in (("amount", "11"), ("price", "50"))
        )
        self._amount.cursor_blink = self._price.cursor_blink = False
        names = [str(m) for m in self._markets] or ["-"]
        self._which = Choice(names, id="market", all_seen=False)
        self._side, self._tif = Choice(["BUY", "SELL"], id="side"), Choice(["IOC", "GTC", "ALO"], id="tif")
        self._unit, self._priced = (
            Choice(["USD", "coin"], id="unit"),
            Choice(["bps from touch", "limit price"], id="priced"),
        )
        self._reduce = Choice(["no", "yes"], id="reduce")
        self._buttons = {
            "close": Button("Close", id="close"),
            "last": Button("Last order", id="last"),
            "new": Button("New order", id="new"),
            "cancel_it": Button("Cancel it", id="cancel_it", classes="-danger"),
            "go": Button("Send", id="go", classes="-danger"),
        }
        self._words = Static("", id="body")
        self._complaint = Static("", id="complaint", markup=False)
        self._rows: list[Widget] = []

    # --- drawing -----------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="dialog", can_focus=False) as box:
            box.border_title = self.TITLE_TEXT
            box.border_subtitle = self.hint()
            self._rows = self._form()
            yield from self._rows
            yield self._words
            yield self._complaint
            yield Horizontal(*self._buttons.values(), id="buttons")

    def _form(self) -> list[Widget]:
        return [
            _row("Market", self._which),
            _row("Side", self._side, Label("Order", classes="name"), self._tif),
            _row("Amount", self._amount, self._unit),
            _row("Price", self._price, self._priced),
            _row("Reduce-only", self._reduce),
        ]

    def on_mount(self) -> None:
        self.show(self.picture)
        self._amount.focus()

    def show(self, picture: Picture) -> None:
        self.picture = picture
        lines = self.body(picture)
        if lines != self._shown:
            self._shown = lines
            self._words.update(content(lines))
        self._arrange()

    def body(self, picture: Picture) -> list[Line]:
        if self._followed:
            return self._life_body(picture)
        try:
            wish = self._wish("preview", "")
        except BadField as bad:
            return [text(f"{bad.field}: {bad.why}", "warn")]
        preview = self._preview(wish)
        if preview is None:
            return [text("no preview here: the engine judges the order when it gets it", "warn")]
        stale = [text(f" STALE: seen {f.age(picture.age_ms)} ago ", "plate-bad")] if picture.is_stale else []
        return [*stale, *preview_lines(wish.side.value, wish.tif.value, preview, self.WIDTH)]

    def _life_body(self, picture: Picture) -> list[Line]:
        life = self._life
        if life is None:
            return [text("handed to the engine; it has not answered yet", "warn")]
        return life_lines(life, picture.now_ms, self.WIDTH, max(6, self.app.size.height - _AROUND_STEPS))

    def _arrange(self) -> None:
        """Form and buttons for writing an order, or for following one."""
        following, life = bool(self._followed), self._life
        for row in self._rows:
            row.display = not following
        snapshot = self.picture.snapshot
        for name, is_there in (
            ("last", not following and snapshot is not None and bool(snapshot.lives)),
            ("new", following),
            ("cancel_it", following and life is not None and life.cloid is not None and not life.is_over),
            ("go", not following),
        ):
            self._buttons[name].display = is_there

    @property
    def _life(self) -> OrderLifeView | None:
        snapshot = self.picture.snapshot
        if snapshot is None or not self._followed:
            return None
        return next((life for life in snapshot.lives if life.command_id == self._followed), None)

    # --- what is typed ---------------------------------------------------------------------------------------------------

    def on_choice_changed(self) -> None:
        self._retyped()

    def on_input_changed(self) -> None:
        self._retyped()

    def on_input_submitted(self) -> None:
        """Enter goes on to the button, and never sends by itself."""
        try:
            self._wish("preview", "")
        except BadField as bad:
            self._complain(bad)
        else:
            self._buttons["go"].focus()

    def _retyped(self) -> None:
        if self._rows:
            self._say("")
            self.show(self.picture)

    def _wish(self, command_id: str, who: str) -> PlaceOrder:
        """The order as it is typed.

        Raises:
            BadField: A field that makes no sense.
        """
        amount = _number("Amount", self._amount.value, zero=False)
        is_limit = self._priced.index == 1
        price = _number("Price", self._price.value, zero=not is_limit)
        tif = list(TimeInForce)[self._tif.index]
        if not is_limit and tif is not TimeInForce.IOC:
            raise BadField("Price", f"{tif.value.upper()} needs a limit price; bps from the touch are for IOC")
        if not self._markets:
            raise BadField("Market", "none is known yet")
        in_usd = self._unit.index == 0
        return PlaceOrder(
            command_id=command_id,
            who=who,
            market=self._market,
            side=list(OrderSide)[self._side.index],
            usd=amount if in_usd else None,
            size=None if in_usd else amount,
            limit_px=price if is_limit else None,
            slippage_bps=None if is_limit else price,
            tif=tif,
            reduce_only=self._reduce.index == 1,
            cloid=self._cloid(),
        )

    @property
    def _market(self) -> MarketKey:
        return self._markets[self._which.index]

    def _cloid(self) -> Cloid | None:
        snapshot = self.picture.snapshot
        return None if snapshot is None else cloid_by_hand(snapshot.run.cloid_space, self._number)

    def _preview(self, wish: PlaceOrder) -> OrderPreview | None:
        previewer, snapshot = self.console.outside.preview, self.picture.snapshot
        return None if previewer is None or snapshot is None else previewer(wish, snapshot)

    # --- buttons ---------------------------------------------------------------------------------------------------------

    def on_button_pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "go":
                self._try()
            case "new":
                self._write_anew()
            case "last":
                snapshot = self.picture.snapshot
                if snapshot is not None and snapshot.lives:
                    self._follow(snapshot.lives[0].command_id)
            case "cancel_it":
                self._cancel()
            case _:
                self.dismiss(None)

    def _try(self) -> None:
        self.picture = self.console.look()
        try:
            wish = self._wish("preview", "")
        except BadField as bad:
            self._complain(bad)
            return
        preview = self._preview(wish)
        refusal = preview.refusal if preview is not None else ""
        # What makes a position smaller is not kept back by a picture that may be old by now: the engine judges.
        if refusal and not wish.reduce_only:
            self._say(f"It would be denied: {refusal}")
            return
        if not self.picture.asks_first:
            self._send(wish)
            return
        question = ConfirmScreen(_question(wish, preview), self.picture)
        self.app.push_screen(question, lambda go: self._send(wish) if go else None)

    def _send(self, wish: PlaceOrder) -> None:
        """Exactly what was shown, the id included."""
        command_id = self.console.send(lambda command_id, who: replace(wish, command_id=command_id, who=who), "Ticket")
        self._follow(command_id)

    def _follow(self, command_id: str) -> None:
        self._followed = command_id
        self._say("")
        self.show(self.picture)
        self._buttons["close"].focus()

    def _write_anew(self) -> None:
        self._followed = ""
        self._number = next(_NUMBERS)
        self.show(self.picture)
        self._amount.focus()

    def _cancel(self) -> None:
        life = self._life
        if life is None or life.cloid is None:
            return
        cloid = life.cloid
        self.console.send(
            lambda command_id, who: CancelOrder(command_id=command_id, who=who, cloid=cloid), f"Cancel {short(cloid)}"
        )

    def _complain(self, bad: BadField) -> None:
        self._say(f"{bad.field}: {bad.why}")
        fields: dict[str, Widget] = {"Amount": self._amount, "Price": self._price, "Market": self._which}
        fields[bad.field].focus()

    def _say(self, words: str) -> None:
        self._complaint.update(words)


def _question(wish: PlaceOrder, preview: OrderPreview | None) -> OperatorAction:
    """What is asked once where mainnet's rules apply: this very order."""
    rounded = preview.rounded if preview is not None else None
    size = rounded.size if rounded is not None else wish.size
    price = rounded.price if rounded is not None else wish.limit_px
    sending = Sending(
        f"{wish.side.value.upper()} {wish.tif.value.upper()}",
        f.size(size),
        wish.market.name,
        f"at {f.price(price)}",
        f.usd(rounded.notional_usd if rounded is not None else wish.usd),
        f"asset {preview.facts.asset_id}" if preview is not None else "",
    )
    return dataclasses.replace(
        ACTIONS["order"],
        title="Send this order",
        help=f"One order{', reduce-only' if wish.reduce_only else ''}, {NO_BUILDER}.",
        asks=True,
        confirm_label="Send it",
        preview=lambda picture: [sending],
    )


def _row(name: str, *widgets: Widget) -> Widget:
    return Horizontal(Label(name, classes="name"), *widgets, classes="row")


def _number(field: str, typed: str, *, zero: bool) -> Decimal:
    """A number as it was typed.

    Raises:
        BadField: It is none, or one that makes no sense here.
    """
    words = typed.strip().replace(",", "").removeprefix("$")
    try:
        number = Decimal(words)
    except InvalidOperation:
        raise BadField(field, f"{typed!r} is not a number") from None
    if not number.is_finite() or number < 0 or (number == 0 and not zero):
        raise BadField(field, f"{typed!r}: expected a {'number of zero or more' if zero else 'positive number'}")
    return number
