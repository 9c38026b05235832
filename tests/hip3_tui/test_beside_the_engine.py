"""What a console is given beside the engine: loaded when it is asked, never before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.messages.records import RecordKind, RecordsError
from core.runtime.clock import SystemClock
from core.runtime.journal import Journal
from hip3_tui.commands.beside import LaterRecords

ROOT = Path(__file__).parents[2]


def test_nothing_heavy_is_loaded_before_somebody_asks() -> None:
    code = """
import sys
from pathlib import Path
from core.runtime.config_file import load_config
from hip3_tui.commands.beside import LaterRecords, LaterSimulator
LaterRecords(lambda: Path("x")), LaterSimulator(None)
print([m for m in sys.modules if m.startswith(("core.analysis", "core.sim.", "core.runtime.journal_reader", "textual_plotext", "plotext"))])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_journal_is_read_where_it_is_when_it_is_asked(tmp_path: Path) -> None:
    there: list[Path] = [tmp_path / "none.db"]
    records = LaterRecords(lambda: there[0])
    with pytest.raises(RecordsError):
        records.page(RecordKind.EVENTS)
    journal = Journal.open(tmp_path / "journal.db", SystemClock())
    assert journal.close()
    there[0] = tmp_path / "journal.db"
    assert records.source == str(tmp_path / "journal.db")
    page = records.page(RecordKind.EVENTS, limit=10)
    assert all(row.run_id == 1 for row in page.rows)
    assert records.chain("nobody") == ()
    assert records.report().trades == ()
