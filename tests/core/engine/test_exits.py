"""What closes positions and ends orders: at which price, and what is said and tried again when it cannot be done."""

from __future__ import annotations

from engine_rig import BTC, BUY, NVDA, SELL, SNDK, D, Rig, cancels_of, foreign_order, make_config, order_of, orders_of
from msgspec.structs import replace

from core.config import ExecutionConfig
from core.messages.commands import FlattenAll, StartTrading, TripHardStop
from core.messages.effects import Alert
from core.messages.events import OrderUpdates, SpecsRead
from core.messages.queries import QueryBook, QueryPositions
from core.model.market import MarketKey, MarketSpec
from core.model.position import ExitReason

GOLD = MarketKey("xyz", "GOLD")
"""Not configured: somebody else's."""


def flatten_all(rig: Rig) -> None:
    rig.handle(FlattenAll(command_id="f"))


def bodies(rig: Rig, title: str) -> list[str]:
    return [a.body for a in rig.effects(Alert) if a.title == title]


def with_gold(*, listed: bool = True) -> Rig:
    """The exchange has one market more than we trade; ``listed``: its universe says so."""
    rig = Rig(ready=False)
    rig.venue.quotes[GOLD] = (D("99.9"), D("100.1"))
    if listed:
        rig.venue.specs[GOLD] = MarketSpec(GOLD, 110003, 3, 2, 20)
    rig.ready()
    return rig


# --- whose position ---------------------------------------------------------------------------------------------------------


def test_the_time_stop_is_for_our_markets_only() -> None:
    rig = with_gold()
    rig.show(rig.venue.execute(GOLD, BUY, D(1), D(100), rig.now, 5, None))
    rig.advance(70_000)
    position = rig.position(GOLD)
    assert position is not None
    assert position.is_external
    assert (position.time_stop_at_ms, position.exit_reason) == (None, "")
    assert rig.posts == []
    assert rig.alerts() == []


def test_a_flatten_of_nothing_ends_at_the_next_tick_without_an_order() -> None:
    rig = Rig()
    assert rig.engine._exits.flatten(SNDK, ExitReason.OPERATOR)
    rig.advance(100)
    assert rig.m.flattener.get(SNDK) is None
    assert rig.posts == []
    assert rig.dislocate() is not None, "it stands in no entry's way"


# --- what an exit waits for ---------------------------------------------------------------------------------------------------


def test_without_the_markets_spec_no_exit_can_be_written_and_the_alert_says_so() -> None:
    rig = with_gold(listed=False)
    rig.venue.held[GOLD] = (D(1), D(100))
    rig.advance(10_000)
    flatten_all(rig)
    rig.advance(60_100)
    assert rig.posts == []
    (text,) = bodies(rig, "flatten failed")
    assert text.endswith("0 attempts; last: waiting for the market's spec")
    rig.handle(SpecsRead("xyz", (*(s for m, s in rig.venue.specs.items() if m.dex == "xyz"), _gold_spec())))
    rig.advance(100)
    assert order_of(rig.posts[-1]).market == GOLD


def _gold_spec() -> MarketSpec:
    return MarketSpec(GOLD, 110003, 3, 2, 20)


def test_a_position_without_any_price_waits_for_the_exchanges_mark_of_it() -> None:
    """Known by its fill alone, in a market that we do not watch."""
    rig = with_gold()
    rig.failing = {QueryPositions}
    rig.show(rig.venue.execute(GOLD, BUY, D(1), D(100), rig.now, 5, None))
    flatten_all(rig)
    rig.advance(60_000)
    assert rig.posts == []
    (text,) = bodies(rig, "flatten failed")
    assert text.endswith("last: waiting for a price")
    rig.failing = set()
    rig.advance(11_000)
    assert order_of(rig.posts[-1]).price == D(99)  # 1 % under the mark of 100


def test_a_position_of_less_than_one_lot_cannot_be_sold_and_the_alert_says_so() -> None:
    rig = Rig()
    rig.venue.held[SNDK] = (D("0.0004"), D(200))
    rig.advance(10_000)
    assert rig.position() is not None
    flatten_all(rig)
    rig.advance(60_000)
    assert rig.posts == []
    assert bodies(rig, "flatten failed")[0].endswith("last: size 0.0004 is less than one lot")


def test_an_exit_that_finds_its_queue_full_is_told_and_tried_again() -> None:
    rig = Rig(make_config(execution=ExecutionConfig(reduce_only_queue_cap=1)))
    for market in (SNDK, NVDA):
        rig.open_position(market)
        rig.advance(100)
    before = len(rig.posts)
    flatten_all(rig)
    rig.advance(100)
    assert bodies(rig, "xyz:NVDA exit not queued") == ["queue full"]
    assert not rig.m.orders.has_unresolved_exit(NVDA)
    rig.advance(500)
    assert [order_of(p).market for p in rig.posts[before:]] == [SNDK, NVDA]


def test_an_exit_that_waits_for_the_budget_is_taken_back_when_somebody_else_has_closed_the_position() -> None:
    rig = Rig()
    rig.open_position()
    rig.m.budget.on_used_up()
    flatten_all(rig)
    rig.advance(100)
    assert rig.m.scheduler.depths == (0, 1, 0), "one action in ten seconds, and the entry was one"
    queued = rig.m.orders.unsettled()[0]
    held = rig.position()
    assert held is not None
    rig.show(rig.venue.execute(SNDK, SELL, held.size, D(200), rig.now, 77, None))
    assert rig.m.scheduler.depths == (0, 0, 0)
    assert queued.cloid is not None
    assert rig.m.orders.get(queued.cloid).reason == "flat already"
    before = len(rig.posts)
    rig.advance(15_000)
    assert len(rig.posts) == before


