"""The soak tool: what it plays, what it reports, and that a red seed's command brings the same red seed again."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import seeds
import soak
from check import Check
from checkers import all_checkers as honest_checkers
from seeds import Case, Life, play
from soak import arguments, cases_of, main, seed_range
from soak_report import Totals

from core.runtime.replay_program import replay_file

HERE = Path(__file__).parent
SHORT = ["--weather-ms", "8000"]


class Planted(Check):
    """Objects to the third action at the venue."""

    def executed(self, world, entry):
        self.expect(len(world.exchange.actions) < 3, "the third action")


@pytest.fixture
def planted(monkeypatch):
    def with_one_more():
        ledger, checks = honest_checkers()
        return ledger, [*checks, Planted(ledger)]

    monkeypatch.setattr(seeds, "all_checkers", with_one_more)


def test_green_seeds_are_summed_up(capsys):
    assert main(["--seeds", "0-2", "--depth", "both", "--jobs", "1", *SHORT]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^seeds +6, 0 red$", out, re.MULTILINE)
    assert re.search(r"value level +3 seeds", out)
    assert re.search(r"wire  level +3 seeds", out)
    assert re.search(r"^virtual time +0\.\d\d h$", out, re.MULTILINE)
    assert re.search(r"^ +\d+  Tick$", out, re.MULTILINE)
    assert out.endswith("no red seed\n")


def test_several_processes_come_to_the_same_sums_as_one():
    def sums(jobs: int) -> tuple[int, ...]:
        args = arguments(["--seeds", "0-5", *SHORT])
        totals = Totals()
        for life in soak.lives_of(cases_of(args), jobs, None):
            totals.add(life)
        return totals.lives.total(), totals.turns.total(), totals.fills, totals.marks.total()

    assert sums(2) == sums(1)


def test_a_red_seed_brings_its_checker_its_story_and_one_command_which_really_plays_it_again(planted, capsys):
    assert main(["--seeds", "0-0", "--jobs", "1", *SHORT]) == 1
    out = capsys.readouterr().out
    assert "Planted: the third action" in out
    assert re.search(r"^ *\d+\.\d{3}  venue: order nonce \d+", out, re.MULTILINE)
    commands = set(re.findall(r'make soak ARGS="([^"]*)"', out))
    assert commands == {"--seed 0 --depth value --weather-ms 8000"}

    (command,) = commands
    assert main(shlex.split(command)) == 1
    again = capsys.readouterr().out
    assert "RED    seed 0 value: Planted: the third action" in again
    story = again.split("\n\nPlanted:")[0]
    assert story in out


def test_what_the_world_itself_raises_is_red_too(planted, monkeypatch):
    def broken(self, world, message, effects):
        raise KeyError("a checker with a mistake")

    monkeypatch.setattr(Planted, "turn", broken)
    life = seeds.play(Case(0, weather_ms=8_000))
    assert life.checker == "KeyError"
    assert "a checker with a mistake" in life.text
    assert "test_soak.py" in life.text


def test_a_life_that_goes_round_in_circles_is_red(monkeypatch):
    monkeypatch.setattr(seeds, "MOST_TURNS", 100)
    life = seeds.play(Case(0, weather_ms=8_000))
    assert (life.checker, life.turns) == ("Endless", 101)


def test_one_seed_with_its_story_and_a_tape_for_each_program(tmp_path, capsys):
    tape = tmp_path / "life.tape"
    assert main(["--seed", "13", "--only", "crash", "--story", "15", "--tape", str(tape), "--weather-ms", "15000"]) == 0
    out = capsys.readouterr().out
    assert "green  seed 13 value" in out
    assert "the program ended" in out
    named = [Path(line.removeprefix("hip3-tui replay ")) for line in out.splitlines() if "hip3-tui replay" in line]
    assert named[0] == tape
    assert len(named) > 1
    for path in named:
        assert replay_file(path).is_identical


@pytest.mark.parametrize(
    ("argv", "first"),
    [
        ([], ["0 value -", "1 value -"]),
        (["--minutes", "1", "--from", "7", "--only", "cut"], ["7 value cut", "8 value cut"]),
        (["--seeds", "5-6", "--depth", "both"], ["5 value -", "5 wire -", "6 value -", "6 wire -"]),
        (["--seeds", "0-1", "--only", "each"], ["0 value lose_request", "1 value lose_reply"]),
    ],
)
def test_what_is_played(argv, first):
    found = [f"{c.seed} {c.depth} {c.only or '-'}" for c in islice(cases_of(arguments(argv)), 4)]
    assert found[: len(first)] == first
    assert len(found) == (len(first) if "--seeds" in argv else 4)


def test_nothing_named_means_a_minute():
    assert arguments([]).minutes == 1.0
    assert arguments(["--seeds", "0-9"]).minutes is None


def test_when_the_time_is_over_no_life_begins():
    assert list(soak.lives_of(cases_of(arguments([])), 1, deadline=0.0)) == []


@pytest.mark.parametrize("text", ["9-3", "a-b", "", "-4", "1-2-3"])
def test_a_range_that_is_none_is_refused(text):
    with pytest.raises(Exception, match="expected A-B"):
        seed_range(text)


@pytest.mark.parametrize("argv", [["--tape", "x"], ["--seed", "1", "--depth", "both", "--tape", "x"], ["--jobs", "0"]])
def test_arguments_that_do_not_go_together_are_refused(argv, capsys):
    with pytest.raises(SystemExit) as e:
        arguments(argv)
    assert e.value.code == 2
    assert argv[-2] in capsys.readouterr().err


def test_red_seeds_have_a_line_each_and_only_the_first_their_story():
    totals = Totals()
    for seed in range(20):
        totals.add(Life(case=Case(seed), checker="Books", text="PnL 1 booked, 2 at the venue", story=f"story {seed}"))
    out = totals.report(1)
    assert len(re.findall(r"^RED    seed \d+ value: Books: PnL", out, re.MULTILINE)) == 20
    assert len(re.findall(r"^story \d+$", out, re.MULTILINE)) == 5
    assert out.splitlines()[-21] == "20 red:"


def test_sums_are_carried_over_from_one_soak_to_the_next_and_no_life_is_counted_twice(tmp_path, capsys):
    state = tmp_path / "soak.json"
    first = ["--seeds", "0-1", "--jobs", "1", "--state", str(state), *SHORT]
    assert main(first) == 0
    assert main(first) == 0
    again = capsys.readouterr().out
    assert len(re.findall(r"^seeds +2, 0 red$", again, re.MULTILINE)) == 2
    assert main(["--seeds", "0-2", "--depth", "both", "--jobs", "1", "--state", str(state), *SHORT]) == 0
    at_once = main(["--seeds", "0-2", "--depth", "both", "--jobs", "1", *SHORT])
    pieces, whole = capsys.readouterr().out.split("playing with")[1:]
    assert at_once == 0
    for line in ("seeds", "events", "fills", "venue actions", "programs started", "virtual time"):
        (found,) = set(re.findall(rf"^{line} +.*$", pieces + whole, re.MULTILINE))
        assert found


def test_a_red_life_stays_in_the_sums(planted, tmp_path, capsys):
    state = str(tmp_path / "soak.json")
    assert main(["--seeds", "0-0", "--jobs", "1", "--state", state, *SHORT]) == 1
    capsys.readouterr()
    assert main(["--seeds", "0-0", "--jobs", "1", "--state", state, *SHORT]) == 1
    assert "RED    seed 0 value: Planted: the third action" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"totals": {}, "played": {}}', '{"totals": 3, "played": 4}'])
def test_a_file_that_holds_no_sums_is_left_alone(text, tmp_path, capsys):
    state = tmp_path / "mine.txt"
    state.write_text(text)
    assert main(["--seeds", "0-0", "--jobs", "1", "--state", str(state), *SHORT]) == 2
    assert f"{state}: not the sums of a soak" in capsys.readouterr().err
    assert state.read_text() == text


def test_a_place_that_cannot_be_written_is_named(tmp_path, capsys):
    state = tmp_path / "nowhere" / "soak.json"
    assert main(["--seeds", "0-0", "--jobs", "1", "--state", str(state), *SHORT]) == 2
    assert f"{state}: cannot be written" in capsys.readouterr().err


def test_a_long_life_is_everyday_trading_with_a_trouble_now_and_then():
    life = play(Case(1, hours=0.1))
    assert not life.is_red, life.report
    assert 360_000 <= life.virtual_ms < 500_000
    assert life.fills > 4
    assert life.case.command == 'make soak ARGS="--seed 1 --depth value --hours 0.1"'
    assert play(Case(1, hours=0.1)).digest == life.digest
    assert arguments(shlex.split("--seed 1 --depth value --hours 0.1")).hours == 0.1


@pytest.mark.parametrize("text", ["0", "-1", "13", "nan", "x"])
def test_hours_out_of_range_are_refused(text):
    with pytest.raises(Exception, match="expected a number of hours up to 12"):
        soak.some_hours(text)


@pytest.mark.parametrize(("to", "what"), [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)])
def test_ctrl_c_and_a_plain_kill_end_it_with_the_report(to, what):
    process = subprocess.Popen(
        [sys.executable, str(HERE / "soak.py"), "--minutes", "10", "--jobs", "2", "--only", "cut", *SHORT],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        to(process.pid, what)
        out, _ = process.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert "Ctrl+C ends it with the report" in first
    assert process.returncode == 0
    assert "interrupted" in out
    assert re.search(r"^seeds +\d+, 0 red$", out, re.MULTILINE)
    assert out.endswith("no red seed\n")
