"""The recorder: every turn of the engine as a line, gathered into chunks and handed to the journal's writer.

`record` and `cut` belong to the engine's thread, everything else to the journal's writer, which also compresses; between them stands one
deque. Never fails the run and never keeps it waiting. Easy to get wrong: a tape with a hole is no tape, because an engine that missed a
message is another engine; so whatever cannot be kept, for its size or because the disk fails too long, ends the tape there, and says so
in the log and in the journal.

SPEC 10; issue part "replay".
"""

from __future__ import annotations

import logging
import sqlite3
import zlib
from collections import deque
from collections.abc import Sequence

from core.messages.effects import Effect
from core.messages.tape import Message, Start, encode_start, encode_turn

_log = logging.getLogger(__name__)

CHUNK_MS = 1_000
"""What a kill loses at most, and a batch of the writer's on top."""
CHUNK_BYTES = 256_000
"""Before compression, which takes the writer some 5 ms for so many; a latch may be waiting behind it."""
CHUNKS_AT_ONCE = 8
"""In one transaction, for the same reason."""
MAX_WAITING = 120
"""Chunks in memory while the disk fails: two minutes, and 30 MB at most."""
KEPT_RUNS = 10
"""Tapes of the last runs in the same file; older ones are taken out, a few chunks at a time."""
_MB = 1_000_000
ENDED_ROW = "tape ended"
"""Kind of the journal's event that says why a tape is shorter than its run."""


class _Chunk:
    """Lines on their way to the disk; compressed once, however often the disk refuses them."""

    __slots__ = ("_lines", "first_ms", "last_ms", "number", "packed", "turns")

    def __init__(self, number: int, first_ms: int, last_ms: int, lines: list[bytes]) -> None:
        self.number = number
        self.first_ms = first_ms
        self.last_ms = last_ms
        self.turns = len(lines) if number else 0
        self.packed = b""
        self._lines = lines

    def pack(self) -> None:
        if not self.packed:
            self.packed = zlib.compress(b"\n".join(self._lines))
            self._lines = []


class Batch:
    """What goes into one transaction."""

    __slots__ = ("chunks", "note")

    def __init__(self, chunks: list[_Chunk], note: str) -> None:
        self.chunks = chunks
        self.note = note
        """Why recording ended, if that is still to be written."""


class TapeRecorder:
    """One run's tape. Chunk 0 is the start alone, the turns begin with chunk 1."""

    def __init__(self, run_id: int, start: Start, max_mb: int) -> None:
        """Begin with what the engine is made of.

        Args:
            max_mb: Its bound on disk, compressed, in MB.
        """
        self.run_id = run_id
        self.ended = ""
        """Why recording ended before the run did; empty while it goes on."""
        self._max_mb = max_mb
        self._lines: list[bytes] = []
        self._size = 0
        self._first_ms = self._last_ms = start.now_ms
        self._next = 1
        self._waiting: deque[_Chunk] = deque()
        self._written_bytes = 0
        self._note_written = False
        self._old_tapes_left = run_id > KEPT_RUNS
        try:
            self._waiting.append(_Chunk(0, start.now_ms, start.now_ms, [encode_start(start)]))
        except Exception as e:
            self._end(f"its start cannot be written down: {type(e).__name__}")

    # --- the engine's thread --------------------------------------------------------------------------------------------------

    def record(self, now_ms: int, message: Message, effects: Sequence[Effect], error: str = "") -> None:
        """One turn, as the engine was given it and as it answered."""
        if self.ended:
            return
        try:
            line = encode_turn(now_ms, message, effects, error)
        except Exception as e:  # whatever it is: the run goes on, its tape does not
            self.cut()
            self._end(f"{type(message).__name__} cannot be written down: {type(e).__name__}")
            return
        if not self._lines:
            self._first_ms = now_ms
        self._last_ms = now_ms
        self._lines.append(line)
        self._size += len(line)
        if self._size >= CHUNK_BYTES or now_ms - self._first_ms >= CHUNK_MS:
            self.cut()

    def cut(self) -> None:
        """Hand over what was gathered, also when it is less than a chunk."""
        if not self._lines or self.ended:
            return
        if len(self._waiting) >= MAX_WAITING:
            self._end("the disk did not keep up")
            return
        self._waiting.append(_Chunk(self._next, self._first_ms, self._last_ms, self._lines))
        self._next += 1
        self._lines, self._size = [], 0

    def _end(self, why: str) -> None:
        if not self.ended:
            self.ended = why
            _log.warning("the tape of run %d ends here, the run goes on: %s", self.run_id, why)

    # --- the journal's writer -------------------------------------------------------------------------------------------------

    @property
    def has_work(self) -> bool:
        return bool(self._waiting) or bool(self._unwritten_note)

    @property
    def _unwritten_note(self) -> str:
        return "" if self._note_written else self.ended

    def pack(self) -> Batch:
        """The next to write, compressed and within the bound. Outside any transaction: this takes a while."""
        chunks: list[_Chunk] = []
        total = self._written_bytes
        for chunk in list(self._waiting)[:CHUNKS_AT_ONCE]:
            chunk.pack()
            total += len(chunk.packed)
            if total > self._max_mb * _MB:
                self._end(f"it has reached journal.tape_max_mb = {self._max_mb}")
                self._waiting.clear()
                break
            chunks.append(chunk)
        return Batch(chunks, self._unwritten_note)

    def write(self, db: sqlite3.Connection, batch: Batch) -> None:
        """Inside the writer's transaction; the note is the journal's to write."""
        db.executemany(
            "INSERT INTO tape VALUES (?, ?, ?, ?, ?, ?)",
            [(self.run_id, c.number, c.first_ms, c.last_ms, c.turns, c.packed) for c in batch.chunks],
        )
        if self._old_tapes_left:
            oldest = "SELECT rowid FROM tape WHERE run_id <= ? ORDER BY run_id, number LIMIT 16"
            gone = db.execute(f"DELETE FROM tape WHERE rowid IN ({oldest})", (self.run_id - KEPT_RUNS,)).rowcount
            self._old_tapes_left = gone > 0

    def written(self, batch: Batch) -> None:
        """It is on the disk."""
        for chunk in batch.chunks:
            if self._waiting and self._waiting[0] is chunk:  # not given up meanwhile
                self._waiting.popleft()
            self._written_bytes += len(chunk.packed)
        if batch.note:
            self._note_written = True
