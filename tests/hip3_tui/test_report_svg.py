"""Plots are well-formed, within their frame, and drawn also when there is little to draw."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from report_samples import empty, sample

from core.messages.report import Series
from hip3_tui.report_svg import HEIGHT, WIDTH, plot, ticks


def drawn(series: Series) -> ElementTree.Element:
    return ElementTree.fromstring(plot(series))


def classes(root: ElementTree.Element) -> list[str]:
    return [e.get("class", "") for e in root.iter()]


@pytest.mark.parametrize("series", sample().series, ids=lambda s: s.name)
def test_everything_is_within_the_picture(series: Series) -> None:
    root = drawn(series)
    for element in root.iter():
        for name, most in (
            ("x", WIDTH),
            ("cx", WIDTH),
            ("x1", WIDTH),
            ("x2", WIDTH),
            ("y", HEIGHT),
            ("cy", HEIGHT),
            ("y1", HEIGHT),
            ("y2", HEIGHT),
        ):
            if element.get(name) is not None:
                assert -0.1 <= float(element.get(name, "")) <= most + 0.1, (element.tag, element.attrib)
    assert series.title in "".join(root.itertext())


def test_each_kind_draws_its_own() -> None:
    by_name = {s.name: drawn(s) for s in sample().series}
    assert len([c for c in classes(by_name["edge"]) if c == "point"]) == 59
    assert "expected" in classes(by_name["edge"])
    assert sum(c == "bar" for c in classes(by_name["slippage"])) > 4
    (line,) = (e for e in by_name["pnl"].iter() if e.get("class") == "line")
    assert len(re.findall(r"[\d.]+,[\d.]+", line.get("points", ""))) == 61
    assert "zero" in classes(by_name["pnl"])


@pytest.mark.parametrize("kind", ["line", "bars", "points"])
@pytest.mark.parametrize(
    ("xs", "ys"), [((1.0,), (0.0,)), ((3.0,), (-2.5,)), ((1.0, 2.0), (5.0, 5.0)), ((1.0, 2.0), (1e-9, 1e9))]
)
def test_little_or_odd_data_is_drawn(kind: str, xs, ys) -> None:
    drawn(Series("x", "a title", "x", "y", kind, xs, ys))


def test_nothing_is_said_to_be_nothing() -> None:
    for series in empty().series:
        if not series.xs:
            assert "nothing to draw yet" in "".join(drawn(series).itertext())


def test_titles_are_escaped() -> None:
    root = drawn(Series("x", "<b>&", "<i>", "\"y'", "line", (1.0,), (1.0,)))
    assert "<b>&" in "".join(root.itertext())


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (-3, 14, [-5, 0, 5, 10, 15]),
        (0, 0, [0, 0.2]),
        (5, 5, [5, 6]),
        (0.02, 0.09, [0.02, 0.04, 0.06, 0.08, 0.1]),
    ],
)
def test_ticks_are_round_and_cover(low: float, high: float, found: list[float]) -> None:
    assert ticks(low, high) == found


@pytest.mark.parametrize("span", [1e-6, 0.3, 7, 12_345, 1e12])
def test_ticks_are_few(span: float) -> None:
    made = ticks(-span / 3, span)
    assert made[0] <= -span / 3
    assert made[-1] >= span * 0.999999
    assert 2 <= len(made) <= 8
