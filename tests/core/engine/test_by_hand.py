"""Orders by hand are ours in every respect: judged once, marked, looked for, cancelled, stopped, and never in the way of an exit."""

from __future__ import annotations

from typing import Any

from engine_rig import (
    BUY,
    NVDA,
    SELL,
    SNDK,
    SPECS,
    D,
    Rig,
    foreign_order,
    make_config,
    make_run,
    order_of,
    report_of,
    update,
)
from msgspec.structs import replace

from core.config import ExecutionConfig, SafetyConfig
from core.engine.by_hand import ByHand
from core.engine.entries import BY_HAND_MAX_AGE_MS
from core.messages.commands import (
    CancelAll,
    CancelOrder,
    FlattenMarket,
    PauseEntries,
    PlaceOrder,
    Shutdown,
    TripHardStop,
)
from core.messages.effects import Finished, Journal, OrderRow, Post
from core.messages.events import OrderOutcome, Outcome, PostSigned, RateLimitRead
from core.messages.ticket import OrderLifeView
from core.model.cloid import Cloid, CloidMaker, cloid_by_hand
from core.model.market import MarketKey
from core.model.order import Cancels, OrderStatus, PendingOrder, Purpose, TimeInForce
from core.model.position import ExitReason

GTC, ALO = TimeInForce.GTC, TimeInForce.ALO


def buy(command_id: str = "h1", **changes: Any) -> PlaceOrder:
    settings = {"market": SNDK, "side": BUY, "size": D("0.1"), "limit_px": D("200.1"), **changes}
    return PlaceOrder(command_id=command_id, who="ada", **settings)


def sell(command_id: str = "h2", **changes: Any) -> PlaceOrder:
    return buy(command_id, **{"side": SELL, "limit_px": D(199), "reduce_only": True, **changes})


def place(rig: Rig, command: PlaceOrder) -> Post:
    """It must be accepted and leave."""
    count = len(rig.posts)
    rig.handle(command)
    if len(rig.posts) == count:
        rig.advance(100)
    assert len(rig.posts) == count + 1, rig.answer_of(command)
    return rig.posts[-1]


def rest(rig: Rig, command: PlaceOrder) -> PendingOrder:
    """It must be accepted, and rests in the book."""
    post = place(rig, command)
    oid = rig.venue.next_oid()
    order = order_of(post)
    rig.reply(post, OrderOutcome(Outcome.RESTING, oid))
    report = report_of(order, OrderStatus.OPEN, oid)
    rig.venue.open_orders.append(report)
    rig.venue.known[order.cloid] = report
    return order


def life(rig: Rig, command: PlaceOrder) -> OrderLifeView:
    return next(x for x in rig.snapshot().lives if x.command_id == command.command_id)


def steps(rig: Rig, command: PlaceOrder) -> list[str]:
    return [s.name for s in life(rig, command).steps]


# --- accepted, denied ------------------------------------------------------------------------------------------------------


def test_an_order_by_hand_goes_out_as_it_was_judged_and_opens_a_position() -> None:
    rig = Rig()
    command = buy(cloid=cloid_by_hand(rig.m.run.cloid_space, 7))
    post = place(rig, command)
    order = order_of(post)
    assert (order.cloid, order.size, order.price, order.tif) == (command.cloid, D("0.1"), D("200.1"), TimeInForce.IOC)
    assert post.expires_after_ms is not None, "a new order expires with its post"
    rig.fill_post(post, px=D("200.02"))
    assert rig.position() is not None
    (told,) = [e for e in rig.snapshot().audit if e.command_id == "h1"]
    assert told.text.startswith("order by hand a00007: buy 0.1 xyz:SNDK @ 200.1 IOC; a position it opens is closed")
    view = life(rig, command)
    assert [s.name for s in view.steps] == ["queued", "to be signed", "sent", "answered", "filled", "fill"]
    assert (view.who, view.filled, view.avg_px, view.status) == ("ada", D("0.1"), D("200.02"), OrderStatus.FILLED)
    assert view.is_over
    assert rig.order(order).purpose == "manual"
    assert rig.snapshot().tally.orders_by_hand == 1


