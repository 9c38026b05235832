"""Reading a tape back: out of a journal, while a console may be writing to it, or out of a plain file of lines.

Decides nothing about what the turns mean. Rules that are easy to get wrong: the journal is opened read-only and each chunk is read by a
statement of its own, because one long read would keep a running console's journal from being tidied up; and a chunk that is missing or
cannot be unpacked is an error that names it, never a tape that is a little shorter.

SPEC 10; issue part "replay".
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from msgspec import Struct

from core.messages.tape import Start, TapeError, Turn, decode_start, decode_turn
from core.runtime.journal_read import UnreadableJournal, open_read_only
from core.runtime.journal_schema import UNREADABLE, one_line
from core.runtime.tape_recorder import ENDED_ROW

_SQLITE = b"SQLite format 3\0"
_WITH_TAPE = 2
"""The journal's format that first had one."""
_WITH_EVENTS = 3
"""The format that has a table for what the program itself did."""


class UnreadableTape(Exception):
    """There is nothing to replay; the text says which file, what about it, and what would do."""


class Tape(Struct, frozen=True):
    """An open tape."""

    start: Start
    turns: Iterator[Turn]
    """Raises UnreadableTape where it is damaged."""
    end: str
    """How the recorded run ended, as far as the journal knows; empty for a plain file."""


class _Run(Struct, frozen=True):
    run_id: int
    turns: int | None
    """None: it has no tape."""
    end: str

    def __str__(self) -> str:
        return f"{self.run_id} ({'no tape' if self.turns is None else f'{self.turns} turns'})"


@contextmanager
def open_tape(path: Path, run_id: int | None = None) -> Iterator[Tape]:
    """Open a journal's tape, or a plain one.

    Args:
        run_id: Which run of a journal; default the last one that has a tape.

    Raises:
        UnreadableTape: Neither a journal nor a tape, no tape in it, no such run, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_SQLITE))
            if head[:1] == b"{":
                file.seek(0)
                yield _plain(path, file, run_id)
                return
    except OSError as e:
        raise UnreadableTape(f"{path}: cannot be read: {e.strerror or e}") from None
    if head != _SQLITE:
        raise UnreadableTape(f"{path}: neither a journal nor a tape")
    with closing(_open_journal(path)) as db:
        try:
            tape = _from_journal(path, db, run_id)
        except UNREADABLE as e:
            raise UnreadableTape(f"{path}: the journal cannot be read: {one_line(e)}") from None
        yield tape


# --- a plain file -------------------------------------------------------------------------------------------------------------


def _plain(path: Path, lines: Iterator[bytes], run_id: int | None) -> Tape:
    try:
        start = decode_start(next(lines))
    except TapeError as e:
        raise UnreadableTape(f"{path}: {e}") from None
    if run_id is not None and run_id != start.run.run_id:
        raise UnreadableTape(
            f"{path}: run {run_id} is not in it; a tape holds one run, and this is run {start.run.run_id}"
        )
    return Tape(start, _plain_turns(path, lines), "")


def _plain_turns(path: Path, lines: Iterator[bytes]) -> Iterator[Turn]:
    for number, line in enumerate(lines, 2):
        try:
            yield decode_turn(line, number)
        except TapeError as e:
            raise UnreadableTape(f"{path}: {e}; what is before it: --until {number - 2}") from None


# --- a journal ----------------------------------------------------------------------------------------------------------------


def _open_journal(path: Path) -> sqlite3.Connection:
    try:
        db, version = open_read_only(path)
    except UnreadableJournal as e:
        raise UnreadableTape(f"{path}: {e}") from None
    if version < _WITH_TAPE:
        db.close()
        raise UnreadableTape(f"{path}: no tape in it: it was written before runs had tapes (format {version})")
    return db


def _from_journal(path: Path, db: sqlite3.Connection, run_id: int | None) -> Tape:
    runs = _runs(db)
    taped = [r for r in runs if r.turns is not None]
    if not taped:
        raise UnreadableTape(f"{path}: no run in it has a tape; it is kept unless journal.tape_max_mb is 0")
    if run_id is None:
        chosen = taped[-1]
    else:
        named = [r for r in taped if r.run_id == run_id]
        if not named:
            known = any(r.run_id == run_id for r in runs)
            what = f"run {run_id} has no tape" if known else f"there is no run {run_id}"
            raise UnreadableTape(f"{path}: {what}; its runs: {', '.join(map(str, runs))}")
        (chosen,) = named
    where = f"{path}: run {chosen.run_id}"
    try:
        first = _lines(db, chosen.run_id, 0)
        if first is None:
            raise UnreadableTape(f"{where}: chunk 0, the start, is missing; tapes of older runs are taken out in time")
        start = decode_start(first[0])
    except TapeError as e:
        raise UnreadableTape(f"{where}: chunk 0 is damaged: {e}") from None
    return Tape(start, _turns(db, where, chosen.run_id), chosen.end)


def _runs(db: sqlite3.Connection) -> list[_Run]:
    turns: dict[int, int] = dict(db.execute("SELECT run_id, sum(turns) FROM tape GROUP BY run_id"))
    early = _ended_early(db)
    runs = []
    for run_id, ended_ms, clean in db.execute("SELECT run_id, ended_ms, ended_clean FROM runs ORDER BY run_id"):
        end = "the run ended in order" if clean else "the run ended, but not in order"
        if ended_ms is None:
            end = "the run goes on, or was killed"
        if run_id in early:
            end += f"; its tape ends before it: {early[run_id]}"
        runs.append(_Run(run_id, turns.get(run_id), end))
    return runs


def _ended_early(db: sqlite3.Connection) -> dict[int, str]:
    """Run -> why its tape is shorter than it."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version >= _WITH_EVENTS:
        return dict(db.execute("SELECT run_id, text FROM event_rows WHERE kind = ?", (ENDED_ROW,)))
    return dict(db.execute("SELECT run_id, json_extract(json, '$.reason') FROM rows WHERE kind = 'TapeEnded'"))


def _turns(db: sqlite3.Connection, where: str, run_id: int) -> Iterator[Turn]:
    number = done = 0
    while True:
        number += 1
        try:
            lines = _lines(db, run_id, number)
            if lines is None:
                return
            turns = [decode_turn(line, done + i) for i, line in enumerate(lines, 2)]
        except TapeError as e:
            raise UnreadableTape(
                f"{where}: chunk {number} is damaged: {e}; what is before it: --until {done}"
            ) from None
        yield from turns
        done += len(turns)


def _lines(db: sqlite3.Connection, run_id: int, number: int) -> list[bytes] | None:
    """One chunk; None after the last.

    Raises:
        TapeError: It is there, and cannot be unpacked; or it is not there, and later ones are.
    """
    try:
        row = db.execute("SELECT turns, lines FROM tape WHERE run_id = ? AND number = ?", (run_id, number)).fetchone()
        if row is None:
            later = db.execute("SELECT 1 FROM tape WHERE run_id = ? AND number > ? LIMIT 1", (run_id, number))
            if number and later.fetchone():
                raise TapeError("it is missing, and later ones are there")
            return None
        lines = zlib.decompress(row[1]).split(b"\n")
    except (*UNREADABLE, zlib.error, TypeError) as e:
        raise TapeError(one_line(e)) from None
    if number and len(lines) != row[0]:
        raise TapeError(f"it holds {len(lines)} turns, not {row[0]}")
    return lines
