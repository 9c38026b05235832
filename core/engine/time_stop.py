"""TimeStop: how long a position may live.

SPEC 6; plan 3.3.
"""

from __future__ import annotations

from enum import Enum

from core.model.position import Position


class TimeStopVerdict(Enum):
    HOLD = "hold"
    FLATTEN = "flatten"
    ALERT_AND_FLATTEN = "alert and flatten"


class TimeStop:
    """Args: both ages in ms; the second is when a position that should be gone is an alarm."""

    def __init__(self, time_stop_ms: int, reduce_only_timeout_ms: int) -> None:
        self._stop_ms = time_stop_ms
        self._alert_ms = max(reduce_only_timeout_ms, time_stop_ms)

    def check(self, position: Position, now_ms: int) -> TimeStopVerdict:
        age = position.age_ms(now_ms)
        if age > self._alert_ms:
            return TimeStopVerdict.ALERT_AND_FLATTEN
        return TimeStopVerdict.FLATTEN if age > self._stop_ms else TimeStopVerdict.HOLD

    def due_at_ms(self, position: Position) -> int:
        return position.entry_timestamp_ms + self._stop_ms