def test_a_refusal_is_counted_once_and_shown_verbatim() -> None:
    rig = Rig()
    command = buy(size=D(1))
    rig.handle(command)
    text = "max notional per order: $200.10 > safety.max_notional_usd $100"
    assert rig.answer_of(command) == f"order by hand denied, buy xyz:SNDK: {text}"
    view = life(rig, command)
    assert (view.denied, view.cloid, view.is_over, view.status) == (text, None, True, None)
    tally = rig.snapshot().tally
    assert (tally.orders_by_hand, tally.orders_by_hand_denied, tally.denied) == (1, 1, ())
    rig.advance(300)
    assert rig.posts == []


def test_a_market_that_is_not_configured_is_refused() -> None:
    rig = Rig()
    command = buy(market=MarketKey.parse("xyz:SDNK"))
    rig.handle(command)
    assert "xyz:SDNK is not among the configured markets xyz:SNDK, xyz:NVDA, BTC" in rig.answer_of(command)


def test_an_id_is_good_for_one_order() -> None:
    rig = Rig()
    mine = cloid_by_hand(rig.m.run.cloid_space, 1)
    place(rig, buy(cloid=mine))
    again = buy("h2", cloid=mine, market=NVDA, limit_px=D(180))
    rig.handle(again)
    assert rig.answer_of(again).endswith("order id: a00001 came before; nothing is sent twice")
    foreign = buy("h3", cloid=Cloid("0x" + "1" * 32), market=NVDA)
    rig.handle(foreign)
    assert rig.answer_of(foreign).endswith("is not one that this run's console makes")
    own = buy("h4", cloid=CloidMaker(rig.m.run.cloid_space).next(), market=NVDA)
    rig.handle(own)
    assert life(rig, own).denied, "an id of the engine's own series would clash with a later order"


def test_a_pause_is_no_obstacle_and_takes_nothing_by_hand_back() -> None:
    rig = Rig()
    rig.sends = False
    rig.enter(NVDA)
    rig.handle(PauseEntries(command_id="p", paused=True))
    command = buy()
    rig.handle(command)
    assert "entries are paused; an order by hand goes out all the same" in rig.answer_of(command)
    rig.handle(PauseEntries(command_id="p2", paused=True))
    assert life(rig, command).status is OrderStatus.QUEUED
    rig.sent(rig.posts[0])
    rig.advance(200)
    assert order_of(rig.posts[1]).market == SNDK


def test_pausing_takes_back_the_queued_entry_beside_it() -> None:
    rig = Rig()
    rig.sends = False
    place(rig, buy())
    rig.dislocate(NVDA)
    pause = PauseEntries(command_id="p", paused=True)
    rig.handle(pause)
    assert rig.answer_of(pause) == "entries paused, 1 queued taken back"
    assert not rig.m.orders.is_busy(NVDA)


def test_observation_places_nothing() -> None:
    rig = Rig(make_config(mode="observation", signer=None), ready=False)
    rig.connect()
    for command in (buy(), sell()):
        rig.handle(command)
        assert "not ready: observation mode" in rig.answer_of(command)


def test_a_full_queue_is_said() -> None:
    rig = Rig(make_config(execution=ExecutionConfig(new_order_queue_cap=1)))
    rig.sends = False
    place(rig, buy())
    rig.handle(buy("h2", market=NVDA, limit_px=D(180)))
    third = buy("h3", market=rig.m.markets_configured[2], size=D("0.0002"), limit_px=D(100_000))
    rig.handle(third)
    assert rig.answer_of(third).endswith("enqueue: queue full")


# --- the last look ---------------------------------------------------------------------------------------------------------


def waiting(rig: Rig, command: PlaceOrder) -> Post:
    """Queued behind a post that has not left; returns that post."""
    rig.sends = False
    first = rig.enter(NVDA)
    rig.handle(command)
    assert life(rig, command).status is OrderStatus.QUEUED
    return first


def dropped_for(rig: Rig, command: PlaceOrder) -> str:
    view = life(rig, command)
    assert view.status is OrderStatus.CANCELED
    return view.reason


