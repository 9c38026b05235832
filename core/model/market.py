"""Which market: its name, the id the exchange gave it, and what its rules are.

Decides how an asset id follows from two positions in the exchange's own lists. Never guesses an id: both positions are read from
the exchange at start-up, because they differ between networks and an id that is off by one is a valid order on another market.

Plan 2.1 (hip3-core); the venue's asset-id page.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from msgspec import Struct

MAIN_DEX = ""
"""The main dex has the empty name everywhere on the wire."""

_HIP3_BASE = 100_000
_HIP3_STRIDE = 10_000


class MarketKey(Struct, frozen=True, order=True):
    """A market by name: ``xyz:SNDK`` on a builder dex, ``BTC`` on the main dex. Case matters."""

    dex: str
    coin: str

    @classmethod
    def parse(cls, name: str) -> MarketKey:
        """Read a wire name.

        Raises:
            ValueError: The name is empty or has an empty half.
        """
        dex, colon, coin = name.partition(":")
        if not colon:
            dex, coin = MAIN_DEX, dex
        if not coin or (colon and not dex) or ":" in coin:
            raise ValueError(f"market name {name!r}: expected COIN or dex:COIN")
        return cls(dex, coin)

    @property
    def name(self) -> str:
        """The name as the wire has it."""
        return f"{self.dex}:{self.coin}" if self.dex else self.coin

    def __str__(self) -> str:
        return self.name


class MarginMode(Enum):
    """Which margin a market accepts. ``CROSS`` is the absence of the field on the wire."""

    CROSS = "cross"
    NO_CROSS = "noCross"
    STRICT_ISOLATED = "strictIsolated"


class MarketSpec(Struct, frozen=True):
    """What the exchange says a market is. A change of any field while running stops trading (SPEC 7, parameter change)."""

    market: MarketKey
    asset_id: int
    index: int
    sz_decimals: int
    max_leverage: int
    margin_mode: MarginMode = MarginMode.CROSS
    growth_mode: bool = False
    fee_scale: Decimal = Decimal(1)
    """What the base fee is multiplied by on this market: 1 on the main dex, see `hip3_fee_scale` elsewhere."""
    is_delisted: bool = False


def asset_id(dex_index: int, index: int) -> int:
    """The integer used in actions.

    Args:
        dex_index: Position of the dex in ``perpDexs``; 0 is the main dex.
        index: Position of the market in ``meta(dex).universe``.
    """
    assert dex_index >= 0
    assert index >= 0
    return index if dex_index == 0 else _HIP3_BASE + dex_index * _HIP3_STRIDE + index


def hip3_fee_scale(deployer_fee_scale: Decimal, growth_mode: bool) -> Decimal:
    """The factor on the base fee of a builder-dex market, the deployer's share included. Source: the venue's fee page."""
    scale = deployer_fee_scale + 1 if deployer_fee_scale < 1 else deployer_fee_scale * 2
    return scale / 10 if growth_mode else scale
