"""The one question before a dangerous key where mainnet's rules apply: exactly what would be sent, and the focus on Cancel.

It follows the snapshot while it is open, because what is sent is what is open when it is confirmed.

SPEC 11.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual.widgets import Button

from hip3_tui import format as f
from hip3_tui.operator_action import OperatorAction
from hip3_tui.panes.live_lines import Line, join, text
from hip3_tui.panes.picture import MAINNET, Picture
from hip3_tui.panes.status import network_plate
from hip3_tui.previews import Sending
from hip3_tui.screens.dialog import Dialog

_MOST_ROWS = 8


class ConfirmScreen(Dialog[bool]):
    """Dismissed with True to go on, anything else not to."""

    HINT = "Enter: the focused button   Esc: cancel"

    def __init__(self, action: OperatorAction, picture: Picture) -> None:
        super().__init__(picture, dangerous=True)
        self.action = action

    def on_mount(self) -> None:
        self.query_one("#dialog").border_title = f"{self.action.title_for(self.picture)}?"
        self.query_one("#cancel", Button).focus()

    def body(self, picture: Picture) -> list[Line]:
        snapshot = picture.snapshot
        assert snapshot is not None, "nothing is asked before the engine has reported"
        sendings = [] if self.action.preview is None else self.action.preview(picture)
        rows = [_row(sending) for sending in sendings]
        hidden = len(rows) - _MOST_ROWS
        if hidden > 0:
            rows = [*rows[:_MOST_ROWS], text(f"+{hidden} more", "warn")]
        if not rows:
            rows = [text("nothing is open now; what opens before you confirm is included", "warn")]
        stale = [text(f" STALE: seen {f.age(picture.age_ms)} ago ", "plate-bad")] if picture.is_stale else []
        money = "real money" if snapshot.run.network == MAINNET else "a rehearsal, on mainnet's rules"
        return [
            join([network_plate(snapshot.run), text(money)]),
            (),
            *rows,
            (),
            *stale,
            *(text(line, "dim") for line in f.wrap(self.action.help, self.WIDTH)),
        ]

    def buttons(self) -> Iterable[Button]:
        yield Button("Cancel", id="cancel")
        yield Button(self.action.confirm_label, id="go", classes="-danger")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "go")


def _row(sending: Sending) -> Line:
    return (
        (f"{sending.what:<11} ", "strong"),
        (f"{sending.size:>9} ", "strong"),
        (f.fit(sending.market, 11), "strong"),
        (f"{sending.price:<17}", ""),
        (f"{sending.notional:>9}", ""),
        (f"  {sending.note}", "dim"),
    )