# --- at which price -----------------------------------------------------------------------------------------------------------


def test_a_market_that_we_do_not_watch_is_closed_at_the_exchanges_mark() -> None:
    rig = with_gold()
    rig.venue.held[GOLD] = (D(1), D(90))
    rig.advance(10_000)
    flatten_all(rig)
    rig.advance(100)
    assert order_of(rig.posts[-1]).price == D(99)


def test_without_a_fresh_touch_the_fresh_mark_is_the_reference() -> None:
    rig = Rig()
    rig.open_position()
    rig.quotes_live = False
    rig.muted = {QueryBook}
    rig.advance(11_000)
    rig.handle(replace(rig.ctx(SNDK), mark_px=D(190)))
    flatten_all(rig)
    rig.advance(100)
    assert order_of(rig.posts[-1]).price == D("188.1")


def test_where_all_data_is_old_the_exchanges_mark_of_the_position_is_the_reference() -> None:
    rig = Rig()
    rig.open_position()
    rig.quotes_live = False
    rig.muted = {QueryBook}
    rig.venue.quotes[SNDK] = (D("179.98"), D("180.02"))
    rig.advance(11_000)
    flatten_all(rig)
    rig.advance(100)
    assert order_of(rig.posts[-1]).price == D("178.2")


# --- cancels ------------------------------------------------------------------------------------------------------------------


def test_a_cancel_waits_for_the_spec_of_its_market() -> None:
    """Its asset id is needed to write it."""
    rig = with_gold(listed=False)
    order = foreign_order(GOLD)
    rig.venue.open_orders = [order]
    rig.handle(OrderUpdates((order,)))
    rig.handle(TripHardStop(command_id="x"))
    rig.advance(5_000)
    assert rig.posts == []
    assert rig.m.scheduler.depths[0] == 0
    rig.venue.specs[GOLD] = _gold_spec()
    rig.advance(60_000)
    assert [c.oid for c in cancels_of(rig.posts[0]).cancels] == [order.oid]


def test_a_cancel_that_finds_its_queue_full_is_told_and_queued_later() -> None:
    rig = Rig(make_config(execution=ExecutionConfig(cancel_queue_cap=1)))
    orders = [foreign_order(SNDK, 77), foreign_order(BTC, 78, None)]
    rig.venue.open_orders = list(orders)
    rig.handle(OrderUpdates(tuple(orders)))
    rig.handle(TripHardStop(command_id="x"))
    rig.advance(100)
    assert bodies(rig, "BTC cancel not queued") == ["queue full"]
    rig.advance(1_100)
    assert [c.oid for p in rig.posts for c in cancels_of(p).cancels] == [77, 78]


# --- what was found open at the start -----------------------------------------------------------------------------------------


def begin_with(*close: MarketKey) -> Rig:
    """A start at which SNDK (ours to trade) and GOLD (nobody's) are held already."""
    rig = Rig(ready=False)
    rig.venue.quotes[GOLD] = (D("99.9"), D("100.1"))
    rig.venue.specs[GOLD] = MarketSpec(GOLD, 110003, 3, 2, 20)
    rig.venue.held[SNDK], rig.venue.held[GOLD] = (D("0.25"), D(200)), (D("-0.2"), D(100))
    rig.handle(StartTrading(command_id="start", who="ada", text="9 checks passed", close_markets=close))
    rig.ready()
    rig.advance(500)
    return rig


def test_what_was_found_is_closed_at_once_where_the_operator_said_so_and_only_there() -> None:
    for close in ((), (SNDK,), (GOLD,), (SNDK, GOLD)):
        rig = begin_with(*close)
        exits = {o.market: o for p in rig.posts for o in orders_of(p)}
        assert set(exits) == set(close)
        assert all(o.reduce_only for o in exits.values())
        if GOLD in close:
            assert (exits[GOLD].side, exits[GOLD].size) == (BUY, D("0.2"))
        (said,) = [a.text for a in rig.snapshot().audit if a.command_id == "start"]
        assert said == "started by ada: 9 checks passed" + (
            f"; to be closed: {', '.join(k.name for k in close)}" * bool(close)
        )


def test_a_position_of_later_is_not_the_one_that_was_found() -> None:
    """It was gone by the time the engine read the account."""
    rig = Rig(ready=False)
    rig.handle(StartTrading(command_id="start", who="ada", text="9 checks passed", close_markets=(SNDK,)))
    rig.ready()
    rig.open_position()
    posts = len(rig.posts)
    rig.advance(5_000)
    assert len(rig.posts) == posts
    assert rig.position() is not None


def test_what_was_found_waits_for_the_first_answer_that_has_it() -> None:
    rig = Rig(ready=False)
    rig.venue.held[SNDK] = (D("0.25"), D(200))
    rig.handle(StartTrading(command_id="start", who="ada", text="9 checks passed", close_markets=(SNDK,)))
    rig.muted.add(QueryPositions)
    rig.connect()
    rig.quote()
    rig.advance(2_000)
    rig.muted.clear()
    rig.handle(rig.venue.positions_read("xyz", rig.now))
    rig.handle(rig.venue.positions_read("", rig.now))
    rig.advance(500)
    assert [o.market for p in rig.posts for o in orders_of(p)] == [SNDK]


def test_what_was_found_and_closed_is_not_closed_again_when_it_is_opened_anew() -> None:
    rig = begin_with(SNDK)
    rig.fill_post(rig.posts[-1])
    count = len(rig.posts)
    rig.show(rig.venue.execute(SNDK, BUY, D("0.25"), D(200), rig.now, 99, "0x" + "f" * 32))
    rig.advance(5_000)
    assert rig.position() is not None
    assert len(rig.posts) == count
