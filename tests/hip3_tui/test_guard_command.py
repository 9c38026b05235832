"""`hip3-tui guard` and `run --guard`: what they refuse before they do anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli import refused, written

OWN_KEY = '[guard]\nkey_source = { type = "env_var", var_name = "GUARD_KEY" }\n'
TESTNET = """
ws_url = "wss://api.hyperliquid-testnet.xyz/ws"
info_url = "https://api.hyperliquid-testnet.xyz/info"
mode = "observation"
[[markets]]
coin = "BTC"
[account]
address = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
"""


def test_it_needs_a_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIP3_CONFIG", raising=False)
    assert "--config FILE or set HIP3_CONFIG" in refused("guard")


def test_it_needs_a_key_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "testnet.toml"
    config.write_text(TESTNET)
    assert "guard.key_source: missing" in refused("guard", "--config", str(config))
    monkeypatch.delenv("GUARD_KEY", raising=False)
    config.write_text(TESTNET + OWN_KEY)
    assert "GUARD_KEY is not set" in refused("guard", "--config", str(config))


def test_a_console_starts_one_only_on_a_simulator_of_its_own(tmp_path: Path) -> None:
    config = tmp_path / "testnet.toml"
    config.write_text(TESTNET)
    assert "--guard: only for a simulator of our own" in refused("run", "--config", str(config), "--guard")
    config.write_text(TESTNET + "[guard]\nenabled = true\n")
    assert "guard.enabled" in refused("run", "--config", str(config))


def test_a_setting_that_makes_no_sense(tmp_path: Path) -> None:
    said = refused("guard", "--config", written(tmp_path, "[guard]\nheartbeat_timeout_ms = 100\n"))
    assert "guard.heartbeat_timeout_ms" in said
