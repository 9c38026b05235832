"""The journal: what happened, on disk, and what the next start must know. A real SQLite file, written by a thread of its own.

Everything is written in batches at most 0.1 s apart, except the latch: `persist_latch` returns when it is on the disk, or says that it
is not. Which table a row goes to is journal_rows.py's, what the tables are journal_tables.py's, how much is kept journal_bounds.py's. Rules that are easy to get wrong: a disk that fails must be heard (once, as a fault), and must not hang the engine, so even the
latch waits with a bound; and what was not said to end well did not end well, so a killed run is unclean without having written anything.

The tape (tape_recorder.py) goes to the same file, in the same transactions, with the same faults.

SPEC 6, 8, 10; LESSONS L05, L17, L29.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from core.messages.effects import FillRow, JournalRow, LatchState, PostRow, RiskCounters
from core.messages.recovered import Recovered
from core.messages.tape import Start
from core.runtime.clock import Clock
from core.runtime.journal_archive import MAX_MB, Archive, archive_of
from core.runtime.journal_bounds import MAX_ROWS, Bounds, next_row_id
from core.runtime.journal_latch import read_latch, write_latch
from core.runtime.journal_rows import AnyRow, EventRow, cell, lines_of, links_of
from core.runtime.journal_schema import FileLock, JournalError, one_line, open_file
from core.runtime.journal_watch import FileWatch
from core.runtime.tape_recorder import ENDED_ROW, TapeRecorder

__all__ = ["Journal", "JournalError"]

BATCH_S = 0.1
LATCH_WITHIN_S = 1.0
"""The engine waits for the latch no longer than this: flattening matters more than having written it down."""
CLOSE_WITHIN_S = 3.0
_RETRY_S = 1.0
_MAX_BACKLOG = 50_000
"""Rows kept while the disk fails. Beyond it the oldest go: memory must not fail as well."""
_FILL_MEMORY_MS = 10 * 24 * 3600 * 1000
"""How far back fills are remembered. The snapshot that repeats them reaches 2000 fills back, which is far less."""
_UNCLEAN_NONCE_MARGIN = 1000
"""A killed run may have used nonces of its last batch that never reached the disk; one a tick is ten in that time."""


class Journal:
    """One open journal. Made by `open`; the methods are the engine thread's, and none of them waits except `persist_latch` and `close`."""

    def __init__(self, db: sqlite3.Connection, lock: FileLock, path: Path, clock: Clock, recovered: Recovered) -> None:
        self.recovered = recovered
        self.path = path
        self._db = db
        self._lock = lock
        self._clock = clock
        self._rows: deque[tuple[int, AnyRow]] = deque()
        self._next_id = next_row_id(db)
        self._bounds = Bounds(db, Archive(db, archive_of(path)))
        self._lost = 0
        self._start: Start | None = None
        self._tape: TapeRecorder | None = None
        self._counters: RiskCounters | None = None
        self._last_latch = recovered.latch
        self._latches: deque[tuple[LatchState, threading.Event]] = deque()
        self._ended_clean: bool | None = None
        self._watch = FileWatch(path, clock)
        self._urgent = threading.Event()
        self._stopping = False
        self._failing = False
        self._failure = ""
        self._on_fault: Callable[[str], None] | None = None
        self._writer = threading.Thread(target=self._write_until_closed, name="journal", daemon=True)
        self._writer.start()

    @classmethod
    def open(cls, path: str | Path, clock: Clock) -> Journal:
        """Open or make a journal, and begin a run in it.

        Raises:
            JournalError: It cannot be used; the text says why and what can be done.
        """
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = FileLock(path)
        except OSError as e:
            raise JournalError(f"journal {path}: cannot be written: {e.strerror or e}") from None
        try:
            db = open_file(path)
            try:
                recovered = _begin_run(db, clock.now_ms())
                return cls(db, lock, path, clock, recovered)
            except (sqlite3.Error, msgspec.MsgspecError, ValueError, TypeError) as e:
                db.close()
                raise JournalError(
                    f"journal {path}: what the last run left cannot be read ({one_line(e)}); move it away to start a new one, but the latch in it is lost then"
                ) from None
        except JournalError:
            lock.release()
            raise

    def listen(self, on_fault: Callable[[str], None]) -> None:
        """Be told once whenever writing begins to fail, from the writer's thread; at once if it fails already."""
        self._on_fault = on_fault
        if self._failing:
            on_fault(self._failure)

    # --- what the engine's effects ask ---------------------------------------------------------------------------------

    def append(self, row: JournalRow) -> None:
        """Write it with the next batch."""
        self._append(row)

    def _append(self, row: AnyRow) -> None:
        if len(self._rows) >= _MAX_BACKLOG:
            self._rows.popleft()
            self._lost += 1
        self._rows.append((self._clock.now_ms(), row))

    def describe_run(self, start: Start, max_rows: int = MAX_ROWS, archive_max_mb: int = MAX_MB) -> None:
        """Note with this run what it is made of: network, account and the config in force, which holds no secret.

        Args:
            max_rows: How many rows the journal may keep of what is not needed for good.
            archive_max_mb: How large the file may grow that takes the others.
        """
        self._bounds.max_rows = max_rows
        if self._bounds.archive is not None:
            self._bounds.archive.max_mb = archive_max_mb
        self._start = start
        run = start.run
        self._append(
            EventRow(
                "run", f"run {run.run_id}: {run.network}, {run.mode}, account {run.account}, version {run.version}"
            )
        )

    def put_counters(self, counters: RiskCounters) -> None:
        """Write them with the next batch; only the newest count."""
        self._counters = counters

    def persist_latch(self, latch: LatchState) -> bool:
        """Have it on the disk.

        Returns:
            False: it is not there within the bound. The fault was or will be reported; the writer goes on trying.
        """
        done = threading.Event()
        if latch != self._last_latch:
            self._last_latch = latch
            is_tripped = latch.tripped_at_ms is not None
            self._append(EventRow("latch", f"tripped: {latch.reason}" if is_tripped else "released"))
        self._latches.append((latch, done))
        self._urgent.set()
        return done.wait(LATCH_WITHIN_S)

    def begin_tape(self, start: Start, max_mb: int) -> TapeRecorder:
        """Keep every turn of this run from here on, up to so many MB of the disk."""
        assert self._tape is None, "one tape for each run"
        self._tape = TapeRecorder(self.recovered.run_id, start, max_mb)
        return self._tape

    def end_run(self, clean: bool) -> None:
        """Note how this run ended; without it the next start calls it unclean."""
        self._ended_clean = clean
        self._append(EventRow("run", "ended in order" if clean else "ended, not in order"))

    @property
    def backlog(self) -> int:
        """Rows not on disk yet."""
        return len(self._rows)

    def close(self) -> bool:
        """Write what waits and close the file.

        Returns:
            False: not everything was on disk within the bound.
        """
        tape = self._tape
        if tape is not None:
            tape.cut()
        self._stopping = True
        self._urgent.set()
        self._writer.join(CLOSE_WITHIN_S)
        is_all_written = not self._rows and not self._failing and (tape is None or not tape.has_work)
        return not self._writer.is_alive() and is_all_written

    # --- the writer's thread -------------------------------------------------------------------------------------------

    def _write_until_closed(self) -> None:
        while True:
            self._urgent.wait(_RETRY_S if self._failing else BATCH_S)
            self._urgent.clear()
            last = self._stopping
            try:
                self._watch.look()
                self._write()
                self._bounds.keep(self._next_id)
                while last and self._tape is not None and self._tape.has_work:
                    self._write()
            except Exception as e:  # whatever it is, it must be heard: the thread's end would be silence
                self._report(e)
            else:
                self._failing = False
            if last:
                break
        self._db.close()
        if self._bounds.archive is not None:
            self._bounds.archive.close()
        self._watch.close()
        self._lock.release()

    def _report(self, e: Exception) -> None:
        if not self._failing:
            self._failure = f"journal {self.path} cannot be written: {e}"
            self._failing = True
            if self._on_fault is not None:
                self._on_fault(self._failure)

    def _write(self) -> None:
        if self._latches:
            self._write_latches()
        rows = list(self._rows)  # copied, and taken off only when they are on disk
        counters, ended_clean, start = self._counters, self._ended_clean, self._start
        lost = self._lost
        tape = self._tape if self._tape is not None and self._tape.has_work else None
        if not rows and counters is None and ended_clean is None and tape is None and start is None:
            return
        batch = tape.pack() if tape is not None else None
        lines = [*rows, *self._notes(lost, batch.note if batch is not None else "")]
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            self._insert(lines)
            if start is not None:
                self._describe(start)
            if counters is not None:
                db.execute("INSERT OR REPLACE INTO counters VALUES (1, ?)", (msgspec.json.encode(counters).decode(),))
            if ended_clean is not None:
                now_ms = self._clock.now_ms()
                db.execute(
                    "UPDATE runs SET ended_ms = ?, ended_clean = ? WHERE run_id = ?",
                    (now_ms, ended_clean, self.recovered.run_id),
                )
            if tape is not None and batch is not None:
                tape.write(db, batch)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        for written in rows:
            if self._rows and self._rows[0] is written:  # not dropped meanwhile for want of room
                self._rows.popleft()
        self._next_id += len(lines)
        self._lost -= lost
        if tape is not None and batch is not None:
            tape.written(batch)
        if self._start is start:
            self._start = None
        if self._counters is counters:
            self._counters = None
        if self._ended_clean is ended_clean:
            self._ended_clean = None

    def _notes(self, lost: int, tape_ended: str) -> list[tuple[int, AnyRow]]:
        """What the writer itself has to say with this batch."""
        notes = []
        if lost:
            notes.append(EventRow("journal", f"{lost} rows before this one are lost: the disk failed too long"))
        if tape_ended:
            notes.append(EventRow(ENDED_ROW, tape_ended))
        return [(self._clock.now_ms(), note) for note in notes]

    def _write_latches(self) -> None:
        """In the order they were asked for, synchronous to the disk itself; the pragma holds for this commit alone."""
        latches = list(self._latches)
        db = self._db
        db.execute("PRAGMA synchronous = FULL")
        try:
            write_latch(db, latches[-1][0])
        finally:
            db.execute("PRAGMA synchronous = NORMAL")
        for _, done in latches:
            self._latches.popleft()
            done.set()

    def _insert(self, rows: list[tuple[int, AnyRow]]) -> None:
        run_id, db = self.recovered.run_id, self._db
        for statement, lines in lines_of(rows, run_id, self._next_id).items():
            db.executemany(statement, lines)
        db.executemany("INSERT OR IGNORE INTO post_orders VALUES (?, ?, ?)", links_of(rows, run_id))
        db.executemany(
            "INSERT OR IGNORE INTO fill_keys VALUES (?, ?, ?)",
            [tuple(map(cell, row.fill.key)) for _, row in rows if isinstance(row, FillRow)],
        )
        nonce = max((row.nonce for _, row in rows if isinstance(row, PostRow)), default=0)
        if nonce:
            db.execute(
                "INSERT INTO high_water VALUES ('nonce', ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
                (nonce,),
            )

    def _describe(self, start: Start) -> None:
        run = start.run
        self._db.execute(
            "UPDATE runs SET network = ?, mode = ?, account = ?, signer = ?, version = ?, config_source = ?, config = ? WHERE run_id = ?",
            (
                *(run.network, run.mode, run.account, run.signer, run.version, run.config_source),
                msgspec.json.encode(start.config).decode(),
                self.recovered.run_id,
            ),
        )


