"""Means and rates with their confidence intervals, all 95 %.

A rate gets Wilson's interval, which stays within 0 and 1 and is honest at 9 of 10. A mean gets Student's, as trades are few and their spread
is not known; where they are too lopsided for a symmetric one, the bootstrap's (bootstrap.py). Easy to get wrong: it says how well the mean is known if the next trades are like these, and nothing about trades that are not.

Source: Wilson 1927; Student's quantile by bisection on the regularised incomplete beta function (DLMF 8.17).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from core.analysis.bootstrap import bootstrap, is_lopsided
from core.messages.report import Estimate

WILSON = "Wilson 95 %"
STUDENT = "Student t 95 %"
BOOTSTRAP = "bootstrap 95 %"
_Z = Decimal("1.959964")
_TAIL = 0.975
_PLACES = Decimal("0.000001")


def rate(hits: int, of: int) -> Estimate:
    """A share of a whole, 0 to 1."""
    assert 0 <= hits <= of
    if not of:
        return Estimate(None, None, None, 0, WILSON)
    n, z2 = Decimal(of), _Z * _Z
    p = Decimal(hits) / n
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * (p * (1 - p) / n + z2 / (4 * n * n)).sqrt()
    low, high = max(Decimal(0), middle - half), min(Decimal(1), middle + half)
    return Estimate(_rounded(p), _rounded(low), _rounded(high), of, WILSON)


def mean(values: Sequence[Decimal]) -> Estimate:
    """The mean of what was seen; bounds from two values on."""
    n = len(values)
    if not n:
        return Estimate(None, None, None, 0, STUDENT)
    average = sum(values, Decimal(0)) / n
    if n == 1:
        return Estimate(_rounded(average), None, None, 1, STUDENT)
    numbers = [float(v) for v in values]
    if is_lopsided(numbers):
        low, high = (Decimal(repr(bound)) for bound in bootstrap(numbers))
        return Estimate(_rounded(average), _rounded(low), _rounded(high), n, BOOTSTRAP)
    variance = sum(((v - average) ** 2 for v in values), Decimal(0)) / (n - 1)
    half = Decimal(repr(student(n - 1))) * (variance / n).sqrt()
    return Estimate(_rounded(average), _rounded(average - half), _rounded(average + half), n, STUDENT)


def total(values: Sequence[Decimal], start: Decimal = Decimal(0)) -> Estimate:
    """A sum: it is what it is."""
    return Estimate(_rounded(sum(values, start)), None, None, len(values), "")


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t."""
    low, high = 0.0, 1_000.0
    for _ in range(80):
        middle = (low + high) / 2
        if _student_below(middle, freedom) < _TAIL:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _student_below(t: float, freedom: int) -> float:
    x = freedom / (freedom + t * t)
    return 1 - _incomplete_beta(freedom / 2, 0.5, x) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised I_x(a, b)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz."""
    tiny = 1e-300
    c, d = 1.0, 1 / max(1 - (a + b) * x / (a + 1), tiny)
    value = d
    for m in range(1, 300):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            d = 1 / (1 + term * d or tiny)
            c = 1 + term / c or tiny
            change = d * c
            value *= change
        if abs(change - 1) < 1e-12:
            break
    return value


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_PLACES)