def test_an_order_that_waited_too_long_does_not_leave() -> None:
    rig = Rig(make_config(execution=ExecutionConfig(post_timeout_ms=20_000)))
    command = buy()
    first = waiting(rig, command)
    rig.advance(BY_HAND_MAX_AGE_MS + 100)
    rig.sent(first)
    rig.advance(200)
    assert dropped_for(rig, command).startswith("too old: ")


def test_an_order_that_cannot_leave_waits_longer_than_an_entry_and_is_let_go_of_then() -> None:
    rig = Rig(make_config(execution=ExecutionConfig(post_timeout_ms=20_000)))
    command = buy()
    waiting(rig, command)
    rig.handle(RateLimitRead(10_000, 10_000, D(1_000)))
    rig.advance(BY_HAND_MAX_AGE_MS)
    assert life(rig, command).status is OrderStatus.QUEUED
    rig.advance(100)
    assert dropped_for(rig, command) == f"too old: {BY_HAND_MAX_AGE_MS + 100} ms in the queue"


def test_an_order_does_not_leave_when_we_are_not_ready_any_more() -> None:
    rig = Rig()
    command = buy()
    first = waiting(rig, command)
    rig.quotes_live = False
    rig.advance(4_000)
    rig.muted = {object}
    rig.sent(first)
    rig.advance(100)
    assert life(rig, command).status in (OrderStatus.CANCELED, OrderStatus.IN_FLIGHT)


def test_an_order_does_not_leave_into_a_position_the_other_way() -> None:
    rig = Rig()
    command = buy()
    first = waiting(rig, command)
    rig.show(rig.venue.execute(SNDK, SELL, D("0.05"), D(200), rig.now, 5, None))
    rig.sent(first)
    rig.advance(100)
    assert dropped_for(rig, command) == "a position the other way has come up"


def test_an_order_does_not_leave_over_the_limit_that_it_passed_before() -> None:
    rig = Rig()
    command = buy()
    first = waiting(rig, command)
    rig.show(rig.venue.execute(SNDK, BUY, D("0.16"), D(200), rig.now, 5, None))
    rig.sent(first)
    rig.advance(100)
    assert dropped_for(rig, command) == "over the exposure limit by now"


def test_an_order_does_not_leave_into_a_flatten() -> None:
    rig = Rig()
    command = buy()
    first = waiting(rig, command)
    rig.show(rig.venue.execute(SNDK, BUY, D("0.05"), D(200), rig.now, 5, None))
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    rig.sent(first)
    rig.advance(100)
    assert dropped_for(rig, command) == "an exit of this market is not settled"


def test_a_queued_order_is_taken_back_by_the_hard_stop() -> None:
    rig = Rig()
    command = buy()
    waiting(rig, command)
    rig.handle(TripHardStop(command_id="x"))
    assert dropped_for(rig, command) == "hard stop"


# --- resting orders --------------------------------------------------------------------------------------------------------


def test_a_resting_order_keeps_its_market_and_counts_as_exposure() -> None:
    rig = Rig()
    command = buy(tif=GTC, limit_px=D(190))
    rest(rig, command)
    assert steps(rig, command)[-2:] == ["answered", "resting"]
    assert rig.dislocate(SNDK) is None
    assert rig.market(SNDK).gate == "pending order"
    assert rig.m.exposure_usd(SNDK) == D(20)
    assert rig.m.total_exposure_usd() == D(20)
    second = buy("h2")
    rig.handle(second)
    assert "pending order" in rig.answer_of(second)
    rig.advance(40_000)
    assert life(rig, command).is_resting, "it does not end by itself"
    assert not rig.m.orders.has_unsettled(SNDK), "positions of its market are compared all the same"


