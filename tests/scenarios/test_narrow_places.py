"""Narrow places: rare orders of events in which a position, an order or the operator's word could have been lost. One story each."""

from __future__ import annotations

from typing import Any

from engine_rig import (
    BTC,
    BUY,
    NVDA,
    SELL,
    SNDK,
    D,
    Rig,
    foreign_order,
    order_of,
    orders_of,
    report_of,
    update,
)
from msgspec.structs import replace

from core.engine.lookups import ASK_EVERY_MS
from core.messages.commands import CancelAll, FlattenAll, FlattenMarket, ResetHardStop, Shutdown, TripHardStop
from core.messages.effects import Ask, Finished, Post
from core.messages.events import Connected, OrderOutcome, OrderUpdates, Outcome, Subscribed
from core.messages.queries import (
    QueryBook,
    QueryFills,
    QueryOpenOrders,
    QueryOrderStatus,
    QueryPositions,
)
from core.model.cloid import CloidMaker
from core.model.order import Cancels, Orders, OrderStatus

RESET = ResetHardStop(command_id="r", reason="looked at it")


def trip(rig: Rig) -> None:
    rig.handle(TripHardStop(command_id="x"))


def exits_of(rig: Rig) -> list[Post]:
    return [p for p in rig.posts if isinstance(p.batch, Orders) and p.batch.orders[0].reduce_only]


def asked(rig: Rig, kind: type[Any], since_ms: int) -> list[Any]:
    return [e.query for at, e in rig.log if at >= since_ms and isinstance(e, Ask) and isinstance(e.query, kind)]


def until_in_doubt(rig: Rig) -> None:
    """Until the exchange has said once that it sees a position differently."""
    for _ in range(100):
        if rig.m.positions.has_suspects:
            return
        rig.advance(100)
    raise AssertionError("no doubt within 10 s")


# --- reset ----------------------------------------------------------------------------------------------------------------


def test_reset_is_refused_while_fills_of_an_ended_order_are_on_their_way() -> None:
    """The exchange said "filled", the fill is not here yet: there is no position in our books and no order that lives."""
    rig = Rig()
    post = rig.enter()
    fill = rig.execute(order_of(post))
    rig.reply_filled(post, fill)
    trip(rig)
    rig.handle(RESET)
    assert rig.snapshot().hard_stop.tripped
    assert "1 orders are left" in rig.answer_of(RESET)


def test_reset_is_refused_while_the_exchange_says_that_we_hold_something() -> None:
    rig = Rig()
    rig.muted = {QueryFills}
    trip(rig)
    rig.venue.execute(SNDK, BUY, D("0.1"), D(200), rig.now, 5, None)
    until_in_doubt(rig)
    assert rig.position() is None
    rig.handle(RESET)
    assert rig.snapshot().hard_stop.tripped
    assert "not in sync" in rig.answer_of(RESET)


def test_an_override_forgives_the_loss_only_where_the_loss_is_what_stopped() -> None:
    rig = Rig()
    rig.lose_trade(D(5))
    lost = rig.m.risk.counters.cumulative_pnl_usd
    assert lost < -5
    rig.open_position(NVDA)
    trip(rig)
    rig.handle(ResetHardStop(command_id="o", reason="I know", override=True))
    assert not rig.snapshot().hard_stop.tripped
    assert rig.m.risk.counters.cumulative_pnl_usd == lost


# --- a position in doubt ----------------------------------------------------------------------------------------------------


def test_no_entry_while_the_exchange_and_we_disagree_about_a_position() -> None:
    """What the exchange says we hold counts against the limits only once it is believed; until then nothing is added to it."""
    rig = Rig()
    rig.advance(3_000)
    rig.venue.execute(NVDA, BUY, D("0.5"), D(180), rig.now, 5, None)
    rig.muted = {QueryFills}
    until_in_doubt(rig)
    assert rig.dislocate(SNDK) is None
    assert "disagree" in rig.market(SNDK).last_denial


