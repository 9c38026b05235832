"""Guards of the connection, of readiness and of the end that another guard usually stands before, each by itself.

What the simulation could not tell from the shipped engine is told here.
"""

from __future__ import annotations

from typing import Any

import pytest
from engine_rig import ACCOUNT, BUY, NOW, NVDA, SELL, SNDK, D, Rig, make_config, order_of

from core.config import ExecutionConfig, RiskConfig
from core.engine.flatten import FlattenTask
from core.engine.readiness import TradingReadyChecker
from core.messages.commands import CancelAll, FlattenAll, Shutdown, TripHardStop
from core.messages.effects import Ask, Reconnect, Subscribe, TradeRow
from core.messages.events import (
    Connected,
    OpenOrdersRead,
    OrderOutcome,
    Outcome,
    PositionsRead,
    ReadFailed,
    RoleRead,
    SpecsRead,
    Subscribed,
    TimeJump,
    VenuePosition,
)
from core.messages.queries import QueryBook, QueryFills, QueryOpenOrders, QueryPositions, QueryRole, QuerySpecs
from core.messages.recovered import Recovered
from core.model.cloid import CloidMaker
from core.model.order import OrderStatus


def asked(rig: Rig, kind: type) -> list[Any]:
    return [e.query for e in rig.effects(Ask) if isinstance(e.query, kind)]


# --- readiness ---------------------------------------------------------------------------------------------------------

STEPS: dict[str, Any] = {
    "ack": lambda r: r.on_subscribed("orderUpdates"),
    "orders": lambda r: r.on_open_orders("xyz"),
    "fills": lambda r: r.on_fills_snapshot(),
    "positions": lambda r: r.on_positions("xyz"),
    "reads": lambda r: [r.on_bootstrap(what) for what in ("fees", "budget", "clock", "role")],
    "data": lambda r: setattr(r, "md_missing", ()),
}


@pytest.mark.parametrize("missing", STEPS)
def test_ready_needs_each_of_its_conditions_and_each_anew_after_a_reset(missing: str) -> None:
    ready = TradingReadyChecker(("xyz",))
    for step in STEPS.values():
        step(ready)
    assert ready.is_ready
    ready.reset()
    for name, step in STEPS.items():
        if name != missing:
            step(ready)
    assert not ready.is_ready
    STEPS[missing](ready)
    assert ready.is_ready


# --- the connection ----------------------------------------------------------------------------------------------------


def test_a_disconnect_stops_whether_something_is_at_risk_or_not() -> None:
    idle = Rig()
    idle.disconnect()
    assert idle.m.latch.tripped
    stopping = Rig()
    stopping.open_position(SNDK)
    stopping.handle(Shutdown(command_id="s", reason="done"))
    stopping.disconnect()
    assert stopping.m.latch.tripped, "an orderly stop with a position is at risk as well"


def test_a_cancel_that_was_queued_when_the_line_broke_is_asked_again() -> None:
    rig = Rig()
    order = rig.m.orders.get(order_of(rig.enter(SNDK)).cloid)
    assert order is not None
    rig.m.cancels.want(order)
    assert rig.m.cancels.due(rig.now)
    assert not rig.m.cancels.due(rig.now)
    rig.disconnect()
    assert rig.m.cancels.due(rig.now)


def test_quotes_of_the_last_connection_are_no_quotes_of_the_next() -> None:
    rig = Rig()
    assert rig.m.markets[SNDK].bbo_age_ms(rig.now) is not None
    rig.disconnect()
    assert rig.m.markets[SNDK].bbo_age_ms(rig.now) is None


def test_an_answer_to_the_last_connection_says_nothing_about_the_account() -> None:
    rig = Rig()
    rig.muted.add(QueryOpenOrders)
    rig.advance(31_000)
    assert asked(rig, QueryOpenOrders)
    rig.disconnect()
    rig.handle(OpenOrdersRead("xyz", ()))
    rig.handle(OpenOrdersRead("", ()))
    rig.handle(Subscribed("orderUpdates", ACCOUNT))
    assert not rig.m.readiness.order_snapshot


def test_every_universe_is_read_anew_before_anything_is_subscribed() -> None:
    rig = Rig()
    rig.disconnect()
    rig.muted.add(QuerySpecs)
    rig.log.clear()
    rig.connect()
    specs = tuple(s for m, s in rig.venue.specs.items() if m.dex == "xyz")
    rig.handle(SpecsRead("xyz", specs))
    assert rig.effects(Subscribe) == []
    rig.handle(SpecsRead("", tuple(s for m, s in rig.venue.specs.items() if not m.dex)))
    assert len(rig.effects(Subscribe)) == 1


