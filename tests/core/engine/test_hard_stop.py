"""HardStopLatch: once tripped it stays, with its first reason."""

from __future__ import annotations

import pytest
from engine_rig import NOW

from core.engine.hard_stop import HardStopLatch
from core.messages.effects import LatchState


def test_the_first_reason_and_time_are_kept() -> None:
    latch = HardStopLatch()
    assert not latch.tripped
    assert latch.trip("first", NOW)
    assert not latch.trip("second", NOW + 1)
    assert (latch.tripped, latch.reason, latch.tripped_at_ms) == (True, "first", NOW)


def test_it_goes_on_from_what_is_on_disk() -> None:
    latch = HardStopLatch(LatchState(NOW, "yesterday"))
    assert latch.tripped
    assert not latch.trip("today", NOW + 1)
    assert latch.state == LatchState(NOW, "yesterday")


def test_reset_opens_it_for_another_reason() -> None:
    latch = HardStopLatch(LatchState(NOW, "old"))
    latch.reset()
    assert (latch.tripped, latch.reason, latch.state) == (False, "", LatchState())
    assert latch.trip("new", NOW + 2)


def test_a_latch_that_is_open_cannot_be_reset() -> None:
    with pytest.raises(AssertionError, match="not tripped"):
        HardStopLatch().reset()
