"""Every shipped scenario: it can be read, it tells a story, every step is played, and it ends as it says, in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest
from rehearsal import Rehearsal, wanted

from core.sim.scenario import parse_scenario

FOLDER = Path(__file__).parents[3] / "config" / "scenarios"
FILES = sorted(FOLDER.glob("*.toml"))
WANTED = {
    "quiet day",
    "oracle gap",
    "exchange upgrade",
    "socket flapping",
    "lost replies",
    "stuck flatten",
    "loss limit",
    "rejection storm",
    "empty clearinghouse",
    "parameter change",
    "agent expiry",
    "latency storm",
}


def read(path: Path):
    return parse_scenario(path.read_text(encoding="utf-8"), path.name)


def test_the_dozen_is_there_under_its_names():
    assert {read(path).name for path in FILES} >= WANTED


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_ends_as_it_says(path):
    scenario = read(path)
    assert len(scenario.story) > 100
    assert 30 <= scenario.length_s <= 120
    rehearsal = Rehearsal(scenario)
    findings = rehearsal.rehearse()
    assert sorted(map(id, rehearsal.played)) == sorted(map(id, scenario.steps))
    assert wanted(findings) == []


@pytest.mark.parametrize("path", FILES[:3], ids=lambda path: path.stem)
def test_it_comes_out_the_same_twice(path):
    first, second = Rehearsal(read(path)), Rehearsal(read(path))
    assert first.rehearse() == second.rehearse()
    assert first.digest == second.digest
