"""TimeStop: hold, flatten after 30 s, alarm after 60 s."""

from __future__ import annotations

import pytest
from engine_rig import BUY, NOW, SNDK, D

from core.engine.time_stop import TimeStop, TimeStopVerdict
from core.model.position import Position


@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        (-5_000, TimeStopVerdict.HOLD),
        (0, TimeStopVerdict.HOLD),
        (30_000, TimeStopVerdict.HOLD),
        (30_001, TimeStopVerdict.FLATTEN),
        (60_000, TimeStopVerdict.FLATTEN),
        (60_001, TimeStopVerdict.ALERT_AND_FLATTEN),
    ],
)
def test_verdict_by_age(age: int, verdict: TimeStopVerdict) -> None:
    position = Position(SNDK, BUY, D(1), D(200), NOW, NOW)
    assert TimeStop(30_000, 60_000).check(position, NOW + age) is verdict


def test_due_is_entry_plus_limit() -> None:
    assert TimeStop(30_000, 60_000).due_at_ms(Position(SNDK, BUY, D(1), D(200), NOW, NOW + 9)) == NOW + 30_000


def test_the_alarm_is_never_before_the_stop() -> None:
    position = Position(SNDK, BUY, D(1), D(200), NOW, NOW)
    assert TimeStop(90_000, 60_000).check(position, NOW + 70_000) is TimeStopVerdict.HOLD
