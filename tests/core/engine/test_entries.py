"""From a dislocation to a queued order; one dislocation is one episode."""

from __future__ import annotations

from decimal import Decimal

import pytest
from engine_rig import BTC, BUY, NVDA, SELL, SNDK, D, Rig, foreign_order, make_config, order_of, report_of, update
from msgspec.structs import replace

from core.config import ExecutionConfig, MarketConfig, SafetyConfig
from core.engine.entries import ENTRY_MAX_AGE_MS
from core.messages.commands import CancelOrder, Command, FlattenMarket, PauseEntries, Shutdown, TripHardStop
from core.messages.effects import OrderRow, Post, RiskCounters, SignalRow
from core.messages.events import Bbo, RateLimitRead
from core.messages.queries import QueryBook, QueryFees, QueryFills, QueryPositions, QueryRole
from core.messages.recovered import Recovered
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import OrderStatus, PendingOrder, TimeInForce
from core.model.position import ExitReason


def hold_dislocated(rig: Rig, times: int) -> None:
    """The oracle stays away; the touch comes again and again."""
    for _ in range(times):
        rig.handle(rig.ctx(SNDK, D("201")))
        rig.handle(rig.venue.bbo(SNDK, rig.now))


def test_an_entry_is_an_ioc_at_the_rounded_reach_with_its_signal_journaled() -> None:
    rig = Rig()
    order = order_of(rig.enter())
    assert (order.tif, order.reduce_only, order.price, order.size) == (TimeInForce.IOC, False, D("200.07"), D("0.249"))
    (row,) = rig.rows(SignalRow)
    assert (row.verdict, row.signal.signal_id) == ("accepted", "s1-1")
    assert row.signal.edge_bps > row.signal.expected_edge_bps
    (queued, *_) = [r for r in rig.rows(OrderRow) if r.cloid == order.cloid]
    assert queued.correlation_id == "s1-1"


def test_a_refused_dislocation_is_counted_once_however_often_it_is_seen() -> None:
    rig = Rig(make_config(safety=SafetyConfig(allowed_markets=("BTC",))))
    hold_dislocated(rig, 20)
    tally = rig.snapshot().tally
    assert tally.signals == 1
    assert tally.denied == (("market not allowed", 1),)
    assert len(rig.rows(SignalRow)) == 1
    rig.quote(SNDK)
    hold_dislocated(rig, 1)
    assert rig.snapshot().tally.signals == 2, "it went away and came back: another one"


def test_a_second_gate_that_refuses_the_same_dislocation_makes_no_second_signal() -> None:
    rig = Rig(make_config(safety=SafetyConfig(allowed_markets=("BTC",))))
    hold_dislocated(rig, 1)
    rig.handle(PauseEntries(command_id="p", paused=True))
    hold_dislocated(rig, 3)
    tally = rig.snapshot().tally
    assert (tally.signals, dict(tally.denied)) == (1, {"paused": 1, "market not allowed": 1})
    assert {r.signal.signal_id for r in rig.rows(SignalRow)} == {"s1-1"}


def test_a_dislocation_to_the_other_side_is_another_one() -> None:
    rig = Rig(make_config(safety=SafetyConfig(allowed_markets=("BTC",))))
    rig.handle(rig.ctx(SNDK, D(201)))
    rig.handle(rig.ctx(SNDK, D(199)))
    assert rig.snapshot().tally.signals == 2
    assert {r.signal.side for r in rig.rows(SignalRow)} >= {SELL}


def test_no_second_entry_while_one_is_on_its_way() -> None:
    rig = Rig(make_config(execution=ExecutionConfig(max_notional_per_market=D(25))))
    rig.enter()
    hold_dislocated(rig, 5)
    rig.advance(300)
    assert len(rig.posts) == 1


def test_no_entry_beside_a_position_even_with_room_for_it() -> None:
    """The order of the gates lets room decide first; with room left the position itself refuses."""
    rig = Rig()
    post = rig.enter()
    part = rig.execute(order_of(post), size=D("0.05"))
    rig.reply_filled(post, part)
    rig.show(part)
    bid, ask = rig.venue.quotes[SNDK]
    rig.handle(Bbo(SNDK, rig.now, bid, D(2), ask, D(2)))  # 5 % of 2 is $20: there is room for that
    rig.handle(rig.ctx(SNDK, D(201)))
    assert rig.market(SNDK).last_denial == "has position"


