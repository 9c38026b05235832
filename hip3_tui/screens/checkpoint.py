"""A checkpoint of the run: its numbers, what the plan asks of them, and the operator's decision with a reason.

Easy to get wrong: leaving the dialog decides nothing, entries stay paused; and the verdict is the operator's, the plan's words stand beside it.

SPEC 10 (Go/No-Go), 11; plan 3.6.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from textual.widget import Widget
from textual.widgets import Button, Input, Static

from core.messages.commands import DecideCheckpoint
from core.messages.snapshot import CheckpointView
from hip3_tui import format as f
from hip3_tui.console import Console
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.dialog import Dialog

_MOST_REASON = 200
_PLAN: dict[int, tuple[str, ...]] = {
    10: ("go on: fill rate >= 80 % and slippage < 20 bps", "else: review the parameters first"),
    50: (
        "go on: PnL >= -$5 and fill rate >= 70 %",
        "back to Phase A: PnL < -$10 or fill rate < 50 %; in between: yours to decide",
    ),
    100: ("edge > 0 bps; else analyse before anything goes on",),
}
"""What the plan asks at each of its checkpoints (3.6)."""


class CheckpointScreen(Dialog[None]):
    TITLE_TEXT = "Checkpoint: go on or stop?"
    HINT = "Tab: next field   Esc: decide later, entries stay paused"
    TAKES_TEXT = True

    def __init__(self, picture: Picture, console: Console) -> None:
        super().__init__(picture, dangerous=True)
        self.console = console

    def on_mount(self) -> None:
        self.query_one("#reason", Input).focus()

    def body(self, picture: Picture) -> list[Line]:
        snapshot = picture.snapshot
        view = None if snapshot is None else snapshot.checkpoint
        if view is None or view.reached is None:
            return [text("No checkpoint waits for a decision any more.", "good")]
        plan = _PLAN.get(view.reached, ())
        return [
            ((f" CHECKPOINT {view.reached} ", "plate-warn"), ("  entries are paused", "")),
            *([text("it was decided to stop here; going on takes that back", "warn")] if view.is_stopped else []),
            (),
            *_numbers(view),
            (),
            *(text(f"the plan: {line}", "dim") for line in plan),
        ]

    def fields(self) -> Iterable[Widget]:
        reason = Input(placeholder="why (goes into the journal)", id="reason", max_length=_MOST_REASON)
        reason.cursor_blink = False
        yield reason
        yield Static("", id="complaint", markup=False)

    def buttons(self) -> Iterable[Button]:
        yield Button("Decide later", id="later")
        yield Button("Stop here", id="stop")
        yield Button("Go on", id="go", classes="-danger")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "later":
            self.dismiss(None)
        else:
            self._decide(go_on=event.button.id == "go")

    def _decide(self, *, go_on: bool) -> None:
        snapshot, reason = self.picture.snapshot, self.query_one("#reason", Input)
        reached = None if snapshot is None or snapshot.checkpoint is None else snapshot.checkpoint.reached
        if reached is None:
            self.dismiss(None)
        elif not reason.value.strip():
            self.query_one("#complaint", Static).update("Say why: the reason goes into the journal.")
            reason.focus()
        else:
            why = reason.value.strip()
            self.dismiss(None)
            self.console.send(
                lambda command_id, who: DecideCheckpoint(
                    command_id=command_id, who=who, trades=reached, go_on=go_on, reason=why
                ),
                self.TITLE_TEXT,
            )


def _numbers(view: CheckpointView) -> list[Line]:
    limit = "" if view.max_trades is None else f" of {view.max_trades}"
    return [
        _row("trades", f"{view.trades}{limit}, {view.wins} won"),
        _row("PnL, net", f.signed_usd(view.pnl_usd)),
        _row("fill rate", "not known" if view.fill_rate is None else f"{view.fill_rate * 100:.0f} %"),
        _row("edge", _bps(view.edge_bps)),
        _row("slippage", _bps(view.slippage_bps)),
    ]


def _bps(value: Decimal | None) -> str:
    return "not known" if value is None else f"{value:+.1f} bps a trade"


def _row(name: str, value: str) -> Line:
    return ((f"{name:<12}", "dim"), (value, "strong"))
