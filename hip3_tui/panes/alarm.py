"""The banner under the status: what is wrong, what it waits for, what the operator can do. Absent while nothing is wrong.

It takes as many lines as its words need, because an alarm that is cut is no alarm. The worst comes first.

SPEC 8, 11.
"""

from __future__ import annotations

from core.messages.snapshot import HardStopView, Snapshot
from hip3_tui import format as f
from hip3_tui.operator_actions import key_of
from hip3_tui.panes.live_lines import Line, LiveLines, Span
from hip3_tui.panes.picture import Picture, knows_what_is_open
from hip3_tui.panes.progress import progress

MAX_LINES = 8

LONG_STALE_MS = 3_000
"""A short hiccup is marked by the age alone; a banner that comes and goes would move the whole screen."""

HANGS_MS = 5_000
"""No machine is that busy: the engine's loop stands still, and with it every key."""

Paragraph = tuple[str, str, str]
"""Plate (empty: go on under the last one), text, style of both."""


class AlarmPane(LiveLines):
    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        return alarm_lines(picture, width)[:height]


def alarm_lines(picture: Picture, width: int) -> list[Line]:
    """The banner for this width; empty while there is nothing to say."""
    lines: list[Line] = []
    for plate, words, style in alarms(picture):
        lines.extend(_paragraph(plate, words, style, width))
    if len(lines) > MAX_LINES:
        hidden = len(lines) - MAX_LINES + 1
        lines[MAX_LINES - 1 :] = [((f"+{hidden} more lines", "warn"),)]
    return lines


def alarms(picture: Picture) -> list[Paragraph]:
    """What is wrong, the worst first."""
    found: list[Paragraph] = []
    snapshot = picture.snapshot
    if picture.death:
        found.append(("ENGINE DEAD", picture.death, "bad"))
        found.append(("", _after_death(snapshot, key_of(picture, "quit")), "warn"))
    elif (
        snapshot is not None and picture.age_ms is not None and picture.age_ms > LONG_STALE_MS and not snapshot.finished
    ):
        if picture.window is None and picture.age_ms > HANGS_MS:
            found.append(("ENGINE HANGS", _hanging(snapshot), "bad"))
        found.append(
            (
                "OLD PICTURE",
                f"nothing new from the engine for {f.age(picture.age_ms)}; all below is as of {f.clock_time(snapshot.at_ms)} UTC",
                "warn",
            )
        )
    if picture.window is not None and picture.window.note:
        found.insert(0, ("THIS WINDOW", picture.window.note, "warn"))
    if snapshot is None:
        return [*found, *progress(picture)]
    if snapshot.hard_stop.tripped:
        found.extend(
            _hard_stop(
                snapshot.hard_stop, snapshot, is_dead=bool(picture.death), reset=f"{key_of(picture, 'reset')} reset"
            )
        )
    if snapshot.finished:
        found.append(("ENDED", _end(snapshot), "warn"))
    return [*found, *progress(picture)]


def _hard_stop(stop: HardStopView, snapshot: Snapshot, *, is_dead: bool, reset: str) -> list[Paragraph]:
    since = (
        "" if stop.at_ms is None else f" (at {f.clock_time(stop.at_ms)} UTC, {f.age(snapshot.at_ms - stop.at_ms)} ago)"
    )
    found = [("HARD STOP", f"{stop.reason}{since}", "bad")]
    if is_dead:
        return found
    if stop.orders_left or stop.positions_left:
        found.append(
            (
                "",
                f"waits for: {f.plural(stop.orders_left, 'order')} and {f.plural(stop.positions_left, 'position')} still open",
                "warn",
            )
        )
    elif knows_what_is_open(snapshot):
        found.append(("", "nothing is left open", "good"))
    else:
        found.append(("", "what is open is not known: the exchange has not said yet", "warn"))
    refusal = (
        f"{reset} would be refused now: {stop.reset_refusal}"
        if stop.reset_refusal
        else f"{reset} would be accepted now"
    )
    found.append(("", refusal, "warn" if stop.reset_refusal else "good"))
    return found


def _hanging(snapshot: Snapshot) -> str:
    left = f"{f.plural(len(snapshot.positions), 'position')} and {f.plural(sum(not o.is_settled for o in snapshot.orders), 'order')}"
    return (
        f"no key works and no time stop fires while it does. It had {left} open: run `hip3-tui stop` in another terminal "
        "unless a guard watches, and look at the exchange."
    )


def _after_death(snapshot: Snapshot | None, quit_key: str) -> str:
    if snapshot is None:
        return f"It never reported. Keys other than {quit_key} do nothing."
    left = f"{f.plural(len(snapshot.positions), 'position')} and {f.plural(sum(not o.is_settled for o in snapshot.orders), 'order')}"
    return (
        f"Nobody watches or closes anything now. As of {f.clock_time(snapshot.at_ms)} UTC it had {left} open: "
        f"check at the exchange. Keys other than {quit_key} do nothing."
    )


def _end(snapshot: Snapshot) -> str:
    left = sum(not o.is_settled for o in snapshot.orders)
    if snapshot.positions or left:
        return f"the engine has stopped and left {f.plural(len(snapshot.positions), 'position')} and {f.plural(left, 'order')} OPEN: check at the exchange"
    return "the engine has stopped in good order; nothing is open"


def _paragraph(plate: str, words: str, style: str, width: int) -> list[Line]:
    """The plate once, the words beside it, further lines under the words."""
    indent = 14
    head: Span = (f" {plate} ".ljust(indent - 1), f"plate-{style}") if plate else (" " * (indent - 1), "")
    lines: list[Line] = []
    for number, piece in enumerate(f.wrap(words, max(1, width - indent))):
        lines.append(
            (head if number == 0 else (" " * (indent - 1), ""), (" ", ""), (piece, "strong" if plate else style))
        )
    return lines
