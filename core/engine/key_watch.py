"""KeyWatch: for how long the key may still sign for the account.

An agent's approval ends by itself, ninety days after it was given unless something else was said. Told here: a day before, an hour before, and
from ten minutes before on no entry, so that whatever is open can still be closed with this key. Easy to get wrong: the list of agents names
named ones only, so a key that is not in it may still be approved; its role tells (session.py).

SPEC 5 (rotation); PROTOCOL 5.1.
"""

from __future__ import annotations

from core.messages.effects import Severity

LAST_ENTRY_BEFORE_MS = 600_000
_WARNINGS: tuple[tuple[int, Severity, str], ...] = (
    (LAST_ENTRY_BEFORE_MS, Severity.CRITICAL, "less than 10 minutes, no entries from now on"),
    (3_600_000, Severity.CRITICAL, "less than an hour"),
    (86_400_000, Severity.WARNING, "less than a day"),
)
"""How long before the end, and what is said then. The shortest first: a start in the last hour is told of the hour alone."""


class KeyWatch:
    def __init__(self) -> None:
        self.valid_until_ms: int | None = None
        """None: not said, or without an end."""
        self._told_ms: int | None = None
        """The shortest of the times above that was told."""

    def on_read(self, valid_until_ms: int | None) -> None:
        if valid_until_ms != self.valid_until_ms:
            self._told_ms = None
        self.valid_until_ms = valid_until_ms

    def due_warning(self, now_ms: int) -> tuple[Severity, str] | None:
        """What is to be told now, each time once."""
        if self.valid_until_ms is None:
            return None
        left_ms = self.valid_until_ms - now_ms
        for before_ms, severity, words in _WARNINGS:
            if left_ms < before_ms:
                if self._told_ms is not None and self._told_ms <= before_ms:
                    return None
                self._told_ms = before_ms
                return severity, words
        return None

    def refuses_entry(self, now_ms: int) -> str:
        if self.valid_until_ms is None or self.valid_until_ms - now_ms >= LAST_ENTRY_BEFORE_MS:
            return ""
        left_s = (self.valid_until_ms - now_ms) // 1000
        return f"the key's approval ends in {left_s} s" if left_s > 0 else "the key's approval has ended"
