"""The transition table of an order: total, closed at its ends, and never losing what the venue said."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest

from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import (
    TRANSITIONS,
    OrderSide,
    OrderStatus,
    PendingCancel,
    Purpose,
    Report,
    TimeInForce,
    TrackedOrder,
)

S, R = OrderStatus, Report
TERMINAL = (S.FILLED, S.CANCELED, S.REJECTED)
LIVE = tuple(status for status in S if status not in TERMINAL)
VENUE_END = {R.FILLED: S.FILLED, R.CANCELED: S.CANCELED, R.REJECTED: S.REJECTED}


def test_every_state_answers_every_report() -> None:
    assert set(TRANSITIONS) == set(S)
    for status in S:
        assert set(TRANSITIONS[status]) == set(R), f"{status} leaves a report out"


@pytest.mark.parametrize("status", TERMINAL)
def test_terminal_states_are_closed(status: OrderStatus) -> None:
    assert status.is_terminal
    assert all(after is None for after in TRANSITIONS[status].values())


@pytest.mark.parametrize("status", LIVE)
def test_live_states_can_end(status: OrderStatus) -> None:
    assert not status.is_terminal
    for report in VENUE_END:
        after = TRANSITIONS[status][report]
        assert after is not None, f"{status} ignores {report}"
        assert after.is_terminal


@pytest.mark.parametrize(("status", "report"), list(product(LIVE, VENUE_END)))
def test_the_venues_last_word_counts(status: OrderStatus, report: Report) -> None:
    expected = VENUE_END[report]
    if (status, report) == (S.PARTIAL_FILLED, R.REJECTED):
        expected = S.CANCELED  # something was filled, so it cannot have been refused
    assert TRANSITIONS[status][report] is expected


def test_nothing_points_to_itself() -> None:
    """No news is None, so that a caller can tell a change from a repetition."""
    assert not [(s, r) for s in S for r in R if TRANSITIONS[s][r] is s]


def test_silence_makes_unknown_only_what_was_sent() -> None:
    for status in (S.IN_FLIGHT, S.OPEN, S.PARTIAL_FILLED):
        assert TRANSITIONS[status][R.LOST] is S.UNKNOWN
    assert TRANSITIONS[S.QUEUED][R.LOST] is None
    assert TRANSITIONS[S.UNKNOWN][R.LOST] is None


def test_unknown_is_left_by_the_venues_word_or_by_proof_alone() -> None:
    leaving = {report for report, after in TRANSITIONS[S.UNKNOWN].items() if after is not None}
    assert leaving == {R.RESTING, R.PARTIAL, R.FILLED, R.CANCELED, R.REJECTED, R.DROPPED}


def test_a_send_that_failed_puts_back_only_what_was_in_flight() -> None:
    assert TRANSITIONS[S.IN_FLIGHT][R.NOT_SENT] is S.QUEUED
    assert not [s for s in S if s is not S.IN_FLIGHT and TRANSITIONS[s][R.NOT_SENT] is not None]


def test_our_own_word_never_ends_what_the_venue_holds() -> None:
    for status in (S.OPEN, S.PARTIAL_FILLED):
        assert [TRANSITIONS[status][report] for report in (R.POSTED, R.NOT_SENT, R.DROPPED)] == [None, None, None]


def test_a_partial_fill_is_never_taken_back() -> None:
    assert TRANSITIONS[S.PARTIAL_FILLED][R.RESTING] is None
    assert TRANSITIONS[S.OPEN][R.PARTIAL] is S.PARTIAL_FILLED


def tracked(status: OrderStatus, filled: str = "0", venue: str | None = None) -> TrackedOrder:
    return TrackedOrder(
        cloid=Cloid("0x" + "0" * 32),
        market=MarketKey("xyz", "SNDK"),
        side=OrderSide.BUY,
        original_size=Decimal("0.05"),
        price=Decimal(1700),
        reduce_only=False,
        tif=TimeInForce.IOC,
        purpose=Purpose.ENTRY,
        status=status,
        created_at_ms=1,
        updated_at_ms=1,
        filled_size=Decimal(filled),
        venue_filled=None if venue is None else Decimal(venue),
    )


@pytest.mark.parametrize(
    ("status", "filled", "venue", "settled"),
    [
        (S.FILLED, "0", "0.05", False),
        (S.FILLED, "0.03", "0.05", False),
        (S.FILLED, "0.05", "0.05", True),
        (S.CANCELED, "0.01", "0.02", False),
        (S.CANCELED, "0", None, True),
        (S.REJECTED, "0", "0", True),
        (S.UNKNOWN, "0.05", "0.05", False),
        (S.OPEN, "0", None, False),
    ],
)
def test_terminal_is_not_yet_settled(status: OrderStatus, filled: str, venue: str | None, settled: bool) -> None:
    assert tracked(status, filled, venue).is_settled is settled


def test_unfilled_is_never_negative() -> None:
    assert tracked(S.OPEN, "0.02").unfilled == Decimal("0.03")
    assert tracked(S.FILLED, "0.06").unfilled == 0


def test_sides() -> None:
    assert OrderSide.BUY.opposite is OrderSide.SELL
    assert OrderSide.SELL.opposite is OrderSide.BUY
    assert [(side.is_buy, side.sign) for side in OrderSide] == [(True, 1), (False, -1)]


@pytest.mark.parametrize(("oid", "cloid"), [(None, None), (7, Cloid("0x" + "0" * 32))])
def test_a_cancel_names_exactly_one_of_its_two_ids(oid: int | None, cloid: Cloid | None) -> None:
    with pytest.raises(AssertionError, match="not both"):
        PendingCancel(MarketKey("", "BTC"), oid=oid, cloid=cloid)
