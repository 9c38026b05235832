"""Go/No-Go at 10, 50 and 100 trades, and Phase C's table, each with the numbers behind it.

A checkpoint is judged over the first so many trades that a signal opened, and the orders made up to the end of the last of them: what comes later
does not change what it said. Easy to get wrong: the figure decides, as the plan has it; whether it is more than luck its interval says, in
the note, and the operator reads both.

SPEC 10; plan 3.6, 4.3, 6; lesson L43.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from core.analysis.facts import EventFact, Facts, OrderFact, RunFact
from core.analysis.metrics import fill_rate
from core.analysis.statistics import mean, rate
from core.messages.report import Check, Checkpoint, Estimate, PhaseC, TradeResult, Verdict
from core.model.position import ExitReason

_D = Decimal
FIRST_FILL_RATE, FIRST_SLIPPAGE_BPS = _D("0.8"), _D(20)
SECOND_PNL_USD, SECOND_FILL_RATE = _D(-5), _D("0.7")
SECOND_PNL_BACK_USD, SECOND_FILL_RATE_BACK = _D(-10), _D("0.5")
PHASE_C_TRADES, PHASE_C_FILL_RATE, PHASE_C_FLATTENED = 100, _D("0.8"), _D("0.95")
MISSED_STOP_MARGIN_MS = 2_000
"""Entry times are the exchange's: its clock may be as far from ours as is only warned about."""
FLATTEN_FAILED = "flatten failed: "
_TIME_STOP_MS, _REDUCE_ONLY_TIMEOUT_MS = 30_000, 60_000
"""The plan's, for runs whose config the journal does not have."""

_ACTIONS = {
    Verdict.NOT_REACHED: "go on; not judged yet",
    Verdict.GO: "go on",
    Verdict.REVIEW: "stop, review the parameters, start again",
    Verdict.BACK: "stop; back to Phase A",
    Verdict.DECIDE: "between go and stop: the operator decides",
    Verdict.ANALYSE: "stop; analyse before anything else",
}


def checkpoints(trades: Sequence[TradeResult], orders: Sequence[OrderFact]) -> tuple[Checkpoint, ...]:
    """All three, reached or not."""
    ours = [t for t in trades if t.is_strategy]
    judges: tuple[tuple[int, Callable[[Sequence[TradeResult], Estimate], tuple[Verdict, list[Check]]]], ...] = (
        (10, _at_10),
        (50, _at_50),
        (100, _at_100),
    )
    found = []
    for at, judge in judges:
        window = ours[:at]
        within = [o for o in orders if o.created_ms <= window[-1].exit_ms] if len(window) == at else orders
        verdict, checks = judge(window, fill_rate(within))
        if len(window) < at:
            verdict = Verdict.NOT_REACHED
            checks.append(Check("trades", str(len(window)), f">= {at}", None, "so far"))
        found.append(Checkpoint(at, verdict, _ACTIONS[verdict], tuple(checks)))
    return tuple(found)


def _at_10(window: Sequence[TradeResult], filled: Estimate) -> tuple[Verdict, list[Check]]:
    slippage = mean([t.slippage_bps for t in window if t.slippage_bps is not None])
    checks = [
        _check("fill_rate", filled, ">= 80 %", lambda v: v >= FIRST_FILL_RATE, _percent),
        _check("slippage_bps", slippage, "< 20 bps", lambda v: v < FIRST_SLIPPAGE_BPS, _bps),
    ]
    return (Verdict.GO if all(c.passed for c in checks) else Verdict.REVIEW), checks


def _at_50(window: Sequence[TradeResult], filled: Estimate) -> tuple[Verdict, list[Check]]:
    pnl = _sum(window)
    checks = [
        _check("pnl_cumulative", pnl, ">= -$5", lambda v: v >= SECOND_PNL_USD, _usd),
        _check("fill_rate", filled, ">= 70 %", lambda v: v >= SECOND_FILL_RATE, _percent),
    ]
    if all(c.passed for c in checks):
        return Verdict.GO, checks
    is_back = pnl.value is not None and pnl.value < SECOND_PNL_BACK_USD
    is_back |= filled.value is not None and filled.value < SECOND_FILL_RATE_BACK
    return (Verdict.BACK if is_back else Verdict.DECIDE), checks


