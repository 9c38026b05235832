"""The console is refused every memory, with a position open: it latches, closes, tells and ends; and what the kernel kills is the guard's.

A real limit of the address space and a thread that eats all below it (hungry_console.py), on a real terminal; the venue is the judge.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from notification_servers import NotificationServer
from pty_driver import spawn
from test_hung_engine import ROOT, Hall
from test_real_program import Venue, enter, until

from core.messages.exit_codes import ExitCode

PROGRAM = str(Path(__file__).with_name("hungry_console.py"))
pytestmark = pytest.mark.slow


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    venue = Venue()
    with NotificationServer() as phone:
        hall = Hall(tmp_path, venue, phone, PROGRAM)
        try:
            yield hall
        except BaseException as e:
            e.add_note("\n".join([hall.console.text, *(guard.text for guard in hall.guards)]))
            raise
        finally:
            hall.close()
            venue.kill()


@pytest.mark.timeout(240)
def test_a_leak_that_eats_everything_is_a_hard_stop_and_the_end_in_order(hall: Hall) -> None:
    enter(hall.venue)
    began = hall.hang()
    until("the venue is flat", lambda: not hall.venue.positions(), 40)
    flat_s = time.monotonic() - began
    code = hall.console.wait_exit(60)
    print(f"flat {flat_s:.2f} s after the last memory, ended with {code} after {time.monotonic() - began:.2f} s")
    assert flat_s < 10
    assert code == ExitCode.CRASH
    assert b"out of memory" in hall.console.output
    assert b"flat confirmed" in hall.console.output
    until("the phone is told why", lambda: hall.is_told("out of memory"), 20)
    latched_at_the_next_start(hall, "out of memory")


@pytest.mark.timeout(240)
def test_where_nothing_at_all_is_left_it_closes_or_is_gone_and_the_guard_closes(hall: Hall) -> None:
    """Whatever is given back is eaten at once: nobody can promise what such a process still does. Either way flat within ten seconds."""
    guard = hall.guard()
    enter(hall.venue)
    began = hall.hang("all")
    until("the venue is flat", lambda: not hall.venue.positions(), 40)
    flat_s = time.monotonic() - began
    code = hall.console.wait_exit(60)
    print(f"flat {flat_s:.2f} s after the last memory, ended with {code} after {time.monotonic() - began:.2f} s")
    assert flat_s < 10
    until("the guard is satisfied", lambda: "ended in order" in guard.text or "dealt with" in guard.text, 60)
    guard.end()
    latched_at_the_next_start(hall, "out of memory", "hip3-tui guard")


@pytest.mark.timeout(240)
def test_what_the_kernel_kills_for_want_of_memory_the_guard_closes(
    hall: Hall, small_house: Callable[[int], bool]
) -> None:
    guard = hall.guard()
    enter(hall.venue)
    if small_house(hall.console.pid):
        hall.hang("kernel")
    else:  # no control group may be made here: then this is a kill like any other, which is what it is to the guard
        hall.hang("kernel")
        hall.console.signal(signal.SIGKILL)
    assert hall.console.process.wait(60) == -signal.SIGKILL
    killed = time.monotonic()
    until("the venue is flat", lambda: not hall.venue.positions(), 40)
    print(f"flat {time.monotonic() - killed:.2f} s after the kernel killed it")
    assert time.monotonic() - killed < 10
    guard.wait_said("dealt with: the console died", 30)
    guard.end()
    until("the phone is told", lambda: hall.is_told("the console died"), 20)


@pytest.fixture
def small_house() -> Iterator[Callable[[int], bool]]:
    """Puts a process into a control group of 160 MB, where that can be done. The kernel then kills what wants more."""
    group = Path("/sys/fs/cgroup/memory") / f"hip3-tui-{os.getpid()}"

    def move_in(pid: int) -> bool:
        try:
            group.mkdir()
            (group / "memory.limit_in_bytes").write_text(str(160 << 20))
            (group / "cgroup.procs").write_text(str(pid))
        except OSError:
            return False
        return True

    yield move_in
    if group.exists():
        until("the group is empty", lambda: not (group / "cgroup.procs").read_text(), 20)
        group.rmdir()


def latched_at_the_next_start(hall: Hall, *reasons: str) -> None:
    hall.flag.unlink()
    with spawn([sys.executable, "-m", "hip3_tui", "run", "--config", str(hall.config)], cwd=str(ROOT)) as again:
        again.wait_for("HARD STOP", 60)
        again.wait_for("nothing is left open", 60)
        assert any(reason in again.text for reason in reasons), again.text
        again.send("q")
        assert again.wait_exit(60) == 0
