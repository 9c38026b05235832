"""Where the key comes from, what is refused, and that it never shows."""

from __future__ import annotations

import io
import logging
import os
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.traceback import Traceback

from core.config import EnvVarKey, FileKey, Network, SimulatorKey, parse_config
from core.runtime.keys import (
    TEST_ADDRESS,
    TEST_KEY,
    AddressMismatch,
    KeyManager,
    MalformedKey,
    MissingKey,
    NoTradingKey,
    Role,
    SigningKeyError,
    UnsafeKeyFile,
    checksum_address,
    load_key,
    open_keys,
)

SECRET = "5ecae7" + "9d" * 28 + "01"
VARIABLE = "HIP3_TEST_TRADING_KEY"
BEYOND_THE_ORDER = "ff" * 32
SOURCE = EnvVarKey(var_name=VARIABLE)


@pytest.fixture
def key_file(tmp_path: Path) -> Callable[..., FileKey]:
    def write(content: str | bytes, mode: int = 0o600) -> FileKey:
        path = tmp_path / "trading.key"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return FileKey(path=str(path))

    return write


def address_of_secret() -> str:
    from eth_account import Account

    return str(Account.from_key(SECRET).address)


# --- what is taken ------------------------------------------------------------------------------------------------------

SPELLINGS = [SECRET, "0x" + SECRET, "0X" + SECRET.upper(), f"  {SECRET}\n", f"\t0x{SECRET}\r\n\n"]


@pytest.mark.parametrize("text", SPELLINGS)
def test_environment_variable(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, text)
    key, warnings = load_key(SOURCE, Network.MAINNET)
    assert checksum_address(key.address) == address_of_secret()
    assert warnings == ()


@pytest.mark.parametrize("text", SPELLINGS)
def test_file(text: str, key_file: Callable[..., FileKey]) -> None:
    key, warnings = load_key(key_file(text), Network.MAINNET)
    assert checksum_address(key.address) == address_of_secret()
    assert warnings == ()


def test_file_in_the_home_folder(
    key_file: Callable[..., FileKey], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file(SECRET)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert checksum_address(load_key(FileKey(path="~/trading.key"), Network.TESTNET)[0].address) == address_of_secret()


def test_simulator_key_is_the_public_one_and_for_the_simulator_only() -> None:
    key, _ = load_key(SimulatorKey(), Network.SIMULATOR)
    assert key.address == TEST_ADDRESS
    assert checksum_address(TEST_ADDRESS) == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    for network in (Network.TESTNET, Network.MAINNET):
        with pytest.raises(MalformedKey, match=f"not for {network.value}"):
            load_key(SimulatorKey(), network)


# --- what is refused ----------------------------------------------------------------------------------------------------

MALFORMED = [
    ("", "is empty"),
    (" \n", "is empty"),
    (SECRET[:-1], "holds 63 characters"),
    (SECRET + "0", "holds 65 characters"),
    ("0x0x" + SECRET[2:], "no hex digit"),
    (SECRET[:-1] + "g", "no hex digit"),
    (SECRET[:30] + " " + SECRET[31:], "no hex digit"),
    ("0" * 64, "a number that is no key"),
    (BEYOND_THE_ORDER, "a number that is no key"),
]


@pytest.mark.parametrize(("text", "says"), MALFORMED)
def test_malformed_variable(text: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(MalformedKey, match=f"environment variable {VARIABLE} .*{says}.*; expected 64 hex digits"):
        load_key(SOURCE, Network.TESTNET)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        *MALFORMED,
        (bytes.fromhex(SECRET), "is binary"),
        (b"\x00" * 64, "is binary"),
        (SECRET.encode("utf-16"), "is binary"),
        (SECRET * 40, "more than 1024 bytes"),
        (f"{SECRET}\n{SECRET}", "is binary|holds 129"),
    ],
)
def test_malformed_file(content: str | bytes, says: str, key_file: Callable[..., FileKey]) -> None:
    with pytest.raises(MalformedKey, match=rf"key file .*trading\.key .*({says}).*; expected 64 hex digits"):
        load_key(key_file(content), Network.TESTNET)


