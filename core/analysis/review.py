"""One day, as the plan's checklist wants it looked at: trades, PnL, errors, oddities, parameters.

It points; it judges only where a limit is given. Easy to get wrong: "nothing found" and "not looked at" are different answers.

SPEC 10 (daily review); plan 5.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from core.analysis.facts import EventFact, Facts, RunFact
from core.analysis.go_no_go import FIRST_FILL_RATE, FIRST_SLIPPAGE_BPS, missed_stops
from core.analysis.metrics import fill_rate
from core.analysis.statistics import mean
from core.messages.effects import Severity
from core.messages.report import DailyReview, Oddity, ReviewItem, TradeResult
from core.model.position import ExitReason

SLIPPAGE_ODD_BPS = Decimal(50)
"""The plan's limit for three in a row; here one is enough to be looked at."""
SLOW_FLAT_MS = 5_000
MANY_ATTEMPTS = 2
MOST_SHOWN = 200


def daily_review(day: date, trades: Sequence[TradeResult], facts: Facts) -> DailyReview:
    """Args: trades and facts of that day alone."""
    errors = [
        Oddity(e.at_ms, e.kind, e.text, e.correlation_id) for e in facts.events if e.severity is not Severity.INFO
    ]
    critical = sum(e.severity is Severity.CRITICAL for e in facts.events)
    odd = sorted([*_odd_trades(trades, facts.runs), *_odd_orders(facts), *_odd_runs(facts)], key=lambda o: o.at_ms)
    checklist = (
        ReviewItem("Trades of the day", _trades(trades), None if not trades else True),
        ReviewItem("PnL", _pnl(trades), None if not trades else sum((t.net_pnl_usd for t in trades), Decimal(0)) >= 0),
        ReviewItem("Errors in the log", f"{len(errors)} warnings and worse, {critical} of them critical", not critical),
        ReviewItem("Oddities in the metrics", f"{len(odd)} found" if odd else "none found", not odd),
        ReviewItem("Parameters", _parameters(trades, facts), None),
    )
    return DailyReview(day, checklist, tuple(errors[-MOST_SHOWN:]), tuple(odd[-MOST_SHOWN:]))


def _trades(trades: Sequence[TradeResult]) -> str:
    if not trades:
        return "none"
    won = sum(t.net_pnl_usd > 0 for t in trades)
    best, worst = max(trades, key=lambda t: t.net_pnl_usd), min(trades, key=lambda t: t.net_pnl_usd)
    return (
        f"{len(trades)}, {won} won; best {best.net_pnl_usd:+.4f} USD (trade {best.number}), "
        f"worst {worst.net_pnl_usd:+.4f} USD (trade {worst.number})"
    )


def _pnl(trades: Sequence[TradeResult]) -> str:
    net, fees, funding = (
        sum((getattr(t, name) for t in trades), Decimal(0)) for name in ("net_pnl_usd", "fees_usd", "funding_usd")
    )
    return f"{net:+.4f} USD after {fees:.4f} USD of fees and {funding:+.4f} USD of funding"


def _parameters(trades: Sequence[TradeResult], facts: Facts) -> str:
    filled = fill_rate(facts.orders).value
    slippage = mean([t.slippage_bps for t in trades if t.slippage_bps is not None]).value
    hints = []
    if filled is not None and filled < FIRST_FILL_RATE:
        hints.append(
            f"fill rate {filled * 100:.0f} %: too little slippage allowed, or signals that are gone when we come"
        )
    if slippage is not None and slippage >= FIRST_SLIPPAGE_BPS:
        hints.append(f"slippage {slippage:.1f} bps: ask for more edge, or take less size")
    judged = [t.edges.verdict for t in trades if t.edges is not None and t.edges.verdict]
    if judged and judged.count("structural") * 2 > len(judged):
        hints.append("most edges were still there after 5 s: a spread, not a stale quote")
    return "; ".join(hints) or "nothing in the figures asks for a change"


def _odd_trades(trades: Sequence[TradeResult], runs: Sequence[RunFact]) -> list[Oddity]:
    odd = [(t, f"missed stop: {why}") for t, why in missed_stops(trades, runs)]
    for t in trades:
        if t.slippage_bps is not None and t.slippage_bps > SLIPPAGE_ODD_BPS:
            odd.append((t, f"slippage {t.slippage_bps:.1f} bps"))
        if t.flat_time_ms > SLOW_FLAT_MS:
            odd.append((t, f"{t.flat_time_ms} ms to get flat"))
        if t.exit_attempts > MANY_ATTEMPTS:
            odd.append((t, f"{t.exit_attempts} attempts to close"))
        if t.exit_reason in (ExitReason.EXTERNAL, ExitReason.AWAY, ExitReason.HARD_STOP):
            odd.append((t, f"closed: {t.exit_reason.value}"))
    return [Oddity(t.exit_ms, "trade", f"trade {t.number}, {t.market}: {what}", t.trade_id) for t, what in odd]


def _odd_orders(facts: Facts) -> list[Oddity]:
    return [
        Oddity(o.at_ms, "order", f"{o.purpose} {o.cloid[-6:]}: no answer in time") for o in facts.orders if o.timed_out
    ]


def _odd_runs(facts: Facts) -> list[Oddity]:
    odd = [Oddity(e.at_ms, e.kind, e.text) for e in facts.events if _is_latch(e)]
    for r in facts.runs:
        if r is not facts.runs[-1] and not r.ended_clean:
            odd.append(Oddity(r.started_ms, "run", f"run {r.run_id} did not end in order"))
    return odd


def _is_latch(e: EventFact) -> bool:
    return e.kind == "latch" and e.text.startswith("tripped")
