"""How an order by hand is rounded and judged: every gate refuses for its own reason, and nothing else refuses."""

from __future__ import annotations

from typing import Any

import pytest
from engine_rig import BUY, SELL, SNDK, D
from msgspec.structs import replace

from core.engine.hand_gates import judge, round_order, warnings
from core.messages.commands import PlaceOrder
from core.messages.ticket import OrderFacts
from core.model.order import TimeInForce

IOC, GTC, ALO = TimeInForce.IOC, TimeInForce.GTC, TimeInForce.ALO

FACTS = OrderFacts(
    market=SNDK,
    asset_id=110016,
    sz_decimals=3,
    bid_px=D("199.98"),
    ask_px=D("200.02"),
    touch_age_ms=100,
    touch_stale_ms=2_000,
    mark_px=D(200),
    held=D(0),
    hard_stop="",
    not_ready="",
    cannot_send="",
    not_allowed="",
    daily_cap="",
    flattening="",
    exit_pending="",
    market_stopped="",
    market_warning="",
    paused=False,
    market_exposure_usd=D(0),
    total_exposure_usd=D(0),
    max_market_usd=D(50),
    max_total_usd=D(100),
    max_order_usd=D(100),
    is_busy=False,
    budget="",
    taker_fee_bps=D("4.5"),
    maker_fee_bps=D("1.5"),
    time_stop_ms=30_000,
)


def order(**changes: Any) -> PlaceOrder:
    settings = {"command_id": "h1", "market": SNDK, "side": BUY, "size": D("0.1"), "limit_px": D("200.1"), **changes}
    return PlaceOrder(**settings)


def closing(**changes: Any) -> PlaceOrder:
    return order(side=SELL, limit_px=D(199), reduce_only=True, **changes)


def refusal(placed: PlaceOrder, **facts: Any) -> str:
    f = replace(FACTS, **facts)
    return next((v.text for v in judge(placed, round_order(placed, f), f) if v.reason), "")


LONG = {"held": D("0.1"), "market_exposure_usd": D(20), "total_exposure_usd": D(20)}


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, ""),
        ({"hard_stop": "operator key"}, "hard stop: operator key"),
        ({"not_ready": "fills snapshot"}, "not ready: fills snapshot"),
        ({"mark_px": None}, "not ready: no mark price"),
        ({"not_allowed": "no"}, "market not allowed: no"),
        ({"daily_cap": "50 of 50"}, "daily trade cap: 50 of 50"),
        ({"flattening": "an exit"}, "flatten in progress: an exit"),
        ({"market_stopped": "parameters changed"}, "market risk: parameters changed"),
        ({"mark_px": D(5000)}, "price: 96 % away from the mark 5000"),
        ({"sz_decimals": None}, "price: the market's rules are not read yet"),
        ({"max_order_usd": D(20)}, "max notional per order: $20.01 > safety.max_notional_usd $20"),
        ({"market_exposure_usd": D(31)}, "max position per market: $51.00 > $50"),
        ({"total_exposure_usd": D(81)}, "max position total: $101.00 > $100"),
        ({"held": D("-0.1")}, "has position: sell 0.1 is held: an order the other way must be reduce-only"),
        ({"held": D("0.1")}, ""),
        ({"is_busy": True}, "pending order: an order of this market is not settled"),
        ({"budget": "used up"}, "action budget: used up"),
        ({"paused": True}, ""),
        ({"market_warning": "bbo stale"}, ""),
        ({"cannot_send": "", "exit_pending": "an exit"}, ""),
    ],
)
def test_an_order_that_adds_passes_every_gate_of_an_entry(facts: dict[str, Any], text: str) -> None:
    assert refusal(order(), **facts) == text


@pytest.mark.parametrize(
    ("facts", "changes", "text"),
    [
        ({}, {}, ""),
        ({"hard_stop": "operator key"}, {}, ""),
        ({"hard_stop": "operator key"}, {"tif": GTC}, "hard stop: operator key; only a reduce-only IOC passes"),
        ({"not_ready": "x", "not_allowed": "x", "daily_cap": "x", "flattening": "x", "market_stopped": "x"}, {}, ""),
        ({"budget": "x", "is_busy": True, "max_market_usd": D(1), "max_order_usd": D(1)}, {}, ""),
        ({"cannot_send": "not connected"}, {}, "not ready: not connected"),
        ({"held": D(0)}, {}, "reduce only: no position to reduce"),
        ({"held": D("-0.1")}, {}, "reduce only: sell 0.1 is held: it would increase it"),
        ({"exit_pending": "an exit"}, {}, "flatten in progress: an exit"),
        ({}, {"size": D("0.04")}, "size: $7.96 is under the exchange's minimum of $10"),
        ({"held": D("0.04")}, {"size": D("0.04")}, ""),
        ({"held": D("0.04")}, {"size": D(1)}, ""),
    ],
)
def test_a_reduce_only_order_is_asked_only_whether_it_can_be_sent_and_has_something_to_reduce(
    facts: dict[str, Any], changes: dict[str, Any], text: str
) -> None:
    assert refusal(closing(**changes), **{**LONG, **facts}) == text


@pytest.mark.parametrize(
    ("changes", "price"),
    [
        ({"limit_px": D("200.1234")}, D("200.12")),
        ({"limit_px": D("200.1234"), "side": SELL}, D("200.13")),
        ({"limit_px": None, "slippage_bps": D(10)}, D("200.23")),
        ({"limit_px": None, "slippage_bps": D(10), "side": SELL}, D("199.78")),
        ({"limit_px": None, "slippage_bps": D(0)}, D("200.02")),
    ],
)
def test_a_typed_price_is_never_exceeded_and_one_off_the_touch_crosses(changes: dict[str, Any], price: object) -> None:
    assert round_order(order(**changes), FACTS).price == price


