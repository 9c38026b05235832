"""What the exchange tells, and what follows from it: answers that are late, fills that come after the fact, positions nobody saw opening."""

from __future__ import annotations

import pytest
from engine_rig import BUY, SELL, SNDK, D, Rig, foreign_order, make_config, order_of, report_of, update

from core.config import RiskConfig, SimConfig
from core.messages.commands import FlattenMarket, Shutdown, TripHardStop
from core.messages.effects import Ask, Finished, TradeRow
from core.messages.events import (
    FillsRead,
    OpenOrdersRead,
    OrderOutcome,
    Outcome,
    PositionsRead,
    VenuePosition,
)
from core.messages.queries import QueryFills, QueryOpenOrders, QueryOrderStatus, QueryPositions
from core.model.order import OrderStatus
from core.model.position import ExitReason

OI_CAP = "Order would increase open interest while open interest is capped. asset=110016"


def held(size: str, px: str = "200") -> VenuePosition:
    return VenuePosition(SNDK, D(size), D(px), abs(D(size)) * D(px), D(0))


def reading(at_ms: int, *positions: VenuePosition) -> PositionsRead:
    return PositionsRead("xyz", at_ms, positions, D(1000), D(1000))


# --- answers ----------------------------------------------------------------------------------------------------------------


def test_an_answer_that_nobody_waits_for_any_more_says_nothing() -> None:
    """Asked on a connection that is gone: it must not stand for the snapshot of the next one."""
    rig = Rig()
    rig.disconnect()
    rig.handle(OpenOrdersRead("xyz", (foreign_order(SNDK),)))
    rig.handle(reading(rig.now, held("1")))
    snapshot = rig.snapshot()
    assert not any(o.is_external for o in snapshot.orders)
    assert snapshot.positions == ()
    assert not snapshot.ready.order_snapshot
    assert not rig.m.readiness.dex_synced("xyz")


@pytest.mark.parametrize("is_listed", [True, False])
def test_an_open_order_that_the_list_does_not_have_is_asked_for(is_listed: bool) -> None:
    rig = Rig()
    post = rig.enter()
    rig.reply(post, OrderOutcome(Outcome.RESTING, 900))
    order = order_of(post)
    rig.advance(100)
    rig.disconnect()
    rig.advance(100)
    if is_listed:
        rig.venue.open_orders = [report_of(order, OrderStatus.OPEN, 900)]
    rig.log.clear()
    rig.connect()
    asked = Ask(QueryOrderStatus(order.cloid)) in rig.effects(Ask)
    assert asked is not is_listed


def test_a_position_of_size_zero_is_none_and_has_no_price() -> None:
    rig = Rig()
    rig.venue.held[SNDK] = (D(0), D(200))
    rig.advance(15_000)
    assert rig.position() is None
    assert rig.m.venue_marks == {}
    assert rig.snapshot().ready.is_ready


def test_a_fill_before_the_first_reading_opens_its_position_with_it_and_is_no_resync() -> None:
    rig = Rig(ready=False)
    rig.muted = {QueryPositions}
    rig.connect()
    rig.advance(100)
    fill = rig.venue.execute(SNDK, BUY, D("0.2"), D(200), rig.now, 5, None)
    rig.show(fill)
    assert rig.position() is None, "what it is added to is not known yet"
    rig.handle(reading(rig.now - 50))
    position = rig.position()
    assert position is not None
    assert (position.size, position.entry_ms) == (D("0.2"), fill.time_ms)
    assert rig.audit("resync") == []
    assert rig.m.risk.counters.trades_today == 1


def test_a_cut_reading_of_the_fills_is_no_proof_that_there_are_no_more() -> None:
    """The exchange said filled; its fill is not in an answer that was cut at its limit."""
    rig = Rig()
    rig.muted = {QueryFills}
    post = rig.enter()
    fill = rig.execute(order_of(post))
    rig.reply_filled(post, fill)
    rig.advance(20_000)
    (query,) = {a.query for a in rig.effects(Ask) if isinstance(a.query, QueryFills)}
    rig.handle(FillsRead(query.start_ms, (), complete=False))
    assert rig.m.orders.is_busy(SNDK)
    rig.advance(5_000)
    rig.handle(FillsRead(query.start_ms, (), complete=True))
    assert not rig.m.orders.is_busy(SNDK)


# --- what became of orders ----------------------------------------------------------------------------------------------------


