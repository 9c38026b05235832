"""A table of old rows in a room: a DataTable with the console's colours and its vi keys.

For what does not move; live lists are `LiveLines` (DESIGN "Hosting").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

_VARIABLES = {
    "dim": "text-quiet",
    "good": "success",
    "warn": "warning",
    "bad": "error",
    "accent": "accent",
    "title": "primary",
}
_BOLD = ("strong", "bad", "title")


class Shape(NamedTuple):
    """A column as the table needs it."""

    title: str
    width: int
    right: bool


class RoomTable(DataTable[Text]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "scroll_top", show=False),
        Binding("G", "scroll_bottom", show=False),
        Binding("ctrl+d", "page_down", show=False),
        Binding("ctrl+u", "page_up", show=False),
    ]

    def __init__(self, **options: Any) -> None:
        super().__init__(cursor_type="row", show_row_labels=False, cell_padding=1, **options)

    def fill(self, columns: Sequence[Shape], rows: Iterable[Sequence[tuple[str, str]]]) -> None:
        """Everything new; the cursor stays where it is, as far as there are rows."""
        at = self.cursor_row
        self.clear(columns=True)
        for column in columns:
            self.add_column(Text(column.title, justify="right" if column.right else "left"), width=column.width)
        self.append(columns, rows)
        if self.row_count:
            self.move_cursor(row=min(at, self.row_count - 1), animate=False)

    def append(self, columns: Sequence[Shape], rows: Iterable[Sequence[tuple[str, str]]]) -> None:
        for row in rows:
            self.add_row(
                *(self._text(words, style, column.right) for (words, style), column in zip(row, columns, strict=True))
            )

    def _text(self, words: str, style: str, right: bool) -> Text:
        variable = _VARIABLES.get(style)
        colour = self.app.theme_variables.get(variable, "") if variable else ""
        rich = f"{'bold ' if style in _BOLD else ''}{colour}".strip()
        # What comes from outside is one line of what can be printed, or it would break the row.
        shown = "".join(c if c.isprintable() else " " for c in words)
        return Text(shown, style=rich, justify="right" if right else "left", overflow="ellipsis", no_wrap=True)