def test_threshold_of_one_market() -> None:
    rig = Rig(replace(make_config(), markets=(MarketConfig("xyz:SNDK"), MarketConfig("BTC", threshold_bps=D(60)))))
    assert rig.market(SNDK).threshold_bps == D("16.5")
    assert rig.market(BTC).threshold_bps == D("66.5")
    assert rig.dislocate(BTC, 50) is None
    assert rig.dislocate(BTC, 70) is not None


def test_a_full_inflight_denies_the_entry_and_registers_nothing() -> None:
    rig = Rig(make_config(execution=ExecutionConfig(inflight_limit=1, inflight_high_watermark=1)))
    rig.enter(SNDK)
    rig.advance(100)
    assert rig.dislocate(NVDA) is None
    assert rig.market(NVDA).last_denial == "enqueue: inflight full"
    assert not rig.m.orders.is_busy(NVDA)


def test_a_dropped_entry_frees_its_market_and_says_why() -> None:
    rig = Rig()
    rig.enter(SNDK)
    rig.dislocate(NVDA)
    rig.disconnect()
    (dropped,) = [o for o in rig.snapshot().orders if o.market == NVDA]
    assert (dropped.status, dropped.reason) == (OrderStatus.CANCELED, "disconnected")
    assert not rig.m.orders.is_busy(NVDA)


def test_a_dislocation_that_rounding_takes_away_is_no_signal_and_ends_the_one_before() -> None:
    """One decimal is all that this market's prices may have: an order at 10.02 would have to be sent at 10.1."""
    rig = Rig(make_config(safety=SafetyConfig(allowed_markets=("xyz:SNDK",))), ready=False)
    rig.venue.quotes[BTC] = (D("10.01"), D("10.02"))
    rig.ready()
    signals = []
    for oracle in ("10.06", "10.2", "10.06", "10.2"):
        rig.handle(rig.ctx(BTC, D(oracle)))
        signals.append(rig.snapshot().tally.signals)
    assert signals == [0, 1, 1, 2]


def test_what_we_hold_by_our_own_doing_is_no_signal_missed() -> None:
    """The dislocation that was taken goes on for a while."""
    rig = Rig()
    hold_dislocated(rig, 6)
    tally = rig.snapshot().tally
    assert (tally.signals, tally.entries, tally.denied) == (1, 1, ())


def test_no_second_entry_beside_one_that_is_not_settled_even_with_room_for_it() -> None:
    rig = Rig()
    bid, ask = rig.venue.quotes[SNDK]
    small = Bbo(SNDK, rig.now, bid, D(2), ask, D(2))  # 5 % of 2 is $20: there is room for another
    rig.handle(small)
    rig.handle(rig.ctx(SNDK, D(201)))
    assert len(rig.posts) == 1
    rig.handle(rig.ctx(SNDK, D(200)))
    rig.handle(rig.ctx(SNDK, D(201)))
    assert rig.market(SNDK).last_denial == "pending order"
    rig.advance(300)
    assert len(rig.posts) == 1


def test_a_full_run_is_told_before_there_is_any_signal() -> None:
    """What another market holds leaves no room for the size that this book would give: the verdict of a quiet market says so."""
    rig = Rig(make_config(execution=ExecutionConfig(max_notional_total=D(60))))
    assert rig.market(NVDA).gate == ""
    rig.open_position(SNDK)
    gate = rig.market(NVDA).gate
    assert gate.startswith("max position total: $")
    assert gate.endswith(" > $60")
    assert rig.dislocate(NVDA) is None
    assert rig.market(NVDA).last_denial.partition(":")[0] == gate.partition(":")[0]


# --- each reason against it -----------------------------------------------------------------------------------------------


def denial(rig: Rig, market: MarketKey = SNDK) -> str:
    """What an entry is refused for; the screen says the same before there is any signal."""
    gate: str = rig.market(market).gate
    assert rig.dislocate(market) is None
    last: str = rig.market(market).last_denial
    assert last == gate
    return last


def test_hard_stop_is_the_first_reason_and_is_told_with_its_own() -> None:
    rig = Rig()
    rig.handle(TripHardStop(command_id="x", reason="enough"))
    rig.handle(PauseEntries(command_id="p", paused=True))
    assert denial(rig) == "hard stop: enough (operator)"


def test_an_orderly_stop_takes_no_entry() -> None:
    rig = Rig()
    rig.muted = {QueryPositions}
    rig.handle(Shutdown(command_id="q", reason="operator"))
    assert denial(rig) == "hard stop: the console is stopping"