def test_a_resting_order_ends_by_its_row_and_then_frees_its_market() -> None:
    rig = Rig()
    command = buy(tif=ALO, limit_px=D(190))
    order = rest(rig, command)
    oid = life(rig, command).oid
    assert oid is not None
    rig.handle(CancelOrder(command_id="c", cloid=order.cloid))
    rig.advance(100)
    cancels = rig.posts[-1].batch
    assert isinstance(cancels, Cancels)
    assert cancels.cancels[0].oid == oid
    second = buy("h2")
    rig.handle(second)
    assert "flatten in progress: a cancel of this market is not settled" in rig.answer_of(second)
    rig.venue.open_orders.clear()
    rig.venue.known[order.cloid] = report_of(order, OrderStatus.CANCELED, oid)
    rig.reply(rig.posts[-1], OrderOutcome(Outcome.CANCELED))
    rig.handle(update(report_of(order, OrderStatus.CANCELED, oid, text="canceled")))
    assert steps(rig, command)[-3:] == ["cancel to be signed", "cancel sent", "ended"]
    assert life(rig, command).is_over
    place(rig, buy("h3"))


def test_cancel_all_ends_resting_orders_those_that_reduce_included() -> None:
    rig = Rig()
    rig.open_position(NVDA)
    rest(rig, buy(tif=GTC, limit_px=D(190)))
    rest(rig, sell(market=NVDA, tif=GTC, limit_px=D(250), size=D("0.1")))
    cancel = CancelAll(command_id="c")
    rig.handle(cancel)
    assert rig.answer_of(cancel) == "cancel all: 0 queued taken back, 2 cancels"


def test_cancel_all_leaves_a_reduce_only_ioc_on_its_way_alone() -> None:
    rig = Rig()
    held = rig.open_position()
    place(rig, sell(size=held.size))
    cancel = CancelAll(command_id="c")
    rig.handle(cancel)
    assert rig.answer_of(cancel) == "cancel all: no order is open"


def test_a_resting_exit_keeps_no_other_exit_back() -> None:
    rig = Rig()
    held = rig.open_position()
    order = rest(rig, sell(tif=GTC, limit_px=D(250), size=held.size))
    second = sell("h3", size=held.size)
    rig.handle(second)
    assert "flatten in progress: an exit of this market is not settled" in rig.answer_of(second)
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    rig.advance(100)
    exit_ = order_of(rig.posts[-1])
    assert exit_.reduce_only
    assert exit_.cloid != order.cloid
    rig.fill_post(rig.posts[-1])
    assert rig.position() is None
    rig.handle(update(report_of(order, OrderStatus.CANCELED, 1, text="reduceOnlyCanceled")))
    assert not rig.m.orders.unsettled()


def test_the_hard_stop_cancels_what_rests_and_leaves_exits_by_hand_alone() -> None:
    rig = Rig()
    held = rig.open_position(NVDA)
    resting = rest(rig, buy(tif=GTC, limit_px=D(190)))
    leaving = order_of(place(rig, sell(market=NVDA, size=held.size, limit_px=D(170))))
    rig.handle(TripHardStop(command_id="x"))
    assert [o.cloid for o in rig.m.cancels.wanted] == [resting.cloid]
    assert rig.m.orders.get(leaving.cloid) is not None


def test_an_order_that_an_earlier_run_left_resting_counts() -> None:
    rig = Rig()
    left = replace(foreign_order(NVDA, cloid=CloidMaker(9).next()), remaining=D("0.1"), original_size=D("0.2"))
    rig.handle(update(left))
    assert rig.m.orders.is_busy(NVDA)
    assert rig.m.exposure_usd(NVDA) == D(18)
    assert rig.m.total_exposure_usd() == D(18)
    assert not rig.m.orders.has_exit(NVDA)
    rig.handle(update(foreign_order(SNDK)))
    assert not rig.m.orders.is_busy(SNDK), "what others placed is theirs"


def test_fills_of_a_resting_order_that_were_told_and_not_seen_are_asked_for() -> None:
    rig = Rig()
    command = buy(tif=GTC, limit_px=D(190))
    order = rest(rig, command)
    fill = rig.execute(order, D("0.04"))
    rig.venue.known[order.cloid] = report_of(order, OrderStatus.OPEN, fill.oid, filled=D("0.04"))
    rig.handle(update(report_of(order, OrderStatus.OPEN, fill.oid, filled=D("0.04"))))
    assert rig.m.orders.has_unsettled(SNDK)
    rig.advance(2_500)
    held = rig.position()
    assert held is not None
    assert held.size == D("0.04")
    assert life(rig, command).is_resting
    assert steps(rig, command).count("fill") == 1