def _at_100(window: Sequence[TradeResult], filled: Estimate) -> tuple[Verdict, list[Check]]:
    edge = mean([t.actual_edge_bps for t in window])
    net = mean([t.net_edge_bps for t in window if t.net_edge_bps is not None])
    checks = [_check("actual_edge_bps", edge, "> 0 bps", lambda v: v > 0, _bps)]
    verdict = Verdict.GO if checks[0].passed else Verdict.ANALYSE
    left = "" if net.value is None or net.value > 0 else "; nothing is left after them, whatever the line above says"
    checks.append(
        Check("net_edge_bps", _bps(net.value), "", None, f"after fees and funding{left}; {_interval(net, _bps)}")
    )
    return verdict, checks


def phase_c(trades: Sequence[TradeResult], facts: Facts) -> PhaseC:
    """The plan's chapter 6 over everything there is."""
    ours = [t for t in trades if t.is_strategy]
    net = mean([t.net_edge_bps for t in ours if t.net_edge_bps is not None])
    missed = missed_stops(trades, facts.runs)
    exits = [t for t in trades if t.exit_reason not in (ExitReason.EXTERNAL, ExitReason.AWAY)]
    failed = min(len(exits), len(flatten_failures(facts.events)))
    checks = (
        Check("trades", str(len(ours)), f">= {PHASE_C_TRADES}", len(ours) >= PHASE_C_TRADES),
        _check("net_edge_bps", net, "> 0 bps", lambda v: v > 0, _bps),
        Check(
            "missed stops", str(len(missed)), "0", not missed if trades else None,
            "; ".join(f"trade {t.number}: {why}" for t, why in missed[:3]),
        ),
        _check("fill_rate", fill_rate(facts.orders), "> 80 %", lambda v: v > PHASE_C_FILL_RATE, _percent),
        _check("flatten success", rate(len(exits) - failed, len(exits)), "> 95 %", lambda v: v > PHASE_C_FLATTENED, _percent),
    )  # fmt: skip
    passed = all(c.passed for c in checks)
    return PhaseC(passed if len(ours) >= PHASE_C_TRADES else None, checks)


def missed_stops(trades: Sequence[TradeResult], runs: Sequence[RunFact]) -> list[tuple[TradeResult, str]]:
    """Trades whose end was decided too late, or took too long after it."""
    by_id = {r.run_id: r for r in runs}
    missed = []
    for t in trades:
        run = by_id.get(t.run_id)
        stop_ms = run.time_stop_ms if run is not None and run.time_stop_ms is not None else _TIME_STOP_MS
        limit_ms = (
            run.reduce_only_timeout_ms
            if run is not None and run.reduce_only_timeout_ms is not None
            else _REDUCE_ONLY_TIMEOUT_MS
        )
        if t.flat_time_ms > limit_ms:
            missed.append((t, f"{t.flat_time_ms} ms to get flat, {limit_ms} allowed"))
        elif t.held_ms - t.flat_time_ms > stop_ms + MISSED_STOP_MARGIN_MS:
            missed.append((t, f"held {t.held_ms} ms, time stop at {stop_ms}"))
    return missed


def flatten_failures(events: Sequence[EventFact]) -> list[EventFact]:
    return [e for e in events if e.kind == "alert" and e.text.startswith(FLATTEN_FAILED)]


# --- how a number is told ------------------------------------------------------------------------------------------------


def _sum(window: Sequence[TradeResult]) -> Estimate:
    return Estimate(sum((t.net_pnl_usd for t in window), _D(0)), None, None, len(window), "")


def _check(
    name: str, estimate: Estimate, limit: str, holds: Callable[[Decimal], bool], tell: Callable[[Decimal | None], str]
) -> Check:
    value = estimate.value
    if value is None:
        return Check(name, "-", limit, None, "nothing to judge yet")
    note = _interval(estimate, tell)
    if estimate.low is not None and estimate.high is not None and holds(estimate.low) != holds(estimate.high):
        note += "; not certain: the limit is inside it"
    return Check(name, tell(value), limit, holds(value), note)


def _interval(e: Estimate, tell: Callable[[Decimal | None], str]) -> str:
    if e.low is None or e.high is None:
        return f"{e.count} trades" if e.count else ""
    return f"{e.method}: {tell(e.low)} to {tell(e.high)}, n = {e.count}"


def _percent(v: Decimal | None) -> str:
    return "-" if v is None else f"{v * 100:.1f} %"


def _bps(v: Decimal | None) -> str:
    return "-" if v is None else f"{v:.1f} bps"


def _usd(v: Decimal | None) -> str:
    return "-" if v is None else f"{'-' if v < 0 else ''}${abs(v):.2f}"
