"""Where files go, and which folders of simulator runs are kept."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from core.config import Config, ConfigError, parse_config
from core.runtime.paths import KEPT_SIMULATOR_RUNS, run_paths

ACCOUNT = "0x" + "aB" * 20
NOW = 1_800_000_000_000


def a_config(host: str = "ws://127.0.0.1:0", more: str = "") -> Config:
    info = host.replace("ws", "http", 1)
    account = f'[account]\naddress = "{ACCOUNT}"\n'
    top = f'ws_url = "{host}/ws"\ninfo_url = "{info}/info"\nmode = "observation"\n[[markets]]\ncoin = "BTC"\n'
    return parse_config(top + account + more, "test")


def runs(tmp_path: Path) -> list[str]:
    return sorted(p.name for p in (tmp_path / "simulator" / "runs").iterdir())


def test_one_folder_per_network_and_account(tmp_path):
    paths = run_paths(a_config("wss://api.hyperliquid-testnet.xyz"), ACCOUNT, NOW, tmp_path)
    assert paths.journal == tmp_path / "testnet" / ACCOUNT.lower() / "journal.db"
    assert paths.log.parent == paths.journal.parent
    again = run_paths(a_config("wss://api.hyperliquid-testnet.xyz"), ACCOUNT.lower(), NOW + 1, tmp_path)
    assert again == paths


def test_a_simulator_somebody_else_runs_keeps_its_journal(tmp_path):
    first, second = (run_paths(a_config("ws://127.0.0.1:4711"), ACCOUNT, NOW + i, tmp_path) for i in range(2))
    assert first == second


def test_each_run_of_our_own_simulator_is_fresh(tmp_path):
    first, second = (run_paths(a_config(), ACCOUNT, NOW, tmp_path) for _ in range(2))
    assert first.journal != second.journal
    assert first.journal.parent.is_dir()
    assert second.journal.parent.is_dir()


def test_the_last_ten_runs_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("core.runtime.paths._is_running", lambda folder: False)
    made = [run_paths(a_config(), ACCOUNT, NOW + i, tmp_path).journal.parent.name for i in range(13)]
    assert runs(tmp_path) == made[-KEPT_SIMULATOR_RUNS:]


def test_a_folder_in_use_is_never_removed(tmp_path):
    """These were all made by this very process, which runs."""
    for i in range(13):
        run_paths(a_config(), ACCOUNT, NOW + i, tmp_path)
    assert len(runs(tmp_path)) == 13


def test_the_config_may_name_the_journal(tmp_path):
    path = tmp_path / "deep" / "own.db"
    paths = run_paths(a_config(more=f'[journal]\npath = "{path}"'), ACCOUNT, NOW)
    assert paths.journal == path
    assert paths.log == tmp_path / "deep" / "own.log"
    assert path.parent.is_dir()


def test_nobody_else_may_look(tmp_path):
    paths = run_paths(a_config(), ACCOUNT, NOW, tmp_path)
    assert stat.S_IMODE(paths.journal.parent.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"journal\.path: cannot make the folder .*file.*; set journal\.path"):
        run_paths(a_config(), ACCOUNT, NOW, tmp_path / "file")


def test_the_default_is_the_users_state_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run_paths(a_config(), ACCOUNT, NOW).journal.is_relative_to(tmp_path)
