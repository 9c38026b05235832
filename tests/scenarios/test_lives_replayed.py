"""Random lives, each played again through a fresh engine: whatever happened, and however often somebody looked, the effects are the same."""

from __future__ import annotations

import engine_rig
import pytest
from recorded_engine import RecordedEngine
from test_random_lives import Life

from core.sim.replay import replay


@pytest.mark.parametrize("seed", range(1_000, 1_008))
def test_a_life_replays_to_the_same_effects(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_rig, "Engine", RecordedEngine)
    monkeypatch.setattr(RecordedEngine, "look_every", 7)
    life = Life(seed)
    life.live(20_000)
    start, turns = life.engine.tape
    report = replay(start, turns)
    assert report.difference is None, "\n".join((*report.story, *report.difference.told, *report.difference.lines))
    assert report.turns == len(turns) > 200
    assert report.effects > 50
