"""A report as lines of text: figures with how well they are known, Go/No-Go and Phase C with the numbers behind them, one day's review.

Computes nothing: every number is the report's own. Rule that is easy to get wrong: what is not known is a dash, and what cannot be judged yet is
neither passed nor failed.

SPEC 10.
"""

from __future__ import annotations

from decimal import Decimal

from core.messages.report import Check, Checkpoint, DailyReview, Metric, Oddity, PhaseC, Report, ReviewItem, Verdict
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, join, text

_TITLE, _VALUE, _RANGE, _COUNT = 22, 11, 22, 7
_PLATES = {
    Verdict.NOT_REACHED: "plate-dim",
    Verdict.GO: "plate-good",
    Verdict.REVIEW: "plate-warn",
    Verdict.BACK: "plate-bad",
    Verdict.DECIDE: "plate-warn",
    Verdict.ANALYSE: "plate-warn",
}


def figure_lines(report: Report, width: int) -> list[Line]:
    """A line for each figure: value, bounds, observations, note."""
    lines: list[Line] = [
        (
            (
                f"{'FIGURE':<{_TITLE}}{'VALUE':>{_VALUE}}  {'95 % OF THE TIME WITHIN':<{_RANGE}}{'FROM':>{_COUNT}}",
                "dim",
            ),
        )
    ]
    for metric in report.metrics:
        estimate = metric.estimate
        value = number(estimate.value, metric.unit)
        bounds = ""
        if estimate.low is not None and estimate.high is not None:
            bounds = f"{number(estimate.low, metric.unit)} to {number(estimate.high, metric.unit)}"
        room = width - _TITLE - _VALUE - _RANGE - _COUNT - 4
        style = "dim" if estimate.value is None or metric.title.startswith(" ") else _sign(metric)
        lines.append(
            (
                (f"{metric.title:<{_TITLE}}", "" if metric.title.startswith(" ") else "strong"),
                (f"{value:>{_VALUE}}", style),
                (f"  {bounds:<{_RANGE}}", "dim"),
                (f"{estimate.count:>{_COUNT}}", "dim"),
                (f"  {f.fit(metric.note, room).rstrip()}" if room >= 24 else "", "dim"),
            )
        )
    lines += [()] if report.notes else []
    return lines + [text(piece, "warn") for note in report.notes for piece in f.wrap(f"note: {note}", width)]


def _sign(metric: Metric) -> str:
    """Money and edge that were left over are good or bad by their sign; everything else is what it is."""
    value = metric.estimate.value
    if value is None or metric.name not in ("net_edge_bps", "pnl_per_trade", "pnl_cumulative", "actual_edge_bps"):
        return ""
    return "good" if value > 0 else "bad" if value < 0 else ""


def number(value: Decimal | None, unit: str) -> str:
    if value is None:
        return f.UNKNOWN
    match unit:
        case "%":
            return f"{value * 100:.1f} %"
        case "USD":
            return f.signed_usd(value)
        case "bps":
            return f"{value:+.1f} bps"
        case "ms":
            return f.age(int(value)) if value >= 0 else f"-{f.age(int(-value))}"
    return f.size(round(value, 2))


def verdict_lines(report: Report, width: int) -> list[Line]:
    """The three checkpoints and Phase C."""
    lines: list[Line] = []
    for checkpoint in report.checkpoints:
        lines += [*_checkpoint(checkpoint, width), ()]
    return lines + _phase_c(report.phase_c, width)


def _checkpoint(checkpoint: Checkpoint, width: int) -> list[Line]:
    plate = text(f" {checkpoint.verdict.value.upper()} ", _PLATES[checkpoint.verdict])
    head = join([text(f"At {checkpoint.trades} trades", "title"), plate, text(checkpoint.action, "strong")])
    return [head, *(line for check in checkpoint.checks for line in _check(check, width))]


def _phase_c(phase: PhaseC, width: int) -> list[Line]:
    words, style = {
        True: ("MAY BEGIN", "plate-good"),
        False: ("NOT YET", "plate-bad"),
        None: ("CANNOT BE JUDGED YET", "plate-dim"),
    }[phase.passed]
    head = join([text("Phase C", "title"), text(f" {words} ", style)])
    return [head, *(line for check in phase.checks for line in _check(check, width))]


def _check(check: Check, width: int) -> list[Line]:
    mark, style = {True: ("✓", "good"), False: ("✗", "bad"), None: ("·", "dim")}[check.passed]
    limit = f"needs {check.limit}" if check.limit else ""
    head: Line = (
        (f"  {mark} ", style),
        (f"{check.name.replace('_', ' '):<18}", ""),
        (f"{check.value:>11}  ", "strong"),
        (f"{limit:<16}", "dim"),
    )
    indent = 4 + 18 + 13 + 16
    notes = f.wrap(check.note, max(20, width - indent)) if check.note else []
    lines: list[Line] = [(*head, (notes[0], "dim")) if notes else head]
    return lines + [((" " * indent, ""), (note, "dim")) for note in notes[1:]]


def day_lines(review: DailyReview | None, width: int) -> list[Line]:
    """The plan's checklist of one day, and what a person should look at."""
    if review is None:
        return [text("no day is chosen: left goes to the last day, right to the next", "dim")]
    lines: list[Line] = [text(f"{review.day:%Y-%m-%d} (UTC)", "title")]
    for item in review.checklist:
        lines += _item(item, width)
    for title, oddities in (("Errors", review.errors), ("Anomalies", review.anomalies)):
        lines += [(), join([text(title, "title"), text("none" if not oddities else str(len(oddities)), "dim")])]
        for oddity in oddities:
            lines += _oddity(oddity, width)
    return lines


def _item(item: ReviewItem, width: int) -> list[Line]:
    mark, style = {True: ("✓", "good"), False: ("✗", "bad"), None: ("?", "warn")}[item.is_ok]
    pieces = f.wrap(item.answer, max(20, width - 34)) or [""]
    lines: list[Line] = [((f"  {mark} ", style), (f.fit(item.question, 28), ""), ("  ", ""), (pieces[0], "strong"))]
    return lines + [((" " * 34, ""), (piece, "strong")) for piece in pieces[1:]]


def _oddity(oddity: Oddity, width: int) -> list[Line]:
    head = f"  {f.clock_time(oddity.at_ms)} {oddity.kind:<12} "
    pieces = f.wrap(oddity.text, max(20, width - len(head))) or [""]
    return [((head if n == 0 else " " * len(head), "dim"), (piece, "")) for n, piece in enumerate(pieces)]
