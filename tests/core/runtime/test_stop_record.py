"""The record of a stop from outside: on the disk, taken once, honoured even when it cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.messages.effects import LatchState
from core.messages.recovered import Recovered
from core.runtime.clock import ManualClock
from core.runtime.journal import Journal
from core.runtime.stop_record import (
    StopRecord,
    add_outcome,
    find_record,
    leave_record,
    remove_record,
    stop_file,
    take_at_start,
    with_record,
)

RECORD = StopRecord("1-2", 1_000, "hip3-tui stop", "emergency stop")
NOW = 1_790_000_000_000


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "account" / "journal.db"


def test_left_found_removed(journal: Path) -> None:
    assert find_record(journal) is None
    leave_record(journal, RECORD)
    assert find_record(journal) == RECORD
    remove_record(journal, "another")
    assert find_record(journal) == RECORD
    remove_record(journal, RECORD.id)
    assert find_record(journal) is None
    remove_record(journal, RECORD.id)


def test_the_outcome_is_added_unless_a_console_took_it(journal: Path) -> None:
    leave_record(journal, RECORD)
    add_outcome(journal, RECORD.id, "flat")
    found = find_record(journal)
    assert found is not None
    assert found.text == "emergency stop (hip3-tui stop): flat"
    remove_record(journal, RECORD.id)
    add_outcome(journal, RECORD.id, "flat")
    assert not stop_file(journal).exists(), "what was taken does not come back"
    leave_record(journal, StopRecord("3-4", 1, "hip3-tui stop", "emergency stop"))
    add_outcome(journal, RECORD.id, "flat")
    assert find_record(journal) == StopRecord("3-4", 1, "hip3-tui stop", "emergency stop")


def test_one_that_nobody_finished_says_so() -> None:
    assert "how it ended was not recorded" in RECORD.text


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"id":1}'])
def test_one_that_cannot_be_read_is_a_stop_all_the_same(journal: Path, content: bytes) -> None:
    leave_record(journal, RECORD)
    stop_file(journal).write_bytes(content)
    found = find_record(journal)
    assert found is not None
    assert found.reason == "emergency stop"
    assert "cannot be read" in found.outcome
    remove_record(journal, found.id)
    assert find_record(journal) is None


def test_the_latch_of_an_earlier_run_keeps_its_reason_and_time() -> None:
    before = Recovered(latch=LatchState(5, "loss"))
    assert with_record(before, RECORD, NOW).latch == LatchState(5, "loss")
    after = with_record(Recovered(), RECORD, NOW)
    assert after.latch == LatchState(1_000, "emergency stop (hip3-tui stop)")
    assert after.stopped_from_outside == RECORD.text
    assert with_record(Recovered(), StopRecord("x", 0, "by", "why"), NOW).latch.tripped_at_ms == NOW


def test_a_start_takes_it_once_the_latch_is_on_the_disk(journal: Path) -> None:
    leave_record(journal, RECORD)
    first = Journal.open(journal, ManualClock(NOW))
    taken = take_at_start(first, NOW)
    assert taken.latch.reason == "emergency stop (hip3-tui stop)"
    assert first.close()
    assert find_record(journal) is None
    second = Journal.open(journal, ManualClock(NOW))
    assert second.recovered.latch == taken.latch
    assert take_at_start(second, NOW) == second.recovered
    assert second.close()


def test_it_stays_as_long_as_the_latch_is_not_on_the_disk(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_record(journal, RECORD)
    opened = Journal.open(journal, ManualClock(NOW))
    monkeypatch.setattr(opened, "persist_latch", lambda latch: False)
    assert take_at_start(opened, NOW).latch.tripped_at_ms == 1_000
    assert find_record(journal) == RECORD
    assert opened.close()
