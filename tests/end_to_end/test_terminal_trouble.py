"""Everything that happens to terminals and to the fingers before them, with a position open: it ends flat by the venue's word, and the exit
code and the last words say what happened.

SPEC 8, 11; LESSONS L47, L48.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pty_driver import PtyProgram, spawn
from test_real_program import CONFIG, Venue, enter, until

pytestmark = pytest.mark.slow


@pytest.fixture
def venue() -> Iterator[Venue]:
    venue = Venue()
    yield venue
    venue.kill()


@pytest.fixture
def console(venue: Venue, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[PtyProgram]:
    """With a position open."""
    config = tmp_path / "e2e.toml"
    config.write_text(CONFIG.format(port=venue.port, journal=tmp_path / "journal.db"))
    venue.settle()
    command = [sys.executable, "-m", "hip3_tui", "run", "--config", str(config)]
    with spawn(command, cols=120, rows=40, ignore_signals=getattr(request, "param", ())) as program:
        program.wait_for("LIVE", timeout=60)
        enter(venue)
        program.wait_for("LONG", timeout=10)
        yield program


def ended_flat(venue: Venue, console: PtyProgram, *codes: int) -> str:
    """The last words."""
    assert console.wait_exit(30) in codes
    truth = venue.truth()
    assert truth["positions"] == []
    assert truth["openOrders"] == []
    return console.output.decode("utf-8", "replace")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT], ids=lambda n: n.name)
def test_a_signal_ends_it_flat(venue: Venue, console: PtyProgram, number: signal.Signals) -> None:
    console.signal(number)
    words = ended_flat(venue, console, 128 + number)
    assert f"stopped ({number.name}): flat confirmed" in words
    assert console.attributes()[3] == console.attributes_before[3]


def test_a_closed_window_ends_it_flat(venue: Venue, console: PtyProgram) -> None:
    """The signal and the dead terminal arrive together: whichever is noticed first names the exit."""
    console.hang_up()
    ended_flat(venue, console, 128 + signal.SIGHUP, 74)


@pytest.mark.parametrize("console", [(signal.SIGHUP,)], indirect=True, ids=["SIGHUP ignored"])
def test_a_dead_line_ends_it_flat_when_no_signal_tells(venue: Venue, console: PtyProgram) -> None:
    console.hang_up()
    ended_flat(venue, console, 74)


def test_ctrl_c_again_and_again_ends_it_flat_all_the_same(venue: Venue, console: PtyProgram) -> None:
    """The first asks for the orderly end, which goes on; the others only ask whether to leave at once, and are not answered."""
    for _ in range(8):
        console.send("\x03")
    assert "flat confirmed" in ended_flat(venue, console, 0)


def test_the_third_signal_leaves_at_once_and_says_what_may_be_open(venue: Venue, console: PtyProgram) -> None:
    venue.control(
        do="fault", name="lose_request", count=50
    )  # nothing can be closed: the orderly end would take its whole grace
    for n in range(3):
        console.signal(signal.SIGINT)
        until("the signal was taken", lambda n=n: _taken(console, n + 1), 5)
    assert console.wait_exit(5) == 75
    words = console.output.decode("utf-8", "replace")
    assert "left at once at signal number 3 (SIGINT): NOT CONFIRMED flat" in words
    assert "xyz:SNDK" in words
    assert venue.positions(), "it is open, as it said"


def _taken(console: PtyProgram, count: int) -> bool:
    """A pending signal of the same number is merged with the next: wait until it is not pending."""
    status = Path(f"/proc/{console.pid}/status")
    if not status.exists() or console.process.poll() is not None:
        return True
    pending = [
        int(line.split()[1], 16) for line in status.read_text().splitlines() if line.startswith(("ShdPnd", "SigPnd"))
    ]
    return not any(p & (1 << (signal.SIGINT - 1)) for p in pending)


def test_ctrl_z_stops_nothing(venue: Venue, console: PtyProgram) -> None:
    console.send("\x1a")
    console.signal(signal.SIGTSTP)
    console.wait_until(lambda: console.state() in "SRD", 5, "still running")
    console.send("f")
    until("the venue is flat", lambda: not venue.positions(), 10)


def test_a_storm_of_resizes_leaves_a_whole_screen(venue: Venue, console: PtyProgram) -> None:
    dice = random.Random(5)
    for _ in range(150):
        console.resize(dice.choice((1, 2, 20, 79, 80, 120, 300)), dice.choice((1, 2, 10, 24, 40, 100)))
        time.sleep(0.01)  # a hand on the corner of a window is a thing of real time
    console.resize(120, 40)
    console.wait_until(lambda: "Markets" in console.text and "LONG" in console.text, 15, "the whole screen again")
    console.send("f")
    until("the venue is flat", lambda: not venue.positions(), 10)
    console.send("q")
    assert "flat confirmed" in ended_flat(venue, console, 0)


def garbage(seed: int, length: int) -> bytes:
    """Bytes that are no keys of anybody: half sequences, broken UTF-8, controls. Without letters, which would be keys."""
    dice = random.Random(seed)
    pieces = [
        b"\x1b[",
        b"\x1b[999;999",
        b"\x1b]0;",
        b"\x1bP",
        b"\xff\xfe",
        b"\xe2\x82",
        b"\x1b[<0;0;0",
        b"\x1b[?2026;",
        b"\x00",
        b"\x07",
        b"\x1b\x1b[[",
        b"~~",
        b";;;",
    ]
    out = b""
    while len(out) < length:
        out += dice.choice(pieces) + bytes(
            dice.choice(b"0123456789;<>!$%&()=+-_#'\x80\xc3\xf0") for _ in range(dice.randrange(6))
        )
    return out


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_garbage_on_the_line_is_no_key(venue: Venue, console: PtyProgram, seed: int) -> None:
    for start in range(0, 20_000, 1_000):
        console.send(garbage(seed + start, 1_000))
    console.send("\x1b\\\x18")  # whatever was begun is over
    console.wait_until(lambda: "0.0s old" in console.text or "0.1s old" in console.text, 15, "a fresh picture")
    actions = venue.truth()["actions"]
    assert len(actions) == 1, "nothing was sent but the entry"
    console.send("f")
    until("the venue is flat", lambda: not venue.positions(), 10)


@pytest.mark.parametrize("marks", [("\x1b[200~", "\x1b[201~"), ("", "")], ids=["marked as a paste", "not marked"])
def test_what_is_pasted_is_no_key(venue: Venue, console: PtyProgram, marks: tuple[str, str]) -> None:
    """Half a chat, pasted into the wrong window."""
    console.send(f"{marks[0]}fix the queue: X C F R Q pq xx\r\n{marks[1]}")
    time.sleep(1.0)  # nothing is to happen, and that takes real time to see
    assert venue.positions(), "a pasted F flattened"
    assert len(venue.truth()["actions"]) == 1
    console.wait_until(lambda: "ACTIVE" in console.text and "PAUSED" not in console.text, 5, "no key was taken")
    console.send("f")
    until("the venue is flat", lambda: not venue.positions(), 10)


@pytest.mark.timeout(200)
def test_a_terminal_that_takes_a_byte_now_and_then_holds_up_nothing(venue: Venue, console: PtyProgram) -> None:
    """Slower than the drawing for as long as the position lives: the TimeStop comes in its time."""
    begun = time.monotonic()
    while venue.positions():
        console.stall()
        time.sleep(0.8)
        console.resume()
        time.sleep(0.05)
        assert time.monotonic() - begun < 45
    assert time.monotonic() - begun < 36
    console.wait_for("closed by time stop", timeout=20)
