"""Ids, names and shapes of what is listed; an id that is off by one is a valid order on another market."""

from __future__ import annotations

import pytest

from core.sim.universe import real_universe


@pytest.mark.parametrize(
    ("coin", "asset", "sz_decimals"),
    [
        ("BTC", 0, 5),
        ("ETH", 1, 4),
        ("SOL", 5, 2),
        ("AAVE", 28, 2),
        ("xyz:XYZ100", 110000, 4),
        ("xyz:TSLA", 110001, 3),
        ("xyz:NVDA", 110002, 3),
        ("xyz:HOOD", 110004, 3),
        ("xyz:SNDK", 110016, 3),
        ("xyz:BABA", 110028, 3),
    ],
)
def test_ids(coin, asset, sz_decimals):
    listing = real_universe().by_asset[asset]
    assert (listing.coin, listing.spec.sz_decimals) == (coin, sz_decimals)


def test_perp_dexs_begin_with_null(desk):
    dexs = desk.info("perpDexs")
    assert dexs[0] is None
    assert (dexs[1]["name"], dexs[1]["deployerFeeScale"]) == ("xyz", "1.0")


def test_meta(desk):
    universe = desk.info("meta", dex="xyz")["universe"]
    assert universe[16]["name"] == "xyz:SNDK"
    assert universe[16]["growthMode"] == "enabled"
    assert "marginMode" not in universe[16]
    assert universe[5]["marginMode"] == "noCross"
    assert universe[5]["onlyIsolated"] is True
    assert desk.info("meta")["universe"][3]["isDelisted"] is True
    assert [m["universe"][0]["name"] for m in desk.info("allPerpMetas")] == ["BTC", "xyz:XYZ100", "test:ABC"]


def test_contexts_are_joined_by_index(desk):
    meta, ctxs = desk.info("metaAndAssetCtxs", dex="xyz")
    assert len(meta["universe"]) == len(ctxs)
    assert ctxs[16]["oraclePx"] == "1700.0"
    assert ctxs[16]["midPx"] == "1698.5"
    assert ctxs[32]["midPx"] is None
