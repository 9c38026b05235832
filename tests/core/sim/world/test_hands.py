"""The operator's orders by hand: every kind of them reaches the engine under an id of the operator's own, and none is two orders."""

from __future__ import annotations

from random import Random

from world_rig import live, quiet_world

from core.messages.commands import CancelAll, PlaceOrder
from core.model.cloid import is_by_hand, is_ours
from core.model.order import TimeInForce
from core.sim.world.world import ACCOUNT


def settled():
    world, ears = quiet_world()
    live(world, 5_000)
    assert world.engine is not None
    ears.heard.clear()
    return world, ears


def is_placed_twice(world, ears):
    """The newest order came twice, and the engine took it."""
    placed = ears.of(PlaceOrder)[-2:]
    return len(placed) == 2 and placed[0] == placed[1] and world.engine.machines.orders.get(placed[0].cloid) is not None


def test_every_kind_of_order_is_placed_now_and_then_and_some_of_them_twice():
    world, ears = settled()
    for number in range(300):
        assert world.operator.hands.place(Random(number))
    placed = ears.of(PlaceOrder)
    space = world.engine.machines.run.cloid_space
    assert all(is_by_hand(order.cloid, space) for order in placed)
    assert {order.tif for order in placed} == set(TimeInForce)
    assert {order.reduce_only for order in placed} == {True, False}
    assert any(order.limit_px is not None and order.slippage_bps is not None for order in placed), (
        "a slip of the finger"
    )
    ids = [order.cloid for order in placed]
    assert len(set(ids)) == 300
    assert 310 < len(ids) < 360


def test_an_order_that_came_twice_is_one_order():
    world, ears = settled()
    numbers = iter(range(1_000))
    while not is_placed_twice(world, ears):
        world.operator.hands.cancel_all()
        live(world, 1_000)
        world.operator.hands.place(Random(next(numbers)))
    first, second = ears.of(PlaceOrder)[-2:]
    assert first == second
    live(world, 3_000)
    sent = [e for e in world.exchange.venue.orders.history(ACCOUNT) if e.cloid == first.cloid]
    assert len(sent) == 1


def test_orders_rest_near_the_market_and_cancel_all_ends_them():
    world, ears = settled()
    numbers = iter(range(10_000))
    while not world.exchange.venue.open_orders(ACCOUNT):
        world.operator.hands.place(Random(next(numbers)))
        live(world, 500)
    assert all(is_ours(order.cloid) for order in world.exchange.venue.open_orders(ACCOUNT))
    assert world._rests_something(world.engine)
    world.operator.hands.cancel_all()
    assert ears.of(CancelAll)
    live(world, 3_000)
    assert not world.exchange.venue.open_orders(ACCOUNT)
    assert not world._rests_something(world.engine)


def test_without_a_program_there_is_nobody_to_give_an_order_to():
    world, ears = settled()
    world.program.kill_soon(0, 0)
    world.operator.shut_down()
    assert world.engine is None
    ears.heard.clear()
    assert world.operator.hands.place(Random(1)) == "nobody to give an order to"
    assert not ears.heard


def test_another_run_counts_its_own_orders_from_the_first():
    world, ears = settled()
    world.operator.hands.place(Random(1))
    first = ears.of(PlaceOrder)[-1].cloid
    world.operator.shut_down()
    live(world, 60_000)
    assert world.life > 1
    world.operator.hands.place(Random(1))
    second = ears.of(PlaceOrder)[-1].cloid
    assert (first[-8:], second[-8:]) == ("00a00001", "00a00001")
    assert first != second
