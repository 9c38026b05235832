"""The market's own levels: on tick and lot, the same looked at or not, and right across a power of ten."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.rounding import is_valid_price, is_valid_size, round_price
from core.sim.quotes import Grid, Side

SHAPE = [1.0] * 20


@given(
    px=st.decimals("0.01", "250000", places=9).map(float),
    sz_decimals=st.integers(0, 4),
    up=st.booleans(),
)
def test_the_grid_rounds_as_the_model_does(px, sz_decimals, up):
    exact = Decimal(px)
    expected = round_price(exact, up, sz_decimals) if up or px >= 1 else None
    found = Grid(sz_decimals).price(px, up) if expected is not None else None
    if expected is not None:
        assert is_valid_price(found, sz_decimals)
        # One float multiplication lies between: at most a tick's width apart, and only where the price was on the tick already.
        assert found == expected or abs(found - exact) < Decimal("1e-9") * exact


def test_a_grid_follows_the_price_across_decades_and_back():
    grid = Grid(3)
    assert [grid.price(px, False) for px in (99.9996, 100.019, 999.999, 1000.09, 99.9996)] == [
        Decimal("99.999"),
        Decimal("100.01"),
        Decimal("999.99"),
        Decimal("1000.0"),
        Decimal("99.999"),
    ]


def test_a_size_is_never_less_than_a_lot():
    assert Grid(3).size(0.00001) == Decimal("0.001")
    assert Grid(3).size(1.23456) == Decimal("1.234")


@pytest.mark.parametrize("touch", ["99.998", "999.95", "9.9995", "99999", "1.2345"])
@pytest.mark.parametrize("is_bid", [True, False])
def test_levels_stay_on_tick_across_a_power_of_ten(touch, is_bid):
    side = Side(Grid(2), is_bid, SHAPE)
    side.resize(0.3)
    side.move(Decimal(touch))
    levels = side.levels
    assert len(levels) == 20
    assert all(is_valid_price(q.px, 2) and is_valid_size(q.sz, 2) for q in levels)
    assert all((b.px < a.px) if is_bid else (b.px > a.px) for a, b in pairwise(levels))


def test_looking_changes_nothing():
    seen, unseen = Side(Grid(3), True, SHAPE), Side(Grid(3), True, SHAPE)
    for i in range(5):
        for side in (seen, unseen):
            side.resize(0.1 * i)
            side.move(1698.0 + i)
        assert seen.touch == seen.levels[0]
    assert seen.levels == unseen.levels


def test_a_touch_size_set_by_hand_is_shown_as_it_is():
    side = Side(Grid(3), False, SHAPE)
    side.resize(0.0, Decimal("0.5"))
    side.move(Decimal(1699))
    assert side.touch == (Decimal(1699), Decimal("0.5"))
    assert side.levels[0] == side.touch
