"""What the simulated world found, each told once more as a short story, so that it stays found."""

from __future__ import annotations

from engine_rig import BTC, BUY, NOW, NVDA, SELL, SNDK, D, Rig, foreign_order, make_config, orders_of, report_of, update
from msgspec.structs import replace

from core.config import ExecutionConfig, SafetyConfig
from core.engine.lookups import COPY_ARRIVES_MS
from core.messages.commands import FlattenAll, PlaceOrder, ResetHardStop, TripHardStop
from core.messages.effects import Alert, Ask, OrderRow, Reconnect, TradeRow
from core.messages.events import (
    Connected,
    Fills,
    OrderOutcome,
    OrderUpdates,
    Outcome,
    PostReply,
    RateLimitRead,
    ServerTimeRead,
    Subscribed,
    Tick,
    TimeJump,
)
from core.messages.queries import QueryFills, QueryOrderStatus, QueryPositions, QueryServerTime
from core.model.market import MarketKey
from core.model.order import Cancels, OrderStatus, TimeInForce
from core.model.position import ExitReason


def reconnects(rig: Rig) -> list[str]:
    return [e.reason for _, e in rig.log if isinstance(e, Reconnect)]


def test_an_account_channel_without_its_first_word_is_connected_anew() -> None:
    """The snapshot of the fills was lost on its way and would never have come again: the console stayed NOT READY for good."""
    rig = Rig(ready=False)
    rig.handle(Connected(1))
    rig.handle(Subscribed("orderUpdates", rig.engine.machines.run.account))
    rig.advance(14_000)
    assert reconnects(rig) == []
    rig.advance(3_000)
    (reason,) = reconnects(rig)
    assert "userFills" in reason
    assert any("userFills" in t for t in rig.audit("connection"))


def test_a_ready_account_is_left_alone() -> None:
    rig = Rig()
    rig.advance(60_000)
    assert reconnects(rig) == []


def test_time_that_we_slept_is_no_silence_of_the_exchange() -> None:
    """Asleep for 37 s with a position: the first thing it did was to cut a good connection, with the exit on it."""
    rig = Rig()
    rig.open_position()
    rig.now += 37_000
    rig.handle(TimeJump(37_000))
    rig.handle(Tick())
    assert reconnects(rig) == []
    assert rig.posts[-1].batch.orders[0].reduce_only, "the overdue position is closed at once"


def test_an_exit_whose_nonce_is_used_up_is_proven_absent_soon() -> None:
    """Refused by the exchange, and the answer lost: 17 s passed before the next attempt, although the copy had told all."""
    rig = Rig()
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    lost = rig.posts[-1]
    rig.advance(5_300)
    rig.refuse(rig.reposts[-1], f"Invalid nonce: duplicate nonce {lost.nonce}")
    known_since = rig.now
    while len(rig.posts) == 2:
        rig.advance(100)
        assert rig.now - known_since < 4_500, "still nothing"
    assert len(rig.reposts) == 1, "and no further copy that could do nothing"
    assert rig.posts[-1].batch.orders[0].reduce_only


def test_one_look_is_not_enough_even_when_the_nonce_is_used_up() -> None:
    """The exchange's index may lag behind what it has done."""
    rig = Rig()
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    exit_ = rig.posts[-1].batch.orders[0]
    rig.failing = {QueryOrderStatus, QueryFills}
    rig.advance(5_300)
    rig.refuse(rig.reposts[-1], f"Invalid nonce: duplicate nonce {rig.posts[-1].nonce}")
    rig.advance(3_000)
    assert rig.order(exit_).status is OrderStatus.UNKNOWN
    fill = rig.execute(exit_)
    rig.failing = set()
    rig.advance(3_000)
    assert rig.position() is None
    assert rig.snapshot().trades[0].exit_price == fill.price


def test_after_the_release_of_the_latch_orders_of_others_are_left_alone() -> None:
    """The stop wanted them cancelled, its cancel was lost, and it was asked again after the operator had released the latch."""
    rig = Rig()
    rig.venue.open_orders.append(foreign_order(SNDK, oid=77))
    rig.advance(40_000)
    rig.handle(TripHardStop(command_id="x"))
    rig.advance(200)
    cancels = [p for p in rig.posts if isinstance(p.batch, Cancels)]
    assert [c.oid for c in cancels[-1].batch.cancels] == [77]
    rig.handle(ResetHardStop(command_id="r", reason="go on", override=True))
    rig.advance(20_000)
    assert [p for p in rig.posts if isinstance(p.batch, Cancels)] == cancels


