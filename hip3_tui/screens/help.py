"""Help: what every key does, from the table of actions, and what the words on the screen mean.

SPEC 11.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from hip3_tui import format as f
from hip3_tui.console import Console
from hip3_tui.operator_action import Group, OperatorAction
from hip3_tui.operator_actions import OPERATOR_ACTIONS, keymap_of
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.dialog import Dialog

_KEY_WIDTH = 6

WORDS: tuple[tuple[str, str], ...] = (
    ("ACTIVE", "entries are possible: they pass when READY and every gate is open"),
    ("REDUCING", "exits and cancels only; the hard stop is tripped"),
    ("HALTED", "not even exits can leave: observation mode, or no connection"),
    ("READY", "market data, orders, fills and positions are all known and fresh"),
    ("FLAT", "no position, and no order that could open one"),
    (
        "EDGE / NEEDS",
        "how far the book is off the oracle, and how far it must be to trade (bps); ! when it is that far",
    ),
    ("TREND", "EDGE of the last 8 seconds; a full column is what it NEEDS"),
    ("SPREAD", "between bid and ask, in bps of the price"),
    ("BBO/CTX", "age of the newest bid and ask, and of the newest oracle and mark price"),
    ("GATE", "why no entry would pass now, in the engine's words"),
    ("TIME STOP", "time until a position is closed whatever it is worth"),
    ("uPnL net", "profit if closed at the mark, after both fees"),
    ("in flight", "posts (signed messages) not yet answered; from the mark on exits only, at the limit nothing"),
    ("recent", "the same, one column a second; peak: of the last minute, max: of the run"),
    ("budget", "actions that the exchange allows this address, used and in all"),
    ("(in brackets)", "counted, but no reason to stop on this network"),
    ("denied", "refused by our own gates; rejected means refused by the exchange"),
    ("UNKNOWN", "sent, no answer: may be alive; it is looked up until it is known"),
    ("EXTERNAL", "not placed by this console; closed or cancelled only on your word or by hard stop"),
    ("SUSPECT", "the exchange's last answer did not show it; waiting for a second one"),
    ("STALE", "no new picture from the engine for more than a second"),
)


class HelpScreen(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "close", "Close", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]
    CLOSED_BY = ("help", "quit")
    TITLE_TEXT = "Help"
    HINT = "up, down: scroll   Esc: back"

    def __init__(self, picture: Picture, console: Console) -> None:
        super().__init__(picture)

    def action_scroll(self, lines: int) -> None:
        self.query_one("#dialog", VerticalScroll).scroll_relative(y=lines, animate=False)

    def body(self, picture: Picture) -> list[Line]:
        # What the box leaves of the screen, less its border, its padding and the scroll bar (console.tcss).
        width = max(40, min(104, self.app.size.width * 96 // 100) - 8)
        keymap = keymap_of(picture)
        lines: list[Line] = []
        for group in Group:
            actions = [action for action in OPERATOR_ACTIONS if action.group is group and action.exists(picture)]
            if actions:
                lines += [text(group.value, "title")]
            for action in actions:
                lines += _action(action, keymap.names(action.id), width)
            lines += [()] if actions else []
        lines += [text("Words", "title")]
        for word, meaning in WORDS:
            for i, piece in enumerate(f.wrap(meaning, width - 14)):
                lines.append(((f"{word if i == 0 else '':<14}", "strong"), (piece, "")))
        lines += [(), text("Times are UTC. Times of day and ages are the engine's.", "dim")]
        return lines


def _action(action: OperatorAction, keys: tuple[str, ...], width: int) -> list[Line]:
    asks = " Where mainnet's rules apply it asks first." if action.asks else ""
    plate = "plate-bad" if action.id == "hard_stop" else "plate-info"
    key = keys[0] if keys else "-"
    others = f"  also {', '.join(keys[1:])}" if len(keys) > 1 else "" if keys else "  no key: palette"
    head: Line = (
        (f" {key} ", plate),
        (" " * max(1, _KEY_WIDTH - len(key) - 2), ""),
        (action.title, "strong"),
        (others, "dim"),
    )
    return [
        head,
        *(((" " * _KEY_WIDTH, ""), (piece, "dim")) for piece in f.wrap(action.help + asks, width - _KEY_WIDTH)),
    ]
