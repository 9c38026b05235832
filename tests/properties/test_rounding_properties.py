"""Prices and sizes against the venue's own rule, written a second time with fractions and whole numbers only.

A price is valid when it is whole, or has at most 5 significant figures and at most 6 - szDecimals decimals. The model looks for the
nearest valid price by trying every number of decimals; it knows nothing of ticks.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from property_budget import examples

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

FIGURES = 5
DECIMALS = 6
WIRE = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?")

many = examples(80)
lots = st.integers(0, DECIMALS)
anywhere = st.builds(lambda digits, power: Decimal(digits).scaleb(power), st.integers(1, 10**18), st.integers(-20, 4))
near_a_decade = st.builds(
    lambda power, step, fine: Decimal(1).scaleb(power) + Decimal(step).scaleb(power - fine),
    st.integers(-7, 8),
    st.integers(-99, 99),
    st.integers(3, 12),
)
prices = (anywhere | near_a_decade).filter(lambda px: Decimal("1e-12") < px < Decimal("1e15"))


# --- the model ------------------------------------------------------------------------------------------------------------


def significant_figures(value: Fraction) -> int:
    """Of a number with finitely many decimals."""
    while value.denominator != 1:
        value *= 10
    return len(str(value.numerator).rstrip("0"))


def is_on_the_venues_grid(value: Fraction, sz_decimals: int) -> bool:
    if value.denominator == 1:
        return True
    fits = (value * 10 ** (DECIMALS - sz_decimals)).denominator == 1
    return fits and significant_figures(value) <= FIGURES


def nearest(px: Fraction, is_buy: bool, sz_decimals: int) -> Fraction:
    """The cheapest valid price at or above a buy's, the dearest at or below a sell's."""
    whole = math.ceil if is_buy else math.floor
    tries = [Fraction(whole(px * 10**d), 10**d) for d in range(DECIMALS - sz_decimals + 1)]
    valid = [t for t in tries if is_on_the_venues_grid(t, sz_decimals)]
    return min(valid) if is_buy else max(valid)


# --- prices ---------------------------------------------------------------------------------------------------------------


@many
@given(prices, st.booleans(), lots)
@example(Decimal("99999.5"), True, 0)
@example(Decimal("9.99995"), True, 0)
@example(Decimal("100000.5"), False, 0)
@example(Decimal("123456.7"), True, 5)
def test_a_price_is_the_models_price(px: Decimal, is_buy: bool, sz_decimals: int) -> None:
    expected = nearest(Fraction(px), is_buy, sz_decimals)
    if expected == 0:
        with pytest.raises(ValueError, match="rounds to zero"):
            round_price(px, is_buy, sz_decimals)
        return
    assert Fraction(round_price(px, is_buy, sz_decimals)) == expected
    assert Fraction(format_price(px, is_buy, sz_decimals)) == expected


@many
@given(prices, st.booleans(), lots)
def test_a_rounded_price_is_on_the_grid_and_stays_where_it_is(px: Decimal, is_buy: bool, sz_decimals: int) -> None:
    assume(nearest(Fraction(px), is_buy, sz_decimals) > 0)
    rounded = round_price(px, is_buy, sz_decimals)
    assert is_on_the_venues_grid(Fraction(rounded), sz_decimals)
    assert is_valid_price(rounded, sz_decimals)
    for again in (True, False):
        assert round_price(rounded, again, sz_decimals) == rounded


@many
@given(prices, lots)
def test_buys_go_up_sells_go_down_and_never_a_whole_tick_or_more(px: Decimal, sz_decimals: int) -> None:
    assume(nearest(Fraction(px), False, sz_decimals) > 0)
    up, down = round_price(px, True, sz_decimals), round_price(px, False, sz_decimals)
    tick = tick_size(px, sz_decimals)
    assert down <= px <= up
    assert up - px < tick
    assert px - down < tick
    assert (up == down) == is_valid_price(px, sz_decimals)


@many
@given(prices, prices, st.booleans(), lots)
def test_a_higher_price_never_rounds_below_a_lower_one(a: Decimal, b: Decimal, is_buy: bool, sz_decimals: int) -> None:
    low, high = sorted((a, b))
    assume(nearest(Fraction(low), is_buy, sz_decimals) > 0)
    assert round_price(low, is_buy, sz_decimals) <= round_price(high, is_buy, sz_decimals)


@many
@given(prices, lots)
def test_valid_means_valid_by_the_venues_rule(px: Decimal, sz_decimals: int) -> None:
    assert is_valid_price(px, sz_decimals) == is_on_the_venues_grid(Fraction(px), sz_decimals)


@given(st.integers(1, 10**15), lots)
def test_a_whole_price_is_always_fine(px: int, sz_decimals: int) -> None:
    assert is_valid_price(Decimal(px), sz_decimals)


# --- sizes ----------------------------------------------------------------------------------------------------------------

sizes = st.just(Decimal(0)) | prices


@many
@given(sizes, lots)
def test_a_size_is_cut_down_to_lots_and_never_grows(size: Decimal, sz_decimals: int) -> None:
    rounded = round_size(size, sz_decimals)
    assert Fraction(rounded) == Fraction(math.floor(Fraction(size) * 10**sz_decimals), 10**sz_decimals)
    assert rounded <= size
    assert round_size(rounded, sz_decimals) == rounded
    assert is_valid_size(rounded, sz_decimals) == (rounded > 0)
    assert is_valid_size(size, sz_decimals) == (0 < size == rounded)
    assert Fraction(format_size(size, sz_decimals)) == Fraction(rounded)


@given(st.decimals(allow_nan=True, allow_infinity=True, max_value=0) | st.just(Decimal("NaN")), st.booleans(), lots)
def test_what_is_no_price_is_refused(px: Decimal, is_buy: bool, sz_decimals: int) -> None:
    assert not is_valid_price(px, sz_decimals)
    with pytest.raises(ValueError, match="expected a positive number"):
        round_price(px, is_buy, sz_decimals)


# --- text -----------------------------------------------------------------------------------------------------------------


@many
@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e20"), max_value=Decimal("1e20")) | prices
)
@example(Decimal("-0.00"))
@example(Decimal("1E+5"))
@example(Decimal("100.0"))
def test_wire_text_has_no_exponent_no_trailing_zero_and_is_the_same_number(value: Decimal) -> None:
    text = wire_text(value)
    assert WIRE.fullmatch(text)
    assert text != "-0"
    assert Decimal(text) == value
    assert wire_text(Decimal(text)) == text


@many
@given(prices, st.booleans(), lots, st.integers(0, 12))
def test_equal_numbers_have_one_text_however_they_were_written(
    px: Decimal, is_buy: bool, sz_decimals: int, zeros: int
) -> None:
    assume(nearest(Fraction(px), is_buy, sz_decimals) > 0)
    padded = Decimal(format(px, "f") + ("" if "." in format(px, "f") else ".") + "0" * zeros)
    assert format_price(padded, is_buy, sz_decimals) == format_price(px, is_buy, sz_decimals)
    assert WIRE.fullmatch(format_price(px, is_buy, sz_decimals))
