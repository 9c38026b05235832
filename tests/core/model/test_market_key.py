"""Market names, asset ids and the fee scale of builder dexes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.model.market import MarketKey, asset_id, hip3_fee_scale


@pytest.mark.parametrize(
    ("name", "dex", "coin"), [("BTC", "", "BTC"), ("xyz:SNDK", "xyz", "SNDK"), ("kPEPE", "", "kPEPE")]
)
def test_name_round_trip(name: str, dex: str, coin: str) -> None:
    market = MarketKey.parse(name)
    assert (market.dex, market.coin) == (dex, coin)
    assert market.name == str(market) == name


@pytest.mark.parametrize("name", ["", ":", "xyz:", ":SNDK", "xyz:SNDK:1", "xyz::SNDK"])
def test_name_with_an_empty_half_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected COIN or dex:COIN"):
        MarketKey.parse(name)


def test_case_matters_and_dexes_are_kept_apart() -> None:
    assert MarketKey.parse("xyz:SNDK") != MarketKey.parse("xyz:sndk")
    assert MarketKey.parse("xyz:SNDK") != MarketKey.parse("io:SNDK")
    assert MarketKey.parse("xyz:SNDK") != MarketKey.parse("SNDK")


@pytest.mark.parametrize(
    ("dex_index", "index", "expected"),
    [
        (0, 0, 0),
        (0, 28, 28),
        (1, 0, 110_000),
        (1, 16, 110_016),
        (1, 28, 110_028),
        (2, 0, 120_000),
        (10, 9_999, 209_999),
    ],
)
def test_asset_id(dex_index: int, index: int, expected: int) -> None:
    assert asset_id(dex_index, index) == expected


@pytest.mark.parametrize(("dex_index", "index"), [(-1, 0), (0, -1)])
def test_negative_position_is_our_mistake(dex_index: int, index: int) -> None:
    with pytest.raises(AssertionError):
        asset_id(dex_index, index)


@pytest.mark.parametrize(
    ("scale", "growth", "expected"),
    [
        ("1.0", False, "2"),
        ("1.0", True, "0.2"),
        ("0.0", False, "1"),
        ("0.5", False, "1.5"),
        ("0.5", True, "0.15"),
        ("3", False, "6"),
    ],
)
def test_fee_scale_of_a_builder_dex(scale: str, growth: bool, expected: str) -> None:
    assert hip3_fee_scale(Decimal(scale), growth) == Decimal(expected)


def test_published_fee_of_a_growth_market() -> None:
    """Taker 0.045 % at the base becomes 0.090 %, and 0.009 % in growth mode."""
    base = Decimal("0.00045")
    assert base * hip3_fee_scale(Decimal(1), False) == Decimal("0.0009")
    assert base * hip3_fee_scale(Decimal(1), True) == Decimal("0.00009")
