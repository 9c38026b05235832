"""`hip3-tui config`: what it says of a file, what it shows, what it writes, and what it never writes over."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.config import Network, parse_config
from hip3_tui import cli

ROOT = Path(__file__).parents[2]
ACCOUNT, AGENT = "0x" + "ab" * 20, "0x" + "cd" * 20
KEY = "5ecae7" + "9d" * 28 + "01"
KEY_ADDRESS = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"


@pytest.fixture(autouse=True)
def _no_config_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIP3_CONFIG", raising=False)


def called(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli.main, ("config", *arguments), input=typed)


def made(tmp_path: Path, *more: str) -> Path:
    path = tmp_path / "own.toml"
    options = (
        "--network",
        "mainnet",
        "--account",
        ACCOUNT,
        "--signer",
        "",
        "--key-env",
        "HIP3_TEST_TRADING_KEY",
        *more,
    )
    result = called("init", str(path), *options)
    assert result.exit_code == 0, result.output
    return path


# --- check -----------------------------------------------------------------------------------------------------------------


def test_a_good_config_is_said_to_be_one_and_the_key_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIP3_TEST_TRADING_KEY", KEY)
    path = made(tmp_path)
    result = called("check", "--config", str(path))
    assert result.exit_code == 0, result.output
    assert f"{path}: can be used: trading on mainnet, 1 markets" in result.stdout
    assert "warning: signer.address: missing" in result.stdout
    assert KEY[:12] not in result.output


def test_a_rehearsal_is_called_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIP3_TEST_TRADING_KEY", KEY)
    result = called("check", "--config", str(made(tmp_path, "--rehearse", "8123")))
    assert "trading on simulator, rehearsing mainnet, 1 markets" in result.stdout


def test_a_missing_key_is_an_error_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIP3_TEST_TRADING_KEY", raising=False)
    result = called("check", "--config", str(made(tmp_path)))
    assert result.exit_code == 78
    assert "environment variable HIP3_TEST_TRADING_KEY is not set" in result.stderr


@pytest.mark.parametrize("name", ["mainnet_micro", "testnet"])
def test_a_shipped_config_is_not_ready_before_it_is_filled_in(name: str) -> None:
    result = called("check", "--config", str(ROOT / "config" / f"{name}.toml"))
    assert result.exit_code == 78
    assert "account.address: still the placeholder" in result.stderr


def test_a_key_file_that_everybody_can_read_is_refused_under_mainnets_rules(tmp_path: Path) -> None:
    key = tmp_path / "key.hex"
    key.write_text(KEY)
    key.chmod(0o644)
    path = tmp_path / "own.toml"
    options = (
        "--network",
        "mainnet",
        "--account",
        ACCOUNT,
        "--signer",
        "",
        "--key-file",
        "key.hex",
        "--rehearse",
        "8123",
    )
    assert called("init", str(path), *options).exit_code == 0
    result = called("check", "--config", str(path))
    assert result.exit_code == 78
    assert "can be read by everybody (mode 0644); allowed on mainnet: 0600" in result.stderr
    key.chmod(0o640)
    assert "warning: key file" in called("check", "--config", str(path)).stdout


# --- show ------------------------------------------------------------------------------------------------------------------


def test_show_is_a_config_again(tmp_path: Path) -> None:
    path = ROOT / "config" / "sim.toml"
    shown = called("show", "--config", str(path))
    assert shown.exit_code == 0
    assert parse_config(shown.stdout, "shown") == parse_config(path.read_text(encoding="utf-8"), "sim.toml")
    as_json = json.loads(called("show", "--json", "--config", str(path)).stdout)
    assert as_json["execution"]["time_stop_ms"] == 30_000


# --- init ------------------------------------------------------------------------------------------------------------------


def test_init_asks_for_what_no_option_says(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    answers = ["testnet", "0x12", ACCOUNT, "file", "", AGENT]  # the second is asked again
    result = called("init", str(path), typed="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.output
    config = parse_config(path.read_text(encoding="utf-8"), "new.toml")
    assert config.network is Network.TESTNET
    assert config.account is not None
    assert config.account.address == ACCOUNT
    assert config.signer is not None
    assert config.signer.address == AGENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert f"hip3-tui config check --config {path}" in result.stdout


def test_init_never_writes_over_a_file(tmp_path: Path) -> None:
    path = made(tmp_path)
    before = path.read_text(encoding="utf-8")
    result = called("init", str(path), "--network", "testnet", "--account", AGENT, "--signer", "", "--key-env", "X")
    assert result.exit_code == 78
    assert "is there already, and is left as it is" in result.stderr
    assert path.read_text(encoding="utf-8") == before


@pytest.mark.parametrize("option", ["--key-env", "--key-file", "--signer"])
def test_init_takes_no_key(tmp_path: Path, option: str) -> None:
    path = tmp_path / "new.toml"
    options = {"--key-env": "NAME", "--signer": "", option: KEY}
    result = called(
        "init", str(path), "--network", "mainnet", "--account", ACCOUNT, *(w for o in options.items() for w in o)
    )
    assert result.exit_code == 78
    assert "looks like the key itself" in result.stderr
    assert KEY[:12] not in result.output
    assert not path.exists()


def test_init_with_markets_of_ones_own(tmp_path: Path) -> None:
    path = made(tmp_path, "--market", "xyz:NVDA", "--market", "xyz:SNDK=110016")
    config = parse_config(path.read_text(encoding="utf-8"), "own.toml")
    assert [(m.coin, m.asset_idx) for m in config.markets] == [("xyz:NVDA", None), ("xyz:SNDK", 110016)]
    options = {"--network": "mainnet", "--account": ACCOUNT, "--signer": "", "--key-env": "X", "--market": "xyz:"}
    result = called("init", str(tmp_path / "b.toml"), *(word for option in options.items() for word in option))
    assert result.exit_code == 78
    assert "markets[0].coin: market name 'xyz:': expected COIN or dex:COIN" in result.stderr
