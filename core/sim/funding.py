"""Funding: on every full hour each position pays or receives its notional at the oracle price times the rate.

One rate for all markets, the one that their contexts show. Easy to get wrong: with a positive rate longs pay, and an isolated position pays
out of its own margin.

PROTOCOL 6.6, 8.4, 12.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING

from core.sim import wire_account
from core.sim.accounts import ZERO, Account, DexBalance, Position
from core.sim.events import FundingPayment

if TYPE_CHECKING:
    from core.sim.venue import Venue

HOUR_MS = 3_600_000
RATE = Decimal("0.0000125")
"""Per hour."""
_PLACES = Decimal("0.000001")
_KEPT = 2_000


def pay(venue: Venue, now_ms: int) -> None:
    """Book this hour's funding of every position."""
    for account in venue.accounts.values():
        if not any(balance.positions for balance in account.dexes.values()):
            continue
        account.remember(now_ms)
        for balance in account.dexes.values():
            for position in balance.positions.values():
                _pay_one(venue, account, balance, position, now_ms)
        venue.changed_users[account.user] = None


def _pay_one(venue: Venue, account: Account, balance: DexBalance, position: Position, now_ms: int) -> None:
    coin = position.coin
    received = (-position.szi * venue.markets[coin].oracle_px * RATE).quantize(_PLACES)
    if position.is_cross:
        balance.raw_usd += received
    else:
        position.raw_usd += received
    position.funding_since_open += received
    position.funding_since_change += received
    account.funding_all_time[coin] = account.funding_all_time.get(coin, ZERO) + received
    tx, _ = venue.trade_id()
    payment = FundingPayment(now_ms, coin, received, position.szi, RATE, tx)
    venue.fundings.setdefault(account.user, deque(maxlen=_KEPT)).append(payment)
    shape = wire_account.funding(payment)
    venue.outbox.note(account.user, "user", {"funding": shape})
    venue.outbox.note(account.user, "userFundings", {"user": account.user, "fundings": [shape]})
