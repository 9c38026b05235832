"""Every screen and state at three sizes can be drawn, the same each time, with the state of trading on it. What `make screenshots` keeps to look at."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))

from hand_made_pictures import PAGES, SHOTS, SIZES, draw


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", [*SHOTS, *PAGES])
async def test_it_is_drawn(name: str, size: str, tmp_path: Path) -> None:
    (drawn,) = await draw(tmp_path, [name], [size])
    text = " ".join(re.sub(r"<[^>]*>", " ", drawn.read_text()).replace("&#160;", " ").split())
    # On 80x24 a dialog covers the line that says which network it is.
    wanted = {"help": "Help", "history-details": "On its way", "about": "This run"}
    assert wanted.get(name, "DRILL" if name in PAGES else "SIMULATOR") in text
    assert "Traceback" not in text


@pytest.mark.parametrize("name", ["history-trades", "report-plots", "simulator", "drill"])
async def test_the_same_is_drawn_twice(name: str, tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        folder.mkdir()
        await draw(folder, [name], ["120x40"])
    file = f"{name}-120x40.svg"
    assert (first / file).read_text() == (second / file).read_text()
