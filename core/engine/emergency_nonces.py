"""Nonces for a process that shares its key with another one, or comes after one that nobody can ask any more.

Starts above everything that is known and a little ahead of the clock, so that a console with the same key, which counts by the clock, does
not meet it; and learns from refusals, which name the number that was in the way. Easy to get wrong: a refused nonce did nothing, so the
action may be signed again; and when our clock is a day off, the exchange's words are the better clock.

SPEC 3; PROTOCOL 5.3; lesson L17.
"""

from __future__ import annotations

AHEAD_MS = 5_000
_STEP = 1_000
_BELOW_TOO_HIGH_MS = 3_600_000


class EmergencyNonces:
    """Args: highest_known: of this key, as far as a journal tells; 0: nothing is known."""

    def __init__(self, highest_known: int, now_ms: int) -> None:
        self._last = max(highest_known, now_ms) + AHEAD_MS
        self._follows_clock = True

    def next(self, now_ms: int) -> int:
        floor = now_ms + AHEAD_MS if self._follows_clock else 0
        self._last = max(self._last + 1, floor)
        return self._last

    def on_refused(self, text: str) -> None:
        """Keep clear of what was in the way.

        Args:
            text: As the exchange words it: duplicate nonce N, nonce too low N < M, nonce too high N > M.
        """
        numbers = [int(word) for word in text.split() if word.isdigit()]
        limit = numbers[-1] if numbers else self._last
        if "too high" in text:
            self._last, self._follows_clock = limit - _BELOW_TOO_HIGH_MS, False
        else:
            self._last = max(self._last, limit) + _STEP