def test_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(MissingKey, match=f"environment variable {VARIABLE} is not set; expected 64 hex digits"):
        load_key(SOURCE, Network.TESTNET)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingKey, match=r"nowhere\.key cannot be read: No such file"):
        load_key(FileKey(path=str(tmp_path / "nowhere.key")), Network.TESTNET)


def test_what_is_no_file_neither_hangs_nor_crashes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(MissingKey, match="is not a regular file"):
            load_key(FileKey(path=str(path)), Network.TESTNET)


@pytest.mark.parametrize(
    ("mode", "testnet", "mainnet"),
    [
        (0o600, "quiet", "quiet"),
        (0o400, "quiet", "quiet"),
        (0o640, "warned", "warned"),
        (0o644, "warned", "refused"),
        (0o604, "warned", "refused"),
    ],
)
def test_who_may_read_the_file(mode: int, testnet: str, mainnet: str, key_file: Callable[..., FileKey]) -> None:
    source = key_file(SECRET, mode)
    for network, expected in ((Network.TESTNET, testnet), (Network.SIMULATOR, testnet), (Network.MAINNET, mainnet)):
        if expected == "refused":
            with pytest.raises(UnsafeKeyFile, match=f"can be read by everybody \\(mode {mode:04o}\\)"):
                load_key(source, network)
            continue
        _, warnings = load_key(source, network)
        assert [f"mode {mode:04o}" in warning for warning in warnings] == ([True] if expected == "warned" else [])


def test_a_rehearsal_of_mainnet_refuses_what_mainnet_refuses(key_file: Callable[..., FileKey]) -> None:
    with pytest.raises(UnsafeKeyFile, match="allowed on mainnet: 0600"):
        load_key(key_file(SECRET, 0o644), Network.SIMULATOR, Network.MAINNET)
    assert load_key(SimulatorKey(), Network.SIMULATOR, Network.MAINNET)[0].address == TEST_ADDRESS


# --- roles --------------------------------------------------------------------------------------------------------------

SIMULATED = """
ws_url = "ws://127.0.0.1:1/ws"
info_url = "http://127.0.0.1:1/info"
mode = "{mode}"
[[markets]]
coin = "BTC"
[signer]
key_source = {{ type = "env_var", var_name = "HIP3_TEST_TRADING_KEY" }}
address = "{address}"
"""


def test_trading_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)
    keys = open_keys(parse_config(SIMULATED.format(mode="trading", address=address_of_secret()), "t.toml"))
    assert keys.role is Role.TRADING
    assert keys.address == address_of_secret().lower()
    assert keys.trading_key.address == keys.address


def test_observation_role_reads_no_key_and_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "not a key at all")
    keys = open_keys(parse_config(SIMULATED.format(mode="observation", address=address_of_secret()), "t.toml"))
    assert (keys.role, keys.address) == (Role.OBSERVATION, "")
    with pytest.raises(NoTradingKey, match="observation"):
        _ = keys.trading_key


def test_key_of_another_address_is_refused_naming_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)
    other = checksum_address(TEST_ADDRESS)
    with pytest.raises(AddressMismatch, match=f"expected {other}, but the key derives {address_of_secret()}"):
        open_keys(parse_config(SIMULATED.format(mode="trading", address=other.lower()), "t.toml"))


def test_warnings_reach_the_operator(key_file: Callable[..., FileKey]) -> None:
    config = SIMULATED.replace(
        '{{ type = "env_var", var_name = "HIP3_TEST_TRADING_KEY" }}',
        f'{{{{ type = "file", path = "{key_file(SECRET, 0o644).path}" }}}}',
    )
    keys = open_keys(parse_config(config.format(mode="trading", address=address_of_secret()), "t.toml"))
    assert len(keys.warnings) == 1
    assert "make it 0600" in keys.warnings[0]


# --- the secret never shows ---------------------------------------------------------------------------------------------


