"""The audit trail: numbered lines without gaps. A number that is missing is shown as missing, never closed up.

The snapshot carries the last lines only; the pane keeps those it has seen, so that a slow or stalled terminal shows what it missed.

SPEC 11, DESIGN "One key press".
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from core.messages.effects import Severity
from core.messages.snapshot import AuditEntry
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, LiveLines, text
from hip3_tui.panes.picture import Picture

_KEPT = 500

_WORD = {Severity.INFO: "    ", Severity.WARNING: "WARN", Severity.CRITICAL: "CRIT"}
_STYLE = {Severity.INFO: "", Severity.WARNING: "warn", Severity.CRITICAL: "bad"}


class Gap(NamedTuple):
    """Lines that were never seen, both ends included."""

    first: int
    last: int


class AuditLog:
    """The lines seen, oldest first, with a `Gap` where numbers are missing."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._items: deque[AuditEntry | Gap] = deque(maxlen=kept)
        self._last: int | None = None

    def add(self, entries: tuple[AuditEntry, ...]) -> list[AuditEntry]:
        """Take the trail of a snapshot; returns the lines that are new."""
        if entries and self._last is not None and entries[-1].number < self._last:
            # The numbering began anew, so this is another engine's trail.
            self._items.clear()
            self._last = None
        new = [entry for entry in entries if self._last is None or entry.number > self._last]
        for entry in new:
            if self._last is not None and entry.number > self._last + 1:
                self._items.append(Gap(self._last + 1, entry.number - 1))
            self._items.append(entry)
            self._last = entry.number
        return new

    def newest(self, number: int) -> list[AuditEntry | Gap]:
        """The last ones, oldest first."""
        return list(self._items)[-number:] if number > 0 else []


class AuditPane(LiveLines):
    TITLE = "Audit trail"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.log_of_run = AuditLog()

    def show(self, picture: Picture) -> None:
        if picture.snapshot is not None:
            self.log_of_run.add(picture.snapshot.audit)
        super().show(picture)

    def note(self, picture: Picture) -> Line:
        if picture.snapshot is None or not picture.snapshot.audit:
            return ()
        return text(f"{picture.snapshot.audit[-1].number} lines", "dim")

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        if picture.snapshot is None:
            return [text("waiting for the engine", "dim")]
        lines: list[Line] = []
        for item in self.log_of_run.newest(height):
            lines.extend(_gap(item) if isinstance(item, Gap) else _entry(item, width))
        return lines[-height:] or [text("nothing has happened yet", "dim")]


def _gap(gap: Gap) -> list[Line]:
    missing = gap.last - gap.first + 1
    return [text(f" {f.plural(missing, 'line')} missing: {gap.first} to {gap.last} ", "plate-warn")]


def _entry(entry: AuditEntry, width: int) -> list[Line]:
    """One line; a warning or worse is wrapped, so that it is read whole."""
    style = _STYLE[entry.severity]
    head = f"{entry.number:>5} {f.clock_time(entry.at_ms)} "
    answer = f" [{entry.command_id}]" if entry.command_id else ""
    words = f"{entry.text}{answer}"
    plain: Line = ((head, "dim"), (f"{_WORD[entry.severity]} ", style), (f"{f.fit(entry.kind, 10)} ", "dim"))
    indent = len(head) + 5 + 11
    if entry.severity is Severity.INFO:
        return [(*plain, (words, style))]
    first, *rest = f.wrap(words, max(1, width - indent)) or [""]
    return [(*plain, (first, style)), *(((" " * indent, ""), (more, style)) for more in rest)]
