"""Which markets the simulated exchange lists, in the order that makes their ids.

The index of a row is the market's id on its dex, so a row is never moved or removed: a dead market keeps its slot as delisted.
Ids, names and szDecimals of the markets traded are the real ones; the prices are starting points of a made-up walk.

Easy to get wrong: `perpDexs` begins with null (the main dex), so the first builder dex has index 1 and offset 110000.

PROTOCOL 2.1 to 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from core.model.market import MAIN_DEX, MarginMode, MarketKey, MarketSpec, asset_id, hip3_fee_scale


class Listing(Struct, frozen=True):
    """One listed market."""

    spec: MarketSpec
    start_px: Decimal
    deployer_fee_scale: Decimal | None = None
    """Its own, where it differs from its dex's."""

    @property
    def coin(self) -> str:
        return self.spec.market.name

    @property
    def dex(self) -> str:
        return self.spec.market.dex

    @property
    def asset(self) -> int:
        return self.spec.asset_id


class Dex(Struct, frozen=True):
    """One exchange within the exchange, with a clearinghouse of its own."""

    name: str
    index: int
    full_name: str
    deployer: str | None
    deployer_fee_scale: Decimal
    listings: tuple[Listing, ...]


class Universe:
    """All dexes and their markets, and the ways to find one. Changes only by `change` and `shift_dexs`."""

    def __init__(self, dexes: tuple[Dex, ...]) -> None:
        assert dexes
        assert dexes[0].name == MAIN_DEX
        self.dexes = dexes
        self.by_dex = {dex.name: dex for dex in dexes}
        self.by_coin = {m.coin: m for dex in dexes for m in dex.listings}
        self.by_asset = {m.asset: m for dex in dexes for m in dex.listings}

    def perp_dex_index(self, name: str) -> int:
        return self.by_dex[name].index

    def change(self, coin: str, changes: Mapping[str, Any]) -> list[Listing]:
        """Change the rules of one market: fields of its spec, or its deployer_fee_scale.

        A new index is taken over from the market that has it, which gets the old one. An index that nobody has changes nothing.

        Returns:
            The markets that changed, as they are now.
        """
        old = self.by_coin[coin]
        dex = self.by_dex[old.dex]
        fields = dict(changes)
        index = fields.pop("index", old.spec.index)
        others = [m for m in dex.listings if m.spec.index == index and m is not old]
        if not others:
            index = old.spec.index
        own_scale = fields.pop("deployer_fee_scale", old.deployer_fee_scale)
        spec = replace(old.spec, index=index, asset_id=asset_id(dex.index, index), **fields)
        if dex.deployer is not None:
            scale = dex.deployer_fee_scale if own_scale is None else own_scale
            spec = replace(spec, fee_scale=hip3_fee_scale(scale, spec.growth_mode))
        new = [Listing(spec, old.start_px, own_scale)]
        new += [replace(m, spec=replace(m.spec, index=old.spec.index, asset_id=old.asset)) for m in others]
        by_coin = {m.coin: m for m in (*dex.listings, *new)}
        listings = tuple(sorted(by_coin.values(), key=lambda m: m.spec.index))
        self.by_dex[dex.name] = replace(dex, listings=listings)
        self.dexes = tuple(self.by_dex.values())
        for listing in new:
            self.by_coin[listing.coin] = self.by_asset[listing.asset] = listing
        return new

    def shift_dexs(self) -> list[Listing]:
        """The last builder dex becomes the first: every builder's markets get other asset ids.

        Returns:
            The markets that changed, as they are now.
        """
        main, *builders = self.dexes
        new = [
            replace(
                dex,
                index=i,
                listings=tuple(
                    replace(m, spec=replace(m.spec, asset_id=asset_id(i, m.spec.index))) for m in dex.listings
                ),
            )
            for i, dex in enumerate((*builders[-1:], *builders[:-1]), 1)
        ]
        self.dexes = (main, *new)
        self.by_dex = {dex.name: dex for dex in self.dexes}
        self.by_coin = {m.coin: m for dex in self.dexes for m in dex.listings}
        self.by_asset = {m.asset: m for dex in self.dexes for m in dex.listings}
        return [m for dex in new for m in dex.listings]


