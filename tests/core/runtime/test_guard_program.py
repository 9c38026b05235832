"""The guard's edges: one for each journal, what it says first, what it refuses, and the simulator's door for its test key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_stop_target import OWN
from venue_thread import VenueThread

from core.config import ConfigError, parse_config
from core.hyperliquid.signing_key import SigningKey
from core.runtime.guard_program import GuardLock, GuardOrder, approve_on_simulator, opening_words, run_guard
from core.runtime.keys import TEST_ADDRESS, TEST_GUARD_KEY, KeyManager, load_guard_key
from core.runtime.small_files import beside
from core.runtime.stop_target import Target

AGENT = SigningKey.from_hex(TEST_GUARD_KEY)
TESTNET = """
ws_url = "wss://api.hyperliquid-testnet.xyz/ws"
info_url = "https://api.hyperliquid-testnet.xyz/info"
mode = "observation"
[[markets]]
coin = "xyz:SNDK"
[[markets]]
coin = "BTC"
[account]
address = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
"""


def test_one_for_each_journal(tmp_path: Path) -> None:
    journal = tmp_path / "account" / "journal.db"
    lock = GuardLock(journal)
    code = (
        f"from pathlib import Path; from core.runtime.guard_program import GuardLock; GuardLock(Path({str(journal)!r}))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert "another guard watches" in other.stderr
    lock.release()
    GuardLock(journal).release()


def test_the_lock_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        GuardLock(tmp_path / "file" / "journal.db")
    beside(tmp_path / "journal.db", "guard.lock").mkdir()
    with pytest.raises(ConfigError, match="cannot be made"):
        GuardLock(tmp_path / "journal.db")


def test_a_real_network_needs_a_key_of_its_own() -> None:
    with pytest.raises(ConfigError, match=r"my\.toml: guard\.key_source: missing"):
        run_guard(GuardOrder(parse_config(TESTNET, "my.toml"), "my.toml"))


def test_a_key_that_is_not_there_is_named_by_the_guards_own_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    text = TESTNET + '[guard]\nkey_source = { type = "env_var", var_name = "NO_SUCH_KEY" }\n'
    with pytest.raises(ConfigError, match=r"guard\.key_source: environment variable NO_SUCH_KEY"):
        run_guard(GuardOrder(parse_config(text, "my.toml"), "my.toml"))


def test_an_address_that_the_key_does_not_derive(monkeypatch: pytest.MonkeyPatch) -> None:
    text = OWN + f'[guard]\naddress = "0x{"12" * 20}"\n'
    with pytest.raises(ConfigError, match="but the key derives"):
        run_guard(GuardOrder(parse_config(text, "my.toml"), "my.toml"))


def test_what_it_says_first() -> None:
    config = parse_config(TESTNET, "my.toml")
    target = Target(config.info_url, "0x1719", Path("/s/journal.db"), None)
    alerts: Any = SimpleNamespace(views=())
    words = "\n".join(opening_words(config, target, KeyManager(AGENT), alerts))
    for part in (
        "GUARD on TESTNET",
        "0x1719",
        AGENT.address,
        "/s/journal.db",
        "4 s",
        "xyz, main dex",
        "never opens anything",
    ):
        assert part in words
    assert TEST_GUARD_KEY[2:] not in words


def test_the_simulators_door_for_the_test_key() -> None:
    assert load_guard_key(parse_config(OWN, "my.toml")).address == AGENT.address
    said: list[str] = []
    with VenueThread() as venue:
        for _ in range(2):
            approve_on_simulator(f"{venue.url}/info", TEST_ADDRESS, AGENT.address, said.append)
        assert venue.control(do="truth")["agents"] == {AGENT.address: TEST_ADDRESS}
    assert said == ["the simulator took the guard's test key as an agent"], "the second time it is one already"
    approve_on_simulator("http://127.0.0.1:9/info", TEST_ADDRESS, AGENT.address, said.append)
    assert "could not be asked" in said[-1]