def test_snapshot_of_fills_counts_as_the_first_word() -> None:
    rig = Rig(ready=False)
    rig.handle(Connected(1))
    rig.handle(Subscribed("orderUpdates", rig.engine.machines.run.account))
    rig.handle(Fills((), is_snapshot=True))
    rig.advance(20_000)
    assert not any("first word" in r for r in reconnects(rig))
    assert rig.now > NOW


def test_an_entry_under_way_counts_for_the_daily_cap() -> None:
    """The last trade of the day was still on its way when the next signal came: both opened, one more than the cap."""
    rig = Rig(make_config(safety=SafetyConfig(max_daily_trades=1)))
    rig.enter(SNDK)
    assert rig.dislocate(BTC) is None
    assert "daily trade cap: 1 of 1" in rig.market(BTC).last_denial


def test_a_position_that_its_owner_closed_is_not_our_time_stop() -> None:
    """Our exit was on its way when the owner closed the position by hand: the trade was shown as closed by the time stop."""
    rig = Rig()
    held = rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    fill = rig.venue.execute(SNDK, SELL, held.size, held.entry_px, rig.now, rig.venue.next_oid(), None)
    rig.show(fill)
    assert rig.position() is None
    assert rig.snapshot().trades[0].exit_reason is ExitReason.EXTERNAL


def test_fills_are_looked_for_further_back_than_our_clock_can_be_wrong() -> None:
    """Our clock had jumped ahead by 8 s and nobody knew yet: the fill was older than what was asked for, and was taken for nothing."""
    rig = Rig()
    post = rig.enter()
    order = orders_of(post)[0]
    rig.handle(
        PostReply(post.post_id, (OrderOutcome(Outcome.FILLED, oid=9, filled_size=order.size, avg_px=order.price),))
    )
    rig.advance(1_500)
    asked = [e.query.start_ms for _, e in rig.log if isinstance(e, Ask) and isinstance(e.query, QueryFills)]
    assert asked
    assert all(start_ms <= order.created_at_ms - 10_000 for start_ms in asked)


def test_a_new_word_for_an_order_that_filled_lets_no_second_entry_in() -> None:
    """Filled, and told with a word that only ends like a refusal: the market was free at once, and a second entry went over the limit."""
    rig = Rig()
    post = rig.enter()
    order = orders_of(post)[0]
    fill = rig.execute(order)
    rig.handle(update(report_of(order, OrderStatus.REJECTED, fill.oid, filled=fill.size, text="somethingNewRejected")))
    assert rig.dislocate(SNDK) is None
    rig.reply_filled(post, fill)
    assert rig.dislocate(SNDK) is None
    rig.show(fill)
    held = rig.position()
    assert held is not None
    assert held.size == fill.size
    assert rig.snapshot().tally.orders_rejected == 0


def test_an_answer_that_says_filled_after_a_refusal_makes_the_market_busy_again() -> None:
    """The answer is the word that counts; the order update before it was wrong, and freed the market."""
    rig = Rig()
    post = rig.enter()
    order = orders_of(post)[0]
    rig.handle(update(report_of(order, OrderStatus.REJECTED, 9, text="oracleRejected")))
    fill = rig.execute(order)
    rig.muted = {QueryFills}
    rig.reply_filled(post, fill)
    assert rig.m.orders.is_busy(SNDK)
    assert rig.dislocate(SNDK) is None
    rig.show(fill)
    assert not rig.m.orders.is_busy(SNDK)