def test_a_doubt_ends_when_both_sides_are_flat_and_is_no_first_witness_for_a_later_one() -> None:
    rig = Rig()
    rig.advance(3_000)
    rig.muted = {QueryFills}
    rig.venue.held[NVDA] = (D("0.5"), D(180))
    until_in_doubt(rig)
    del rig.venue.held[NVDA]
    rig.advance(10_000)
    assert not rig.m.positions.has_suspects
    rig.venue.held[NVDA] = (D("0.5"), D(180))
    until_in_doubt(rig)
    assert rig.position(NVDA) is None


# --- exits that could not be priced, or were held back -------------------------------------------------------------------------


def test_a_position_in_a_market_without_any_data_is_closed_at_the_exchanges_own_mark() -> None:
    """After a restart, in a configured market that gives neither touch nor oracle price."""
    rig = Rig(ready=False)
    rig.muted = {QueryBook}
    rig.quotes_live = False
    rig.venue.held[SNDK] = (D("0.2"), D(200))
    rig.connect()
    rig.advance(1_000)
    assert rig.position() is not None
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(200)
    assert order_of(exits_of(rig)[0]).price == D("198")  # 1 % under the mark of 200


def test_an_exit_follows_the_exchanges_mark_where_our_own_data_has_stopped() -> None:
    rig = Rig()
    rig.open_position()
    rig.quotes_live = False
    rig.muted = {QueryBook}
    rig.venue.quotes[SNDK] = (D("179.98"), D("180.02"))
    rig.advance(26_000)
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(200)
    assert order_of(exits_of(rig)[0]).price == D("178.2")


def test_an_exit_does_not_wait_for_ever_for_positions_to_be_read() -> None:
    """The socket is back and the reads fail: reduce-only orders for what we believe cannot make it worse."""
    rig = Rig()
    rig.open_position()
    rig.failing = {QueryPositions}
    rig.disconnect()
    rig.connect()
    rig.advance(9_500)
    assert exits_of(rig) == []
    rig.advance(1_000)
    assert len(exits_of(rig)) == 1


def test_positions_are_read_even_if_the_snapshot_of_fills_never_comes() -> None:
    rig = Rig()
    rig.open_position()
    rig.disconnect()
    rig.handle(Connected(2))
    rig.handle(Subscribed("orderUpdates", ""))
    rig.advance(5_500)
    assert rig.m.readiness.dex_synced("xyz")
    assert len(exits_of(rig)) == 1


# --- outcomes that nobody understood -----------------------------------------------------------------------------------------


def test_a_status_that_nobody_understands_does_not_keep_an_exit_unresolved_for_ever() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    order = order_of(exits_of(rig)[0])
    rig.venue.known[order.cloid] = report_of(order, OrderStatus.UNKNOWN, 900, text="somethingNew")
    rig.advance(5_000)
    assert rig.order(order).status is OrderStatus.UNKNOWN
    rig.advance(12_000)
    assert len(exits_of(rig)) == 2


def test_a_partly_filled_exit_with_a_status_nobody_understands_closes_the_rest() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    order = order_of(exits_of(rig)[0])
    rig.show(rig.execute(order, size=D("0.1")))
    rig.venue.known[order.cloid] = report_of(order, OrderStatus.UNKNOWN, 900, filled=D("0.1"), text="somethingNew")
    rig.advance(17_000)
    assert order_of(exits_of(rig)[1]).size == order.size - D("0.1")


def test_an_ioc_that_is_said_to_be_open_is_asked_for_at_once_and_not_with_the_next_list() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    post = exits_of(rig)[0]
    order = order_of(post)
    rig.reply(post, OrderOutcome(Outcome.RESTING, 900))
    rig.venue.known[order.cloid] = report_of(order, OrderStatus.CANCELED, 900)
    rig.advance(3 * ASK_EVERY_MS)
    assert rig.order(order).status is OrderStatus.CANCELED
    assert len(exits_of(rig)) == 2


def test_an_order_that_was_open_and_is_no_longer_known_is_looked_for_until_proven_gone() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    rig.reply(exits_of(rig)[0], OrderOutcome(Outcome.RESTING, 900))
    rig.advance(15_000)
    assert len(exits_of(rig)) == 2


