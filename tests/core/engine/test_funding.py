"""Funding is read after a full hour that a position was held through, until its payment is told, and booked once."""

from __future__ import annotations

from engine_rig import BTC, NOW, SNDK, D, Rig, make_config

from core.config import ExecutionConfig
from core.engine.funding import HOUR_MS, PAUSES_MS, REACH_BACK_MS
from core.messages.effects import Ask, FundingRow, Journal, PersistCounters
from core.messages.events import FundingRead, ReadFailed
from core.messages.queries import QueryFunding
from core.messages.recovered import Recovered
from core.model.market import MarketKey
from core.model.position import FundingPayment

PATIENT = make_config(execution=ExecutionConfig(time_stop_ms=300_000, reduce_only_timeout_ms=600_000))


def shortly_before_the_hour(*, held: bool = True) -> tuple[Rig, int]:
    """A rig two seconds before a full hour, and that hour."""
    rig = Rig(PATIENT)
    hour = rig.now // HOUR_MS + 1
    rig.now = hour * HOUR_MS - 10_000
    rig.advance(8_000)
    if held:
        rig.open_position()
    return rig, hour


def asked(rig: Rig) -> list[tuple[int, int]]:
    """When, and from when on."""
    return [(at, e.query.start_ms) for at, e in rig.log if isinstance(e, Ask) and isinstance(e.query, QueryFunding)]


def booked(rig: Rig) -> list[FundingPayment]:
    return [e.row.payment for _, e in rig.log if isinstance(e, Journal) and isinstance(e.row, FundingRow)]


def payment(at_ms: int, usdc: str = "-0.01", market=SNDK) -> FundingPayment:
    return FundingPayment(market, at_ms, D(usdc), D("0.25"), D("0.0000125"))


def test_nothing_held_nothing_asked() -> None:
    rig, _ = shortly_before_the_hour(held=False)
    rig.advance(200_000, 1_000)
    assert asked(rig) == []


def test_a_position_within_the_hour_is_nothing_to_ask_about() -> None:
    rig = Rig(PATIENT)
    rig.open_position()
    rig.advance(200_000, 1_000)
    assert asked(rig) == []


def test_held_through_the_hour_it_is_asked_and_booked_once() -> None:
    rig, hour = shortly_before_the_hour()
    start = hour * HOUR_MS
    rig.venue.funding = [payment(start - HOUR_MS, "-5"), payment(start + 40), payment(start + 40, "0.03", BTC)]
    rig.advance(200_000, 500)
    ((at, from_ms),) = asked(rig)
    assert start + PAUSES_MS[0] <= at < start + PAUSES_MS[0] + 1_500
    assert from_ms == start - REACH_BACK_MS
    assert booked(rig) == rig.venue.funding
    assert rig.snapshot().pnl.funding_usd == D("0.02")  # what was paid before this run began is in the journal alone
    told = [a.text for a in rig.snapshot().audit if a.kind == "funding"]
    assert told == ["xyz:SNDK: -0.01 USD", "BTC: +0.03 USD"]


def test_an_answer_without_the_payment_is_asked_for_again() -> None:
    rig, hour = shortly_before_the_hour()
    rig.advance(10_000, 500)
    assert len(asked(rig)) == 1
    rig.venue.funding = [payment(hour * HOUR_MS + 40)]
    rig.advance(60_000, 500)
    assert len(asked(rig)) == 2
    assert len(booked(rig)) == 1


def test_after_three_answers_without_it_there_was_none() -> None:
    rig, _ = shortly_before_the_hour()
    rig.advance(280_000, 1_000)
    assert len(asked(rig)) == len(PAUSES_MS)
    assert "no payment of it was told" in [a.text for a in rig.snapshot().audit if a.kind == "funding"][-1]


def test_a_read_that_failed_is_tried_again() -> None:
    rig, hour = shortly_before_the_hour()
    rig.failing.add(QueryFunding)
    rig.advance(10_000, 500)
    assert len(asked(rig)) == 1
    rig.failing.clear()
    rig.venue.funding = [payment(hour * HOUR_MS + 40)]
    rig.advance(60_000, 500)
    assert len(booked(rig)) == 1