def parts_of(secret: str) -> list[str]:
    """Every run of 8 digits: a leak of a part is a leak."""
    return [secret[i : i + 8] for i in range(len(secret) - 7)]


def everything_a_crash_could_print(error: BaseException) -> str:
    """The plain traceback, the same with locals, and the console's own with locals."""
    screen = Console(file=io.StringIO(), width=400)
    screen.print(
        Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True, locals_max_string=None)
    )
    with_locals = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert isinstance(screen.file, io.StringIO)
    return "".join([*traceback.format_exception(error), *with_locals.format(), screen.file.getvalue(), repr(error)])


def ours_only(error: BaseException) -> BaseException:
    """Without the test's own frame, which holds the key to look for it."""
    assert error.__traceback__ is not None
    return error.with_traceback(error.__traceback__.tb_next)


@pytest.mark.parametrize("ending", ["g", "00", ""], ids=["not hex", "too long", "too short"])
def test_a_malformed_key_does_not_show(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, SECRET[:63] + ending)
    with pytest.raises(SigningKeyError) as caught:
        load_key(SOURCE, Network.TESTNET)
    shown = everything_a_crash_could_print(ours_only(caught.value)).lower()
    assert "environment variable" in shown
    assert not [part for part in parts_of(SECRET)[:50] if part in shown]


@pytest.mark.parametrize(
    "content", [SECRET[:63] + "g", bytes.fromhex(SECRET), SECRET * 40], ids=["hex", "binary", "long"]
)
def test_a_malformed_file_does_not_show(content: str | bytes, key_file: Callable[..., FileKey]) -> None:
    source = key_file(content)
    with pytest.raises(SigningKeyError) as caught:
        load_key(source, Network.TESTNET)
    shown = everything_a_crash_could_print(ours_only(caught.value)).lower()
    assert "trading.key" in shown
    assert not [part for part in parts_of(SECRET)[:50] if part in shown]
    assert repr(bytes.fromhex(SECRET))[2:18] not in shown


@pytest.mark.parametrize("source", [EnvVarKey(var_name="0x" + SECRET), FileKey(path="/nowhere/" + SECRET)])
def test_a_key_in_the_place_of_its_name_does_not_show(source: EnvVarKey | FileKey) -> None:
    with pytest.raises(MissingKey, match="name not shown") as caught:
        load_key(source, Network.TESTNET)
    assert not [part for part in parts_of(SECRET) if part in str(caught.value)]


def test_a_mismatching_key_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)
    config = parse_config(SIMULATED.format(mode="trading", address=TEST_ADDRESS), "t.toml")
    with pytest.raises(AddressMismatch) as caught:
        open_keys(config)
    shown = everything_a_crash_could_print(ours_only(caught.value)).lower()
    assert address_of_secret().lower() in shown
    assert not [part for part in parts_of(SECRET) if part in shown]


def test_a_crash_with_a_good_key_in_its_frames_does_not_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)

    def crash() -> None:
        key, _ = load_key(SOURCE, Network.TESTNET)
        manager = KeyManager(key)
        holders: dict[str, Any] = {"key": key, "manager": manager, "inside": [key._private]}
        raise RuntimeError(f"boom with {len(holders)} holders: {holders}")

    with pytest.raises(RuntimeError) as caught:
        crash()
    shown = everything_a_crash_could_print(ours_only(caught.value)).lower()
    assert address_of_secret().lower() in shown
    assert not [part for part in parts_of(SECRET) if part in shown]


def test_neither_repr_nor_log_nor_pickle_shows_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)
    key, _ = load_key(SOURCE, Network.TESTNET)
    keys = KeyManager(key)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("%s %r %s %r", keys, keys, key, key)
    assert keys.address in caplog.text
    assert not [part for part in parts_of(SECRET) if part in caplog.text.lower()]
    for holder in (key, keys):
        with pytest.raises(TypeError):
            pickle.dumps(holder)
    assert TEST_KEY not in repr(KeyManager(load_key(SimulatorKey(), Network.SIMULATOR)[0]))
