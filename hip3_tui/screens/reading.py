"""The base of dialogs that are read and scrolled: help, about, one row of the history, the verification.

Easy to get wrong: a letter that scrolls here must not be one that closes it, so `CLOSED_BY` names keys that no list uses.

SPEC 11.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from hip3_tui.screens.dialog import Dialog

_WIDEST = 104
_FRAME = 8
"""What the box takes of its width: border, padding and the scroll bar (console.tcss)."""
_FAR = 100_000


class ReadingScreen(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "close", "Close", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown,space,ctrl+d", "scroll(10)", show=False),
        Binding("pageup,ctrl+u", "scroll(-10)", show=False),
        Binding("home,g", f"scroll({-_FAR})", show=False),
        Binding("end,G", f"scroll({_FAR})", show=False),
    ]
    HINT = "up, down: scroll   Esc: back"

    @property
    def text_width(self) -> int:
        """Cells for a line of text in the box as it is now."""
        return max(40, min(_WIDEST, self.app.size.width * 96 // 100) - _FRAME)

    def action_scroll(self, lines: int) -> None:
        self.query_one("#dialog", VerticalScroll).scroll_relative(y=lines, animate=False)
