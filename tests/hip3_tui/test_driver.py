"""Real processes on real pseudo-terminals: nothing that happens to the terminal may hurt the engine or keep the program from ending.

All scenarios run at the same time, a few at once; each test below looks at one of them.
"""

from __future__ import annotations

import itertools
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pty_driver import PtyProgram, spawn

APP = str(Path(__file__).with_name("pty_app.py"))
STALL_S = 6.0
AT_ONCE = 6
pytestmark = pytest.mark.slow


class Run:
    """One console under test, with its log."""

    def __init__(self, folder: Path, name: str, *args: str, ignore_signals: tuple[int, ...] = ()) -> None:
        self.log = folder / f"{name}.log"
        self.log.touch()
        self.program: PtyProgram = spawn(
            [sys.executable, APP, "--log", str(self.log), *args], 120, 40, ignore_signals=ignore_signals
        )

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.close()

    def events(self) -> list[tuple[float, str]]:
        lines = self.log.read_text().splitlines()
        return [(float(at), kind) for at, _, kind in (line.partition(" ") for line in lines)]

    def kinds(self) -> list[str]:
        return [kind for _, kind in self.events() if kind not in ("eng", "ui")]

    def wait_log(self, kind: str, timeout: float = 15.0) -> None:
        self.program.wait_until(lambda: kind in self.kinds(), timeout, f"{kind} in the log")

    def start_up(self) -> None:
        self.wait_log("MOUNTED")
        self.program.wait_for("line 39", 15)

    def stall(self) -> None:
        self.program.stall()
        self.wait_log("STALLED")

    def engine_gap(self, since: float) -> float:
        ticks = [at for at, kind in self.events() if kind == "eng" and at >= since - 0.2]
        return max(b - a for a, b in itertools.pairwise(ticks))


@dataclass
class Seen:
    code: int | None = None
    seconds: float = 0.0
    kinds: list[str] = field(default_factory=list)
    output: bytes = b""
    restored: bool = False
    more: dict[str, Any] = field(default_factory=dict)


def _end(run: Run, act: Callable[[], None], timeout: float = 15.0, *, closed: bool = False) -> Seen:
    """Do something and see how the program ends."""
    began = time.monotonic()
    act()
    code = run.program.wait_exit(timeout)
    seen = Seen(code=code, seconds=time.monotonic() - began, kinds=run.kinds())
    if not closed:
        run.program.resume()
        run.program.wait_exit(1)
        seen.restored = run.program.attributes()[3] == run.program.attributes_before[3]
        seen.output = run.program.output
    return seen


def _signalled(number: int, *, stalled: bool, args: tuple[str, ...] = ()) -> Callable[[Path, str], Seen]:
    def scenario(folder: Path, name: str) -> Seen:
        with Run(folder, name, *args) as run:
            run.start_up()
            if stalled:
                run.stall()
            return _end(run, lambda: run.program.signal(number))

    return scenario


def _key(key: str, *, stalled: bool, args: tuple[str, ...] = ()) -> Callable[[Path, str], Seen]:
    def scenario(folder: Path, name: str) -> Seen:
        with Run(folder, name, *args) as run:
            run.start_up()
            if stalled:
                run.stall()
            return _end(run, lambda: run.program.send(key))

    return scenario


def _load(run: Run) -> float:
    """Seconds of processor time in the next second."""
    before = run.program.cpu_seconds()
    time.sleep(1.0)
    return run.program.cpu_seconds() - before


def _hung_up(*, ignore_hup: bool, stalled: bool) -> Callable[[Path, str], Seen]:
    def scenario(folder: Path, name: str) -> Seen:
        ignored = (signal.SIGHUP,) if ignore_hup else ()
        with Run(folder, name, "--shutdown-s", "2", ignore_signals=ignored) as run:
            run.start_up()
            if stalled:
                run.stall()
            elif (
                ignore_hup
            ):  # a screen at rest: nothing is written that could fail, so only the reading side can notice
                run.program.send("f")
                run.wait_log("DUMPED")
            usual = _load(run)
            run.program.hang_up()
            time.sleep(0.5)  # the time over which the load is measured begins when the hang-up has been noticed
            load = _load(run)
            seen = _end(run, lambda: None, closed=True)
            seen.more = {"usual": usual, "load": load}
            return seen

    return scenario


