"""The real program in a real terminal against the real simulator, judged by the venue's own view and not by the screen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pty_driver import PtyProgram, spawn

from core.runtime.precedence import STEPS

CONFIG = """
ws_url = "ws://127.0.0.1:{port}/ws"
info_url = "http://127.0.0.1:{port}/info"
mode = "trading"
[[markets]]
coin = "xyz:SNDK"
[[markets]]
coin = "xyz:NVDA"
[signer]
key_source = {{ type = "simulator" }}
[safety]
allowed_markets = ["xyz:SNDK"]
[journal]
path = "{journal}"
"""


class Venue:
    """Our simulator in its own process, and its own word on what happened."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hip3_tui", "sim", "--port", "0", "--seed", "11"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line
        self.port = int(line.rsplit(":", 1)[1])

    def control(self, **command: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/control",
            data=json.dumps(command).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            result: dict[str, Any] = json.loads(answer.read())
            return result

    def truth(self) -> dict[str, Any]:
        return self.control(do="truth")

    def positions(self) -> list[Any]:
        positions: list[Any] = self.truth()["positions"]
        return positions

    def dislocate(self) -> None:
        """The oracle jumps 40 bps, the book stays."""
        self.control(do="set_price", coin="xyz:SNDK", oracle="1705", bid="1697.6", ask="1698.2")

    def settle(self) -> None:
        """The book has come after the oracle: nothing more to take."""
        self.control(do="set_price", coin="xyz:SNDK", oracle="1705", bid="1704.7", ask="1705.3")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def venue() -> Iterator[Venue]:
    venue = Venue()
    yield venue
    venue.kill()


@pytest.fixture
def console(venue: Venue, tmp_path: Path) -> Iterator[PtyProgram]:
    config = tmp_path / "e2e.toml"
    config.write_text(CONFIG.format(port=venue.port, journal=tmp_path / "journal.db"))
    venue.settle()
    command = [sys.executable, "-m", "hip3_tui", "run", "--config", str(config)]
    with spawn(command, cols=120, rows=40) as program:
        program.wait_for("LIVE", timeout=30)
        yield program


def until(what: str, holds: Callable[[], bool], timeout_s: float) -> float:
    """Ask the venue until it says so. Returns how long that took, seconds."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < timeout_s, f"not within {timeout_s} s: {what}"
        time.sleep(0.05)  # the venue is another process; there is no clock of ours to pass in
    return time.monotonic() - begun


def enter(venue: Venue) -> None:
    venue.dislocate()
    until("an entry is filled", lambda: bool(venue.positions()), 10)
    venue.settle()


def test_a_position_is_taken_and_f_closes_it(venue: Venue, console: PtyProgram) -> None:
    enter(venue)
    console.wait_for("LONG", timeout=5)
    console.send("f")
    until("the venue is flat", lambda: not venue.positions(), 5)

    truth = venue.truth()
    assert truth["openOrders"] == []
    opened, closed = truth["fills"]
    assert (opened["dir"], closed["dir"]) == ("Open Long", "Close Long")
    assert opened["sz"] == closed["sz"]
    nonces = [a["nonce"] for a in truth["actions"]]
    assert nonces == sorted(set(nonces))
    assert all(a["accepted"] for a in truth["actions"])
    console.wait_for("closed by operator", timeout=5)


def test_the_thread_that_draws_gives_way_to_that_which_trades(console: PtyProgram) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    threads = {
        int(name): os.getpriority(os.PRIO_PROCESS, int(name)) for name in os.listdir(f"/proc/{console.pid}/task")
    }
    assert threads.pop(console.pid) == min(19, own + STEPS)
    assert sum(priority == own for priority in threads.values()) >= 3, "engine, journal, signals"


def test_q_goes_flat_before_it_leaves(venue: Venue, console: PtyProgram) -> None:
    enter(venue)
    console.send("q")
    assert console.wait_exit(timeout=20) == 0
    assert venue.positions() == []
    assert venue.truth()["openOrders"] == []


def test_x_latches_flattens_and_stays_latched_in_the_next_run(
    venue: Venue, console: PtyProgram, tmp_path: Path
) -> None:
    enter(venue)
    console.send("x")
    until("the venue is flat", lambda: not venue.positions(), 5)
    console.wait_for("HARD STOP", timeout=5)
    venue.dislocate()
    console.send("q")
    assert console.wait_exit(timeout=20) == 0
    fills = len(venue.truth()["fills"])

    command = [sys.executable, "-m", "hip3_tui", "run", "--config", str(tmp_path / "e2e.toml")]
    with spawn(command, cols=120, rows=40) as again:
        again.wait_for("LIVE", timeout=30)
        again.wait_for("REDUCING", timeout=5)
        until("the venue has heard of it", lambda: bool(venue.truth()["actions"]), 5)
        again.send("q")
        assert again.wait_exit(timeout=20) == 0
    assert len(venue.truth()["fills"]) == fills, "a latched engine entered"


def test_a_killed_simulator_is_a_hard_stop_on_screen(venue: Venue, console: PtyProgram) -> None:
    venue.kill()
    console.wait_for("HARD STOP", timeout=10)
    console.wait_for("disconnected", timeout=5)
    console.send("q")
    # Nothing was open when the venue died, but it cannot confirm that any more.
    assert console.wait_exit(timeout=40) == 75


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_terminal_that_nobody_reads_for_60_s_does_not_stop_the_time_stop(venue: Venue, console: PtyProgram) -> None:
    enter(venue)
    entered = time.monotonic()
    console.wait_for("LONG", timeout=5)
    console.stall()
    until("the TimeStop has closed it", lambda: not venue.positions(), 40)
    held_s = time.monotonic() - entered
    assert 28 < held_s < 33, f"held for {held_s:.1f} s"
    assert console.state() != "Z"
    while time.monotonic() - entered < 60:
        time.sleep(0.5)  # the stall is the thing under test, and it is real time
    console.resume()
    console.wait_for("closed by time stop", timeout=10)
    console.wait_until(lambda: "FLAT" in console.text and "0.0s old" in console.text, 10, "a fresh, whole screen")
    assert "LONG" not in console.text.split("── Markets")[0]
    console.send("q")
    assert console.wait_exit(timeout=20) == 0
