"""Asset ids and market rules from the exchange's lists."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from core.hyperliquid.assets import check_pinned, read_universe
from core.model.market import MarginMode, MarketKey

PERP_DEXS: list[Any] = [
    None,
    {"name": "xyz", "fullName": "XYZ", "deployer": "0x88806a71d74ad0a510b350545c9ae490912f0888"},
    {"name": "flx", "deployerFeeScale": "0.5"},
    None,
    {"name": "io"},
]
MAIN = {"universe": [{"szDecimals": 5, "name": "BTC", "maxLeverage": 40, "marginTableId": 56}]}


def entry(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "szDecimals": 3, "maxLeverage": 10, "marginTableId": 10, **fields}


def one(dex: str = "xyz", **fields: Any) -> Any:
    (spec,) = read_universe(PERP_DEXS, {"universe": [entry(f"{dex}:SNDK", **fields)]}, dex)
    return spec


def test_ids_follow_from_the_two_positions() -> None:
    universe = {"universe": [entry(f"xyz:M{i}") for i in range(17)]}
    specs = read_universe(PERP_DEXS, universe, "xyz")
    assert (specs[0].asset_id, specs[16].asset_id, specs[16].index) == (110000, 110016, 16)
    assert one("flx").asset_id == 120000
    assert one("io").asset_id == 140000, "an empty slot keeps the indices behind it"
    assert read_universe(PERP_DEXS, MAIN, "")[0].asset_id == 0


def test_a_main_dex_market() -> None:
    (spec,) = read_universe(PERP_DEXS, MAIN, "")
    assert spec.market == MarketKey("", "BTC")
    assert (spec.sz_decimals, spec.max_leverage, spec.margin_mode) == (5, 40, MarginMode.CROSS)
    assert spec.fee_scale == 1
    assert not spec.is_delisted
    assert not spec.growth_mode


@pytest.mark.parametrize(
    ("fields", "mode"),
    [
        ({}, MarginMode.CROSS),
        ({"onlyIsolated": False}, MarginMode.CROSS),
        ({"onlyIsolated": True}, MarginMode.NO_CROSS),
        ({"onlyIsolated": True, "marginMode": "noCross"}, MarginMode.NO_CROSS),
        ({"onlyIsolated": True, "marginMode": "strictIsolated"}, MarginMode.STRICT_ISOLATED),
    ],
)
def test_margin_mode_and_its_deprecated_twin(fields: dict[str, Any], mode: MarginMode) -> None:
    assert one(**fields).margin_mode is mode


@pytest.mark.parametrize(
    ("dex", "fields", "scale"),
    [
        ("xyz", {}, "2"),
        ("xyz", {"growthMode": "enabled"}, "0.2"),
        ("xyz", {"deployerFeeScale": "0.3"}, "1.3"),
        ("xyz", {"deployerFeeScale": "3.0", "growthMode": "enabled"}, "0.6"),
        ("flx", {}, "1.5"),
        ("flx", {"deployerFeeScale": "0.0"}, "1"),
        ("xyz", {"deployerFeeScale": None, "growthMode": "disabled"}, "2"),
    ],
)
def test_fee_scale_from_the_market_then_the_dex_then_one(dex: str, fields: dict[str, Any], scale: str) -> None:
    spec = one(dex, **fields)
    assert spec.fee_scale == Decimal(scale)
    assert spec.growth_mode == (fields.get("growthMode") == "enabled")


def test_delisted_markets_keep_their_slot() -> None:
    universe = {"universe": [entry("xyz:OLD", isDelisted=True), entry("xyz:NEW")]}
    old, new = read_universe(PERP_DEXS, universe, "xyz")
    assert old.is_delisted
    assert not new.is_delisted
    assert new.asset_id == 110001


@pytest.mark.parametrize(
    ("dexs", "meta", "dex", "says"),
    [
        ({}, MAIN, "", "perpDexs: expected a list"),
        ([], MAIN, "", "perpDexs: expected a list"),
        ([{"name": "xyz"}], MAIN, "", "first element is null"),
        ([None, "xyz"], MAIN, "xyz", r"perpDexs\[1\]: expected an object with a name"),
        (PERP_DEXS, MAIN, "abc", "dex 'abc' does not exist; the exchange has: xyz, flx, io"),
        ([None], MAIN, "abc", "none besides the main dex"),
        (PERP_DEXS, None, "xyz", "meta of dex 'xyz': expected an object with a list 'universe'"),
        (PERP_DEXS, {"universe": {}}, "xyz", "list 'universe'"),
        (PERP_DEXS, {"universe": ["SNDK"]}, "xyz", r"universe\[0\]: expected an object with a name"),
        (PERP_DEXS, {"universe": [entry("io:SNDK")]}, "xyz", r"\(io:SNDK\): the name belongs to dex 'io'"),
        (PERP_DEXS, {"universe": [entry("SNDK")]}, "xyz", "belongs to dex ''"),
        (PERP_DEXS, {"universe": [entry("xyz:A"), entry("xyz:A")]}, "xyz", "xyz:A is listed twice"),
        (PERP_DEXS, {"universe": [entry("xyz:")]}, "xyz", "expected COIN or dex:COIN"),
    ],
)
def test_shape_that_is_not_understood_is_a_clear_error(dexs: Any, meta: Any, dex: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_universe(dexs, meta, dex)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("szDecimals", "3"),
        ("szDecimals", -1),
        ("szDecimals", 7),
        ("szDecimals", None),
        ("maxLeverage", 0),
        ("maxLeverage", True),
        ("marginMode", "portfolio"),
        ("onlyIsolated", "yes"),
        ("growthMode", "on"),
        ("growthMode", True),
        ("isDelisted", 1),
        ("deployerFeeScale", 1.0),
        ("deployerFeeScale", "much"),
        ("deployerFeeScale", "-1"),
        ("deployerFeeScale", "NaN"),
    ],
)
def test_field_that_is_not_understood_is_named(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"universe\[0\] \(xyz:SNDK\): {field}: expected"):
        one(**{field: value})


def test_pinned_id() -> None:
    sndk = MarketKey("xyz", "SNDK")
    universe = {"universe": [entry(f"xyz:M{i}") for i in range(16)] + [entry("xyz:SNDK"), entry("xyz:BABA")]}
    specs = read_universe(PERP_DEXS, universe, "xyz") + read_universe(PERP_DEXS, MAIN, "")
    assert check_pinned(specs, sndk, 110016) is None
    wrong = check_pinned(specs, sndk, 110017)
    assert wrong == (
        "xyz:SNDK is pinned to asset id 110017, but the exchange says xyz:SNDK is 110016; asset id 110017 is xyz:BABA"
    )
    assert "asset id 0 is BTC" in (check_pinned(specs, sndk, 0) or "")
    assert "asset id 28 is no market that was read" in (check_pinned(specs, sndk, 28) or "")
    unlisted = check_pinned(specs, MarketKey("xyz", "NONE"), 110017)
    assert unlisted is not None
    assert "does not list xyz:NONE" in unlisted
    assert "xyz:BABA" in unlisted
