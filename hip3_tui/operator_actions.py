"""Everything the operator can do, in one table: key bindings, key bar, help screen and command palette are all made from it.

An action sends a command to the engine, or opens a screen, or does something to the console; each is one row here, whoever adds it. It never
decides about trading: whether a command makes sense is the engine's to judge. The one thing judged here is what the key bar shows as
pointless now, and only on a fresh picture, because a key that reduces risk must not be blocked by old news.

A new screen is one row: ``screen="history:HistoryScreen"`` names file and class in hip3_tui/screens, loaded when it is called and made with
the picture and the `Console`. A new deed of the console is ``does="copy"`` and a method ``do_copy`` of the app or of the screen on top.

SPEC 11, DESIGN "One key press".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from core.messages.commands import AnyCommand, CancelAll, FlattenAll, PauseEntries, TripHardStop
from hip3_tui.keymap import Keymap
from hip3_tui.panes.picture import Picture, is_flat
from hip3_tui.previews import Sending, cancel_preview, flatten_preview

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
        return self.label if self.label_now is None else self.label_now(picture)

    def title_for(self, picture: Picture) -> str:
        return self.title if self.title_now is None else self.title_now(picture)


# --- availability ----------------------------------------------------------------------------------------------------


def no_engine(picture: Picture) -> str:
    if picture.death:
        return "The engine is dead: nothing can be sent to it. Check at the exchange."
    if picture.is_finished:
        return "The engine has ended: nothing can be sent to it."
    return ""


def no_report(picture: Picture) -> str:
    return no_engine(picture) or (
        ""
        if picture.snapshot is not None
        else f"The engine has not reported yet. Hard stop ({key_of(picture, 'hard_stop')}) works already."
    )


def _nothing_to_flatten(picture: Picture) -> str:
    if reason := no_report(picture):
        return reason
    if picture.snapshot is not None and picture.is_trustworthy and is_flat(picture.snapshot):
        return "Flat already: no position is open and no order is on its way."
    return ""


def _nothing_to_reset(picture: Picture) -> str:
    if reason := no_report(picture):
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
        label="Flatten",
        title="Flatten all",
        help="Close every position with reduce-only orders at the market. Entries go on afterwards unless paused.",
        group=Group.STOP,
        command=_flatten_all,
        is_brake=True,
        dangerous=True,
        asks=True,
        confirm_label="Flatten all",
        preview=flatten_preview,
        unavailable=_nothing_to_flatten,
    ),
    OperatorAction(
        id="cancel_all",
        keys=("c", "C"),
        label="Cancel",
        title="Cancel all orders",
        help="Cancel every open order of ours, queued ones included. Exits under way are left alone; positions stay.",
        group=Group.STOP,
        command=_cancel_all,
        is_brake=True,
        dangerous=True,
        asks=True,
        confirm_label="Cancel all orders",
        preview=cancel_preview,
        unavailable=no_report,
    ),
    OperatorAction(
        id="pause_entries",
        keys=("p", "P"),
        label="Pause",
        title="Pause or resume entries",
        help="Stop taking new positions, or go on taking them. Exits and the time stop work either way.",
        group=Group.STOP,
        command=_pause,
        is_brake=True,
        unavailable=no_report,
        label_now=lambda picture: "Resume" if _is_paused(picture) else "Pause",
    ),
    OperatorAction(
        id="hard_stop",
        keys=("x", "X"),
        label="HARD STOP",
        title="Hard stop now",
        help="Latch now, cancel everything, flatten everything. Never asks. Stays stopped, over restarts too, until reset.",
        group=Group.STOP,
        command=_trip,
        is_brake=True,
        dangerous=True,
        unavailable=no_engine,
        in_dialogs=True,
    ),
    OperatorAction(
        id="reset",
        keys=("r", "R"),
        label="Reset",
        title="Reset the hard stop",
        help="Release the latch so that entries are possible again. Opens a dialog that asks for a reason.",
        group=Group.STOP,
        screen="reset:ResetScreen",
        dangerous=True,
        unavailable=_nothing_to_reset,
    ),
    OperatorAction(
        id="quit",
        keys=("q", "Q", "ctrl+c", "ctrl+q"),
        label="Quit",
        label_now=lambda picture: "Quit" if picture.window is None else "Close",
        title="Quit: flat first, then leave",
        title_now=lambda picture: "Quit: flat first, then leave" if picture.window is None else "Close this window",
        help="No more entries, cancel our orders, flatten, check with the exchange, then leave. Again while leaving: leave at once, after a warning.",
        group=Group.STOP,
        does="quit",
        dangerous=True,
        in_text=True,
    ),
    OperatorAction(
        id="next_list",
        keys=("tab", "v", "V"),
        label="List",
        title="Next list",
        help="Go to the next list; on a small screen it is shown at the bottom.",
        group=Group.LISTS,
        does="next_list",
    ),
    OperatorAction(
        id="history",
        keys=("h", "H"),
        title="History",
        help="Orders, fills, trades, signals, posts and events of the journal: search, details with everything that belongs to a row, export.",
        group=Group.LOOK,
        screen="history:HistoryScreen",
    ),
    OperatorAction(
        id="palette",
        keys=("ctrl+p",),
        label="Palette",
        title="Command palette",
        help="All actions by name.",
        group=Group.PROGRAM,
        does="palette",
        in_palette=False,
    ),
    OperatorAction(
        id="help",
        keys=("question_mark", "f1"),
        label="Help",
        title="Help",
        help="What every key does and what the words on the screen mean.",
        group=Group.PROGRAM,
        screen="help:HelpScreen",
    ),
)

ACTIONS: dict[str, OperatorAction] = {action.id: action for action in OPERATOR_ACTIONS}

DEFAULT_KEYMAP = Keymap({action.id: action.keys for action in OPERATOR_ACTIONS})


def keymap_of(picture: Picture) -> Keymap:
    return picture.keymap or DEFAULT_KEYMAP


def key_of(picture: Picture, action_id: str) -> str:
    """What stands on the key of an action; its name for the palette if it has none."""
    return keymap_of(picture).name(action_id) or f"^P {ACTIONS[action_id].title}"
