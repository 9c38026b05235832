"""What is drawn for screenshots/states is the same each time. Whether it is right: test_rooms_as_pictures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))

from hand_made_pictures import draw


@pytest.mark.parametrize("name", ["history-trades", "report-plots", "simulator", "drill"])
async def test_the_same_is_drawn_twice(name: str, tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        folder.mkdir()
        await draw(folder, [name], ["120x40"])
    file = f"{name}-120x40.svg"
    assert (first / file).read_text() == (second / file).read_text()
