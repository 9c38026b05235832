"""What is known of one vault beside its account: who leads it, who has which share of it. Holds; core.sim.vaults decides.

Easy to get wrong: a share is no amount of money; what it is worth follows from what the account is worth.

PROTOCOL 5.2.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

ZERO = Decimal(0)


class Vault(Struct, eq=False):
    """What is known of one beside its account."""

    address: str
    leader: str
    name: str
    description: str
    created_ms: int
    shares: dict[str, Decimal]
    paid_in: dict[str, Decimal]
    """Of each who has shares: what was paid in, less what was taken out."""
    since: dict[str, int]
    locked_until: dict[str, int]
    allows_deposits: bool = True
    closes_on_withdrawal: bool = False
    is_closed: bool = False

    @property
    def all_shares(self) -> Decimal:
        return sum(self.shares.values(), ZERO)
