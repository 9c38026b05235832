"""What is worked out for one trade: net of fees and funding, edges, numbers, whose it was."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from analysis_facts import NOW, RUN, SNDK, edge, facts, results, signal, trade
from msgspec.structs import replace

from core.analysis.facts import TradeFact
from core.analysis.trades import trade_results
from core.model.market import MarketKey
from core.model.position import FundingPayment


def test_a_trade_is_net_of_fees() -> None:
    (found,) = results(trade())
    assert (found.number, found.trade_id, found.is_strategy) == (1, "s1-1", True)
    assert (found.gross_pnl_usd, found.fees_usd, found.net_pnl_usd) == (D("0.1"), D("0.02"), D("0.08"))
    assert (found.expected_edge_bps, found.actual_edge_bps, found.net_edge_bps) == (D(28), D(20), D(16))
    assert (found.slippage_bps, found.shortfall_bps) == (D(8), D(12))
    assert (found.flat_time_ms, found.held_ms) == (150, 30_200)


def test_trades_come_in_the_order_of_their_exits_and_the_pnl_runs_along() -> None:
    found = results(trade(3, gross_pnl_usd=D("-1")), trade(1), trade(2))
    assert [t.trade_id for t in found] == ["s1-1", "s1-2", "s1-3"]
    assert [t.number for t in found] == [1, 2, 3]
    assert [t.pnl_cumulative_usd for t in found] == [D("0.08"), D("0.16"), D("-0.86")]


def test_funding_of_its_market_while_it_was_open_is_the_trades() -> None:
    def paid(market: MarketKey, after_ms: int) -> FundingPayment:
        return FundingPayment(market, NOW + 60_000 + after_ms, D("-0.01"), D(1), D("0.0000125"))

    funding = (paid(SNDK, 0), paid(SNDK, 1), paid(SNDK, 30_200), paid(SNDK, 30_201), paid(MarketKey("", "BTC"), 5))
    (found,) = results(trade(), funding=funding)
    assert found.funding_usd == D("-0.02")
    assert found.net_pnl_usd == D("0.06")
    assert found.net_edge_bps == D(12)


def test_a_manual_trade_has_no_edge_to_judge() -> None:
    (found,) = results(trade(trade_id="", expected_edge_bps=None))
    assert not found.is_strategy
    assert (found.expected_edge_bps, found.slippage_bps, found.shortfall_bps, found.parts, found.edges) == (None,) * 5


def test_a_trade_that_another_run_closed_gets_its_signal_back() -> None:
    closed_later = trade(trade_id="", expected_edge_bps=None)
    (found,) = trade_results(replace(facts(), signals=(signal(),), trades=(TradeFact(2, closed_later, "s1-1"),)))
    assert (found.trade_id, found.is_strategy, found.run_id) == ("s1-1", True, 2)
    assert (found.expected_edge_bps, found.slippage_bps) == (D(28), D(8))


@pytest.mark.parametrize(
    ("after_5s", "verdict"), [(D(14), "decaying"), (D(15), "structural"), (D(-3), "decaying"), (None, "")]
)
def test_decaying_or_structural(after_5s: D | None, verdict: str) -> None:
    """30 bps at the signal: half of it after 5 s is no stale quote."""
    edges = (edge(1, 0, D(29)), edge(1, 1000, D(28)), edge(1, 3000, None), edge(1, 5000, after_5s))
    (found,) = results(trade(), edges=edges)
    assert found.edges is not None
    assert (found.edges.at_signal, found.edges.at_fill, found.edges.after_1s, found.edges.after_3s) == (
        30,
        29,
        28,
        None,
    )
    assert (found.edges.after_5s, found.edges.verdict) == (after_5s, verdict)


def test_edges_that_were_not_looked_at() -> None:
    (found,) = results(trade())
    assert found.edges is not None
    assert (found.edges.at_fill, found.edges.after_5s, found.edges.verdict) == (None, None, "")


def test_the_allowance_is_that_of_the_run() -> None:
    (known,) = results(trade())
    (unknown,) = results(trade(), runs=(replace(RUN, slippage_bps=None),))
    (gone,) = results(trade(), runs=())
    assert known.parts is not None
    assert known.parts.allowance is not None
    assert [t.parts.allowance for t in (unknown, gone) if t.parts is not None] == [None, None]


def test_a_trade_without_size_has_no_net_edge() -> None:
    (found,) = results(trade(size=D(0)))
    assert (found.net_edge_bps, found.shortfall_bps) == (None, None)
