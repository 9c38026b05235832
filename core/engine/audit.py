"""AuditTrail: the numbered story of the run. Numbers have no gaps, so that a reader can see that nothing was missed.

SPEC 11; DESIGN, "One key press".
"""

from __future__ import annotations

from collections import deque

from core.messages.effects import AuditRow, Journal, Severity
from core.messages.snapshot import AuditEntry

KEEP = 200


class AuditTrail:
    def __init__(self) -> None:
        self._entries: deque[AuditEntry] = deque(maxlen=KEEP)
        self._count = 0

    def add(
        self,
        now_ms: int,
        severity: Severity,
        kind: str,
        text: str,
        *,
        correlation_id: str = "",
        command_id: str = "",
    ) -> Journal:
        """Write an entry and return it for the journal."""
        self._count += 1
        self._entries.append(AuditEntry(self._count, now_ms, severity, kind, text, correlation_id, command_id))
        return Journal(AuditRow(self._count, severity, kind, text, correlation_id, command_id))

    @property
    def entries(self) -> tuple[AuditEntry, ...]:
        return tuple(self._entries)
