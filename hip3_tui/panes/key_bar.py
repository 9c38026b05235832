"""The keys, on the last line: made from the table of actions, dim while pointless, and each can be clicked.

A key that does something stands on a plate; one that would do nothing now has none, so that it shows without colour.

SPEC 11.
"""

from __future__ import annotations

from textual import events
from textual.message import Message

from hip3_tui.operator_action import OperatorAction
from hip3_tui.operator_actions import OPERATOR_ACTIONS, keymap_of
from hip3_tui.panes.live_lines import Line, LiveLines, Span, line_width
from hip3_tui.panes.picture import Picture


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
        return [tuple(spans[:-1])]

    def _pieces(self, picture: Picture, width: int) -> list[tuple[OperatorAction, Line]]:
        pieces = []
        keymap = keymap_of(picture)
        for action in OPERATOR_ACTIONS:
            label = action.label_for(picture)
            if action.id == "next_list":
                label = self.next_view or label
            if label and keymap.keys(action.id):
                pieces.append((action, _piece(action, keymap.name(action.id), label, picture)))
        # The palette and then the view are the first to go, then the ticket: all of them stand in the help.
        for spare in ("palette", "next_list", "order"):
            if sum(line_width(piece) + 1 for _, piece in pieces) - 1 > width:
                pieces = [(action, piece) for action, piece in pieces if action.id != spare]
        return pieces

    def on_click(self, event: events.Click) -> None:
        for start, end, action in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(action))


def _piece(action: OperatorAction, key: str, label: str, picture: Picture) -> Line:
    if action.refusal(picture):
        return ((f" {key} ", "dim"), (f"({label})", "dim"))
    plate = "plate-bad" if action.id == "hard_stop" else "plate-info"
    return ((f" {key} ", plate), (f" {label}", "strong" if action.dangerous else ""))