def stall_and_repaint(folder: Path, name: str) -> Seen:
    with Run(folder, name) as run:
        run.start_up()
        since = time.monotonic()
        run.stall()
        time.sleep(STALL_S)
        gap = run.engine_gap(since)
        beats = sum(kind == "ui" and at > since + 2 for at, kind in run.events())
        run.program.resume()
        run.wait_log("REPAINT")
        run.program.send("f")
        run.wait_log("DUMPED")
        expected = [line.rstrip() for line in Path(str(run.log) + ".screen").read_text().split("\n")]
        run.program.wait_until(lambda: run.program.lines() == expected, 5, "repainted screen")
        seen = _end(run, lambda: run.program.send("q"))
        seen.more = {"gap": gap, "beats": beats, "lines": len(expected)}
        return seen


def stalled_from_birth(folder: Path, name: str) -> Seen:
    with Run(folder, name) as run:
        run.program.stall()
        run.wait_log("STALLED")
        run.program.resume()
        run.wait_log("REPAINT")
        run.program.send("f")
        run.wait_log("DUMPED")
        expected = [line.rstrip() for line in Path(str(run.log) + ".screen").read_text().split("\n")]
        run.program.wait_until(lambda: run.program.lines() == expected, 5, "painted screen")
        return _end(run, lambda: run.program.send("q"))


def stopped_and_continued(folder: Path, name: str) -> Seen:
    with Run(folder, name) as run:
        run.start_up()
        before = run.program.thread_count()
        run.program.signal(signal.SIGSTOP)
        run.program.wait_until(lambda: run.program.state() == "T", 5, "stopped process")
        attributes = run.program.attributes()  # a shell puts its own settings back while the job is stopped
        attributes[3] |= termios.ICANON | termios.ECHO
        termios.tcsetattr(run.program.master, termios.TCSANOW, attributes)
        run.program.signal(signal.SIGCONT)
        run.wait_log("REPAINT")
        after = run.program.thread_count()
        raw = not run.program.attributes()[3] & termios.ICANON
        seen = _end(run, lambda: run.program.send("q"))
        seen.more = {"threads": (before, after), "raw": raw}
        return seen


def not_stopped_by_job_control(folder: Path, name: str) -> Seen:
    with Run(folder, name) as run:
        run.start_up()
        since = time.monotonic()
        run.program.send("\x1a")
        run.program.signal(signal.SIGTSTP)
        time.sleep(1.0)
        state, gap = run.program.state(), run.engine_gap(since)
        # Alone in its session the program would not be stopped by these two anyway, so look at what it asked the kernel for.
        status = Path(f"/proc/{run.program.pid}/status").read_text()
        ignored = int(next(line for line in status.splitlines() if line.startswith("SigIgn")).split()[1], 16)
        seen = _end(run, lambda: run.program.send("q"))
        ignores = [bool(ignored >> (number - 1) & 1) for number in (signal.SIGTTOU, signal.SIGTTIN)]
        seen.more = {"state": state, "gap": gap, "ignores": ignores}
        return seen


def three_signals(folder: Path, name: str) -> Seen:
    with Run(folder, name, "--wedge", "--grace", "60") as run:
        run.start_up()

        def insist() -> None:
            for _ in range(3):
                run.program.signal(signal.SIGTERM)
                time.sleep(0.3)  # equal signals that wait at the same time are one

        return _end(run, insist)


def child_process(folder: Path, name: str) -> Seen:
    with Run(folder, name) as run:
        run.start_up()
        run.program.send("c")
        run.program.wait_until(lambda: any(k.startswith("CHILD-CODE") for k in run.kinds()), 10, "child's end")
        return _end(run, lambda: run.program.send("q"))


def headless(folder: Path, name: str) -> Seen:
    with Run(folder, name, "--no-console") as run:
        run.program.wait_until(lambda: any(k == "eng" for _, k in run.events()), 10, "tick")
        return _end(run, lambda: run.program.signal(signal.SIGINT))


def console_stuck(folder: Path, name: str) -> Seen:
    with Run(folder, name, "--ui-grace", "1") as run:
        run.start_up()
        run.program.send("h")
        run.wait_log("HANGING")
        return _end(run, lambda: run.program.signal(signal.SIGTERM))


