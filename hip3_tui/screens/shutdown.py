"""Leaving: how far the orderly stop has come, and the dialog for an operator who will not wait.

The first Q asks the engine to get flat; the program ends when it is, or when its grace is over. The second Q says what stays open and offers to leave
at once, with the focus on Stay.

SPEC 8, 11.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual.widgets import Button

from core.messages.snapshot import ShutdownView, Snapshot
from hip3_tui import format as f
from hip3_tui.operator_actions import key_of, keymap_of
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.dialog import Dialog

_BAR = 40


class ShutdownScreen(Dialog[None]):
    """Progress; stays until the program ends."""

    TITLE_TEXT = "Leaving: flat first"

    def __init__(self, picture: Picture) -> None:
        super().__init__(picture)
        for key in keymap_of(picture).keys("quit"):
            self._bindings.bind(key, "app.operate('quit')", "Leave now", show=False)

    def hint(self) -> str:
        if self.picture.window is not None:
            return f"{key_of(self.picture, 'quit')}: close this window"
        return f"{key_of(self.picture, 'quit')}: leave now   {key_of(self.picture, 'hard_stop')}: hard stop"

    def action_close(self) -> None:
        """Escape does not hide it: the stop goes on, and the operator must see that."""

    def body(self, picture: Picture) -> list[Line]:
        snapshot = picture.snapshot
        if picture.death:
            return [text("The engine is dead and cannot close anything any more.", "bad"), *_open_things(snapshot)]
        if snapshot is None or (snapshot.shutdown is None and not snapshot.finished):
            return [text("The engine was asked to stop; waiting for its first word about it.")]
        if snapshot.shutdown is None:
            return [text("The engine has stopped; leaving."), *_open_things(snapshot)]
        return progress(snapshot.shutdown, snapshot, picture.now_ms)


def progress(stop: ShutdownView, snapshot: Snapshot, now_ms: int) -> list[Line]:
    """Step, what is left, and the time until the program leaves whatever is open."""
    left_ms = max(0, stop.deadline_ms - snapshot.at_ms)
    filled, rest = f.bar(left_ms / max(1, stop.deadline_ms - stop.since_ms), _BAR)
    left = stop.orders_left + stop.positions_left
    return [
        (("now    ", "dim"), (stop.step, "strong"), (f"   ({stop.reason})", "dim")),
        (
            ("left   ", "dim"),
            (
                f"{f.plural(stop.orders_left, 'order')}, {f.plural(stop.positions_left, 'position')}",
                "warn" if left else "good",
            ),
        ),
        (("time   ", "dim"), (filled, "warn"), (rest, "track"), (f" {f.countdown(left_ms)} to the deadline", "")),
        text("What is not closed by then stays open at the exchange, unwatched.", "dim"),
    ]


class LeaveScreen(Dialog[bool]):
    """Dismissed with True to leave at once."""

    TITLE_TEXT = "Leave now, before the engine is done?"
    HINT = "Enter: the focused button   Esc: stay"

    def __init__(self, picture: Picture) -> None:
        super().__init__(picture, dangerous=True)

    def on_mount(self) -> None:
        self.query_one("#stay", Button).focus()

    def body(self, picture: Picture) -> list[Line]:
        return [
            *_open_things(picture.snapshot),
            (),
            text("Leaving now ends the engine at once: no time stop, no flatten, no", "strong"),
            text("hard stop. The exchange keeps what is open.", "strong"),
        ]

    def buttons(self) -> Iterable[Button]:
        yield Button("Stay", id="stay")
        yield Button("Leave now", id="go", classes="-danger")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "go")


def _open_things(snapshot: Snapshot | None) -> list[Line]:
    """What stays open, by name."""
    if snapshot is None:
        return [text("The engine never reported: what is open is not known.", "warn")]
    lines = [
        (
            (" STAYS OPEN ", "plate-warn"),
            (
                f" {position.market.name} {'LONG' if position.side.is_buy else 'SHORT'} {f.size(position.size)}",
                "strong",
            ),
            (f"  {f.usd(position.notional_usd)}  uPnL {f.signed_usd(position.upnl_usd)}", ""),
        )
        for position in snapshot.positions
    ]
    orders = sum(not order.is_settled for order in snapshot.orders)
    if orders:
        lines.append(((" STAYS OPEN ", "plate-warn"), (f" {f.plural(orders, 'order')} not over", "strong"), ("", "")))
    return list(lines) or [text("Nothing is open as far as the engine knows.", "good")]
