"""What a start says first, in the plan's words, in the log and without a screen on stdout.

Plan 3.5, 3.6 (runbook: the lines to look for).
"""

from __future__ import annotations

from collections.abc import Iterator

from core.config import Config


def start_lines(config: Config, source: str, signer: str, account: str) -> Iterator[str]:
    """The plan's start-up lines (3.5, 3.6)."""
    safety = config.safety
    allowed = safety.allowed_markets if safety.allowed_markets is not None else tuple(m.coin for m in config.markets)
    yield f"Config loaded: {source}"
    rehearsed = "" if config.rules is config.network else f", under {config.rules.value}'s rules"
    yield f"Network: {config.network.value.upper()} ({config.ws_url}){rehearsed}"
    yield f"Mode: {config.mode}"
    yield f"Signer address: {signer or 'none'}"
    yield f"Account: {account}"
    yield "Allowed markets: [" + ", ".join(f'"{name}"' for name in allowed) + "]"
    guard = "mainnet=true" if safety.mainnet else f"testnet_only={str(safety.testnet_only).lower()}"
    yield (
        f"Safety guards: {guard}, max_notional={safety.max_notional_usd:f} USD, max_daily_trades={config.max_daily_trades}, "
        f"auto_stop_loss={safety.auto_stop_loss_usd:f} USD"
    )