def test_no_entry_without_a_connection() -> None:
    rig = Rig(ready=False)
    rig.connect()
    rig.disconnect()
    assert denial(rig) == "not ready: not connected"


def test_no_entry_before_everything_is_read() -> None:
    rig = Rig(ready=False)
    rig.muted = {QueryFees, QueryRole}
    rig.connect()
    rig.quote()
    rig.advance(100)
    assert denial(rig) == "not ready: reads outstanding: fees, role"


def test_no_entry_while_the_exchange_and_we_disagree_about_any_position() -> None:
    rig = Rig()
    rig.muted = {QueryFills}
    rig.venue.held[NVDA] = (D("0.1"), D(180))
    for _ in range(60):
        rig.advance(100)
        if rig.m.positions.has_suspects:
            break
    assert denial(rig) == "not ready: the exchange and we disagree about a position"


def test_no_entry_while_a_flatten_has_begun_and_no_exit_is_queued_yet() -> None:
    rig = Rig()
    rig.engine._exits.flatten(SNDK, ExitReason.OPERATOR)
    assert denial(rig) == "flatten in progress: an exit of this market is not settled"
    assert rig.dislocate(NVDA) is not None, "of this market alone"


def test_no_entry_while_an_exit_is_on_its_way_though_we_are_flat() -> None:
    """Somebody else was faster; our reduce-only order may still arrive, after an entry."""
    rig = Rig()
    opened = rig.open_position()
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    rig.advance(100)
    rig.show(rig.venue.execute(SNDK, SELL, opened.size, D(200), rig.now, 5, None))
    assert rig.position() is None
    assert denial(rig) == "flatten in progress: an exit of this market is not settled"


def test_no_entry_while_an_order_of_the_market_is_being_cancelled() -> None:
    """It could be filled at the same time, and we would hold twice as much."""
    rig = Rig()
    foreign = foreign_order(SNDK)
    assert foreign.cloid is not None
    rig.handle(update(foreign))
    rig.handle(CancelOrder(command_id="c", cloid=Cloid(foreign.cloid)))
    assert denial(rig) == "flatten in progress: a cancel of this market is not settled"


def test_an_entry_under_way_counts_against_the_daily_cap() -> None:
    rig = Rig(make_config(safety=SafetyConfig(max_daily_trades=1)))
    rig.enter(NVDA)
    assert denial(rig) == "daily trade cap: 1 of 1"


def test_the_loss_of_an_earlier_run_keeps_standing() -> None:
    rig = Rig(recovered=Recovered(counters=RiskCounters(cumulative_pnl_usd=D("-20.01"))))
    assert denial(rig) == "daily trade cap: cumulative loss $20.01 > $20"


def test_a_market_that_is_not_fit_takes_no_entry_and_the_others_do() -> None:
    rig = Rig()
    rig.reject(rig.enter(SNDK))
    assert denial(rig) == "market risk: last entry not filled: pause, 1.0 s left"
    assert rig.dislocate(NVDA) is None, "the interval between two posts"
    assert rig.m.orders.is_busy(NVDA)


def test_a_budget_that_is_used_up_takes_no_entry() -> None:
    rig = Rig()
    rig.handle(RateLimitRead(10_000, 10_000, D(0)))
    assert denial(rig) == "action budget: address budget used up: exits and cancels only"


# --- the last look before signing ------------------------------------------------------------------------------------------


def queued_behind(rig: Rig) -> tuple[Post, PendingOrder]:
    """An entry that waits for the post before it, which has not left yet."""
    rig.sends = False
    first = rig.enter(NVDA)
    assert rig.dislocate(SNDK) is None
    (order,) = [o for o in rig.m.orders.live() if o.market == SNDK]
    assert order.cloid is not None
    return first, PendingOrder(
        order.cloid, SNDK, order.side, order.price, order.original_size, False, TimeInForce.IOC, order.created_at_ms
    )


def test_an_entry_that_waited_does_not_leave_over_the_exposure_limit() -> None:
    """Two entries fill the limit; a little that somebody else bought meanwhile is too much."""
    rig = Rig()
    first, order = queued_behind(rig)
    assert rig.engine._entries.last_refusal(order) == ""
    rig.show(rig.venue.execute(BTC, BUY, D("0.00004"), D(100_000), rig.now, 5, None))
    rig.sent(first)
    rig.advance(100)
    assert rig.posts == [first]
    dropped = rig.order(order)
    assert (dropped.status, dropped.reason) == (OrderStatus.CANCELED, "over the exposure limit by now")


