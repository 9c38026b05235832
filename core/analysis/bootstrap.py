"""Where a mean's spread is too lopsided for Student's t: intervals by resampling, which take the data's own shape.

A few trades that lost much among many that won little make the mean's distribution lean, and t's interval, which is symmetric, covers too
little on the side that hurts. Cochran's rule says when that matters: below 25 x skewness squared observations. Then the interval is the
bias-corrected and accelerated bootstrap's. Easy to get wrong: resampling cannot show what was never seen, so below eight values t stays (it is
wider there); and the same data must give the same interval at every look, so the dice are our own and begin anew each time.

Source: Cochran, Sampling Techniques, 2.15; Efron 1987 (BCa).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

LEAST = 8
RESAMPLES = 2_000
_COCHRAN = 25
_PICKS_AT_MOST = 400_000
"""Bounds the work: beyond it there are fewer resamples, but never fewer than 400. Data so many are rarely too lopsided."""
_LEAST_RESAMPLES = 400
_Z = 1.959964


def is_lopsided(values: Sequence[float]) -> bool:
    """Whether a symmetric interval of the mean would mislead."""
    n = len(values)
    return n >= LEAST and n <= _COCHRAN * skewness(values) ** 2


def skewness(values: Sequence[float]) -> float:
    """Fisher's, of the values as they are; 0 where they are all the same."""
    n = len(values)
    mean = sum(values) / n
    m2 = sum((v - mean) ** 2 for v in values) / n
    m3 = sum((v - mean) ** 3 for v in values) / n
    return float(m3 / m2**1.5) if m2 > (1e-12 * max(1.0, abs(mean))) ** 2 else 0.0


def bootstrap(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean; at least two different values."""
    n = len(values)
    mean = sum(values) / n
    means = sorted(_resampled(values))
    count = len(means)
    below = sum(m < mean for m in means) + sum(m == mean for m in means) / 2
    z0 = _quantile(min(max(below / count, 0.5 / count), 1 - 0.5 / count))
    a = _acceleration(values, mean)

    def at(z: float) -> float:
        share = _below(z0 + (z0 + z) / (1 - a * (z0 + z)))
        return means[min(count - 1, max(0, math.floor(share * count)))]

    return at(-_Z), at(_Z)


def _below(z: float) -> float:
    """The share of the normal distribution below z."""
    return (1 + math.erf(z / math.sqrt(2))) / 2


def _quantile(share: float) -> float:
    low, high = -8.0, 8.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _below(middle) < share else (low, middle)
    return (low + high) / 2


def _acceleration(values: Sequence[float], mean: float) -> float:
    """How fast the spread changes with the mean, by leaving one out at a time."""
    n = len(values)
    without = [(mean * n - v) / (n - 1) for v in values]
    middle = sum(without) / n
    d2 = sum((middle - w) ** 2 for w in without)
    d3 = sum((middle - w) ** 3 for w in without)
    return float(d3 / (6 * d2**1.5)) if d2 else 0.0


def _resampled(values: Sequence[float]) -> list[float]:
    n = len(values)
    times = max(_LEAST_RESAMPLES, min(RESAMPLES, _PICKS_AT_MOST // n))
    state, means = 0x9E3779B97F4A7C15, []
    for _ in range(times):
        total = 0.0
        for _ in range(n):
            # Knuth's MMIX generator; its upper bits are the good ones.
            state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
            total += values[(state >> 33) * n >> 31]
        means.append(total / n)
    return means
