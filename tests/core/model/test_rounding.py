"""Tick, lot and wire text: the exchange's own examples, then properties over all prices."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.model.rounding import (
    format_price,
    format_size,
    is_valid_price,
    is_valid_size,
    round_price,
    round_size,
    tick_size,
    wire_text,
)


@pytest.mark.parametrize(
    ("sz_decimals", "price", "valid"),
    [
        (3, "1698.1", True),
        (3, "1698.12", False),
        (3, "98.123", True),
        (3, "9.1234", False),
        (5, "95000.5", False),
        (5, "123456", True),
        (0, "0.001234", True),
        (0, "0.0012345", False),
        (1, "0.01234", True),
        (1, "0.012345", False),
        (5, "1234567.0", True),
        (5, "100000.5", False),
        (3, "0", False),
        (3, "-5", False),
        (3, "NaN", False),
        (3, "Infinity", False),
    ],
)
def test_valid_prices(sz_decimals: int, price: str, valid: bool) -> None:
    assert is_valid_price(Decimal(price), sz_decimals) is valid


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        ("9.5", "0.001"),
        ("99.999", "0.001"),
        ("100", "0.01"),
        ("999.99", "0.01"),
        ("1000", "0.1"),
        ("9999.9", "0.1"),
        ("10000", "1"),
        ("123456", "1"),
    ],
)
def test_tick_of_sndk_follows_the_decade(price: str, tick: str) -> None:
    assert tick_size(Decimal(price), 3) == Decimal(tick)


@pytest.mark.parametrize(
    ("price", "sz_decimals", "buy", "sell"),
    [
        ("1698.12", 3, "1698.2", "1698.1"),
        ("1698.10", 3, "1698.1", "1698.1"),
        ("99.9991", 3, "100", "99.999"),
        ("9999.91", 3, "10000", "9999.9"),
        ("95000.5", 5, "95001", "95000"),
        ("123456.7", 5, "123457", "123456"),
        ("0.0123456", 0, "0.012346", "0.012345"),
        ("0.000001", 0, "0.000001", "0.000001"),
        ("1E+3", 3, "1000", "1000"),
    ],
)
def test_buys_round_up_and_sells_down(price: str, sz_decimals: int, buy: str, sell: str) -> None:
    assert format_price(Decimal(price), True, sz_decimals) == buy
    assert format_price(Decimal(price), False, sz_decimals) == sell


@pytest.mark.parametrize(
    ("size", "sz_decimals", "text"),
    [
        ("0.0599", 3, "0.059"),
        ("0.05", 3, "0.05"),
        ("0.0009", 3, "0"),
        ("7.9", 0, "7"),
        ("100.000", 3, "100"),
        ("0", 2, "0"),
    ],
)
def test_sizes_round_down(size: str, sz_decimals: int, text: str) -> None:
    assert format_size(Decimal(size), sz_decimals) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("100.0", "100"),
        ("0.1", "0.1"),
        ("1670.1", "1670.1"),
        ("0.00001231", "0.00001231"),
        ("1E-8", "0.00000001"),
        ("1E+5", "100000"),
        ("-0", "0"),
        ("-0.000", "0"),
        ("0.00", "0"),
        ("-1.50", "-1.5"),
    ],
)
def test_wire_text(value: str, text: str) -> None:
    assert wire_text(Decimal(value)) == text


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_what_is_no_number_is_never_written(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        wire_text(Decimal(value))


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_what_is_no_price_is_refused(price: str) -> None:
    with pytest.raises(ValueError, match="expected a positive number"):
        round_price(Decimal(price), True, 3)


def test_a_price_that_rounds_to_zero_is_refused() -> None:
    assert round_price(Decimal("0.0004"), True, 3) == Decimal("0.001")
    with pytest.raises(ValueError, match="rounds to zero with szDecimals 3"):
        round_price(Decimal("0.0004"), False, 3)


@pytest.mark.parametrize("size", ["-0.1", "NaN", "Infinity"])
def test_what_is_no_size_is_refused(size: str) -> None:
    with pytest.raises(ValueError, match="expected a number of zero or more"):
        round_size(Decimal(size), 3)
    assert not is_valid_size(Decimal(size), 3)


def test_a_zero_size_is_a_size_but_may_not_leave() -> None:
    assert round_size(Decimal("0.0001"), 3) == 0
    assert not is_valid_size(Decimal(0), 3)


def test_numbers_longer_than_the_default_context_are_rounded_too() -> None:
    """The default context has 28 digits; more would raise in the middle of an order."""
    assert round_size(Decimal("9" * 40 + ".5"), 3) == Decimal("9" * 40 + ".5")
    assert round_price(Decimal("9" * 40 + ".5"), False, 3) == Decimal("9" * 40)
    just_above = Decimal("1698.1" + "0" * 40 + "1")
    assert round_price(just_above, True, 3) == Decimal("1698.2")
    assert round_price(just_above, False, 3) == Decimal("1698.1")


# --- properties -----------------------------------------------------------------------------------------------------------

prices = st.one_of(
    st.decimals("0.000001", "10000000", allow_nan=False, allow_infinity=False),
    st.builds(lambda digits, exponent: Decimal(digits).scaleb(exponent), st.integers(1, 10**9), st.integers(-9, 3)),
)
lots = st.integers(0, 5)


@given(price=prices, is_buy=st.booleans(), sz_decimals=lots)
def test_a_rounded_price_is_valid_near_and_stays(price: Decimal, is_buy: bool, sz_decimals: int) -> None:
    assume(is_buy or price >= Decimal(1).scaleb(sz_decimals - 6))
    rounded = round_price(price, is_buy, sz_decimals)
    assert is_valid_price(rounded, sz_decimals)
    assert round_price(rounded, is_buy, sz_decimals) == rounded == round_price(rounded, not is_buy, sz_decimals)
    assert (rounded >= price) if is_buy else (rounded <= price)
    assert abs(rounded - price) < tick_size(price, sz_decimals)


@given(price=prices, sz_decimals=lots)
def test_a_rounded_price_obeys_the_rule_as_it_is_written(price: Decimal, sz_decimals: int) -> None:
    """Five figures and 6 - szDecimals decimals, or an integer; counted on the text, not by the code under test."""
    text = format_price(price, True, sz_decimals)
    whole, _, decimals = text.partition(".")
    assert "E" not in text
    assert Decimal(text) == round_price(price, True, sz_decimals)
    if decimals:
        assert not decimals.endswith("0")
        assert len(decimals) <= 6 - sz_decimals
        assert len((whole + decimals).lstrip("0")) <= 5


@given(size=st.decimals("0", "1000000", allow_nan=False, allow_infinity=False), sz_decimals=lots)
def test_a_rounded_size_is_never_more_than_asked(size: Decimal, sz_decimals: int) -> None:
    rounded = round_size(size, sz_decimals)
    assert 0 <= size - rounded < Decimal(1).scaleb(-sz_decimals)
    assert round_size(rounded, sz_decimals) == rounded
    assert len(format_size(size, sz_decimals).partition(".")[2]) <= sz_decimals


@given(value=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
def test_wire_text_says_the_same_number_in_one_way(value: Decimal) -> None:
    text = wire_text(value)
    assert Decimal(text) == value
    assert wire_text(Decimal(text)) == text
    assert "E" not in text
    assert text != "-0"
    assert not (("." in text) and text[-1] in ".0")
