"""Every way in which a config can be wrong, and that the message names file, key, value and what is allowed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.config import Config, ConfigError, FileKey, Network, SimulatorKey, network_of, parse_config

HEAD = """
ws_url = "ws://127.0.0.1:0/ws"
info_url = "http://127.0.0.1:0/info"
mode = "observation"
"""
BTC = '[[markets]]\ncoin = "BTC"\n'
GOOD = HEAD + BTC
ADDRESS = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
MAINNET = f"""
ws_url = "wss://api.hyperliquid.xyz/ws"
info_url = "https://api.hyperliquid.xyz/info"
mode = "trading"
{BTC}
[signer]
key_source = {{ type = "file", path = "trading.key" }}
[account]
address = "{ADDRESS}"
[safety]
mainnet = true
"""
REHEARSAL = f'[sim]\nnetwork = "mainnet"\n[safety]\nmainnet = true\n[account]\naddress = "{ADDRESS}"\n'
TESTNET = MAINNET.replace("hyperliquid.xyz", "hyperliquid-testnet.xyz").replace("mainnet = true", "")


def read(text: str) -> Config:
    return parse_config(text, "my.toml")


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None, "one line, no chain of causes"
    return str(caught.value)


# --- what is taken ------------------------------------------------------------------------------------------------------


def test_defaults_are_the_plans() -> None:
    config = read(GOOD)
    execution, safety, risk = config.execution, config.safety, config.risk
    assert (execution.size_alpha, execution.max_notional_per_market, execution.max_notional_total) == (
        Decimal("0.05"),
        50,
        100,
    )
    assert (execution.time_stop_ms, execution.reduce_only_timeout_ms, execution.post_timeout_ms) == (
        30_000,
        60_000,
        5_000,
    )
    assert (execution.inflight_limit, execution.inflight_high_watermark) == (100, 80)
    assert (execution.cancel_queue_cap, execution.reduce_only_queue_cap, execution.new_order_queue_cap) == (
        200,
        500,
        1000,
    )
    assert (execution.batch_max_orders, execution.batch_max_cancels, execution.tick_interval_ms) == (50, 50, 100)
    assert (execution.flatten_slippage_bps, execution.flatten_slippage_max_bps, execution.dispatch) == (
        100,
        200,
        "eager",
    )
    assert (config.max_loss_usd, safety.max_notional_usd, config.max_daily_trades) == (20, 100, 50)
    assert (risk.max_consecutive_losses, risk.max_flatten_failures, risk.max_rejected_per_hour) == (5, 3, 10)
    assert (risk.clock_drift_warn_ms, risk.clock_drift_refuse_ms) == (2_000, 5_000)
    assert (risk.max_slippage_bps, risk.max_slippage_in_a_row) == (50, 3)
    assert (risk.bbo_stale_ms, risk.ctx_stale_ms) == (2_000, 8_000)


def test_money_is_decimal_from_the_file_on() -> None:
    config = read(GOOD + "threshold_bps = 12.1\n[execution]\nsize_alpha = 0.1\nmax_notional_total = 33\n")
    assert config.markets[0].threshold_bps == Decimal("12.1")
    assert config.execution.size_alpha == Decimal("0.1")
    assert isinstance(config.execution.max_notional_total, Decimal)


def test_a_mainnet_config() -> None:
    config = read(MAINNET)
    assert config.network is Network.MAINNET
    assert config.is_mainnet_signature
    assert config.signer is not None
    assert config.signer.key_source == FileKey(path="trading.key")


def test_a_testnet_config() -> None:
    config = read(TESTNET)
    assert config.network is Network.TESTNET
    assert not config.is_mainnet_signature
    assert not config.runs_own_simulator


def test_our_own_simulator_and_its_letter() -> None:
    config = read(GOOD + '[signer]\nkey_source = { type = "simulator" }\n' + REHEARSAL)
    assert config.network is Network.SIMULATOR
    assert config.rules is Network.MAINNET
    assert config.max_daily_trades == 100
    assert config.runs_own_simulator
    assert config.is_mainnet_signature
    assert config.signer is not None
    assert config.signer.key_source == SimulatorKey()
    assert not read(GOOD).is_mainnet_signature
    assert not read(GOOD.replace(":0/", ":4001/")).runs_own_simulator
    assert read(GOOD).rules is Network.SIMULATOR


def test_testnets_rules_on_our_own_simulator() -> None:
    config = read(GOOD + f'[safety]\ntestnet_only = true\n[account]\naddress = "{ADDRESS}"\n')
    assert (config.network, config.rules, config.max_daily_trades) == (Network.SIMULATOR, Network.TESTNET, 50)
    assert not config.is_mainnet_signature
    assert refusal(GOOD + "[safety]\ntestnet_only = true\n").startswith("my.toml: account.address: missing")


def test_what_the_day_may_see_is_the_files_own_word_if_it_says_one() -> None:
    assert read(MAINNET).max_daily_trades == 100
    assert read(MAINNET + "max_daily_trades = 7\n").max_daily_trades == 7


def test_dexes_in_order_of_mention() -> None:
    more = "".join(f'[[markets]]\ncoin = "{coin}"\n' for coin in ("xyz:SNDK", "io:SNDK", "ETH", "xyz:NVDA"))
    assert read(GOOD + more).dexes == ("", "xyz", "io")


# --- shapes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["x = [", "mode = ", GOOD + "[execution\n", GOOD + "asset_idx = 1\nasset_idx = 2\n"])
def test_not_toml(text: str) -> None:
    assert refusal(text).startswith("my.toml: not valid TOML: ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('colour = "red"\n' + GOOD, "colour: unknown key (found 'red'); allowed here: ws_url, info_url, mode, markets"),
        (
            GOOD + "[execution]\nsise_alpha = 0.1\n",
            "execution.sise_alpha: unknown key (found 0.1); did you mean 'size_alpha'?",
        ),
        (
            GOOD + "asset_ix = 3\n",
            "markets[0].asset_ix: unknown key (found 3); did you mean 'asset_idx'? allowed here: coin",
        ),
        (GOOD + "[safty]\nmainnet = true\n", "safty: unknown key (found a table); did you mean 'safety'?"),
        (
            GOOD + '[signer]\nkey_source = { type = "file", path = "k", mode = 1 }\n',
            "signer.key_source.mode: unknown key (found 1); allowed here: type, path",
        ),
    ],
)
def test_unknown_key(text: str, says: str) -> None:
    assert refusal(text).startswith("my.toml: " + says)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD, "markets: missing; expected a list of at least 1"),
        (GOOD.replace("mode =", "#"), "mode: missing; expected one of 'observation', 'trading'"),
        (GOOD.replace("ws_url =", "#"), "ws_url: missing; expected text"),
        (GOOD.replace("coin =", "#"), "markets[0].coin: missing; expected text"),
        (GOOD + "[account]\n", "account.address: missing; expected an address"),
        (
            GOOD + "[signer]\n",
            "signer.key_source: missing; expected a table with type = 'env_var' or 'file' or 'simulator'",
        ),
        (
            GOOD + "[signer]\nkey_source = {}\n",
            "signer.key_source.type: missing; expected one of 'env_var', 'file', 'simulator'",
        ),
        (GOOD + '[signer]\nkey_source = { type = "env_var" }\n', "signer.key_source.var_name: missing; expected text"),
    ],
)
def test_missing_key(text: str, says: str) -> None:
    assert refusal(text).startswith("my.toml: " + says)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace('"observation"', "1"), "mode: expected one of 'observation', 'trading' (found 1)"),
        (HEAD + 'markets = ["BTC"]\n', "markets[0]: expected a table (found 'BTC')"),
        (HEAD + '[markets]\ncoin = "BTC"\n', "markets: expected a list of at least 1: each a table (found a table)"),
        (
            GOOD + '[execution]\ninflight_limit = "5"\n',
            "execution.inflight_limit: expected an integer from 1 to 100 (found '5')",
        ),
        (
            GOOD + "[execution]\ninflight_limit = 5.5\n",
            "execution.inflight_limit: expected an integer from 1 to 100 (found 5.5)",
        ),
        (GOOD + "[execution]\nsize_alpha = true\n", "execution.size_alpha: expected a number (found true)"),
        (GOOD + '[execution]\nsize_alpha = "much"\n', "execution.size_alpha: expected a number (found 'much')"),
        (GOOD + "[execution]\nsize_alpha = [1]\n", "execution.size_alpha: expected a number (found a list)"),
        (GOOD + "[safety]\nmainnet = 1\n", "safety.mainnet: expected true or false (found 1)"),
        (
            GOOD + '[safety]\nallowed_markets = "BTC"\n',
            "safety.allowed_markets: expected a list: each text in quotes (found 'BTC')",
        ),
        (GOOD + "[safety]\nallowed_markets = [1]\n", "safety.allowed_markets[0]: expected text in quotes (found 1)"),
        (
            GOOD + "[account]\naddress = 5\n",
            "account.address: expected an address in quotes: 0x and 40 hex digits (found 5)",
        ),
        (GOOD + '[signer]\nkey_source = "env"\n', "signer.key_source: expected a table with type = 'env_var' or"),
        ("execution = 5\n" + GOOD, "execution: expected a table (found 5)"),
    ],
)
def test_wrong_type(text: str, says: str) -> None:
    assert refusal(text).startswith("my.toml: " + says)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("observation", "auto"), "mode: expected one of 'observation', 'trading' (found 'auto')"),
        (
            GOOD + '[execution]\ndispatch = "fast"\n',
            "execution.dispatch: expected one of 'eager', 'tick' (found 'fast')",
        ),
        (
            GOOD + "[safety]\ncheckpoints = [50, 10]\n",
            "safety.checkpoints: expected numbers of trades that rise (found [50, 10])",
        ),
        (GOOD + '[sim]\nnetwork = "main"\n', "sim.network: expected one of 'testnet', 'mainnet' (found 'main')"),
        (
            GOOD + '[signer]\nkey_source = { type = "vault" }\n',
            "signer.key_source.type: expected one of 'env_var', 'file'",
        ),
        (GOOD + "[execution]\nsize_alpha = 7\n", "execution.size_alpha: expected a number from 0.0001 to 1 (found 7)"),
        (
            GOOD + "[execution]\nsize_alpha = nan\n",
            "execution.size_alpha: expected a number from 0.0001 to 1 (found NaN)",
        ),
        (
            GOOD + "[execution]\nflatten_slippage_max_bps = 201\n",
            "execution.flatten_slippage_max_bps: expected a number from 1 to 200",
        ),
        (
            GOOD + "[execution]\ninflight_limit = 101\n",
            "execution.inflight_limit: expected an integer from 1 to 100 (found 101)",
        ),
        (
            GOOD + "[execution]\ntime_stop_ms = 0\n",
            "execution.time_stop_ms: expected an integer from 1 to 86400000 (found 0)",
        ),
        (GOOD + "[sim]\nseed = -1\n", "sim.seed: expected an integer of at least 0 (found -1)"),
        (GOOD + "threshold_bps = -1\n", "markets[0].threshold_bps: expected a number from 0 to 10000 (found -1)"),
        (GOOD + "asset_idx = -1\n", "markets[0].asset_idx: expected an integer of at least 0 (found -1)"),
        (HEAD + "markets = []\n", "markets: expected a list of at least 1"),
        (
            GOOD.replace('"BTC"', '""'),
            "markets[0].coin: expected text in quotes of at most 32 characters, not empty (found '')",
        ),
        (GOOD + f'[sim]\naccounts = ["{ADDRESS}", "0x1"]\n', "sim.accounts[1]: expected an address in quotes"),
    ],
)
def test_out_of_range(text: str, says: str) -> None:
    assert refusal(text).startswith("my.toml: " + says)


# --- settings that contradict each other ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        (
            GOOD.replace("ws://", "http://"),
            "ws_url",
            "'http://127.0.0.1:0/ws': expected a URL starting with ws:// or wss://",
        ),
        (GOOD.replace("http://", "ws://"), "info_url", "expected a URL starting with http:// or https://"),
        (
            GOOD.replace("ws://127.0.0.1", "ws://example.com"),
            "ws_url",
            "'example.com': allowed are api.hyperliquid.xyz",
        ),
        (GOOD.replace("ws://127.0.0.1:0", "ws://127.0.0.1:many"), "ws_url", "many"),
        (
            TESTNET.replace("wss://api.hyperliquid-testnet", "wss://api.hyperliquid"),
            "ws_url",
            "is mainnet, but info_url is testnet",
        ),
        (MAINNET.replace("mainnet = true", ""), "safety.mainnet", "but ws_url is mainnet: mainnet's rules need"),
        (
            GOOD + REHEARSAL.replace("mainnet = true", ""),
            "safety.mainnet",
            'missing or false, but sim.network = "mainnet": mainnet\'s rules need safety.mainnet = true',
        ),
        (
            GOOD + REHEARSAL.replace("mainnet = true", "mainnet = true\ntestnet_only = true"),
            "safety.testnet_only",
            'true, but sim.network = "mainnet"',
        ),
        (GOOD + REHEARSAL.replace(f'[account]\naddress = "{ADDRESS}"\n', ""), "account.address", "missing"),
        (MAINNET + "testnet_only = true\n", "safety.testnet_only", "true, but ws_url is mainnet"),
        (TESTNET + "mainnet = true\n", "safety.mainnet", "true, but ws_url is testnet"),
        (GOOD + "[safety]\nmainnet = true\n", "safety.mainnet", "true, but ws_url is simulator"),
        (GOOD.replace("observation", "trading"), "signer", 'missing: mode = "trading" needs a [signer]'),
        (
            TESTNET.replace('type = "file", path = "trading.key"', 'type = "simulator"'),
            "signer.key_source",
            "refused on testnet",
        ),
        (TESTNET.replace("[account]", "").replace(f'address = "{ADDRESS}"', ""), "account.address", "missing"),
        (GOOD.replace('"BTC"', '"xyz:"'), "markets[0].coin", "'xyz:': expected COIN or dex:COIN"),
        (GOOD + BTC, "markets[1].coin", "'BTC' is listed twice"),
        (
            GOOD + '[safety]\nallowed_markets = ["ETH"]\n',
            "safety.allowed_markets",
            "'ETH' is not among [[markets]]: BTC",
        ),
        (
            GOOD + "[execution]\ninflight_limit = 50\n",
            "execution.inflight_high_watermark",
            "80 is above inflight_limit 50",
        ),
        (
            GOOD + "[execution]\nflatten_slippage_bps = 150\nflatten_slippage_max_bps = 120\n",
            "execution.flatten_slippage_bps",
            "150 is above flatten_slippage_max_bps 120",
        ),
        (
            GOOD + "[risk]\nclock_drift_warn_ms = 6000\n",
            "risk.clock_drift_warn_ms",
            "6000 is above clock_drift_refuse_ms 5000",
        ),
        (GOOD + "[risk]\nspread_shrink_factor = 7\n", "risk.spread_shrink_factor", "7 is above spread_block_factor 6"),
        (GOOD + "[sim]\nlatency_min_ms = 500\n", "sim.latency_min_ms", "500 is above latency_max_ms 400"),
    ],
)
def test_contradiction(text: str, key: str, says: str) -> None:
    message = refusal(text)
    assert message.startswith(f"my.toml: {key}: ")
    assert says in message


# --- a key in the wrong place ---------------------------------------------------------------------------------------------

SECRET = "5ecae7" + "9d" * 28 + "01"


@pytest.mark.parametrize(
    "signer",
    [
        f'key_source = "0x{SECRET}"',
        f'private_key = "{SECRET}"\nkey_source = {{ type = "simulator" }}',
        f'key_source = {{ type = "{SECRET}" }}',
        f'key_source = {{ type = "simulator" }}\naddress = "0x{SECRET}"',
        f'key_source = {{ type = "simulator" }}\naddress = "0x{SECRET[:50]}"',
    ],
)
def test_a_secret_in_the_wrong_place_is_not_quoted(signer: str) -> None:
    message = refusal(GOOD + "[signer]\n" + signer)
    assert "not shown" in message
    assert SECRET[:8] not in message


# --- networks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "network"),
    [
        ("wss://api.hyperliquid.xyz/ws", Network.MAINNET),
        ("https://api.hyperliquid-testnet.xyz/info", Network.TESTNET),
        ("ws://localhost:3001/ws", Network.SIMULATOR),
        ("ws://[::1]:3001/ws", Network.SIMULATOR),
    ],
)
def test_network_of_a_url(url: str, network: Network) -> None:
    assert network_of(url) is network


@pytest.mark.parametrize(
    "url", ["wss://api.hyperliquid.xyz.evil.com/ws", "wss://evil.com/api.hyperliquid.xyz", "nonsense", ""]
)
def test_any_other_host_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="allowed are"):
        network_of(url)
