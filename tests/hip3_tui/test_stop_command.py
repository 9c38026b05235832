"""`hip3-tui stop`: what it refuses before it does anything, each with one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli import SIM_CONFIG, called, refused, written


def test_it_needs_a_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIP3_CONFIG", raising=False)
    assert "--config FILE or set HIP3_CONFIG" in refused("stop")


def test_it_needs_a_key(tmp_path: Path) -> None:
    text = SIM_CONFIG.read_text().split("[signer]")[0].replace('"trading"', '"observation"')
    (tmp_path / "own.toml").write_text(text)
    assert "signer: missing" in refused("stop", "--config", str(tmp_path / "own.toml"))


def test_no_console_of_our_own_simulator_is_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert "there is nothing to stop" in refused("stop", "--config", written(tmp_path))


@pytest.mark.parametrize("within", ["4", "3601", "soon"])
def test_a_time_that_makes_no_sense(within: str) -> None:
    assert called("stop", "--within", within).exit_code == 2
