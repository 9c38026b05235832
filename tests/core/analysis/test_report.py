"""What belongs to a day, to a run, and to everything."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

from analysis_facts import NOW, RUN, SNDK, facts, order, signal, trade
from msgspec.structs import replace

from core.analysis.facts import DeniedFact, EventFact, Facts, TradeFact
from core.analysis.report import DAY_MS, make_report
from core.messages.effects import Severity
from core.messages.report import Verdict
from core.model.position import FundingPayment

TODAY = date(2026, 9, 22)
TOMORROW = date(2026, 9, 23)
MIDNIGHT = NOW + DAY_MS // 2


def two_days() -> Facts:
    """Nine trades on the first day, two on the second, the first of which ended at midnight sharp."""
    first = [trade(n) for n in range(1, 10)]
    second = [trade(10, exit_ms=MIDNIGHT), trade(11, exit_ms=MIDNIGHT + 5, gross_pnl_usd=D(-1))]
    return facts(
        [*first, *second],
        orders=(*(order(n) for n in range(1, 10)), order(10, at_ms=MIDNIGHT, accepted=False, rejected=True)),
        funding=(
            FundingPayment(SNDK, MIDNIGHT - 1, D(1), D(1), D(1)),
            FundingPayment(SNDK, MIDNIGHT, D(2), D(1), D(1)),
        ),
        events=(EventFact(NOW, Severity.WARNING, "a", "today"), EventFact(MIDNIGHT, Severity.WARNING, "b", "tomorrow")),
        denied=(DeniedFact(1, MIDNIGHT - DAY_MS, 3), DeniedFact(1, MIDNIGHT, 4)),
    )


def metric(report, name: str) -> D | None:
    (found,) = (m for m in report.metrics if m.name == name)
    return found.estimate.value


def funding(report) -> D:
    """All of it, whether a trade was open or not."""
    return (metric(report, "funding_usd") or D(0)) + (metric(report, "funding_other_usd") or D(0))


def test_everything() -> None:
    found = make_report(two_days(), NOW)
    assert (found.source, found.network, found.account, found.runs) == ("journal.db", "simulator", "0xabc", (1,))
    assert (found.from_ms, found.until_ms, found.made_at_ms) == (NOW - 1_000, MIDNIGHT + 5, NOW)
    assert len(found.trades) == 11
    assert (funding(found), metric(found, "signals_denied")) == (3, 7)
    assert found.review is None
    assert len(found.series) == 5


def test_a_day_begins_at_midnight_utc() -> None:
    today, tomorrow = (make_report(two_days(), NOW, day) for day in (TODAY, TOMORROW))
    assert ([t.trade_id for t in tomorrow.trades], len(today.trades)) == (["s1-10", "s1-11"], 9)
    assert [t.number for t in tomorrow.trades] == [1, 2]
    assert (metric(today, "fill_rate"), metric(tomorrow, "fill_rate")) == (1, 0)
    assert (funding(today), funding(tomorrow)) == (1, 2)
    assert (metric(today, "signals_denied"), metric(tomorrow, "signals_denied")) == (3, 4)
    assert tomorrow.review is not None
    assert [e.text for e in tomorrow.review.errors] == ["tomorrow"]


def test_checkpoints_of_a_day_are_the_runs_up_to_its_end() -> None:
    today, tomorrow = (make_report(two_days(), NOW, day).checkpoints[0] for day in (TODAY, TOMORROW))
    assert today.verdict is Verdict.NOT_REACHED
    assert tomorrow.verdict is Verdict.GO


def test_one_run_alone() -> None:
    runs = (RUN, replace(RUN, run_id=2, started_ms=NOW + 150_000))
    trades = (TradeFact(1, trade(1), "s1-1"), TradeFact(2, trade(3), "s1-3"))
    events = (EventFact(NOW, Severity.WARNING, "a", "first"), EventFact(NOW + 150_000, Severity.WARNING, "b", "second"))
    made = replace(
        facts(), runs=runs, trades=trades, signals=(signal(1), signal(3)), orders=(order(1), order(3, run_id=2)),
        events=events, denied=(DeniedFact(1, 0, 3), DeniedFact(2, 0, 4)),
    )  # fmt: skip
    second = make_report(made, NOW, run_id=2)
    assert (second.runs, [t.trade_id for t in second.trades], metric(second, "signals_denied")) == ((2,), ["s1-3"], 4)
    first = make_report(made, NOW, TODAY, 1)
    assert (first.runs, [t.trade_id for t in first.trades]) == ((1,), ["s1-1"])
    assert first.review is not None
    assert [e.text for e in first.review.errors] == ["first"]
    assert make_report(made, NOW, run_id=9).trades == ()


def test_what_the_reader_must_know() -> None:
    manual = trade(1, trade_id="", expected_edge_bps=None)
    runs = (RUN, replace(RUN, run_id=2, network="mainnet"))
    found = make_report(facts([manual], runs=runs, notes=("run 1 goes on",)), NOW)
    assert found.notes == (
        "run 1 goes on",
        "1 trades were opened by no signal of ours: in the PnL, not in edges, slippage and verdicts",
        "runs on several networks are in it: mainnet, simulator",
    )


def test_an_empty_journal() -> None:
    found = make_report(Facts("journal.db"), NOW)
    assert (found.from_ms, found.network, found.trades, found.phase_c.passed) == (None, "", (), None)
