"""The totals, one line each, with their intervals.

Easy to get wrong: edges and slippage are those of trades that a signal opened; PnL is everybody's, manual trades included, because the
account pays for all of them. `fill_rate` counts orders as the counters of the run do (facts.OrderFact).

SPEC 10; plan 3.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial

from core.analysis.facts import OrderFact
from core.analysis.statistics import mean, rate, total
from core.messages.report import Estimate, Metric, TradeResult
from core.model.position import FundingPayment


def fill_rate(orders: Iterable[OrderFact]) -> Estimate:
    """accepted / (accepted + rejected + timeout)."""
    counted = list(orders)
    accepted = sum(o.accepted for o in counted)
    return rate(accepted, accepted + sum(o.rejected for o in counted) + sum(o.timed_out for o in counted))


def metrics(
    trades: Sequence[TradeResult], orders: Sequence[OrderFact], funding: Sequence[FundingPayment], denied: int
) -> tuple[Metric, ...]:
    ours = [t for t in trades if t.is_strategy]
    net = [t.net_pnl_usd for t in trades]
    entries = [o for o in orders if o.purpose == "entry" and (o.accepted or o.rejected or o.timed_out)]
    judged = [t.edges.verdict for t in ours if t.edges is not None and t.edges.verdict]
    accepted, rejected, timed_out = (
        sum(getattr(o, how) for o in orders) for how in ("accepted", "rejected", "timed_out")
    )

    of_trades, paid = [t.funding_usd for t in trades], [p.usdc for p in funding]

    def bps(name: str, title: str, of: Callable[[TradeResult], Decimal | None], note: str = "") -> Metric:
        return Metric(name, title, "bps", mean(_known(of(t) for t in ours)), note)

    return (
        Metric("trades", "trades", "", total([Decimal(1)] * len(trades)), f"{len(ours)} of them opened by a signal"),
        Metric("fill_rate", "fill rate", "%", fill_rate(orders), f"{accepted} accepted, {rejected} rejected, {timed_out} timed out"),
        Metric("entry_fill_rate", "entries filled", "%", rate(sum(o.filled for o in entries), len(entries)), "of those sent"),
        Metric("win_rate", "trades won", "%", rate(sum(n > 0 for n in net), len(net)), "after fees and funding"),
        bps("expected_edge_bps", "expected edge", lambda t: t.expected_edge_bps, "at the signal, after both fees"),
        bps("actual_edge_bps", "actual edge", lambda t: t.actual_edge_bps, "exit against entry, before fees"),
        bps("net_edge_bps", "net edge", lambda t: t.net_edge_bps, "after fees and funding"),
        bps("slippage_bps", "slippage", lambda t: t.slippage_bps, "expected - actual, as the plan has it"),
        bps("shortfall_bps", "shortfall", lambda t: t.shortfall_bps, "expected - net: like for like"),
        *_parts(bps),
        bps("edge_at_signal_bps", "edge at signal", lambda t: t.edges.at_signal if t.edges else None, "before costs"),
        bps("edge_at_fill_bps", "edge at fill", lambda t: t.edges.at_fill if t.edges else None),
        bps("edge_after_1s_bps", "edge 1 s later", lambda t: t.edges.after_1s if t.edges else None),
        bps("edge_after_3s_bps", "edge 3 s later", lambda t: t.edges.after_3s if t.edges else None),
        bps("edge_after_5s_bps", "edge 5 s later", lambda t: t.edges.after_5s if t.edges else None),
        Metric("structural_rate", "edges still there", "%", rate(judged.count("structural"), len(judged)), "after 5 s: a spread, not a stale quote"),
        Metric("pnl_per_trade", "PnL per trade", "USD", mean(net), "after fees and funding"),
        Metric("pnl_gross_usd", "PnL before costs", "USD", total([t.gross_pnl_usd for t in trades]), "the exchange's closedPnl"),
        Metric("fees_usd", "- fees", "USD", total([t.fees_usd for t in trades]), "of both sides"),
        Metric("funding_usd", "+ funding", "USD", total(of_trades), "while trades were open; > 0 was received"),
        Metric("pnl_cumulative", "= PnL", "USD", total(net), "after fees and funding"),
        Metric("funding_other_usd", "other funding", "USD", total(paid, -sum(of_trades, Decimal(0))), "of what is no trade here: open still, or another's"),
        Metric("flat_time_ms", "flat time", "ms", mean([Decimal(t.flat_time_ms) for t in trades]), "decision to close until flat"),
        Metric("held_ms", "held", "ms", mean([Decimal(t.held_ms) for t in trades]), "entry to flat, the plan's flat_time_ms"),
        Metric("signals_denied", "signals denied", "", total([Decimal(1)] * denied)),
    )  # fmt: skip


def _parts(bps: Callable[..., Metric]) -> list[Metric]:
    titles = {
        "allowance": "limit beyond the touch, not needed",
        "rounding": "rounding of the limit",
        "latency": "the touch moved before the fill",
        "impact": "fill against the touch",
        "exit": "exit against the oracle at the signal",
        "fees": "two fees, in expected only",
        "rest": "what could not be told apart",
    }
    return [bps(f"slippage_{name}_bps", f"  {name}", partial(_part, name), title) for name, title in titles.items()]


def _part(name: str, t: TradeResult) -> Decimal | None:
    part: Decimal | None = getattr(t.parts, name) if t.parts else None
    return part


def _known(values: Iterable[Decimal | None]) -> list[Decimal]:
    return [v for v in values if v is not None]