@pytest.mark.parametrize(
    ("changes", "facts", "problem"),
    [
        ({"slippage_bps": D(1)}, {}, "give either a limit price or a slippage"),
        ({"limit_px": None}, {}, "give either a limit price or a slippage"),
        ({"limit_px": D(-1)}, {}, "price -1: expected a positive number"),
        ({"limit_px": D("NaN")}, {}, "price NaN: expected a positive number"),
        ({"limit_px": D("0.0000001")}, {}, "price 1E-7 rounds to zero with szDecimals 3"),
        ({"limit_px": None, "slippage_bps": D(1), "tif": GTC}, {}, "GTC needs a limit price; a slippage is for IOC"),
        ({"limit_px": None, "slippage_bps": D(1001)}, {}, "slippage 1001 bps: allowed are 0 to 1000"),
        ({"limit_px": None, "slippage_bps": D(-1)}, {}, "slippage -1 bps: allowed are 0 to 1000"),
        ({"limit_px": None, "slippage_bps": D("Infinity")}, {}, "slippage Infinity bps: allowed are 0 to 1000"),
        (
            {"limit_px": None, "slippage_bps": D(1)},
            {"touch_age_ms": 2_001},
            "no fresh best ask to take a price from; give a limit price",
        ),
        (
            {"limit_px": None, "slippage_bps": D(1), "side": SELL},
            {"touch_age_ms": None},
            "no fresh best bid to take a price from; give a limit price",
        ),
        (
            {"limit_px": None, "slippage_bps": D(1)},
            {"ask_px": None},
            "no fresh best ask to take a price from; give a limit price",
        ),
    ],
)
def test_a_price_that_cannot_be_worked_out_is_named(
    changes: dict[str, Any], facts: dict[str, Any], problem: str
) -> None:
    rounded = round_order(order(**changes), replace(FACTS, **facts))
    assert (rounded.price, rounded.price_problem) == (None, problem)
    assert rounded.notional_usd is None
    assert refusal(order(**changes), **facts) == f"price: {problem}"


def test_what_closes_takes_the_mark_where_there_is_no_book() -> None:
    placed = order(side=SELL, limit_px=None, slippage_bps=D(100), reduce_only=True)
    rounded = round_order(placed, replace(FACTS, **LONG, bid_px=None))
    assert rounded.price == D(198)
    assert round_order(placed, replace(FACTS, **LONG, bid_px=None, mark_px=None)).price is None


@pytest.mark.parametrize(
    ("changes", "size", "problem"),
    [
        ({"size": D("0.10099")}, D("0.1"), ""),
        ({"size": None, "usd": D(11)}, D("0.054"), ""),
        ({"usd": D(11)}, None, "give either a size or an amount in USD"),
        ({"size": None}, None, "give either a size or an amount in USD"),
        ({"size": D(0)}, None, "size 0: expected a positive number"),
        ({"size": D("NaN")}, None, "size NaN: expected a positive number"),
        ({"size": None, "usd": D(11), "limit_px": None}, None, "an amount in USD needs a price"),
        ({"size": D("0.0001")}, D(0), "rounds to zero lots of 0.001"),
    ],
)
def test_a_size_is_cut_to_whole_lots(changes: dict[str, Any], size: object, problem: str) -> None:
    rounded = round_order(order(**changes), FACTS)
    assert (rounded.size, rounded.size_problem) == (size, problem)


def test_a_reduce_only_size_is_cut_to_the_position() -> None:
    facts = replace(FACTS, **LONG)
    assert round_order(closing(size=D(5)), facts).size == D("0.1")
    assert warnings(closing(size=D(5)), round_order(closing(size=D(5)), facts), facts) == ("cut to 0.1",)
    assert warnings(closing(), round_order(closing(), facts), facts) == ()


@pytest.mark.parametrize(
    ("changes", "facts", "words"),
    [
        ({"tif": IOC}, {}, ["closed by the time stop after 30 s"]),
        ({}, {"time_stop_ms": None}, []),
        ({}, {"time_stop_ms": None, "paused": True}, ["entries are paused"]),
        ({}, {"time_stop_ms": None, "market_warning": "bbo stale"}, ["market: bbo stale"]),
        ({"tif": GTC, "limit_px": D(150)}, {"time_stop_ms": None}, ["while it rests"]),
        ({"tif": GTC}, {"time_stop_ms": None}, ["while it rests", "matches at 200.02 at once"]),
        ({"tif": ALO}, {"time_stop_ms": None}, ["while it rests", "would match at 200.02"]),
        ({"limit_px": D(200)}, {"time_stop_ms": None}, ["does not reach 200.02"]),
        ({"limit_px": D(200), "side": SELL}, {"time_stop_ms": None}, ["does not reach 199.98"]),
        ({"limit_px": D(200)}, {"time_stop_ms": None, "ask_px": None}, []),
        ({"limit_px": None}, {"time_stop_ms": None}, []),
    ],
)
def test_what_should_be_known_before_is_said(changes: dict[str, Any], facts: dict[str, Any], words: list[str]) -> None:
    f = replace(FACTS, **facts)
    said = warnings(order(**changes), round_order(order(**changes), f), f)
    assert len(said) == len(words)
    assert all(word in text for word, text in zip(words, said, strict=True))