# --- exits by hand ---------------------------------------------------------------------------------------------------------


def test_a_reduce_only_order_passes_the_hard_stop_and_its_trade_is_the_operators() -> None:
    rig = Rig()
    held = rig.open_position()
    rig.handle(TripHardStop(command_id="x"))
    rig.advance(100)
    rig.reject(rig.posts[-1])
    command = sell(size=D(9), limit_px=None, slippage_bps=D(500))
    post = place(rig, command)
    assert order_of(post).size == held.size
    assert post.expires_after_ms is None, "an exit carries no expiry"
    rig.fill_post(post)
    assert rig.position() is None
    assert rig.snapshot().trades[0].exit_reason is ExitReason.OPERATOR


def test_a_position_closed_by_hand_with_no_flatten_under_way_is_the_operators_too() -> None:
    rig = Rig()
    held = rig.open_position()
    rig.fill_post(place(rig, sell(size=held.size)))
    assert rig.snapshot().trades[0].exit_reason is ExitReason.OPERATOR


def test_a_position_opened_by_hand_is_time_stopped_and_its_trade_keeps_the_id() -> None:
    rig = Rig()
    command = buy()
    rig.fill_post(place(rig, command))
    rig.advance(30_500)
    rig.fill_post(rig.posts[-1])
    (trade,) = rig.snapshot().trades
    assert trade.exit_reason is ExitReason.TIME_STOP
    assert trade.trade_id == life(rig, command).correlation_id
    assert trade.trade_id.startswith("m")
    exits = [e.row for _, e in rig.log if isinstance(e, Journal) and isinstance(e.row, OrderRow) and e.row.reduce_only]
    told = [a.correlation_id for a in rig.snapshot().audit if a.kind == "flatten"]
    assert {r.correlation_id for r in exits} == {trade.trade_id} == set(told)
    assert trade.expected_edge_bps is None


def test_an_exit_by_hand_at_the_inflight_limit_is_queued() -> None:
    rig = Rig(make_config(execution=ExecutionConfig(inflight_limit=1, inflight_high_watermark=1)))
    rig.open_position()
    rig.enter(NVDA)
    command = sell(size=D(1))
    rig.handle(command)
    assert life(rig, command).status is OrderStatus.QUEUED


# --- lost, refused, not sent -------------------------------------------------------------------------------------------------


def test_a_lost_answer_makes_it_unknown_and_it_is_looked_for_until_it_is_known() -> None:
    rig = Rig()
    command = buy(tif=GTC, limit_px=D(190))
    order = order_of(place(rig, command))
    rig.advance(5_100)
    assert life(rig, command).status is OrderStatus.UNKNOWN
    assert rig.m.orders.is_busy(SNDK)
    rig.advance(1_500)
    looked = [s for s in life(rig, command).steps if s.name == "looked up"]
    assert [s.count for s in looked] == [2]
    rig.venue.known[order.cloid] = report_of(order, OrderStatus.OPEN, 5)
    rig.venue.open_orders.append(rig.venue.known[order.cloid])
    rig.advance(1_500)
    assert life(rig, command).status is OrderStatus.OPEN
    assert steps(rig, command)[-1] == "resting"


def test_an_order_proven_never_to_have_arrived_frees_its_market() -> None:
    rig = Rig()
    command = buy(tif=GTC, limit_px=D(190))
    place(rig, command)
    rig.advance(12_000)
    view = life(rig, command)
    assert (view.status, view.reason) == (OrderStatus.CANCELED, "never executed: proven absent")
    assert view.steps[-1].text == "never executed: proven absent; nothing filled"
    assert not rig.m.orders.is_busy(SNDK)


