"""The checkpoints at their very limits, what they are judged over, and Phase C's table."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from analysis_facts import NOW, facts, many, order, results, trade

from core.analysis.facts import EventFact
from core.analysis.go_no_go import checkpoints, missed_stops, phase_c
from core.messages.effects import Severity
from core.messages.report import Checkpoint, Verdict
from core.model.position import ExitReason


def orders(accepted: int, rejected: int):
    return [
        order(n, accepted=n <= accepted, rejected=n > accepted, created_ms=NOW)
        for n in range(1, accepted + rejected + 1)
    ]


def at(count: int, trades, made=()) -> Checkpoint:
    (found,) = (c for c in checkpoints(trades, made) if c.trades == count)
    return found


@pytest.mark.parametrize(
    ("accepted", "slippage", "verdict"),
    [
        (80, "19.9", Verdict.GO),
        (79, "19.9", Verdict.REVIEW),
        (80, "20", Verdict.REVIEW),
        (100, "-5", Verdict.GO),
    ],
)
def test_at_10(accepted: int, slippage: str, verdict: Verdict) -> None:
    trades = many(10, actual_edge_bps=28 - D(slippage))
    found = at(10, trades, orders(accepted, 100 - accepted))
    assert found.verdict is verdict
    assert [c.name for c in found.checks] == ["fill_rate", "slippage_bps"]


@pytest.mark.parametrize(
    ("pnl_usd", "accepted", "verdict"),
    [
        ("-5", 70, Verdict.GO),
        ("-5.01", 70, Verdict.DECIDE),
        ("-5", 69, Verdict.DECIDE),
        ("-10", 50, Verdict.DECIDE),
        ("-10.01", 100, Verdict.BACK),
        ("5", 49, Verdict.BACK),
    ],
)
def test_at_50(pnl_usd: str, accepted: int, verdict: Verdict) -> None:
    trades = many(50, gross_pnl_usd=D(pnl_usd) / 50 + D("0.02"))
    assert at(50, trades, orders(accepted, 100 - accepted)).verdict is verdict


@pytest.mark.parametrize(("edge", "verdict"), [("0.01", Verdict.GO), ("0", Verdict.ANALYSE), ("-3", Verdict.ANALYSE)])
def test_at_100(edge: str, verdict: Verdict) -> None:
    found = at(100, many(100, actual_edge_bps=D(edge)))
    assert found.verdict is verdict
    assert [c.name for c in found.checks] == ["actual_edge_bps", "net_edge_bps"]


@pytest.mark.parametrize(("gross_usd", "is_left"), [("0.03", True), ("0.02", False), ("0.01", False)])
def test_at_100_an_edge_that_fees_ate_is_said_to_be_gone(gross_usd: str, is_left: bool) -> None:
    """The plan judges before fees; the operator reads both."""
    found = at(100, many(100, gross_pnl_usd=D(gross_usd)))
    assert found.verdict is Verdict.GO
    assert ("nothing is left after them" in found.checks[1].note) is not is_left


def test_one_trade_short_is_not_reached_and_shows_how_it_stands() -> None:
    found = at(10, many(9), orders(9, 0))
    assert found.verdict is Verdict.NOT_REACHED
    assert [(c.name, c.passed) for c in found.checks] == [("fill_rate", True), ("slippage_bps", True), ("trades", None)]


def test_manual_trades_do_not_count() -> None:
    trades = results(*(trade(n) for n in range(1, 10)), trade(10, trade_id="", expected_edge_bps=None))
    assert at(10, trades).verdict is Verdict.NOT_REACHED


def test_what_came_after_the_tenth_trade_does_not_change_what_was_said() -> None:
    late = [order(900 + n, accepted=False, rejected=True, created_ms=NOW + 11 * 60_000) for n in range(100)]
    trades = results(*(trade(n) for n in range(1, 11)), trade(11, actual_edge_bps=D(-9_000)))
    assert at(10, trades, orders(80, 20) + late).verdict is Verdict.GO


def test_a_figure_near_its_limit_is_said_to_be_uncertain() -> None:
    (filled, _) = at(10, many(10), orders(8, 2)).checks
    assert filled.value == "80.0 %"
    assert filled.note == "Wilson 95 %: 49.0 % to 94.3 %, n = 10; not certain: the limit is inside it"
    (filled, _) = at(10, many(10), orders(1000, 0)).checks
    assert "not certain" not in filled.note


def test_nothing_to_judge() -> None:
    (filled, slippage, _) = at(10, ()).checks
    assert (filled.passed, filled.value, slippage.note) == (None, "-", "nothing to judge yet")


# --- Phase C -------------------------------------------------------------------------------------------------------------


def verdicts(found) -> dict[str, bool | None]:
    return {c.name: c.passed for c in found.checks}


def test_phase_c_with_everything_in_order() -> None:
    found = phase_c(many(100), facts(orders=tuple(orders(81, 19))))
    assert found.passed is True
    assert set(verdicts(found).values()) == {True}


def test_phase_c_is_not_judged_before_100_trades() -> None:
    assert phase_c(many(99), facts(orders=tuple(orders(81, 19)))).passed is None


@pytest.mark.parametrize(
    ("what", "trades", "others"),
    [
        ("net_edge_bps", {"gross_pnl_usd": D("0.02")}, {}),
        ("fill_rate", {}, {"orders": tuple(orders(80, 20))}),
        ("missed stops", {"flat_time_ms": 60_001}, {}),
        (
            "flatten success",
            {},
            {
                "events": tuple(
                    EventFact(NOW, Severity.CRITICAL, "alert", "flatten failed: xyz:SNDK not flat") for _ in range(5)
                )
            },
        ),
    ],
)
def test_each_condition_of_phase_c_can_fail_alone(what: str, trades: dict, others: dict) -> None:
    found = phase_c(many(100, **trades), facts(**{"orders": tuple(orders(81, 19)), **others}))
    assert found.passed is False
    assert [name for name, passed in verdicts(found).items() if not passed] == [what]


def test_flatten_success_of_what_we_closed_ourselves() -> None:
    foreign = many(5, exit_reason=ExitReason.EXTERNAL)
    (check,) = (c for c in phase_c(foreign, facts()).checks if c.name == "flatten success")
    assert (check.passed, check.value) == (None, "-")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exit_ms": NOW + 60_000 + 32_150}, ""),
        ({"exit_ms": NOW + 60_000 + 32_151}, "held 32151 ms, time stop at 30000"),
        ({"flat_time_ms": 60_000, "exit_ms": NOW + 60_000 + 90_000}, ""),
        ({"flat_time_ms": 60_001, "exit_ms": NOW + 60_000 + 90_000}, "60001 ms to get flat, 60000 allowed"),
    ],
)
def test_a_missed_stop(changes: dict, why: str) -> None:
    trades = results(trade(**changes))
    assert [told for _, told in missed_stops(trades, facts().runs)] == ([why] if why else [])
    assert [told for _, told in missed_stops(trades, ())] == (
        [why] if why else []
    )  # the plan's limits without a config
