"""The base of every screen that takes the whole terminal beside the main one: history, report, simulator, drill.

The state of trading stays on top, alarms with it, and the keys at the bottom: whoever reads old rows must see that something happens now, and
every key of the main screen acts here too. Rule that is easy to get wrong: nothing here may wait. What takes time is an errand of a thread of
its own, and its answer comes back as a message.

SPEC 11.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen

from hip3_tui import format as f
from hip3_tui.console import Console
from hip3_tui.operator_actions import OPERATOR_ACTIONS, keymap_of
from hip3_tui.panes.alarm import AlarmPane, alarm_lines
from hip3_tui.panes.key_bar import KeyBar
from hip3_tui.panes.live_lines import Line, LiveLines, join, text
from hip3_tui.panes.picture import Picture
from hip3_tui.panes.status import StatusPane

_MOST_ALARM = 4
"""Lines of an alarm that may push the room down; the rest is told by the main screen."""

_FAR = 100_000

Answer = TypeVar("Answer")


class Bar(LiveLines):
    """One line of the room's own: its name, its tabs, or its keys."""

    class Tab(Message):
        """A tab was clicked: the key on it."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._line: Line = ()

    def tell(self, line: Line) -> None:
        self._line = line
        if self._picture is not None:
            self.show(self._picture)

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        return [self._line]

    def on_click(self, event: events.Click) -> None:
        """A tab is its key."""
        at = 0
        for words, _ in self._line:
            at += cell_len(words)
            if event.x < at:
                number = words.split()[:1]
                if number and number[0].isdigit():
                    self.post_message(self.Tab(number[0]))
                return


class ErrandDone(Message):
    """A thread has come back. Handled by the room it was sent by, if that is still there."""

    def __init__(self, lane: str, number: int, then: Callable[[Any], None], answer: Any) -> None:
        super().__init__()
        self.lane, self.number, self.then, self.answer = lane, number, then, answer


class Room(Screen[None]):
    """Subclasses compose their own part in `content`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", show=False)]
    CLOSED_BY: ClassVar[tuple[str, ...]] = ("quit",)
    """Actions whose keys lead back to the main screen; with a new one, the room's own."""
    NAME: ClassVar[str] = ""
    HINT: ClassVar[str] = "Esc: back"
    AUTO_FOCUS = None

    def __init__(self, picture: Picture, console: Console) -> None:
        super().__init__()
        self.picture = picture
        self.console = console
        self._errands: dict[str, int] = {}
        self._top = -1
        self._status_bar, self._alarm_bar = StatusPane(id="headline"), AlarmPane(id="alarm")
        self._title_bar, self._note_bar = Bar(id="name"), Bar(id="note")
        self._hint_bar, self._key_bar = Bar(id="hint"), KeyBar(id="keys")
        for action in OPERATOR_ACTIONS:
            if action.id in self.CLOSED_BY:
                for key in keymap_of(picture).keys(action.id):
                    self._bindings.bind(key, "leave", action.title, show=False)

    # --- for subclasses ----------------------------------------------------------------------------------------------

    def content(self) -> ComposeResult:
        raise NotImplementedError

    def title_line(self) -> Line:
        """Beside the name: its tabs."""
        return ()

    def note_line(self) -> Line:
        """Below: what is shown, how much of it, what is wrong."""
        return ()

    def hint(self) -> str:
        return self.HINT

    def followed(self) -> None:
        """There is a new picture."""

    # --- errands -----------------------------------------------------------------------------------------------------

    def fetch(self, work: Callable[[], Answer], then: Callable[[Answer | Exception], None], lane: str = "rows") -> None:
        """Do something slow elsewhere; ``then`` gets its answer or its exception here, unless a later errand of its lane has begun."""
        number = self._errands[lane] = self._errands.get(lane, 0) + 1

        def run() -> None:
            try:
                answer: Any = work()
            except Exception as e:
                answer = e
            self.post_message(ErrandDone(lane, number, then, answer))

        # A daemon of our own: a pool's thread would be joined without a bound when the console ends.
        threading.Thread(target=run, name=f"{self.NAME} errand", daemon=True).start()

    def on_errand_done(self, message: ErrandDone) -> None:
        if message.number == self._errands.get(message.lane) and self.is_attached:
            message.then(message.answer)

    # --- drawing -----------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield self._status_bar
        yield self._alarm_bar
        yield self._title_bar
        yield self._note_bar
        with Vertical(id="content"):
            yield from self.content()
        yield self._hint_bar
        yield self._key_bar

    def on_mount(self) -> None:
        self.refresh_bars()
        self.show(self.picture)

    def on_resize(self, event: events.Resize) -> None:
        self._top = -1
        self.show(self.picture)

    def show(self, picture: Picture) -> None:
        self.picture = picture
        if not self.is_mounted:
            return
        self._arrange()
        for pane in (self._status_bar, self._alarm_bar, self._title_bar, self._note_bar, self._hint_bar, self._key_bar):
            pane.show(picture)
        self.followed()

    def refresh_bars(self) -> None:
        """The room's own lines are different now."""
        self._title_bar.tell(join([text(f" {self.NAME} ", "plate-info"), self.title_line()]))
        self._note_bar.tell(self.note_line())
        self._hint_bar.tell(text(self.hint(), "dim"))

    def _arrange(self) -> None:
        width, height = self.size
        alarm = min(_MOST_ALARM, len(alarm_lines(self.picture, width)), max(0, height - 12))
        if alarm == self._top or width <= 0 or height <= 5:
            return
        self._top = alarm
        self._status_bar.take_place(0, 0, width, 1)
        self._alarm_bar.display = alarm > 0
        self._alarm_bar.take_place(0, 1, width, alarm)
        self._title_bar.take_place(0, 1 + alarm, width, 1)
        self._note_bar.take_place(0, 2 + alarm, width, 1)
        content = self.query_one("#content", Vertical)
        content.styles.offset = (0, 3 + alarm)
        content.styles.width = width
        content.styles.height = max(1, height - 5 - alarm)
        self._hint_bar.take_place(0, height - 2, width, 1)
        self._key_bar.take_place(0, height - 1, width, 1)

    # --- keys --------------------------------------------------------------------------------------------------------

    async def on_bar_tab(self, event: Bar.Tab) -> None:
        for binding in self._bindings.get_bindings_for_key(event.key):
            await self.run_action(binding.action)

    def action_leave(self) -> None:
        self.dismiss(None)

    # The keys that move in lists, for whatever is scrolled here; a table has its own.

    def do_down(self) -> None:
        self._scroll(1)

    def do_up(self) -> None:
        self._scroll(-1)

    def do_half_down(self) -> None:
        self._scroll(self.size.height // 2)

    def do_half_up(self) -> None:
        self._scroll(-(self.size.height // 2))

    def do_first(self) -> None:
        self._scroll(-_FAR)

    def do_last(self) -> None:
        self._scroll(_FAR)

    def _scroll(self, lines: int) -> None:
        if self.focused is not None:
            self.focused.scroll_relative(y=lines, animate=False)


def failure(answer: Exception) -> str:
    """What to show instead of an answer: the known trouble in its own words, anything else by its kind too."""
    words = " ".join(str(answer).split()) or "no more is known"
    known = type(answer).__name__ in ("RecordsError", "SimulatorError")
    return words if known else f"{type(answer).__name__}: {words}"


def tabs(names: list[str], chosen: int) -> Line:
    """``1 Orders  2 Fills ...`` with the chosen one on a plate."""
    spans: list[Line] = []
    for number, name in enumerate(names):
        spans.append(text(f" {number + 1} {name} ", "plate-dim" if number == chosen else "dim"))
    return join(spans, "")


def when(at_ms: int, now_ms: int) -> str:
    """Time of day for today, with the date before."""
    return f.clock_time(at_ms) if f.date(at_ms) == f.date(now_ms) else f.date_time(at_ms)