def test_the_role_is_known_when_that_of_account_and_key_is() -> None:
    rig = Rig(ready=False)
    rig.muted.add(QueryRole)
    rig.connect()
    rig.handle(RoleRead(ACCOUNT.lower(), "user"))
    assert not rig.m.readiness._bootstrap["role"]


def test_nothing_is_said_of_data_before_it_was_asked_for() -> None:
    rig = Rig(ready=False)
    rig.muted.add(QuerySpecs)
    rig.connect()
    rig.advance(200)
    assert rig.m.readiness.md_missing == ("subscriptions",)


def test_the_usual_spread_is_learned_from_every_touch() -> None:
    rig = Rig()
    before = rig.m.market_gates._memory[SNDK].samples
    rig.quote(SNDK)
    assert rig.m.market_gates._memory[SNDK].samples == before + 1


def test_a_touch_that_nobody_renews_is_no_data_and_a_market_left_out_holds_up_no_other() -> None:
    rig = Rig()
    rig.quotes_live = False
    rig.muted.add(QueryBook)
    for _ in range(25):
        rig.quote(NVDA)
        rig.advance(100)
    assert f"bbo of {SNDK}" in rig.m.readiness.md_missing
    for _ in range(110):
        rig.quote(NVDA)
        rig.advance(100)
    assert rig.m.markets[SNDK].left_out
    assert rig.m.readiness.md_missing == ()
    assert sum(f"{SNDK}: left out" in text for text in rig.audit("market")) == 1


def doubted(rig: Rig) -> None:
    held = (VenuePosition(SNDK, D("0.1"), D(200), D(20), D(0)),)
    rig.m.positions.reconcile(
        PositionsRead("xyz", rig.now, held, D(1000), D(1000)),
        rig.now,
        is_first=False,
        is_unsettled=lambda market: False,
    )
    assert rig.m.positions.has_suspects


def test_a_size_in_doubt_is_read_again_soon_however_seldom_it_is_otherwise() -> None:
    rig = Rig(make_config(risk=RiskConfig(position_sync_ms=60_000)))
    rig.advance(3_000)
    doubted(rig)
    rig.log.clear()
    rig.advance(2_200)
    assert QueryPositions("xyz") in asked(rig, QueryPositions)


def test_positions_are_read_without_the_fills_if_those_do_not_come() -> None:
    rig = Rig(ready=False)
    rig.handle(Connected(1))
    rig.advance(4_000)
    assert not asked(rig, QueryPositions)
    rig.advance(2_000)
    assert asked(rig, QueryPositions)


def test_open_orders_are_read_again_while_the_connection_lasts() -> None:
    rig = Rig()
    rig.log.clear()
    rig.advance(31_000)
    assert set(asked(rig, QueryOpenOrders)) == {QueryOpenOrders("xyz"), QueryOpenOrders("")}


def test_a_silence_is_noticed_on_every_connection() -> None:
    rig = Rig()
    for times in (1, 2):
        rig.quotes_live = False
        rig.advance(32_000)
        assert len(rig.effects(Reconnect)) == times
        rig.disconnect()
        rig.quotes_live = True
        rig.connect()
        rig.advance(2_000)


def test_after_a_time_jump_no_question_counts_as_asked() -> None:
    rig = Rig()
    rig.muted.add(QueryPositions)
    rig.advance(6_000)
    rig.log.clear()
    rig.advance(1_000)
    assert not asked(rig, QueryPositions), "it is out"
    rig.handle(TimeJump(5_000))
    rig.advance(200)
    assert asked(rig, QueryPositions)


def test_after_a_time_jump_an_exit_waits_no_longer() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    rig.handle(FlattenAll(command_id="f"))
    task = rig.m.flattener.get(SNDK)
    assert isinstance(task, FlattenTask)
    task.next_at_ms = rig.now + 60_000
    rig.handle(TimeJump(5_000))
    assert task.next_at_ms <= rig.now


def test_a_read_that_failed_is_asked_again_soon_and_leaves_nothing_behind_where_it_will_not() -> None:
    rig = Rig()
    rig.failing.add(QueryPositions)
    rig.advance(6_000)
    rig.log.clear()
    rig.advance(3_000)
    assert asked(rig, QueryPositions)
    query = QueryFills(NOW)
    rig.m.asker.ask(query, rig.now)
    rig.handle(ReadFailed(query, "HTTP 500"))
    assert query not in rig.m.asker._failures
    assert query not in rig.m.asker._answered_ms


