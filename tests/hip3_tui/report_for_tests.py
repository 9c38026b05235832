"""Reports from the real analysis over made-up trades: enough of them that every checkpoint is judged."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

from analysis_facts import NOW, facts, order, signal, trade

from core.analysis.facts import EventFact
from core.analysis.report import make_report
from core.messages.effects import Severity
from core.messages.report import Report


def a_report(count: int = 24, day: date | None = None) -> Report:
    """Wins and losses by turns, one order in nine rejected."""
    numbers = range(1, count + 1)
    at = {n: NOW + n * 61_000 for n in numbers}
    return make_report(
        facts(
            [
                trade(
                    n,
                    entry_ms=at[n] - 12_000,
                    exit_ms=at[n],
                    gross_pnl_usd=D(n * 37 % 23 - 9) / 40,
                    flat_time_ms=180 + n * 53 % 400,
                    expected_edge_bps=D(18 + n * 29 % 31),
                    actual_edge_bps=D(n * 37 % 61 - 14),
                )
                for n in numbers
            ],
            signals=tuple(signal(n) for n in numbers),
            orders=tuple(order(n, at_ms=at[n] - 12_000, accepted=n % 9 != 0, rejected=n % 9 == 0) for n in numbers),
            events=(
                EventFact(NOW + 5_000, Severity.WARNING, "latency", "answers took 2.3 s"),
                EventFact(
                    NOW + 9_000, Severity.CRITICAL, "flatten", "xyz:SNDK: an exit was refused: Insufficient margin"
                ),
            ),
        ),
        NOW + 3_000_000,
        day,
    )
