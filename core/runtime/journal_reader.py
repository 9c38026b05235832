"""The journal for those who look: pages of rows, chains, the report. Implements core.messages.records.RecordsHandle.

Each call opens the file anew, read-only, and closes it: any thread may call, a running console's writer is never kept waiting, and a
journal that does not exist yet may exist at the next call.

SPEC 10, 11.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from core.analysis.report import make_report
from core.messages.records import Page, RecordKind, RecordsError, Step
from core.messages.report import Report
from core.runtime.clock import Clock, SystemClock
from core.runtime.journal_chain import chain_of
from core.runtime.journal_facts import facts_of
from core.runtime.journal_pages import page_of
from core.runtime.journal_read import UnreadableJournal, reading


class JournalReader:
    """Args: path: the journal's file. clock: when a report was made."""

    def __init__(self, path: str | Path, clock: Clock | None = None) -> None:
        self._path = Path(path)
        self._clock = clock or SystemClock()

    @property
    def source(self) -> str:
        return str(self._path)

    def page(
        self,
        kind: RecordKind,
        *,
        search: str = "",
        before: int | None = None,
        limit: int = 100,
        run_id: int | None = None,
    ) -> Page:
        with self._open() as db:
            return page_of(db, kind, search=search, before=before, limit=limit, run_id=run_id)

    def chain(self, correlation_id: str) -> tuple[Step, ...]:
        with self._open() as db:
            return chain_of(db, correlation_id)

    def report(self, day: date | None = None, run_id: int | None = None) -> Report:
        with self._open() as db:
            facts = facts_of(db, self.source)
        return make_report(facts, self._clock.wall_ms(), day, run_id)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with reading(self._path) as db:
                yield db
        except (UnreadableJournal, ValueError, ArithmeticError) as e:
            raise RecordsError(f"{self._path}: {e}") from None
