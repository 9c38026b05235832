"""The report: everything there is to say about a journal, or about one UTC day of it.

A pure function of facts and the time. Easy to get wrong: the checkpoints of a day's report are those of the whole run up to the end of that
day, because ten trades are ten trades whatever day they were made on.

SPEC 10.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from msgspec.structs import replace

from core.analysis.facts import Facts
from core.analysis.go_no_go import checkpoints, phase_c
from core.analysis.metrics import metrics
from core.analysis.review import daily_review
from core.analysis.series import all_series
from core.analysis.trades import trade_results
from core.messages.report import Report, TradeResult

DAY_MS = 86_400_000


def make_report(facts: Facts, made_at_ms: int, day: date | None = None, run_id: int | None = None) -> Report:
    """Args: day: of that UTC day alone. run_id: of one run alone."""
    if run_id is not None:
        facts = _of_run(facts, run_id)
    shown, until = facts, facts
    if day is not None:
        start_ms = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
        shown, until = _between(facts, start_ms, start_ms + DAY_MS), _between(facts, 0, start_ms + DAY_MS)
    trades = trade_results(shown)
    so_far = trades if day is None else trade_results(until)
    times = _times(shown, trades)
    return Report(
        source=facts.source,
        network=next((r.network for r in reversed(shown.runs) if r.network), ""),
        account=next((r.account for r in reversed(shown.runs) if r.account), ""),
        runs=tuple(r.run_id for r in shown.runs),
        from_ms=min(times, default=None),
        until_ms=max(times, default=None),
        made_at_ms=made_at_ms,
        day=day,
        trades=trades,
        metrics=metrics(trades, shown.orders, shown.funding, sum(d.count for d in shown.denied)),
        checkpoints=checkpoints(so_far, until.orders),
        phase_c=phase_c(so_far, until),
        series=all_series(trades, shown.orders),
        review=None if day is None else daily_review(day, trades, shown),
        notes=_notes(facts, trades),
    )


def _times(facts: Facts, trades: tuple[TradeResult, ...]) -> list[int]:
    return [
        *(r.started_ms for r in facts.runs),
        *(r.ended_ms for r in facts.runs if r.ended_ms is not None),
        *(t.exit_ms for t in trades),
        *(o.at_ms for o in facts.orders),
    ]


def _notes(facts: Facts, trades: tuple[TradeResult, ...]) -> tuple[str, ...]:
    notes = list(facts.notes)
    others = sum(not t.is_strategy for t in trades)
    if others:
        notes.append(
            f"{others} trades were opened by no signal of ours: in the PnL, not in edges, slippage and verdicts"
        )
    networks = sorted({r.network for r in facts.runs if r.network})
    if len(networks) > 1:
        notes.append(f"runs on several networks are in it: {', '.join(networks)}")
    return tuple(notes)


def _of_run(facts: Facts, run_id: int) -> Facts:
    run = next((r for r in facts.runs if r.run_id == run_id), None)
    until_ms = min((r.started_ms for r in facts.runs if r.run_id > run_id), default=None)
    start_ms = 0 if run is None else run.started_ms
    within = _between(facts, start_ms, until_ms if until_ms is not None else 1 << 62)
    return replace(
        within,
        denied=tuple(d for d in facts.denied if d.run_id == run_id),
        runs=tuple(r for r in facts.runs if r.run_id == run_id),
        trades=tuple(t for t in facts.trades if t.run_id == run_id),
        orders=tuple(o for o in facts.orders if o.run_id == run_id),
    )


def _between(facts: Facts, start_ms: int, until_ms: int) -> Facts:
    """What happened in [start, until). Signals and edges go with their trades, which are looked up by id."""
    return replace(
        facts,
        runs=tuple(r for r in facts.runs if r.started_ms < until_ms and (r.ended_ms is None or r.ended_ms >= start_ms)),
        trades=tuple(t for t in facts.trades if start_ms <= t.trade.exit_ms < until_ms),
        orders=tuple(o for o in facts.orders if start_ms <= o.at_ms < until_ms),
        funding=tuple(p for p in facts.funding if start_ms <= p.time_ms < until_ms),
        events=tuple(e for e in facts.events if start_ms <= e.at_ms < until_ms),
        denied=tuple(d for d in facts.denied if start_ms <= d.day_ms < until_ms),
    )
