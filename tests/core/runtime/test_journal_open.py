"""A journal opened beside something else: both are done, and what goes wrong is raised where it is waited for."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from core.runtime.clock import ManualClock
from core.runtime.journal import JournalError
from core.runtime.journal_open import open_journal


def test_the_file_is_opened_while_something_else_is_done(tmp_path: Path) -> None:
    """Proven by waiting, in the meantime, for what only the opening makes."""
    path = tmp_path / "journal.db"
    done = threading.Event()

    def meanwhile() -> None:
        while not path.exists():
            assert threading.current_thread() is threading.main_thread()
        done.set()

    journal = open_journal(path, ManualClock(), meanwhile)
    assert done.is_set()
    assert journal.recovered.run_id == 1
    assert journal.close()


def test_without_anything_to_do_it_is_just_opened(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal.db", ManualClock())
    assert journal.close()


def test_a_journal_that_cannot_be_used_is_refused_after_what_was_done_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"")
    done: list[str] = []
    with pytest.raises(JournalError, match="is empty"):
        open_journal(path, ManualClock(), lambda: done.append("loaded"))
    assert done == ["loaded"]


def test_what_goes_wrong_meanwhile_is_not_hidden(tmp_path: Path) -> None:
    def fail() -> None:
        raise ImportError("the screen is not there")

    with pytest.raises(ImportError, match="the screen"):
        open_journal(tmp_path / "journal.db", ManualClock(), fail)
