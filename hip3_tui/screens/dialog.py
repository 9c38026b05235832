"""The base of every dialog: a box over the main screen, with words that follow the snapshot and the safe button focused.

Rules that are easy to get wrong: the focus starts on the button that changes nothing, Escape always means that button, and hard stop
acts from every dialog that has no text field.

SPEC 11.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Static

from hip3_tui.format import harmless
from hip3_tui.operator_actions import OPERATOR_ACTIONS, keymap_of
from hip3_tui.panes.live_lines import Line
from hip3_tui.panes.picture import Picture

Result = TypeVar("Result")

_CONTENT_STYLE = {
    "": "",
    "dim": "$text-quiet",
    "strong": "bold",
    "title": "bold $primary",
    "good": "$success",
    "warn": "$warning",
    "bad": "bold $error",
    "accent": "$accent",
    "track": "$line",
    "cursor": "bold reverse",
    "plate-good": "bold reverse $success",
    "plate-info": "bold reverse $primary",
    "plate-warn": "bold reverse $warning",
    "plate-bad": "bold reverse $error",
    "plate-dim": "bold reverse $text-quiet",
}


class Dialog(ModalScreen[Result]):
    """``picture`` is kept new by the app while the dialog is open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]
    TAKES_TEXT: ClassVar[bool] = False
    """Letters are text here, so the keys that act in dialogs do not."""
    CLOSED_BY: ClassVar[tuple[str, ...]] = ()
    """Actions whose keys close this dialog."""
    TITLE_TEXT: ClassVar[str] = ""
    HINT: ClassVar[str] = "Esc: back"
    WIDTH: ClassVar[int] = 70
    """Cells of text inside the box."""

    def __init__(self, picture: Picture, *, dangerous: bool = False) -> None:
        super().__init__(classes="dangerous" if dangerous else "")
        self.picture = picture
        self._shown: list[Line] = []
        keymap = keymap_of(picture)
        for action in OPERATOR_ACTIONS:
            for key in keymap.keys(action.id):
                if action.id in self.CLOSED_BY:
                    self._bindings.bind(key, "close", action.title, show=False)
                elif action.in_dialogs and not self.TAKES_TEXT:
                    self._bindings.bind(key, f"app.operate('{action.id}')", action.title, show=False)

    # --- for subclasses ----------------------------------------------------------------------------------------------

    def body(self, picture: Picture) -> list[Line]:
        raise NotImplementedError

    def fields(self) -> Iterable[Widget]:
        """Text fields between words and buttons."""
        return ()

    def buttons(self) -> Iterable[Button]:
        """The safe one first: it gets the focus."""
        return ()

    def hint(self) -> str:
        """Below the box: what its keys do."""
        return self.HINT

    def action_close(self) -> None:
        self.dismiss(None)

    # --- drawing -----------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="dialog", can_focus=False) as box:
            box.border_title = self.TITLE_TEXT
            box.border_subtitle = self.hint()
            self._shown = self.body(self.picture)
            yield Static(content(self._shown), id="body")
            yield from self.fields()
            buttons = list(self.buttons())
            if buttons:
                yield Horizontal(*buttons, id="buttons")

    def show(self, picture: Picture) -> None:
        """Follow the snapshot; draws only when the words change."""
        self.picture = picture
        if not self.is_mounted:
            return
        lines = self.body(picture)
        if lines != self._shown:
            self._shown = lines
            self.query_one("#body", Static).update(content(lines))


def content(lines: list[Line]) -> Content:
    rows = [Content.assemble(*((harmless(words), _CONTENT_STYLE[style]) for words, style in line)) for line in lines]
    return Content("\n").join(rows)
