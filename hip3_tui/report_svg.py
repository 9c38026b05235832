"""One plot as inline SVG: axes with round numbers, a line, bars or points. Pure; floats, for drawing alone.

Easy to get wrong: a series with one point, or with equal values, still needs an axis; and every text is escaped, though it is our own.

SPEC 10, issue part "report".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from core.messages.report import Series

WIDTH, HEIGHT = 640, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 30, 44
_TICKS = 5


def plot(series: Series) -> str:
    """The whole plot, as an element to be put into a page."""
    parts = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(series.title)}">',
        f'<text class="title" x="{_LEFT}" y="18">{escape(series.title)}</text>',
    ]
    if not series.xs:
        parts.append(
            f'<text class="none" x="{WIDTH / 2}" y="{HEIGHT / 2}" text-anchor="middle">nothing to draw yet</text>'
        )
    else:
        parts += _drawn(series)
    return "".join([*parts, "</svg>"])


def ticks(low: float, high: float, most: int = _TICKS) -> list[float]:
    """Round numbers that cover the range, 2 to most + 2 of them."""
    span = high - low
    if span <= 0:
        span = abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * n for n in (1, 2, 5, 10) if power * n * most >= span * 0.999999)
    first, last = math.floor(low / step), math.ceil(high / step)
    if first == last:
        last += 1
    return [round(n * step, 10) for n in range(first, last + 1)]


class _Frame:
    """From values to places on the picture."""

    def __init__(self, series: Series) -> None:
        xs, ys = list(series.xs), list(series.ys)
        if series.kind == "bars":
            half = _bar_width(xs) / 2
            xs += [xs[0] - half, xs[-1] + half]
        if series.kind != "points" or min(ys) >= 0:
            ys.append(0.0)
        if series.name == "edge":
            ys.append(0.0)
            xs.append(0.0)
        self.x_ticks, self.y_ticks = ticks(min(xs), max(xs), 8), ticks(min(ys), max(ys))

    def x(self, value: float) -> float:
        low, high = self.x_ticks[0], self.x_ticks[-1]
        return _LEFT + (value - low) / (high - low) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_ticks[0], self.y_ticks[-1]
        return HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)


def _drawn(series: Series) -> Iterator[str]:
    frame = _Frame(series)
    yield from _axes(frame, series)
    match series.kind:
        case "bars":
            yield from _bars(frame, series)
        case "points":
            if series.name == "edge":
                yield from _as_expected(frame)
            for x, y in zip(series.xs, series.ys, strict=True):
                yield f'<circle class="point" cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="3.5"/>'
        case _:
            points = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in zip(series.xs, series.ys, strict=True))
            yield f'<polyline class="line" points="{points}"/>'
            yield f'<circle class="last" cx="{frame.x(series.xs[-1]):.1f}" cy="{frame.y(series.ys[-1]):.1f}" r="3.5"/>'


def _axes(frame: _Frame, series: Series) -> Iterator[str]:
    left, right, bottom = _LEFT, WIDTH - _RIGHT, HEIGHT - _BOTTOM
    for value in frame.y_ticks:
        y = frame.y(value)
        kind = "zero" if value == 0 else "grid"
        yield f'<line class="{kind}" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
        yield f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}</text>'
    for value in frame.x_ticks:
        x = frame.x(value)
        yield f'<line class="tick" x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{bottom + 4}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{_number(value)}</text>'
    yield f'<text class="label" x="{(left + right) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(series.x_label)}</text>'
    middle = (_TOP + bottom) / 2
    yield (
        f'<text class="label" x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{escape(series.y_label)}</text>'
    )


def _bars(frame: _Frame, series: Series) -> Iterator[str]:
    half = _bar_width(series.xs) / 2
    for x, y in zip(series.xs, series.ys, strict=True):
        left, right, top, base = frame.x(x - half), frame.x(x + half), frame.y(y), frame.y(0)
        yield f'<rect class="bar" x="{left + 1:.1f}" y="{top:.1f}" width="{max(1.0, right - left - 2):.1f}" height="{base - top:.1f}"/>'


def _as_expected(frame: _Frame) -> Iterator[str]:
    """Where a trade lies that got what it expected."""
    low = max(frame.x_ticks[0], frame.y_ticks[0])
    high = min(frame.x_ticks[-1], frame.y_ticks[-1])
    if low < high:
        yield f'<line class="expected" x1="{frame.x(low):.1f}" y1="{frame.y(low):.1f}" x2="{frame.x(high):.1f}" y2="{frame.y(high):.1f}"/>'


def _bar_width(xs: Sequence[float]) -> float:
    return xs[1] - xs[0] if len(xs) > 1 else 1.0


def _number(value: float) -> str:
    return f"{value:,.10f}".rstrip("0").rstrip(".").replace("-0", "0") if value == 0 else f"{value:,.6g}"
