"""PositionTracker: each fill once, the exchange's own size as the truth, believed the second time."""

from __future__ import annotations

from decimal import Decimal

import pytest
from engine_rig import BUY, NOW, NVDA, SELL, SNDK, ZERO, D, foreign_order
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.engine.positions import PositionChange, PositionTracker
from core.messages.events import OrderReport, PositionsRead, VenuePosition
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus
from core.model.position import Fill


def fill(
    side: OrderSide, size: str, at: int, *, px: str = "200", start: str = "0", tid: int = 0, market: MarketKey = SNDK
) -> Fill:
    return Fill(
        market=market,
        side=side,
        price=D(px),
        size=D(size),
        time_ms=NOW + at,
        start_position=D(start),
        closed_pnl=D(0),
        fee=D(0),
        oid=1,
        tid=tid or at,
    )


def read(at: int, signed: Decimal = ZERO, *, px: str = "200", market: MarketKey = SNDK) -> PositionsRead:
    held = (VenuePosition(market, signed, D(px), abs(signed) * D(px), D(0)),) if signed else ()
    return PositionsRead("xyz", NOW + at, held, D(1000), D(1000))


def ask(
    tracker: PositionTracker, answer: PositionsRead, *, first: bool = False, unsettled: bool = False
) -> list[PositionChange]:
    return tracker.reconcile(answer, answer.time_ms, is_first=first, is_unsettled=lambda market: unsettled)


def synced() -> PositionTracker:
    tracker = PositionTracker()
    ask(tracker, read(0), first=True)
    return tracker


def take(tracker: PositionTracker, *fills: Fill) -> list[PositionChange]:
    changes = [tracker.apply(f, f.time_ms) for f in tracker.take_new(fills)]
    return [c for c in changes if c is not None]


# --- fills --------------------------------------------------------------------------------------------------------------


def test_a_fill_opens_adds_reduces_and_closes() -> None:
    tracker = synced()
    (opened,) = take(tracker, fill(BUY, "1", 1, px="100"))
    assert opened.opened
    take(tracker, fill(BUY, "3", 2, px="200"))
    position = tracker.get(SNDK)
    assert position is not None
    assert (position.size, position.entry_price, position.entry_timestamp_ms) == (D(4), D(175), NOW + 1)
    take(tracker, fill(SELL, "1", 3))
    position = tracker.get(SNDK)
    assert position is not None
    assert (position.size, position.entry_price) == (D(3), D(175))
    (closed,) = take(tracker, fill(SELL, "3", 4))
    assert closed.closed
    assert tracker.get(SNDK) is None


def test_a_fill_through_zero_closes_and_opens() -> None:
    tracker = synced()
    take(tracker, fill(BUY, "1", 1))
    (change,) = take(tracker, fill(SELL, "3", 2, px="210"))
    assert change.closed
    assert change.opened
    position = tracker.get(SNDK)
    assert position is not None
    assert (position.side, position.size, position.entry_price) == (SELL, D(2), D(210))
    assert position.entry_timestamp_ms == NOW + 2


def test_the_same_fill_counts_once_however_often_it_is_shown() -> None:
    tracker = synced()
    one = fill(BUY, "1", 1)
    assert len(take(tracker, one, one)) == 1
    assert take(tracker, one) == []
    position = tracker.get(SNDK)
    assert position is not None
    assert position.size == 1


def test_fills_are_told_apart_by_time_coin_and_tid() -> None:
    tracker = synced()
    same_tid = [fill(BUY, "1", 1, tid=5), fill(BUY, "1", 2, tid=5), fill(BUY, "1", 1, tid=6)]
    assert len(tracker.take_new((*same_tid, fill(BUY, "1", 1, tid=5, market=NVDA)))) == 4


def test_fills_of_an_earlier_run_count_as_seen() -> None:
    one = fill(BUY, "1", 1)
    assert PositionTracker(frozenset({one.key})).take_new((one,)) == []


def test_fills_come_out_in_time_order() -> None:
    later, earlier = fill(SELL, "1", 9), fill(BUY, "1", 3)
    assert PositionTracker().take_new((later, earlier)) == [earlier, later]


