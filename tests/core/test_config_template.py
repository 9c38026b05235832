"""New configs for real networks: as the plan has them, and rehearsals that differ in URLs and letter alone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.config import Config, EnvVarKey, FileKey, Network, parse_config
from core.config_template import MARKETS, SNDK_ID, Answers, plan_answers, template
from core.config_warnings import PLACEHOLDER, unfinished
from core.sim.exchange import Exchange

CONFIGS = Path(__file__).parents[2] / "config"
ACCOUNT, AGENT = "0x" + "ab" * 20, "0x" + "cd" * 20


def made(rules: Network, **changes: object) -> Config:
    return parse_config(template(replace(plan_answers(rules), **changes)), "new.toml")


@pytest.mark.parametrize(("rules", "file"), [(Network.MAINNET, "mainnet_micro"), (Network.TESTNET, "testnet")])
def test_the_shipped_file_is_the_template(rules: Network, file: str) -> None:
    assert (CONFIGS / f"{file}.toml").read_text(encoding="utf-8") == template(plan_answers(rules))


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda p: p.name)
def test_every_shipped_config_loads(path: Path) -> None:
    from core.runtime.config_file import load_config

    config = load_config(path)
    assert bool(unfinished(config)) is (config.network is not Network.SIMULATOR)


def test_mainnet_as_the_plan_has_it() -> None:
    config = made(Network.MAINNET)
    assert (config.ws_url, config.info_url) == ("wss://api.hyperliquid.xyz/ws", "https://api.hyperliquid.xyz/info")
    assert (config.mode, config.rules, config.safety.mainnet) == ("trading", Network.MAINNET, True)
    (market,) = config.markets
    assert (market.coin, market.asset_idx) == ("xyz:SNDK", 110016)
    assert config.signer is not None
    assert config.signer.key_source == EnvVarKey("HIP3_MAINNET_PRIVATE_KEY")
    safety = config.safety
    assert (safety.max_notional_usd, safety.auto_stop_loss_usd) == (50, 20)
    assert (config.max_daily_trades, safety.max_total_trades, safety.checkpoints) == (100, 100, (10, 50, 100))
    assert safety.allowed_markets == ("xyz:SNDK",)
    assert config.execution.max_notional_per_market == Decimal(50)


def test_testnet_as_the_plan_has_it() -> None:
    config = made(Network.TESTNET)
    assert config.ws_url == "wss://api.hyperliquid-testnet.xyz/ws"
    assert config.safety.testnet_only
    assert (config.safety.max_notional_usd, config.max_daily_trades, config.safety.auto_stop_loss_usd) == (100, 50, 20)
    assert config.safety.allowed_markets == ("BTC", "ETH", "SOL")
    assert config.signer is not None
    assert config.signer.key_source == EnvVarKey("HIP3_TESTNET_PRIVATE_KEY")


def test_the_pinned_id_is_the_one_that_the_exchange_gives() -> None:
    """16th of the first builder dex; the simulated universe has the order of the real one."""
    from core.hyperliquid.assets import read_universe

    exchange = Exchange(seed=1, markets=("xyz:SNDK",), balance_usd=Decimal(1), start_ms=1_705_054_000_000)
    dexes = exchange.info({"type": "perpDexs"}, 1_705_054_000_000)
    meta = exchange.info({"type": "meta", "dex": "xyz"}, 1_705_054_000_000)
    ids = {spec.market.name: spec.asset_id for spec in read_universe(dexes, meta, "xyz")}
    assert ids["xyz:SNDK"] == SNDK_ID == dict(MARKETS[Network.MAINNET])["xyz:SNDK"]


@pytest.mark.parametrize("rules", [Network.MAINNET, Network.TESTNET])
def test_a_rehearsal_differs_in_urls_and_letter_alone(rules: Network) -> None:
    real, rehearsal = made(rules, account=ACCOUNT), made(rules, account=ACCOUNT, rehearse_on=8123)
    assert rehearsal.network is Network.SIMULATOR
    assert rehearsal.rules is real.rules
    assert rehearsal.is_mainnet_signature is real.is_mainnet_signature
    same = replace(rehearsal, ws_url=real.ws_url, info_url=real.info_url, sim=real.sim)
    assert same == real


def test_what_was_answered_is_in_it() -> None:
    answers = Answers(
        rules=Network.MAINNET,
        account=ACCOUNT,
        markets=(("xyz:NVDA", None), ("xyz:SNDK", SNDK_ID)),
        key_file="my/key.hex",
        signer=AGENT,
    )
    config = parse_config(template(answers), "new.toml")
    assert config.account is not None
    assert config.account.address == ACCOUNT
    assert config.signer is not None
    assert (config.signer.key_source, config.signer.address) == (FileKey("my/key.hex"), AGENT)
    assert [(m.coin, m.asset_idx) for m in config.markets] == [("xyz:NVDA", None), ("xyz:SNDK", SNDK_ID)]
    assert config.safety.allowed_markets == ("xyz:NVDA", "xyz:SNDK")
    assert not unfinished(config)
    assert PLACEHOLDER not in template(answers)
