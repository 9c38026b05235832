"""Filter of the audit trail: words, and from which severity on. Nothing is thrown away; the title of the trail says what is left out.

SPEC 11.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Button, Input

from core.messages.effects import Severity
from hip3_tui.panes.audit import Filter
from hip3_tui.panes.live_lines import Line
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.dialog import Dialog

_NEXT = {
    Severity.INFO: Severity.WARNING,
    Severity.WARNING: Severity.CRITICAL,
    Severity.CRITICAL: Severity.INFO,
}
_NAMES = {
    Severity.INFO: "every line",
    Severity.WARNING: "warnings and critical lines",
    Severity.CRITICAL: "critical lines",
}


class AuditFilterScreen(Dialog[Filter]):
    """Dismissed with the filter to use, None to leave it as it is."""

    TITLE_TEXT = "Filter the audit trail"
    HINT = "Enter: apply   ↑ ↓: severity   Esc: leave it as it is"
    TAKES_TEXT = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "severity(1)", show=False),
        Binding("up", "severity(2)", show=False),
    ]

    def __init__(self, picture: Picture, now: Filter) -> None:
        super().__init__(picture)
        self.chosen = now

    def body(self, picture: Picture) -> list[Line]:
        return [
            (("Shows    ", "dim"), (_NAMES[self.chosen.least], "strong")),
            (("With     ", "dim"), ("all of these words, in any case", "")),
        ]

    def fields(self) -> Iterable[Widget]:
        field = Input(
            self.chosen.words, placeholder="words, such as a market, an id or a reason", id="words", max_length=60
        )
        field.cursor_blink = False
        yield field

    def buttons(self) -> Iterable[Button]:
        yield Button("Show everything", id="all")
        yield Button("Apply", id="go")

    def on_mount(self) -> None:
        self.query_one("#words", Input).focus()

    def action_severity(self, steps: int) -> None:
        for _ in range(steps):
            self.chosen = self.chosen._replace(least=_NEXT[self.chosen.least])
        self.show(self.picture)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._apply()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "all":
            self.dismiss(Filter())
        else:
            self._apply()

    def _apply(self) -> None:
        words = " ".join(self.query_one("#words", Input).value.split())
        self.dismiss(self.chosen._replace(words=words))
