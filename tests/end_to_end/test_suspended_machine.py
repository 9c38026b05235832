"""The machine sleeps, or its disk does: everything of ours stops at once and goes on at once, or writes that take a second each.

SIGSTOP and SIGCONT to console and guard together, with a position open; the exchange goes on without us. The venue is the judge.
"""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_stage import Stage
from test_guard_over_a_console import Watched, orders_of_the_guard
from venue_driver import until

pytestmark = pytest.mark.slow


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    try:
        yield watched
    except BaseException as e:
        e.add_note("\n".join([watched.stage.record, *(guard.text for guard in watched.guards)]))
        raise
    finally:
        watched.close()


def asleep(watched: Watched, seconds: float) -> None:
    """All of them, the guard first to wake: it must give the console its time."""
    stage, (guard, *_) = watched.stage, watched.guards
    for process in (stage.program.process, guard.process):
        process.send_signal(signal.SIGSTOP)
    threading.Event().wait(seconds)  # a sleep is what is tried
    for process in (guard.process, stage.program.process):
        process.send_signal(signal.SIGCONT)


@pytest.mark.timeout(180)
def test_a_machine_that_slept_past_the_time_stop_closes_on_waking_and_the_guard_leaves_it_to_the_console(
    watched: Watched,
) -> None:
    watched.stage.start(time_stop_ms=8_000)
    watched.guard().wait_said("console: alive", 30)
    stage = watched.stage
    stage.enter()
    asleep(watched, 14)
    woke = time.monotonic()
    until("the venue is flat", lambda: not stage.venue.positions(), 30)
    flat_s = time.monotonic() - woke
    print(f"flat {flat_s:.2f} s after waking")
    assert flat_s < 10
    assert orders_of_the_guard(stage) == [], "the console woke by itself"
    snapshot = stage.program.wait_until("it knows", lambda s: not s.positions, 15)
    stage.program.wait_until("ready or latched, and fresh", lambda s: s.ready.is_ready or s.hard_stop.tripped, 30)
    assert "console: died" not in watched.guards[0].text
    assert "hangs" not in watched.guards[0].text
    assert snapshot.engine_error == ""
    stage.end()
    watched.guards[0].wait_said("console: ended in order", 20)
    watched.guards[0].end()


@pytest.mark.timeout(180)
def test_a_short_nap_closes_nothing_early(watched: Watched) -> None:
    watched.stage.start(time_stop_ms=20_000)
    watched.guard().wait_said("console: alive", 30)
    stage = watched.stage
    stage.enter()
    asleep(watched, 3)
    held_s = stage.wait_flat(40)
    print(f"closed {held_s:.1f} s after its opening")
    assert orders_of_the_guard(stage) == []
    assert held_s > 3, "not by the nap itself"
    stage.program.wait_until("it knows", lambda s: not s.positions, 15)
    stage.end()
    watched.guards[0].end()


class SlowDisk(threading.Thread):
    """Holds the journal's file for most of every second, as a disk does that takes that long for each write."""

    def __init__(self, journal: Path, held_s: float = 0.7, free_s: float = 0.1) -> None:
        super().__init__(daemon=True)
        self._journal, self._held_s, self._free_s = journal, held_s, free_s
        self._ended = threading.Event()
        self.times = 0

    def run(self) -> None:
        with contextlib.closing(sqlite3.connect(self._journal, isolation_level=None, timeout=5)) as db:
            while not self._ended.wait(self._free_s):
                with contextlib.suppress(sqlite3.OperationalError):
                    db.execute("BEGIN IMMEDIATE")
                    self._ended.wait(self._held_s)
                    db.execute("ROLLBACK")
                    self.times += 1

    def end(self) -> None:
        self._ended.set()
        self.join(10)


@pytest.mark.timeout(180)
def test_a_slow_disk_delays_no_exit(tmp_path: Path) -> None:
    """Each write waits up to 0.7 s: exits leave in time all the same, the loop turns in time, and everything is in the journal at the end."""
    stage = Stage(tmp_path)
    try:
        stage.start()
        (journal,) = (tmp_path / "state").rglob("journal.db")
        disk = SlowDisk(journal)
        disk.start()
        for _ in range(3):
            stage.enter()
            stage.wait_time_stop(at_most_s=2)
        late_ms = stage.program.snapshot().loop.tick_late_max_ms
        disk.end()
        assert disk.times >= 5
        print(f"latest turn {late_ms} ms late, positions open for {', '.join(f'{s:.2f}' for s in stage.held_s)} s")
        assert late_ms < 500
        stage.at_rest()
        stage.end()
        with contextlib.closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
            assert db.execute("SELECT count(*) FROM fills").fetchone() == (len(stage.venue.fills()),)
            assert db.execute("SELECT count(*) FROM event_rows WHERE text LIKE '%lost%'").fetchone() == (0,)
    except BaseException as e:
        e.add_note(stage.record)
        raise
    finally:
        stage.close()