def test_open_interest_at_its_cap_pauses_the_market() -> None:
    rig = Rig()
    rig.reject(rig.enter(), OI_CAP)
    rig.advance(10_000)
    assert rig.market(SNDK).gate == "market risk: open interest at its cap; tried again after a minute"
    assert rig.snapshot().tally.market_explained_rejections == 1
    rig.advance(50_000)
    assert rig.market(SNDK).gate == ""


def test_an_entry_that_the_exchange_spoke_of_is_looked_for_although_its_send_failed() -> None:
    """In words that nobody understands: whether it will be filled is not known, and its market stays busy until it is."""
    rig = Rig()
    rig.sends = False
    post = rig.enter()
    order = order_of(post)
    rig.handle(update(report_of(order, OrderStatus.UNKNOWN, 900, text="somethingNew")))
    rig.not_sent(post)
    assert rig.order(order).status is OrderStatus.UNKNOWN
    assert rig.m.orders.is_busy(SNDK)
    rig.advance(20_000)
    assert (rig.order(order).status, rig.order(order).reason) == (
        OrderStatus.CANCELED,
        "never executed: proven absent",
    )
    rig.log.clear()
    rig.advance(5_000)
    assert Ask(QueryOrderStatus(order.cloid)) not in rig.effects(Ask), "and that is the end of it"


def test_a_status_that_nobody_understands_of_an_ioc_says_no_more_than_not_known() -> None:
    rig = Rig()
    post = rig.enter()
    order = order_of(post)
    rig.reply(post, OrderOutcome(Outcome.RESTING, 900))
    rig.venue.known[order.cloid] = report_of(order, OrderStatus.UNKNOWN, 900, text="somethingNew")
    rig.advance(5_000)
    assert rig.order(order).status is OrderStatus.UNKNOWN
    assert rig.m.orders.is_busy(SNDK)
    rig.advance(10_000)
    assert rig.order(order).reason == "never executed: proven absent"
    assert not rig.m.orders.is_busy(SNDK)


def test_a_fill_that_only_the_look_up_finds_counts_like_any_other() -> None:
    rig = Rig()
    rig.muted = {QueryOrderStatus}
    post = rig.enter()
    fill = rig.execute(order_of(post))
    rig.advance(7_000)
    position = rig.position()
    assert position is not None
    assert position.size == fill.size
    assert rig.order(order_of(post)).status is OrderStatus.FILLED
    assert rig.snapshot().tally.fills == 1


@pytest.mark.parametrize("last", [QueryOrderStatus, QueryFills])
def test_an_order_is_proven_absent_whichever_answer_comes_last(last: type) -> None:
    rig = Rig()
    rig.muted = {last}
    post = rig.enter()
    rig.advance(20_000)
    assert rig.order(order_of(post)).status is OrderStatus.UNKNOWN
    rig.muted = set()
    rig.advance(17_000)
    assert rig.order(order_of(post)).reason == "never executed: proven absent"


def test_an_order_that_filled_in_part_is_not_said_to_have_never_been_there() -> None:
    """Its end was told to nobody, and the index had lost it; its fill was seen."""
    rig = Rig()
    post = rig.enter()
    order = order_of(post)
    part = order.size - D("0.001")
    rig.show(rig.venue.execute(SNDK, order.side, part, order.price, rig.now, 900, order.cloid))
    rig.advance(20_000)
    tracked = rig.order(order)
    assert (tracked.status, tracked.filled) == (OrderStatus.CANCELED, part)
    assert tracked.reason == "filled in part, its rest never executed"
    said = " ".join(rig.audit("lookup"))
    assert "filled in part; the exchange knows nothing more of it" in said
    assert "never reached" not in said


def test_rejections_of_our_own_making_stop_where_they_are_limited() -> None:
    rig = Rig(make_config(sim=SimConfig(network="mainnet"), risk=RiskConfig(max_rejected_per_hour=1)))
    rig.reject(rig.enter(), "Insufficient margin to place order. asset=110016")
    assert not rig.snapshot().hard_stop.tripped
    rig.advance(31_000)
    rig.reject(rig.enter(), "Insufficient margin to place order. asset=110016")
    assert rig.snapshot().hard_stop.reason == "2 rejections within an hour > 1"


