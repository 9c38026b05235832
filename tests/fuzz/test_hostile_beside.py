"""Few cases of each room, always the same ones; `make fuzz` plays as many as there is time for. Counts are printed (`-s`)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from answer_rooms import ROOMS as ANSWER_ROOMS
from beside_rooms import ROOMS as BESIDE_ROOMS
from test_hostile_engine import told

CASES = 200
ROOMS = {**BESIDE_ROOMS, **ANSWER_ROOMS}


@pytest.mark.parametrize("room", ROOMS)
def test_whatever_comes_it_is_understood_or_refused_and_harms_nothing(room: str, tmp_path: Path) -> None:
    count = told(room, ROOMS[room](random.Random(room), CASES, tmp_path))
    assert count["cases"] >= CASES
    assert count["understood"] > 0, "the spoiling leaves some as they were"
    assert count["refused"] > CASES / 10