def test_a_resting_exit_that_was_not_seen_to_leave_is_not_signed_again() -> None:
    rig = Rig()
    held = rig.open_position()
    rig.sends = False
    command = sell(tif=GTC, limit_px=D(250), size=held.size)
    place(rig, command)
    count = len(rig.posts)
    rig.advance(4_900)
    rig.sends = True
    rig.advance(300)
    assert life(rig, command).status is OrderStatus.UNKNOWN
    rig.advance(1_000)
    assert all(order_of(p).tif is not GTC for p in rig.posts[count:] if not isinstance(p.batch, Cancels))
    assert rig.reposts, "the same bytes go out again"
    assert "sent again" in steps(rig, command)


def test_the_exchanges_refusal_is_told_verbatim() -> None:
    rig = Rig()
    rejected = buy()
    rig.reject(place(rig, rejected), "Insufficient margin to place order. asset=110016")
    assert life(rig, rejected).reason == "Insufficient margin to place order. asset=110016"
    assert life(rig, rejected).steps[-2].text == "error: Insufficient margin to place order. asset=110016"
    refused = buy("h2")
    rig.refuse(place(rig, refused), "Unable to recover signer.")
    assert steps(rig, refused)[-2:] == ["refused", "rejected"]


def test_the_words_of_the_answer_beat_the_one_word_of_a_faster_update() -> None:
    rig = Rig()
    command = buy()
    post = place(rig, command)
    rig.handle(update(report_of(order_of(post), OrderStatus.REJECTED, 7, text="iocCancelRejected")))
    assert life(rig, command).reason == "iocCancelRejected"
    rig.reject(post, "Order could not immediately match against any resting orders.")
    assert life(rig, command).reason == "Order could not immediately match against any resting orders."


def test_the_signature_is_a_step_of_its_own() -> None:
    rig = Rig()
    rig.sends = False
    command = buy()
    post = place(rig, command)
    rig.handle(PostSigned(post.post_id, "0xab"))
    rig.sent(post)
    assert [s.text for s in life(rig, command).steps[-2:]] == ["action 0xab", f"post {post.post_id}"]
    rig.handle(PostSigned(99, "0xcd"))
    assert steps(rig, command)[-1] == "sent", "a post that is closed by now is nobody's"


def test_an_order_cancelled_in_part_says_how_much_of_it_was_filled() -> None:
    rig = Rig()
    command = buy(tif=GTC, limit_px=D(190))
    order = rest(rig, command)
    fill = rig.execute(order, D("0.04"))
    rig.show(fill)
    rig.handle(update(report_of(order, OrderStatus.CANCELED, fill.oid, filled=D("0.04"), text="canceled")))
    assert life(rig, command).steps[-1].text == "canceled; 0.04 of 0.1 filled"
    assert life(rig, command).is_over


def test_fills_tell_what_they_cost() -> None:
    rig = Rig()
    command = buy()
    rig.fill_post(place(rig, command), px=D(200))
    view = life(rig, command)
    assert view.fee_usd == D("0.009")
    assert view.steps[-1].text == "0.1 @ 200, fee $0.0090"
    rig.advance(200)
    rig.open_position(NVDA)
    assert len(rig.snapshot().lives) == 1, "of entries of our own no life is kept"


def test_an_order_that_never_left_is_dropped_and_says_so() -> None:
    rig = Rig()
    rig.sends = False
    command = buy()
    rig.not_sent(place(rig, command), "no connection")
    assert [s.text for s in life(rig, command).steps[-2:]] == [
        "no connection",
        "send failed: no connection; nothing filled",
    ]


def test_an_exit_that_never_left_is_queued_again() -> None:
    rig = Rig()
    held = rig.open_position()
    rig.sends = False
    command = sell(size=held.size)
    rig.not_sent(place(rig, command), "no connection")
    assert "queued again" in steps(rig, command)


# --- a run by hand -------------------------------------------------------------------------------------------------------------


def hands_only(**settings: Any) -> Rig:
    config = make_config(**settings)
    return Rig(config, run=replace(make_run(config), by_hand=True))


