"""How the venue writes what is listed: dexes, universes, their caps.

Easy to get wrong: keys that mean "no" are absent (isDelisted, growthMode, marginMode), and the list of dexes begins with null.

PROTOCOL 2.3, 3.3, 8.5.
"""

from __future__ import annotations

from core.model.market import MarginMode
from core.sim.margin_tiers import MarginTable, table_of
from core.sim.universe import Dex, Listing, Universe
from core.sim.wire import Json, number, usd


def universe_entry(m: Listing) -> Json:
    spec = m.spec
    shape: Json = {
        "szDecimals": spec.sz_decimals,
        "name": m.coin,
        "maxLeverage": spec.max_leverage,
        "marginTableId": table_of(m).id,
    }
    if spec.margin_mode is not MarginMode.CROSS:
        shape["onlyIsolated"] = True
        shape["marginMode"] = spec.margin_mode.value
    if spec.growth_mode:
        shape["growthMode"] = "enabled"
        shape["lastGrowthModeChangeTime"] = "2025-11-23T17:37:10.033211662"
    if m.deployer_fee_scale is not None:
        shape["deployerFeeScale"] = number(m.deployer_fee_scale)
    if spec.is_delisted:
        shape["isDelisted"] = True
    return shape


def _margin_table(table: MarginTable) -> Json:
    tiers = [{"lowerBound": usd(t.from_usd), "maxLeverage": t.max_leverage} for t in table.tiers]
    return {"description": table.description, "marginTiers": tiers}


def meta(dex: Dex) -> Json:
    tables = {table.id: table for table in map(table_of, dex.listings)}
    return {
        "universe": [universe_entry(m) for m in dex.listings],
        "marginTables": [[number_of, _margin_table(tables[number_of])] for number_of in sorted(tables)],
        "collateralToken": 0,
    }


def perp_dexs(universe: Universe) -> list[Json | None]:
    shapes: list[Json | None] = [None]
    for dex in universe.dexes[1:]:
        shapes.append(
            {
                "name": dex.name,
                "fullName": dex.full_name,
                "deployer": dex.deployer,
                "oracleUpdater": None,
                "feeRecipient": dex.deployer,
                "assetToStreamingOiCap": [[m.coin, "100000000.0"] for m in dex.listings],
                "subDeployers": [["setOracle", [dex.deployer]]],
                "deployerFeeScale": number(dex.deployer_fee_scale),
                "lastDeployerFeeScaleChangeTime": "1970-01-01T00:00:00",
                "assetToFundingMultiplier": [[m.coin, "0.5"] for m in dex.listings],
                "assetToFundingInterestRate": [],
                "assetToFundingClamp": [],
            }
        )
    return shapes


def perp_dex_limits(dex: Dex) -> Json:
    """Caps on open interest, the same for every market: higher than anybody gets here."""
    cap = "100000000.0"
    return {
        "totalOiCap": "1000000000.0",
        "oiSzCapPerPerp": "10000000000.0",
        "maxTransferNtl": "1000000000.0",
        "coinToOiCap": [[m.coin, cap] for m in dex.listings],
    }


def max_market_order_usd(universe: Universe) -> list[list[int | str]]:
    """The most that a market order may be worth, by top leverage."""
    return [[_most_usd(m.spec.max_leverage), m.coin] for dex in universe.dexes for m in dex.listings]


def _most_usd(max_leverage: int) -> int:
    steps = ((25, 30_000_000), (20, 5_000_000), (10, 2_000_000))
    return next((usd for leverage, usd in steps if max_leverage >= leverage), 500_000)
