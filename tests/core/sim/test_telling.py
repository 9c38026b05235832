"""Turns in words."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from core.messages.commands import FlattenMarket, PauseEntries
from core.messages.effects import ForgetPost, LatchState, PersistLatch, Subscribe
from core.messages.events import Bbo, ChannelError, Connected, Outcome, Tick
from core.messages.tape import Turn
from core.model.market import MarketKey
from core.sim.telling import Story, tell, tell_turn, time_of_day

SNDK = MarketKey("xyz", "SNDK")
AT = 1_790_000_000_123


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (SNDK, "xyz:SNDK"),
        (Tick(), "Tick()"),
        (Connected(2), "Connected(2)"),
        (Bbo(SNDK, 7, D("1.50"), D(2), None, None), "Bbo(market=xyz:SNDK, time_ms=7, bid_px=1.50, bid_sz=2, ask_px=none, ask_sz=none)"),
        (PersistLatch(LatchState(7, "loss")), "PersistLatch(LatchState(tripped_at_ms=7, reason=loss))"),
        (PersistLatch(LatchState()), "PersistLatch(LatchState())"),
        (Subscribe((SNDK,) * 6), "Subscribe([xyz:SNDK, xyz:SNDK, xyz:SNDK, xyz:SNDK, 2 more])"),
        (PauseEntries(command_id="c1", paused=True), "PauseEntries(command_id=c1, paused=True)"),
        (FlattenMarket(command_id="c1", who="ann", market=SNDK), "FlattenMarket(command_id=c1, who=ann, market=xyz:SNDK)"),
        (Outcome.FILLED, "filled"),
        ("", "''"),
        ("two words", "'two words'"),
        (None, "none"),
    ],
)  # fmt: skip
def test_values(value, text):
    assert tell(value) == text


def test_the_time_of_day():
    assert time_of_day(0) == "00:00:00.000"
    assert time_of_day(86_400_000 * 3 + 3_600_000 * 23 + 60_000 * 59 + 58_007) == "23:59:58.007"


def test_a_turn_is_a_line_and_one_for_each_effect():
    turn = Turn(AT, Connected(1), (ForgetPost(1), ForgetPost(2)), "ValueError: no")
    assert [line.split() for line in tell_turn(12, turn)] == [
        ["12", "14:13:20.123", "Connected(1)"],
        ["->", "ForgetPost(1)"],
        ["->", "ForgetPost(2)"],
        ["!!", "ValueError:", "no"],
    ]


def test_long_ones_are_cut():
    lines = tell_turn(1, Turn(AT, ChannelError("x\ny" * 500), tuple(ForgetPost(i) for i in range(30))))
    assert max(map(len, lines)) == 150
    assert lines[0].endswith("…")
    assert not any("\n" in line for line in lines)
    assert len(lines) == 14
    assert lines[-1].strip() == "-> 18 more effects"


def test_a_story_keeps_the_last_turns_and_only_counts_quiet_ticks():
    story = Story(keep=2)
    for n, turn in enumerate([Connected(1), Tick(), Connected(2), Tick(), Tick(), Tick(), Connected(3), Tick()], 1):
        story.add(n, Turn(AT, turn))
    assert [line.split("  ")[-1].strip() for line in story.lines] == [
        "1 tick without effect",
        "Connected(2)",
        "3 ticks without effect",
        "Connected(3)",
        "1 tick without effect",
    ]


def test_a_tick_that_did_something_is_told():
    story = Story()
    story.add(1, Turn(AT, Tick(), (ForgetPost(1),)))
    story.add(2, Turn(AT, Tick(), (), "ValueError: no"))
    assert len(story.lines) == 4
