"""The report as text, 80 columns wide. Pure, and nothing but display; what is not known is a dash, never zero.

Easy to get wrong: colour is never the only sign, and a file or a pipe gets the same text, so there is none at all here: a condition that holds
says ok, one that does not says NO, one that cannot be judged says a dash.

SPEC 10, 11.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from core.messages.report import Check, Checkpoint, DailyReview, Estimate, Metric, PhaseC, Report, TradeResult
from hip3_tui.format import clock_time, signed_usd, size

WIDTH = 80
LAST_TRADES = 20
MARKS = {True: "ok", False: "NO", None: "-"}


def report_text(report: Report, last_trades: int = LAST_TRADES) -> str:
    """Everything of a report, without a line that is longer than 80."""
    lines = [*_head(report), "", "GO / NO-GO"]
    for checkpoint in report.checkpoints:
        lines += _checkpoint(checkpoint)
    lines += ["", *_phase_c(report.phase_c), "", *_totals(report.metrics)]
    if report.trades:
        lines += ["", *_trades(report.trades, last_trades)]
    if report.review is not None:
        lines += ["", *_review(report.review)]
    if report.notes:
        lines += ["", "TO KNOW", *(line for note in report.notes for line in _wrapped(f"  * {note}", 4))]
    return "\n".join(line.rstrip() for line in lines)


def date_time(at_ms: int) -> str:
    """UTC, to the second."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def estimate(value: Decimal | None, unit: str) -> str:
    """A figure with its unit, as text, table and page show it."""
    if value is None:
        return "-"
    match unit:
        case "%":
            return f"{value * 100:.1f} %"
        case "USD":
            return f"{value:+.4f} USD"
        case "ms":
            return f"{value:,.0f} ms"
        case "bps":
            return f"{value:+.1f} bps"
    return f"{value:,.0f}"


def interval(e: Estimate, unit: str) -> str:
    """Both bounds; empty where there are none."""
    if e.low is None or e.high is None:
        return ""
    return f"{estimate(e.low, unit)} .. {estimate(e.high, unit)}"


def _head(r: Report) -> Iterator[str]:
    runs = f"run {r.runs[0]}" if len(r.runs) == 1 else f"runs {r.runs[0]}-{r.runs[-1]}" if r.runs else "no run"
    yield f"HIP3-TUI REPORT   {r.network.upper() or 'network not known'}   {runs}   {len(r.trades)} trades"
    if r.account:
        yield f"account  {r.account}"
    yield from _wrapped(f"journal  {r.source}", 9)
    if r.from_ms is not None and r.until_ms is not None:
        yield f"time     {date_time(r.from_ms)} to {date_time(r.until_ms)} UTC"
    if r.day is not None:
        yield f"day      {r.day.isoformat()} UTC; the checkpoints are those of the run up to its end"


def _checkpoint(c: Checkpoint) -> Iterator[str]:
    yield f" {c.trades:>4} trades  {c.verdict.value.upper():<16} {c.action}"
    for check in c.checks:
        yield from _check(check)


def _phase_c(p: PhaseC) -> Iterator[str]:
    word = {True: "MAY BEGIN", False: "NOT YET", None: "not judged before 100 trades"}[p.passed]
    yield f"PHASE C       {word}"
    for check in p.checks:
        yield from _check(check)


def _check(c: Check) -> Iterator[str]:
    line = f"      {MARKS[c.passed]:<3} {c.name:<16} {c.value:>10}   {c.limit:<10}"
    if c.note and len(line) + 1 + len(c.note) <= WIDTH:
        yield f"{line} {c.note}"
        return
    yield line
    if c.note:
        yield from _wrapped(f"          {c.note}", 10)


def _totals(metrics: tuple[Metric, ...]) -> Iterator[str]:
    yield f"{'TOTALS':<22}{'value':>14}   {'95 % interval':<28}{'n':>5}"
    for m in metrics:
        e = m.estimate
        line = f"  {m.title:<20}{estimate(e.value, m.unit):>14}   {interval(e, m.unit):<28}{e.count:>5}"
        yield line
        if m.note:
            yield from _wrapped(f"      {m.note}", 6)


def _trades(trades: tuple[TradeResult, ...], last: int) -> Iterator[str]:
    shown = trades[-last:] if last else ()
    more = "" if len(shown) == len(trades) else f", last {len(shown)} of {len(trades)}"
    yield f"TRADES{more}; expected, actual and slippage in bps"
    yield f"  {'#':>4} {'exit':8} {'market':10} {'side':4} {'size':>7} {'expect':>6} {'actual':>6} {'slip':>6} {'net':>8} reason"
    for t in shown:
        name = str(t.market)[:10]
        expected, slip = _bps(t.expected_edge_bps), _bps(t.slippage_bps)
        yield (
            f"  {t.number:>4} {clock_time(t.exit_ms)} {name:10} {t.side.value:4} {size(t.size)[:7]:>7} {expected:>6} "
            f"{_bps(t.actual_edge_bps):>6} {slip:>6} {signed_usd(t.net_pnl_usd):>8} {t.exit_reason.value}"
        )[:WIDTH]


def _bps(value: Decimal | None) -> str:
    return "-" if value is None else f"{value:+.1f}"


def _review(r: DailyReview) -> Iterator[str]:
    yield f"DAILY REVIEW  {r.day.isoformat()}"
    for item in r.checklist:
        yield from _wrapped(f"  [{MARKS[item.is_ok]:^4}] {item.question}: {item.answer}", 9)
    for title, odd in (("errors", r.errors), ("oddities", r.anomalies)):
        if odd:
            yield f"  {title}"
            for o in odd:
                yield from _wrapped(f"    {clock_time(o.at_ms)} {o.kind}: {o.text}", 13)


def _wrapped(text: str, indent: int) -> list[str]:
    """With its own indentation first, and ``indent`` blanks before every further line."""
    start = len(text) - len(text.lstrip())
    return textwrap.wrap(text.strip(), WIDTH, initial_indent=" " * start, subsequent_indent=" " * indent) or [""]
