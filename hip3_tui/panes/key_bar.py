"""The keys, on the last line: made from the table of actions, dim while pointless, and each can be clicked.

A key that does something stands on a plate; one that would do nothing now has none, so that it shows without colour. Where not all of them find
room, they stand closer, then the least needed go, and ``…`` at the end says so: the help has them all.

SPEC 11.
"""

from __future__ import annotations

from textual import events
from textual.message import Message

from hip3_tui.operator_action import OperatorAction
from hip3_tui.operator_actions import OPERATOR_ACTIONS, keymap_of
from hip3_tui.panes.live_lines import Line, LiveLines, Span, line_width
from hip3_tui.panes.picture import Picture

_SPARE = ("palette", "next_list", "order")
"""What goes first where there is no room, in this order."""


class KeyBar(LiveLines):
    class Chosen(Message):
        """An action was clicked."""

        def __init__(self, action: OperatorAction) -> None:
            super().__init__()
            self.action = action

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.next_view = ""
        """Name of the list that Tab shows next; empty while all of them are on the screen."""
        self._places: list[tuple[int, int, OperatorAction]] = []

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        spans: list[Span] = []
        places: list[tuple[int, int, OperatorAction]] = []
        at = 0
        for action, piece in self._pieces(picture, width):
            length = line_width(piece)
            places.append((at, at + length, action))
            spans += [*piece, (" ", "")]
            at += length + 1
        self._places = places
        if len(places) < len(self._shown(picture)) and at < width:
            return [(*spans[:-1], (" …" if at + 1 < width else "…", "dim"))]
        return [tuple(spans[:-1])]

    def _shown(self, picture: Picture) -> list[tuple[OperatorAction, str]]:
        """What stands here if there is room, each with its words."""
        keymap = keymap_of(picture)
        shown = []
        for action in OPERATOR_ACTIONS:
            label = action.label_for(picture)
            if action.id == "next_list":
                label = self.next_view or label
            if label and keymap.keys(action.id):
                shown.append((action, label))
        return shown

    def _pieces(self, picture: Picture, width: int) -> list[tuple[OperatorAction, Line]]:
        keymap = keymap_of(picture)

        def made(dropped: tuple[str, ...], gap: str) -> list[tuple[OperatorAction, Line]]:
            return [
                (action, _piece(action, keymap.name(action.id), label, picture, gap))
                for action, label in self._shown(picture)
                if action.id not in dropped
            ]

        pieces: list[tuple[OperatorAction, Line]] = []
        for number in range(len(_SPARE) + 1):
            for gap in (" ", ""):
                pieces = made(_SPARE[:number], gap)
                if sum(line_width(piece) + 1 for _, piece in pieces) - 1 <= width - (1 if number else 0):
                    return pieces
        return pieces

    def on_click(self, event: events.Click) -> None:
        for start, end, action in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(action))


def _piece(action: OperatorAction, key: str, label: str, picture: Picture, gap: str) -> Line:
    if action.refusal(picture):
        return ((f"{gap}{key} ", "dim"), (f"({label})", "dim"))
    plate = "plate-bad" if action.id == "hard_stop" else "plate-info"
    return ((f" {key} ", plate), (f"{gap}{label}", "strong" if action.dangerous else ""))
