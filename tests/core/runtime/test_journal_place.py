"""Which journal is meant, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import ConfigError
from core.runtime.journal_place import journal_place

ADDRESS = "0x" + "ab" * 20
SIM = """
ws_url = "ws://127.0.0.1:0/ws"
info_url = "http://127.0.0.1:0/info"
mode = "trading"
[[markets]]
coin = "BTC"
[signer]
key_source = { type = "simulator" }
"""
TESTNET = """
ws_url = "wss://api.hyperliquid-testnet.xyz/ws"
info_url = "https://api.hyperliquid-testnet.xyz/info"
mode = "observation"
[[markets]]
coin = "BTC"
[safety]
testnet_only = true
"""


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def config(tmp_path: Path, text: str) -> str:
    (tmp_path / "a.toml").write_text(text)
    return str(tmp_path / "a.toml")


def refusal(journal: str | None, name: str | None, state: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        journal_place(journal, name, {}, state)
    return str(refused.value)


def test_the_one_that_is_named_beats_everything(tmp_path: Path) -> None:
    named = made(tmp_path / "x.db")
    assert journal_place(str(named), "no.toml", {}) == named
    assert (
        refusal(str(tmp_path / "y.db"), None, tmp_path)
        == f"there is no journal {tmp_path / 'y.db'}; name one with --journal FILE"
    )


def test_the_configs_own_path(tmp_path: Path) -> None:
    name = config(tmp_path, SIM + '[journal]\npath = "mine.db"\n')
    assert "journal.path: there is no journal" in refusal(None, name, tmp_path)
    mine = made(tmp_path / "mine.db")
    assert journal_place(None, name, {}, tmp_path) == mine
    assert journal_place(None, None, {"HIP3_CONFIG": name}, tmp_path) == mine


def test_the_newest_run_on_our_own_simulator(tmp_path: Path) -> None:
    name = config(tmp_path, SIM)
    assert "no run on the simulator has left a journal" in refusal(None, name, tmp_path)
    runs = tmp_path / "simulator" / "runs"
    made(runs / "1700000000000-1-0" / "journal.db")
    newest = made(runs / "1700000000001-1-0" / "journal.db")
    (runs / "1700000000002-1-0").mkdir()
    assert journal_place(None, name, {}, tmp_path) == newest


def test_the_account_of_the_config(tmp_path: Path) -> None:
    name = config(tmp_path, TESTNET + f'[account]\naddress = "{ADDRESS}"\n')
    assert f"account {ADDRESS}: there is no journal" in refusal(None, name, tmp_path)
    its = made(tmp_path / "testnet" / ADDRESS / "journal.db")
    assert journal_place(None, name, {}, tmp_path) == its


def test_without_an_account_there_must_be_one_alone(tmp_path: Path) -> None:
    name = config(tmp_path, SIM.replace(":0/", ":9999/"))
    assert "account.address is not set, and no account has a journal" in refusal(None, name, tmp_path)
    one = made(tmp_path / "simulator" / ADDRESS / "journal.db")
    assert journal_place(None, name, {}, tmp_path) == one
    made(tmp_path / "simulator" / ("0x" + "cd" * 20) / "journal.db")
    assert "2 accounts have a journal" in refusal(None, name, tmp_path)
