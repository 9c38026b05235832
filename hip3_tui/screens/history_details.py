"""One row of the history in full, and everything that has its correlation id: signal, order, posts, fills, trade.

SPEC 10, 11.
"""

from __future__ import annotations

import threading
from typing import ClassVar

from textual.binding import Binding, BindingType

from core.messages.records import AnyRecord, RecordKind, RecordsHandle, Step
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.history_rows import details
from hip3_tui.screens.reading import ReadingScreen
from hip3_tui.screens.room import failure

_WHAT = {"signal": "accent", "order": "", "post": "dim", "fill": "good", "trade": "strong", "event": "dim"}


class DetailsScreen(ReadingScreen):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("y,Y", "copy", show=False)]
    CLOSED_BY = ("quit",)
    HINT = "up, down: scroll   Y: copy its id   Esc: back"

    def __init__(self, picture: Picture, records: RecordsHandle, kind: RecordKind, record: AnyRecord) -> None:
        super().__init__(picture)
        self._records = records
        self._kind = kind
        self._record = record
        self._chain: tuple[Step, ...] | Exception | None = None

    def on_mount(self) -> None:
        self.query_one("#dialog").border_title = f"One of the {self._kind.value}"
        if self._record.correlation_id:
            threading.Thread(target=self._read, name="chain", daemon=True).start()

    def _read(self) -> None:
        try:
            self._chain = self._records.chain(self._record.correlation_id)
        except Exception as e:
            self._chain = e
        self.call_later(self.show, self.picture)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._record.correlation_id)

    def body(self, picture: Picture) -> list[Line]:
        return [text("On its way", "title"), *self._steps(), (), text("The row", "title"), *details(self._record)]

    def _steps(self) -> list[Line]:
        if not self._record.correlation_id:
            return [text("it has no correlation id: nothing else belongs to it", "dim")]
        if self._chain is None:
            return [text("reading ...", "dim")]
        if isinstance(self._chain, Exception):
            return [text(failure(self._chain), "bad")]
        width = self.text_width
        lines: list[Line] = []
        begun = self._chain[0].at_ms if self._chain else 0
        for step in self._chain:
            head = f"{f.clock_time(step.at_ms)}.{step.at_ms % 1000:03}  +{f.age(step.at_ms - begun):<6} {step.what:<8} "
            for number, piece in enumerate(f.wrap(step.text, max(20, width - len(head)))):
                lines.append(((head if number == 0 else " " * len(head), "dim"), (piece, _WHAT.get(step.what, ""))))
        return lines or [text("nothing else has its id", "dim")]