def test_answers_to_a_repeat_are_not_given_to_the_wrong_order() -> None:
    """Two exits in one post; one of them is known when the bytes go out again: the answers of both come back."""
    rig = Rig()
    rig.open_position(SNDK)
    rig.open_position(NVDA)
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    post = exits_of(rig)[0]
    sndk, nvda = orders_of(post)
    rig.muted = {QueryOrderStatus, QueryFills}
    rig.advance(5_100)
    assert len(rig.reposts) == 1
    rig.handle(OrderUpdates((report_of(sndk, OrderStatus.CANCELED, 900),)))
    rig.advance(2_100)
    again = rig.reposts[-1]
    assert len(rig.reposts) >= 2
    rig.reply(again, OrderOutcome(Outcome.ERROR, error="Order has invalid price."), OrderOutcome(Outcome.FILLED, 901))
    assert rig.order(nvda).status is OrderStatus.UNKNOWN


# --- the last look before signing --------------------------------------------------------------------------------------------


def test_an_entry_that_waited_does_not_leave_once_a_position_has_come_up() -> None:
    rig = Rig()
    rig.sends = False
    first = rig.enter(NVDA)
    assert rig.dislocate(SNDK) is None  # queued: the first post has not left yet
    assert rig.m.orders.is_busy(SNDK)
    rig.show(rig.venue.execute(SNDK, SELL, D("0.02"), D(200), rig.now, 5, None))
    rig.sent(first)
    rig.advance(300)
    assert all(o.market is not SNDK for p in rig.posts for o in orders_of(p))
    assert not rig.m.orders.is_busy(SNDK)


def test_an_entry_that_waited_does_not_leave_when_we_are_not_ready_any_more() -> None:
    rig = Rig()
    rig.sends = rig.quotes_live = False
    rig.muted = {QueryBook}
    rig.quote()
    first = rig.enter(NVDA)
    rig.advance(1_500)  # of the 2 s that a touch is fresh
    assert rig.dislocate(SNDK) is None
    assert rig.m.orders.is_busy(SNDK)
    rig.advance(600)
    assert not rig.m.readiness.is_ready
    rig.sent(first)
    rig.advance(100)
    assert len(rig.posts) == 1
    assert not rig.m.orders.is_busy(SNDK)


def test_what_ended_while_its_cancel_waited_is_not_cancelled() -> None:
    rig = Rig()
    resting = replace(foreign_order(NVDA, cloid=CloidMaker(0).next()), remaining=D("0.1"), original_size=D("0.1"))
    rig.handle(update(resting))
    rig.sends = False
    first = rig.enter(SNDK)
    rig.handle(CancelAll(command_id="c"))
    rig.advance(100)
    assert rig.m.scheduler.depths[0] == 2  # this one, and the entry that has not left
    rig.handle(update(resting, status=OrderStatus.CANCELED))
    rig.sends = True
    rig.sent(first)
    rig.advance(300)
    cancelled = [c.oid for p in rig.posts if isinstance(p.batch, Cancels) for c in p.batch.cancels]
    assert cancelled == [None]


# --- the connection, the orderly stop ------------------------------------------------------------------------------------------


def test_nothing_is_asked_while_the_connection_is_down() -> None:
    """An answer that comes meanwhile must not stand for the resync of the next connection."""
    rig = Rig()
    rig.open_position()
    rig.sends = False
    rig.enter(BTC)
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    rig.advance(100)
    assert rig.m.scheduler.depths[1] == 1
    down_at = rig.now
    rig.disconnect()
    rig.advance(1_000)
    assert asked(rig, QueryPositions, down_at) == []
    assert not rig.m.readiness.dex_synced("xyz")


def test_a_confirmation_is_taken_back_by_a_later_answer_that_is_not_empty() -> None:
    rig = Rig()
    rig.muted, rig.failing = {QueryFills}, {QueryOpenOrders}
    rig.handle(Shutdown(command_id="q", reason="operator"))
    rig.advance(1_000)  # positions are confirmed, the lists of orders are not
    rig.venue.held[SNDK] = (D("0.2"), D(200))
    until_in_doubt(rig)
    rig.failing = set()
    rig.advance(1_000)
    assert rig.effects(Finished) == []
