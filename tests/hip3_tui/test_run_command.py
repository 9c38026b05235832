"""`hip3-tui run` and `hip3-tui preflight` from the command line: which options go together, what is refused before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from real_rules import Rehearsal, venue_under

from core.config import Network
from hip3_tui import cli

SIM = Path(__file__).parents[2] / "config" / "sim.toml"


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HIP3_CONFIG", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def called(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


@pytest.mark.parametrize(
    "options",
    [
        ("--for", "5"),
        ("--summary", "x.json"),
        ("--yes-real-money",),
        ("--cancel-foreign",),
        ("--go-on-beyond", "10", "--because", "x"),
    ],
)
def test_what_is_for_no_screen_is_refused_with_one(options: tuple[str, ...]) -> None:
    result = called("run", "--config", str(SIM), *options)
    assert result.exit_code == 2
    assert "go with --headless" in result.stderr


@pytest.mark.parametrize(
    "options", [("--go-on-beyond", "10"), ("--because", "x"), ("--go-on-beyond", "1", "--because", " ")]
)
def test_a_decision_and_its_reason_go_together(options: tuple[str, ...]) -> None:
    result = called("run", "--config", str(SIM), "--headless", *options)
    assert result.exit_code == 2
    assert "a decision needs its reason" in result.stderr


def test_a_summary_that_cannot_be_written_is_refused_before_anything_starts(tmp_path: Path) -> None:
    result = called("run", "--config", str(SIM), "--headless", "--summary", str(tmp_path / "no" / "end.json"))
    assert result.exit_code == 78
    assert "its folder is not there" in result.stderr


def test_preflight_as_json_and_its_exit_codes(tmp_path: Path) -> None:
    with venue_under(Network.MAINNET) as venue:
        rehearsal = Rehearsal(venue, tmp_path)
        good = called("preflight", "--config", str(rehearsal.config), "--json")
        assert good.exit_code == 0, good.output
        told = json.loads(good.stdout)
        assert told["may_begin"] is True
        assert {"name", "value", "limit", "verdict", "remedy"} == set(told["checks"][0])
        rehearsal.write("asset_idx = 110016", "asset_idx = 110028")
        bad = called("preflight", "--config", str(rehearsal.config))
        assert bad.exit_code == 78
        assert "FAIL  market xyz:SNDK" in bad.stdout
        assert "is 110016; 110028 is xyz:BABA" in bad.stdout
        assert bad.stdout.rstrip().endswith("1 failed")


def test_preflight_of_a_simulator_that_is_not_there_yet() -> None:
    result = called("preflight", "--config", str(SIM))
    assert result.exit_code == 78
    assert "starts a simulator of its own" in result.stderr