_SPECIAL = {"delisted", "growth", "noCross", "strictIsolated"}

# name, szDecimals, top leverage, starting price, and what is special
_MAIN = """
BTC 5 40 95000
ETH 4 25 3200
ATOM 2 5 3.1
MATIC 1 20 0.38 delisted
DYDX 1 5 0.31
SOL 2 20 180
AVAX 2 10 18.2
BNB 3 10 910
APE 1 5 0.28
OP 1 5 0.42
LTC 2 10 92
ARB 1 10 0.31
DOGE 0 10 0.17
INJ 1 10 7.4
SUI 1 10 2.1
kPEPE 0 10 0.0061
CRV 1 10 0.49
LDO 1 5 0.83
LINK 1 10 15.6
STX 1 5 0.42
RNDR 1 20 7.1 delisted
CFX 0 5 0.092
FTM 0 10 0.7 delisted
GMX 2 3 10.4
SNX 1 3 0.71
XRP 0 20 2.3
BCH 3 10 520
APT 2 10 3.3
AAVE 2 10 190
"""

_XYZ = """
XYZ100 4 25 25100 growth
TSLA 3 10 455 growth
NVDA 3 10 185 growth
GOLD 4 20 4150 growth
HOOD 3 10 130 growth
INTC 2 10 36 growth noCross
PLTR 3 10 172 growth
COIN 3 10 262 growth
META 3 10 610 growth
AAPL 3 10 270 growth
MSFT 3 10 480 growth
ORCL 3 10 205 growth
GOOGL 3 10 298 growth
AMZN 3 10 222 growth
AMD 3 10 212 growth
MU 3 10 232 growth
SNDK 3 10 1698 growth
MSTR 3 10 185 growth
CRCL 3 10 72 growth
NFLX 3 10 108 growth noCross
COST 3 5 905 growth noCross
LLY 3 5 1040 growth noCross
SKHX 3 10 395 growth
TSM 3 10 282 growth
JPY 2 50 156
EUR 1 50 1.16
SILVER 2 20 50.6 growth
RIVN 2 5 15.4 growth strictIsolated
BABA 3 10 158 growth
CL 3 20 58.4 growth
COPPER 2 20 4.98 growth
NATGAS 2 10 4.6 growth noCross
URANIUM 3 10 54 delisted
"""


_TEST = """
ABC 2 10 10
"""


def real_universe() -> Universe:
    """The main dex up to index 28, the builder dex xyz up to index 32, and the dex test of the SDK's own examples.

    A stranger's configuration that names test:ABC works here as on the real test network, where it is the first dex; here xyz is, as on
    mainnet.
    """
    main = Dex(MAIN_DEX, 0, "Hyperliquid", None, Decimal(1), _listings(_MAIN, MAIN_DEX, 0, None))
    xyz_scale = Decimal("1.0")
    xyz = Dex(
        "xyz", 1, "XYZ", "0x88806a71d74ad0a510b350545c9ae490912f0888", xyz_scale, _listings(_XYZ, "xyz", 1, xyz_scale)
    )
    test_scale = Decimal("1.0")
    test = Dex(
        "test",
        2,
        "test dex",
        "0x5e89b26d8d66da9888c835c9bfcc2aa51813e152",
        test_scale,
        _listings(_TEST, "test", 2, test_scale),
    )
    return Universe((main, xyz, test))


def _listings(table: str, dex: str, dex_index: int, deployer_scale: Decimal | None) -> tuple[Listing, ...]:
    found = []
    for index, row in enumerate(table.split("\n")[1:-1]):
        name, sz_decimals, leverage, px, *special = row.split(" ")
        assert set(special) <= _SPECIAL, row
        growth = "growth" in special
        mode = next((m for m in MarginMode if m.value in special), MarginMode.CROSS)
        spec = MarketSpec(
            market=MarketKey(dex, name),
            asset_id=asset_id(dex_index, index),
            index=index,
            sz_decimals=int(sz_decimals),
            max_leverage=int(leverage),
            margin_mode=mode,
            growth_mode=growth,
            fee_scale=Decimal(1) if deployer_scale is None else hip3_fee_scale(deployer_scale, growth),
            is_delisted="delisted" in special,
        )
        found.append(Listing(spec, Decimal(px)))
    return tuple(found)
