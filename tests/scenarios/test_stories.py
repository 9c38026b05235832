"""Whole lives, told as short stories: what happens, what the engine does, what the operator sees."""

from __future__ import annotations

import pytest
from engine_rig import (
    ACCOUNT,
    BTC,
    BUY,
    FOREIGN,
    IOC_NO_MATCH,
    NOW,
    NVDA,
    REDUCE_ONLY_FLAT,
    SELL,
    SNDK,
    D,
    Rig,
    cancels_of,
    foreign_order,
    make_config,
    order_of,
    orders_of,
    report_of,
    update,
)
from msgspec.structs import replace

from core.config import ExecutionConfig, RiskConfig, SafetyConfig, SimConfig
from core.messages.commands import (
    CancelAll,
    CancelOrder,
    FlattenAll,
    PauseEntries,
    ResetHardStop,
    Shutdown,
    TripHardStop,
)
from core.messages.effects import (
    Alert,
    Ask,
    Finished,
    Journal,
    LatchState,
    PersistCounters,
    PersistLatch,
    Post,
    RiskCounters,
    SignalRow,
    TradeRow,
)
from core.messages.events import (
    ChannelError,
    Fills,
    OpenOrdersRead,
    OrderOutcome,
    Outcome,
    OutsideFault,
    PositionsRead,
    PostReply,
    ServerTimeRead,
    Tick,
    TimeJump,
)
from core.messages.queries import QueryFills, QueryOpenOrders, QueryOrderStatus, QueryPositions, QueryServerTime
from core.messages.recovered import Recovered
from core.messages.snapshot import TradingState
from core.model.order import Cancels, OrderStatus
from core.model.position import ExitReason

POST_ONLY = "Only post-only orders allowed immediately after network upgrade asset=0"


