"""The story: the last events in the order they happened, short enough to read, and what says nothing left out."""

from __future__ import annotations

from random import Random

import pytest

from core.messages.effects import AuditRow, Journal, LatchState, PersistCounters, PersistLatch, RiskCounters, Severity
from core.messages.events import PostReply, Tick
from core.sim.world.plan import START_MS, Depth, draw
from core.sim.world.story import story
from core.sim.world.world import ACCOUNT, Happening, World


@pytest.fixture
def world() -> World:
    return World(draw(0, Depth.VALUE, ACCOUNT))


def test_what_was_said_what_was_answered_and_when(world):
    world.tell("the calm begins")
    audit = AuditRow(7, Severity.WARNING, "post", "post 3: no answer", "")
    world.story.append(Happening(START_MS + 12_345, Tick(), (PersistLatch(LatchState(5, "key")), Journal(audit))))
    assert story(world).splitlines() == [
        "    0.000  -- the calm begins",
        "   12.345  > Tick()",
        "           < PersistLatch(LatchState(tripped_at_ms=5, reason=key))",
        "           < says: post 3: no answer",
    ]


def test_only_the_last_are_told(world):
    for number in range(100):
        world.tell(f"thing {number}")
    assert [line.split()[-1] for line in story(world, 3).splitlines()] == ["97", "98", "99"]


def test_bookkeeping_is_left_out(world):
    world.story.append(Happening(START_MS, PostReply(3, ()), (PersistCounters(RiskCounters()),)))
    assert story(world).splitlines() == ["    0.000  > PostReply(post_id=3, outcomes=[])"]


def test_an_action_at_the_venue_shows_what_became_of_it(world):
    world.stranger.place(Random(1))
    (line,) = story(world).splitlines()
    assert line.startswith("    0.000  venue: order nonce ")
    assert "resting" in line


def test_no_line_is_longer_than_a_wide_terminal(world):
    rows = tuple(Journal(AuditRow(n, Severity.INFO, "x", "word " * 200, "")) for n in range(3))
    world.story.append(Happening(START_MS, Tick(), rows))
    assert max(map(len, story(world).splitlines())) == 300
