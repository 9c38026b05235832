"""A loop that stands still is told once, and so is one that turns again; a sleep of everything is neither."""

from __future__ import annotations

import pytest

from core.messages.effects import Alert, Severity
from core.runtime.clock import ManualClock
from core.runtime.loop_watch import LoopWatch


class Watched:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.told: list[Alert] = []
        self.watch = LoopWatch(self.clock, self.told.append)
        self.ticks = 0

    def passes(self, seconds: float, *, turns: bool) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(100)
            self.ticks += turns
            self.watch.look(self.ticks)

    @property
    def titles(self) -> list[str]:
        return [alert.title for alert in self.told]


@pytest.fixture
def watched() -> Watched:
    watched = Watched()
    watched.passes(5, turns=True)
    assert watched.told == []
    return watched


def test_a_loop_that_stands_still_is_told_once(watched: Watched) -> None:
    watched.passes(2.9, turns=False)
    assert watched.told == []
    watched.passes(60, turns=False)
    assert watched.titles == ["the engine hangs"]
    assert watched.told[0].severity is Severity.CRITICAL
    assert "stood still for 3 s" in watched.told[0].body
    assert watched.watch.hangs


def test_it_turns_again_and_may_hang_again(watched: Watched) -> None:
    watched.passes(10, turns=False)
    watched.passes(1, turns=True)
    assert watched.titles == ["the engine hangs", "the engine turns again"]
    assert "stood still for 10 s" in watched.told[1].body
    watched.passes(10, turns=False)
    assert watched.titles[2:] == ["the engine hangs"]


def test_a_short_stand_is_nothing(watched: Watched) -> None:
    for _ in range(10):
        watched.passes(2.5, turns=False)
        watched.passes(0.1, turns=True)
    assert watched.told == []


def test_a_sleep_of_everything_gives_it_its_time_again(watched: Watched) -> None:
    watched.passes(1.5, turns=False)
    watched.clock.advance(3_600_000)
    watched.watch.look(watched.ticks)
    watched.passes(2.9, turns=False)
    assert watched.told == []
    watched.passes(0.5, turns=False)
    assert watched.titles == ["the engine hangs"]


def test_before_its_first_turn_nothing_stands_still() -> None:
    watched = Watched()
    watched.passes(60, turns=False)
    assert watched.told == []
