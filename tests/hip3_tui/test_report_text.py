"""The report on a terminal: 80 columns, every part, a word for every verdict."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from report_samples import DAY, empty, sample

from core.messages.report import Estimate
from hip3_tui.report_text import WIDTH, date_time, estimate, interval, report_text


@pytest.mark.parametrize(
    "report", [sample(), sample(DAY), empty(), sample(count=1)], ids=["all", "day", "empty", "one"]
)
def test_no_line_is_longer_than_80(report) -> None:
    lines = report_text(report).splitlines()
    assert [line for line in lines if len(line) > WIDTH or line != line.rstrip()] == []


def test_every_part_is_there() -> None:
    text = report_text(sample(DAY), last_trades=3)
    for part in (
        "HIP3-TUI REPORT   SIMULATOR   run 1   60 trades",
        "day      2026-09-22 UTC",
        "   10 trades  REVIEW",
        "      NO  slippage_bps       38.6 bps   < 20 bps",
        "PHASE C       not judged before 100 trades",
        "  fill rate                   90.0 %",
        "TRADES, last 3 of 60",
        "DAILY REVIEW  2026-09-22",
        "[ NO ] Errors in the log: 1 warnings and worse, 1 of them critical",
        "  errors",
        "  oddities",
        "tripped: loss",
        "TO KNOW",
    ):
        assert part in text, text


def test_a_trade_is_one_line() -> None:
    (line,) = (x for x in report_text(sample(), 60).splitlines() if x.startswith("     1 "))
    assert line == "     1 12:01:30 xyz:SNDK   buy     0.05  +28.0  -52.2  +80.2   -$0.28 hard stop"


def test_no_trades_no_table() -> None:
    text = report_text(empty())
    assert "TRADES" not in text
    assert "network not known" in text
    assert "no run" in text
    assert "  fill rate                        -" in text


def test_trades_can_be_left_out() -> None:
    assert "TRADES, last 0 of 60" in report_text(sample(), 0)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "bps", "-"),
        (D("0.9"), "%", "90.0 %"),
        (D("-0.5"), "USD", "-0.5000 USD"),
        (D("1234.6"), "ms", "1,235 ms"),
        (D("3.25"), "bps", "+3.2 bps"),
        (D(1200), "", "1,200"),
    ],
)
def test_figures(value, unit: str, text: str) -> None:
    assert estimate(value, unit) == text


def test_bounds() -> None:
    assert interval(Estimate(D(1), D(0), D(2), 5, "x"), "bps") == "+0.0 bps .. +2.0 bps"
    assert interval(Estimate(D(1), None, None, 1, "x"), "bps") == ""


def test_times_are_utc() -> None:
    assert date_time(1_790_078_400_999) == "2026-09-22 12:00:00"
