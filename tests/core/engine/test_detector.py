"""Detector: the edge of the order that would really be sent."""

from __future__ import annotations

from decimal import Decimal

from engine_rig import BUY, SELL, SNDK, D
from hypothesis import given
from hypothesis import strategies as st

from core.config import ExecutionConfig
from core.engine.detector import Detector, Dislocation
from core.engine.markets import MarketState
from core.model.market import MarketSpec
from core.model.rounding import is_valid_price

FEE, EDGE = D("4.5"), D(10)


def market(bid: str, ask: str, oracle: str, *, size: str = "1000", sz_decimals: int = 3) -> MarketState:
    state = MarketState(SNDK)
    state.spec = MarketSpec(SNDK, 110016, 16, sz_decimals, 10)
    state.bid_px, state.ask_px, state.oracle_px = D(bid), D(ask), D(oracle)
    state.bid_sz = state.ask_sz = D(size)
    state.mark_px = state.mid_px
    return state


def check(state: MarketState, factor: str = "1", cap: str = "50") -> Dislocation | None:
    return Detector(ExecutionConfig(), D(cap)).check(state, FEE, EDGE, D(factor))


def test_threshold_is_fee_and_slippage_and_edge() -> None:
    assert Detector(ExecutionConfig(), D(50)).threshold_bps(FEE, EDGE) == D("16.5")


def test_buys_at_the_threshold_and_not_below_it() -> None:
    # 16.5 bps under an oracle of 20000 is 19967.
    assert check(market("19960", "19967", "20000")) is not None
    assert check(market("19960", "19968", "20000")) is None


def test_sells_at_the_mirror_image() -> None:
    found = check(market("20033", "20040", "20000"))
    assert found is not None
    assert found.side is SELL
    assert check(market("20032", "20040", "20000")) is None


def test_price_reaches_past_the_touch_and_is_rounded_to_cross() -> None:
    found = check(market("199.00", "199.10", "200"))
    assert found is not None
    assert (found.side, found.touch_px, found.price) == (BUY, D("199.10"), D("199.14")), "199.13982 rounded up"
    sell = check(market("200.90", "201.00", "200"))
    assert sell is not None
    assert sell.price == D("200.85"), "200.85982 rounded down"


def test_edge_is_judged_on_the_rounded_price() -> None:
    """A coarse tick takes the edge of the reach away; what is left is the touch itself."""
    # szDecimals 5 leaves one decimal: 99.8 reaches to 99.81996, which rounds to 99.9 and has only 10 bps.
    found = check(market("99.7", "99.8", "100", sz_decimals=5))
    assert found is not None
    assert (found.price, found.edge_bps) == (D("99.8"), D(20))


def test_edge_and_expectation_after_both_fees() -> None:
    found = check(market("199.00", "199.10", "200"))
    assert found is not None
    assert found.edge_bps == D("0.86") / 200 * 10_000
    assert found.expected_edge_bps == found.edge_bps - 9


def test_size_is_a_share_of_the_touch() -> None:
    found = check(market("199.00", "199.10", "200", size="2"))
    assert found is not None
    assert found.size == D("0.1"), "5 % of 2"


def test_size_is_capped_in_money_and_cut_down_to_lots() -> None:
    found = check(market("199.00", "199.10", "200"))
    assert found is not None
    assert found.size == D("0.251"), "50 / 199.14 = 0.25108"


def test_size_is_capped_at_the_dearer_of_price_mid_and_mark() -> None:
    state = market("199.00", "199.10", "200")
    state.mark_px = D(250)
    found = check(state)
    assert found is not None
    assert found.size == D("0.2")


def test_market_gates_may_leave_a_fifth() -> None:
    found = check(market("199.00", "199.10", "200", size="4"), factor="0.2")
    assert found is not None
    assert found.size == D("0.04")


def test_a_size_under_one_lot_is_zero_for_the_gate_to_say() -> None:
    found = check(market("199.00", "199.10", "200", size="0.01"))
    assert found is not None
    assert found.size == 0


def test_nothing_without_oracle_or_touch() -> None:
    state = market("199.00", "199.10", "200")
    state.oracle_px = None
    assert check(state) is None
    state = market("199.00", "199.10", "200")
    state.ask_px = None
    assert check(state) is None


def test_nothing_with_one_side_of_the_book_or_without_the_markets_spec() -> None:
    """The edge at the ask is there; what it would be sent at is not known."""
    one_sided = market("199.00", "199.10", "200")
    one_sided.bid_px = one_sided.bid_sz = None
    assert one_sided.edge_bps(is_buy=True) == 45
    assert check(one_sided) is None
    unlisted = market("199.00", "199.10", "200")
    unlisted.spec = None
    assert check(unlisted) is None


@given(st.decimals("0.5", "90000", places=4), st.decimals("-0.01", "0.01", places=5), st.integers(0, 5))
def test_what_it_proposes_could_be_sent_and_is_worth_it(oracle: Decimal, off: Decimal, sz_decimals: int) -> None:
    ask = oracle * (1 + off)
    state = market(str(ask * D("0.9995")), str(ask), str(oracle), sz_decimals=sz_decimals)
    found = check(state)
    if found is None:
        return
    assert is_valid_price(found.price, sz_decimals)
    assert found.edge_bps >= FEE + EDGE
    assert found.size * found.price <= 50
    assert found.price >= found.touch_px if found.side is BUY else found.price <= found.touch_px


def test_what_an_entry_would_be_has_the_size_of_one_without_its_edge() -> None:
    quiet = market("199.98", "200.02", "200", size="2")
    detector = Detector(ExecutionConfig(), D(50))
    assert detector.check(quiet, FEE, EDGE) is None
    would_be = detector.would_be(quiet, D(1))
    assert (would_be.side, would_be.touch_px, would_be.size) == (BUY, D("200.02"), D("0.1")), "5 % of 2"
    assert detector.would_be(quiet, D("0.5")).size == D("0.05")
    assert detector.would_be(market("201", "201.04", "200"), D(1)).side is SELL
    assert detector.would_be(MarketState(SNDK), D(1)).size == 0, "no book, nothing to take"
