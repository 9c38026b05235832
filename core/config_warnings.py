"""What a config that is allowed may still have wrong: remarks for whoever wrote it, and what is still to be filled in.

Nothing here refuses a config that trades on the simulator. Easy to get wrong: a warning that is always there is read by nobody, so each of
these goes away when its cause does.

SPEC 9; lessons L01, L16.
"""

from __future__ import annotations

from decimal import Decimal

from core.config import Config, Network

PLACEHOLDER = "0x" + "0" * 40
"""Stands in a shipped config where the operator's address belongs."""

LEAST_ORDER_USD = Decimal(10)
"""The exchange takes no smaller order, but for the rest of a position. PROTOCOL 3.2."""


def unfinished(config: Config) -> str:
    """What must be filled in before anything can start; empty when nothing must."""
    if config.account is not None and config.account.address == PLACEHOLDER:
        return "account.address: still the placeholder; put the address of the account to trade there (not the agent's)"
    return ""


def warnings(config: Config) -> tuple[str, ...]:
    """Each starts with the key it is about."""
    said: list[str] = []
    c, safety, x = config, config.safety, config.execution
    is_real = c.rules is not Network.SIMULATOR
    if c.network is not Network.SIMULATOR and not (c.ws_url.startswith("wss://") and c.info_url.startswith("https://")):
        said.append("ws_url, info_url: not encrypted; the exchange is reached by wss:// and https://")
    if c.rules is Network.MAINNET:
        said += [
            f"markets: {m.coin} has no asset_idx; pinned, a start on the wrong market is refused"
            for m in c.markets
            if m.asset_idx is None
        ]
        if safety.allowed_markets is None:
            said.append("safety.allowed_markets: missing; every market of [[markets]] is traded")
        if safety.max_total_trades is None:
            said.append("safety.max_total_trades: missing; the run has no end of its own (the plan's micro run: 100)")
        if not safety.checkpoints:
            said.append("safety.checkpoints: none; the run never pauses for a decision (the plan's: 10, 50, 100)")
    if is_real and c.mode == "trading" and c.signer is not None:
        if c.signer.address is None:
            said.append("signer.address: missing; with it, a key that derives another address is refused")
        elif c.account is not None and c.signer.address.lower() == c.account.address.lower():
            said.append(
                "signer.address: is the account's own; an agent key can trade but not withdraw, and can be taken back"
            )
    if safety.auto_stop_loss_usd > 20:
        said.append(f"safety.auto_stop_loss_usd: {safety.auto_stop_loss_usd:f}, above the plan's 20")
    if x.time_stop_ms > 30_000:
        said.append(f"execution.time_stop_ms: {x.time_stop_ms}, above the plan's 30000")
    if min(x.max_notional_per_market, safety.max_notional_usd) < LEAST_ORDER_USD:
        said.append("execution.max_notional_per_market, safety.max_notional_usd: below $10, which no order can be")
    if x.max_notional_total < min(x.max_notional_per_market, safety.max_notional_usd):
        said.append("execution.max_notional_total: below the limit of one market, which can then never be reached")
    if x.reduce_only_timeout_ms < x.time_stop_ms:
        said.append("execution.reduce_only_timeout_ms: below time_stop_ms; the alarm comes with the stop itself")
    last = safety.checkpoints[-1] if safety.checkpoints else 0
    if safety.max_total_trades is not None and last > safety.max_total_trades:
        said.append(f"safety.checkpoints: {last} is never reached, max_total_trades is {safety.max_total_trades}")
    if c.max_daily_trades > (safety.max_total_trades or c.max_daily_trades):
        said.append(f"safety.max_daily_trades: {c.max_daily_trades} is above max_total_trades, which comes first")
    return tuple(said)