def test_fills_before_the_first_answer_wait_and_those_it_contains_are_dropped() -> None:
    tracker = PositionTracker()
    assert take(tracker, fill(BUY, "1", 5), fill(BUY, "2", 15)) == []
    assert tracker.all() == []
    ask(tracker, read(10, D(1)), first=True)
    position = tracker.get(SNDK)
    assert position is not None
    assert position.size == 3, "the answer holds the first fill, the second came after it"


def test_a_fill_that_the_answer_contains_already_moves_nothing() -> None:
    tracker = PositionTracker()
    ask(tracker, read(10, D(1)), first=True)
    assert take(tracker, fill(BUY, "1", 8)) == []
    position = tracker.get(SNDK)
    assert position is not None
    assert position.size == 1


# --- the exchange's own view ------------------------------------------------------------------------------------------------


def test_l07_one_empty_answer_closes_nothing_a_second_one_two_seconds_later_does() -> None:
    tracker = synced()
    take(tracker, fill(BUY, "1", 1))
    assert ask(tracker, read(1_000)) == []
    assert tracker.is_suspect(SNDK)
    assert ask(tracker, read(2_999)) == []
    (change,) = ask(tracker, read(3_000))
    assert change.closed
    assert change.by_resync
    assert tracker.all() == []
    assert not tracker.has_suspects


def test_l07_the_first_answer_after_a_reconnect_does_not_close_either() -> None:
    tracker = synced()
    take(tracker, fill(BUY, "1", 1))
    assert ask(tracker, read(1_000), first=True) == []
    assert tracker.get(SNDK) is not None


def test_an_answer_that_agrees_again_clears_the_suspicion() -> None:
    tracker = synced()
    take(tracker, fill(BUY, "1", 1))
    ask(tracker, read(1_000))
    ask(tracker, read(2_000, D(1)))
    assert ask(tracker, read(4_000)) == [], "counted from anew"


def test_two_answers_that_differ_from_each_other_prove_nothing() -> None:
    tracker = synced()
    take(tracker, fill(BUY, "3", 1))
    ask(tracker, read(1_000, D(2)))
    assert ask(tracker, read(4_000, D(1))) == []
    (change,) = ask(tracker, read(6_000, D(1)))
    assert change.after is not None
    assert change.after.size == 1


def test_a_position_that_only_one_answer_had_is_no_first_witness_for_a_later_one() -> None:
    tracker = synced()
    assert ask(tracker, read(1_000, D(1))) == []
    assert tracker.is_suspect(SNDK)
    assert ask(tracker, read(2_000)) == [], "neither of us has it"
    assert not tracker.has_suspects
    assert ask(tracker, read(9_000, D(1))) == []
    assert tracker.get(SNDK) is None


def test_the_first_answer_of_a_connection_is_taken_over_at_once() -> None:
    tracker = synced()
    take(tracker, fill(BUY, "1", 1))
    (change,) = ask(tracker, read(1_000, D(2), px="190"), first=True, unsettled=True)
    assert change.after is not None
    assert (change.after.size, change.after.entry_price) == (D(2), D(190))


def test_nothing_is_proven_while_an_order_of_the_market_is_unsettled() -> None:
    tracker = synced()
    take(tracker, fill(BUY, "1", 1))
    ask(tracker, read(1_000), unsettled=True)
    ask(tracker, read(9_000), unsettled=True)
    assert tracker.get(SNDK) is not None
    assert not tracker.has_suspects


# --- an order of somebody else's ----------------------------------------------------------------------------------------


def filled(at: int, size: str = "1", **changes: object) -> OrderReport:
    order = replace(foreign_order(SNDK, 1), original_size=D(size), remaining=ZERO, status_time_ms=NOW + at)
    return replace(replace(order, status=OrderStatus.FILLED), **changes)


def test_a_market_is_in_doubt_from_the_word_that_an_order_was_filled_to_the_last_of_its_fills() -> None:
    tracker = synced()
    tracker.doubt_filled(filled(500), NOW + 500)
    assert tracker.is_suspect(SNDK)
    take(tracker, fill(BUY, "1", 500))
    assert not tracker.is_suspect(SNDK)
    tracker.doubt_filled(filled(500), NOW + 600)
    assert not tracker.is_suspect(SNDK), "they came first"
    tracker.doubt_filled(filled(700, "1.5"), NOW + 700)
    assert tracker.is_suspect(SNDK), "not all of them"


