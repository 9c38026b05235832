"""The parts, each by hand; and that they add up, whatever the trade."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from analysis_facts import SIGNAL, TRADE, edge
from msgspec.structs import astuple, replace

from core.analysis.slippage import slippage_parts
from core.model.order import OrderSide

SOLD = replace(SIGNAL, side=OrderSide.SELL, touch_px=D(1004), mid_px=D("1004.5"), price=D(1003))


def close(value: D | None) -> float:
    assert value is not None
    return float(value)


def test_a_long_trade_taken_apart() -> None:
    """Limit 997 for a touch of 996 with 10 bps beyond it: 996.996, rounded up by 0.004. Touch at the fill 998, filled at 1000, out at 1002."""
    parts = slippage_parts(TRADE, SIGNAL, edge(), D(10))
    assert close(parts.allowance) == pytest.approx(-9.96)
    assert close(parts.rounding) == pytest.approx(-0.04)
    assert close(parts.latency) == pytest.approx(20)
    assert close(parts.impact) == pytest.approx(20)
    assert close(parts.exit) == pytest.approx(-20)
    assert parts.fees == -2
    assert close(parts.rest) == pytest.approx(0)
    assert sum(p for p in astuple(parts) if p is not None) == SIGNAL.expected_edge_bps - TRADE.actual_edge_bps


def test_a_short_trade_is_the_mirror_image() -> None:
    sold = replace(TRADE, side=OrderSide.SELL, entry_price=D(1000), exit_price=D(998))
    at_fill = replace(edge(), bid_px=D(1002))
    parts = slippage_parts(sold, SOLD, at_fill, D(10))
    assert close(parts.allowance) == pytest.approx(-10.04)
    assert close(parts.rounding) == pytest.approx(0.04)
    assert (close(parts.latency), close(parts.impact), close(parts.exit)) == pytest.approx((20, 20, -20))


def test_a_limit_at_the_bare_touch_has_no_allowance() -> None:
    parts = slippage_parts(TRADE, replace(SIGNAL, price=D(996)), edge(), D(10))
    assert (parts.allowance, parts.rounding) == (0, 0)


@pytest.mark.parametrize("at_fill", [None, edge(ask=None)])
def test_without_the_touch_at_the_fill_latency_and_impact_are_not_told_apart(at_fill) -> None:
    parts = slippage_parts(TRADE, SIGNAL, at_fill, D(10))
    assert (parts.latency, parts.impact) == (None, None)
    assert close(parts.rest) == pytest.approx(40)


def test_without_the_setting_the_allowance_is_in_the_rest() -> None:
    parts = slippage_parts(TRADE, SIGNAL, edge(), None)
    assert (parts.allowance, parts.rounding) == (None, None)
    assert close(parts.rest) == pytest.approx(-10)


@pytest.mark.parametrize("at_fill", [None, edge(), edge(ask=D(991))])
@pytest.mark.parametrize("allowed", [None, D(0), D(25)])
@pytest.mark.parametrize("out", [D(900), D("1003.7")])
def test_the_parts_add_up(at_fill, allowed, out) -> None:
    trade = replace(TRADE, exit_price=out, actual_edge_bps=(out - 1000) / 1000 * 10_000)
    parts = slippage_parts(trade, SIGNAL, at_fill, allowed)
    assert sum(p for p in astuple(parts) if p is not None) == SIGNAL.expected_edge_bps - trade.actual_edge_bps
