"""Every room, page and dialog as a picture at three sizes, held against the one that was looked at; and each of them in plain characters.

After a wanted change: ``pytest --snapshot-update`` on this file, and look at them (``make screenshots`` draws them into screenshots/states).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))

from hand_made_pictures import PAGES, SHOTS, SIZES, app_of, settle

from hip3_tui.glyphs import ASCII

WORDS = {"history-details": "On its way", "about": "This run", "help": "Stop and close", "greeting": "Welcome"}
"""Of those that cover the line with the network on a small screen, or are pages without one."""
DIALOGS = ("ticket", "verification", "preflight", "checkpoint")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", [*SHOTS, *PAGES])
def test_it_is_as_it_was_looked_at(snap_compare: Any, name: str, size: str) -> None:
    seen: list[str] = []

    async def look(pilot: Any) -> None:
        await settle(pilot, SHOTS[name].keys if name in SHOTS else ())
        strips = pilot.app.screen._compositor.render_strips()
        seen.append("\n".join("".join(segment.text for segment in strip) for strip in strips))

    app = app_of(SHOTS[name]) if name in SHOTS else PAGES[name]()
    assert snap_compare(app, terminal_size=SIZES[size], run_before=look)
    (text,) = seen
    if name in WORDS or not name.startswith(DIALOGS):
        assert WORDS.get(name, "DRILL" if name in PAGES else "SIMULATOR") in text
    plain = text.translate(ASCII)
    assert {c for c in plain if not c.isascii()} == set(), 'glyphs = "ascii" leaves none of them'