def test_an_answer_that_is_older_than_the_filled_order_ends_no_doubt() -> None:
    tracker = synced()
    tracker.doubt_filled(filled(500), NOW + 500)
    ask(tracker, read(499))
    tracker.reconcile(read(499), NOW + 9_000, is_first=False, is_unsettled=lambda market: False)
    assert tracker.is_suspect(SNDK)
    tracker.reconcile(read(501), NOW + 9_000, is_first=False, is_unsettled=lambda market: False)
    assert not tracker.is_suspect(SNDK), "opened and closed again"
    take(tracker, fill(BUY, "1", 9_100))
    tracker.doubt_filled(filled(9_500, "3"), NOW + 9_500)
    ask(tracker, read(9_499, D(1)))
    assert tracker.is_suspect(SNDK)
    ask(tracker, read(9_600, D(1)))
    assert not tracker.is_suspect(SNDK)


@pytest.mark.parametrize(
    "report",
    [
        filled(0),
        filled(500, remaining=D(1)),
        filled(500, status=OrderStatus.UNKNOWN),
        filled(500, market=MarketKey("test", "ABC")),
    ],
    ids=["in the answer already", "nothing", "a word that nobody knows", "a dex that was not read"],
)
def test_and_no_market_is_in_doubt_for_less(report: OrderReport) -> None:
    tracker = synced()
    if report.status is OrderStatus.UNKNOWN:
        tracker.doubt_filled(replace(report, status=OrderStatus.REJECTED), NOW + 500)
    tracker.doubt_filled(report, NOW + 500)
    assert not tracker.has_suspects


def test_l09_a_resync_keeps_the_entry_time() -> None:
    tracker = synced()
    take(tracker, fill(BUY, "1", 1))
    ask(tracker, read(60_000, D(2)), first=True)
    position = tracker.get(SNDK)
    assert position is not None
    assert position.entry_timestamp_ms == NOW + 1


def test_an_answer_older_than_our_newest_fill_is_ignored() -> None:
    tracker = synced()
    take(tracker, fill(BUY, "1", 100))
    for at in (50, 60):
        assert ask(tracker, read(at), first=True) == []
    assert not tracker.has_suspects


def test_an_answer_older_than_the_fill_that_closed_us_brings_nothing_back() -> None:
    tracker = synced()
    take(tracker, fill(BUY, "1", 100), fill(SELL, "1", 200, start="1"))
    assert ask(tracker, read(150, D(1)), first=True) == []
    assert tracker.all() == []


def test_an_answer_older_than_the_one_we_took_over_is_ignored() -> None:
    tracker = synced()
    ask(tracker, read(300, D(3)), first=True)
    assert ask(tracker, read(100, D(1)), first=True) == []
    position = tracker.get(SNDK)
    assert position is not None
    assert position.size == 3


def test_an_answer_older_than_the_newest_fill_is_ignored_though_an_older_fill_came_last() -> None:
    tracker = synced()
    take(tracker, fill(BUY, "1", 200, start="1"))
    take(tracker, fill(BUY, "1", 100))
    assert ask(tracker, read(150, D(1)), first=True) == []
    position = tracker.get(SNDK)
    assert position is not None
    assert position.size == 2


def test_another_dex_is_not_concerned() -> None:
    tracker = synced()
    take(tracker, fill(BUY, "1", 1))
    other = PositionsRead("", NOW + 9_000, (), D(0), D(0))
    assert ask(tracker, other, first=True) == []
    assert tracker.get(SNDK) is not None
    assert not tracker.has_suspects


def test_a_fill_that_came_after_a_takeover_but_happened_before_it_is_not_counted_again() -> None:
    tracker = synced()
    take(tracker, fill(BUY, "1", 1))
    ask(tracker, read(1_000, D(3)), first=True)
    assert take(tracker, fill(BUY, "2", 900, start="1")) == []
    position = tracker.get(SNDK)
    assert position is not None
    assert position.size == 3


# --- entry time after a restart -------------------------------------------------------------------------------------------------


def test_entry_time_is_the_oldest_fill_that_built_the_position() -> None:
    tracker = PositionTracker()
    tracker.take_new(
        (
            fill(BUY, "1", -90_000),
            fill(SELL, "1", -80_000, start="1"),
            fill(BUY, "1", -20_000),
            fill(BUY, "1", -10_000, start="1"),
        )
    )
    ask(tracker, read(0, D(2)), first=True)
    position = tracker.get(SNDK)
    assert position is not None
    assert position.entry_timestamp_ms == NOW - 20_000


