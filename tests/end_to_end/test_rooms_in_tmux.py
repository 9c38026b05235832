"""Through every room by its keys, in tmux, over one running program: each says what the journal, the config and the venue say, and the keys that
matter act from inside it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_real_program import CONFIG, Venue, until
from tmux_driver import TmuxProgram

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LONG_S = 90
"""Other programs may have the machine; what is waited for is that it happens at all."""


@pytest.fixture
def venue() -> Iterator[Venue]:
    venue = Venue()
    yield venue
    venue.kill()


@pytest.fixture
def console(venue: Venue, tmp_path: Path) -> Iterator[TmuxProgram]:
    if shutil.which("tmux") is None:
        pytest.fail("this test needs tmux (Debian: tmux)")
    config = tmp_path / "rooms.toml"
    own = "[execution]\ntime_stop_ms = 300000\n[console]\nrefresh_hz = 8\n"
    config.write_text(CONFIG.format(port=venue.port, journal=tmp_path / "journal.db") + own)
    venue.settle()
    with TmuxProgram([sys.executable, "-m", "hip3_tui", "run", "--config", str(config)], tmp_path) as program:
        program.wait_for(" READY ", LONG_S)
        yield program


def pages(console: TmuxProgram, told: dict[str, str]) -> None:
    """Each key leads to what it says."""
    for key, words in told.items():
        console.send(key)
        console.wait_for(words, LONG_S)


def back(console: TmuxProgram, gone: str) -> None:
    """Escape, alone: followed at once by a letter it would be Alt with that letter."""
    console.send("Escape")
    console.wait_gone(gone, LONG_S)


def traded(venue: Venue, console: TmuxProgram) -> None:
    """A position is opened by the market; the screen that is open says so on its first line, and F closes it from there."""
    venue.dislocate()
    until("an entry is filled", lambda: bool(venue.positions()), LONG_S)
    venue.settle()
    console.wait_for(" AT RISK $", LONG_S)
    console.send("f")
    until("the venue is flat", lambda: not venue.positions(), LONG_S)
    console.wait_for(" FLAT ", LONG_S)


def test_every_room_by_its_keys(venue: Venue, console: TmuxProgram, tmp_path: Path) -> None:
    traded(venue, console)

    # History: every list, one row in full, a search, back.
    pages(
        console,
        {"h": " HISTORY ", "1": "STATE", "2": "FEE", "4": "VERDICT", "5": "OUTCOME", "6": "KIND", "3": "BECAUSE"},
    )
    console.wait_for("operator", LONG_S)
    console.send("Enter")
    console.wait_for("closed by operator", LONG_S)
    back(console, "On its way")
    pages(console, {"6": "READY-TRADING", "/": "words that must all be in the row"})
    console.type("no-such-word")
    console.send("Enter")
    console.wait_for("nothing with these words", LONG_S)
    pages(console, {"/": "no-such-word", "Escape": "READY-TRADING"})

    # Report, straight from the history; the market goes on, and F acts in here.
    pages(
        console, {"w": " REPORT ", "2": "At 10 trades", "3": "BECAUSE", "4": "PnL after fees", "5": "Trades of the day"}
    )
    traded(venue, console)
    pages(console, {"0": "all days", "1": "95 % OF THE TIME"})

    # The simulator's room: what is done there happens at the venue.
    console.send("p")
    pages(console, {"i": " FAULTS ", "2": "oracle"})
    console.send("1")
    console.send("4", "0")
    back(console, " FAULTS ")
    console.wait_for("HARD STOP", LONG_S)
    console.wait_for("would be accepted now", LONG_S)
    assert venue.positions() == [], "entries were paused"
    venue.settle()
    console.send("r")
    console.wait_for("Reset the hard stop?", LONG_S)
    console.type("the connection was dropped on purpose")
    console.send("Enter")
    console.wait_for("entries paused by the operator", LONG_S)

    # Dialogs that are read: to their ends.
    pages(console, {"a": "This run", "G": "act_within_ms"})
    back(console, "act_within_ms")
    pages(console, {"?": "Stop and close", "G": "no new picture from the engine"})
    back(console, "no new picture from the engine")

    # The ticket shows what would be sent, and closing it sends nothing.
    console.send("o")
    console.wait_for("Order by hand", LONG_S)
    console.wait_for("GATES PASS", LONG_S)
    back(console, "Order by hand")
    assert venue.positions() == []
    console.send("p")
    traded(venue, console)

    # The palette has what has no key.
    console.send("C-p")
    console.wait_for("Search for commands", LONG_S)
    console.type("Verification")
    console.wait_for("the ten checks that", LONG_S)
    console.send("Enter")
    console.wait_for("Run the ten checks", LONG_S)
    back(console, "Run the ten checks")

    console.send("q")
    console.until(lambda: console.exit_code() is not None, "the program has ended", LONG_S)
    assert console.exit_code() == 0
    assert venue.truth()["openOrders"] == []
    assert "flat confirmed" in console.history()
