"""Drills for real: the judge, the simulator and the shipped program, each a process of its own; and a verdict that can be trusted both ways."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from pty_driver import spawn

ROOT = Path(__file__).parents[2]

SHORT = """
name = "a short gap"
story = "A gap opens, an order's reply is lost, and the time stop closes what was opened."
seed = 5
markets = ["xyz:SNDK"]
length_s = 9
latency_min_ms = 10
latency_max_ms = 40
{top}
[program.execution]
time_stop_ms = 1500
post_timeout_ms = 800
[program.risk]
max_consecutive_losses = 50

[[steps]]
at_s = 0
do = "fault"
name = "lose_reply"

[[steps]]
at_s = 0.5
do = "hold"
coin = "xyz:SNDK"
bps = 80
say = "a gap opens"

[[steps]]
at_s = 4
do = "hold"
coin = "xyz:SNDK"
say = "the gap is closed"
{steps}
[expect]
latched = false
longest_position_s = {{ max = 4 }}
max_position_usd = {{ max = 55 }}
{expect}
"""

DROPPED = """
[[steps]]
at_s = 2
do = "drop_connections"
"""


def written(tmp_path: Path, *, top: str = "", steps: str = "", expect: str = "entries = { min = 1 }") -> Path:
    path = tmp_path / "short.toml"
    path.write_text(SHORT.format(top=top, steps=steps, expect=expect))
    return path


def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONPATH": str(ROOT)}


def drilled(tmp_path: Path, scenario: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hip3_tui", "drill", str(scenario), "--headless", *options],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def found(report: Mapping[str, list[Mapping[str, object]]], expectation: str) -> Mapping[str, object]:
    return next(f for f in report["findings"] if f["expectation"] == expectation)


def test_a_drill_that_ends_as_it_must_with_an_agents_key(tmp_path):
    result = drilled(tmp_path, written(tmp_path, top="agent = true"))
    assert result.returncode == 0, result.stdout + result.stderr
    *findings, verdict = result.stdout.splitlines()
    assert verdict == "PASS: a short gap, 9 s"
    assert all(line.startswith("PASS  ") for line in findings)
    assert any("lose_reply struck" in line for line in findings)


def test_a_drill_that_does_not_says_so_and_keeps_its_journal(tmp_path):
    scenario = written(tmp_path, steps=DROPPED, expect="entries = { max = 0 }")
    result = drilled(tmp_path, scenario, "--json")
    assert result.returncode == 1, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["passed"] is False
    latched, entries = found(report, "latched"), found(report, "entries")
    assert latched["passed"] is False
    assert "disconnected" in str(latched["found"])
    assert entries["passed"] is False
    assert found(report, "flat")["passed"] is True
    assert (Path(report["folder"]) / "journal.db").exists()


def test_nothing_is_judged_that_cannot_be_played(tmp_path):
    scenario = written(tmp_path, steps='[[steps]]\nat_s = 1\ndo = "hold"\ncoin = "xyz:NOPE"')
    result = drilled(tmp_path, scenario)
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert "steps[3]: coin = 'xyz:NOPE': not listed" in line


@pytest.mark.slow
def test_the_console_plays_it_too_and_an_early_end_is_no_verdict(tmp_path):
    command = [sys.executable, "-m", "hip3_tui", "drill", str(written(tmp_path))]
    with spawn(command, cols=120, rows=40, cwd=str(ROOT), env=environment(tmp_path)) as program:
        program.wait_for("LIVE", timeout=30)
        program.wait_for("DRILL", timeout=30)
        program.wait_for("now: a gap opens", timeout=30)
        program.wait_for("Judged on the exchange's own truth", timeout=60)
        program.wait_for("PASS", timeout=10)
        program.send("q")
        assert program.wait_exit(timeout=60) == 0
        assert "PASS: a short gap, 9 s" in program.text
    with spawn(command, cols=120, rows=40, cwd=str(ROOT), env=environment(tmp_path)) as program:
        program.wait_for("LIVE", timeout=30)
        program.send("q")
        assert program.wait_exit(timeout=30) == 2
        assert "not judged" in program.text
