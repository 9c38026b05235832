"""About: which program this is, whose account it trades, where its files are, and the config in force. The key is not in it: only where it comes from.

SPEC 9, 11.
"""

from __future__ import annotations

import threading

from core.messages.about import AboutPart
from hip3_tui import format as f
from hip3_tui.console import Console
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.reading import ReadingScreen
from hip3_tui.screens.room import failure

_NAME_WIDTH = 16


class AboutScreen(ReadingScreen):
    CLOSED_BY = ("about", "quit")
    TITLE_TEXT = "About"

    def __init__(self, picture: Picture, console: Console) -> None:
        super().__init__(picture)
        self._ask = console.outside.about
        self._parts: tuple[AboutPart, ...] | Exception | None = None

    def on_mount(self) -> None:
        if self._ask is not None:
            threading.Thread(target=self._read, name="about", daemon=True).start()

    def _read(self) -> None:
        assert self._ask is not None
        try:
            self._parts = self._ask()
        except Exception as e:
            self._parts = e
        self.call_later(lambda: self.show(self.picture))

    def body(self, picture: Picture) -> list[Line]:
        width = self.text_width
        parts = [_of_run(picture)]
        lines: list[Line] = []
        if isinstance(self._parts, tuple):
            parts += self._parts
        elif isinstance(self._parts, Exception):
            lines = [text(failure(self._parts), "bad")]
        elif self._ask is not None:
            lines = [text("reading ...", "dim")]
        return [line for part in parts for line in _part(part, width)] + lines


def _of_run(picture: Picture) -> AboutPart:
    snapshot = picture.snapshot
    if snapshot is None:
        return AboutPart("This run", (("", "the engine has not reported yet"),))
    run = snapshot.run
    return AboutPart(
        "This run",
        (
            ("program", f"hip3-tui {run.version}"),
            ("network", run.network if run.rules == run.network else f"{run.network}, under {run.rules}'s rules"),
            ("exchange", run.ws_url),
            ("mode", run.mode),
            ("account", run.account),
            ("signer", run.signer or "none: no key"),
            ("run", f"{run.run_id}, since {f.date_time(run.started_ms)} UTC"),
            ("config", run.config_source),
        ),
    )


def _part(part: AboutPart, width: int) -> list[Line]:
    lines: list[Line] = [text(part.title, "title")]
    for name, value in part.lines:
        if not name:
            lines += [text(value)] if len(value) <= width else [text(piece) for piece in f.wrap(value, width)]
            continue
        for number, piece in enumerate(f.wrap(value, width - _NAME_WIDTH) or [""]):
            lines.append(((f"{name if number == 0 else '':<{_NAME_WIDTH}}", "dim"), (piece, "")))
    return [*lines, ()]
