"""The drill's room: the story, the time line with what has happened and what comes, and how it must end.

SPEC 11.
"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from core.messages.drill import DrillStory
from hip3_tui import format as f
from hip3_tui.drill_clock import is_done
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.screens.contents import as_content
from hip3_tui.screens.room import Room


class DrillScreen(Room):
    CLOSED_BY = ("quit", "drill")
    NAME = "DRILL"
    HINT = "up, down: scroll   Esc: back   The verdict comes when the program has ended"

    def content(self) -> ComposeResult:
        self._shown: list[Line] = []
        with VerticalScroll(id="story"):
            yield Static("", id="lines", markup=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_focus(self.query_one("#story", VerticalScroll))

    def title_line(self) -> Line:
        drill = self.console.outside.drill
        return () if drill is None else text(drill.story.name, "strong")

    def followed(self) -> None:
        drill = self.console.outside.drill
        lines = (
            [text("this run is no drill", "warn")]
            if drill is None
            else story_lines(drill.story, drill.elapsed_ms, max(40, self.size.width - 4))
        )
        if lines != self._shown:
            self._shown = lines
            self.query_one("#lines", Static).update(as_content(lines))


def story_lines(story: DrillStory, elapsed_ms: int | None, width: int) -> list[Line]:
    """Story, time line and expectations. ``elapsed_ms`` None: nothing of it has happened yet."""
    lines: list[Line] = [text(piece) for piece in f.wrap(story.story, min(width, 110))]
    lines += [
        (),
        text("Time line", "title"),
        (("    0:00  ", "dim"), ("READY", "good" if elapsed_ms is not None else "dim")),
    ]
    for step in story.steps:
        done = is_done(step, elapsed_ms)
        at = f"{step.at_ms // 60_000}:{step.at_ms // 1000 % 60:02}"
        head = f"{'✓' if done else ' '} {at:>6}  "
        words = f"{step.say}  ({step.what})" if step.say else f"({step.what})"
        words += ", from the start" if step.since_start else ""
        for number, piece in enumerate(f.wrap(words, max(20, width - len(head)))):
            lines.append(
                (
                    (head if number == 0 else " " * len(head), "good" if done else "dim"),
                    (piece, "" if step.say else "dim"),
                )
            )
    end = f"{story.length_ms // 60_000}:{story.length_ms // 1000 % 60:02}"
    head = f"  {end:>6}  "
    over = f.wrap("over: the program is ended in order, and the exchange's truth judges", max(20, width - len(head)))
    lines += [((head if n == 0 else " " * len(head), "dim"), (piece, "dim")) for n, piece in enumerate(over)]
    lines += [(), text("It must end so", "title")]
    lines += [(("  • ", "dim"), (expectation, "")) for expectation in story.expects]
    return lines
