"""In place of everything, on a terminal that is too small: what it needs, and what matters most in what there is.

The engine and all keys go on working.

SPEC 11.
"""

from __future__ import annotations

from hip3_tui import format as f
from hip3_tui.operator_actions import key_of
from hip3_tui.panes.alarm import alarms
from hip3_tui.panes.live_lines import Line, LiveLines, join, text
from hip3_tui.panes.picture import Picture
from hip3_tui.panes.status import network_plate, risk_plate, state_plate

NEEDS_WIDTH, NEEDS_HEIGHT = 80, 24


class TooSmallPane(LiveLines):
    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        has = self.app.size
        lines: list[Line] = [
            text(words, "warn")
            for words in f.wrap(f"needs {NEEDS_WIDTH}x{NEEDS_HEIGHT}, is {has.width}x{has.height}", width)
        ]
        snapshot = picture.snapshot
        plates = (
            [state_plate(picture)]
            if snapshot is None
            else [state_plate(picture), risk_plate(snapshot), network_plate(snapshot.run)]
        )
        joined = join(plates, " ")
        lines += [joined] if sum(len(words) for words, _ in joined) <= width else plates
        for plate, words, style in alarms(picture)[:2]:
            lines += [text(piece, style) for piece in f.wrap(f"{plate}: {words}" if plate else words, width)]
        stop, flatten, leave = (key_of(picture, action) for action in ("hard_stop", "flatten_all", "quit"))
        words = f"{stop} hard stop, {flatten} flatten, {leave} quit: all keys act"
        keys = f.wrap(words if width >= len(words) else f"keys act: {stop} {flatten} {leave}", width)
        return [*lines[: max(1, height - len(keys))], *(text(words, "dim") for words in keys)]
