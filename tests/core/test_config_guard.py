"""What a [guard] may say, and what is refused."""

from __future__ import annotations

import pytest
from test_config import GOOD, MAINNET, read, refusal

from core.config import EnvVarKey, SimulatorKey
from core.config_guard import GuardConfig

OWN_KEY = '[guard]\nkey_source = { type = "env_var", var_name = "GUARD_KEY" }\n'


def test_nothing_said() -> None:
    guard = read(GOOD).guard
    assert guard == GuardConfig(None, None, False, 4_000, 60_000)
    assert guard.key_source_or_test_key == SimulatorKey()


def test_a_key_of_its_own() -> None:
    assert read(MAINNET + OWN_KEY).guard.key_source == EnvVarKey(var_name="GUARD_KEY")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD + "[guard]\nheartbeat_timeout_ms = 1999\n", "guard.heartbeat_timeout_ms"),
        (GOOD + "[guard]\nheartbeat_timeout_ms = 7001\n", "guard.heartbeat_timeout_ms"),
        (GOOD + "[guard]\nact_within_ms = 9999\n", "guard.act_within_ms"),
        (GOOD + '[guard]\naddress = "0x12"\n', "guard.address"),
        (GOOD + '[guard]\nkey_source = { type = "none" }\n', "guard.key_source"),
        (GOOD + "[guard]\nenable = true\n", "did you mean 'enabled'?"),
        (MAINNET + "[guard]\nenabled = true\n", "guard.enabled: true: only a simulator of our own"),
        (MAINNET + '[guard]\nkey_source = { type = "simulator" }\n', "guard.key_source: type 'simulator'"),
        (
            MAINNET + '[guard]\nkey_source = { type = "file", path = "trading.key" }\n',
            "guard.key_source: is the signer's",
        ),
    ],
)
def test_refused(text: str, says: str) -> None:
    assert says in refusal(text)
