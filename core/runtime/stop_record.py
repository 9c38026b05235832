"""The record by which a process outside the console stops it: a running one within a moment, any later one at its start.

`hip3-tui stop` and the guard leave it beside the journal before they do anything else, on the disk itself. The console takes it: latched
first, and only then is the file removed. Easy to get wrong: a record that cannot be read is still a stop, and so is one that nobody ever
finished; and what a console has taken must not come back, or it would latch again after the operator's reset.

SPEC 8, 11; lesson L29.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from core.messages.effects import LatchState
from core.messages.recovered import Recovered
from core.runtime.journal import Journal
from core.runtime.small_files import beside, read_file, replace_file

_ENDING = "stop"
_MAX_REASON = 300


class StopRecord(Struct, frozen=True):
    """Who stopped, why, and what came of it."""

    id: str
    """Of this one stop; never used twice."""
    at_ms: int
    by: str
    """Which program."""
    reason: str
    """Of the latch."""
    outcome: str = ""
    """What was done; empty as long as that is not known."""

    @property
    def text(self) -> str:
        return f"{self.reason} ({self.by}): {self.outcome or 'how it ended was not recorded'}"


def stop_file(journal: Path) -> Path:
    return beside(journal, _ENDING)


def leave_record(journal: Path, record: StopRecord) -> None:
    """Have it on the disk.

    Raises:
        OSError: It is not there.
    """
    journal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(stop_file(journal), record, durable=True)


def add_outcome(journal: Path, record_id: str, outcome: str) -> None:
    """Write into the record how it ended, unless a console has taken it meanwhile; then it knows better by itself.

    Raises:
        OSError: It cannot be written.
    """
    record = find_record(journal)
    if record is not None and record.id == record_id:
        leave_record(journal, replace(record, outcome=outcome[: 4 * _MAX_REASON]))


def find_record(journal: Path) -> StopRecord | None:
    """The record that waits for a console, if any. One that cannot be read is a stop whose reason is not known."""
    try:
        record = read_file(stop_file(journal), StopRecord)
    except ValueError as e:
        return StopRecord(
            "unreadable", 0, "a program outside", "emergency stop", f"its record cannot be read ({e})"[:_MAX_REASON]
        )
    return None if record is None else replace(record, reason=record.reason[:_MAX_REASON])


def remove_record(journal: Path, record_id: str) -> None:
    """Once it is taken. One that came after it stays."""
    record = find_record(journal)
    if record is not None and record.id == record_id:
        with contextlib.suppress(OSError):
            stop_file(journal).unlink()


def take_at_start(journal: Journal, now_ms: int) -> Recovered:
    """What the last run left, and the record that waits, which is removed once its latch is on the disk."""
    record = find_record(journal.path)
    if record is None:
        return journal.recovered
    recovered = with_record(journal.recovered, record, now_ms)
    if journal.persist_latch(recovered.latch):
        remove_record(journal.path, record.id)
    return recovered


def with_record(recovered: Recovered, record: StopRecord, now_ms: int) -> Recovered:
    """What the last run left, with the stop that came after it. A latch that was tripped before keeps its reason and time."""
    latch = recovered.latch
    if latch.tripped_at_ms is None:
        latch = LatchState(record.at_ms or now_ms, f"{record.reason} ({record.by})")
    return replace(recovered, latch=latch, stopped_from_outside=record.text)
