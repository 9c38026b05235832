"""The totals: which trades and orders each one is about."""

from __future__ import annotations

from decimal import Decimal as D

from analysis_facts import NOW, SNDK, edge, order, results, trade

from core.analysis.metrics import fill_rate, metrics
from core.messages.report import Metric
from core.model.position import FundingPayment


def by_name(*args) -> dict[str, Metric]:
    return {m.name: m for m in metrics(*args)}


def test_fill_rate_is_accepted_of_all_that_was_counted() -> None:
    orders = [
        order(1),
        order(2, purpose="exit"),
        order(3, accepted=False, rejected=True, filled=False),
        order(4, timed_out=True),  # found after its time: counted both ways, as the counters do
        order(5, accepted=False, filled=False),  # dropped before it left
    ]
    found = fill_rate(orders)
    assert (found.value, found.count) == (D("0.6"), 5)


def test_entries_filled_counts_entries_that_left() -> None:
    orders = [
        order(1),
        order(2, filled=False, accepted=True),
        order(3, accepted=False, rejected=True, filled=False),
        order(4, accepted=False, filled=False),
        order(5, purpose="exit"),
    ]
    found = by_name((), orders, (), 0)["entry_fill_rate"].estimate
    assert (found.value, found.count) == (D("0.333333"), 3)


def test_edges_are_the_signals_and_pnl_is_everybodys() -> None:
    manual = trade(2, trade_id="", expected_edge_bps=None, actual_edge_bps=D(-500), gross_pnl_usd=D(-1))
    found = by_name(results(trade(1), manual), (), (), 0)
    assert (found["trades"].estimate.value, found["trades"].note) == (2, "1 of them opened by a signal")
    assert found["actual_edge_bps"].estimate.value == 20
    assert found["slippage_bps"].estimate.value == 8
    assert found["pnl_cumulative"].estimate.value == D("-0.94")
    assert found["pnl_per_trade"].estimate.value == D("-0.47")
    assert found["fees_usd"].estimate.value == D("0.04")
    assert found["win_rate"].estimate.value == D("0.5")
    assert found["held_ms"].estimate.value == 30_200


def test_parts_edges_and_what_is_structural() -> None:
    edges = (edge(1, 0), edge(1, 5000, D(29)), edge(2, 5000, D(1)), edge(3, 5000, None))
    found = by_name(results(trade(1), trade(2), trade(3), edges=edges), (), (), 7)
    assert found["slippage_latency_bps"].estimate.count == 1
    assert found["slippage_exit_bps"].estimate.count == 3
    assert found["edge_after_5s_bps"].estimate.value == 15
    assert (found["structural_rate"].estimate.value, found["structural_rate"].estimate.count) == (D("0.5"), 2)
    assert found["signals_denied"].estimate.value == 7


def test_before_costs_fees_and_funding_add_up_to_the_pnl_and_no_payment_is_lost() -> None:
    first, second = trade(1), trade(2)
    paid = [FundingPayment(SNDK, at_ms, D("-0.25"), D(1), D("0.0000125")) for at_ms in (first.exit_ms, NOW - 9_000_000)]
    found = by_name(results(first, second, funding=tuple(paid)), (), paid, 0)
    gross, fees, funding, net, other = (
        found[name].estimate.value or D(0)
        for name in ("pnl_gross_usd", "fees_usd", "funding_usd", "pnl_cumulative", "funding_other_usd")
    )
    assert (funding, other) == (D("-0.25"), D("-0.25")), "one while a trade was open, one of what is no trade here"
    assert gross - fees + funding == net
    assert funding + other == sum(p.usdc for p in paid)


def test_of_nothing_nothing_is_known() -> None:
    found = by_name((), (), (), 0)
    assert found["trades"].estimate.value == 0
    assert found["fill_rate"].estimate.value is None
    assert found["actual_edge_bps"].estimate.value is None