def engine_dies(folder: Path, name: str) -> Seen:
    with Run(folder, name, "--engine-dies") as run:
        run.start_up()
        time.sleep(1.2)
        return _end(run, lambda: run.program.send("q"))


WEDGE = ("--wedge", "--grace", "1.5")
SCENARIOS: dict[str, Callable[[Path, str], Seen]] = {
    "stall": stall_and_repaint,
    "stalled-from-birth": stalled_from_birth,
    "term": _signalled(signal.SIGTERM, stalled=False),
    "term-stalled": _signalled(signal.SIGTERM, stalled=True),
    "hup": _signalled(signal.SIGHUP, stalled=False),
    "hup-stalled": _signalled(signal.SIGHUP, stalled=True),
    "int": _signalled(signal.SIGINT, stalled=False),
    "int-stalled": _signalled(signal.SIGINT, stalled=True),
    "quit-signal": _signalled(signal.SIGQUIT, stalled=False),
    "q": _key("q", stalled=False),
    "q-stalled": _key("q", stalled=True),
    "crash": _key("x", stalled=False),
    "crash-stalled": _key("x", stalled=True),
    "insist": _key("i", stalled=False),
    "closed": _hung_up(ignore_hup=False, stalled=False),
    "closed-nohup": _hung_up(ignore_hup=True, stalled=False),
    "closed-nohup-stalled": _hung_up(ignore_hup=True, stalled=True),
    "wedged": _signalled(signal.SIGTERM, stalled=False, args=WEDGE),
    "wedged-stalled": _signalled(signal.SIGTERM, stalled=True, args=WEDGE),
    "not-flat": _signalled(signal.SIGTERM, stalled=False, args=("--not-flat",)),
    "three": three_signals,
    "job-control": not_stopped_by_job_control,
    "stop-cont": stopped_and_continued,
    "child": child_process,
    "headless": headless,
    "console-stuck": console_stuck,
    "crash-thread": _key("t", stalled=False, args=("--ui-grace", "1")),
    "engine-dies": engine_dies,
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Seen]]:
    folder = tmp_path_factory.mktemp("pty")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures: dict[str, Future[Seen]] = {
            name: pool.submit(scenario, folder, name) for name, scenario in SCENARIOS.items()
        }
        yield lambda name: futures[name].result(90)


def test_a_stalled_terminal_holds_up_neither_engine_nor_console_and_is_repainted_once(
    seen: Callable[[str], Seen],
) -> None:
    s = seen("stall")
    assert s.more["gap"] < 0.5
    assert s.more["beats"] > 5  # the console's loop went on as well; a loop that waits for the terminal makes none
    assert s.more["lines"] == 40
    assert s.kinds.count("REPAINT") == 1
    assert s.code == 0


def test_a_terminal_that_does_not_read_from_the_start_is_painted_when_it_does(seen: Callable[[str], Seen]) -> None:
    s = seen("stalled-from-birth")
    assert s.code == 0
    assert s.restored


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("term", 143),
        ("term-stalled", 143),
        ("hup", 129),
        ("hup-stalled", 129),
        ("int", 130),
        ("int-stalled", 130),
        ("quit-signal", 131),
        ("q", 0),
        ("q-stalled", 0),
        ("crash", 1),
        ("crash-stalled", 1),
    ],
)
def test_every_way_out_stops_the_engine_in_order_and_puts_the_terminal_back(
    seen: Callable[[str], Seen], name: str, code: int
) -> None:
    s = seen(name)
    assert s.code == code
    assert "SHUTDOWN-DONE" in s.kinds
    assert "MAIN-BACK" in s.kinds  # the console ended by itself
    assert "CLEANED-UP" in s.kinds
    assert s.restored
    assert b"\x1b[?1049l" in s.output
    assert b"flat confirmed: dummy engine" in s.output
    assert s.seconds < (12 if "crash" in name else 5)  # drawing a traceback with its locals takes Textual seconds


def test_a_crash_is_told_on_the_terminal(seen: Callable[[str], Seen]) -> None:
    assert b"the console's own fault" in seen("crash").output


