"""Reset of the hard stop: what it does, what it does not do, why it would be refused, and the words it asks for.

The refusal is the engine's own text. With one, the reset needs the typed word OVERRIDE. The engine judges again when it gets the command.

SPEC 8, 11.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget
from textual.widgets import Button, Input, Static

from core.messages.commands import ResetHardStop
from core.messages.snapshot import HardStopView
from hip3_tui import format as f
from hip3_tui.console import Console
from hip3_tui.operator_actions import ACTIONS
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.dialog import Dialog

OVERRIDE = "OVERRIDE"
_MOST_REASON = 200


class ResetScreen(Dialog[None]):
    TITLE_TEXT = "Reset the hard stop?"
    HINT = "Tab: next field   Esc: leave it tripped"
    TAKES_TEXT = True

    def __init__(self, picture: Picture, console: Console) -> None:
        super().__init__(picture, dangerous=True)
        self.console = console

    def on_mount(self) -> None:
        self.query_one("#reason", Input).focus()
        self._ask_for_word()

    def body(self, picture: Picture) -> list[Line]:
        snapshot = picture.snapshot
        assert snapshot is not None, "there is a latch to reset, so there is a snapshot"
        stop = snapshot.hard_stop
        if not stop.tripped:
            return [text("The hard stop is not tripped any more.", "good")]
        return [
            *_verdict(stop),
            *_wrapped("It tripped: ", stop.reason, "strong", self.WIDTH),
            *_wrapped(
                "Does:     ",
                "releases the latch, entries are possible again; the counts of losses in a row, flatten failures, rejections and slippage start anew.",
                "",
                self.WIDTH,
            ),
            *_wrapped(
                "Does not: ",
                "close, cancel or forget anything; the loss of the run stays counted unless overridden; paused entries stay paused.",
                "",
                self.WIDTH,
            ),
        ]

    def fields(self) -> Iterable[Widget]:
        reason = Input(
            placeholder="why it is safe to go on (goes into the journal)", id="reason", max_length=_MOST_REASON
        )
        word = Input(
            placeholder=f"type {OVERRIDE} to reset although it is refused", id="word", max_length=len(OVERRIDE)
        )
        for field in (reason, word):
            field.cursor_blink = False
            yield field
        yield Static("", id="complaint", markup=False)

    def buttons(self) -> Iterable[Button]:
        yield Button("Leave it tripped", id="stay")
        yield Button("Reset", id="go", classes="-danger")

    def show(self, picture: Picture) -> None:
        super().show(picture)
        if self.is_mounted:
            self._ask_for_word()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._try()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "go":
            self._try()
        else:
            self.dismiss(None)

    @property
    def _refusal(self) -> str:
        return "" if self.picture.snapshot is None else self.picture.snapshot.hard_stop.reset_refusal

    def _ask_for_word(self) -> None:
        self.query_one("#word", Input).display = bool(self._refusal)

    def _try(self) -> None:
        reason, word = self.query_one("#reason", Input), self.query_one("#word", Input)
        if not reason.value.strip():
            self._complain("Say why: the reason goes into the journal.", reason)
        elif self._refusal and word.value != OVERRIDE:
            self._complain(f"It would be refused. Type {OVERRIDE}, in capitals, or leave it tripped.", word)
        else:
            why, override = reason.value.strip(), bool(self._refusal)
            self.dismiss(None)
            self.console.send(
                lambda command_id, who: ResetHardStop(command_id=command_id, who=who, reason=why, override=override),
                ACTIONS["reset"].title,
            )

    def _complain(self, words: str, field: Input) -> None:
        self.query_one("#complaint", Static).update(words)
        field.focus()


def _verdict(stop: HardStopView) -> list[Line]:
    left = f"{f.plural(stop.orders_left, 'order')} and {f.plural(stop.positions_left, 'position')} left open"
    if not stop.reset_refusal:
        return [((" WOULD BE ACCEPTED ", "plate-good"), (f"  {left}", ""))]
    return [
        ((" WOULD BE REFUSED ", "plate-warn"), (f"  {left}", "")),
        *(text(line, "warn") for line in f.wrap(stop.reset_refusal, 70)),
    ]


def _wrapped(head: str, words: str, style: str, width: int) -> list[Line]:
    pieces = f.wrap(words, width - len(head))
    return [((head if i == 0 else " " * len(head), "dim"), (piece, style)) for i, piece in enumerate(pieces)]
