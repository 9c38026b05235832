"""A pane whose lines are rows that can be chosen, by key or by mouse: which row is meant, and which part of the list is in sight.

A row is known by its key, never by its place: rows come and go while the operator looks at them. Easy to get wrong: when the chosen row is
gone, nothing is chosen until the operator moves again; a key that closes something must never fall on the neighbour that moved up.

SPEC 11.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.message import Message

from hip3_tui.panes.live_lines import Line, LiveLines, line_width
from hip3_tui.panes.picture import Picture

_WHEEL = 3
"""Rows for one notch of the wheel."""
_AROUND = 8
"""Cells of a title's rule that are neither title nor hint."""


class Cursor:
    """Args:
    from_end: The list grows at its end, and is entered there.
    """

    def __init__(self, *, from_end: bool = False) -> None:
        self.key = ""
        """Of the chosen row; empty: none."""
        self.at = 0
        """Its place when it was last seen."""
        self._from_end = from_end
        self._top = 0

    def follow(self, keys: Sequence[str]) -> None:
        """The rows are these now."""
        if self.key:
            if self.key in keys:
                self.at = keys.index(self.key)
            else:
                self.key = ""
        self.at = max(0, min(self.at, len(keys) - 1))

    def enter(self, keys: Sequence[str]) -> None:
        """The list has the keys now: choose where one begins to read."""
        self.follow(keys)
        if not self.key:
            self.to(len(keys) - 1 if self._from_end else 0, keys)

    def move(self, by: int, keys: Sequence[str]) -> None:
        """After the chosen row went away, the first move chooses the row in its place."""
        self.follow(keys)
        self.to(self.at + by if self.key else self.at, keys)

    def to(self, at: int, keys: Sequence[str]) -> None:
        if keys:
            self.at = max(0, min(at, len(keys) - 1))
            self.key = keys[self.at]

    def window(self, count: int, height: Callable[[int], int], room: int) -> range:
        """The rows in sight: the chosen one, and around it as many as fit into ``room`` lines, moved as little as can be."""
        top = max(0, min(self._top, self.at))
        while top < self.at and sum(map(height, range(top, self.at + 1))) > room:
            top += 1
        end, used = top, 0
        while end < count and (end == top or used + height(end) <= room):
            used += height(end)
            end += 1
        while end == count and top > 0 and used + height(top - 1) <= room:
            top -= 1
            used += height(top)
        self._top = top
        return range(top, end)


class ListPane(LiveLines):
    """A list that can have the keys. Subclasses tell `keys`, and mark the chosen row in `lines`."""

    FROM_END: ClassVar[bool] = False

    class Chosen(Message):
        """A row, or the list, was clicked or turned with the wheel."""

        def __init__(self, pane: ListPane, key: str, *, twice: bool = False) -> None:
            super().__init__()
            self.pane = pane
            self.key = key
            self.twice = twice

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.cursor = Cursor(from_end=self.FROM_END)
        self.active = False
        """It has the keys."""
        self.row_hint = ""
        """What can be done with the chosen row."""
        self.line_keys: list[str] = []
        """Key of the row on each line below the title, empty where there is none: for the mouse."""

    def keys(self, picture: Picture) -> list[str]:
        """One for each row, in the order shown."""
        raise NotImplementedError

    # --- moving ------------------------------------------------------------------------------------------------------

    def enter(self, picture: Picture) -> None:
        self.active = True
        self.cursor.enter(self.keys(picture))

    def leave(self) -> None:
        self.active = False
        self.cursor.key = ""

    def move(self, by: int, picture: Picture) -> None:
        self.cursor.move(by, self.keys(picture))

    def to_end(self, picture: Picture, *, last: bool) -> None:
        keys = self.keys(picture)
        self.cursor.to(len(keys) - 1 if last else 0, keys)

    @property
    def page(self) -> int:
        """Half of what is in sight."""
        height = self._room[1] if self._room else self.size.height
        return max(1, (height - 2) // 2)

    # --- showing -----------------------------------------------------------------------------------------------------

    def title_hint(self, picture: Picture) -> str:
        if not self.active:
            return self.hint
        count = len(self.keys(picture))
        place = f"{self.cursor.at + 1} of {count}" if self.cursor.key else f"none of {count}" if count else ""
        hint = f"{place}  {self.row_hint}" if place and self.row_hint and self.cursor.key else place
        fits = self._room is None or len(self.TITLE) + len(hint) + _AROUND <= self._room[0]
        return hint if fits else place

    def chosen(self, line: Line, width: int) -> Line:
        """The line of the row under the cursor: reversed from edge to edge, its plates as they are."""
        spans = tuple((words, style if style.startswith("plate") else "cursor") for words, style in line)
        return (*spans, (" " * max(0, width - line_width(line)), "cursor"))

    # --- mouse -------------------------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        at = event.y - (1 if self.TITLE else 0)
        key = self.line_keys[at] if 0 <= at < len(self.line_keys) else ""
        self.post_message(self.Chosen(self, key, twice=event.chain == 2))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._turn(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._turn(-_WHEEL)

    def _turn(self, by: int) -> None:
        if self._picture is None:
            return
        if self.active:
            self.move(by, self._picture)
        self.post_message(self.Chosen(self, self.cursor.key))