def test_an_entry_that_waited_does_not_leave_beside_a_position_that_has_come_up() -> None:
    rig = Rig()
    first, order = queued_behind(rig)
    rig.show(rig.venue.execute(SNDK, SELL, D("0.02"), D(200), rig.now, 5, None))
    rig.sent(first)
    rig.advance(100)
    assert rig.posts == [first]
    assert rig.order(order).reason == "a position has come up"


@pytest.mark.parametrize("stop", [TripHardStop(command_id="x"), Shutdown(command_id="q", reason="operator")])
def test_no_entry_passes_the_last_look_once_we_are_stopping(stop: Command) -> None:
    """The queue is emptied at the same instant; this is the second lock on the same door."""
    rig = Rig()
    _, order = queued_behind(rig)
    assert rig.engine._entries.last_refusal(order) == ""
    rig.handle(stop)
    assert rig.engine._entries.last_refusal(order) == "stopped"


def test_an_entry_that_the_exchange_ended_while_it_waited_keeps_the_exchanges_word() -> None:
    rig = Rig()
    _, order = queued_behind(rig)
    rig.handle(update(report_of(order, OrderStatus.REJECTED, 900, text="perpMarginRejected")))
    rig.disconnect()
    assert (rig.order(order).status, rig.order(order).reason) == (OrderStatus.REJECTED, "perpMarginRejected")
    assert rig.snapshot().tally.orders_rejected == 1


@pytest.mark.parametrize("total", [D(100), D(200)])
def test_the_last_look_measures_market_and_total_at_the_newest_mark(total: Decimal) -> None:
    """A queued entry of $49.8 is one of more than $50 when the mark has risen by 1 %."""
    rig = Rig(make_config(execution=ExecutionConfig(max_notional_total=total)))
    _, order = queued_behind(rig)
    rig.handle(replace(rig.ctx(SNDK), mark_px=D("202")))
    assert rig.engine._entries.last_refusal(order) == "over the exposure limit by now"


def test_the_last_look_sees_an_exit_that_has_begun() -> None:
    rig = Rig()
    _, order = queued_behind(rig)
    rig.engine._exits.flatten(SNDK, ExitReason.OPERATOR)
    assert rig.engine._entries.last_refusal(order) == "an exit of this market is not settled"


def test_the_last_look_sees_that_we_are_not_ready_any_more() -> None:
    rig = Rig()
    _, order = queued_behind(rig)
    rig.quotes_live = False
    rig.muted = {QueryBook}
    rig.now += 900
    rig.handle(rig.ctx(SNDK))
    assert rig.engine._entries.last_refusal(order) == ""
    rig.m.readiness.reset()
    assert rig.engine._entries.last_refusal(order).startswith("market data; open orders of")


def test_the_last_look_refuses_what_is_too_old() -> None:
    rig = Rig()
    _, order = queued_behind(rig)
    rig.now += ENTRY_MAX_AGE_MS
    rig.quote()
    assert rig.engine._entries.last_refusal(order) == ""
    rig.now += 1
    rig.quote()
    assert rig.engine._entries.last_refusal(order) == "too old: 1001 ms in the queue"


def test_an_entry_that_cannot_leave_is_let_go_of_after_its_time_and_its_market_is_free() -> None:
    """The budget was used up, and it stood in the queue until the next look at the budget, a minute later."""
    rig = Rig()
    _, order = queued_behind(rig)
    rig.handle(RateLimitRead(10_000, 10_000, D(1_000)))
    rig.advance(ENTRY_MAX_AGE_MS)
    assert rig.order(order).status is OrderStatus.QUEUED
    assert rig.m.orders.is_busy(order.market)
    rig.advance(100)
    assert not rig.m.orders.is_busy(order.market)
    assert rig.m.scheduler.depths == (0, 0, 0)
    (row,) = [r for r in rig.rows(OrderRow) if r.status is OrderStatus.CANCELED]
    assert (row.cloid, row.reason) == (order.cloid, "too old: 1100 ms in the queue")


def test_an_entry_that_did_not_leave_takes_its_signal_and_its_cancel_with_it() -> None:
    rig = Rig()
    rig.sends = False
    post = rig.enter()
    rig.handle(TripHardStop(command_id="x"))
    assert [o.cloid for o in rig.m.cancels.wanted] == [order_of(post).cloid]
    rig.not_sent(post)
    assert rig.m.cancels.wanted == []
    assert rig.m.signals == {}
    (row,) = [r for r in rig.rows(OrderRow) if r.status is OrderStatus.CANCELED]
    assert row.reason == "send failed: no connection"
