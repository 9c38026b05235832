"""`hip3-tui report` and `hip3-tui journal`: what they write where, with which exit code, and what they refuse in one line."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from old_journals import unpack

from core.runtime.clock import ManualClock
from core.runtime.journal import Journal
from hip3_tui.cli import main
from hip3_tui.commands.journal import _KINDS


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return unpack(2, tmp_path / "journal.db")


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], env={"HIP3_CONFIG": "", **(env or {})})


def said(result: Result) -> str:
    """The one line of a refusal."""
    (line,) = result.stderr.splitlines()
    return line


# --- report ---------------------------------------------------------------------------------------------------------------


def test_the_text(old: Path) -> None:
    done = run("report", "--journal", old)
    assert done.exit_code == 0
    assert "21 trades" in done.stdout.splitlines()[0]
    assert max(map(len, done.stdout.replace(str(old), "journal.db").splitlines())) <= 80


def test_a_day_and_a_run(old: Path) -> None:
    assert "DAILY REVIEW  2026-11-26" in run("report", "--journal", old, "--day", "2026-11-26").stdout
    assert "0 trades" in run("report", "--journal", old, "--day", "2026-11-25").stdout.splitlines()[0]
    assert "run 2" in run("report", "--journal", old, "--run", "2").stdout.splitlines()[0]
    assert "DAILY REVIEW" in run("report", "--journal", old, "--today").stdout


def test_json_is_one_line_with_everything(old: Path) -> None:
    done = run("report", "--journal", old, "--json")
    (line,) = done.stdout.splitlines()
    report = json.loads(line)
    assert len(report["trades"]) == 21
    assert report["checkpoints"][0]["verdict"] == "REVIEW"
    assert [m["name"] for m in report["metrics"]][:2] == ["trades", "fill_rate"]


def test_csv_is_one_line_a_trade(old: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("report", "--journal", old, "--csv").stdout)))
    assert len(rows) == 21
    assert rows[0]["trade_id"] == "s1-1"


def test_the_page_is_a_file_for_the_owners_eyes(old: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = run("report", "--journal", old, "--html", page)
    assert (done.exit_code, done.stdout) == (0, "")
    assert page.read_text().startswith("<!doctype html>")
    assert page.stat().st_mode & 0o777 == 0o600
    both = run("report", "--journal", old, "--html", page, "--json")
    assert json.loads(both.stdout)["source"] == str(old)


def test_refusals_are_one_line(old: Path, tmp_path: Path) -> None:
    missing = run("report", "--journal", tmp_path / "no.db")
    assert (missing.exit_code, said(missing)) == (
        78, f"hip3-tui: there is no journal {tmp_path / 'no.db'}; name one with --journal FILE",
    )  # fmt: skip
    (tmp_path / "notes.txt").write_text("my notes")
    other = run("report", "--journal", tmp_path / "notes.txt")
    assert (other.exit_code, "no journal of this program" in said(other)) == (2, True)
    run_9 = run("report", "--journal", old, "--run", "9")
    assert (run_9.exit_code, said(run_9)) == (2, f"hip3-tui: {old}: there is no run 9 in it")
    nowhere = run("report", "--journal", old, "--html", tmp_path / "no" / "x.html")
    assert (nowhere.exit_code, "cannot be written: No such file or directory" in said(nowhere)) == (2, True)
    assert run("report", "--journal", old, "--json", "--csv").exit_code == 2


# --- export ---------------------------------------------------------------------------------------------------------------


def test_one_kind_to_stdout(old: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("journal", "export", "--journal", old, "--kind", "fills").stdout)))
    assert len(rows) == 42
    assert rows[0]["price"] == "185.18"


def test_all_kinds_to_a_folder(old: Path, tmp_path: Path) -> None:
    done = run("journal", "export", "--journal", old, "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert sorted(p.name for p in (tmp_path / "out").glob("*.csv")) == sorted(f"{k}.csv" for k in _KINDS)
    assert f"{tmp_path / 'out' / 'fills.csv'}: 42 rows" in done.stdout


def test_a_stream_holds_one_table(old: Path) -> None:
    assert run("journal", "export", "--journal", old).exit_code == 2
    assert run("journal", "export", "--journal", old, "--kind", "fills", "--kind", "posts").exit_code == 2
    assert run("journal", "export", "--journal", old, "--kind", "riddles").exit_code == 2


def test_an_export_that_cannot_be_written(old: Path) -> None:
    done = run("journal", "export", "--journal", old, "--out", old / "out")
    assert (done.exit_code, "cannot be written" in said(done)) == (2, True)


# --- check ---------------------------------------------------------------------------------------------------------------


def test_a_sound_journal(old: Path) -> None:
    done = run("journal", "check", "--journal", old)
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "sound")


def test_an_unsound_one_says_what_and_where(old: Path) -> None:
    assert Journal.open(old, ManualClock(1_800_000_000_000)).close()
    with closing(sqlite3.connect(old)) as db:
        db.execute("UPDATE fill_rows SET fee = '1' WHERE id = (SELECT min(id) FROM fill_rows)")
        db.commit()
    done = run("journal", "check", "--journal", old)
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (1, "NOT SOUND")
    assert "NO  trades against fills" in done.stdout
    as_json = json.loads(run("journal", "check", "--journal", old, "--json").stdout)
    assert not as_json["sound"]
    assert [look["name"] for look in as_json["looked"] if look["faults"]] == ["trades against fills"]


def test_a_check_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("my notes")
    done = run("journal", "check", "--journal", tmp_path / "notes.txt")
    assert (done.exit_code, "no journal of this program" in said(done)) == (2, True)


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from hip3_tui.cli import main; main(['journal', 'export', '--help'], standalone_mode=False); print('sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
