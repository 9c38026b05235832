"""Where each pane goes, as plain arithmetic: size of the terminal in, a rectangle for each pane out.

Four shapes. *Wide* (from 190x50): everything at once, with trends beside the positions and the targets of alerts. *Full* (from 112x38): everything
at once in two columns. *Compact* (from 80x24): the essentials, and below them as many lists as fit,
beginning with the chosen one, for which load and risk shrink to their worst lines if it needs the room. *Too small*: one message. The rule that is easy to get wrong: an alarm takes its lines from the lists, never from
the positions or the load.

SPEC 11.
"""

from __future__ import annotations

from typing import NamedTuple

from hip3_tui.panes.status import HEIGHT as STATUS_HEIGHT
from hip3_tui.panes.too_small import NEEDS_HEIGHT, NEEDS_WIDTH

FULL_WIDTH, FULL_HEIGHT = 112, 38
WIDE_WIDTH, WIDE_HEIGHT = 190, 50

_ROOMY_HEIGHT = 50
_POSITIONS_WIDTH = 95
"""All columns of the positions."""
_MOST_ALERTS = 5
_GAP = 2
_MIDDLE_LEAST = 4
_KEYS_HEIGHT = 1


class Rect(NamedTuple):
    x: int
    y: int
    width: int
    height: int


VIEWS: tuple[tuple[str, str, int], ...] = (
    ("audit", "Audit", 6),
    ("markets", "Markets", 9),
    ("orders", "Orders", 6),
    ("fills", "Fills", 6),
    ("signals", "Signals", 4),
)
"""The lists of the compact shape, in the order of the key that changes between them: pane, name, least height to be shown beside others."""


def is_full(width: int, height: int) -> bool:
    return width >= FULL_WIDTH and height >= FULL_HEIGHT


def place(width: int, height: int, alarm: int, view: int = 0, markets: int = 7, alerts: int = 0) -> dict[str, Rect]:
    """A rectangle for each pane that is shown; the others are hidden.

    Args:
        width: Columns of the terminal.
        height: Lines of the terminal.
        alarm: Lines that the alarm banner asks for.
        view: Index in `VIEWS` of the list to begin with, in the compact shape.
        markets: How many there are to show.
        alerts: How many targets of alerts there are.
    """
    if width < NEEDS_WIDTH or height < NEEDS_HEIGHT:
        return {"too_small": Rect(0, 0, width, height)}
    alarm = min(alarm, height - STATUS_HEIGHT - _KEYS_HEIGHT - 11)
    places = {"status": Rect(0, 0, width, STATUS_HEIGHT), "keys": Rect(0, height - _KEYS_HEIGHT, width, _KEYS_HEIGHT)}
    if alarm:
        places["alarm"] = Rect(0, STATUS_HEIGHT, width, alarm)
    top = STATUS_HEIGHT + alarm
    room = height - _KEYS_HEIGHT - top
    places.update(
        _full(width, height, top, room, markets) if is_full(width, height) else _compact(width, top, room, view)
    )
    if width >= WIDE_WIDTH and height >= WIDE_HEIGHT:
        _widen(places, alerts)
    return places


def _widen(places: dict[str, Rect], alerts: int) -> None:
    """The trends in what the positions leave of their width; the alerts at the end of the fills."""
    positions, signals, fills = places["positions"], places["signals"], places["fills"]
    spare = positions.width - _POSITIONS_WIDTH - _GAP
    places["positions"] = positions._replace(width=_POSITIONS_WIDTH)
    places["signals"] = signals._replace(width=_POSITIONS_WIDTH)
    at = positions.x + _POSITIONS_WIDTH + _GAP
    places["trends"] = Rect(at, positions.y, spare, positions.height + signals.height)
    lines = min(_MOST_ALERTS, alerts) + 1 if alerts else 0
    if lines and fills.height - lines >= 6:
        places["fills"] = fills._replace(height=fills.height - lines)
        places["alerts"] = Rect(fills.x, fills.y + fills.height - lines, fills.width, lines)


def _full(width: int, height: int, top: int, room: int, markets: int) -> dict[str, Rect]:
    right = max(42, min(76, width * 35 // 100))
    left = width - right - _GAP
    at_right = left + _GAP
    roomy = height >= _ROOMY_HEIGHT
    signals = 4
    first = min(14 if roomy else 11, room - 12)
    second = max(6, min(markets + 2, 13 if roomy else 10, room - first - 11))
    third = room - first - second
    orders = max(3, third * 45 // 100)
    load = min(8 if roomy else 7, third - 3)
    y2, y3 = top + first, top + first + second
    return {
        "positions": Rect(0, top, left, first - signals),
        "signals": Rect(0, top + first - signals, left, signals),
        "risk": Rect(at_right, top, right, first),
        "markets": Rect(0, y2, width, second),
        "orders": Rect(0, y3, left, orders),
        "audit": Rect(0, y3 + orders, left, third - orders),
        "load": Rect(at_right, y3, right, load),
        "fills": Rect(at_right, y3 + load, right, third - load),
    }


def _compact(width: int, top: int, room: int, view: int) -> dict[str, Rect]:
    positions = 5 if room < 25 else 6
    middle = 8
    if room - positions - middle < 3:
        middle = max(_MIDDLE_LEAST, room - positions - 3)
    if room - positions - middle < 3:
        positions = 4
    if view:  # asked for by a key, so it may push what was there aside
        middle = max(_MIDDLE_LEAST, min(middle, room - positions - VIEWS[view][2]))
    half = (width - _GAP) // 2
    places = {
        "positions": Rect(0, top, width, positions),
        "load": Rect(0, top + positions, half, middle),
        "risk": Rect(half + _GAP, top + positions, width - half - _GAP, middle),
    }
    y, left = top + positions + middle, room - positions - middle
    shown: list[tuple[str, int]] = []
    for offset in range(len(VIEWS)):
        pane, _, least = VIEWS[(view + offset) % len(VIEWS)]
        if shown and sum(h for _, h in shown) + least > left:
            break
        shown.append((pane, min(least, left)))
    spare = left - sum(h for _, h in shown)
    for number, (pane, pane_height) in enumerate(shown):
        # What is left over is shared out from the first list on.
        extra = spare // len(shown) + (1 if number < spare % len(shown) else 0)
        places[pane] = Rect(0, y, width, pane_height + extra)
        y += pane_height + extra
    return places