def test_an_order_of_others_that_is_gone_is_cancelled_no_more() -> None:
    rig = Rig()
    foreign = foreign_order(SNDK)
    rig.venue.open_orders = [foreign]
    rig.handle(update(foreign))
    rig.handle(TripHardStop(command_id="x"))
    assert [o.oid for o in rig.m.cancels.wanted] == [foreign.oid]
    rig.handle(update(foreign, status=OrderStatus.CANCELED))
    assert rig.m.cancels.wanted == []
    rig.venue.open_orders = []
    rig.advance(5_000)
    assert rig.posts == []


# --- an orderly stop ------------------------------------------------------------------------------------------------------------


def test_the_exchanges_confirmation_is_of_a_question_asked_after_we_believed_it() -> None:
    """And a later answer that is not empty takes it back."""
    rig = Rig()
    rig.muted = {QueryPositions, QueryOpenOrders, QueryFills}
    rig.advance(31_000)
    rig.quote()
    rig.handle(Shutdown(command_id="q", reason="operator"))
    rig.advance(200)
    stop = rig.m.stopping
    assert stop is not None
    rig.handle(reading(rig.now))
    assert stop.confirmed == set(), "asked before the stop began"
    rig.advance(600)
    rig.handle(reading(rig.now))
    assert stop.confirmed == {QueryPositions("xyz")}
    rig.advance(600)
    rig.handle(OpenOrdersRead("xyz", ()))
    rig.advance(600)
    rig.handle(OpenOrdersRead("xyz", ()))
    assert stop.confirmed == {QueryPositions("xyz"), QueryOpenOrders("xyz")}
    rig.advance(5_100)
    rig.handle(reading(rig.now, held("0.2")))
    assert rig.position() is None, "one answer is not believed yet"
    assert stop.confirmed == {QueryOpenOrders("xyz")}
    rig.advance(30_000)
    assert not rig.effects(Finished)[0].confirmed


# --- trades -------------------------------------------------------------------------------------------------------------------


def test_a_fill_that_comes_after_its_size_was_taken_over_still_earns() -> None:
    """Somebody else closed our position, and the exchange's own view of it was faster than the fill."""
    rig = Rig()
    rig.muted = {QueryFills}
    opened = rig.open_position()
    rig.advance(100)
    closing = rig.venue.execute(SNDK, SELL, opened.size, opened.entry_px - 1, rig.now, 901, None)
    rig.advance(10_000)
    assert rig.position() is None
    before = rig.snapshot().pnl.realized_usd
    rig.show(closing)
    assert rig.snapshot().pnl.realized_usd == before - opened.size - closing.fee
    trade = rig.rows(TradeRow)[-1].trade
    assert (trade.exit_reason, trade.gross_pnl_usd) == (ExitReason.EXTERNAL, -opened.size)
    assert rig.m.risk.counters.cumulative_pnl_usd == rig.snapshot().pnl.realized_usd
    assert rig.position() is None


def test_a_fill_before_a_reading_that_has_it_already_is_counted_once() -> None:
    rig = Rig(ready=False)
    rig.muted = {QueryPositions}
    rig.connect()
    rig.advance(100)
    fill = rig.venue.execute(SNDK, BUY, D("0.2"), D(200), rig.now, 5, None)
    rig.show(fill)
    rig.advance(100)
    rig.handle(reading(rig.now, held("0.2")))
    rig.muted = set()
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    rig.advance(100)
    (exit_fill,) = rig.fill_post(rig.posts[-1])
    (row,) = rig.rows(TradeRow)
    assert (row.trade.size, row.trade.fees_usd) == (D("0.2"), fill.fee + exit_fill.fee)


def test_a_loss_beyond_the_limit_stops_with_the_trade_that_brought_it() -> None:
    rig = Rig()
    rig.lose_trade(D(21))
    assert rig.snapshot().hard_stop.reason.startswith("cumulative loss $21.0")


def test_a_position_without_any_fill_is_no_trade_when_it_goes() -> None:
    rig = Rig()
    rig.venue.held[SNDK] = (D("0.1"), D(200))
    rig.advance(10_000)
    assert rig.position() is not None
    del rig.venue.held[SNDK]
    rig.advance(10_000)
    assert rig.position() is None
    assert "xyz:SNDK: flat, and no fill of it was seen" in rig.audit("trade")
    assert (rig.rows(TradeRow), rig.snapshot().pnl.trades) == ([], 0)
    assert rig.m.risk.counters.trades_total == 0