# --- exits -------------------------------------------------------------------------------------------------------------


def test_an_exit_under_way_is_waited_for_without_a_word() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(2_000)
    assert not [t for t in rig.alerts() if "not queued" in t]


def test_an_exit_waits_for_the_resync_but_not_for_ever() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    rig.disconnect()
    rig.muted.add(QueryPositions)
    rig.connect()
    count = len(rig.posts)
    rig.advance(9_000)
    assert len(rig.posts) == count
    rig.advance(2_000)
    assert [o for p in rig.posts[count:] for o in p.batch.orders if o.reduce_only]  # type: ignore[union-attr]


def test_an_exit_that_found_the_queue_full_tries_again_a_little_later_and_not_at_every_tick() -> None:
    rig = Rig(make_config(execution=ExecutionConfig(reduce_only_queue_cap=1, max_notional_total=D(200))))
    rig.open_position(SNDK)
    rig.open_position(NVDA)
    rig.sends = False
    rig.dislocate(next(m for m in rig.m.markets_configured if m not in (SNDK, NVDA)))  # nothing leaves behind this one
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(1_000)
    told = [t for t in rig.alerts() if "not queued" in t]
    assert 1 <= len(told) <= 5


def test_a_flatten_that_takes_too_long_is_counted() -> None:
    execution = ExecutionConfig(time_stop_ms=1_000, reduce_only_timeout_ms=1_000)
    rig = Rig(make_config(execution=execution))
    rig.open_position(SNDK)
    rig.advance(2_500)
    assert rig.m.risk.counters.flatten_failures == 1


# --- the end -----------------------------------------------------------------------------------------------------------


def test_a_reset_without_a_connection_says_so() -> None:
    rig = Rig()
    rig.disconnect()
    assert rig.snapshot().hard_stop.reset_refusal.startswith("not connected")


def test_a_stop_is_not_over_while_an_order_of_ours_is_not_settled() -> None:
    rig = Rig()
    rig.enter(SNDK)
    rig.handle(Shutdown(command_id="s", reason="done"))
    rig.advance(2_000)
    assert not rig.m.finished
    assert rig.m.stopping is not None
    assert rig.m.stopping.flat_since_ms is None


def test_a_position_that_comes_back_takes_every_confirmation_with_it() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    rig.handle(Shutdown(command_id="s", reason="done"))
    stop = rig.m.stopping
    assert stop is not None
    stop.flat_since_ms = rig.now
    stop.confirmed.add(QueryPositions(""))
    rig.advance(100)
    assert (stop.flat_since_ms, stop.confirmed) == (None, set())


# --- what is booked ----------------------------------------------------------------------------------------------------


def test_the_fills_of_the_first_start_are_history() -> None:
    rig = Rig(ready=False)
    rig.venue.execute(SNDK, BUY, D("0.2"), D(200), NOW - 5_000, 1, None)
    rig.venue.held.clear()
    rig.ready()
    assert rig.m.tally.fills == 0
    assert rig.position(SNDK) is None


def test_a_size_that_was_said_is_not_called_wrong_before_the_fills_had_their_time() -> None:
    rig = Rig()
    post = rig.enter(SNDK)
    order = order_of(post)
    rig.reply(post, OrderOutcome(Outcome.FILLED, 900, order.size, order.price))
    rig.advance(2_500)
    kept = rig.m.orders.get(order.cloid)
    assert kept is not None
    assert kept.status is OrderStatus.FILLED
    assert not kept.is_settled


def test_a_trade_whose_end_was_seen_is_not_booked_again_for_a_fill_that_was_not() -> None:
    ours = CloidMaker(1).next()

    def play(rig: Rig) -> list[Any]:
        return [
            rig.venue.execute(SNDK, BUY, D("0.2"), D(200), NOW - 5_000, 1, ours),
            rig.venue.execute(SNDK, SELL, D("0.2"), D(199), NOW - 3_000, 2, ours),
        ]

    end = play(Rig(ready=False))[1]
    recovered = Recovered(run_id=2, seen_fills=frozenset((end.key,)), journal_since_ms=NOW - 60_000)
    rig = Rig(recovered=recovered, ready=False)
    play(rig)
    rig.ready()
    assert rig.rows(TradeRow) == []


def test_cancel_all_after_a_stop_asks_for_nothing_twice() -> None:
    rig = Rig()
    rig.enter(SNDK)
    rig.handle(TripHardStop(command_id="t"))
    wanted = rig.m.cancels.wanted
    rig.handle(CancelAll(command_id="c"))
    assert rig.m.cancels.wanted == wanted
