"""One trade with everything that is known of it, net of fees and funding.

Easy to get wrong: the plan's actual_edge_bps is before fees and its expected_edge_bps after them, so their difference flatters by two fees;
`shortfall_bps` compares like with like and stands beside it.

SPEC 10; lesson L43 (edge at 1, 3 and 5 s: a spread that is always there is no stale quote).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from core.analysis.facts import EdgeFact, Facts, RunFact, TradeFact, paid_between
from core.analysis.slippage import slippage_parts
from core.messages.report import EdgePath, TradeResult
from core.model.signal import Signal

_BPS = Decimal(10_000)
_STRUCTURAL = Decimal("0.5")
"""An edge of which this much is left after 5 s was no stale quote."""

_Edges = Mapping[str, Mapping[int, EdgeFact]]


def trade_results(facts: Facts) -> tuple[TradeResult, ...]:
    """Every trade in the order of its exit, numbered, with the PnL running along."""
    signals = {s.signal_id: s for s in facts.signals}
    runs = {r.run_id: r for r in facts.runs}
    edges: dict[str, dict[int, EdgeFact]] = {}
    for edge in facts.edges:
        edges.setdefault(edge.signal_id, {})[edge.after_ms] = edge
    results, cumulative = [], Decimal(0)
    for number, fact in enumerate(sorted(facts.trades, key=lambda t: t.trade.exit_ms), 1):
        funding = paid_between(facts.funding, fact.trade.market, fact.trade.entry_ms, fact.trade.exit_ms)
        cumulative += fact.trade.net_pnl_usd + funding
        results.append(
            _result(number, fact, signals.get(fact.signal_id), edges, runs.get(fact.run_id), funding, cumulative)
        )
    return tuple(results)


def _result(
    number: int,
    fact: TradeFact,
    signal: Signal | None,
    edges: _Edges,
    run: RunFact | None,
    funding: Decimal,
    cumulative: Decimal,
) -> TradeResult:
    trade = fact.trade
    net = trade.net_pnl_usd + funding
    notional = trade.entry_price * trade.size
    net_edge = net / notional * _BPS if notional else None
    expected = trade.expected_edge_bps
    if expected is None and signal is not None:
        expected = signal.expected_edge_bps
    seen = edges.get(fact.signal_id, {})
    return TradeResult(
        number=number,
        run_id=fact.run_id,
        trade_id=fact.signal_id or trade.trade_id,
        market=trade.market,
        side=trade.side,
        size=trade.size,
        entry_price=trade.entry_price,
        exit_price=trade.exit_price,
        entry_ms=trade.entry_ms,
        exit_ms=trade.exit_ms,
        exit_reason=trade.exit_reason,
        exit_attempts=trade.exit_attempts,
        is_strategy=signal is not None,
        gross_pnl_usd=trade.gross_pnl_usd,
        fees_usd=trade.fees_usd,
        funding_usd=funding,
        net_pnl_usd=net,
        pnl_cumulative_usd=cumulative,
        expected_edge_bps=expected,
        actual_edge_bps=trade.actual_edge_bps,
        net_edge_bps=net_edge,
        slippage_bps=None if expected is None else expected - trade.actual_edge_bps,
        shortfall_bps=None if expected is None or net_edge is None else expected - net_edge,
        parts=None if signal is None else slippage_parts(trade, signal, seen.get(0), run.slippage_bps if run else None),
        edges=None if signal is None else _path(signal, seen),
        flat_time_ms=trade.flat_time_ms,
        held_ms=max(0, trade.exit_ms - trade.entry_ms),
    )


def _path(signal: Signal, seen: Mapping[int, EdgeFact]) -> EdgePath:
    at_fill, one, three, five = (seen[ms].edge_bps if ms in seen else None for ms in (0, 1_000, 3_000, 5_000))
    verdict = ""
    if five is not None:
        verdict = "structural" if five >= signal.edge_bps * _STRUCTURAL else "decaying"
    return EdgePath(signal.edge_bps, at_fill, one, three, five, verdict)
