"""What is remembered of orders: the last 2000 of an account and every one that lives, and none for the sake of another."""

from __future__ import annotations

from decimal import Decimal

from core.sim.orders import CANCELED, OrderRecord, OrderStore

USER = "0x" + "a" * 40
KEPT = 2_000


def placed(store, *, cloid=None, user=USER, ends=True):
    order = OrderRecord(
        oid=store.next_oid(),
        user=user,
        coin="BTC",
        asset=0,
        is_buy=True,
        limit_px=Decimal(1),
        sz=Decimal(1),
        orig_sz=Decimal(1),
        tif="Gtc",
        reduce_only=False,
        cloid=cloid,
        timestamp=0,
    )
    store.add(order)
    if ends:
        order.become(CANCELED, 1)
    return order


def test_an_order_that_rests_all_day_keeps_no_other_from_being_forgotten():
    store = OrderStore()
    resting = placed(store, cloid="0x01", ends=False)
    ended = [placed(store, cloid=f"0x{n:032x}") for n in range(2, 3 * KEPT)]
    history = store.history(USER)
    assert len(history) == KEPT + 1
    assert history == [*reversed(ended[-KEPT:]), resting]
    assert store.by_oid(USER, resting.oid) is store.by_cloid(USER, "0x01") is resting
    assert store.by_oid(USER, ended[0].oid) is None
    assert store.by_cloid(USER, ended[0].cloid) is None


def test_old_ones_that_have_ended_are_forgotten_in_the_end():
    store = OrderStore()
    old = [placed(store, ends=False) for _ in range(150)]
    for _ in range(KEPT):
        placed(store)
    assert store.history(USER)[-150:] == old[::-1]
    for order in old:
        order.become(CANCELED, 2)
    for _ in range(2):
        for _ in range(50):
            placed(store, ends=False)
        for _ in range(KEPT):
            placed(store)
    assert len(store.history(USER)) < KEPT + 200
    assert store.by_oid(USER, old[0].oid) is None


def test_a_cloid_used_again_is_not_forgotten_with_the_first_who_bore_it():
    store = OrderStore()
    placed(store, cloid="0xaa")
    for _ in range(KEPT - 1):
        placed(store)
    latest = placed(store, cloid="0xaa")
    assert store.by_cloid(USER, "0xaa") is latest
    assert store.by_cloid("0x" + "b" * 40, "0xaa") is None
