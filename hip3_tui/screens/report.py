"""The report: what the trades were worth. Figures, Go/No-Go and Phase C, every trade, plots, and the review of one day.

Everything comes computed from `RecordsHandle` in a thread of its own and is made anew while one looks. Nothing is decided here: the verdicts are the
report's, and the operator's.

SPEC 10, 11.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from core.messages.report import Report, TradeResult
from core.model.order import OrderSide
from hip3_tui import format as f
from hip3_tui.console import Console
from hip3_tui.panes.live_lines import Line, join, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.contents import as_content
from hip3_tui.screens.report_lines import day_lines, figure_lines, verdict_lines
from hip3_tui.screens.room import Room, failure, tabs
from hip3_tui.screens.room_table import RoomTable, Shape

PAGES = ("Figures", "Go/No-Go", "Trades", "Plots", "Day")
FIGURES, VERDICTS, TRADES, PLOTS, DAY = range(5)
_AGAIN_MS = 10_000
"""A report reads the whole journal: often enough for somebody who looks at it."""


class ReportScreen(Room):
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(n + 1), f"page({n})", name, show=False) for n, name in enumerate(PAGES)),
        Binding("left", "day(-1)", show=False),
        Binding("right,l", "day(1)", show=False),
        Binding("0", "all_days", show=False),
    ]
    CLOSED_BY = ("quit", "report")
    NAME = "REPORT"

    def __init__(self, picture: Picture, console: Console) -> None:
        super().__init__(picture, console)
        self.page = FIGURES
        self.day: date | None = None
        self._report: Report | None = None
        self._trouble = ""
        self._is_reading = False
        self._read_at_ms = 0
        self._plotted: Report | None = None

    # --- drawing -----------------------------------------------------------------------------------------------------

    def content(self) -> ComposeResult:
        with VerticalScroll(id="story"):
            yield Static("", id="lines", markup=False)
        yield RoomTable(id="trades")
        yield VerticalScroll(id="plots")

    def on_mount(self) -> None:
        super().on_mount()
        self._turn_to(FIGURES)
        self.read()

    def on_resize(self, event: Any) -> None:
        super().on_resize(event)
        self._plotted = None
        self._draw()

    def title_line(self) -> Line:
        return tabs(list(PAGES), self.page)

    def note_line(self) -> Line:
        report = self._report
        if self._trouble:
            return text(self._trouble, "bad")
        if report is None:
            return text("reading the journal ...", "dim")
        days = text(f"{report.day:%Y-%m-%d} alone", "warn") if report.day is not None else text("all days", "dim")
        runs = f.plural(len(report.runs), "run")
        return join(
            [
                text(f.plural(len(report.trades), "trade"), "strong"),
                text(f"of {runs}", "dim"),
                days,
                text(self._span(report), "dim"),
            ]
        )

    @staticmethod
    def _span(report: Report) -> str:
        if report.from_ms is None or report.until_ms is None:
            return "nothing has happened yet"
        begun, ended = f.date_time(report.from_ms), f.date_time(report.until_ms)
        return f"{begun[:-3]} to {ended[11:-3] if ended[:10] == begun[:10] else ended[:-3]} UTC"

    def hint(self) -> str:
        return "1-5: page  left, right: day  0: all days  up, down: scroll  Esc: back"

    # --- reading -----------------------------------------------------------------------------------------------------

    def followed(self) -> None:
        if not self._is_reading and self.picture.now_ms - self._read_at_ms >= _AGAIN_MS:
            self.read()

    def read(self) -> None:
        records, day = self.console.outside.records, self.day
        if records is None:
            self._trouble = "this console was given no journal"
            self.refresh_bars()
            return
        self._is_reading = True
        self._read_at_ms = self.picture.now_ms
        self.fetch(lambda: records.report(day), self._read)

    def _read(self, answer: Report | Exception) -> None:
        self._is_reading = False
        if isinstance(answer, Exception):
            self._trouble = failure(answer)
        else:
            self._trouble = ""
            self._report = answer
            self._draw()
        self.refresh_bars()

    def _draw(self) -> None:
        report = self._report
        if report is None:
            return
        width = max(60, self.size.width - 3)
        match self.page:
            case 0:
                self._tell(figure_lines(report, width))
            case 1:
                self._tell(verdict_lines(report, width))
            case 2:
                self._fill(report)
            case 3:
                self._plot(report)
            case _:
                self._tell(day_lines(report.review, width))

    def _tell(self, lines: list[Line]) -> None:
        self.query_one("#lines", Static).update(as_content(lines))

    def _fill(self, report: Report) -> None:
        columns = [c for c in _COLUMNS if self.size.width >= c[3]]
        shapes = [Shape(title, width, right) for title, width, right, _, _ in columns]
        rows = [[cell(trade) for *_, cell in columns] for trade in reversed(report.trades)]
        self.query_one("#trades", RoomTable).fill(shapes, rows)

    def _plot(self, report: Report) -> None:
        if self._plotted is not None and self._plotted.series == report.series:
            return
        from hip3_tui.screens.report_plots import SeriesPlot

        self._plotted = report
        box = self.query_one("#plots", VerticalScroll)
        box.remove_children()
        box.mount(*(SeriesPlot(series) for series in report.series))
        box.set_class(self.size.width >= 150, "-wide")

    # --- keys --------------------------------------------------------------------------------------------------------

    def action_page(self, number: int) -> None:
        self._turn_to(number)
        if number == DAY and self.day is None:
            self.action_day(0)
        self._draw()
        self.refresh_bars()

    def _turn_to(self, number: int) -> None:
        self.page = number
        shown = {TRADES: "#trades", PLOTS: "#plots"}.get(number, "#story")
        for name in ("#story", "#trades", "#plots"):
            self.query_one(name).display = name == shown
        self.set_focus(self.query_one(shown))

    def action_day(self, by: int) -> None:
        today = datetime.fromtimestamp(self.picture.now_ms / 1000, UTC).date()
        day = (self.day or today) + timedelta(days=by if self.day is not None else 0)
        self.day = min(day, today)
        self._again()

    def action_all_days(self) -> None:
        self.day = None
        if self.page == DAY:
            self._turn_to(FIGURES)
        self._again()

    def _again(self) -> None:
        self._report = None
        self.refresh_bars()
        self.read()


def _reason(trade: TradeResult) -> tuple[str, str]:
    return (
        trade.exit_reason.value + ("" if trade.is_strategy else ", not a signal's"),
        "" if trade.is_strategy else "warn",
    )


def _signed(value: Any) -> tuple[str, str]:
    return (f.signed_bps(value), "dim" if value is None else "")


def _usd(value: Any) -> tuple[str, str]:
    return (f.signed_usd(value), "good" if value > 0 else "bad" if value < 0 else "")


_COLUMNS: tuple[tuple[str, int, bool, int, Any], ...] = (
    # title, width, right, least width of the terminal, cell
    ("NO", 4, True, 0, lambda t: (str(t.number), "dim")),
    ("TIME (UTC)", 14, False, 0, lambda t: (f.date_time(t.exit_ms)[5:], "dim")),
    ("MARKET", 10, False, 0, lambda t: (t.market.name, "strong")),
    ("SIDE", 5, False, 100, lambda t: ("LONG" if t.side is OrderSide.BUY else "SHORT", "accent")),
    ("NET", 7, True, 0, lambda t: _usd(t.net_pnl_usd)),
    ("SUM", 8, True, 0, lambda t: _usd(t.pnl_cumulative_usd)),
    ("EXPECTED", 8, True, 120, lambda t: _signed(t.expected_edge_bps)),
    ("ACTUAL", 7, True, 0, lambda t: _signed(t.actual_edge_bps)),
    ("LEFT", 7, True, 120, lambda t: _signed(t.net_edge_bps)),
    ("SLIPPED", 7, True, 140, lambda t: _signed(t.slippage_bps)),
    ("EDGE WAS", 10, False, 160, lambda t: (t.edges.verdict if t.edges is not None else "", "dim")),
    ("HELD", 6, True, 110, lambda t: (f.age(t.held_ms), "")),
    ("FLAT IN", 7, True, 150, lambda t: (f.age(t.flat_time_ms), "")),
    ("BECAUSE", 10, False, 0, _reason),
)  # fmt: skip
