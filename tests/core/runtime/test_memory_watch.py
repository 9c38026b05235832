"""Out of memory: noticed at the second refusal, the reserve given back first, and left when no stop comes of it."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from core.messages.commands import TripHardStop
from core.messages.exit_codes import ExitCode
from core.runtime import memory_watch
from core.runtime.memory_watch import REASON, MemoryWatch, has_room_for, watch_memory

WAIT_S = 20.0


class Machine:
    """Answers of the system, one by one, the last for ever; and what became of it."""

    def __init__(self, *rooms: bool, leave_after_s: float = 60.0) -> None:
        self._rooms = list(rooms)
        self.low, self.left, self.asked = threading.Event(), threading.Event(), threading.Semaphore(0)
        self.code: int | None = None
        self.kept_when_told: Any = "not told"
        self.is_flat = False
        self.watch = MemoryWatch(
            self._told, lambda: self.is_flat, leave_after_s, leave=self._leave, has_room=self._has_room
        )

    def _has_room(self, size: int) -> bool:
        self.asked.release()
        return self._rooms.pop(0) if len(self._rooms) > 1 else self._rooms[0]

    def _told(self) -> None:
        self.kept_when_told = self.watch._reserve
        self.low.set()

    def _leave(self, code: int) -> None:
        self.code = code
        self.left.set()

    def wait_asked(self, times: int) -> None:
        for _ in range(times):
            assert self.asked.acquire(timeout=WAIT_S)


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_watch, "LOOK_EVERY_S", 0.005)
    monkeypatch.setattr(memory_watch, "STARVED_S", 0.05)


def test_one_refusal_is_none() -> None:
    machine = Machine(*(True, False) * 5, True)
    machine.watch.start()
    machine.wait_asked(12)
    machine.watch.stop()
    assert not machine.low.is_set()


def test_two_are_and_the_reserve_is_back_by_then() -> None:
    machine = Machine(True, False, False, True)
    machine.watch.start()
    assert machine.watch._reserve is not None
    assert machine.low.wait(WAIT_S)
    assert machine.kept_when_told is None
    machine.wait_asked(30)
    assert not machine.left.is_set(), "there is room again: the stop has its time"
    machine.watch.stop()


def test_a_process_that_is_starved_all_the_same_is_left(capfd: pytest.CaptureFixture[str]) -> None:
    machine = Machine(False)
    machine.watch.start()
    assert machine.left.wait(WAIT_S)
    assert machine.code == ExitCode.WEDGED
    assert "NOT CONFIRMED flat" in capfd.readouterr().err


def test_one_that_got_flat_says_so_before_it_is_left(capfd: pytest.CaptureFixture[str]) -> None:
    machine = Machine(False)
    machine.is_flat = True
    machine.watch.start()
    assert machine.left.wait(WAIT_S)
    assert machine.code == ExitCode.CRASH
    assert "flat confirmed" in capfd.readouterr().err


def test_a_stop_that_does_not_end_is_left_in_the_end() -> None:
    machine = Machine(False, False, True, leave_after_s=0.1)
    machine.watch.start()
    assert machine.left.wait(WAIT_S)
    assert machine.code == ExitCode.WEDGED


def test_an_end_in_order_is_not_left_from_here() -> None:
    machine = Machine(False, False, True, leave_after_s=0.1)
    machine.watch.start()
    assert machine.low.wait(WAIT_S)
    machine.watch.stop()
    machine.watch._thread.join(WAIT_S)
    assert not machine.watch._thread.is_alive()
    assert not machine.left.is_set()


class Spoken:
    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.exits: list[tuple[int, str]] = []
        self.engine: Any = SimpleNamespace(send=self.sent.append, is_done=False, ending=None)
        self.cleanups: list[Any] = []
        self.lifecycle: Any = SimpleNamespace(
            begin_exit=lambda *a: self.exits.append(a), ends_within_s=9.0, before_leaving=self.cleanups.append
        )


def test_a_program_latches_and_ends() -> None:
    spoken = Spoken()
    watch = watch_memory(spoken.engine, spoken.lifecycle, stays_open=False)
    watch._on_low()
    (trip,) = spoken.sent
    assert isinstance(trip, TripHardStop)
    assert trip.reason == REASON
    assert spoken.exits == [(ExitCode.CRASH, REASON)]
    assert spoken.cleanups == [watch.stop]
    assert not watch._is_flat()
    spoken.engine.is_done, spoken.engine.ending = True, SimpleNamespace(confirmed=True)
    assert watch._is_flat()


def test_what_was_opened_by_hand_is_left_open() -> None:
    spoken = Spoken()
    watch_memory(spoken.engine, spoken.lifecycle, stays_open=True)._on_low()
    assert spoken.sent == []
    assert spoken.exits == [(ExitCode.CRASH, REASON)]


LIMITED = """
import resource
from pathlib import Path
from core.runtime.memory_watch import has_room_for
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (8 << 20), used + (8 << 20)))
print(has_room_for(2 << 20), has_room_for(64 << 20), has_room_for(2 << 20))
"""


def test_the_system_is_really_asked() -> None:
    assert has_room_for(1 << 20)
    said = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["True", "False", "True"]
