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
from hip3_tui.panes.list_pane import ListPane
from hip3_tui.panes.live_lines import Line, join, text
from hip3_tui.panes.picture import Picture

_KEPT = 500
_DIGITS = 3
_KIND = 10

_WORD = {Severity.INFO: "", Severity.WARNING: "WARN ", Severity.CRITICAL: "CRIT "}
_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
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


class Filter(NamedTuple):
    """Which lines of the trail are shown."""

    least: Severity = Severity.INFO
    words: str = ""

    def passes(self, item: AuditEntry | Gap) -> bool:
        """Every word is in it, as part of one, in any case. What is missing passes always: it may have been anything."""
        if isinstance(item, Gap):
            return True
        if _RANK[item.severity] < _RANK[self.least]:
            return False
        if not self.words:
            return True
        text = f"{item.kind} {item.text} {item.correlation_id} {item.command_id}".casefold()
        return all(word in text for word in self.words.casefold().split())

    @property
    def told(self) -> str:
        """Empty for one that lets everything through."""
        least = {Severity.INFO: "", Severity.WARNING: "WARN and CRIT", Severity.CRITICAL: "CRIT"}[self.least]
        return " with ".join(part for part in (least, f'"{self.words}"' if self.words else "") if part)


class AuditPane(ListPane):
    TITLE = "Audit trail"
    FROM_END = True

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.log_of_run = AuditLog()
        self.filter = Filter()

    def show(self, picture: Picture) -> None:
        if picture.snapshot is not None:
            self.log_of_run.add(picture.snapshot.audit)
        super().show(picture)

    def items(self) -> list[AuditEntry | Gap]:
        """The lines seen that pass the filter, oldest first."""
        items = self.log_of_run.newest(_KEPT)
        return items if self.filter == Filter() else [item for item in items if self.filter.passes(item)]

    def entries(self) -> list[AuditEntry]:
        """All lines seen, whatever the filter."""
        return [item for item in self.log_of_run.newest(_KEPT) if isinstance(item, AuditEntry)]

    def entry(self, key: str) -> AuditEntry | None:
        return next((i for i in self.items() if isinstance(i, AuditEntry) and item_key(i) == key), None)

    def keys(self, picture: Picture) -> list[str]:
        return [item_key(item) for item in self.items()]

    def note(self, picture: Picture) -> Line:
        if picture.snapshot is None or not picture.snapshot.audit:
            return ()
        lines = text(f"{picture.snapshot.audit[-1].number} lines", "dim")
        if not self.filter.told:
            return lines
        return join([lines, text(f" ONLY {self.filter.told}: {len(self.items())} ", "plate-warn")], " ")

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        self.line_keys = []
        if picture.snapshot is None:
            return [text("waiting for the engine", "dim")]
        items = self.items()
        if not items:
            return [text("no line passes the filter" if self.filter.told else "nothing has happened yet", "dim")]
        digits = max([_DIGITS, *(len(str(item.number)) for item in items[-1:] if isinstance(item, AuditEntry))])
        if self.active:
            return self._around_cursor(items, width, height, digits)
        return self._newest(items, width, height, digits)

    def _newest(self, items: list[AuditEntry | Gap], width: int, height: int, digits: int) -> list[Line]:
        """As many as there is room for, each begun with its number; the oldest is cut, with a mark, if it must."""
        lines: list[Line] = []
        for item in reversed(items):
            left = height - len(lines)
            if left <= 0:
                break
            told = _told(item, width, digits, left)
            lines = [*told, *lines]
            self.line_keys = [item_key(item)] * len(told) + self.line_keys
        return lines

    def _around_cursor(self, items: list[AuditEntry | Gap], width: int, height: int, digits: int) -> list[Line]:
        self.cursor.follow([item_key(item) for item in items])
        lines: list[Line] = []
        for i in self.cursor.window(len(items), lambda i: len(_told(items[i], width, digits, height)), height):
            key = item_key(items[i])
            for line in _told(items[i], width, digits, height):
                lines.append(self.chosen(line, width) if key == self.cursor.key else line)
                self.line_keys.append(key)
        return lines


def item_key(item: AuditEntry | Gap) -> str:
    return f"gap {item.first}" if isinstance(item, Gap) else str(item.number)


def _told(item: AuditEntry | Gap, width: int, digits: int, room: int) -> list[Line]:
    return _gap(item) if isinstance(item, Gap) else _entry(item, width, digits, room)


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
