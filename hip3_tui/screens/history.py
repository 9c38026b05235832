"""History: what the journal has of orders, fills, trades, signals, posts and events, newest first; searched, paged, told in full, exported.

The rows come from `RecordsHandle` in a thread of its own. Easy to get wrong: rows come while one reads, so the first page is read again only while
the cursor is on its first row, and a page goes on from a row, never from a count.

SPEC 10, 11.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Input, Static

from core.messages.records import AnyRecord, Page, RecordKind, RecordsHandle
from hip3_tui import format as f
from hip3_tui.console import Console
from hip3_tui.panes.live_lines import Line, join, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.history_details import DetailsScreen
from hip3_tui.screens.history_rows import Column, columns_for, csv_text
from hip3_tui.screens.room import Room, failure, tabs
from hip3_tui.screens.room_table import RoomTable, Shape

KINDS = tuple(RecordKind)
PAGE = 100
_MOST_EXPORTED = 100_000
"""Rows of one file: years of trades, and still a file that a spreadsheet opens."""
_SCROLL_BAR = 1
_LOOK_AGAIN_MS = 2_000
_SEARCH_AFTER_S = 0.25
"""Between two keys of a search: a page is not read for each letter."""


class HistoryScreen(Room):
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(n + 1), f"kind({n})", kind.value, show=False) for n, kind in enumerate(KINDS)),
        Binding("right,l", "turn(1)", show=False),
        Binding("left", "turn(-1)", show=False),
        Binding("slash", "search", show=False),
        Binding("0", "runs", show=False),
        Binding("y,Y", "copy", show=False),
        Binding("e,E", "export", show=False),
        Binding("enter", "details", show=False),
    ]
    CLOSED_BY = ("quit", "history")
    NAME = "HISTORY"

    def __init__(self, picture: Picture, console: Console) -> None:
        super().__init__(picture, console)
        self.kind = RecordKind.TRADES
        self.search = ""
        self.this_run_only = False
        self._rows: list[AnyRecord] = []
        self._next: int | None = None
        self._trouble = ""
        self._is_reading = False
        self._read_at_ms = 0
        self._columns: list[Column] = []

    # --- drawing -----------------------------------------------------------------------------------------------------

    def content(self) -> ComposeResult:
        box = Input(placeholder="words that must all be in the row: market, side, state, reason, id ...", id="search")
        box.cursor_blink = False
        box.display = False
        yield box
        yield RoomTable(id="rows")
        yield Static("", id="nothing", markup=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_focus(self._table)
        self.read()

    def on_resize(self, event: Any) -> None:
        super().on_resize(event)
        if self._rows:
            self._fill()

    def title_line(self) -> Line:
        return tabs([kind.value.capitalize() for kind in KINDS], KINDS.index(self.kind))

    def note_line(self) -> Line:
        state = (
            text(self._trouble, "bad")
            if self._trouble
            else text("reading ...", "dim")
            if self._is_reading and not self._rows
            else text(f.plural(len(self._rows), "row") + (" and more" if self._next is not None else ""), "dim")
        )
        search = text(f"only with: {self.search}", "warn") if self.search else ()
        run = text("this run", "warn") if self.this_run_only else ()
        return join([state, run, search])

    def hint(self) -> str:
        runs = "all runs" if self.this_run_only else "this run"
        return f"1-6: list  /: search  Enter: details  0: {runs}  E: CSV  Y: copy id  Esc: back"

    @property
    def _table(self) -> RoomTable:
        return self.query_one("#rows", RoomTable)

    @property
    def _records(self) -> RecordsHandle | None:
        return self.console.outside.records

    # --- reading -----------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """The first page anew."""
        records, kind, search, run_id = self._records, self.kind, self.search, self._run_id
        if records is None:
            self._trouble = "this console was given no journal"
            self.refresh_bars()
            return
        self._is_reading = True
        self._read_at_ms = self.picture.now_ms
        self.refresh_bars()
        self.fetch(lambda: records.page(kind, search=search, limit=PAGE, run_id=run_id), self._first_page)

    def _first_page(self, answer: Page | Exception) -> None:
        self._is_reading = False
        if isinstance(answer, Exception):
            self._trouble = failure(answer)
        else:
            self._trouble = ""
            if list(answer.rows) != self._rows or not self._columns:
                self._rows, self._next = list(answer.rows), answer.next_before
                self._fill()
        self.refresh_bars()

    def _read_on(self) -> None:
        records, kind, search, run_id, before = self._records, self.kind, self.search, self._run_id, self._next
        if records is None or before is None or self._is_reading:
            return
        self._is_reading = True
        self.fetch(lambda: records.page(kind, search=search, before=before, limit=PAGE, run_id=run_id), self._more)

    def _more(self, answer: Page | Exception) -> None:
        self._is_reading = False
        if isinstance(answer, Exception):
            self._trouble = failure(answer)
        else:
            self._rows += answer.rows
            self._next = answer.next_before
            self._table.append(self._shapes, self._cells(answer.rows))
        self.refresh_bars()

    @property
    def _run_id(self) -> int | None:
        snapshot = self.picture.snapshot
        return snapshot.run.run_id if self.this_run_only and snapshot is not None else None

    def _fill(self) -> None:
        self._columns = columns_for(self.kind, self.size.width - _SCROLL_BAR)
        self._table.fill(self._shapes, self._cells(self._rows))
        nothing = self.query_one("#nothing", Static)
        nothing.update("" if self._rows else "  nothing with these words" if self.search else "  nothing yet")
        nothing.display = not self._rows

    @property
    def _shapes(self) -> list[Shape]:
        return [Shape(column.title, column.width, column.right) for column in self._columns]

    def _cells(self, rows: Any) -> list[list[tuple[str, str]]]:
        return [[column.cell(row) for column in self._columns] for row in rows]

    def followed(self) -> None:
        """New rows come in by themselves while the newest one is looked at."""
        is_due = self.picture.now_ms - self._read_at_ms >= _LOOK_AGAIN_MS
        if is_due and not self._is_reading and self._table.cursor_row == 0 and len(self._rows) <= PAGE:
            self.read()

    # --- keys --------------------------------------------------------------------------------------------------------

    def action_kind(self, number: int) -> None:
        self._choose(kind=KINDS[number])

    def action_turn(self, by: int) -> None:
        self._choose(kind=KINDS[(KINDS.index(self.kind) + by) % len(KINDS)])

    def action_runs(self) -> None:
        self._choose(this_run_only=not self.this_run_only)

    def _choose(self, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(self, name, value)
        self._rows, self._next, self._columns = [], None, []
        self._table.clear(columns=True)
        self.read()

    def action_search(self) -> None:
        box = self.query_one("#search", Input)
        box.display = True
        self.set_focus(box)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.set_timer(_SEARCH_AFTER_S, lambda: self._search_for(event.value))

    def _search_for(self, words: str) -> None:
        # Only when no key came since.
        if words == self.query_one("#search", Input).value and words.strip() != self.search:
            self._choose(search=words.strip())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._search_for(event.value)
        self._end_search()

    def _end_search(self) -> None:
        box = self.query_one("#search", Input)
        box.display = bool(box.value)
        self.set_focus(self._table)

    def action_leave(self) -> None:
        box = self.query_one("#search", Input)
        if self.focused is box:
            box.value = ""
            self._search_for("")
            self._end_search()
        else:
            super().action_leave()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        if event.cursor_row >= len(self._rows) - 5:
            self._read_on()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self.action_details()

    def action_details(self) -> None:
        at = self._table.cursor_row
        if self._records is not None and 0 <= at < len(self._rows):
            self.app.push_screen(DetailsScreen(self.picture, self._records, self.kind, self._rows[at]))

    def action_copy(self) -> None:
        """The correlation id of the row under the cursor."""
        at = self._table.cursor_row
        if 0 <= at < len(self._rows):
            words = self._rows[at].correlation_id
            self.app.copy_to_clipboard(words)
            self.console.say(f"{words or 'nothing'} copied")

    def action_export(self) -> None:
        """Every row of this list, as far as the search goes, into a file of the run's folder."""
        records, kind, search, run_id = self._records, self.kind, self.search, self._run_id
        if records is None:
            return
        folder = self.console.outside.folder or Path.cwd()
        path = folder / f"{kind.value}-{f.file_stamp(self.picture.now_ms)}.csv"

        def write() -> str:
            rows: list[AnyRecord] = []
            before: int | None = None
            while len(rows) < _MOST_EXPORTED:
                page = records.page(kind, search=search, before=before, limit=1000, run_id=run_id)
                rows += page.rows
                before = page.next_before
                if before is None:
                    break
            path.write_text(csv_text(kind, rows), encoding="utf-8")
            more = "" if before is None else f", the newest {_MOST_EXPORTED} alone"
            return f"{f.plural(len(rows), 'row')}{more}: {path}"

        self.fetch(write, self._exported, lane="export")

    def _exported(self, answer: str | Exception) -> None:
        if isinstance(answer, Exception):
            self.console.say(failure(answer), title="Export", warn=True)
        else:
            self.console.say(answer, title="Exported")
