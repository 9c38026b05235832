"""Help: what every key does, from the table of actions, and what the words on the screen mean.

SPEC 11.
"""

from __future__ import annotations

from hip3_tui import format as f
from hip3_tui.console import Console
from hip3_tui.operator_action import Group, OperatorAction
from hip3_tui.operator_actions import OPERATOR_ACTIONS, keymap_of
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.reading import ReadingScreen
from hip3_tui.screens.room_keys import ROOM_KEYS, RoomKey

_KEY_WIDTH = 11
_WORD_WIDTH = 14

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


class HelpScreen(ReadingScreen):
    CLOSED_BY = ("help", "quit")
    TITLE_TEXT = "Help"

    def __init__(self, picture: Picture, console: Console) -> None:
        super().__init__(picture)

    def body(self, picture: Picture) -> list[Line]:
        width = self.text_width
        keymap = keymap_of(picture)
        lines: list[Line] = []
        for group in Group:
            actions = [action for action in OPERATOR_ACTIONS if action.group is group and action.exists(picture)]
            if actions:
                lines += [text(group.value, "title")]
            for action in actions:
                lines += _action(action, keymap.names(action.id), width)
            lines += [()] if actions else []
        for room, keys in ROOM_KEYS.items():
            lines += [text(room, "title"), *(line for key in keys for line in _room_key(key, width)), ()]
        lines += [text("Words", "title")]
        for word, meaning in WORDS:
            for i, piece in enumerate(f.wrap(meaning, width - _WORD_WIDTH)):
                lines.append(((f"{word if i == 0 else '':<{_WORD_WIDTH}}", "strong"), (piece, "")))
        lines += [(), text("Times are UTC. Times of day and ages are the engine's.", "dim")]
        return lines


def _room_key(key: RoomKey, width: int) -> list[Line]:
    head = f" {key.shown} ".ljust(_WORD_WIDTH)
    pieces = f.wrap(key.means, width - len(head))
    return [((head if number == 0 else " " * len(head), "strong"), (piece, "")) for number, piece in enumerate(pieces)]


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
