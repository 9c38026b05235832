"""The history through its keys: which rows are asked for and from where, what is shown, told in full, and written to a file."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest
import records_for_tests as journal
import snapshots_for_tests as made
from console_desk import desk
from records_for_tests import FakeRecords
from textual.widgets import Input

from core.messages.commands import FlattenAll, TripHardStop
from core.messages.records import RecordKind
from hip3_tui.console import Outside
from hip3_tui.screens.history import HistoryScreen
from hip3_tui.screens.history_details import DetailsScreen
from hip3_tui.screens.history_rows import COLUMNS, columns_for, csv_text, details
from hip3_tui.screens.trading import TradingScreen

SIZES = [(80, 24), (120, 40), (200, 60)]


def with_journal(records: FakeRecords, folder: Path | None = None) -> Outside:
    return Outside(records=records, folder=folder)


@pytest.mark.parametrize("size", SIZES)
async def test_it_opens_with_the_trades_and_says_where_one_is(size: tuple[int, int]) -> None:
    async with desk(made.snapshot(), size, with_journal(FakeRecords())) as it:
        await it.press("h")
        await it.read("100 rows and more")
        text = it.text()
        assert "SIMULATOR" in text
        assert "AT RISK" in text
        assert "3 Trades" in text
        assert "xyz:NVDA" in text
        assert "time stop" in text
        assert "Esc: back" in text
        await it.press("escape")
        assert isinstance(it.app.screen, TradingScreen)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("number", range(6))
async def test_every_kind_of_row_has_its_list(number: int, size: tuple[int, int]) -> None:
    kind = list(RecordKind)[number]
    async with desk(made.snapshot(), size, with_journal(FakeRecords(rows=30))) as it:
        await it.press("h", str(number + 1))
        await it.read("30 rows")
        for column in columns_for(kind, size[0] - 1):
            assert column.title in it.text()
        assert kind is it.app.screen.kind  # type: ignore[attr-defined]


async def test_the_journal_is_never_read_on_the_console_s_own_thread() -> None:
    records = FakeRecords()
    async with desk(made.snapshot(), outside=with_journal(records)) as it:
        await it.press("h")
        await it.read("100 rows and more")
        await it.press("enter")
        await it.read("closed by time stop, +19.4 bps")
        assert records.threads == {"HISTORY errand", "chain"}


async def test_the_end_of_a_page_brings_the_next_and_the_last_has_no_more() -> None:
    records = FakeRecords(rows=250)
    async with desk(made.snapshot(), outside=with_journal(records)) as it:
        await it.press("h")
        await it.read("100 rows and more")
        await it.press("G")
        await it.read("200 rows and more")
        await it.press("G")
        await it.read("250 rows ")
        assert "and more" not in it.text()
        pages = [call for call in records.calls if call[0] == "page"]
        assert [call[3] for call in pages] == [None, 10_000 - 100, 10_000 - 200]


async def test_a_search_asks_the_journal_and_escape_takes_it_back() -> None:
    records = FakeRecords()
    async with desk(made.snapshot(), outside=with_journal(records)) as it:
        await it.press("h", "4")
        await it.read("100 rows and more")
        await it.press("slash")
        assert isinstance(it.app.focused, Input)
        await it.press(*"xyz:nvda total")
        await it.read("only with: xyz:nvda total")
        await it.press("enter")
        await it.read("max position total")
        assert "BTC" not in it.text()
        await it.press("slash", "escape")
        await it.until(lambda: "only with" not in it.text(), "the whole list")
        await it.press("escape")
        assert isinstance(it.app.screen, TradingScreen)


async def test_letters_typed_into_the_search_stop_nothing() -> None:
    async with desk(made.snapshot(), outside=with_journal(FakeRecords())) as it:
        await it.press("h", "slash", "f", "x", "q")
        assert it.handle.sent == []
        assert it.lifecycle.asked == []
        await it.press("escape", "x")
        assert isinstance(it.handle.sent[0], TripHardStop)


async def test_keys_of_the_main_screen_act_here_too_and_q_only_leads_back() -> None:
    async with desk(made.snapshot(), outside=with_journal(FakeRecords())) as it:
        await it.press("h", "f")
        assert isinstance(it.handle.sent[0], FlattenAll)
        await it.press("q")
        assert isinstance(it.app.screen, TradingScreen)
        assert it.lifecycle.asked == []
        await it.press("h", "h")
        assert isinstance(it.app.screen, TradingScreen)


async def test_an_alarm_is_seen_over_old_rows() -> None:
    async with desk(made.snapshot(), outside=with_journal(FakeRecords())) as it:
        await it.press("h")
        await it.read("100 rows")
        await it.see(made.hard_stopped())
        assert "6 losses in a row > 5" in it.text()
        assert "REDUCING" in it.text()
        assert "NET PNL" in it.text()


async def test_this_run_alone() -> None:
    records = FakeRecords()
    async with desk(made.snapshot(), outside=with_journal(records)) as it:
        await it.press("h", "0")
        await it.read("this run")
        await it.until(lambda: records.calls[-1][5] == 3, "the run's number")
        await it.press("0")
        await it.until(lambda: records.calls[-1][5] is None, "all runs")


async def test_new_rows_come_by_themselves_only_while_the_newest_is_looked_at() -> None:
    records = FakeRecords(rows=20)
    async with desk(made.snapshot(), outside=with_journal(records)) as it:
        await it.press("h")
        await it.read("20 rows")
        records.rows = 21
        await it.see(made.snapshot(at_ms=made.T0 + 3_000))
        await it.read("21 rows")
        await it.press("down")
        calls = len(records.calls)
        await it.see(made.snapshot(at_ms=made.T0 + 9_000))
        assert len(records.calls) == calls


async def test_a_row_in_full_with_everything_that_belongs_to_it() -> None:
    async with desk(made.snapshot(), (120, 40), with_journal(FakeRecords())) as it:
        await it.press("h")
        await it.read("100 rows")
        await it.press("down", "enter")
        assert isinstance(it.app.screen, DetailsScreen)
        await it.read("post 7, 1 order")
        text = it.flowing()
        for words in (
            "correlation id s3-2",
            "net pnl usd 0.1432",
            "signal buy xyz:SNDK, edge 41.3",
            "trade closed by time stop",
        ):
            assert words in text
        await it.press("escape")
        assert isinstance(it.app.screen, HistoryScreen)


async def test_a_journal_that_cannot_be_read_says_why_and_is_tried_again() -> None:
    records = FakeRecords(error="journal.db: disk I/O error")
    async with desk(made.snapshot(), outside=with_journal(records)) as it:
        await it.press("h")
        await it.read("journal.db: disk I/O error")
        records.error = ""
        await it.see(made.snapshot(at_ms=made.T0 + 3_000))
        await it.read("100 rows and more")


async def test_a_console_without_a_journal_says_so() -> None:
    async with desk(made.snapshot()) as it:
        await it.press("h")
        await it.read("this console was given no journal")


async def test_an_empty_journal_is_nothing_yet() -> None:
    async with desk(made.snapshot(), outside=with_journal(FakeRecords(rows=0))) as it:
        await it.press("h")
        await it.read("nothing yet")


async def test_a_list_is_written_with_all_its_rows_unrounded(tmp_path: Path) -> None:
    async with desk(made.snapshot(), outside=with_journal(FakeRecords(rows=1_234), tmp_path)) as it:
        await it.press("h")
        await it.read("100 rows")
        await it.press("e")
        await it.until(lambda: any("1234 rows" in toast for toast in it.toasts), "the notice")
    (name,) = os.listdir(tmp_path)
    assert name == "trades-20251123-040304.csv"
    rows = list(csv.DictReader((tmp_path / name).read_text().splitlines()))
    assert len(rows) == 1_234
    assert rows[0]["net_pnl_usd"] == "0.1432"
    assert rows[0]["exit_ms"] == str(made.T0 - 7_321)
    assert rows[0]["market"] == "xyz:NVDA"


@pytest.mark.parametrize("kind", list(RecordKind))
@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_the_columns_fit_the_table(kind: RecordKind, width: int) -> None:
    columns = columns_for(kind, width)
    assert sum(column.width + 2 for column in columns) <= width + 2
    assert set(columns[-1:]) <= set(columns)
    rows = [journal.MAKERS[kind](n) for n in range(1, 8)]
    for row in rows:
        for column in COLUMNS[kind]:
            words, _ = column.cell(row)
            assert isinstance(words, str)
        assert any("correlation id" in "".join(words for words, _ in line) for line in details(row))


def test_a_file_does_not_become_a_formula() -> None:
    from msgspec.structs import replace

    row = replace(journal.event(1), text="=HYPERLINK(1)", kind="-2+3", correlation_id="@x")
    (line,) = csv.DictReader(io.StringIO(csv_text(RecordKind.EVENTS, [row])))
    assert (line["text"], line["kind"], line["correlation_id"]) == ("'=HYPERLINK(1)", "'-2+3", "'@x")
    negative = replace(journal.trade(3))
    (line,) = csv.DictReader(io.StringIO(csv_text(RecordKind.TRADES, [negative])))
    assert line["net_pnl_usd"] == "-0.0871"