def test_entry_time_of_a_position_that_crossed_zero_is_the_crossing_fill() -> None:
    tracker = PositionTracker()
    tracker.take_new((fill(BUY, "1", -90_000), fill(SELL, "3", -30_000, start="1")))
    ask(tracker, read(0, D(-2)), first=True)
    position = tracker.get(SNDK)
    assert position is not None
    assert position.entry_timestamp_ms == NOW - 30_000


def test_what_is_left_when_a_fill_comes_late_is_as_old_as_the_position_that_we_took_for_closed() -> None:
    """Bought twice, sold as much as the first: the second one is told last, and the exchange was never flat in between."""
    tracker = synced()
    first, second = fill(BUY, "1", 1), fill(BUY, "0.5", 20_000, start="1")
    take(tracker, first)
    assert tracker.get(SNDK) is not None
    take(tracker, fill(SELL, "1", 30_000, start="1.5"))
    assert tracker.is_flat
    (late,) = take(tracker, second)
    assert late.opened
    assert late.after is not None
    assert (late.after.size, late.after.entry_timestamp_ms) == (D("0.5"), NOW + 1)
    assert late.after.last_fill_timestamp_ms == NOW + 20_000


def test_a_late_fill_without_the_history_behind_it_is_as_old_as_itself() -> None:
    """All that was told of the market ends flat, or on the other side."""
    tracker = synced()
    take(tracker, fill(BUY, "1", 1), fill(SELL, "1", 2, start="1"))
    (late,) = take(tracker, fill(BUY, "0.5", 20_000, start="0.3"))
    assert late.after is not None
    assert late.after.entry_timestamp_ms == NOW + 20_000
    tracker = synced()
    take(tracker, fill(BUY, "1", 1), fill(SELL, "1", 30_000, start="1"))
    (new,) = tracker.take_new((fill(BUY, "0.5", 20_000, start="0.3"),))
    late_change = tracker.apply(new, NOW + 40_000)
    assert late_change is not None
    assert late_change.after is not None
    assert late_change.after.entry_timestamp_ms == NOW + 20_000


def test_a_fill_that_is_missing_from_the_history_ends_what_is_known_to_have_built_a_position() -> None:
    tracker = synced()
    sold, bought = fill(SELL, "1", 1, start="1"), fill(BUY, "1", 9, start="1")
    tracker.take_new((sold, bought))
    assert tracker.fills_that_built(SNDK, BUY) == [bought], (
        "it was flat after the sale, and we did not see it grow again"
    )
    assert tracker.fills_that_built(SNDK, SELL) == []


def test_entry_time_is_now_when_no_fill_tells() -> None:
    tracker = PositionTracker()
    ask(tracker, read(0, D(1)), first=True)
    position = tracker.get(SNDK)
    assert position is not None
    assert position.entry_timestamp_ms == NOW


def test_a_snapshot_of_many_fills_shown_again_adds_none_to_what_built_the_position() -> None:
    tracker = synced()
    fills = [fill(BUY, "1", i + 1, start=str(i)) for i in range(60)]
    take(tracker, *fills)
    take(tracker, *fills)
    assert tracker.fills_that_built(SNDK, BUY) == fills


def test_of_a_long_history_the_newest_fills_are_kept() -> None:
    tracker = synced()
    fills = [fill(BUY, "1", i + 1, start=str(i)) for i in range(600)]
    take(tracker, *fills)
    assert tracker.fills_that_built(SNDK, BUY) == fills[-500:]
    take(tracker, *fills)
    assert tracker.fills_that_built(SNDK, BUY) == fills[-500:]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5)), min_size=1, max_size=25), st.randoms())
def test_the_position_is_the_sum_of_its_fills_whatever_is_repeated(
    moves: list[tuple[bool, int]], dice: st.DataObject
) -> None:
    tracker = synced()
    total = D(0)
    shown: list[Fill] = []
    for i, (buys, size) in enumerate(moves):
        one = fill(BUY if buys else SELL, str(size), i + 1, start=str(total))
        total += size if buys else -size
        shown.append(one)
        take(tracker, one, *dice.sample(shown, k=min(2, len(shown))))  # type: ignore[attr-defined]
    position = tracker.get(SNDK)
    assert (position.signed_size if position else D(0)) == total
    assert position is None or position.size > 0
