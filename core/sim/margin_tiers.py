"""Margin tiers: the larger a position, the less leverage it may have, and the more margin keeps it alive.

Decides no order's fate; says what a tier allows. Easy to get wrong: the maintenance margin does not jump where a tier begins: each tier's
rate counts for the part above its lower bound alone, which is the same as the rate of the tier reached less a constant. A market without a
table of its own has one tier, its id is the leverage, and nothing here changes anything for it.

The bounds are those of the exchange's public table for its largest markets; that maintenance is half of the initial margin at top leverage
is PROTOCOL 2.3, 8.1.

PROTOCOL 2.3 (marginTables), 10.1 (perpMaxPositionRejected).
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from core.sim.universe import Listing

ZERO = Decimal(0)


class Tier(NamedTuple):
    """From this notional on, at most this leverage."""

    from_usd: Decimal
    max_leverage: int


class MarginTable(Struct, frozen=True):
    """The tiers of some markets, the smallest first."""

    id: int
    description: str
    tiers: tuple[Tier, ...]

    def at(self, notional: Decimal) -> Tier:
        """The tier of a position of this size."""
        return next(t for t in reversed(self.tiers) if notional >= t.from_usd)

    def maintenance(self, notional: Decimal) -> Decimal:
        """The margin below which it is liquidated."""
        if len(self.tiers) == 1:
            return notional / (2 * self.tiers[0].max_leverage)
        needed = ZERO
        for tier, until_usd in zip(self.tiers, (*(t.from_usd for t in self.tiers[1:]), None), strict=True):
            top = notional if until_usd is None else min(notional, until_usd)
            needed += max(ZERO, top - tier.from_usd) / (2 * tier.max_leverage)
        return needed


def _tiered(number: int, *tiers: tuple[int, int]) -> MarginTable:
    return MarginTable(
        number, f"tiered {tiers[0][1]}x", tuple(Tier(Decimal(from_usd), leverage) for from_usd, leverage in tiers)
    )


_TABLES = {
    "BTC": _tiered(56, (0, 40), (150_000_000, 20)),
    "ETH": _tiered(55, (0, 25), (100_000_000, 15)),
    "SOL": _tiered(54, (0, 20), (70_000_000, 10)),
    "XRP": _tiered(53, (0, 20), (40_000_000, 10)),
    "DOGE": _tiered(52, (0, 10), (20_000_000, 5)),
}
_single: dict[int, MarginTable] = {}


def table_of(listing: Listing) -> MarginTable:
    """The table of a market. One whose top leverage was changed has a single tier from then on."""
    top = listing.spec.max_leverage
    own = _TABLES.get(listing.coin)
    if own is not None and own.tiers[0].max_leverage == top:
        return own
    found = _single.get(top)
    if found is None:
        found = _single[top] = MarginTable(top, "", (Tier(ZERO, top),))
    return found
