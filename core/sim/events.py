"""What happens to an account besides its orders and fills: funding, and money that moved.

Values only; core.sim.funding, core.sim.money and core.sim.liquidation make them. Easy to get wrong: an amount is signed as the account
sees it, so funding that was paid is negative.

PROTOCOL 6.6, 8.4.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Struct


class FundingPayment(Struct, frozen=True):
    """Funding of one position for one hour."""

    time: int
    coin: str
    usdc: Decimal
    szi: Decimal
    funding_rate: Decimal
    hash: str


class LedgerUpdate(Struct, frozen=True):
    """One movement of money."""

    time: int
    hash: str
    delta: dict[str, Any]
    """As the wire has it; `type` says what kind of movement it is."""
