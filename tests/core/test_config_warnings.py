"""Remarks on a config that can be used: each is there with its cause and gone without it."""

from __future__ import annotations

import pytest

from core.config import Config, Network, parse_config
from core.config_template import plan_answers, template
from core.config_warnings import unfinished, warnings

MAINNET = (
    template(plan_answers(Network.MAINNET))
    .replace("# address = ", "address = ")
    .replace(
        'address = "0x0000000000000000000000000000000000000000"\n\n[signer]', f'address = "0x{"ab" * 20}"\n\n[signer]'
    )
)


def read(text: str) -> Config:
    return parse_config(text, "my.toml")


def test_the_plans_own_config_gives_no_cause() -> None:
    assert warnings(read(MAINNET)) == ()
    assert unfinished(read(MAINNET)) == ""


def test_a_placeholder_is_no_account() -> None:
    assert unfinished(read(template(plan_answers(Network.TESTNET)))).startswith(
        "account.address: still the placeholder"
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("wss://", "ws://", "ws_url, info_url: not encrypted"),
        ("asset_idx =", "# asset_idx =", "markets: xyz:SNDK has no asset_idx"),
        ("allowed_markets =", "# allowed_markets =", "safety.allowed_markets: missing"),
        ("max_total_trades =", "# max_total_trades =", "safety.max_total_trades: missing"),
        ("checkpoints =", "# checkpoints =", "safety.checkpoints: none"),
        (f'address = "0x{"0" * 40}"', "", "signer.address: missing"),
        (f'address = "0x{"0" * 40}"', f'address = "0x{"AB" * 20}"', "signer.address: is the account's own"),
        ("auto_stop_loss_usd = 20", "auto_stop_loss_usd = 25", "safety.auto_stop_loss_usd: 25, above the plan's 20"),
        ("[execution]", "[execution]\ntime_stop_ms = 40000", "execution.time_stop_ms: 40000, above the plan's"),
        (
            "max_notional_usd = 50",
            "max_notional_usd = 9",
            "execution.max_notional_per_market, safety.max_notional_usd: below",
        ),
        ("max_notional_total = 50", "max_notional_total = 20", "execution.max_notional_total: below the limit of one"),
        ("[execution]", "[execution]\nreduce_only_timeout_ms = 20000", "execution.reduce_only_timeout_ms: below"),
        ("[10, 50, 100]", "[10, 50, 200]", "safety.checkpoints: 200 is never reached"),
        ("max_daily_trades = 100", "max_daily_trades = 300", "safety.max_daily_trades: 300 is above max_total_trades"),
    ],
)
def test_each_cause_has_its_remark(old: str, new: str, says: str) -> None:
    assert old in MAINNET
    assert any(said.startswith(says) for said in warnings(read(MAINNET.replace(old, new))))


def test_on_the_simulator_nobody_is_told_what_real_money_needs() -> None:
    config = """
ws_url = "ws://127.0.0.1:0/ws"
info_url = "http://127.0.0.1:0/info"
mode = "trading"
[[markets]]
coin = "BTC"
[signer]
key_source = { type = "simulator" }
"""
    assert warnings(read(config)) == ()
