"""Scenarios in the console's words: every shipped one, and one with everything in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.messages.drill import DrillStory
from core.runtime.drill_story import finding_of, stories_in, story_of
from core.sim.scenario import parse_scenario
from core.sim.scenario_judge import Finding

SHIPPED = Path(__file__).parents[3] / "config" / "scenarios"

EVERYTHING = """
name = "everything"
story = '''
One line,
and another.
'''
seed = 1
markets = ["xyz:SNDK"]
length_s = 20
[[steps]]
at_s = 6
do = "fault"
name = "lose_reply"
count = 2
[[steps]]
at_s = 2.5
do = "hold"
coin = "xyz:SNDK"
bps = 80
say = "a gap opens"
[[steps]]
at_s = 9
since = "start"
do = "fund"
usd = 5
[expect]
latched = true
latch_reason = "loss"
entries = { min = 1, max = 3 }
longest_position_s = { max = 4 }
pnl_usd = { min = -2 }
"""


def test_the_time_line_is_in_the_order_in_which_it_happens():
    story = story_of(parse_scenario(EVERYTHING, "e.toml"), "e.toml")
    assert (story.source, story.name, story.length_ms) == ("e.toml", "everything", 20_000)
    assert story.story == "One line, and another."
    assert [(s.at_ms, s.what, s.say, s.since_start) for s in story.steps] == [
        (9_000, "fund usd=5", "", True),
        (2_500, "hold coin=xyz:SNDK bps=80", "a gap opens", False),
        (6_000, "fault name=lose_reply count=2", "", False),
    ]


def test_what_it_expects_is_told_line_by_line():
    assert story_of(parse_scenario(EVERYTHING, "e.toml"), "e.toml").expects == (
        "flat at the end",
        "no open orders at the end",
        "the program ends in order",
        "the hard stop trips, because of 'loss'",
        "longest position: at most 4 s",
        "entries: at least 1 and at most 3",
        "PnL: at least -2 USD",
        "lose_reply strikes at least once",
    )


def test_every_shipped_scenario_has_a_story_and_expects_something():
    stories = stories_in(SHIPPED)
    assert len(stories) == len(list(SHIPPED.glob("*.toml"))) >= 12
    for story in stories:
        assert isinstance(story, DrillStory), story
        assert len(story.story) > 80
        assert len(story.expects) >= 4
        assert all(step.at_ms <= story.length_ms for step in story.steps if not step.since_start)


def test_a_file_that_cannot_be_used_is_a_line_among_the_others(tmp_path):
    (tmp_path / "a.toml").write_text("name = 7")
    (tmp_path / "b.toml").write_text(EVERYTHING)
    broken, good = stories_in(tmp_path)
    assert isinstance(broken, str)
    assert "a.toml" in broken
    assert isinstance(good, DrillStory)


@pytest.mark.parametrize("passed", [True, False, None])
def test_a_finding_is_what_the_judge_found(passed):
    finding = finding_of(Finding("flat", "yes", "no: BTC 1", passed))
    assert (finding.expectation, finding.wanted, finding.found, finding.passed) == ("flat", "yes", "no: BTC 1", passed)
