"""The engine's loop hangs in a living process, with a position open: the guard closes, the console and the phone say so.

The venue's own view is the judge; what hangs is the shipped console on a real terminal.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from notification_servers import NotificationServer
from pty_driver import PtyProgram, spawn
from test_guard_over_a_console import GuardProcess
from test_real_program import CONFIG, Venue, enter, until

from core.messages.exit_codes import ExitCode

PROGRAM = str(Path(__file__).with_name("hanging_console.py"))
ROOT = Path(__file__).parents[2]
WITHIN_S = 10.0
pytestmark = pytest.mark.slow


class Hall:
    """A venue, a phone, and a console between them that can be made to hang."""

    def __init__(
        self, folder: Path, venue: Venue, phone: NotificationServer, program: str = PROGRAM, time_stop_ms: int = 120_000
    ) -> None:
        self.venue, self.phone, self.flag = venue, phone, folder / "hang"
        self.config = folder / "hung.toml"
        self.config.write_text(
            CONFIG.format(port=venue.port, journal=folder / "journal.db")
            + f'[execution]\ntime_stop_ms = {time_stop_ms}\nstop_grace_ms = 5000\n[alerts]\nurls = ["json://127.0.0.1:'
            + f'{phone.port}/"]\n'
        )
        self.folder = folder
        venue.settle()
        self.console: PtyProgram = spawn(
            [sys.executable, program, str(self.flag), "run", "--config", str(self.config)], cwd=str(ROOT)
        )
        self.guards: list[GuardProcess] = []
        self.console.wait_for("LIVE", timeout=60)

    def guard(self) -> GuardProcess:
        guard = GuardProcess(self.folder, self.config)
        self.guards.append(guard)
        guard.wait_said("console: alive", 60)
        return guard

    def hang(self, how: str = "") -> float:
        new = self.flag.with_suffix(".new")
        new.write_text(how)
        new.rename(self.flag)  # with its words in it from its first moment
        return time.monotonic()

    def wake(self) -> None:
        self.flag.unlink()

    def is_told(self, words: str) -> bool:
        return any(words in taken.body for taken in self.phone.taken)

    def close(self) -> None:
        for guard in self.guards:
            guard.close()
        self.console.close()


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    venue = Venue()
    with NotificationServer() as phone:
        hall = Hall(tmp_path, venue, phone)
        try:
            yield hall
        except BaseException as e:
            e.add_note("\n".join([hall.console.text, *(guard.text for guard in hall.guards)]))
            raise
        finally:
            hall.close()
            venue.kill()


@pytest.mark.timeout(240)
def test_the_guard_closes_and_everybody_is_told_and_it_wakes_latched(hall: Hall) -> None:
    guard = hall.guard()
    enter(hall.venue)
    began = hall.hang()
    until("the venue is flat", lambda: not hall.venue.positions(), 40)
    flat_s = time.monotonic() - began
    hall.console.wait_for("ENGINE HANGS", 30)
    until("the phone is told by the console", lambda: hall.is_told("the engine hangs"), 30)
    until("and by the guard", lambda: hall.is_told("the console hangs"), 30)
    guard.wait_said("dealt with: the console hangs: flat and no open order, confirmed", 30)
    assert hall.console.process.poll() is None, "it lived all the while"
    assert {a["signer"][:10] for a in hall.venue.truth()["actions"]} == {"0xf39fd6e5", "0x70997970"}
    assert flat_s < WITHIN_S
    print(f"flat {flat_s:.2f} s after the loop hung")
    hall.wake()
    hall.console.wait_for("HARD STOP", 20)
    hall.console.wait_for("the console hangs (hip3-tui guard)", 20)
    until("told that it turns again", lambda: hall.is_told("the engine turns again"), 30)
    assert "ENGINE HANGS" not in hall.console.text
    guard.wait_said("console: alive, process", 20)
    assert hall.venue.positions() == []
    hall.console.send("q")
    assert hall.console.wait_exit(60) == 0, hall.console.text
    guard.wait_said("console: ended in order", 20)
    guard.end()


@pytest.mark.timeout(240)
def test_without_a_guard_it_is_told_and_stop_closes_and_a_signal_ends_it_honestly(hall: Hall) -> None:
    enter(hall.venue)
    began = hall.hang()
    until("the phone is told", lambda: hall.is_told("the engine hangs"), 30)
    print(f"told {time.monotonic() - began:.1f} s after the loop hung")
    assert hall.venue.positions(), "the console sends nothing while it hangs"
    hall.console.send("x")
    stop = subprocess.run(
        [sys.executable, "-m", "hip3_tui", "stop", "--config", str(hall.config)],
        capture_output=True, text=True, cwd=ROOT, env=dict(os.environ), timeout=110, check=False,
    )  # fmt: skip
    assert stop.returncode == 0, stop.stdout + stop.stderr
    assert "did not answer within" in stop.stdout
    assert hall.venue.positions() == []
    hall.console.signal(signal.SIGTERM)
    assert hall.console.wait_exit(60) == ExitCode.WEDGED
    assert b"NOT CONFIRMED" in hall.console.output
    until("the phone is told of that end", lambda: hall.is_told("NOT CONFIRMED flat"), 20)
    hall.flag.unlink()
    with spawn([sys.executable, "-m", "hip3_tui", "run", "--config", str(hall.config)], cwd=str(ROOT)) as again:
        again.wait_for("HARD STOP", 60)
        again.wait_for("emergency stop (hip3-tui stop)", 20)
        again.wait_for("nothing is left open", 60)
        again.send("q")
        assert again.wait_exit(60) == 0
    assert hall.venue.positions() == []
