"""What one action of the operator is: its keys, its words, and the one thing that it does.

Knows no action. The rows are in operator_actions.py, and everything that is made of them (bindings, key bar, help, palette) asks here for
nothing but these words.

SPEC 11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from core.messages.commands import AnyCommand
from hip3_tui.panes.picture import Picture
from hip3_tui.previews import Sending

MakeCommand = Callable[[Picture, str, str], AnyCommand]
"""Picture, command id and operator's name -> the command."""


class Group(Enum):
    """Under which heading the help shows an action."""

    STOP = "Stop and close"
    TRADE = "Trade"
    LISTS = "Lists"
    LOOK = "Look and keep"
    PROGRAM = "Program"


def _always(picture: Picture) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAction:
    """One thing the operator can do.

    ``label`` stands in the key bar (empty: not there), ``title`` in palette and help. ``unavailable`` answers why it is pointless now,
    empty if it is not.
    """

    id: str
    keys: tuple[str, ...]
    """By Textual's names; a config may put others in their place."""
    label: str = ""
    title: str
    help: str
    group: Group
    command: MakeCommand | None = None
    screen: str = ""
    """``file:Class`` in hip3_tui/screens, made with picture and console."""
    does: str = ""
    """Name of a ``do_...`` method of the screen on top or of the app."""
    dangerous: bool = False
    asks: bool = False
    """Asks once where mainnet's rules apply, with what would be sent and the focus on Cancel."""
    confirm_label: str = ""
    preview: Callable[[Picture], list[Sending]] | None = None
    """What the exchange would be sent; asked about, or told afterwards."""
    exists: Callable[[Picture], bool] = lambda picture: True
    """Where it is not, its key does nothing and it stands nowhere."""
    unavailable: Callable[[Picture], str] = _always
    label_now: Callable[[Picture], str] | None = None
    title_now: Callable[[Picture], str] | None = None
    is_brake: bool = False
    """A window beside the console may do it too, if it was allowed to act. Other actions that change anything are the console's alone."""
    in_text: bool = False
    """Its keys with Ctrl act even while text is typed into a dialog."""
    in_dialogs: bool = False
    """Acts while a dialog without a text field is open."""
    in_palette: bool = True

    def __post_init__(self) -> None:
        deeds = sum(map(bool, (self.command, self.screen, self.does)))
        assert deeds == 1, f"action {self.id}: sends a command, opens a screen or does something, one of the three"
        assert not self.asks or self.confirm_label, f"action {self.id}: what it asks needs a label for its button"

    def refusal(self, picture: Picture) -> str:
        """Why it cannot or need not be done now; empty if it can."""
        changes = self.command is not None or (self.screen and self.dangerous)
        if changes and picture.window is not None:
            if not picture.window.may_brake:
                return "This window only looks. Act at the console itself."
            if not self.is_brake:
                return "Not from this window: it closes, cancels, stops and pauses. The rest is done at the console itself."
        return self.unavailable(picture)

    def label_for(self, picture: Picture) -> str:
        if not self.exists(picture):
            return ""
        return self.label if self.label_now is None else self.label_now(picture)

    def title_for(self, picture: Picture) -> str:
        return self.title if self.title_now is None else self.title_now(picture)
