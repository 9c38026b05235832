"""What the keys of each room and dialog do, for the help: the main table has those of the main screen alone.

A test holds it against the bindings, so that a key that acts is told and one that is told acts.

SPEC 11.
"""

from __future__ import annotations

from typing import NamedTuple


class RoomKey(NamedTuple):
    shown: str
    """As it stands on the key."""
    means: str
    keys: tuple[str, ...]
    """By Textual's names."""


ROOM_KEYS: dict[str, tuple[RoomKey, ...]] = {
    "In every room and dialog": (
        RoomKey("Esc", "back; a question is answered with no", ("escape",)),
        RoomKey("Tab", "the next field or button; Enter presses it", ()),
        RoomKey("arrows", "scroll, or move in the table; also j k, g G, PgUp PgDn, ^U ^D", ()),
    ),
    "History": (
        RoomKey("1 - 6", "orders, fills, trades, signals, posts, events", ("1", "2", "3", "4", "5", "6")),
        RoomKey("left right", "the list before, the next list", ("left", "right", "l")),
        RoomKey("/", "search: rows that have all these words", ("slash",)),
        RoomKey("0", "this run alone, or all runs", ("0",)),
        RoomKey("Enter", "all of a row, and everything that has its id", ("enter",)),
        RoomKey("Y E", "copy the row's id; the list as CSV, as far as the search goes", ("y", "Y", "e", "E")),
    ),
    "Report": (
        RoomKey("1 - 5", "figures, Go/No-Go, trades, plots, one day", ("1", "2", "3", "4", "5")),
        RoomKey("left right", "the day before, the next day", ("left", "right", "l")),
        RoomKey("0", "all days", ("0",)),
    ),
    "Faults of the simulator": (
        RoomKey("Enter", "let the chosen fault happen, with the settings below", ()),
        RoomKey("1", "drop the connections", ("1",)),
        RoomKey("2 3", "jump the oracle of the market up, down", ("2", "3")),
        RoomKey("4 0", "let the market go; take all faults back", ("4", "0")),
        RoomKey("left right", "choose the market", ("left", "right", "l")),
        RoomKey("Tab", "to the settings of the fault, and back", ("tab",)),
    ),
    "Pages of a drill": (
        RoomKey("Enter", "before: rehearse the scenario; after: leave", ("enter",)),
        RoomKey("A N", "after: the same again, another one", ("a", "A", "n", "N")),
        RoomKey("Q", "leave", ("q", "Q", "escape", "ctrl+c", "ctrl+q")),
    ),
}
