"""Rows and columns on live lines: fixed columns, one that takes what is left, and a word about the rows that found no room.

A column with a rank is left out on a narrow screen, the highest rank first; a column without one is always there. The last column takes
the rest of the width. Rows past the height are never dropped in silence: the last line says how many.

TEXTUAL 2.5, SPEC 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from core.messages.snapshot import Snapshot
from hip3_tui.panes.list_pane import ListPane
from hip3_tui.panes.live_lines import Line, Span, fit_line, line_width, text, wrap_line
from hip3_tui.panes.picture import Picture

Cells = tuple[Line, ...]
"""One for each column; a cell is a line of its own."""


class Row(NamedTuple):
    """``key`` tells the row from the others for as long as it lives."""

    key: str
    cells: Cells


GAP = " "


class Column(NamedTuple):
    """``width`` of the last column is the least it should have; it takes the rest."""

    name: str
    width: int
    right: bool = False
    rank: int = 0
    """0: always shown. Otherwise the highest rank is left out first."""


class LiveTable(ListPane):
    """A table whose rows come from the snapshot, newest state only."""

    COLUMNS: ClassVar[tuple[Column, ...]] = ()
    EMPTY: ClassVar[str] = "none"
    UNFOLDS: ClassVar[bool] = True
    """Whether a last cell that is too long may take further lines. Not where the rows must stay at their places."""

    def columns(self, width: int) -> tuple[Column, ...]:
        """`COLUMNS`; some may be wider where there is room. Cells are the same for all widths."""
        return self.COLUMNS

    def rows(self, picture: Picture) -> list[Row]:
        """One cell for each of `COLUMNS`."""
        raise NotImplementedError

    def keys(self, picture: Picture) -> list[str]:
        return [] if picture.snapshot is None else [row.key for row in self.rows(picture)]

    def empty(self, snapshot: Snapshot) -> Line:
        """Said when there is no row."""
        return text(self.EMPTY, "dim")

    def needed(self, picture: Picture, rows: list[Row]) -> int:
        """How many of the rows, from the first on, are missed if there is no room for them. The others are history."""
        return len(rows)

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        columns = self.columns(width)
        shown = choose(columns, width)
        head = _line(tuple(text(c.name, "head") for c in columns), columns, shown, width)
        self.line_keys = []
        if picture.snapshot is None:
            return [head, text("waiting for the engine", "dim")]
        rows = self.rows(picture)
        self.cursor.follow([row.key for row in rows])
        if not rows:
            return [head, self.empty(picture.snapshot)]
        if self.active:
            return [head, *self._around_cursor(rows, shown, width, height - 1)]
        room = height - 1
        needed = self.needed(picture, rows)
        if len(rows) > room >= needed:
            rows = rows[:room]
        hidden = 0 if len(rows) <= room else needed - max(0, room - 1)
        spare = room - len(rows) if self.UNFOLDS else 0
        body: list[Line] = []
        self.line_keys = [""]
        for row in rows[: max(0, room - 1)] if hidden else rows:
            first, rest = self._unfold(row.cells, shown, width, spare)
            spare -= len(rest)
            body += [first, *rest]
            self.line_keys += [row.key] * (1 + len(rest))
        return [head, *body, *([text(f"+{hidden} more", "warn")] if hidden else [])]

    def _around_cursor(self, rows: list[Row], shown: tuple[int, ...], width: int, room: int) -> list[Line]:
        """The rows in sight, one line each; the title says which one this is and how many there are."""
        body: list[Line] = []
        self.line_keys = [""]
        for i in self.cursor.window(len(rows), lambda _: 1, max(1, room)):
            line = _line(rows[i].cells, self.columns(width), shown, width)
            body.append(self.chosen(line, width) if rows[i].key == self.cursor.key else line)
            self.line_keys.append(rows[i].key)
        return body

    def _unfold(self, row: Cells, shown: tuple[int, ...], width: int, spare: int) -> tuple[Line, list[Line]]:
        """A row, and further lines for a last cell that is too long, as long as there are lines to spare."""
        indent = sum(self.columns(width)[i].width + len(GAP) for i in shown[:-1])
        last = shown[-1]
        if spare <= 0 or line_width(row[last]) <= width - indent:
            return _line(row, self.columns(width), shown, width), []
        pieces = wrap_line(row[last], max(1, width - indent))
        if len(pieces) - 1 > spare:
            return _line(row, self.columns(width), shown, width), []
        cells = (*row[:last], pieces[0], *row[last + 1 :])
        return _line(cells, self.columns(width), shown, width), [((" " * indent, ""), *piece) for piece in pieces[1:]]


def choose(columns: Sequence[Column], width: int) -> tuple[int, ...]:
    """Which columns fit, by index."""
    shown = list(range(len(columns)))
    while sum(columns[i].width + len(GAP) for i in shown) - len(GAP) > width:
        worst = max(shown, key=lambda i: columns[i].rank)
        if columns[worst].rank == 0:
            break
        shown.remove(worst)
    return tuple(shown)


def _line(cells: Cells, columns: Sequence[Column], shown: Sequence[int], width: int) -> Line:
    assert len(cells) == len(columns), f"{len(cells)} cells for {len(columns)} columns"
    spans: list[Span] = []
    left = width
    for i in shown:
        if spans:
            spans.append((GAP, ""))
            left -= len(GAP)
        cell_width = left if i == shown[-1] else min(columns[i].width, left)
        spans.extend(fit_line(cells[i], cell_width, right=columns[i].right))
        left -= max(0, cell_width)
    return tuple(spans)
