"""The gates of an entry: each alone, and their order."""

from __future__ import annotations

from typing import Any

import pytest
from engine_rig import D
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.engine.gates import Denied, EntryFacts, Gate, judge

FREE = EntryFacts(
    hard_stop="",
    not_ready="",
    paused="",
    not_allowed="",
    daily_cap="",
    flattening="",
    market_risk="",
    size=D("0.1"),
    price=D(200),
    mark_px=D(200),
    market_exposure_usd=D(0),
    total_exposure_usd=D(0),
    max_market_usd=D(50),
    max_total_usd=D(100),
    has_position=False,
    is_busy=False,
    budget="",
)

REFUSALS: dict[Gate, dict[str, Any]] = {
    Gate.HARD_STOP: {"hard_stop": "operator"},
    Gate.NOT_READY: {"not_ready": "fills snapshot"},
    Gate.PAUSED: {"paused": "by the operator"},
    Gate.NOT_ALLOWED: {"not_allowed": "not in the list"},
    Gate.DAILY_CAP: {"daily_cap": "50 of 50"},
    Gate.FLATTEN: {"flattening": "an exit is not settled"},
    Gate.MARKET_RISK: {"market_risk": "bbo stale"},
    Gate.SIZE: {"size": D(0)},
    Gate.MAX_POSITION_MARKET: {"market_exposure_usd": D("30.01")},
    Gate.MAX_POSITION_TOTAL: {"total_exposure_usd": D("80.01")},
    Gate.HAS_POSITION: {"has_position": True},
    Gate.PENDING_ORDER: {"is_busy": True},
    Gate.ACTION_BUDGET: {"budget": "used up"},
}
"""What makes each gate refuse, in the order of SPEC 7."""


def test_nothing_against_it_is_a_pass() -> None:
    assert judge(FREE) is None


@pytest.mark.parametrize("gate", REFUSALS)
def test_each_gate_refuses_by_itself(gate: Gate) -> None:
    denied = judge(replace(FREE, **REFUSALS[gate]))
    assert denied is not None
    assert denied.gate is gate


def test_the_table_has_every_gate() -> None:
    assert [*REFUSALS, Gate.ENQUEUE] == list(Gate)


@given(st.sets(st.sampled_from(list(REFUSALS)), min_size=1))
def test_the_first_in_order_refuses_and_the_rest_are_not_asked(against: set[Gate]) -> None:
    facts = FREE
    for gate in REFUSALS:
        if gate in against and not (gate is Gate.SIZE and len(against) > 1):
            facts = replace(facts, **REFUSALS[gate])
    expected = [g for g in REFUSALS if g in against and not (g is Gate.SIZE and len(against) > 1)]
    denied = judge(facts)
    assert denied is not None
    assert denied.gate is expected[0]


def test_size_comes_before_exposure() -> None:
    denied = judge(replace(FREE, size=D("0.04"), market_exposure_usd=D(60)))
    assert denied is not None
    assert denied.text == "size: $8.00 is under the exchange's minimum of $10"


def test_ten_dollars_exactly_are_enough() -> None:
    assert judge(replace(FREE, size=D("0.05"))) is None


def test_the_limit_itself_is_allowed() -> None:
    assert judge(replace(FREE, market_exposure_usd=D(30), total_exposure_usd=D(80))) is None


def test_the_refusal_says_how_much_against_which_limit() -> None:
    denied = judge(replace(FREE, market_exposure_usd=D("30.01")))
    assert denied is not None
    assert denied.text == "max position per market: $50.01 > $50"


def test_no_mark_is_not_ready() -> None:
    denied = judge(replace(FREE, mark_px=None))
    assert denied == Denied(Gate.NOT_READY, "no mark price")


@pytest.mark.parametrize("gate", list(Gate))
def test_skipped_are_position_pending_and_budget_alone(gate: Gate) -> None:
    expected = gate in (Gate.HAS_POSITION, Gate.PENDING_ORDER, Gate.ACTION_BUDGET)
    assert Denied(gate, "x").skipped is expected


def test_a_size_of_zero_is_called_that_and_not_a_small_amount() -> None:
    denied = judge(replace(FREE, size=D(0)))
    assert denied is not None
    assert denied.text == "size: rounds to zero lots"
