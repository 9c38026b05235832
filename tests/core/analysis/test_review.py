"""The daily review: every oddity is found, and a quiet day says that it was one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest
from analysis_facts import NOW, RUN, edge, facts, order, results, trade
from msgspec.structs import replace

from core.analysis.facts import EventFact
from core.analysis.review import daily_review
from core.messages.effects import Severity
from core.model.position import ExitReason

DAY = date(2026, 9, 22)


def test_a_good_day() -> None:
    trades = results(trade(1), trade(2, gross_pnl_usd=D("0.5")))
    found = daily_review(DAY, trades, facts(orders=(order(1), order(2))))
    assert [(i.question, i.is_ok) for i in found.checklist] == [
        ("Trades of the day", True), ("PnL", True), ("Errors in the log", True), ("Oddities in the metrics", True), ("Parameters", None),
    ]  # fmt: skip
    answers = [i.answer for i in found.checklist]
    assert answers[0] == "2, 2 won; best +0.4800 USD (trade 2), worst +0.0800 USD (trade 1)"
    assert answers[1] == "+0.5600 USD after 0.0400 USD of fees and +0.0000 USD of funding"
    assert answers[4] == "nothing in the figures asks for a change"
    assert (found.errors, found.anomalies) == ((), ())


def test_a_day_without_trades_is_neither_good_nor_bad() -> None:
    found = daily_review(DAY, (), facts())
    assert [i.is_ok for i in found.checklist] == [None, None, True, True, None]


def test_errors() -> None:
    events = (
        EventFact(NOW, Severity.WARNING, "post", "no answer", "s1-1"),
        EventFact(NOW, Severity.CRITICAL, "alert", "HARD STOP", ""),
        EventFact(NOW, Severity.INFO, "latch", "released"),
    )
    found = daily_review(DAY, (), facts(events=events))
    assert [(e.kind, e.text, e.correlation_id) for e in found.errors] == [
        ("post", "no answer", "s1-1"), ("alert", "HARD STOP", ""),
    ]  # fmt: skip
    assert (found.checklist[2].answer, found.checklist[2].is_ok) == ("2 warnings and worse, 1 of them critical", False)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"actual_edge_bps": D("-22.1")}, "slippage 50.1 bps"),
        ({"flat_time_ms": 5_001}, "5001 ms to get flat"),
        ({"exit_attempts": 3}, "3 attempts to close"),
        ({"exit_reason": ExitReason.HARD_STOP}, "closed: hard stop"),
        ({"exit_ms": NOW + 200_000}, "missed stop: held 140000 ms, time stop at 30000"),
    ],
)
def test_an_odd_trade(changes: dict, what: str) -> None:
    (odd,) = daily_review(DAY, results(trade(**changes)), facts()).anomalies
    assert (odd.text, odd.correlation_id) == (f"trade 1, xyz:SNDK: {what}", "s1-1")


def test_timeouts_latches_and_runs_that_were_killed() -> None:
    events = (
        EventFact(NOW + 1, Severity.INFO, "latch", "tripped: loss"),
        EventFact(NOW, Severity.INFO, "latch", "released"),
    )
    runs = (replace(RUN, run_id=1), replace(RUN, run_id=2, started_ms=NOW + 9))
    found = daily_review(DAY, (), facts(events=events, runs=runs, orders=(order(1, at_ms=NOW + 5, timed_out=True),)))
    assert [o.text for o in found.anomalies] == [
        "run 1 did not end in order", "tripped: loss", "entry 000001: no answer in time",
    ]  # fmt: skip


def test_hints_for_the_parameters() -> None:
    orders = (order(1), order(2, accepted=False, rejected=True))
    trades = results(trade(actual_edge_bps=D(8)), edges=(edge(1, 5000, D(30)),))
    (*_, parameters) = daily_review(DAY, trades, facts(orders=orders)).checklist
    assert "fill rate 50 %" in parameters.answer
    assert "slippage 20.0 bps" in parameters.answer
    assert "a spread, not a stale quote" in parameters.answer