_OPENED_BY = """
    SELECT cloid, correlation_id FROM (SELECT max(id) AS last FROM order_rows GROUP BY cloid) JOIN order_rows o ON o.id = last
    WHERE o.purpose <> 'exit' AND o.correlation_id <> '' AND (CAST(o.filled_size AS REAL) <> 0 OR o.status NOT IN ('rejected', 'canceled'))
        AND NOT EXISTS (
            SELECT 1 FROM trade_rows t WHERE t.correlation_id = o.correlation_id AND t.correlation_id <> '')
    ORDER BY o.id DESC LIMIT 100"""
"""An order that was never filled has no trade either; what it left is an id that nobody asks for."""
_FUNDING_SINCE = "SELECT market, time_ms FROM funding_rows WHERE time_ms >= ?"


def _begin_run(db: sqlite3.Connection, now_ms: int) -> Recovered:
    """Read what the last run left, and note that another one began."""
    last = db.execute("SELECT run_id, ended_clean FROM runs ORDER BY run_id DESC LIMIT 1").fetchone()
    unclean = last is not None and not last[1]
    (last_nonce,) = db.execute("SELECT max(value) FROM high_water WHERE name = 'nonce'").fetchone()
    latch = read_latch(db, now_ms)
    counters = db.execute("SELECT json FROM counters").fetchone()
    fills = db.execute("SELECT time_ms, coin, tid FROM fill_keys WHERE time_ms >= ?", (now_ms - _FILL_MEMORY_MS,))
    (first_ms,) = db.execute("SELECT min(started_ms) FROM runs").fetchone()
    recovered = Recovered(
        run_id=1 if last is None else last[0] + 1,
        last_nonce=0 if last_nonce is None else last_nonce + (_UNCLEAN_NONCE_MARGIN if unclean else 0),
        latch=latch,
        counters=RiskCounters() if counters is None else msgspec.json.decode(counters[0], type=RiskCounters),
        seen_fills=frozenset((int(t), str(c), int(i)) for t, c, i in fills),
        opened_by=dict(db.execute(_OPENED_BY)),
        seen_funding=frozenset((str(k), int(t)) for k, t in db.execute(_FUNDING_SINCE, (now_ms - _FILL_MEMORY_MS,))),
        journal_since_ms=None if first_ms is None else max(first_ms, now_ms - _FILL_MEMORY_MS),
        unclean=unclean,
    )
    write_latch(db, latch)
    db.execute("INSERT INTO runs (run_id, started_ms) VALUES (?, ?)", (recovered.run_id, now_ms))
    return recovered
