"""What reaches an operator who does not look at the screen: bell, window title, notification of the desktop.

Makes the few escape sequences for it and says which terminal gets none; writes nothing itself, all of it goes through the driver that cannot
block. Easy to get wrong: these words may hold what the exchange said, and a terminal obeys what it is sent, so nothing but printable text goes
in; and a sequence that a terminal does not know may be printed on its screen.

SPEC 11.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.messages.snapshot import Snapshot
from hip3_tui import format as f
from hip3_tui.panes.picture import MAINNET, Picture, is_flat, knows_what_is_open

_LONGEST = 120
_KEEP_TITLE = "\x1b[22;0t"
_GIVE_TITLE_BACK = "\x1b[23;0t"
_NO_TITLE = ("linux", "dumb", "vt100", "vt102", "vt220", "cons25")
"""Terminals without a window. The text console of Linux prints such a sequence, or waits for its end for ever."""


class Attention:
    """Args:
    environ: Of the process: which terminal this is.
    title: Whether the config wants the title.
    desktop: Whether it wants notifications of the desktop.
    """

    def __init__(self, environ: Mapping[str, str], *, title: bool = True, desktop: bool = True) -> None:
        term = environ.get("TERM", "")
        has_window = bool(term) and not term.startswith(_NO_TITLE)
        self._title = title and has_window
        self._desktop = desktop and has_window
        self._in_tmux = bool(environ.get("TMUX"))
        self._shown = ""

    def begin(self) -> str:
        """Ask the terminal to keep the title that it has."""
        return _KEEP_TITLE if self._title else ""

    def end(self) -> str:
        """Ask for it back."""
        return _GIVE_TITLE_BACK if self._title and self._shown else ""

    def title(self, picture: Picture) -> str:
        """The sequence that sets the title; empty while it need not change."""
        words = title_words(picture)
        if not self._title or words == self._shown:
            return ""
        self._shown = words
        return f"\x1b]2;{printable(words)}\x07"

    def again(self) -> None:
        """The terminal may have lost the title."""
        self._shown = ""

    def critical(self, words: str) -> str:
        """The sequence of a notification of the desktop (OSC 9), through tmux to the terminal outside."""
        if not self._desktop:
            return ""
        # A number and a semicolon at its start would be read as a command (progress bars), so the program's name stands there.
        sequence = f"\x1b]9;hip3-tui: {printable(words)}\x07"
        if not self._in_tmux:
            return sequence
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def printable(words: str) -> str:
    """On one line, with nothing that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in words)[:_LONGEST]


def title_words(picture: Picture) -> str:
    """State first, for it is cut at its end: ``HARD STOP | AT RISK $14.83 | PnL -$1.23 | MAINNET | hip3-tui``. Cents are left to the screen
    where they would change it several times a second."""
    snapshot = picture.snapshot
    if picture.death:
        return "ENGINE DEAD | hip3-tui"
    if snapshot is None:
        return "starting | hip3-tui"
    if snapshot.finished:
        return "ended | hip3-tui"
    parts = [_state(picture, snapshot), _risk(snapshot), f"PnL {f.signed_usd(snapshot.pnl.realized_usd)}"]
    place = snapshot.run.network.upper()
    rehearsed = " (MAINNET RULES)" if picture.asks_first and snapshot.run.network != MAINNET else ""
    return " | ".join([*parts, place + rehearsed, "hip3-tui"])


def _state(picture: Picture, snapshot: Snapshot) -> str:
    if picture.is_stale:
        return "STALE"
    if snapshot.hard_stop.tripped:
        return "HARD STOP"
    if snapshot.state.value != "ACTIVE" or not snapshot.paused:
        return snapshot.state.value
    return "PAUSED"


def _risk(snapshot: Snapshot) -> str:
    if snapshot.positions:
        return f"AT RISK ${snapshot.pnl.exposure_usd:,.0f}"
    if not knows_what_is_open(snapshot):
        return "RISK NOT KNOWN"
    return "FLAT" if is_flat(snapshot) else "ORDERS OUT"
