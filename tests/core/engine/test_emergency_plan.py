"""What an emergency sends: whole positions, reduce-only, at the right price; and what the exchange's texts mean for it."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from core.engine.emergency_plan import (
    MAX_CANCELS,
    MAX_EXITS,
    CannotClose,
    Refusal,
    cancel_batches,
    exit_batches,
    exit_order,
    is_flat_already,
    is_gone,
    judge_refusal,
    slippage_bps,
)
from core.messages.events import OrderReport, VenuePosition
from core.model.cloid import Cloid
from core.model.market import MarketKey, MarketSpec
from core.model.order import OrderSide, OrderStatus, TimeInForce

SNDK = MarketKey("xyz", "SNDK")
SPEC = MarketSpec(SNDK, 110_016, 16, 3, 10)
CLOID = Cloid("0x" + "1" * 32)


def held(size: str, value: str = "85") -> VenuePosition:
    return VenuePosition(SNDK, D(size), D("1700"), D(value), D(0))


def resting(oid: int) -> OrderReport:
    return OrderReport(SNDK, oid, None, OrderSide.BUY, D(1), D(1), D(1), False, OrderStatus.OPEN, "open", 1, 1)


@pytest.mark.parametrize(("attempt", "bps"), [(0, 100), (1, 150), (2, 200), (3, 200), (50, 200)])
def test_each_attempt_goes_further_up_to_two_percent(attempt: int, bps: int) -> None:
    assert slippage_bps(attempt) == bps


@pytest.mark.parametrize(
    ("size", "attempt", "side", "price"),
    [
        ("0.05", 0, OrderSide.SELL, "1683"),
        ("-0.05", 0, OrderSide.BUY, "1717"),
        ("0.05", 2, OrderSide.SELL, "1666"),
        ("-0.05", 9, OrderSide.BUY, "1734"),
    ],
)
def test_the_whole_position_on_the_other_side(size: str, attempt: int, side: OrderSide, price: str) -> None:
    order = exit_order(held(size), SPEC, D("1700"), attempt, CLOID, 7)
    assert (order.side, order.price, order.size, order.reduce_only, order.tif, order.cloid, order.created_at_ms) == (
        side,
        D(price),
        D("0.05"),
        True,
        TimeInForce.IOC,
        CLOID,
        7,
    )


def test_without_mid_the_mark_does() -> None:
    assert exit_order(held("0.05", value="85"), SPEC, None, 0, CLOID, 1).price == D("1683")


@pytest.mark.parametrize(
    ("position", "spec", "mid", "says"),
    [
        (held("0.05"), None, D(1), "lists no such market"),
        (held("0.0001"), SPEC, D(1), "less than one lot"),
        (held("0.05", value="0"), SPEC, None, "no price"),
        (held("0.05"), SPEC, D("NaN"), "no price"),
    ],
)
def test_what_cannot_be_closed(position: VenuePosition, spec: MarketSpec | None, mid: D | None, says: str) -> None:
    with pytest.raises(CannotClose, match=says):
        exit_order(position, spec, mid, 0, CLOID, 1)


def test_as_few_actions_as_can_be() -> None:
    exits = [exit_order(held("0.05"), SPEC, D(1700), 0, CLOID, 1)] * (MAX_EXITS + 1)
    assert [len(b.orders) for b in exit_batches(exits, separately=False)] == [MAX_EXITS, 1]
    assert [len(b.orders) for b in exit_batches(exits[:3], separately=True)] == [1, 1, 1]
    assert exit_batches([], separately=False) == []
    orders = [resting(i) for i in range(2 * MAX_CANCELS + 1)]
    batches = cancel_batches(orders, separately=False)
    assert [len(b.cancels) for b in batches] == [MAX_CANCELS, MAX_CANCELS, 1]
    assert [c.oid for b in batches for c in b.cancels] == [o.oid for o in orders]
    assert len(cancel_batches(orders[:3], separately=True)) == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Too many cumulative requests sent (10001 > 10000) for cumulative volume traded $1.", Refusal.BUDGET),
        ("Invalid nonce: duplicate nonce 5", Refusal.NONCE),
        ("User or API Wallet 0x12 does not exist.", Refusal.KEY),
        ("Must deposit before performing actions. User: 0x12", Refusal.KEY),
        ("Vault not registered: 0x12", Refusal.KEY),
        ("Signed action over weight limit of 200.", Refusal.OTHER),
    ],
)
def test_refusals(text: str, why: Refusal) -> None:
    assert judge_refusal(text) is why


def test_already_gone_is_success() -> None:
    assert is_gone("Order was never placed, already canceled, or filled. asset=4")
    assert is_flat_already("Reduce only order would increase position. asset=110016")
    assert not is_gone("Order could not immediately match against any resting orders.")
    assert not is_flat_already("Order has invalid size.")
