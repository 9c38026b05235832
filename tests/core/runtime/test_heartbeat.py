"""The heartbeat: a count that moves as long as the loop turns, and an ear for a stop from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from core.messages.commands import TripHardStop
from core.runtime import heartbeat as heartbeat_module
from core.runtime.clock import SystemClock
from core.runtime.heartbeat import Beat, Heart, beat_file, read_beat, this_boot
from core.runtime.stop_record import StopRecord, find_record, leave_record, stop_file

FIRST = Beat(
    pid=os.getpid(),
    boot_id=this_boot(),
    started_ms=1,
    run_id=7,
    account="0xf3",
    network="simulator",
    info_url="http://127.0.0.1:1/info",
    dexes=("xyz",),
)
RECORD = StopRecord("1-2", 1_000, "hip3-tui stop", "emergency stop")


class Console:
    """Stands in for the engine's thread: a snapshot that can be tripped, and what was sent to it."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self.sent: list[TripHardStop] = []
        self.latches = True
        self.on_disk = True
        self.audit: list[Any] = []
        self.tripped = False
        self.heart = Heart(
            journal,
            FIRST,
            SystemClock(),
            latest=self.latest,  # type: ignore[arg-type]
            send=self.send,
            is_latch_on_disk=lambda: self.on_disk,
        )

    def latest(self) -> Any:
        return SimpleNamespace(hard_stop=SimpleNamespace(tripped=self.tripped), audit=tuple(self.audit))

    def send(self, command: TripHardStop) -> None:
        self.sent.append(command)
        if self.latches:
            self.tripped = True
            self.audit.append(SimpleNamespace(command_id=command.command_id))

    def beat(self) -> Beat:
        beat = read_beat(self.journal)
        assert beat is not None
        return beat


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    monkeypatch.setattr(heartbeat_module, "BEAT_EVERY_S", 0.05)
    monkeypatch.setattr(heartbeat_module, "LOOK_EVERY_S", 0.01)
    console = Console(tmp_path / "journal.db")
    console.heart.start()
    yield console
    console.heart.stop()


def until(what: str, holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end, what
        pause.wait(0.01)


def test_the_count_moves_with_the_loop_and_stands_still_with_it(console: Console) -> None:
    until("a first beat", lambda: read_beat(console.journal) is not None)
    console.heart.tick()
    console.heart.tick()
    until("two ticks", lambda: console.beat().ticks == 2)
    number = console.beat().number
    until("more beats", lambda: console.beat().number >= number + 3)
    assert console.beat().ticks == 2, "the thread beats, the loop does not"
    assert console.beat().is_alive
    assert not console.beat().ended


def test_an_orderly_end_is_said(console: Console) -> None:
    console.heart.end(confirmed=True, text="flat")
    assert console.beat().ended
    assert (console.beat().confirmed, console.beat().text) == (True, "flat")


def test_an_engine_that_died_says_nothing(console: Console) -> None:
    until("a first beat", lambda: read_beat(console.journal) is not None)
    console.heart.stop()
    assert not console.beat().ended


def test_a_stop_from_outside_latches_and_is_taken(console: Console) -> None:
    leave_record(console.journal, RECORD)
    until("answered", lambda: beat_file(console.journal).exists() and console.beat().answered == RECORD.id)
    assert console.sent == [TripHardStop(command_id="stop-1-2", who="hip3-tui stop", reason="emergency stop")]
    assert console.beat().latched
    assert find_record(console.journal) is None


def test_it_is_not_taken_before_the_latch_is_on_the_disk(console: Console) -> None:
    console.on_disk = False
    leave_record(console.journal, RECORD)
    until("tripped", lambda: bool(console.sent))
    number = console.beat().number
    until("beats go on", lambda: console.beat().number > number + 2)
    assert console.beat().answered == ""
    assert find_record(console.journal) == RECORD
    console.on_disk = True
    until("answered", lambda: console.beat().answered == RECORD.id)
    assert len(console.sent) == 1, "asked once"


def test_a_console_latched_before_hears_of_it_all_the_same(console: Console) -> None:
    console.tripped, console.latches = True, False
    leave_record(console.journal, RECORD)
    until("tripped", lambda: bool(console.sent))
    number = console.beat().number if beat_file(console.journal).exists() else 0
    until("beats go on", lambda: beat_file(console.journal).exists() and console.beat().number > number + 2)
    assert find_record(console.journal) == RECORD, "the engine has not answered this command yet"
    console.audit.append(SimpleNamespace(command_id="stop-1-2"))
    until("taken", lambda: find_record(console.journal) is None)


def test_a_record_that_cannot_be_read_stops_as_well(console: Console) -> None:
    stop_file(console.journal).write_bytes(b"{")
    until("taken", lambda: not stop_file(console.journal).exists())
    assert console.sent[0].reason == "emergency stop"


def test_a_disk_that_fails_costs_the_loop_nothing(console: Console) -> None:
    until("a first beat", lambda: read_beat(console.journal) is not None)
    beat_file(console.journal).unlink()
    beat_file(console.journal).mkdir()
    console.heart.tick()
    until("complained", lambda: console.heart._failed)
    beat_file(console.journal).rmdir()
    until("beats again", lambda: read_beat(console.journal) is not None)


def test_whose_process_is_gone_or_of_another_boot() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    beat = msgspec.structs.replace(FIRST, pid=child.pid)
    assert beat.is_alive
    assert not msgspec.structs.replace(beat, boot_id="another").is_alive
    child.kill()
    until("dead, though nobody took notice", lambda: not beat.is_alive)
    assert child.returncode is None
    child.communicate()
    assert not beat.is_alive


def test_no_beat_or_a_broken_one(tmp_path: Path) -> None:
    assert read_beat(tmp_path / "journal.db") is None
    beat_file(tmp_path / "journal.db").write_bytes(b"{")
    assert read_beat(tmp_path / "journal.db") is None


@pytest.mark.parametrize("pid", [0, -1, 1 << 40, -(1 << 40), 1 << 22])
def test_a_number_that_no_process_has_is_no_process(pid: int) -> None:
    """A damaged file must not make a guard fail, nor take a whole group of processes for a console."""
    assert not msgspec.structs.replace(FIRST, pid=pid).is_alive
    assert FIRST.is_alive
