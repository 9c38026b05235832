"""The report through its keys: figures, verdicts, trades, plots, days; computed by the real analysis, read in a thread of its own."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import snapshots_for_tests as made
from console_desk import Desk, desk
from records_for_tests import FakeRecords
from report_for_tests import a_report

from core.messages.report import Report
from hip3_tui.console import Outside
from hip3_tui.screens.report import PAGES, ReportScreen
from hip3_tui.screens.report_lines import day_lines, figure_lines, number, verdict_lines
from hip3_tui.screens.trading import TradingScreen

SIZES = [(80, 24), (120, 40), (200, 60)]
TODAY = datetime.fromtimestamp(made.T0 / 1000, UTC).date()


class Journal(FakeRecords):
    def report(self, day: date | None = None) -> Report:
        self._note("report", day)
        return a_report(day=date(2026, 9, 22) if day is not None else None)


def words(lines: list[tuple[tuple[str, str], ...]]) -> str:
    return "\n".join("".join(text for text, _ in line) for line in lines)


async def opened(it: Desk) -> None:
    await it.press("w")
    assert isinstance(it.app.screen, ReportScreen)
    await it.read("24 trades")


@pytest.mark.parametrize("size", SIZES)
async def test_every_page_at_every_size(size: tuple[int, int]) -> None:
    expected = ("fill rate", "At 10 trades", "BECAUSE", "PnL after fees and funding", "(UTC)")
    async with desk(made.snapshot(), size, Outside(records=Journal())) as it:
        await opened(it)
        for number_of, _ in enumerate(PAGES):
            await it.press(str(number_of + 1))
            await it.read(expected[number_of])
        assert "AT RISK" in it.text()
        await it.press("escape")
        assert isinstance(it.app.screen, TradingScreen)


async def test_the_journal_is_read_elsewhere_and_again_while_one_looks() -> None:
    journal = Journal()
    async with desk(made.snapshot(), outside=Outside(records=journal)) as it:
        await opened(it)
        assert journal.threads == {"REPORT errand"}
        await it.see(made.snapshot(at_ms=made.T0 + 11_000))
        await it.until(lambda: len(journal.calls) == 2, "the second reading")


async def test_days_are_walked_through_and_never_into_the_future() -> None:
    journal = Journal()
    async with desk(made.snapshot(), outside=Outside(records=journal)) as it:
        await opened(it)
        await it.press("5")
        await it.until(lambda: journal.calls[-1] == ("report", TODAY), "today")
        await it.read("2026-09-22 alone")
        await it.press("left")
        await it.until(lambda: journal.calls[-1] == ("report", date(2025, 11, 22)), "yesterday")
        await it.press("right", "right", "right")
        await it.until(lambda: journal.calls[-1] == ("report", TODAY), "today again")
        await it.press("0")
        await it.until(lambda: journal.calls[-1] == ("report", None), "all of it")
        await it.read("all days")


async def test_trouble_is_told_in_the_journal_s_words() -> None:
    async with desk(made.snapshot(), outside=Outside(records=Journal(error="journal.db: locked"))) as it:
        await it.press("w")
        await it.read("journal.db: locked")
    async with desk(made.snapshot()) as it:
        await it.press("w")
        await it.read("this console was given no journal")


async def test_an_empty_journal_has_a_report_too() -> None:
    class Empty(FakeRecords):
        def report(self, day: date | None = None) -> Report:
            return a_report(0)

    async with desk(made.snapshot(), (120, 40), Outside(records=Empty())) as it:
        await it.press("w")
        await it.read("0 trades")
        for key, expected in (("1", "fill rate"), ("2", "NOT REACHED"), ("3", "BECAUSE"), ("4", "PnL after")):
            await it.press(key)
            await it.read(expected)


@pytest.mark.parametrize("width", [77, 117, 197])
@pytest.mark.parametrize("count", [0, 1, 12, 60, 120])
def test_no_line_is_wider_than_the_screen(count: int, width: int) -> None:
    report = a_report(count, None)
    day = a_report(count, date(2026, 9, 22))
    for lines in (figure_lines(report, width), verdict_lines(report, width), day_lines(day.review, width)):
        assert max(len("".join(text for text, _ in line)) for line in lines) <= width


def test_a_figure_says_how_well_it_is_known() -> None:
    text = words(figure_lines(a_report(), 117))
    assert "21 accepted, 2 rejected" in text or "22 accepted, 2 rejected" in text
    assert "% to " in text
    assert "95 % OF THE TIME" in text


def test_what_is_not_known_is_a_dash() -> None:
    assert number(None, "bps") == "-"
    assert number(number_of := made.D("0.5"), "%") == "50.0 %"
    assert number(number_of, "bps") == "+0.5 bps"
    assert number(made.D("-3"), "USD") == "-$3.00"
    assert number(made.D("1500"), "ms") == "1.5s"
    assert number(made.D("-1500"), "ms") == "-1.5s"


def test_a_verdict_has_the_numbers_behind_it_and_what_is_too_early_is_no_failure() -> None:
    text = words(verdict_lines(a_report(12), 117))
    assert "At 10 trades" in text
    assert "NOT REACHED" in text
    assert "needs >= 80 %" in text
    assert "Phase C" in text
    assert "✗ trades" in text or "· trades" in text


def test_a_day_without_trouble_says_none() -> None:
    text = words(day_lines(a_report(5, date(2026, 9, 22)).review, 117))
    assert "Errors" in text
    assert "Insufficient margin" in text
    assert "no day is chosen" in words(day_lines(None, 80))