def test_an_exit_is_not_called_absent_while_a_late_copy_of_it_is_on_its_way() -> None:
    """A copy left 11 s after the exit was lost: 40 ms later it had "never reached the exchange", and 100 ms later the copy filled it."""
    rig = Rig()
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    exit_ = orders_of(rig.posts[-1])[0]
    rig.disconnect()
    rig.advance(11_000)
    rig.ready()
    rig.advance(100)
    assert len(rig.reposts) == 1
    left_at = rig.now
    rig.advance(COPY_ARRIVES_MS - 500)
    assert rig.order(exit_).status is OrderStatus.UNKNOWN
    fill = rig.execute(exit_)
    rig.show(fill)
    assert rig.order(exit_).status is OrderStatus.FILLED
    assert rig.position() is None
    assert rig.now - left_at < COPY_ARRIVES_MS


def test_an_order_that_rests_is_not_called_absent_because_it_is_not_found_by_its_id() -> None:
    """Its answer was lost, and "unknown" came twice although it stood in the book: the next entry went over the limit of its market."""
    rig = Rig()
    rig.handle(PlaceOrder(command_id="h", market=SNDK, side=BUY, size=D("0.1"), limit_px=D(190), tif=TimeInForce.GTC))
    rig.advance(100)
    order = orders_of(rig.posts[-1])[0]
    report = report_of(order, OrderStatus.OPEN, 900)
    rig.handle(update(report))
    rig.venue.open_orders.append(report)
    rig.advance(20_000)  # no answer, and asked for by its id the exchange does not know it
    assert rig.m.orders.is_busy(SNDK)
    assert rig.order(order).status in (OrderStatus.OPEN, OrderStatus.UNKNOWN)
    rig.venue.open_orders.remove(report)
    rig.advance(40_000)
    assert rig.order(order).status is OrderStatus.CANCELED
    assert not rig.m.orders.is_busy(SNDK)


def test_an_exit_in_the_queue_does_not_outlive_its_position() -> None:
    """The budget was used up, the exit waited, `hip3-tui stop` closed the position; and ten seconds later the exit left all the same."""
    rig = Rig()
    rig.open_position()
    rig.m.budget.on_used_up()
    rig.handle(TripHardStop(command_id="stop-1", who="hip3-tui stop", reason="emergency stop"))
    rig.advance(100)
    assert rig.m.scheduler.depths[1] == 1
    held = rig.position()
    assert held is not None
    before = len(rig.posts)
    rig.show(rig.venue.execute(SNDK, SELL, held.size, D(200), rig.now, 77, None))
    rig.advance(15_000)
    assert len(rig.posts) == before


def test_an_exit_that_waited_until_its_position_was_closed_does_not_leave() -> None:
    """The operator's own order in the book closed the position while an exit of ours was in the queue: it left, and could only be refused."""
    rig = Rig(config=make_config(execution=ExecutionConfig(inflight_limit=1, inflight_high_watermark=1)))
    held = rig.open_position()
    placed = PlaceOrder(
        command_id="h", market=SNDK, side=SELL, size=held.size, limit_px=D(250), tif=TimeInForce.GTC, reduce_only=True
    )
    rig.handle(placed)
    rig.advance(100)
    resting = orders_of(rig.posts[-1])[0]
    rig.reply(rig.posts[-1], OrderOutcome(Outcome.RESTING, 900))
    rig.handle(PlaceOrder(command_id="n", market=NVDA, side=BUY, size=D("0.1"), limit_px=D(180), tif=TimeInForce.GTC))
    rig.advance(100)  # without an answer it takes the only place there is
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    assert rig.m.scheduler.depths == (0, 1, 0)
    rig.show(rig.execute(resting))
    assert rig.position() is None
    count = len(rig.posts)
    rig.reply(rig.posts[-1], OrderOutcome(Outcome.RESTING, 901))
    rig.advance(500)
    assert len(rig.posts) == count
    assert rig.m.scheduler.is_empty
    assert any(r.reason == "flat already" for r in rig.rows(OrderRow))


def test_an_order_on_a_dex_that_nobody_reads_does_not_hold_the_latch() -> None:
    """Placed by other means on a third dex, it was heard of and never again: cancelled it could not be, and the reset was refused for good."""
    rig = Rig()
    elsewhere = MarketKey("test", "ABC")
    rig.handle(OrderUpdates((replace(foreign_order(BTC, 77), market=elsewhere),)))
    rig.handle(TripHardStop(command_id="t"))
    rig.advance(3_000)
    rig.handle(ResetHardStop(command_id="r", reason="seen to"))
    assert not rig.m.latch.tripped