def test_a_run_by_hand_enters_nothing_stops_nothing_by_time_and_survives_a_disconnect() -> None:
    rig = hands_only()
    assert rig.dislocate(SNDK) is None
    command = buy()
    post = place(rig, command)
    assert rig.answer_of(command).endswith("@ 200.1 IOC"), (
        "nothing is said of a pause or a time stop that this run does not have"
    )
    rig.fill_post(post)
    rig.advance(70_000)
    held = rig.position()
    assert held is not None
    assert held.time_stop_at_ms is None
    rig.disconnect()
    assert not rig.m.latch.tripped
    rig.ready()
    assert rig.position() is not None
    assert len(rig.posts) == 1


def test_it_ends_with_everything_left_open_when_asked_to() -> None:
    rig = hands_only()
    rig.fill_post(place(rig, buy()))
    rest(rig, buy("h2", market=NVDA, tif=GTC, limit_px=D(150)))
    rig.handle(Shutdown(command_id="q", reason="done"))
    (finished,) = rig.effects(Finished)
    assert finished == Finished(True, "left open as asked: xyz:SNDK buy 0.1, 1 resting orders")
    rig.advance(500)
    assert len(rig.posts) == 2


def test_it_waits_for_what_is_on_its_way_and_says_what_it_does_not_know() -> None:
    rig = hands_only()
    command = buy()
    post = place(rig, command)
    rig.handle(Shutdown(command_id="q", reason="done"))
    assert rig.effects(Finished) == []
    rig.advance(300)
    rig.reject(post)
    rig.advance(100)
    assert rig.effects(Finished) == [Finished(True, "left open as asked: no position, 0 resting orders")]

    rig = hands_only(execution=ExecutionConfig(stop_grace_ms=3_000))
    place(rig, buy())
    rig.handle(Shutdown(command_id="q", reason="done"))
    rig.advance(3_100)
    (finished,) = rig.effects(Finished)
    assert not finished.confirmed
    assert finished.text.startswith("NOT CONFIRMED: the outcome of 1 orders is not known")


def test_a_latch_beats_the_wish_to_leave_things_open() -> None:
    rig = hands_only()
    rig.fill_post(place(rig, buy()))
    rig.handle(TripHardStop(command_id="x"))
    rig.handle(Shutdown(command_id="q", reason="done"))
    rig.advance(200)
    rig.fill_post(rig.posts[-1])
    rig.advance(2_000)
    assert rig.effects(Finished) == [Finished(True, "the exchange reports flat and no order of ours")]


def test_what_it_is_called_in_the_books() -> None:
    rig = Rig()
    order = order_of(place(rig, buy()))
    tracked = rig.m.orders.get(order.cloid)
    assert tracked is not None
    assert tracked.purpose is Purpose.MANUAL


# --- the last look before signing, and facts that only seldom matter -----------------------------------------------------------


def test_the_last_look_asks_for_the_latch_and_for_readiness_itself() -> None:
    """Whoever latches takes the queue back first; what slips past that must not leave all the same."""
    rig = Rig()
    by_hand = ByHand(rig.m, rig.engine._entries)
    order = PendingOrder(CloidMaker(9).next(), SNDK, BUY, D(200), D("0.1"), False, TimeInForce.IOC, rig.now)
    assert by_hand.last_refusal(order) == ""
    rig.handle(TripHardStop(command_id="x", reason="enough"))
    assert "enough" in by_hand.last_refusal(order)
    rig = Rig(ready=False)
    assert ByHand(rig.m, rig.engine._entries).last_refusal(order) == "not connected"


def test_the_daily_cap_is_for_orders_by_hand_too() -> None:
    rig = Rig(make_config(safety=SafetyConfig(max_daily_trades=1)))
    rig.lose_trade()
    command = buy()
    rig.handle(command)
    assert "daily trade cap: 1 of 1" in rig.answer_of(command)


def test_nothing_is_placed_on_a_market_that_was_taken_off_the_list() -> None:
    rig = Rig()
    rig.m.markets[SNDK].spec = replace(SPECS[SNDK], is_delisted=True)
    assert ByHand(rig.m, rig.engine._entries).facts(SNDK).market_stopped == "delisted"