def end_exits(rig: Rig, ms: int = 10_000) -> None:
    """Time passes; every exit that leaves meanwhile is executed and every cancel succeeds."""
    done = len(rig.posts)
    for _ in range(ms // 100):
        rig.advance(100)
        for post in rig.posts[done:]:
            serve(rig, post)
        done = len(rig.posts)


def serve(rig: Rig, post: Post) -> None:
    if hasattr(post.batch, "orders"):
        rig.fill_post(post)
        return
    for cancel in cancels_of(post).cancels:
        rig.venue.open_orders = [o for o in rig.venue.open_orders if o.oid != cancel.oid]
    rig.reply(post, *[OrderOutcome(Outcome.CANCELED)] * len(cancels_of(post).cancels))


# --- one trade ------------------------------------------------------------------------------------------------------------


def test_entry_time_stop_flat() -> None:
    rig = Rig()
    position = rig.open_position()
    assert position.time_stop_at_ms == position.entry_ms + 30_000
    assert rig.snapshot().orders[-1].is_settled
    rig.advance(29_900)
    assert len(rig.posts) == 1, "not a moment before its time"
    rig.advance(200)
    exit_ = order_of(rig.posts[-1])
    assert (exit_.side, exit_.size, exit_.reduce_only) == (SELL, position.size, True)
    assert exit_.price == D("198.00"), "1 % through the mid of 200"
    closing = rig.position()
    assert closing is not None
    assert (closing.exit_reason, closing.exit_attempts) == ("time stop", 1)
    rig.fill_post(rig.posts[-1], px=D("200.30"))
    assert rig.position() is None
    (trade,) = rig.snapshot().trades
    assert (trade.exit_reason, trade.trade_id, trade.exit_attempts) == (ExitReason.TIME_STOP, "s1-1", 1)
    assert trade.gross_pnl_usd == (D("200.30") - position.entry_px) * position.size
    assert trade.fees_usd == (D("200.30") + position.entry_px) * position.size * D("0.00045")
    pnl = rig.snapshot().pnl
    assert pnl.realized_usd == trade.net_pnl_usd
    assert pnl.trades == 1
    assert rig.m.risk.counters.cumulative_pnl_usd == trade.net_pnl_usd
    assert [r.trade for r in rig.rows(TradeRow)] == [trade]
    assert rig.snapshot().tally.flattens == 1
    assert not rig.kept_bytes
    rig.advance(1_000)
    assert rig.market(SNDK).gate == ""


def test_a_short_is_closed_by_a_buy() -> None:
    rig = Rig()
    position = rig.open_position(side=SELL)
    assert position.side is SELL
    rig.advance(30_100)
    exit_ = order_of(rig.posts[-1])
    assert (exit_.side, exit_.price) == (BUY, D("202.00"))
    rig.fill_post(rig.posts[-1], px=D("199.00"))
    (trade,) = rig.snapshot().trades
    assert trade.gross_pnl_usd > 0
    assert trade.actual_edge_bps > 0


def test_entry_without_match_is_benign_and_asks_for_a_pause() -> None:
    rig = Rig()
    post = rig.enter()
    rig.reject(post)
    order = rig.order(order_of(post))
    assert (order.status, order.reason) == (OrderStatus.REJECTED, IOC_NO_MATCH)
    tally = rig.snapshot().tally
    assert (tally.orders_rejected, tally.market_explained_rejections) == (1, 1)
    assert rig.m.risk.counters.rejected_at_ms == ()
    assert not rig.m.orders.is_busy(SNDK)
    rig.advance(500)
    assert rig.dislocate() is None
    assert "last entry not filled" in rig.market(SNDK).last_denial
    rig.advance(600)
    assert rig.dislocate() is not None, "the pause is over after a second"


def test_l20_eleven_benign_rejections_on_mainnet_rules_stop_nothing() -> None:
    rig = Rig(make_config(sim=SimConfig(network="mainnet"), risk=RiskConfig()))
    for _ in range(12):
        rig.reject(rig.enter())
        rig.advance(31_000)
    assert not rig.snapshot().hard_stop.tripped
    assert rig.snapshot().tally.market_explained_rejections == 12


def test_eleven_rejections_of_our_own_making_stop_on_mainnet_rules() -> None:
    rig = Rig(make_config(sim=SimConfig(network="mainnet")))
    for n in range(1, 12):
        assert not rig.snapshot().hard_stop.tripped, n
        rig.reject(rig.enter(), "Insufficient margin to place order. asset=110016")
        rig.advance(31_000)
    assert "11 rejections within an hour > 10" in rig.snapshot().hard_stop.reason


# --- replies that are lost ----------------------------------------------------------------------------------------------------


def test_l18_lost_reply_that_executed_becomes_a_position() -> None:
    rig = Rig()
    rig.muted = {QueryOrderStatus, QueryFills}
    post = rig.enter()
    order = order_of(post)
    fill = rig.execute(order)
    rig.advance(6_000)
    assert rig.order(order).status is OrderStatus.UNKNOWN
    assert rig.market(SNDK).gate == "pending order"
    rig.muted = set()
    rig.advance(20_000)
    assert rig.order(order).status is OrderStatus.FILLED
    position = rig.position()
    assert position is not None
    assert position.size == order.size
    assert position.entry_ms == fill.time_ms, "TimeStop counts from the fill, not from when we heard of it"
    assert rig.snapshot().tally.fills == 1
    assert rig.posts == [post]
    assert not rig.kept_bytes


def test_l18_lost_reply_of_an_order_that_never_arrived_frees_the_market_after_proof() -> None:
    rig = Rig()
    post = rig.enter()
    order = order_of(post)
    assert post.expires_after_ms is not None
    rig.advance(5_000)
    assert rig.order(order).status is OrderStatus.UNKNOWN
    while rig.m.orders.is_busy(SNDK):
        rig.advance(100)
        assert rig.now < NOW + 30_000
    assert rig.now > post.expires_after_ms + 2_000, "not before it could not arrive any more"
    ended = rig.order(order)
    assert (ended.status, ended.reason) == (OrderStatus.CANCELED, "never executed: proven absent")
    rig.advance(5_000)
    assert rig.posts == [post]
    assert rig.reposts == [], "an entry is never sent twice"
    assert rig.enter() is not None
    assert not rig.kept_bytes - {rig.posts[-1].post_id}


def test_one_unknown_oid_is_not_proof_of_absence() -> None:
    rig = Rig()
    rig.muted = {QueryFills}
    rig.enter()
    rig.advance(30_000)
    assert rig.m.orders.is_busy(SNDK), "without a reading of the fills nothing is proven"


def test_a_late_reply_to_a_lost_post_settles_nothing_by_itself_but_the_fill_does() -> None:
    rig = Rig()
    rig.muted = {QueryOrderStatus, QueryFills}
    post = rig.enter()
    fill = rig.execute(order_of(post))
    rig.advance(5_500)
    rig.reply_filled(post, fill)
    rig.show(fill)
    assert rig.order(order_of(post)).status is OrderStatus.FILLED
    assert not rig.m.orders.is_busy(SNDK)
    assert rig.position() is not None
    assert rig.inflight == 0


def test_lost_exit_is_repeated_as_the_same_bytes_until_flat() -> None:
    rig = Rig()
    rig.open_position()
    rig.failing = {QueryOrderStatus, QueryFills}
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    exit_ = rig.posts[-1]
    fill = rig.execute(order_of(exit_))  # it arrived; the answer is lost
    rig.advance(5_200)
    (repeat,) = rig.reposts
    assert repeat.original_post_id == exit_.post_id
    rig.refuse(repeat, f"Invalid nonce: duplicate nonce {exit_.nonce}")
    assert rig.order(order_of(exit_)).status is OrderStatus.UNKNOWN, "the copy was refused, not the order"
    assert any("the exchange had it already" in t for t in rig.audit("post"))
    assert rig.m.risk.counters.rejected_at_ms == ()
    rig.failing = set()
    rig.advance(3_000)
    assert rig.position() is None
    (trade,) = rig.snapshot().trades
    assert trade.exit_reason is ExitReason.OPERATOR
    assert trade.exit_price == fill.price
    assert not rig.kept_bytes


def test_lost_exit_that_never_arrived_is_executed_by_its_copy() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    exit_ = rig.posts[-1]
    rig.advance(5_100)
    repeat = rig.reposts[-1]
    fill = rig.execute(order_of(exit_))
    rig.reply(repeat, OrderOutcome(Outcome.FILLED, fill.oid, fill.size, fill.price))
    rig.show(fill)
    assert rig.position() is None
    assert len([p for p in rig.posts if p is not exit_]) == 1
    assert not rig.kept_bytes


def test_lost_exit_that_never_arrives_at_all_makes_way_for_the_next_attempt() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    first = order_of(rig.posts[-1])
    rig.advance(20_000)
    assert rig.order(first).status is OrderStatus.CANCELED
    second = order_of(rig.posts[-1])
    assert second.cloid != first.cloid
    assert second.price == D("197.00"), "each attempt goes further: 1.5 % now"


# --- fills and replies in any order ---------------------------------------------------------------------------------------------


def test_fill_before_the_reply() -> None:
    rig = Rig()
    post = rig.enter()
    fill = rig.execute(order_of(post))
    rig.show(fill)
    assert rig.position() is not None
    assert rig.inflight == 1
    rig.reply_filled(post, fill)
    assert rig.inflight == 0
    assert rig.snapshot().tally.fills == 1
    assert not rig.m.orders.is_busy(SNDK)


def test_partial_fill_of_an_exit_is_followed_by_one_for_the_rest() -> None:
    rig = Rig()
    position = rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    first = rig.posts[-1]
    part = rig.execute(order_of(first), size=D("0.100"))
    rig.reply_filled(first, part)
    rig.show(part)
    held = rig.position()
    assert held is not None
    assert held.size == position.size - D("0.100")
    rig.advance(1_000)
    rest = order_of(rig.posts[-1])
    assert rest.size == position.size - D("0.100"), "the whole of what is left"
    rig.fill_post(rig.posts[-1])
    assert rig.position() is None
    (trade,) = rig.snapshot().trades
    assert (trade.size, trade.exit_attempts) == (position.size, 2)


def test_l05_snapshot_of_fills_after_a_reconnect_changes_nothing() -> None:
    rig = Rig()
    rig.open_position()
    before = rig.snapshot()
    rig.handle(Fills(tuple(rig.venue.fills), is_snapshot=True))
    rig.handle(Fills(tuple(rig.venue.fills), is_snapshot=True))
    after = rig.snapshot()
    assert after.positions == before.positions
    assert (after.tally.fills, after.pnl) == (before.tally.fills, before.pnl)


def test_l05_history_of_an_earlier_run_moves_nothing_and_earns_nothing() -> None:
    rig = Rig(ready=False)
    rig.venue.execute(SNDK, BUY, D(1), D(200), NOW - 90_000, 5, None)
    rig.venue.execute(SNDK, SELL, D(1), D(190), NOW - 60_000, 6, None)
    rig.ready()
    snapshot = rig.snapshot()
    assert snapshot.positions == ()
    assert snapshot.trades == ()
    assert snapshot.pnl.realized_usd == 0
    assert snapshot.state is TradingState.ACTIVE


def test_l11_exit_rejected_because_already_flat_ends_by_the_exchanges_word() -> None:
    rig = Rig()
    rig.open_position()
    rig.venue.held.clear()  # closed elsewhere; its fill never reaches us
    rig.handle(FlattenAll(command_id="f"))
    served = len(rig.posts)
    for _ in range(60):
        rig.advance(100)
        for post in rig.posts[served:]:
            rig.reject(post, REDUCE_ONLY_FLAT)
        served = len(rig.posts)
    assert rig.position() is None
    assert served >= 3, "any end of an attempt frees the next one"
    assert rig.m.risk.counters.rejected_at_ms == (), "benign"
    assert not rig.snapshot().hard_stop.tripped


def test_l07_one_empty_answer_closes_nothing() -> None:
    rig = Rig()
    rig.open_position()
    held = dict(rig.venue.held)
    rig.venue.held.clear()
    rig.advance(5_100)
    position = rig.position()
    assert position is not None
    assert position.is_suspect
    rig.venue.held.update(held)
    rig.advance(2_500)
    position = rig.position()
    assert position is not None
    assert not position.is_suspect


def test_l09_resync_every_second_does_not_reset_the_time_stop() -> None:
    rig = Rig(make_config(risk=RiskConfig(position_sync_ms=1_000)))
    entry_ms = rig.open_position().entry_ms
    rig.advance(29_000)
    position = rig.position()
    assert position is not None
    assert position.entry_ms == entry_ms
    rig.advance(1_200)
    assert order_of(rig.posts[-1]).reduce_only


def test_position_opened_by_hand_elsewhere_is_taken_over_after_two_answers() -> None:
    rig = Rig()
    rig.venue.held[NVDA] = (D("0.2"), D(180))
    rig.advance(12_000)
    position = rig.position(NVDA)
    assert position is not None
    assert any("taken over" in t for t in rig.audit("resync"))
    rig.advance(31_000)
    exit_ = order_of(rig.posts[-1])
    assert (exit_.market, exit_.size, exit_.reduce_only) == (NVDA, D("0.2"), True)


# --- HardStop ---------------------------------------------------------------------------------------------------------------------


def test_l46_disconnect_with_a_position() -> None:
    rig = Rig()
    position = rig.open_position()
    effects = rig.disconnect()
    assert isinstance(effects[0], PersistLatch), "on disk before anything else"
    assert effects[0].latch == LatchState(rig.now, "disconnected: socket closed")
    assert any(isinstance(e, Alert) and e.title == "HARD STOP" for e in effects)
    snapshot = rig.snapshot()
    assert snapshot.state is TradingState.HALTED
    assert not any((snapshot.ready.md_ready, snapshot.ready.order_snapshot, snapshot.ready.position_synced))
    rig.advance(3_000)
    assert len(rig.posts) == 1, "nothing leaves without a connection"
    rig.venue.held[SNDK] = (position.size * 2, position.entry_px)  # what is really there
    rig.ready()
    exit_ = order_of(rig.posts[-1])
    assert (exit_.reduce_only, exit_.size) == (True, position.size * 2)
    assert rig.snapshot().state is TradingState.REDUCING
    rig.fill_post(rig.posts[-1])
    rig.advance(1_000)
    assert rig.snapshot().hard_stop.positions_left == 0
    assert "HARD STOP done" in rig.alerts()
    count = len(rig.posts)
    assert rig.dislocate() is None
    assert rig.market(SNDK).last_denial.startswith("hard stop: disconnected")
    rig.advance(5_000)
    assert len(rig.posts) == count
    assert rig.snapshot().hard_stop.tripped


def test_disconnect_before_the_first_ready_stops_nothing() -> None:
    rig = Rig(ready=False)
    rig.connect()
    rig.disconnect()
    assert not rig.snapshot().hard_stop.tripped
    rig.ready()
    assert rig.snapshot().state is TradingState.ACTIVE


def test_disconnect_with_an_entry_in_flight_that_executed_meanwhile() -> None:
    rig = Rig()
    post = rig.enter()
    rig.disconnect()
    assert rig.order(order_of(post)).status is OrderStatus.UNKNOWN
    rig.advance(1_000)
    rig.execute(order_of(post))
    rig.connect()
    rig.quote()
    end_exits(rig, 3_000)
    assert rig.position() is None
    assert rig.order(order_of(post)).status is OrderStatus.FILLED
    assert rig.venue.held == {}
    assert rig.snapshot().tally.fills == 2


def test_an_answer_from_before_the_disconnect_does_not_stand_for_a_resync() -> None:
    rig = Rig()
    rig.open_position()
    rig.disconnect()
    rig.handle(PositionsRead("xyz", rig.now, (), D(1000), D(1000)))
    rig.handle(PositionsRead("", rig.now, (), D(1000), D(1000)))
    rig.muted = {QueryPositions}
    rig.connect()
    rig.quote()
    rig.advance(1_000)
    assert not rig.snapshot().ready.position_synced


def test_hard_stop_by_the_operator_runs_its_whole_sequence() -> None:
    """A position, a resting order and an entry in flight; the key is pressed once."""
    config = make_config(execution=ExecutionConfig(max_notional_total=D(200)))
    rig = Rig(config)
    rig.open_position(SNDK)
    resting = rig.enter(NVDA)
    rig.reply(resting, OrderOutcome(Outcome.RESTING, 501))
    rig.venue.open_orders = [report_of(order_of(resting), OrderStatus.OPEN, 501)]
    rig.advance(100)
    in_flight = rig.enter(BTC)
    rig.advance(50)
    assert rig.snapshot().inflight.value == 1

    stop = TripHardStop(command_id="x")
    effects = rig.handle(stop)
    kinds = [type(e) for e in effects if not isinstance(e, Journal)]
    assert kinds[0] is PersistLatch
    assert kinds.index(PersistLatch) < kinds.index(Alert)
    assert rig.snapshot().hard_stop.reason == "operator key (operator)"
    assert (rig.snapshot().hard_stop.orders_left, rig.snapshot().hard_stop.positions_left) == (2, 1)

    count = len(rig.posts)
    rig.advance(400)
    sent = rig.posts[count:]
    by_oid, by_cloid, exit_ = sent[:3]
    assert [c.oid for c in cancels_of(by_oid).cancels] == [501]
    assert [c.cloid for c in cancels_of(by_cloid).cancels] == [order_of(in_flight).cloid]
    assert [(o.market, o.reduce_only) for o in orders_of(exit_)] == [(SNDK, True)]

    refused = ResetHardStop(command_id="r1", reason="done")
    rig.handle(refused)
    assert "reset refused: 1 positions and 3 orders are left" in rig.answer_of(refused)

    rig.handle(update(report_of(order_of(resting), OrderStatus.CANCELED, 501)))
    rig.venue.open_orders = []
    rig.reply(by_oid, OrderOutcome(Outcome.CANCELED))
    rig.reject(in_flight)
    rig.reply(by_cloid, OrderOutcome(Outcome.ERROR, error="Order was never placed, already canceled, or filled."))
    rig.fill_post(exit_)
    rig.advance(3_000)
    assert "HARD STOP done" in rig.alerts()
    assert len(rig.posts) == count + 3, "nothing is cancelled or closed twice"

    nameless = ResetHardStop(command_id="r2", reason="  ")
    rig.handle(nameless)
    assert "needs a reason" in rig.answer_of(nameless)
    good = ResetHardStop(command_id="r3", reason="looked at it", who="kim")
    effects = rig.handle(good)
    assert PersistLatch(LatchState()) in effects
    assert "released by kim: looked at it" in rig.answer_of(good)
    rig.advance(1_000)
    assert rig.snapshot().state is TradingState.ACTIVE
    assert rig.enter(NVDA) is not None


def test_hard_stop_takes_back_what_is_queued() -> None:
    rig = Rig()
    rig.enter(SNDK)
    rig.dislocate(NVDA)
    assert rig.m.scheduler.depths == (0, 0, 1)
    rig.handle(TripHardStop(command_id="x"))
    assert rig.m.scheduler.depths[2] == 0
    assert not rig.m.orders.is_busy(NVDA)
    (alert,) = [a for a in rig.effects(Alert) if a.title == "HARD STOP"]
    assert "1 queued entries dropped" in alert.body


def test_a_second_trip_keeps_the_first_reason() -> None:
    rig = Rig()
    rig.handle(TripHardStop(command_id="a", reason="first"))
    rig.handle(OutsideFault("journal unwritable"))
    assert rig.snapshot().hard_stop.reason == "first (operator)"
    assert len(rig.effects(PersistLatch)) == 1


def test_a_fault_of_our_own_side_is_a_hard_stop() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(OutsideFault("journal unwritable: disk full"))
    rig.advance(100)
    assert rig.snapshot().hard_stop.reason == "journal unwritable: disk full"
    assert order_of(rig.posts[-1]).reduce_only


def test_reset_with_override_says_what_it_overrode() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(TripHardStop(command_id="x"))
    reset = ResetHardStop(command_id="r", reason="I know", override=True)
    rig.handle(reset)
    assert not rig.snapshot().hard_stop.tripped
    assert "OVERRIDING: 1 positions" in rig.answer_of(reset)


def test_reset_of_what_is_not_latched_is_refused() -> None:
    rig = Rig()
    reset = ResetHardStop(command_id="r", reason="x")
    rig.handle(reset)
    assert rig.answer_of(reset) == "reset refused: not latched"


def test_reset_without_connection_is_refused() -> None:
    rig = Rig()
    rig.disconnect()
    reset = ResetHardStop(command_id="r", reason="x")
    rig.handle(reset)
    assert "not connected" in rig.answer_of(reset)


def test_l29_restart_with_a_latch_on_disk_stays_reducing_and_flattens() -> None:
    rig = Rig(recovered=Recovered(run_id=2, latch=LatchState(NOW - 60_000, "loss"), unclean=True), ready=False)
    rig.venue.held[SNDK] = (D("0.2"), D(200))
    rig.ready()
    snapshot = rig.snapshot()
    assert (snapshot.state, snapshot.hard_stop.reason) == (TradingState.REDUCING, "loss")
    assert snapshot.hard_stop.at_ms == NOW - 60_000
    assert any("still latched" in t for t in rig.audit("hard stop"))
    exit_ = order_of(rig.posts[-1])
    assert (exit_.reduce_only, exit_.size) == (True, D("0.2"))
    rig.fill_post(rig.posts[-1])
    rig.advance(1_000)
    assert rig.dislocate() is None
    assert rig.snapshot().hard_stop.tripped
    assert rig.effects(PersistLatch) == []


def test_flatten_not_done_in_60_s_is_a_failure_and_a_hard_stop() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    served = len(rig.posts)
    for _ in range(605):
        rig.advance(100)
        for post in rig.posts[served:]:
            rig.reject(post)  # no match, again and again
        served = len(rig.posts)
    assert "flatten failed" in rig.alerts()
    stop = rig.snapshot().hard_stop
    assert stop.tripped
    assert "not flat 60 s after its flatten began" in stop.reason
    assert rig.m.risk.counters.flatten_failures == 1
    exits = [order_of(p) for p in rig.posts[1:]]
    assert exits[0].price == D("198.00")
    assert exits[-1].price == D("196.00"), "2 % at most"
    count = len(rig.posts)
    rig.advance(2_500)
    assert len(rig.posts) > count, "it goes on trying"


def test_exits_pass_in_every_state_of_stopping() -> None:
    """L28: an exit is blocked by nothing that blocks entries."""
    rig = Rig()
    rig.open_position()
    rig.handle(PauseEntries(command_id="p", paused=True))
    rig.handle(TripHardStop(command_id="x"))
    rig.m.budget.on_used_up()
    rig.advance(11_000)
    assert order_of(rig.posts[-1]).reduce_only


# --- risk ---------------------------------------------------------------------------------------------------------------------------


def test_the_sixth_loss_in_a_row_stops() -> None:
    rig = Rig()
    for n in range(1, 6):
        rig.lose_trade(D("0.1"))
        assert not rig.snapshot().hard_stop.tripped, n
    rig.lose_trade(D("0.1"))
    assert rig.snapshot().hard_stop.reason == "6 losses in a row > 5"
    assert rig.effects(PersistCounters)[-1].counters.consecutive_losses == 6


def test_a_loss_beyond_20_usd_stops_and_a_plain_reset_does_not_help() -> None:
    rig = Rig()
    rig.lose_trade(D("10"))
    assert not rig.snapshot().hard_stop.tripped
    rig.lose_trade(D("10"), NVDA)
    assert rig.snapshot().hard_stop.reason.startswith("cumulative loss $20.")
    rig.advance(2_000)
    reset = ResetHardStop(command_id="r", reason="go on")
    rig.handle(reset)
    assert "cumulative loss" in rig.answer_of(reset)
    assert rig.snapshot().hard_stop.tripped
    rig.handle(ResetHardStop(command_id="r2", reason="new budget", override=True))
    rig.advance(1_000)
    assert rig.snapshot().state is TradingState.ACTIVE
    assert rig.m.risk.counters.cumulative_pnl_usd == 0


def test_counters_of_an_earlier_run_go_on() -> None:
    rig = Rig(recovered=Recovered(run_id=3, counters=RiskCounters(consecutive_losses=5)))
    rig.lose_trade(D("0.1"))
    assert rig.snapshot().hard_stop.reason == "6 losses in a row > 5"


def test_daily_trade_cap_denies_entries_and_stops_nothing() -> None:
    rig = Rig(make_config(safety=SafetyConfig(max_daily_trades=1)))
    rig.open_position()
    end_exits(rig, 32_000)
    assert rig.position() is None
    assert rig.dislocate() is None
    assert rig.market(SNDK).last_denial == "daily trade cap: 1 of 1"
    assert not rig.snapshot().hard_stop.tripped


def test_exposure_never_passes_its_limits() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    rig.open_position(NVDA)
    assert rig.dislocate(BTC) is None
    assert "max position total" in rig.market(BTC).last_denial
    assert rig.snapshot().pnl.exposure_usd <= 100


# --- the operator --------------------------------------------------------------------------------------------------------------------


def test_pause_takes_back_what_is_queued_and_leaves_exits_alone() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    rig.advance(100)
    rig.enter(NVDA)
    rig.dislocate(BTC)
    pause = PauseEntries(command_id="p", paused=True)
    rig.handle(pause)
    assert rig.answer_of(pause).startswith("entries paused")
    snapshot = rig.snapshot()
    assert snapshot.paused
    assert (snapshot.state, snapshot.state_reason) == (TradingState.REDUCING, "entries paused by the operator")
    rig.reject(rig.posts[-1])
    rig.advance(30_100)
    assert order_of(rig.posts[-1]).reduce_only, "TimeStop goes on"
    rig.fill_post(rig.posts[-1])
    rig.advance(1_000)
    assert rig.dislocate(NVDA) is None
    assert rig.market(NVDA).last_denial == "paused: by the operator"
    rig.handle(PauseEntries(command_id="q", paused=False))
    assert rig.enter(NVDA) is not None


def test_flatten_all_twice_is_one_exit() -> None:
    rig = Rig()
    rig.open_position()
    first, second = FlattenAll(command_id="1"), FlattenAll(command_id="2")
    rig.handle(first)
    rig.handle(second)
    rig.advance(1_000)
    assert len(rig.posts) == 2
    assert rig.answer_of(first) == "flatten all: 1 positions, 0 were being closed already"
    assert rig.answer_of(second) == "flatten all: 0 positions, 1 were being closed already"


def test_l10_time_stop_during_a_flatten_makes_no_second_exit() -> None:
    rig = Rig()
    rig.open_position()
    rig.advance(29_000)
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(3_000)
    assert len([p for p in rig.posts if order_of(p).reduce_only]) == 1
    rig.fill_post(rig.posts[-1])
    assert rig.snapshot().trades[0].exit_reason is ExitReason.OPERATOR


def test_flatten_all_while_flat_says_so() -> None:
    rig = Rig()
    command = FlattenAll(command_id="f")
    rig.handle(command)
    assert rig.answer_of(command) == "flatten all: no position is open"


def test_l31_foreign_order_is_shown_left_alone_by_cancel_all_and_cancelled_by_hard_stop() -> None:
    rig = Rig(ready=False)
    rig.venue.open_orders = [foreign_order()]
    rig.ready()
    (order,) = rig.snapshot().orders
    assert (order.is_external, order.reason, order.cloid) == (True, "foreign", FOREIGN)
    cancel = CancelAll(command_id="c")
    rig.handle(cancel)
    rig.advance(500)
    assert rig.posts == []
    assert rig.answer_of(cancel) == "cancel all: no order is open; 1 EXTERNAL orders left alone"
    rig.handle(TripHardStop(command_id="x"))
    rig.advance(200)
    assert [c.oid for c in cancels_of(rig.posts[-1]).cancels] == [77]
    serve(rig, rig.posts[-1])
    rig.advance(2_000)
    assert rig.snapshot().orders == ()
    count = len(rig.posts)
    rig.advance(10_000)
    assert len(rig.posts) == count, "an order that is gone is not cancelled again and again"
    rig.handle(ResetHardStop(command_id="r", reason="ok"))
    rig.advance(1_000)
    assert rig.market(NVDA).gate == ""


def test_an_earlier_runs_order_is_ours_to_cancel() -> None:
    rig = Rig(ready=False)
    rig.venue.open_orders = [foreign_order(cloid="0x68697033" + "0" * 23 + "7")]
    rig.ready()
    assert rig.snapshot().orders[0].reason == "an earlier run's"
    rig.handle(CancelAll(command_id="c"))
    rig.advance(200)
    serve(rig, rig.posts[-1])
    rig.advance(5_000)
    assert rig.snapshot().orders == ()
    assert len(rig.posts) == 1


def test_l33_a_cancel_of_an_order_that_is_gone_is_success() -> None:
    rig = Rig()
    post = rig.enter()
    rig.reply(post, OrderOutcome(Outcome.RESTING, 501))
    rig.handle(CancelOrder(command_id="c", cloid=order_of(post).cloid))
    rig.advance(200)
    rig.venue.known[order_of(post).cloid] = report_of(order_of(post), OrderStatus.CANCELED, 501)
    rig.reply(
        rig.posts[-1], OrderOutcome(Outcome.ERROR, error="Order was never placed, already canceled, or filled. asset=1")
    )
    rig.advance(3_000)
    assert rig.order(order_of(post)).status is OrderStatus.CANCELED
    assert len(rig.posts) == 2
    assert rig.snapshot().tally.orders_rejected == 0


def test_a_cancel_of_an_entry_that_never_left_is_forgotten() -> None:
    rig = Rig()
    rig.sends = False
    post = rig.enter()
    rig.handle(TripHardStop(command_id="x"))
    rig.not_sent(post)
    rig.sends = True
    rig.advance(5_000)
    assert len(rig.posts) <= 2, "no cancel goes on forever for an order that never left"
    rig.handle(ResetHardStop(command_id="r", reason="ok"))
    rig.advance(3_000)
    assert rig.market(SNDK).gate == ""


def test_a_queued_entry_is_taken_back_by_its_cloid() -> None:
    rig = Rig()
    rig.enter(SNDK)
    rig.dislocate(NVDA)
    (queued,) = [o for o in rig.snapshot().orders if o.status is OrderStatus.QUEUED]
    assert queued.cloid is not None
    command = CancelOrder(command_id="c", cloid=queued.cloid)
    rig.handle(command)
    assert "taken back before it left" in rig.answer_of(command)
    assert not rig.m.orders.is_busy(NVDA)


# --- orderly stop ------------------------------------------------------------------------------------------------------------------------


def test_l26_orderly_stop_is_confirmed_by_the_exchange() -> None:
    rig = Rig()
    rig.open_position()
    stop = Shutdown(command_id="q", reason="operator")
    rig.handle(stop)
    assert rig.answer_of(stop) == "orderly stop: operator"
    shutdown = rig.snapshot().shutdown
    assert shutdown is not None
    assert shutdown.positions_left == 1
    assert rig.snapshot().state is TradingState.REDUCING
    end_exits(rig, 3_000)
    (finished,) = rig.effects(Finished)
    assert finished.confirmed
    assert "exchange reports flat" in finished.text
    assert rig.snapshot().trades[0].exit_reason is ExitReason.SHUTDOWN
    assert rig.snapshot().finished
    assert rig.dislocate() is None


def test_l26_orderly_stop_that_cannot_get_flat_is_not_confirmed() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(Shutdown(command_id="q", reason="operator"))
    rig.advance(16_000)
    (finished,) = rig.effects(Finished)
    assert not finished.confirmed
    assert finished.text.startswith("NOT CONFIRMED after 15 s: xyz:SNDK buy 0.249")
    assert "stopped" in rig.alerts()


def test_orderly_stop_without_an_answer_is_not_confirmed() -> None:
    """Flat by our own books is not enough."""
    rig = Rig()
    rig.open_position()
    end_exits(rig, 32_000)
    rig.muted = {QueryPositions, QueryOpenOrders}
    rig.handle(Shutdown(command_id="q", reason="operator"))
    rig.advance(14_000)
    assert rig.effects(Finished) == []
    rig.advance(2_000)
    assert [f.confirmed for f in rig.effects(Finished)] == [False]


def test_orderly_stop_leaves_foreign_orders_alone() -> None:
    rig = Rig(ready=False)
    rig.venue.open_orders = [foreign_order()]
    rig.ready()
    rig.handle(Shutdown(command_id="q", reason="operator"))
    rig.advance(2_000)
    assert [f.confirmed for f in rig.effects(Finished)] == [True]
    assert rig.posts == []


def test_orderly_stop_while_flat_ends_within_a_second() -> None:
    rig = Rig()
    rig.open_position()
    end_exits(rig, 32_000)
    rig.handle(Shutdown(command_id="q", reason="signal 15"))
    rig.advance(1_000)
    assert [f.confirmed for f in rig.effects(Finished)] == [True]


# --- time and clocks ------------------------------------------------------------------------------------------------------------------------


def test_clock_drift_beyond_5_s_stops() -> None:
    rig = Rig()
    rig.handle(ServerTimeRead(rig.now + 5_000, rig.now))
    assert not rig.snapshot().hard_stop.tripped
    rig.handle(ServerTimeRead(rig.now + 5_001, rig.now))
    assert rig.snapshot().hard_stop.reason.startswith("clock drift: the exchange's clock is +5001 ms")


def test_clock_drift_beyond_2_s_warns() -> None:
    rig = Rig()
    rig.handle(ServerTimeRead(rig.now + 2_001, rig.now))
    assert any("+2001 ms" in t for t in rig.audit("clock"))
    assert rig.snapshot().connection.clock_offset_ms == 2_001


def test_l41_after_a_suspend_the_time_stop_acts_at_once() -> None:
    rig = Rig()
    rig.open_position()
    rig.now += 3_600_000
    rig.handle(TimeJump(3_600_000))
    rig.handle(Tick())
    exit_ = order_of(rig.posts[-1])
    assert exit_.reduce_only
    assert rig.snapshot().ready.md_ready is False or rig.market(SNDK).bbo_age_ms == 0
    assert any("no time passed for us" in t for t in rig.audit("clock"))
    rig.fill_post(rig.posts[-1])
    assert rig.position() is None


def test_l21_post_only_phase_backs_off_and_stops_nothing() -> None:
    rig = Rig(make_config(sim=SimConfig(network="mainnet")))
    rig.reject(rig.enter(), POST_ONLY)
    assert rig.m.risk.counters.rejected_at_ms == ()
    rig.advance(30_000)
    assert rig.dislocate() is None
    assert "post-only phase" in rig.market(SNDK).last_denial
    rig.advance(31_000)
    assert rig.dislocate() is not None


def test_a_failed_read_at_start_is_asked_again_soon() -> None:
    rig = Rig(ready=False)
    rig.failing = {QueryOpenOrders, QueryServerTime}
    rig.connect()
    rig.advance(2_000)
    assert rig.snapshot().state is TradingState.REDUCING
    rig.failing = set()
    rig.advance(6_000)
    assert rig.snapshot().ready.is_ready, rig.snapshot().ready.missing


def test_a_frame_not_understood_is_counted_and_shown() -> None:
    rig = Rig()
    rig.handle(ChannelError("no such thing"))
    assert rig.snapshot().tally.errors == 1
    assert "no such thing" in rig.audit("channel")
    assert rig.snapshot().state is TradingState.ACTIVE


def test_restart_finds_the_entry_time_in_the_fills() -> None:
    rig = Rig(ready=False)
    rig.venue.execute(SNDK, BUY, D("0.2"), D(200), NOW - 20_000, 5, None)
    rig.ready()
    position = rig.position()
    assert position is not None
    assert position.entry_ms == NOW - 20_000
    rig.advance(9_500)
    assert order_of(rig.posts[-1]).reduce_only, "the TimeStop goes on from where the last run was"


def test_a_fill_before_the_first_reading_of_positions_is_no_trade_of_its_own() -> None:
    rig = Rig(ready=False)
    rig.muted = {QueryPositions}
    rig.connect()
    rig.advance(100)
    rig.show(rig.venue.execute(SNDK, BUY, D("0.2"), D(200), rig.now, 5, None))
    assert rig.snapshot().trades == ()
    rig.muted = set()
    rig.advance(20_000)
    position = rig.position()
    assert position is not None
    assert position.size == D("0.2")


@pytest.mark.parametrize("refusal", ["User or API Wallet 0x1 does not exist.", "Unable to recover signer"])
def test_l15_signature_mismatch_is_named(refusal: str) -> None:
    rig = Rig()
    rig.refuse(rig.enter(), refusal)
    (alert,) = [a for a in rig.effects(Alert) if a.title == "signature mismatch"]
    assert "check key, agent approval and network" in alert.body


def test_every_signal_is_journaled_with_its_verdict() -> None:
    rig = Rig()
    rig.enter()
    rig.dislocate()
    verdicts = [r.verdict for r in rig.rows(SignalRow)]
    assert verdicts == ["accepted", "max position per market: $99.60 > $50"]
    ids = {r.signal.signal_id for r in rig.rows(SignalRow)}
    assert len(ids) == 2


def test_a_duplicate_reply_changes_nothing() -> None:
    rig = Rig()
    post = rig.enter()
    (fill,) = rig.fill_post(post)
    before = rig.snapshot()
    rig.handle(PostReply(post.post_id, (OrderOutcome(Outcome.FILLED, fill.oid, fill.size, fill.price),)))
    after = rig.snapshot()
    assert replace(after.tally) == before.tally
    assert after.positions == before.positions
    assert after.inflight.value == 0
    assert after.run.account == ACCOUNT


# --- what is easy to leave out ----------------------------------------------------------------------------------------------


def test_a_missed_fill_is_found_when_the_sizes_differ() -> None:
    rig = Rig()
    position = rig.open_position()
    rig.venue.execute(SNDK, SELL, position.size, D(201), rig.now, 900, None)  # by hand, elsewhere; nobody told us
    rig.advance(6_000)
    assert rig.position() is None
    (trade,) = rig.snapshot().trades
    assert (trade.exit_reason, trade.exit_price) == (ExitReason.EXTERNAL, D(201))


def test_a_fill_that_was_said_and_never_existed_frees_its_market_in_the_end() -> None:
    rig = Rig()
    post = rig.enter()
    order = order_of(post)
    rig.reply(post, OrderOutcome(Outcome.FILLED, 900, order.size, order.price))
    assert rig.m.orders.is_busy(SNDK)
    rig.advance(8_000)
    assert not rig.m.orders.is_busy(SNDK)
    assert any("is all there is" in t for t in rig.audit("fills"))


def test_after_a_reconnect_no_exit_leaves_before_positions_are_read() -> None:
    rig = Rig()
    rig.open_position()
    rig.disconnect()
    rig.muted = {QueryPositions}
    rig.connect()
    rig.quote()
    rig.advance(5_000)
    assert len(rig.posts) == 1
    rig.muted = set()
    rig.advance(5_000)
    assert order_of(rig.posts[-1]).reduce_only


def test_an_answer_asked_before_we_were_flat_confirms_nothing() -> None:
    rig = Rig()
    rig.open_position()
    rig.muted = {QueryPositions, QueryOpenOrders}
    rig.advance(31_500)
    rig.handle(Shutdown(command_id="q", reason="operator"))
    rig.fill_post(rig.posts[-1])
    rig.advance(100)
    for dex in ("xyz", ""):
        rig.handle(rig.venue.positions_read(dex, rig.now))
        rig.handle(OpenOrdersRead(dex, ()))
    rig.advance(100)
    assert rig.effects(Finished) == []
    rig.muted = set()
    rig.advance(2_000)
    assert [f.confirmed for f in rig.effects(Finished)] == [True]


def test_l41_a_time_jump_makes_every_age_suspect_and_asks_everything_again() -> None:
    rig = Rig()
    rig.muted = {QueryPositions}
    rig.advance(5_500)
    out = sum(isinstance(e.query, QueryPositions) for e in rig.effects(Ask))
    rig.quote()
    rig.handle(TimeJump(2_500))
    assert rig.market(SNDK).bbo_age_ms is None
    assert rig.dislocate(NVDA) is not None, "a fresh quote is a fresh quote"
    rig.advance(100)
    assert sum(isinstance(e.query, QueryPositions) for e in rig.effects(Ask)) == out + 2


def test_a_cancel_that_was_queued_when_the_connection_went_is_sent_on_the_next_one() -> None:
    rig = Rig(ready=False)
    rig.venue.open_orders = [foreign_order()]
    rig.ready()
    rig.sends = False
    rig.enter(SNDK)
    rig.handle(TripHardStop(command_id="x"))
    rig.advance(100)
    assert rig.m.scheduler.depths[0] == 2, "they wait for the post before them"
    rig.disconnect()
    assert rig.m.scheduler.is_empty
    rig.sends = True
    rig.ready()
    assert any(c.oid == 77 for p in rig.posts[1:] if isinstance(p.batch, Cancels) for c in p.batch.cancels)


def test_reset_is_refused_while_only_an_order_is_left() -> None:
    rig = Rig(ready=False)
    rig.venue.open_orders = [foreign_order()]
    rig.ready()
    rig.handle(TripHardStop(command_id="x"))
    reset = ResetHardStop(command_id="r", reason="x")
    rig.handle(reset)
    assert "0 positions and 1 orders are left" in rig.answer_of(reset)


def test_cancel_all_takes_back_what_is_queued() -> None:
    rig = Rig()
    rig.enter(SNDK)
    rig.dislocate(NVDA)
    cancel = CancelAll(command_id="c")
    rig.handle(cancel)
    assert rig.answer_of(cancel) == "cancel all: 1 queued taken back, 1 cancels"
    assert rig.m.scheduler.depths[2] == 0
    assert not rig.m.orders.is_busy(NVDA)


def test_a_position_in_a_market_that_is_not_ours_is_shown_and_not_time_stopped() -> None:
    rig = Rig(make_config(("xyz:SNDK",)), ready=False)
    rig.venue.held[NVDA] = (D("0.2"), D(180))
    rig.ready()
    rig.advance(62_000)
    position = rig.position(NVDA)
    assert position is not None
    assert (position.is_external, position.time_stop_at_ms, position.mark_px) == (True, None, D(180))
    assert rig.posts == []
    rig.handle(TripHardStop(command_id="x"))
    rig.advance(200)
    assert order_of(rig.posts[-1]).market == NVDA, "the stop closes everything held"
