"""Rows and columns on live lines: fixed columns, one that takes what is left, and a word about the rows that found no room.

A column with a rank is left out on a narrow screen, the highest rank first; a column without one is always there. The last column takes
the rest of the width. Rows past the height are never dropped in silence: the last line says how many.

TEXTUAL 2.5, SPEC 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from core.messages.snapshot import Snapshot
from hip3_tui.panes.live_lines import Line, LiveLines, Span, fit_line, line_width, text, wrap_line
from hip3_tui.panes.picture import Picture

Row = tuple[Line, ...]
"""One cell for each column; a cell is a line of its own."""

GAP = " "


class Column(NamedTuple):
    """``width`` of the last column is the least it should have; it takes the rest."""

    name: str
    width: int
    right: bool = False
    rank: int = 0
    """0: always shown. Otherwise the highest rank is left out first."""


class LiveTable(LiveLines):
    """A table whose rows come from the snapshot, newest state only."""

    COLUMNS: ClassVar[tuple[Column, ...]] = ()
    EMPTY: ClassVar[str] = "none"
    UNFOLDS: ClassVar[bool] = True
    """Whether a last cell that is too long may take further lines. Not where the rows must stay at their places."""

    def rows(self, picture: Picture) -> list[Row]:
        """One cell for each of `COLUMNS`."""
        raise NotImplementedError

    def empty(self, snapshot: Snapshot) -> Line:
        """Said when there is no row."""
        return text(self.EMPTY, "dim")

    def needed(self, picture: Picture, rows: list[Row]) -> int:
        """How many of the rows, from the first on, are missed if there is no room for them. The others are history."""
        return len(rows)

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        shown = choose(self.COLUMNS, width)
        head = _line(tuple(text(c.name, "head") for c in self.COLUMNS), self.COLUMNS, shown, width, "head")
        if picture.snapshot is None:
            return [head, text("waiting for the engine", "dim")]
        rows = self.rows(picture)
        if not rows:
            return [head, self.empty(picture.snapshot)]
        room = height - 1
        needed = self.needed(picture, rows)
        if len(rows) > room >= needed:
            rows = rows[:room]
        hidden = 0 if len(rows) <= room else needed - max(0, room - 1)
        spare = room - len(rows) if self.UNFOLDS else 0
        body: list[Line] = []
        for row in rows[: max(0, room - 1)] if hidden else rows:
            first, rest = self._unfold(row, shown, width, spare)
            spare -= len(rest)
            body += [first, *rest]
        return [head, *body, *([text(f"+{hidden} more", "warn")] if hidden else [])]

    def _unfold(self, row: Row, shown: tuple[int, ...], width: int, spare: int) -> tuple[Line, list[Line]]:
        """A row, and further lines for a last cell that is too long, as long as there are lines to spare."""
        indent = sum(self.COLUMNS[i].width + len(GAP) for i in shown[:-1])
        last = shown[-1]
        if spare <= 0 or line_width(row[last]) <= width - indent:
            return _line(row, self.COLUMNS, shown, width), []
        pieces = wrap_line(row[last], max(1, width - indent))
        if len(pieces) - 1 > spare:
            return _line(row, self.COLUMNS, shown, width), []
        cells = (*row[:last], pieces[0], *row[last + 1 :])
        return _line(cells, self.COLUMNS, shown, width), [((" " * indent, ""), *piece) for piece in pieces[1:]]


def choose(columns: Sequence[Column], width: int) -> tuple[int, ...]:
    """Which columns fit, by index."""
    shown = list(range(len(columns)))
    while sum(columns[i].width + len(GAP) for i in shown) - len(GAP) > width:
        worst = max(shown, key=lambda i: columns[i].rank)
        if columns[worst].rank == 0:
            break
        shown.remove(worst)
    return tuple(shown)


def _line(cells: Row, columns: Sequence[Column], shown: Sequence[int], width: int, gap_style: str = "") -> Line:
    assert len(cells) == len(columns), f"{len(cells)} cells for {len(columns)} columns"
    spans: list[Span] = []
    left = width
    for i in shown:
        if spans:
            spans.append((GAP, gap_style))
            left -= len(GAP)
        cell_width = left if i == shown[-1] else min(columns[i].width, left)
        spans.extend(fit_line(cells[i], cell_width, right=columns[i].right))
        left -= max(0, cell_width)
    return tuple(spans)
