"""LookupDesk: what it takes to know that an order was never executed."""

from __future__ import annotations

from engine_rig import NOW, SNDK, D

from core.engine.lookups import COPY_ARRIVES_MS, MAX_REPEATS, REPEAT_EVERY_MS, Case, LookupDesk
from core.model.cloid import Cloid, CloidMaker
from core.model.order import OrderSide, OrderStatus, Purpose, TimeInForce, TrackedOrder

CLOIDS = CloidMaker(1)


def case(*, entry: bool = True, post_id: int = 1, cloid: Cloid | None = None) -> Case:
    expires = NOW + 5_000 if entry else None
    return Case(cloid or CLOIDS.next(), post_id, NOW, expires, repeatable=not entry, now_ms=NOW + 5_000)


def test_absence_counts_only_after_the_order_could_not_arrive_any_more() -> None:
    desk, lost = LookupDesk(), case()
    desk.open(lost)
    counts_from = NOW + 7_000
    for _ in range(5):
        desk.on_miss(lost.cloid, counts_from - 1)
    assert lost.misses == 0
    desk.on_miss(lost.cloid, counts_from)
    desk.on_fills_read(NOW, counts_from, complete=True)
    assert not lost.is_proven_absent(None), "one unknown is no proof"
    desk.on_miss(lost.cloid, counts_from)
    assert lost.is_proven_absent(None)


def test_fills_must_reach_back_be_late_enough_and_complete() -> None:
    desk, lost = LookupDesk(), case()
    desk.open(lost)
    for start, asked, complete in (
        (NOW + 1, NOW + 9_000, True),
        (NOW, NOW + 6_999, True),
        (NOW, NOW + 9_000, False),
    ):
        desk.on_fills_read(start, asked, complete)
        assert not lost.fills_covered
    desk.on_fills_read(NOW, NOW + 7_000, True)
    assert lost.fills_covered


def test_an_entry_is_never_repeated() -> None:
    desk = LookupDesk()
    desk.open(case())
    assert desk.due_repeat(NOW + 60_000) is None


def test_an_exit_is_repeated_three_times_a_little_apart() -> None:
    desk = LookupDesk()
    desk.open(case(entry=False, post_id=7))
    at = NOW + 5_000
    assert desk.due_repeat(at) == 7
    assert desk.due_repeat(at + REPEAT_EVERY_MS - 1) is None
    assert [desk.due_repeat(at + n * REPEAT_EVERY_MS) for n in range(1, 5)] == [7] * (MAX_REPEATS - 1) + [None, None]


def test_a_copy_that_left_late_has_its_time_to_arrive() -> None:
    """A copy left 10 s after the first: two answers of 40 ms later the order was called absent, and then the copy filled it."""
    desk, lost = LookupDesk(), case(entry=False, post_id=7)
    desk.open(lost)
    at = NOW + 12_900
    assert desk.due_repeat(at) == 7
    for asked in (at, at + 4_999):
        desk.on_miss(lost.cloid, asked)
        desk.on_fills_read(NOW, asked, complete=True)
    assert (lost.misses, lost.fills_covered) == (0, False)
    desk.on_miss(lost.cloid, at + COPY_ARRIVES_MS)
    assert lost.misses == 1


def test_three_copies_in_their_time_make_the_proof_wait_no_longer() -> None:
    desk, lost = LookupDesk(), case(entry=False, post_id=7)
    desk.open(lost)
    counts_from = lost.absent_counts_from_ms
    assert [desk.due_repeat(NOW + 5_000 + n * REPEAT_EVERY_MS) for n in range(MAX_REPEATS)] == [7] * MAX_REPEATS
    assert lost.absent_counts_from_ms == counts_from


def test_no_copy_leaves_once_a_miss_has_counted() -> None:
    """The next attempt, at a price of now, is one answer away."""
    desk, lost = LookupDesk(), case(entry=False, post_id=7)
    desk.open(lost)
    desk.on_miss(lost.cloid, NOW + 13_000)
    assert lost.misses == 1
    assert desk.due_repeat(NOW + 13_000) is None


def test_a_reading_of_the_fills_from_before_a_late_copy_is_no_proof() -> None:
    desk, lost = LookupDesk(), case(entry=False, post_id=7)
    desk.open(lost)
    desk.on_fills_read(NOW, NOW + 13_000, complete=True)
    assert desk.due_repeat(NOW + 13_000) == 7
    for _ in range(2):
        desk.on_miss(lost.cloid, NOW + 18_000)
    assert not lost.is_proven_absent(None)


def test_orders_of_one_post_are_repeated_together_and_other_posts_keep_their_turn() -> None:
    desk = LookupDesk()
    for post_id in (7, 7, 8):
        desk.open(case(entry=False, post_id=post_id))
    at = NOW + 5_000
    assert [desk.due_repeat(at), desk.due_repeat(at), desk.due_repeat(at)] == [7, 8, None]


def test_a_case_is_opened_once_and_closed_once() -> None:
    desk, lost = LookupDesk(), case(post_id=7)
    desk.open(lost)
    desk.open(case(post_id=9, cloid=lost.cloid))
    assert desk.get(lost.cloid) is lost
    assert desk.uses_post(7)
    assert desk.earliest_sent_ms == NOW
    assert desk.close(lost.cloid) is lost
    assert desk.close(lost.cloid) is None
    assert not desk.uses_post(7)
    assert desk.earliest_sent_ms is None


def test_bytes_that_the_exchange_has_had_are_not_repeated_and_absence_counts_soon() -> None:
    desk, lost, other = LookupDesk(), case(entry=False, post_id=1), case(entry=False, post_id=2)
    for c in (lost, other):
        desk.open(c)
    desk.on_nonce_used(1, NOW + 6_000)
    assert desk.due_repeat(NOW + 6_000) == 2, "the other post's bytes are not known to have arrived"
    assert desk.due_repeat(NOW + 6_000) is None
    for c in (lost, other):
        desk.on_miss(c.cloid, NOW + 7_000)
    assert (lost.misses, other.misses) == (1, 0)


def test_bytes_that_were_used_never_make_the_proof_wait_longer() -> None:
    desk, lost = LookupDesk(), case(entry=False)
    desk.open(lost)
    counts_from = lost.absent_counts_from_ms
    desk.on_nonce_used(1, counts_from)
    assert lost.absent_counts_from_ms == counts_from


def test_an_order_that_may_rest_is_there_until_a_list_of_open_orders_is_without_it() -> None:
    desk, lost = LookupDesk(), case()
    desk.open(lost)
    counts_from = lost.absent_counts_from_ms
    for _ in range(2):
        desk.on_miss(lost.cloid, counts_from)
    desk.on_fills_read(NOW, counts_from, complete=True)
    resting = TrackedOrder(
        cloid=lost.cloid,
        market=SNDK,
        side=OrderSide.BUY,
        original_size=D(1),
        price=D(200),
        reduce_only=False,
        tif=TimeInForce.GTC,
        purpose=Purpose.MANUAL,
        status=OrderStatus.UNKNOWN,
        created_at_ms=NOW,
        updated_at_ms=NOW,
        oid=77,
    )
    assert lost.is_proven_absent(None)
    assert not lost.is_proven_absent(resting)
    for dex, there, asked_ms in (("", set(), counts_from), ("xyz", {77}, counts_from), ("xyz", {5}, counts_from - 1)):
        desk.on_open_orders(dex, there, asked_ms, {lost.cloid: resting}.get)
        assert not lost.is_proven_absent(resting)
    desk.on_open_orders("xyz", {5}, counts_from, {lost.cloid: resting}.get)
    assert lost.is_proven_absent(resting)
