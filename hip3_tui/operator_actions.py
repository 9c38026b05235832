"""Everything the operator can do, in one table: key bindings, key bar, help screen and command palette are all made from it.

An action sends a command to the engine, or opens a screen, or does something to the console; each is one row here, whoever adds it. It never
decides about trading: whether a command makes sense is the engine's to judge. The one thing judged here is what the key bar shows as
pointless now, and only on a fresh picture, because a key that reduces risk must not be blocked by old news.

A new screen is one row: ``screen="history:HistoryScreen"`` names file and class in hip3_tui/screens, loaded when it is called and made with
the picture and the `Console`. A new deed of the console is ``does="copy"`` and a method ``do_copy`` of the app or of the screen on top.

SPEC 11, DESIGN "One key press".
"""

from __future__ import annotations

from core.messages.commands import AnyCommand, CancelAll, FlattenAll, PauseEntries, TripHardStop
from hip3_tui.chosen_row import chosen_row, close_row, close_row_preview, close_row_title, row_closed_not
from hip3_tui.keymap import Keymap
from hip3_tui.operator_action import Group, OperatorAction
from hip3_tui.panes.picture import SIMULATOR, Picture, is_flat
from hip3_tui.previews import cancel_preview, flatten_preview

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


def _no_checkpoint(picture: Picture) -> str:
    if reason := no_report(picture):
        return reason
    checkpoint = picture.snapshot.checkpoint if picture.snapshot is not None else None
    if checkpoint is None or checkpoint.reached is None:
        return "No checkpoint waits for a decision."
    return ""


def _nothing_chosen(picture: Picture) -> str:
    return "" if chosen_row(picture) is not None else "Choose a row first: arrow keys, or a click."


def _row_closed_not(picture: Picture) -> str:
    return no_report(picture) or row_closed_not(picture)


def _is_simulator(picture: Picture) -> bool:
    snapshot = picture.snapshot
    return "simulator" in picture.beside and snapshot is not None and snapshot.run.network == SIMULATOR


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


def _move(deed: str, keys: tuple[str, ...], title: str, help: str) -> OperatorAction:
    return OperatorAction(id=deed, keys=keys, title=title, help=help, group=Group.LISTS, does=deed, in_palette=False)


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
        id="close_row",
        is_brake=True,
        keys=("d", "D", "delete"),
        title="Flatten or cancel the chosen row",
        title_now=close_row_title,
        help="A position: flatten it alone, reduce-only at the market. An order: cancel it alone, exits and EXTERNAL ones too.",
        group=Group.STOP,
        command=close_row,
        dangerous=True,
        asks=True,
        confirm_label="Send it",
        preview=close_row_preview,
        unavailable=_row_closed_not,
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
        id="checkpoint",
        keys=("n", "N"),
        title="Decide at a checkpoint: go on or stop",
        help="At so many trades entries pause. Shows the numbers, and asks for the decision and its reason.",
        group=Group.STOP,
        screen="checkpoint:CheckpointScreen",
        dangerous=True,
        unavailable=_no_checkpoint,
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
        id="order",
        keys=("o", "O"),
        label="Order",
        title="Order by hand",
        help="One order on any market of the config: judged and shown as it would be signed before it is sent, then followed step by step.",
        group=Group.TRADE,
        screen="ticket:TicketScreen",
        dangerous=True,
        unavailable=no_report,
    ),
    OperatorAction(
        id="next_list",
        keys=("tab", "v", "V"),
        label="Lists",
        title="Next list",
        help="Go to the next list; on a small screen it is shown at the bottom. Then move in it, or click a row.",
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
        id="previous_list",
        keys=("shift+tab",),
        title="Previous list",
        help="Go to the list before.",
        group=Group.LISTS,
        does="previous_list",
    ),
    _move("down", ("down", "j"), "Next row", "Choose the row below."),
    _move("up", ("up", "k"), "Row before", "Choose the row above."),
    _move("half_down", ("pagedown", "ctrl+d"), "Half a page down", "Go down by half of what is in sight."),
    _move("half_up", ("pageup", "ctrl+u"), "Half a page up", "Go up by half of what is in sight."),
    _move("first", ("g", "home"), "First row", "Go to the top of the list."),
    _move("last", ("G", "end"), "Last row", "Go to the bottom of the list."),
    OperatorAction(
        id="details",
        keys=("enter",),
        title="Details of the chosen row",
        help="All that is known about it: every figure, every id, and what can be done with it. Also a double click.",
        group=Group.LISTS,
        screen="details:DetailsScreen",
        unavailable=_nothing_chosen,
        in_palette=False,
    ),
    OperatorAction(
        id="leave_list",
        keys=("escape",),
        title="Leave the list",
        help="No row is chosen any more.",
        group=Group.LISTS,
        does="leave_list",
        in_palette=False,
    ),
    OperatorAction(
        id="filter",
        keys=("slash",),
        title="Filter the audit trail",
        help="Show only the lines with these words, or from a severity on; the title says what is left out.",
        group=Group.LISTS,
        does="filter",
    ),
    OperatorAction(
        id="copy",
        keys=("y", "Y"),
        title="Copy the id of the chosen row",
        help="To the clipboard of your terminal (OSC 52; also through ssh and tmux where they allow it).",
        group=Group.LOOK,
        does="copy",
        unavailable=_nothing_chosen,
    ),
    OperatorAction(
        id="export",
        keys=("e", "E"),
        title="Export to CSV",
        help="The list that has the keys, or all of them, as files with full precision in the folder of this run.",
        group=Group.LOOK,
        does="export",
    ),
    OperatorAction(
        id="screenshot",
        keys=("s", "S"),
        title="Screenshot",
        help="This screen as an SVG file in the folder of this run.",
        group=Group.LOOK,
        does="screenshot",
    ),
    OperatorAction(
        id="theme",
        keys=("t", "T"),
        title="Next theme",
        help="Dark, light, high contrast, colour-blind safe. The config says which one it begins with.",
        group=Group.LOOK,
        does="theme",
    ),
    OperatorAction(
        id="verification",
        keys=(),
        title="Verification",
        help="The newest summary of the ten checks that hip3-tui verify runs, each with its verdict, and a run of them on this program.",
        group=Group.LOOK,
        screen="verification:VerificationScreen",
    ),
    OperatorAction(
        id="report",
        keys=("w", "W"),
        title="What the trades were worth",
        help="Edge, slippage, fill rate and PnL with how well each is known, Go/No-Go, every trade, plots, and the review of a day.",
        group=Group.LOOK,
        screen="report:ReportScreen",
    ),
    OperatorAction(
        id="simulator",
        keys=("i", "I"),
        title="Simulator: make something go wrong",
        help="Inject a fault, drop the connection, jump an oracle, and see what the engine makes of it. On our own simulated exchange alone.",
        group=Group.PROGRAM,
        screen="simulator:SimulatorScreen",
        exists=_is_simulator,
    ),
    OperatorAction(
        id="drill",
        keys=("b", "B"),
        title="Briefing of the drill",
        help="The rehearsal under way: its story, its time line, and what it expects.",
        group=Group.PROGRAM,
        screen="drill:DrillScreen",
        exists=lambda picture: "drill" in picture.beside,
    ),
    OperatorAction(
        id="about",
        keys=("a", "A"),
        title="About this program",
        help="Versions, files, account and signer, and the config in force.",
        group=Group.PROGRAM,
        screen="about:AboutScreen",
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
