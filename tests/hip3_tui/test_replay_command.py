"""`hip3-tui replay`: what it says, and its exit code."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from unittest.mock import patch

import engine_rig
import pytest
from click.testing import CliRunner, Result
from engine_rig import NOW, Rig
from msgspec.structs import replace
from recorded_engine import RecordedEngine

from core.engine.detector import Detector
from core.messages.effects import ForgetPost
from core.messages.tape import Start, Turn, encode_start, encode_turn
from core.runtime.clock import ManualClock
from core.runtime.journal import Journal
from hip3_tui import cli


def called(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, ["replay", *map(str, arguments)])


@pytest.fixture(scope="module")
def life() -> tuple[Start, list[Turn]]:
    """A position opened and kept."""
    with patch.object(engine_rig, "Engine", RecordedEngine):
        rig = Rig()
    rig.open_position()
    rig.advance(2_000)
    return rig.engine.tape


def journal_of(path: Path, *lives: tuple[Start, list[Turn]]) -> Path:
    """The lives of runs 1, 2, ... of one journal."""
    for start, turns in lives:
        journal = Journal.open(path, ManualClock(NOW))
        tape = journal.begin_tape(start, 10)
        for turn in turns:
            tape.record(turn.now_ms, turn.message, turn.effects, turn.error)
        journal.end_run(clean=True)
        assert journal.close()
    return path


def tampered(life: tuple[Start, list[Turn]], number: int) -> tuple[Start, list[Turn]]:
    start, turns = life
    turn = turns[number - 1]
    changed = replace(turn, effects=(*turn.effects, ForgetPost(99)))
    return start, [*turns[: number - 1], changed, *turns[number:]]


def test_identical(life, tmp_path):
    result = called(journal_of(tmp_path / "journal.db", life))
    assert result.exit_code == 0, result.output
    first, counted, end, verdict = result.stdout.splitlines()
    assert (
        first
        == f"run 1 on simulator of {tmp_path / 'journal.db'}, recorded by version test, and this is version {cli.core.__version__}"
    )
    assert counted.startswith(
        f"{len(life[1])} turns, {sum(len(t.effects) for t in life[1])} effects; 2024-01-12 10:06:40 to "
    )
    assert re.search(r" UTC, \d\.\d s$", counted)
    assert end == "the run ended in order"
    assert verdict == "identical"


def test_different(life, tmp_path):
    number = next(n for n, turn in enumerate(life[1], 1) if n > 20 and turn.effects)
    result = called(journal_of(tmp_path / "journal.db", tampered(life, number)))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("DIFFERENT"))
    assert lines[at].startswith(f"DIFFERENT, for the first time at turn {number}, 10:06:4")
    assert lines[at + 1].split()[0] == str(number)
    assert f"    effect {len(life[1][number - 1].effects) + 1} recorded, not replayed: ForgetPost(99)" in lines
    assert "the last turns before it:" in lines
    assert "identical" not in result.stdout


def test_another_engine_differs_from_the_recording(life, tmp_path, monkeypatch):
    monkeypatch.setattr(Detector, "side_of", lambda *args: None)
    result = called(journal_of(tmp_path / "journal.db", life))
    assert result.exit_code == 1
    assert "recorded, not replayed: Journal(SignalRow(" in result.stdout


def test_each_run_of_a_journal(life, tmp_path):
    path = journal_of(tmp_path / "journal.db", tampered(life, 3), life)
    assert called(path).exit_code == called(path, "--run", 2).exit_code == 0
    assert called(path, "--run", 1).exit_code == 1
    assert called(path, "--run", 1).stdout.startswith("run 1 ")


def test_up_to_a_turn(life, tmp_path):
    path = journal_of(tmp_path / "journal.db", tampered(life, 30))
    before = called(path, "--until", 29)
    assert before.exit_code == 0
    assert "29 turns" in before.stdout
    assert "\nidentical up to there\nthe last turns:\n" in before.stdout
    assert called(path, "--until", 30).exit_code == 1
    assert "\nidentical\n" not in called(path, "--until", 10_000).stdout


def test_json(life, tmp_path):
    path = journal_of(tmp_path / "journal.db", tampered(life, 30), life)
    same = json.loads(called(path, "--json").stdout)
    assert (same["identical"], same["run_id"], same["turns"]) == (True, 1, len(life[1]))
    assert "difference" not in same
    result = called(path, "--json", "--run", 1)
    assert result.exit_code == 1
    other = json.loads(result.stdout)
    assert other["identical"] is False
    assert other["difference"]["turn"] == other["turns"] == 30
    assert other["difference"]["now_ms"] == life[1][29].now_ms
    assert other["difference"]["lines"] == [
        f"effect {len(life[1][29].effects) + 1} recorded, not replayed: ForgetPost(99)"
    ]
    assert other["difference"]["message"]["type"] == type(life[1][29].message).__name__
    assert other["story"]


def test_a_plain_tape(life, tmp_path):
    path = tmp_path / "seed-5.tape"
    start, turns = life
    lines = [encode_start(start), *(encode_turn(t.now_ms, t.message, t.effects, t.error) for t in turns)]
    path.write_bytes(b"\n".join(lines) + b"\n")
    result = called(path)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "identical"
    assert len(result.stdout.splitlines()) == 3


# --- what cannot be replayed: one line on stderr, and 2 ---------------------------------------------------------------------


def refused(*arguments: object) -> str:
    result = called(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def test_nothing_to_replay(life, tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("these are my notes\n")
    assert refused(notes) == f"hip3-tui: {notes}: neither a journal nor a tape"
    assert (
        refused(tmp_path / "missing") == f"hip3-tui: {tmp_path / 'missing'}: cannot be read: No such file or directory"
    )


def test_a_run_that_is_not_there_and_those_that_are(life, tmp_path):
    path = journal_of(tmp_path / "journal.db", life)
    assert refused(path, "--run", 7).endswith(f"there is no run 7; its runs: 1 ({len(life[1])} turns)")


def test_a_damaged_chunk_that_the_replay_comes_to(life, tmp_path):
    path = journal_of(tmp_path / "journal.db", life)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("UPDATE tape SET lines = x'00' WHERE number = 2")
    (before,) = db.execute("SELECT turns FROM tape WHERE number = 1").fetchone()
    db.close()
    said = refused(path)
    assert "run 1: chunk 2 is damaged: " in said
    assert said.endswith(f"what is before it: --until {before}")
    assert called(path, "--until", before).exit_code == 0


def test_wrong_arguments(tmp_path):
    assert called().exit_code == 2
    assert called(tmp_path, "--run", "first").exit_code == 2
    assert called(tmp_path, "--until", 0).exit_code == 2