def test_a_trade_that_ends_with_the_hour_is_asked_about() -> None:
    """Flat again before the first tick of the new hour: held through it all the same."""
    rig, hour = shortly_before_the_hour()
    rig.advance(hour * HOUR_MS - 50 - rig.now, 50)
    position = rig.position(SNDK)
    assert position is not None
    rig.venue.held.clear()
    rig.now = hour * HOUR_MS
    from core.messages.events import Fills
    from core.model.order import OrderSide

    fill = rig.venue.execute(SNDK, OrderSide.SELL, position.size, D(200), rig.now, 77, None)
    rig.handle(Fills((fill,), is_snapshot=False))
    assert rig.position(SNDK) is None
    rig.advance(10_000, 500)
    assert len(asked(rig)) == 1


def test_without_a_connection_it_waits() -> None:
    rig, hour = shortly_before_the_hour()
    rig.advance(2_500, 500)
    assert rig.now >= hour * HOUR_MS
    rig.disconnect()
    rig.advance(20_000, 500)
    assert asked(rig) == []
    rig.connect()
    rig.advance(1_000, 500)
    assert len(asked(rig)) == 1


def test_an_answer_nobody_waits_for_is_booked_all_the_same() -> None:
    rig = Rig(PATIENT)
    rig.handle(FundingRead(0, (payment(rig.now),)))
    rig.handle(FundingRead(0, (payment(rig.now),)))
    rig.handle(ReadFailed(QueryFunding(5), "HTTP 500"))
    assert len(booked(rig)) == 1


def test_the_hour_is_asked_about_once() -> None:
    rig, hour = shortly_before_the_hour()
    rig.venue.funding = [payment(hour * HOUR_MS + 40)]
    rig.advance(10_000, 500)
    rig.now = hour * HOUR_MS - 100  # our clock was set back, and comes again
    rig.advance(10_000, 500)
    assert len(asked(rig)) == 1


def test_what_was_paid_counts_toward_the_limit_of_the_loss_and_what_was_received_against_it() -> None:
    rig, hour = shortly_before_the_hour()
    start = hour * HOUR_MS
    rig.venue.funding = [payment(start + 40, "-20.5"), payment(start + 41, "1", BTC)]
    rig.advance(3_000, 500)
    assert not rig.snapshot().hard_stop.tripped
    rig.advance(10_000, 500)
    assert rig.m.risk.counters.funding_usd == D("-19.5")
    assert rig.snapshot().hard_stop.tripped, "the loss was beyond its limit before the other payment was told"
    assert rig.snapshot().hard_stop.reason == "cumulative loss $20.50 > $20"
    assert rig.effects(PersistCounters)[-1].counters.funding_usd == D("-19.5")


def test_history_and_what_others_pay_on_dexes_that_are_not_ours_count_for_nothing() -> None:
    rig, hour = shortly_before_the_hour()
    start = hour * HOUR_MS
    foreign = MarketKey("other", "GOLD")
    rig.venue.funding = [payment(start - HOUR_MS, "-500"), payment(start + 40, "-500", foreign)]
    rig.advance(60_000, 500)
    assert len(booked(rig)) == 2
    assert rig.m.risk.counters.funding_usd == 0
    assert not rig.snapshot().hard_stop.tripped


def test_what_an_earlier_run_could_not_read_is_read_at_the_next_start_and_counted_once() -> None:
    since = NOW - 2 * HOUR_MS
    told = payment(NOW - HOUR_MS, "-1")
    known = frozenset({(SNDK.name, NOW - HOUR_MS)})
    rig = Rig(PATIENT, recovered=Recovered(run_id=2, journal_since_ms=since, seen_funding=known), ready=False)
    rig.venue.funding = [told, payment(NOW - 30_000, "-2"), payment(since - 1, "-4")]
    rig.ready()
    rig.advance(2_000, 500)
    assert len(asked(rig)) == 1
    assert [p.usdc for p in booked(rig)] == [D(-2), D(-4)]
    assert rig.m.risk.counters.funding_usd == D(-2)
    assert rig.snapshot().pnl.funding_usd == 0, "of this run's own hours it was none"


def test_a_first_start_has_nothing_to_look_up() -> None:
    rig = Rig(PATIENT)
    rig.advance(5_000, 500)
    assert asked(rig) == []
