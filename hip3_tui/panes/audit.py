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
_DIGITS = 3
_KIND = 10

_WORD = {Severity.INFO: "", Severity.WARNING: "WARN ", Severity.CRITICAL: "CRIT "}
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
        return _newest(self.log_of_run.newest(height), width, height) or [text("nothing has happened yet", "dim")]


def _newest(items: list[AuditEntry | Gap], width: int, height: int) -> list[Line]:
    """As many as there is room for, each begun with its number; the oldest is cut, with a mark, if it must."""
    digits = max([_DIGITS, *(len(str(item.number)) for item in items if isinstance(item, AuditEntry))])
    lines: list[Line] = []
    for item in reversed(items):
        left = height - len(lines)
        if left <= 0:
            break
        told = _gap(item) if isinstance(item, Gap) else _entry(item, width, digits, left)
        lines = [*told, *lines]
    return lines


def _gap(gap: Gap) -> list[Line]:
    missing = gap.last - gap.first + 1
    return [text(f" {f.plural(missing, 'line')} missing: {gap.first} to {gap.last} ", "plate-warn")]


def _entry(entry: AuditEntry, width: int, digits: int, room: int) -> list[Line]:
    """In at most ``room`` lines, wrapped so that it is read whole. A warning or worse says so in front of its words."""
    style = _STYLE[entry.severity]
    head = f"{entry.number:>{digits}} {f.clock_time(entry.at_ms)} {f.fit(entry.kind, _KIND)} "
    answer = f" [{entry.command_id}]" if entry.command_id else ""
    words = f"{_WORD[entry.severity]}{entry.text}{answer}"
    indent = len(head)
    pieces = f.wrap(words, max(1, width - indent)) or [""]
    if len(pieces) > room:
        pieces = [*pieces[: room - 1], " ".join(pieces[room - 1 :])]  # cut where it is drawn
    return [((head if i == 0 else " " * indent, "dim"), (piece, style)) for i, piece in enumerate(pieces)]