def test_an_exit_that_waits_while_its_position_shrinks_is_taken_back_for_one_of_what_is_held() -> None:
    """The budget was used up and the exit waited; meanwhile its owner had closed a part: it left for the whole all the same."""
    rig = Rig()
    rig.open_position()
    rig.handle(RateLimitRead(10_000, 10_000, D(1_000)))
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(300)
    size = rig.m.positions.all()[0].size
    part = D("0.01")
    rig.show(rig.venue.execute(SNDK, SELL, part, D(200), rig.now, 77, "0x" + "f" * 32))
    rig.advance(15_000)
    (order,) = orders_of(rig.posts[-1])
    assert (order.side, order.size, order.reduce_only) == (SELL, size - part, True)


def test_a_clock_that_was_set_back_makes_no_pause_of_a_market_longer() -> None:
    """An entry found nobody, our clock was set back by an hour, and its market stood still for that hour."""
    rig = Rig()
    rig.reject(rig.enter())
    rig.m.market_gates.on_open_interest_cap(NVDA, rig.now)
    rig.advance(500)
    assert "last entry not filled" in rig.market(SNDK).gate
    assert "open interest" in rig.market(NVDA).gate
    gates = rig.m.market_gates
    before = gates.judge(rig.m.markets[SNDK], rig.now), gates.judge(rig.m.markets[NVDA], rig.now)
    rig.now -= 3_600_000
    rig.engine.handle(Tick(), rig.now)
    assert (gates.judge(rig.m.markets[SNDK], rig.now), gates.judge(rig.m.markets[NVDA], rig.now)) == before
    state = rig.m.markets[NVDA]
    state.bbo_at_ms = state.ctx_at_ms = rig.now + 60_000
    assert gates.judge(state, rig.now + 60_000).blocked == ""


def test_the_time_that_was_asked_for_on_a_connection_that_is_gone_does_not_make_the_next_one_ready() -> None:
    """Its answer came while there was no connection, and counted for the next, on which the question failed."""
    rig = Rig()
    rig.disconnect()
    rig.handle(ServerTimeRead(rig.now, rig.now))
    rig.muted = {QueryServerTime}
    rig.connect()
    rig.advance(3_000)
    assert not rig.m.readiness.is_ready
    assert "clock" in "; ".join(rig.m.readiness.view().missing)
    rig.handle(ServerTimeRead(rig.now, rig.now))
    rig.advance(100)
    assert rig.m.readiness.is_ready


def test_a_clock_that_is_off_does_not_hide_that_a_hard_stop_is_done() -> None:
    """Reconnected with a clock 12 s off: nothing was left at the exchange, and neither was that said nor could the latch be released."""
    rig = Rig()
    rig.disconnect()
    rig.muted = {QueryServerTime}
    rig.connect()
    rig.handle(ServerTimeRead(rig.now - 12_000, rig.now))
    rig.advance(5_000)
    assert rig.m.latch.tripped
    assert not rig.m.readiness.is_ready
    assert [e.title for _, e in rig.log if isinstance(e, Alert)].count("HARD STOP done") == 1
    assert rig.snapshot().ready.knows_what_is_open, "the screen says the same"
    rig.handle(ResetHardStop(command_id="r", reason="the clock is being put right"))
    assert not rig.m.latch.tripped
    assert "clock" in "; ".join(rig.m.readiness.view().missing), "no entry before the clock is right"


def test_an_order_that_a_cancel_does_not_find_may_have_another_number() -> None:
    """The markets of a dex were numbered anew: for a minute every cancel met nothing, "never placed", while the order rested."""
    rig = Rig()
    rig.advance(6_000)
    order = foreign_order(NVDA)
    rig.venue.open_orders = [order]
    rig.handle(update(order))
    rig.handle(TripHardStop(command_id="t"))
    rig.advance(100)
    rig.venue.specs = {m: replace(s, asset_id=s.asset_id + 14) for m, s in rig.venue.specs.items()}
    rig.reject(rig.posts[-1], "Order was never placed, already canceled, or filled. asset=110002")
    rig.advance(3_000)
    assert rig.m.markets[NVDA].spec.asset_id == rig.venue.specs[NVDA].asset_id


