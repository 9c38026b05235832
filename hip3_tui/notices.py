"""What is worth a word of its own: a hard stop, a dead engine, a critical line of the trail, a lost connection, the answer to a command, a
command without an answer.

Compares one picture with the last and says each thing once. Shows nothing itself; the app turns a notice into a toast, a bell and a word to
the desktop.

SPEC 11.
"""

from __future__ import annotations

from typing import NamedTuple

from core.messages.effects import Severity
from core.messages.snapshot import AuditEntry, ConnectionPhase, HardStopView, Snapshot
from hip3_tui import format as f
from hip3_tui.panes.audit import AuditLog
from hip3_tui.panes.picture import Picture

ANSWER_WITHIN_MS = 2_000
"""The engine answers at its next event, the console sees it one refresh later: after this long something is wrong."""


class Notice(NamedTuple):
    title: str
    text: str
    severity: Severity
    bell: bool = False
    in_banner: bool = False
    """The banner on the main screen says the same for as long as it is true."""
    asked: bool = False
    """About something that the operator did, so it is told whatever else is switched off."""


class Notices:
    def __init__(self) -> None:
        self._trail = AuditLog(kept=1)
        self._expected: dict[str, tuple[str, int]] = {}
        self._tripped_at: int | None = None
        self._is_dead = False
        self._was_live = False

    def expect(self, command_id: str, title: str, now_ms: int) -> None:
        """A command was sent; its answer, or the lack of one, will be a notice."""
        self._expected[command_id] = (title, now_ms)

    def of(self, picture: Picture, now_ms: int) -> list[Notice]:
        """What is new in this picture. ``now_ms`` is of the clock that `expect` was told, not of the engine's."""
        notices: list[Notice] = []
        if picture.death and not self._is_dead:
            self._is_dead = True
            notices.append(Notice("ENGINE DEAD", picture.death, Severity.CRITICAL, bell=True, in_banner=True))
        if picture.snapshot is not None:
            stop = picture.snapshot.hard_stop
            if stop.tripped and stop.at_ms != self._tripped_at:
                notices.append(Notice("HARD STOP", stop.reason, Severity.CRITICAL, bell=True, in_banner=True))
            self._tripped_at = stop.at_ms if stop.tripped else None
            for entry in self._trail.add(picture.snapshot.audit):
                if entry.command_id in self._expected:
                    title, _ = self._expected.pop(entry.command_id)
                    notices.append(Notice(title, entry.text, entry.severity, asked=True))
                elif entry.severity is Severity.CRITICAL and not _tells_of(stop, entry):
                    notices.append(Notice(entry.kind.upper(), entry.text, entry.severity, bell=True))
            notices += self._connection(picture.snapshot)
        notices += self._unanswered(now_ms)
        return notices

    def _connection(self, snapshot: Snapshot) -> list[Notice]:
        """Lost while it was up. While trading that is a hard stop as well, which then says it."""
        was, self._was_live = self._was_live, snapshot.connection.phase is ConnectionPhase.LIVE
        is_lost = was and snapshot.connection.phase is ConnectionPhase.RECONNECTING
        if not is_lost or snapshot.hard_stop.tripped:
            return []
        return [Notice("CONNECTION LOST", snapshot.connection.reason, Severity.CRITICAL, bell=True)]

    def _unanswered(self, now_ms: int) -> list[Notice]:
        late = [(i, title) for i, (title, sent_ms) in self._expected.items() if now_ms - sent_ms > ANSWER_WITHIN_MS]
        for command_id, _ in late:
            del self._expected[command_id]
        return [
            Notice(
                title,
                f"no answer from the engine for {f.age(ANSWER_WITHIN_MS)} ({command_id})",
                Severity.WARNING,
                bell=True,
                asked=True,
            )
            for command_id, title in late
        ]


def _tells_of(stop: HardStopView, entry: AuditEntry) -> bool:
    """The engine's own lines about the hard stop, which has a notice already."""
    return entry.kind == "hard stop" or (stop.tripped and stop.reason in entry.text)
