"""CSV that a table can be made of again without loss, and a sidecar that says how."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from test_journal_reader import LIFE, written

from core.messages.effects import AuditRow, Severity
from core.runtime.journal_export import KINDS, ExportError, export_all, export_one, iso
from core.runtime.journal_tables import ROW_TABLES

HOSTILE = '=1+1,"quoted"\nsecond line'


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    written(path, *LIFE, AuditRow(3, Severity.INFO, "text", HOSTILE, ""))
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_value_comes_back(journal: Path, tmp_path: Path) -> None:
    done = export_all(journal, tmp_path / "out")
    assert [d.kind for d in done] == list(KINDS)
    with closing(sqlite3.connect(journal)) as db:
        db.row_factory = sqlite3.Row
        for kind, where in KINDS.items():
            if kind == "counters":
                continue  # a view of the reader's own
            stored = [dict(r) for r in db.execute(f"SELECT * FROM {where.table}")]
            exported = rows_of(tmp_path / "out" / f"{kind}.csv")
            assert len(exported) == len(stored)
            for line, row in zip(exported, stored, strict=True):
                assert {k: line[k] for k in row} == {k: "" if v is None else str(v) for k, v in row.items()}


def test_times_are_iso_as_well(journal: Path, tmp_path: Path) -> None:
    export_all(journal, tmp_path / "out", ["trades", "fills"])
    (trade,) = rows_of(tmp_path / "out" / "trades.csv")
    assert (trade["exit_ms"], trade["exit_iso"]) == ("1790000030000", "2026-09-21T14:13:50.000Z")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "fills.csv", "fills.schema.json", "trades.csv", "trades.schema.json",
    ]  # fmt: skip


def test_the_sidecar_names_every_column_and_its_type(journal: Path, tmp_path: Path) -> None:
    export_all(journal, tmp_path / "out")
    for kind in KINDS:
        told = json.loads((tmp_path / "out" / f"{kind}.schema.json").read_text())
        with (tmp_path / "out" / f"{kind}.csv").open() as file:
            assert [c["name"] for c in told["columns"]] == next(csv.reader(file))
        types = {c["name"]: c["type"] for c in told["columns"]}
        for line in rows_of(tmp_path / "out" / f"{kind}.csv"):
            for name, value in line.items():
                if value and types[name] == "int64":
                    int(value)
                elif value and types[name] == "decimal":
                    Decimal(value)
                elif value and types[name] == "bool":
                    assert value in ("0", "1")
        if kind == "fills":
            assert (types["price"], types["tid"], types["crossed"], types["time_iso"], types["market"]) == (
                "decimal", "int64", "bool", "timestamp[ms, UTC]", "string",
            )  # fmt: skip


def test_text_survives(journal: Path, tmp_path: Path) -> None:
    with (tmp_path / "audit.csv").open("w", newline="") as out:
        assert export_one(journal, "audit", out) == 3
    assert [r["text"] for r in rows_of(tmp_path / "audit.csv")][-1] == HOSTILE


def test_every_table_can_be_exported() -> None:
    assert set(ROW_TABLES) <= {k.table for k in KINDS.values()}


def test_what_cannot_be_read_or_written(tmp_path: Path, journal: Path) -> None:
    with pytest.raises(ExportError, match="cannot be read"):
        export_all(tmp_path / "no.db", tmp_path / "out")
    with pytest.raises(ExportError, match="cannot be read"), (tmp_path / "x").open("w") as out:
        export_one(tmp_path / "no.db", "fills", out)
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="cannot be written"):
        export_all(journal, tmp_path / "file")


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "1970-01-01T00:00:00.000Z"), (1_790_000_000_007, "2026-09-21T14:13:20.007Z"), (10**17, str(10**17))],
)
def test_iso(ms: int, text: str) -> None:
    assert iso(ms) == text
