"""A whole session in tmux, by its keys alone: what the screen says is held against what the venue says (`/control`).

One long test on purpose: an operator's evening is one program, and what one key leaves behind the next one meets.
"""

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
    config = tmp_path / "session.toml"
    own = "[execution]\ntime_stop_ms = 300000\n[console]\nrefresh_hz = 8\n[console.keys]\nflatten_all = ['z', 'F']\n"
    config.write_text(CONFIG.format(port=venue.port, journal=tmp_path / "journal.db") + own)
    venue.settle()
    command = [sys.executable, "-m", "hip3_tui", "run", "--config", str(config)]
    with TmuxProgram(command, tmp_path) as program:
        program.wait_for(" READY ", LONG_S)
        yield program


def enter(venue: Venue, console: TmuxProgram) -> None:
    """The market gives an entry; the screen has it when the venue has."""
    venue.dislocate()
    until("an entry is filled", lambda: bool(venue.positions()), LONG_S)
    venue.settle()
    console.wait_for("LONG", LONG_S)
    console.wait_for(" AT RISK $", LONG_S)


def flat(venue: Venue, console: TmuxProgram) -> None:
    until("the venue is flat", lambda: not venue.positions(), LONG_S)
    assert venue.truth()["openOrders"] == []
    console.wait_for("flat: no position", LONG_S)


def test_an_evening_by_its_keys(venue: Venue, console: TmuxProgram, tmp_path: Path) -> None:
    assert " SIMULATOR " in console.screen()
    console.until(lambda: "FLAT | PnL" in console.title(), "FLAT in the title", LONG_S)

    # A position, at every size of the terminal, while it runs.
    enter(venue, console)
    console.until(lambda: "AT RISK $" in console.title(), "AT RISK in the title", LONG_S)
    for cols, rows in ((80, 24), (200, 60), (60, 15), (120, 40)):
        console.resize(cols, rows)
        console.until(lambda c=cols: _fills(console, c), f"drawn for {cols}x{rows}", LONG_S)
        words = " AT RISK $" if cols == 60 else "xyz:SNDK   LONG"
        console.wait_for(words, LONG_S)

    # One row: chosen, looked at, its id copied, flattened alone.
    console.send("j")
    console.wait_for("1 of 1  D flatten it", LONG_S)
    console.send("Enter")
    console.wait_for("Position xyz:SNDK", LONG_S)
    console.send("Enter")
    console.wait_gone("Position xyz:SNDK", LONG_S)
    assert venue.positions(), "looking closes nothing"
    console.send("y")
    console.until(lambda: console.clipboard() == "xyz:SNDK", "the id in the clipboard", LONG_S)
    console.send("d")
    flat(venue, console)
    opened, closed = venue.truth()["fills"]
    assert (opened["dir"], closed["dir"], opened["sz"]) == ("Open Long", "Close Long", closed["sz"])

    # Paused: the market gives, nothing is taken. Resumed: it is.
    console.send("p")
    console.wait_for("ENTRIES PAUSED", LONG_S)
    orders = len(_orders(venue))
    venue.dislocate()
    console.wait_for("paused", LONG_S)
    console.wait_for("denied: ", LONG_S)
    assert venue.positions() == []
    assert len(_orders(venue)) == orders
    console.send("p")
    until("an entry is filled", lambda: bool(venue.positions()), LONG_S)
    venue.settle()

    # The operator's own key in the place of f; f itself is nobody's now.
    console.wait_for("LONG", LONG_S)
    console.send("f")
    console.send("t")
    console.wait_for("Theme: light", LONG_S)
    assert venue.positions(), "f was given away"
    console.send("z")
    flat(venue, console)
    assert venue.truth()["fills"][-1]["dir"] == "Close Long"

    # Filter, files.
    console.send("/")
    console.wait_for("Filter the audit trail", LONG_S)
    console.type("ready-trading")
    console.send("Enter")
    console.wait_for('ONLY "ready-trading": 1', LONG_S)
    console.send("e")
    console.wait_for("audit in", LONG_S)
    (csv,) = (tmp_path / "exports").glob("*-audit.csv")
    assert "READY-TRADING" in csv.read_text()
    console.send("s")
    until("a screenshot", lambda: any((tmp_path / "screenshots").glob("*.svg")), LONG_S)
    console.send("/", "Tab", "Enter")
    console.wait_gone("ONLY", LONG_S)

    # Hard stop: never asks, flat at the venue, nothing taken while latched; reset with words.
    enter(venue, console)
    console.send("X")
    flat(venue, console)
    console.wait_for("HARD STOP", LONG_S)
    console.until(lambda: console.title().startswith("HARD STOP"), "HARD STOP in the title", LONG_S)
    orders = len(_orders(venue))
    venue.dislocate()
    console.wait_for("would be accepted now", LONG_S)
    console.send("r")
    console.wait_for("Reset the hard stop?", LONG_S)
    assert len(_orders(venue)) == orders, "latched"
    venue.settle()
    console.type("the evening goes on")
    console.send("Enter")
    console.wait_for(" ACTIVE ", LONG_S)

    # Leaving with a position open: flat first.
    enter(venue, console)
    console.send("q")
    console.until(lambda: console.exit_code() is not None, "the program has ended", LONG_S)
    assert console.exit_code() == 0
    assert venue.positions() == []
    assert venue.truth()["openOrders"] == []
    assert "flat confirmed" in console.history()
    nonces = [action["nonce"] for action in venue.truth()["actions"]]
    assert nonces == sorted(set(nonces))


def _fills(console: TmuxProgram, cols: int) -> bool:
    """The title of the first list reaches to the right edge, or a small screen says what it needs."""
    lines = console.screen().splitlines()
    return any(len(line) == cols and line.endswith("──") for line in lines) or f"is {cols}x" in console.screen()


def _orders(venue: Venue) -> list[object]:
    return [action for action in venue.truth()["actions"] if action["type"] == "order"]
