"""A console that crashes with a position open: the engine goes on, and a bare screen with the keys that matter takes its place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pty_driver import PtyProgram, spawn
from test_real_program import CONFIG, Venue, enter, until

PROGRAM = str(Path(__file__).with_name("crashing_console.py"))
pytestmark = pytest.mark.slow


@pytest.fixture
def venue() -> Iterator[Venue]:
    venue = Venue()
    yield venue
    venue.kill()


@pytest.fixture
def console(venue: Venue, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[PtyProgram]:
    config = tmp_path / "e2e.toml"
    config.write_text(CONFIG.format(port=venue.port, journal=tmp_path / "journal.db"))
    venue.settle()
    where = getattr(request, "param", "pane")
    with spawn([sys.executable, PROGRAM, where, str(tmp_path / "break"), "run", "--config", str(config)]) as program:
        program.wait_for("LIVE", timeout=60)
        yield program


def broken(console: PtyProgram, tmp_path: Path) -> None:
    (tmp_path / "break").touch()
    console.wait_for("BARE SCREEN", timeout=20)


@pytest.mark.parametrize("console", ["pane", "worker", "timer"], indirect=True)
def test_wherever_it_crashes_f_still_flattens_and_q_still_ends_flat(
    venue: Venue, console: PtyProgram, tmp_path: Path
) -> None:
    enter(venue)
    broken(console, tmp_path)
    assert venue.positions(), "the engine was not touched"
    console.wait_for("AT RISK", timeout=5)
    console.wait_for("xyz:SNDK LONG", timeout=5)
    console.send("f")
    until("the venue is flat", lambda: not venue.positions(), 10)
    console.wait_for("FLAT: no position", timeout=10)
    assert "NOT CONFIRMED" not in console.text
    console.send("q")
    assert console.wait_exit(timeout=30) == 1, "a console that crashed is said by the exit code"
    assert b"flat confirmed" in console.output
    assert venue.positions() == []
    report = (tmp_path / "console-crash.txt").read_text()
    assert "Broken: a " in report
    assert console.attributes()[3] == console.attributes_before[3], "the terminal is as it was found"


def test_x_latches_from_the_bare_screen_and_c_is_answered(venue: Venue, console: PtyProgram, tmp_path: Path) -> None:
    enter(venue)
    broken(console, tmp_path)
    console.send("c")
    console.wait_for("> cancel all: ", timeout=5)
    console.send("x")
    until("the venue is flat", lambda: not venue.positions(), 10)
    console.wait_for("*** HARD STOP", timeout=5)
    console.send("\x03")
    assert console.wait_exit(timeout=30) == 1


@pytest.mark.timeout(240)
def test_the_time_stop_goes_on_behind_it_and_a_signal_ends_it_flat(
    venue: Venue, console: PtyProgram, tmp_path: Path
) -> None:
    enter(venue)
    broken(console, tmp_path)
    until("the TimeStop has closed it", lambda: not venue.positions(), 40)
    enter(venue)
    console.signal(15)
    assert console.wait_exit(timeout=30) == 143, "ended by the signal, flat: what an init system asks about"
    assert b"flat confirmed" in console.output
    assert venue.positions() == []


def test_a_bare_screen_whose_window_is_closed_ends_flat(venue: Venue, console: PtyProgram, tmp_path: Path) -> None:
    enter(venue)
    broken(console, tmp_path)
    console.hang_up()
    console.process.wait(30)
    until("the venue is flat", lambda: not venue.positions(), 5)
