"""What info says of vaults: one in detail, all in short, and whose equity is where.

Changes nothing. Easy to get wrong: a vault that nobody knows is null, not an error, and the leader stands among the followers as "Leader".

Shapes from the exchange's public documentation; PROTOCOL 8.5 (userRole).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.model.market import MAIN_DEX
from core.sim import money, vaults, wire
from core.sim.accounts import ZERO
from core.sim.info_request import user_of
from core.sim.vault import Vault
from core.sim.venue import Venue
from core.sim.wire import Json

_DAY_MS = 86_400_000


def _follower(venue: Venue, vault: Vault, user: str, now_ms: int) -> Json:
    equity = vaults.equity(venue, vault, user)
    earned = wire.usd(equity - vault.paid_in[user])
    return {
        "user": "Leader" if user == vault.leader else user,
        "vaultEquity": wire.usd(equity),
        "pnl": earned,
        "allTimePnl": earned,
        "daysFollowing": (now_ms - vault.since[user]) // _DAY_MS,
        "vaultEntryTime": vault.since[user],
        "lockupUntil": vault.locked_until.get(user, vault.since[user]),
    }


def details(venue: Venue, vault: Vault, user: str | None, portfolio: list[Any], now_ms: int) -> Json:
    """
    Args:
        user: Who asks, if they say so.
    """
    account = venue.accounts[vault.address]
    shares = vault.all_shares
    withdrawable = float(money.withdrawable(venue, account, MAIN_DEX))
    own = None
    if user is not None and user in vault.shares:
        own = {**_follower(venue, vault, user, now_ms), "user": user}
    return {
        "name": vault.name,
        "vaultAddress": vault.address,
        "leader": vault.leader,
        "description": vault.description,
        "portfolio": portfolio,
        "apr": 0.0,
        "followerState": own,
        "leaderFraction": float(vault.shares.get(vault.leader, ZERO) / shares) if shares else 0.0,
        "leaderCommission": 0.0,
        "followers": [_follower(venue, vault, holder, now_ms) for holder in vault.shares],
        "maxDistributable": withdrawable,
        "maxWithdrawable": withdrawable,
        "isClosed": vault.is_closed,
        "relationship": {"type": "normal"},
        "allowDeposits": vault.allows_deposits,
        "alwaysCloseOnWithdraw": vault.closes_on_withdrawal,
    }


def equities(venue: Venue, user: str) -> list[Json]:
    return [
        {
            "vaultAddress": vault.address,
            "equity": wire.usd(vaults.equity(venue, vault, user)),
            "lockedUntilTimestamp": vault.locked_until.get(user, vault.since[user]),
        }
        for vault in venue.vaults.values()
        if user in vault.shares
    ]


def total_equity(venue: Venue, user: str) -> str:
    return wire.usd(sum((vaults.equity(venue, vault, user) for vault in venue.vaults.values()), ZERO))


def led_by(venue: Venue, user: str) -> list[Json]:
    return [{"address": v.address, "name": v.name} for v in venue.vaults.values() if v.leader == user]


def _summaries(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    return [
        {
            "name": vault.name,
            "vaultAddress": vault.address,
            "leader": vault.leader,
            "tvl": wire.usd(vaults.worth(venue, vault)),
            "isClosed": vault.is_closed,
            "relationship": {"type": "normal"},
            "createTimeMillis": vault.created_ms,
        }
        for vault in venue.vaults.values()
    ]


VAULT_ANSWERS: dict[str, Callable[[Venue, Json, int], Any]] = {
    "userVaultEquities": lambda v, r, t: equities(v, user_of(r)),
    "leadingVaults": lambda v, r, t: led_by(v, user_of(r)),
    "vaultSummaries": _summaries,
}
"""Request type -> who answers it; vaultDetails, which holds a portfolio, is with those (core.sim.info_beside)."""
