"""A report with everything in it, made by the analysis from trades by hand: good and bad ones, a manual one, errors, a rebuilt signal."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

from analysis_facts import NOW, RUN, edge, facts, order, trade

from core.analysis.facts import EventFact
from core.analysis.report import make_report
from core.messages.effects import Severity
from core.messages.report import Report
from core.model.position import ExitReason

DAY = date(2026, 9, 22)


def sample(day: date | None = None, count: int = 60) -> Report:
    trades = [
        trade(n, actual_edge_bps=D(n % 37 - 12), gross_pnl_usd=D(n % 37 - 12) / 100, flat_time_ms=100 + n * 7 % 400)
        for n in range(1, count + 1)
    ]
    if trades:
        trades[0] = trade(1, exit_reason=ExitReason.HARD_STOP, actual_edge_bps=D("-52.25"), gross_pnl_usd=D("-0.26"))
        trades[-1] = trade(count, trade_id="", expected_edge_bps=None, exit_reason=ExitReason.AWAY)
    hostile = '<script>alert(1)</script> & "so on"'
    made = facts(
        trades,
        orders=tuple(order(n, rejected=n % 9 == 0, accepted=n % 9 != 0) for n in range(1, count + 1)),
        edges=tuple(edge(n, ms, D(30 - ms // 200)) for n in range(1, count) for ms in (0, 1000, 3000, 5000)),
        events=(
            EventFact(NOW, Severity.CRITICAL, "alert", hostile, "s1-1"),
            EventFact(NOW, Severity.INFO, "latch", "tripped: loss"),
        ),
        notes=(hostile,),
    )
    return make_report(made, NOW + 9_000_000, day)


def empty() -> Report:
    return make_report(facts(runs=(), notes=()), NOW)


__all__ = ["DAY", "RUN", "empty", "sample"]
