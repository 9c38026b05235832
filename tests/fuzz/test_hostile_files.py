"""Few cases of each room, always the same ones; `make fuzz` plays as many as there is time for. Counts are printed (`-s`)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from file_rooms import ROOMS
from test_hostile_engine import told

CASES = {
    "config": 600,
    "scenario": 600,
    "key file": 300,
    "alert URLs": 300,
    "tape": 600,
    "journal": 60,
    "command line": 150,
}
NEVER_UNDERSTOOD = {"command line"}


@pytest.mark.parametrize("room", ROOMS)
def test_whatever_is_in_it_it_is_understood_or_refused_in_one_line(room: str, tmp_path: Path) -> None:
    count = told(room, ROOMS[room](random.Random(room), CASES[room], tmp_path))
    assert count["cases"] == CASES[room]
    if room not in NEVER_UNDERSTOOD:
        assert count["understood"] > 0, "the spoiling leaves some as they were"
        assert count["refused"] > CASES[room] / 10
