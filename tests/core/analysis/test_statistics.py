"""Intervals against published tables and worked examples."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from core.analysis.statistics import STUDENT, WILSON, mean, rate, student, total
from core.messages.report import Estimate


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [
        (1, 12.706),
        (2, 4.303),
        (5, 2.571),
        (9, 2.262),
        (10, 2.228),
        (30, 2.042),
        (49, 2.010),
        (99, 1.984),
        (1000, 1.962),
    ],
)
def test_students_quantile_is_that_of_the_tables(freedom: int, quantile: float) -> None:
    assert student(freedom) == pytest.approx(quantile, abs=0.0006)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(8, 10, "0.4902", "0.9433"), (10, 10, "0.7225", "1"), (0, 10, "0", "0.2775"), (81, 100, "0.7222", "0.8749")],
)
def test_wilson(hits: int, of: int, low: str, high: str) -> None:
    found = rate(hits, of)
    assert found.value == D(hits) / of
    assert found.low is not None
    assert found.high is not None
    assert (found.low.quantize(D("0.0001")), found.high.quantize(D("0.0001"))) == (D(low), D(high))
    assert (found.count, found.method) == (of, WILSON)


def test_a_rate_of_nothing_is_not_zero() -> None:
    assert rate(0, 0) == Estimate(None, None, None, 0, WILSON)


def test_a_mean_and_its_bounds() -> None:
    """1..10: mean 5.5, s = 3.02765, half width 2.26216 * 3.02765 / sqrt(10) = 2.16586."""
    found = mean([D(n) for n in range(1, 11)])
    assert found.value == D("5.5")
    assert found.low is not None
    assert found.high is not None
    assert (float(found.low), float(found.high)) == pytest.approx((3.33415, 7.66585), abs=1e-4)
    assert (found.count, found.method) == (10, STUDENT)


def test_one_value_has_no_bounds_and_none_no_mean() -> None:
    assert mean([D(3)]) == Estimate(D(3), None, None, 1, STUDENT)
    assert mean([]) == Estimate(None, None, None, 0, STUDENT)


def test_equal_values_leave_no_doubt() -> None:
    found = mean([D(2)] * 5)
    assert (found.value, found.low, found.high) == (D(2), D(2), D(2))


def test_a_sum() -> None:
    assert total([D("0.1"), D("-0.3")]) == Estimate(D("-0.2"), None, None, 2, "")
