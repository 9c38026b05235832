"""The two pages around a drill: which scenario, and how it was judged. Small programs of their own, because the drill between them takes the terminal.

Show and choose, nothing else.

SPEC 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import DataTable, Static

from core.messages.drill import DrillStory, DrillVerdict
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, join, text
from hip3_tui.screens.contents import as_content
from hip3_tui.screens.drill import story_lines
from hip3_tui.screens.room_table import RoomTable, Shape
from hip3_tui.themes import THEMES

AGAIN, ANOTHER = "again", "another"
_LIST_WIDTH = 26


class _Page(App[str], inherit_bindings=False):
    CSS_PATH = "console.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,Q,escape,ctrl+c,ctrl+q", "leave", "Leave", show=False, priority=True)
    ]
    ENABLE_COMMAND_PALETTE = False
    HINT: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(THEMES["dark"])
        self.theme = THEMES["dark"].name
        self.animation_level = "none"

    def action_leave(self) -> None:
        self.exit("")


class DrillLobby(_Page):
    """Exits with the file of the chosen scenario, or empty.

    Args:
        stories: What there is; a line of complaint for a file that cannot be used.
        last: The file that was rehearsed last, to begin at.
    """

    HINT = "up, down: choose   Enter: rehearse it   Q: leave"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]

    def __init__(self, stories: Sequence[DrillStory | str], last: str | None = None) -> None:
        super().__init__()
        self._stories = stories
        self._last = last

    def compose(self) -> ComposeResult:
        head = join([text(" DRILLS ", "plate-info"), text("the real program, rehearsed on our own exchange", "strong")])
        yield Static(as_content([head]), classes="line")
        with Horizontal(id="lobby"):
            yield RoomTable(id="stories")
            with VerticalScroll(id="story", can_focus=False):
                yield Static("", id="lines", markup=False)
        yield Static(self.HINT, classes="line hint", markup=False)

    def on_mount(self) -> None:
        table = self.query_one("#stories", RoomTable)
        table.styles.width = _LIST_WIDTH + 3
        rows = [
            [(story.name, "strong") if isinstance(story, DrillStory) else ("cannot be used", "warn")]
            for story in self._stories
        ]
        table.fill([Shape("SCENARIO", _LIST_WIDTH, False)], rows)
        for number, story in enumerate(self._stories):
            if isinstance(story, DrillStory) and story.source == self._last:
                table.move_cursor(row=number)
        self.set_focus(table)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        self._tell(event.cursor_row)

    def on_resize(self) -> None:
        self._tell(self.query_one("#stories", RoomTable).cursor_row)

    def _tell(self, row: int) -> None:
        if not 0 <= row < len(self._stories):
            return
        story = self._stories[row]
        width = max(30, self.size.width - _LIST_WIDTH - 8)
        if isinstance(story, str):
            lines: list[Line] = [text(piece, "warn") for piece in f.wrap(story, width)]
        else:
            about = f"{f.age(story.length_ms)} from READY, on {', '.join(story.markets)}"
            lines = [text(story.name, "title"), text(about, "dim"), (), *story_lines(story, None, width)]
        self.query_one("#lines", Static).update(as_content(lines))
        self.query_one("#story", VerticalScroll).scroll_home(animate=False)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        story = self._stories[event.cursor_row]
        if isinstance(story, DrillStory):
            self.exit(story.source)

    def action_scroll(self, lines: int) -> None:
        self.query_one("#story", VerticalScroll).scroll_relative(y=lines, animate=False)


class DrillVerdictApp(_Page):
    """Exits with AGAIN, ANOTHER, or empty."""

    HINT = "Enter, Q: leave   A: again   N: another"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "leave", show=False),
        Binding("a,A", "next('again')", show=False),
        Binding("n,N", "next('another')", show=False),
    ]

    def __init__(self, verdict: DrillVerdict) -> None:
        super().__init__()
        self._verdict = verdict

    def compose(self) -> ComposeResult:
        yield Static(as_content([_headline(self._verdict)]), classes="line")
        with VerticalScroll(id="story"):
            yield Static("", id="lines", markup=False)
        yield Static(self.HINT, classes="line hint", markup=False)

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#story", VerticalScroll))

    def on_resize(self) -> None:
        self.query_one("#lines", Static).update(as_content(verdict_lines(self._verdict, max(40, self.size.width - 4))))

    def action_next(self, what: str) -> None:
        self.exit(what)


def _headline(verdict: DrillVerdict) -> Line:
    plate = text(" PASS ", "plate-good") if verdict.passed else text(" FAIL ", "plate-bad")
    if not verdict.findings:
        plate = text(" NOT JUDGED ", "plate-warn")
    return join(
        [
            text(" DRILL ", "plate-info"),
            plate,
            text(verdict.story.name, "strong"),
            text(f"{verdict.seconds:.0f} s", "dim"),
        ]
    )


def verdict_lines(verdict: DrillVerdict, width: int) -> list[Line]:
    """Each expectation with what was found, then what happened."""
    title = "Judged on the exchange's own truth" if verdict.findings else "Not judged"
    lines: list[Line] = [(), text(title, "title")]
    name_width = max((len(finding.expectation) for finding in verdict.findings), default=0) + 2
    for finding in verdict.findings:
        mark: Line = {True: text("PASS", "good"), False: text("FAIL", "plate-bad"), None: text("----", "dim")}[
            finding.passed
        ]
        words = f"{finding.found}  (expected: {finding.wanted})"
        for number, piece in enumerate(f.wrap(words, max(20, width - name_width - 8))):
            head = (
                (*mark, (f"  {finding.expectation:<{name_width}}", "strong"))
                if number == 0
                else ((" " * (6 + name_width), ""),)
            )
            lines.append((*head, (piece, "" if finding.passed else "warn")))
    if verdict.trouble:
        lines += [text(piece, "warn") for piece in f.wrap(verdict.trouble, width)]
    if verdict.findings:
        lines += [(), text("What happened", "title"), *story_lines(verdict.story, verdict.story.length_ms, width)]
    else:  # how far it came is not known, so nothing is ticked off
        lines += [(), text("What was to happen", "title"), *story_lines(verdict.story, None, width)]
    return [*lines, (), (("journal and log  ", "dim"), (verdict.folder, ""))]