def test_a_closed_terminal_is_a_hang_up_signal(seen: Callable[[str], Seen]) -> None:
    s = seen("closed")
    assert s.code in (129, 74)  # the signal and the end of the input come at the same time
    assert "SHUTDOWN-DONE" in s.kinds


@pytest.mark.parametrize("name", ["closed-nohup", "closed-nohup-stalled"])
def test_a_closed_terminal_without_a_signal_is_noticed_and_does_not_spin(
    seen: Callable[[str], Seen], name: str
) -> None:
    s = seen(name)
    assert s.code == 74
    assert s.kinds.count("TERMINAL-DEAD") == 1
    assert "SHUTDOWN-DONE" in s.kinds
    # A spinning reader takes all it can get, on top of what drawing takes (0.01 for the screen at rest).
    assert s.more["load"] < s.more["usual"] + (0.3 if name.endswith("stalled") else 0.1)


@pytest.mark.parametrize("name", ["wedged", "wedged-stalled"])
def test_a_wedged_engine_ends_the_program_after_its_grace_and_says_so(seen: Callable[[str], Seen], name: str) -> None:
    s = seen(name)
    assert s.code == 70
    assert 1.5 <= s.seconds < 6
    assert b"NOT CONFIRMED flat, the engine did not end within 1.5 s" in s.output
    assert s.restored


def test_an_unconfirmed_end_has_its_own_code(seen: Callable[[str], Seen]) -> None:
    s = seen("not-flat")
    assert s.code == 75
    assert b"NOT CONFIRMED flat" in s.output


def test_the_third_signal_leaves_at_once(seen: Callable[[str], Seen]) -> None:
    s = seen("three")
    assert s.code == 75
    assert s.seconds < 2.5
    assert b"left at once at signal number 3 (SIGTERM): NOT CONFIRMED flat" in s.output
    assert s.restored
    assert "CLEANED-UP" not in s.kinds


def test_an_insisting_operator_leaves_at_once(seen: Callable[[str], Seen]) -> None:
    s = seen("insist")
    assert s.code == 75
    assert s.restored
    assert "SHUTDOWN-DONE" not in s.kinds
    assert b"NOT CONFIRMED flat" in s.output


def test_job_control_does_not_stop_the_engine(seen: Callable[[str], Seen]) -> None:
    s = seen("job-control")
    assert s.more["state"] != "T"
    assert s.more["ignores"] == [True, True]
    assert s.more["gap"] < 0.5
    assert s.code == 0


def test_continuing_a_stopped_process_repaints_and_starts_no_threads(seen: Callable[[str], Seen]) -> None:
    s = seen("stop-cont")
    before, after = s.more["threads"]
    assert after == before
    assert s.more["raw"]
    assert s.kinds.count("REPAINT") == 1
    assert s.code == 0


def test_a_child_hears_signals(seen: Callable[[str], Seen]) -> None:
    kinds = seen("child").kinds
    assert f"CHILD-{0:016x}" in kinds
    assert f"CHILD-CODE-{-signal.SIGTERM}" in kinds


def test_without_a_console(seen: Callable[[str], Seen]) -> None:
    s = seen("headless")
    assert s.code == 130
    assert b"flat confirmed: dummy engine" in s.output
    assert b"\x1b[" not in s.output  # no terminal was touched


def test_a_console_whose_loop_hangs_does_not_keep_the_program(seen: Callable[[str], Seen]) -> None:
    s = seen("console-stuck")
    assert s.code == 143
    assert "SHUTDOWN-DONE" in s.kinds
    assert "MAIN-BACK" not in s.kinds
    assert s.restored
    assert b"\x1b[?1049l" in s.output
    assert b"the console was stuck: flat confirmed" in s.output


def test_a_crashed_console_with_a_hanging_thread_does_not_leave_the_engine_trading(
    seen: Callable[[str], Seen],
) -> None:
    s = seen("crash-thread")
    assert s.code == 1
    assert "SHUTDOWN-DONE" in s.kinds
    assert "MAIN-BACK" not in s.kinds
    assert s.restored
    assert b"flat confirmed" in s.output


def test_a_dead_engine_is_a_crash(seen: Callable[[str], Seen]) -> None:
    s = seen("engine-dies")
    assert s.code == 1
    assert b"the engine died (ValueError: the engine's own fault); NOT CONFIRMED flat" in s.output
