"""The disk and the clock of the machine fail under a running program with a position open. Real files, real limits, real locks.

What cannot be written down is a hard stop with its reason, never silence; what is open is closed all the same.

SPEC 8, 10; LESSONS L29, L41.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fault_stage import BY_SIGTERM, Stage, Theatre
from venue_driver import until

from core.messages.exit_codes import ExitCode

pytestmark = pytest.mark.slow
LONG_MS = 600_000
HOUR_MS = 3_600_000


def _entered(stage: Stage) -> None:
    stage.start(time_stop_ms=LONG_MS)
    stage.enter()
    stage.program.wait_until("the program knows its position", lambda s: bool(s.positions))
    stage.wait_fill_on_disk()


def _journal(stage: Stage) -> Path:
    (journal,) = (stage.folder / "state").rglob("journal.db")
    return journal


def _wait_flat_by_hard_stop(stage: Stage, *reasons: str) -> None:
    began = time.monotonic()
    stage.program.wait_until("hard stop", lambda s: s.hard_stop.tripped, 15)
    latched_s = time.monotonic() - began
    stage.wait_flat(10)
    reason = stage.program.snapshot().hard_stop.reason
    assert any(r in reason for r in reasons), reason
    print(f"latched after {latched_s:.1f} s, flat after {time.monotonic() - began:.1f} s: {reason}")


def disk_full(stage: Stage) -> None:
    """No file of the program may grow any more. Latched, flat; when there is room again the journal goes on and has the rest."""
    _entered(stage)
    pid = stage.program.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, before[1]))
    _wait_flat_by_hard_stop(stage, "journal")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    until("the latch is on the disk", lambda: "journal" in stage.latch_on_disk(), 15)
    with closing(sqlite3.connect(f"file:{_journal(stage)}?mode=ro", uri=True)) as db:
        fills = db.execute("SELECT count(*) FROM fills").fetchone()[0]
    assert fills == 2, "the fill that came while the disk was full is in it"
    stage.end()


def journal_locked(stage: Stage) -> None:
    """Somebody opens the journal with another program and holds it: heard within its bound."""
    _entered(stage)
    with closing(sqlite3.connect(_journal(stage), isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        _wait_flat_by_hard_stop(stage, "journal")
        intruder.execute("ROLLBACK")
    until("the latch is on the disk", lambda: "journal" in stage.latch_on_disk(), 15)
    stage.end()


def journal_overwritten(stage: Stage) -> None:
    """Rubbish over the file. What is found there later is no journal; the next start says so instead of starting over without a latch."""
    _entered(stage)
    journal = _journal(stage)
    for path in (journal, journal.with_name(journal.name + "-wal")):
        with path.open("r+b") as file:
            file.write(b"\xde\xad" * (path.stat().st_size // 2))
            file.truncate(64)
    _wait_flat_by_hard_stop(stage, "journal")
    stage.program.signal(signal.SIGTERM)
    assert stage.program.wait_exit(30) in (BY_SIGTERM, ExitCode.NOT_CONFIRMED, ExitCode.CRASH)
    assert stage.venue.positions() == []
    stage.start(is_to_be_ready=False)
    assert stage.program.wait_exit(30) != 0
    assert "journal" in stage.program.last_words


def journal_deleted(stage: Stage) -> None:
    """The folder is tidied up by hand. A file without a name takes what is written and nobody will ever read it: that must be heard."""
    _entered(stage)
    journal = _journal(stage)
    for path in journal.parent.glob("journal.db*"):
        path.unlink()
    _wait_flat_by_hard_stop(stage, "journal")
    stage.program.signal(signal.SIGTERM)
    assert stage.program.wait_exit(30) in (BY_SIGTERM, ExitCode.NOT_CONFIRMED)
    assert stage.venue.positions() == []


def config_gone_or_broken(stage: Stage) -> None:
    """Read once at start: what becomes of the file later changes nothing, until the next start."""
    _entered(stage)
    config = stage.folder / "program.toml"
    config.write_text("ws_url = [broken")
    config.unlink()
    stage.program.signal(signal.SIGTERM)
    assert stage.program.wait_exit(20) == BY_SIGTERM
    assert stage.venue.positions() == []


def _clock(stage: Stage) -> tuple[Path, dict[str, str]]:
    folder = stage.folder / "clock"
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("shifted_clock.py"), folder / "sitecustomize.py")
    offset = folder / "offset"
    offset.write_text("0")
    return offset, {"PYTHONPATH": f"{folder}{os.pathsep}{Path(__file__).parents[2]}", "SHIFTED_CLOCK": str(offset)}


def _stepped(by_ms: int) -> Callable[[Stage], None]:
    def story(stage: Stage) -> None:
        offset, env = _clock(stage)
        stage.start(time_stop_ms=4_000, env=env)
        stage.enter()
        stage.program.wait_until("the program knows its position", lambda s: bool(s.positions))
        offset.write_text(str(by_ms))
        held_s = stage.wait_flat(8)
        assert 3.5 < held_s < 6, f"the time stop came after {held_s:.1f} s"
        s = stage.at_rest()
        assert not s.hard_stop.tripped, "our own time did not step"
        stage.enter()
        stage.end()

    story.__name__ = f"wall_clock_set_{'forward' if by_ms > 0 else 'back'}_an_hour"
    return story


def _wrong_at_start(by_ms: int) -> Callable[[Stage], None]:
    def story(stage: Stage) -> None:
        offset, env = _clock(stage)
        offset.write_text(str(by_ms))
        stage.start(is_to_be_ready=False, env=env)
        try:
            stage.program.wait_said("clock", 20)
        except AssertionError:
            assert "clock" in stage.program.last_words
        stage.venue.dislocate()
        if stage.program.process.poll() is None:
            s = stage.program.wait_until("it does not trade", lambda s: s.hard_stop.tripped or not s.ready.is_ready, 10)
            assert not s.positions
            stage.program.signal(signal.SIGTERM)
            stage.program.wait_exit(30)
        assert stage.venue.fills() == []
        assert stage.venue.orders_received() == []

    story.__name__ = f"clock_{'ahead' if by_ms > 0 else 'behind'}_at_start"
    return story


STORIES = (
    disk_full,
    journal_locked,
    journal_overwritten,
    journal_deleted,
    config_gone_or_broken,
    _stepped(HOUR_MS),
    _stepped(-HOUR_MS),
    _wrong_at_start(HOUR_MS),
    _wrong_at_start(-HOUR_MS),
)


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    theatre = Theatre(tmp_path_factory.mktemp("disk"), (), ends=False)
    yield theatre
    theatre.close()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_it_ends_flat_and_says_why(story: Callable[[Stage], None], theatre: Theatre) -> None:
    theatre.result(story)
