"""The base of every pane: a list of lines, of which only those that changed are drawn.

A pane turns a `Picture` into lines; this class compares them with what is on screen, keeps one strip per line, and asks for a repaint of
the changed ones alone. It knows nothing of trading. Its size is set from outside and never follows its content, so that nothing is laid
out again while numbers move. (Measured: 1.6 ms a changed line, against 17-30 ms for any change of a DataTable.)

DESIGN "Hosting", TEXTUAL 2.5.
"""

from __future__ import annotations

import re
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from hip3_tui.format import fit, harmless
from hip3_tui.panes.picture import Picture

Span = tuple[str, str]
"""Text and the name of its style, one of `STYLES`; the empty name is plain text."""

Line = tuple[Span, ...]

STYLES = (
    "dim",
    "strong",
    "title",
    "rule",
    "head",
    "good",
    "warn",
    "bad",
    "accent",
    "track",
    "cursor",
    "plate-good",
    "plate-info",
    "plate-warn",
    "plate-bad",
    "plate-dim",
)
"""What console.tcss gives a colour. Plates are reversed, so they stand out without colour as well."""


class LiveLines(Widget):
    """Lines that are redrawn when they change. Subclasses say what the lines are, in `lines`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"live--{name}" for name in STYLES}
    ALLOW_SELECT = False
    can_focus = False

    TITLE: ClassVar[str] = ""
    """Shown in a rule above the lines; empty: no rule."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="pane")
        self._picture: Picture | None = None
        self._room: tuple[int, int] | None = None
        self._lines: list[Line] = []
        self._strips: list[Strip | None] = []
        self._styles_by_name: dict[str, Style] = {}
        self.hint = ""
        """Said there by who places the pane."""
        self.redrawn = 0
        """Lines asked to be drawn again since the start: the cost of this pane, for tests and benchmarks."""

    # --- for subclasses ----------------------------------------------------------------------------------------------

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """What to show in ``width`` x ``height`` cells, the title not counted. Lines past ``height`` are not drawn."""
        raise NotImplementedError

    def note(self, picture: Picture) -> Line:
        """What stands beside the title."""
        return ()

    def title_hint(self, picture: Picture) -> str:
        """What stands at the right end of the title's rule."""
        return self.hint

    # --- showing -----------------------------------------------------------------------------------------------------

    def take_place(self, x: int, y: int, width: int, height: int) -> None:
        """Move there. The lines are made for the new size at once: Textual lays out later, and draws before it says that it has."""
        self.styles.offset = (x, y)
        self.styles.width = width
        self.styles.height = height
        if self._room != (width, height):
            self._room = (width, height)
            self._lines, self._strips = [], []

    def show(self, picture: Picture) -> None:
        """Take a new picture; draw again what differs."""
        self._picture = picture
        width, height = self._room or self.size
        if width <= 0 or height <= 0 or not self.display:
            return
        new = self._with_title(picture, width, height)
        old = self._lines
        changed = [y for y in range(height) if _at(new, y) != _at(old, y)]
        if not changed and len(self._strips) == height:
            return
        self._lines = new
        self._strips = (self._strips + [None] * height)[:height]
        for y in changed:
            self._strips[y] = None
        self.redrawn += len(changed)
        self.refresh(*(Region(0, y, width, 1) for y in changed))

    def _with_title(self, picture: Picture, width: int, height: int) -> list[Line]:
        if not self.TITLE:
            return self.lines(picture, width, height)[:height]
        below = self.lines(picture, width, height - 1)[: height - 1]  # first: the title tells of them
        return [rule(self.TITLE, self.note(picture), self.title_hint(picture), width), *below]

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y >= len(self._strips):
            return Strip.blank(width, self.rich_style)
        strip = self._strips[y]
        if strip is None or strip.cell_length != width:
            strip = self._strips[y] = self._draw(_at(self._lines, y), width)
        return strip

    def _draw(self, line: Line, width: int) -> Strip:
        line = tuple((harmless(words), name) for words, name in line)
        return Strip([Segment(words, self._style(name)) for words, name in fit_line(line, width) if words], width)

    def _style(self, name: str) -> Style:
        style = self._styles_by_name.get(name)
        if style is None:
            style = self.rich_style
            if name:
                style = style + self.get_component_rich_style(f"live--{name}", partial=True)
            self._styles_by_name[name] = style
        return style

    # --- what makes every line new -----------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        if event.size != self._room:
            self._forget()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles_by_name.clear()
        self._forget()

    def _forget(self) -> None:
        self._lines, self._strips = [], []
        if self._picture is not None:
            self.show(self._picture)
        self.refresh()


def _at(lines: list[Line], y: int) -> Line:
    return lines[y] if y < len(lines) else ()


def rule(title: str, note: Line, hint: str, width: int) -> Line:
    """``── Title note ───────── hint ──``; without room for both, the note goes, and then the hint."""
    for told, asked in ((note, hint), ((), hint), (note, "")):
        left: Line = (("── ", "rule"), (f"{title} ", "title"), *told, (" " if told else "", ""))
        right: Line = ((f" {asked} ", "dim"), ("──", "rule")) if asked else ()
        room = width - line_width(left) - line_width(right)
        if room >= 0:
            return (*left, ("─" * room, "rule"), *right)
    return left


def text(words: str, style: str = "") -> Line:
    """A line, or a cell, of one style."""
    return ((words, style),)


def line_width(line: Line) -> int:
    return sum(cell_len(words) for words, _ in line)


def fit_line(line: Line, width: int, *, right: bool = False) -> Line:
    """Exactly ``width`` cells; what does not fit ends in ``…``, so that a cut is seen."""
    spare = width - line_width(line)
    if spare == 0:
        return line
    if spare > 0:
        blank = (" " * spare, "")
        return (blank, *line) if right else (*line, blank)
    spans: list[Span] = []
    left = width
    for words, style in line:
        length = cell_len(words)
        if length >= left:
            # Something follows or this very span is too long: either way the last cell says that there is more.
            spans.append((fit(words + " " * (left + 1 - length), left), style))
            break
        spans.append((words, style))
        left -= length
    return tuple(spans)


def wrap_line(line: Line, width: int) -> list[Line]:
    """Lines of at most ``width`` cells, broken at blanks; plates stay whole."""
    lines: list[list[Span]] = [[]]
    used = 0
    for words, style in line:
        pieces = [words] if style.startswith("plate") else re.findall(r"\S+ *| +", words)
        for piece in pieces:
            if used and used + cell_len(piece.rstrip()) > width:
                lines.append([])
                used = 0
            if used or piece.strip():
                lines[-1].append((piece, style))
                used += cell_len(piece)
    return [_without_last_blank(spans) for spans in lines]


def _without_last_blank(spans: list[Span]) -> Line:
    if not spans or spans[-1][1].startswith("plate"):
        return tuple(spans)
    words, style = spans[-1]
    return (*spans[:-1], (words.rstrip(), style))


def spread(left: Line, right: Line, width: int) -> Line:
    """Left and right of one line; without room for both, the right one goes."""
    gap = width - line_width(left) - line_width(right)
    return (*left, (" " * gap, ""), *right) if gap > 0 else left


def join(parts: list[Line], gap: str = "  ") -> Line:
    """Parts side by side, empty ones left out."""
    spans: list[Span] = []
    for part in parts:
        if part:
            spans.extend(((gap, ""), *part) if spans else part)
    return tuple(spans)
