"""The first page that somebody sees, once: what this is, what the colours and words on top mean, and the five keys that matter.

Any key goes on, and does what it does: nobody has to close this before they can stop. Rule that is easy to get wrong: it never stays in front of an
alarm.

SPEC 11.
"""

from __future__ import annotations

from textual import events

from hip3_tui.console import Console
from hip3_tui.operator_actions import ACTIONS, key_of, keymap_of
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.dialog import Dialog

_KEYS = (
    ("hard_stop", "stop everything now: cancel, close, stay stopped. It never asks"),
    ("flatten_all", "close every position"),
    ("pause_entries", "no new positions until pressed again"),
    ("quit", "get flat, then leave"),
    ("help", "every key and every word on the screen"),
)


class GreetingScreen(Dialog[None]):
    TITLE_TEXT = "Welcome to hip3-tui"
    HINT = "any key: go on"
    TAKES_TEXT = True  # its keys are bound in on_key, all of them

    def __init__(self, picture: Picture, console: Console) -> None:
        super().__init__(picture)
        self.console = console

    def body(self, picture: Picture) -> list[Line]:
        snapshot = picture.snapshot
        network = "" if snapshot is None else snapshot.run.network
        money = {
            "mainnet": ("This trades REAL MONEY on mainnet.", "bad"),
            "testnet": ("This trades play money on Hyperliquid's testnet.", "warn"),
        }.get(network, ("This trades on our own simulated exchange: nothing here is real money.", "good"))
        lines: list[Line] = [
            text(*money),
            (),
            text("An engine takes small positions by itself and closes each within half"),
            text("a minute. This screen shows everything that can hurt, and stops it."),
            (),
            text("On top, always: which network, may it trade (ACTIVE), does it know"),
            text("enough (READY), and is money at risk (FLAT, or AT RISK with how much)."),
            (),
        ]
        for action_id, words in _KEYS:
            key = key_of(picture, action_id)
            plate = "plate-bad" if action_id == "hard_stop" else "plate-info"
            lines.append(((f" {key} ", plate), (" " * max(1, 4 - len(key)), ""), (words, "")))
        return [*lines, (), text("The keys are on the last line, and can be clicked.", "dim")]

    def show(self, picture: Picture) -> None:
        super().show(picture)
        tripped = picture.snapshot is not None and picture.snapshot.hard_stop.tripped
        if self.is_current and (picture.death or tripped):
            self._go_on()

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        keymap = keymap_of(self.picture)
        self._go_on()
        for action_id in ACTIONS:
            if event.key in keymap.keys(action_id):
                self.app.call_later(self.app.run_action, f"operate('{action_id}')")

    def on_click(self) -> None:
        self._go_on()

    def _go_on(self) -> None:
        if self.is_current:
            if self.console.outside.greeted is not None:
                self.console.outside.greeted()
            self.dismiss(None)
