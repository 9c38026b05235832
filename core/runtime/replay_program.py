"""A replay as a program: opens the tape, plays it through a fresh engine, and puts the result into words or JSON.

Decides nothing; core.sim.replay compares, tape_reader reads. Easy to get wrong: a tape of another version of this program may differ for
that reason alone, so the version is always told.

Issue part "replay".
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

import core
from core.messages.snapshot import RunInfo
from core.runtime.tape_reader import UnreadableTape, open_tape
from core.sim.replay import ReplayReport, replay
from core.sim.telling import time_of_day

__all__ = ["ReplayResult", "UnreadableTape", "replay_file"]


class ReplayResult(Struct, frozen=True):
    """What was replayed, and how it came out."""

    file: str
    run: RunInfo
    end: str
    report: ReplayReport
    is_cut: bool
    """The replay stopped where it was told to."""

    @property
    def is_identical(self) -> bool:
        return self.report.difference is None

    @property
    def text(self) -> str:
        """For the operator's terminal."""
        report, run = self.report, self.run
        other = "" if run.version == core.__version__ else f", and this is version {core.__version__}"
        lines = [
            f"run {run.run_id} on {run.network} of {self.file}, recorded by version {run.version}{other}",
            f"{report.turns} turns, {report.effects} effects; {self._span()}",
        ]
        if self.end:
            lines.append(self.end)
        if report.difference is None:
            lines.append("identical up to there" if self.is_cut else "identical")
            story = report.story if self.is_cut else ()
        else:
            found = report.difference
            lines += [
                f"DIFFERENT, for the first time at turn {found.turn}, {time_of_day(found.now_ms)} UTC:",
                *found.told,
            ]
            lines += [f"    {line}" for line in found.lines]
            story = report.story
        if story:
            lines += ["the last turns before it:" if report.difference else "the last turns:", *story]
        return "\n".join(lines)

    def _span(self) -> str:
        first, last = self.report.first_ms, self.report.last_ms
        if first is None or last is None:
            return "nothing happened"
        seconds = (last - first) / 1000
        return f"{_date(first)} to {_date(last)} UTC, {seconds:.1f} s"

    @property
    def json(self) -> str:
        """For another program: one line."""
        report, found = self.report, self.report.difference
        said: dict[str, Any] = {
            "file": self.file,
            "run_id": self.run.run_id,
            "version": self.run.version,
            "end": self.end,
            "turns": report.turns,
            "effects": report.effects,
            "first_ms": report.first_ms,
            "last_ms": report.last_ms,
            "identical": self.is_identical,
            "story": report.story,
        }
        if found is not None:
            said["difference"] = {
                "turn": found.turn,
                "now_ms": found.now_ms,
                "message": found.message,
                "lines": found.lines,
            }
        return msgspec.json.encode(said).decode()


def replay_file(path: Path, run_id: int | None = None, until: int | None = None) -> ReplayResult:
    """Replay a journal's run, or a plain tape.

    Args:
        run_id: Which run of a journal; default the last one that has a tape.
        until: The last turn to replay, counted from 1; default all.

    Raises:
        UnreadableTape: There is nothing to replay, or it is damaged before ``until``.
    """
    with open_tape(path, run_id) as tape:
        report = replay(tape.start, islice(tape.turns, until))
    is_cut = until is not None and report.turns == until
    return ReplayResult(str(path), tape.start.run, tape.end, report, is_cut)


def _date(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
