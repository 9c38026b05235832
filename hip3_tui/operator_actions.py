"""Everything the operator can do, in one table: key bindings, key bar, help screen and command palette are all made from it.

An action either sends a command to the engine or opens something on the screen. It never decides about trading: whether a command makes
sense is the engine's to judge. The one thing judged here is what the key bar shows as pointless now, and only on a fresh picture,
because a key that reduces risk must not be blocked by old news.

SPEC 11, DESIGN "One key press".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from core.messages.commands import AnyCommand, CancelAll, FlattenAll, PauseEntries, TripHardStop
from hip3_tui.panes.picture import Picture, is_flat

MakeCommand = Callable[[Picture, str, str], AnyCommand]
"""Picture, command id and operator's name -> the command."""


class Opens(Enum):
    """What an action opens or moves on the screen, when it does not send a command itself."""

    RESET_DIALOG = "reset dialog"
    QUIT = "quit"
    HELP = "help"
    PALETTE = "command palette"
    NEXT_VIEW = "next view"


def _always(picture: Picture) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAction:
    """One thing the operator can do.

    ``label`` stands in the key bar, ``title`` in palette and help. ``unavailable`` answers why it is pointless now, empty if it is not.
    """

    id: str
    keys: tuple[str, ...]
    key: str
    label: str
    title: str
    help: str
    command: MakeCommand | None = None
    opens: Opens | None = None
    dangerous: bool = False
    asks_on_mainnet: bool = False
    confirm_label: str = ""
    unavailable: Callable[[Picture], str] = _always
    label_now: Callable[[Picture], str] | None = None
    priority: tuple[str, ...] = ()
    """Keys that act even while text is typed into a dialog."""
    in_dialogs: bool = False
    """Acts while a dialog without a text field is open."""

    def __post_init__(self) -> None:
        assert (self.command is None) != (self.opens is None), (
            f"action {self.id}: sends a command or opens something, one of the two"
        )
        assert not self.asks_on_mainnet or self.confirm_label, (
            f"action {self.id}: what it asks needs a label for its button"
        )

    def label_for(self, picture: Picture) -> str:
        return self.label if self.label_now is None else self.label_now(picture)


# --- availability ----------------------------------------------------------------------------------------------------


def _no_engine(picture: Picture) -> str:
    if picture.death:
        return "The engine is dead: nothing can be sent to it. Check at the exchange."
    if picture.is_finished:
        return "The engine has ended: nothing can be sent to it."
    return ""


def _no_report(picture: Picture) -> str:
    return _no_engine(picture) or (
        "" if picture.snapshot is not None else "The engine has not reported yet. Hard stop (X) works already."
    )


def _nothing_to_flatten(picture: Picture) -> str:
    if reason := _no_report(picture):
        return reason
    if picture.snapshot is not None and picture.is_trustworthy and is_flat(picture.snapshot):
        return "Flat already: no position is open and no order is on its way."
    return ""


def _nothing_to_reset(picture: Picture) -> str:
    if reason := _no_report(picture):
        return reason
    if picture.snapshot is not None and not picture.snapshot.hard_stop.tripped:
        return "The hard stop is not tripped: there is nothing to reset."
    return ""


# --- commands --------------------------------------------------------------------------------------------------------


def _is_paused(picture: Picture) -> bool:
    return picture.snapshot is not None and picture.snapshot.paused


def _flatten_all(picture: Picture, command_id: str, who: str) -> AnyCommand:
    return FlattenAll(command_id=command_id, who=who)


def _cancel_all(picture: Picture, command_id: str, who: str) -> AnyCommand:
    return CancelAll(command_id=command_id, who=who)


def _trip(picture: Picture, command_id: str, who: str) -> AnyCommand:
    return TripHardStop(command_id=command_id, who=who, reason="operator key")


def _pause(picture: Picture, command_id: str, who: str) -> AnyCommand:
    return PauseEntries(command_id=command_id, who=who, paused=not _is_paused(picture))


# --- the table -------------------------------------------------------------------------------------------------------

OPERATOR_ACTIONS: tuple[OperatorAction, ...] = (
    OperatorAction(
        id="flatten_all",
        keys=("f", "F"),
        key="F",
        label="Flatten",
        title="Flatten all",
        help="Close every position with reduce-only orders at the market. Entries go on afterwards unless paused.",
        command=_flatten_all,
        dangerous=True,
        asks_on_mainnet=True,
        confirm_label="Flatten all",
        unavailable=_nothing_to_flatten,
    ),
    OperatorAction(
        id="cancel_all",
        keys=("c", "C"),
        key="C",
        label="Cancel",
        title="Cancel all orders",
        help="Cancel every open order of ours, queued ones included. Exits under way are left alone; positions stay.",
        command=_cancel_all,
        dangerous=True,
        asks_on_mainnet=True,
        confirm_label="Cancel all orders",
        unavailable=_no_report,
    ),
    OperatorAction(
        id="pause_entries",
        keys=("p", "P"),
        key="P",
        label="Pause",
        title="Pause or resume entries",
        help="Stop taking new positions, or go on taking them. Exits and the time stop work either way.",
        command=_pause,
        unavailable=_no_report,
        label_now=lambda picture: "Resume" if _is_paused(picture) else "Pause",
    ),
    OperatorAction(
        id="hard_stop",
        keys=("x", "X"),
        key="X",
        label="HARD STOP",
        title="Hard stop now",
        help="Latch now, cancel everything, flatten everything. Never asks. Stays stopped, over restarts too, until reset.",
        command=_trip,
        dangerous=True,
        unavailable=_no_engine,
        in_dialogs=True,
    ),
    OperatorAction(
        id="reset",
        keys=("r", "R"),
        key="R",
        label="Reset",
        title="Reset the hard stop",
        help="Release the latch so that entries are possible again. Opens a dialog that asks for a reason.",
        opens=Opens.RESET_DIALOG,
        dangerous=True,
        unavailable=_nothing_to_reset,
    ),
    OperatorAction(
        id="quit",
        keys=("q", "Q", "ctrl+c", "ctrl+q"),
        key="Q",
        label="Quit",
        title="Quit: flat first, then leave",
        help="No more entries, cancel our orders, flatten, check with the exchange, then leave (also Ctrl+C). Again while leaving: leave at once, after a warning.",
        opens=Opens.QUIT,
        dangerous=True,
        priority=("ctrl+c", "ctrl+q"),
    ),
    OperatorAction(
        id="next_view",
        keys=("tab", "v", "V"),
        key="Tab",
        label="View",
        title="Next view",
        help="On a small screen: show the next list (audit trail, markets, orders, fills, signals) at the bottom.",
        opens=Opens.NEXT_VIEW,
    ),
    OperatorAction(
        id="palette",
        keys=("ctrl+p",),
        key="^P",
        label="Palette",
        title="Command palette",
        help="All actions by name.",
        opens=Opens.PALETTE,
    ),
    OperatorAction(
        id="help",
        keys=("question_mark", "h", "H", "f1"),
        key="?",
        label="Help",
        title="Help",
        help="What every key does and what the words on the screen mean.",
        opens=Opens.HELP,
    ),
)

ACTIONS: dict[str, OperatorAction] = {action.id: action for action in OPERATOR_ACTIONS}
