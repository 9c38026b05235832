"""Points of the report's plots. Floats, for drawing alone; what a plot means its title says.

SPEC 10, issue part "report".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from core.analysis.facts import OrderFact
from core.messages.report import Series, TradeResult

_MOST_BINS = 24
_MOST_POINTS = 500
_HOUR_MS = 3_600_000


def all_series(trades: Sequence[TradeResult], orders: Sequence[OrderFact]) -> tuple[Series, ...]:
    ours = [t for t in trades if t.is_strategy and t.expected_edge_bps is not None]
    return (
        _pnl(trades),
        _slippage([t.slippage_bps for t in ours if t.slippage_bps is not None]),
        Series(
            "edge",
            "expected edge against result, one point a trade",
            "expected edge, bps",
            "actual edge, bps",
            "points",
            tuple(float(t.expected_edge_bps or 0) for t in ours),
            tuple(float(t.actual_edge_bps) for t in ours),
        ),
        Series(
            "flat_time",
            "time to get flat, from the decision to close",
            "trade",
            "ms",
            "points",
            tuple(float(t.number) for t in trades),
            tuple(float(t.flat_time_ms) for t in trades),
        ),
        _fill_rate(orders),
    )


def _pnl(trades: Sequence[TradeResult]) -> Series:
    xs, ys = [0.0], [0.0]
    for t in trades:
        xs.append(float(t.number))
        ys.append(float(t.pnl_cumulative_usd))
    return Series("pnl", "PnL after fees and funding", "trade", "USD", "line", tuple(xs), tuple(ys))


def _slippage(values: Sequence[Decimal]) -> Series:
    """Trades by slippage, in bins of a round width."""
    xs: list[float] = []
    ys: list[float] = []
    if values:
        numbers = [float(v) for v in values]
        width = _round_step((max(numbers) - min(numbers)) / min(_MOST_BINS, max(4, math.isqrt(len(numbers)) * 2)))
        first = math.floor(min(numbers) / width)
        count = math.floor(max(numbers) / width) - first + 1
        bins = [0] * count
        for n in numbers:
            bins[math.floor(n / width) - first] += 1
        xs = [(first + i + 0.5) * width for i in range(count)]
        ys = [float(n) for n in bins]
    return Series("slippage", "trades by slippage", "slippage, bps", "trades", "bars", tuple(xs), tuple(ys))


def _round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, at least so much."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next((power * n for n in (1, 2, 5) if power * n >= least), power * 10)


def _fill_rate(orders: Sequence[OrderFact]) -> Series:
    """Running share of accepted orders, in hours since the first."""
    counted = [o for o in orders if o.accepted or o.rejected or o.timed_out]
    xs, ys = [], []
    accepted = of = 0
    every = max(1, len(counted) // _MOST_POINTS)
    for n, o in enumerate(sorted(counted, key=lambda o: o.at_ms), 1):
        accepted += o.accepted
        of += o.accepted + o.rejected + o.timed_out
        if n % every == 0 or n == len(counted):
            xs.append((o.at_ms - min(c.at_ms for c in counted[:1])) / _HOUR_MS)
            ys.append(100 * accepted / of)
    return Series("fill_rate", "fill rate so far", "hours", "%", "line", tuple(xs), tuple(ys))
