"""Points of the plots."""

from __future__ import annotations

from decimal import Decimal as D

from analysis_facts import NOW, many, order, results, trade

from core.analysis.series import all_series
from core.messages.report import Series


def by_name(trades, orders=()) -> dict[str, Series]:
    return {s.name: s for s in all_series(trades, orders)}


def test_pnl_begins_at_nothing() -> None:
    pnl = by_name(many(3))["pnl"]
    assert pnl.xs == (0, 1, 2, 3)
    assert pnl.ys == (0, 0.08, 0.16, 0.24)


def test_bins_hold_every_trade_and_have_a_round_width() -> None:
    slips = (-3, 0, 1, 2, 8, 14, 15, 40)
    bars = by_name(results(*(trade(n, actual_edge_bps=28 - D(s)) for n, s in enumerate(slips, 1))))["slippage"]
    assert sum(bars.ys) == len(slips)
    widths = {round(b - a, 9) for a, b in zip(bars.xs, bars.xs[1:], strict=False)}
    assert widths == {20.0}
    assert bars.xs == (-10, 10, 30, 50)
    assert bars.ys == (1, 6, 0, 1)


def test_equal_values_are_one_bin() -> None:
    bars = by_name(many(5))["slippage"]
    assert (bars.xs, bars.ys) == ((8.5,), (5.0,))


def test_edge_against_result_leaves_out_manual_trades() -> None:
    found = by_name(results(trade(1), trade(2, trade_id="", expected_edge_bps=None)))
    assert (found["edge"].xs, found["edge"].ys) == ((28.0,), (20.0,))
    assert found["flat_time"].ys == (150.0, 150.0)


def test_fill_rate_over_time() -> None:
    orders = [order(1, at_ms=NOW), order(2, at_ms=NOW + 1_800_000, accepted=False, rejected=True)]
    line = by_name((), orders)["fill_rate"]
    assert (line.xs, line.ys) == ((0.0, 0.5), (100.0, 50.0))


def test_a_long_run_is_thinned_out_and_keeps_its_end() -> None:
    orders = [order(n, at_ms=NOW + n) for n in range(5_001)]
    line = by_name((), orders)["fill_rate"]
    assert 400 < len(line.xs) <= 502
    assert line.xs[-1] == 5_000 / 3_600_000


def test_of_nothing() -> None:
    found = by_name(())
    assert {name: len(s.xs) for name, s in found.items()} == {
        "pnl": 1, "slippage": 0, "edge": 0, "flat_time": 0, "fill_rate": 0,
    }  # fmt: skip