def test_an_order_by_hand_that_waits_does_not_leave_after_a_hard_stop() -> None:
    """The budget was used up and a resting order to reduce waited; the stop came, and it left all the same, where the exit had to go."""
    rig = Rig()
    rig.open_position()
    rig.handle(RateLimitRead(10_000, 10_000, D(1_000)))
    rig.handle(
        PlaceOrder(
            command_id="m",
            market=SNDK,
            side=SELL,
            size=rig.m.positions.all()[0].size,
            limit_px=D(250),
            tif=TimeInForce.GTC,
            reduce_only=True,
        )
    )
    posts = len(rig.posts)
    rig.handle(TripHardStop(command_id="t"))
    rig.advance(15_000)
    sent = [o for p in rig.posts[posts:] if not isinstance(p.batch, Cancels) for o in orders_of(p)]
    assert sent
    assert all(o.tif is TimeInForce.IOC for o in sent)
    assert rig.rows(OrderRow)[-1].status is not OrderStatus.OPEN
    (dropped,) = [r for r in rig.rows(OrderRow) if r.status is OrderStatus.CANCELED]
    assert dropped.reason == "hard stop"


def test_an_order_of_an_earlier_run_that_was_filled_is_a_position_in_doubt_until_its_fill_comes() -> None:
    """It rested, its market was known to be flat; "filled" came, an entry left on top of it, and then came the fill."""
    rig = Rig()
    order = replace(foreign_order(SNDK, 77), original_size=D("0.1"), remaining=D("0.1"))
    rig.venue.open_orders = [order]
    rig.handle(update(order))
    rig.venue.open_orders = []
    rig.advance(1_000)
    done = replace(order, remaining=D(0), status=OrderStatus.FILLED, status_text="filled", status_time_ms=rig.now)
    rig.handle(update(done))
    assert rig.m.positions.is_suspect(SNDK)
    older = rig.venue.positions_read("xyz", rig.now - 1)
    rig.handle(older)
    rig.now += 3_000
    rig.handle(older)
    assert rig.m.positions.is_suspect(SNDK), "an answer from before it proves nothing"
    assert rig.dislocate(SNDK) is None
    rig.show(rig.venue.execute(SNDK, done.side, D("0.1"), D(200), rig.now, 77, None))
    assert not rig.m.positions.is_suspect(SNDK)
    assert rig.m.positions.all()[0].size == D("0.1")


def test_an_order_of_others_whose_fills_were_told_first_is_in_no_doubt() -> None:
    rig = Rig()
    order = replace(foreign_order(SNDK, 77), original_size=D("0.1"), remaining=D("0.1"))
    rig.handle(update(order))
    rig.advance(1_000)
    rig.show(rig.venue.execute(SNDK, order.side, D("0.1"), D(200), rig.now, 77, None))
    rig.handle(update(replace(order, remaining=D(0), status=OrderStatus.FILLED, status_time_ms=rig.now)))
    assert not rig.m.positions.has_suspects


def test_the_loss_of_a_trade_whose_end_the_exchange_told_before_its_fills_counts_at_once() -> None:
    """The stop program closed it and its fill was not told; "filled" and "flat" were, and its loss counted only three minutes later."""
    rig = Rig()
    held = rig.open_position()
    rig.muted = {QueryPositions}
    rig.advance(10_000)
    order = replace(foreign_order(SNDK, 77), side=SELL, original_size=held.size)
    rig.venue.execute(SNDK, SELL, held.size, D(150), rig.now, 77, None)
    rig.handle(update(order, remaining=D(0), status=OrderStatus.FILLED, status_time_ms=rig.now))
    rig.advance(2_100)
    assert rig.position() is not None
    rig.log.clear()
    rig.handle(rig.venue.positions_read("xyz", rig.now))
    assert rig.position() is None
    assert [type(a.query) for a in rig.effects(Ask)].count(QueryFills) == 1
    lost = -sum(r.trade.net_pnl_usd for r in rig.rows(TradeRow))
    assert lost > held.size * (held.entry_px - 150)
    assert rig.m.risk.counters.cumulative_pnl_usd == -lost
