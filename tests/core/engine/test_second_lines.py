"""Guards that another guard usually stands before: each is shown here by itself, with the first one out of the way.

The simulation cannot see them, because it takes two faults of ours at once to come by them. That is what they are for.
"""

from __future__ import annotations

from typing import Any

import pytest
from engine_rig import BTC, BUY, NOW, NVDA, SNDK, D, Rig, foreign_order, make_config, order_of

from core.config import ExecutionConfig, RiskConfig, SafetyConfig
from core.engine.asking import Asker
from core.engine.budget import ActionBudget
from core.engine.cancels import CancelDesk
from core.engine.detector import Dislocation
from core.engine.lookups import Case, LookupDesk
from core.engine.market_gates import MarketGates
from core.engine.markets import MarketStateCache
from core.engine.nonces import NonceManager
from core.engine.orders import OrderTable
from core.messages.commands import FlattenMarket, PauseEntries, Shutdown, TripHardStop
from core.messages.effects import RiskCounters
from core.messages.events import Bbo, RateLimitRead
from core.messages.queries import QueryFees
from core.messages.recovered import Recovered
from core.model.cloid import CloidMaker
from core.model.market import MarketKey
from core.model.order import PendingOrder, Purpose, TimeInForce

CLOIDS = CloidMaker(9)
_SIZE = D("0.1")


def entry_of(market: MarketKey = SNDK, size: Any = _SIZE, at_ms: int = NOW) -> PendingOrder:
    return PendingOrder(CLOIDS.next(), market, BUY, D(200), D(size), False, TimeInForce.IOC, at_ms)


def last_refusal(rig: Rig, order: PendingOrder) -> str:
    return rig.engine._entries.last_refusal(order)


def queued(rig: Rig, market: MarketKey = SNDK, size: Any = _SIZE) -> PendingOrder:
    """An entry in the books, as if it had just been queued."""
    order = entry_of(market, size, rig.now)
    rig.m.orders.register(order, Purpose.ENTRY, "", rig.now)
    return order


# --- the last look before an entry leaves ------------------------------------------------------------------------------


def test_a_queued_entry_that_nothing_speaks_against_may_leave() -> None:
    rig = Rig()
    assert last_refusal(rig, queued(rig)) == ""


@pytest.mark.parametrize("command", [TripHardStop(command_id="t"), Shutdown(command_id="s", reason="done")])
def test_no_entry_leaves_after_a_stop_even_if_a_queue_had_kept_it(command: Any) -> None:
    rig = Rig()
    rig.open_position(BTC)  # so that the stop has something to do, and does not end at once
    rig.handle(command)
    assert last_refusal(rig, queued(rig)) == "stopped"


def test_no_entry_leaves_when_ready_has_fallen_since() -> None:
    rig = Rig()
    order = queued(rig)
    rig.disconnect()
    rig.m.latch.reset()
    assert last_refusal(rig, order) == "not connected"


def test_no_entry_leaves_into_a_position_that_has_come_up() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    assert last_refusal(rig, entry_of(at_ms=rig.now)) == "a position has come up"


def test_no_entry_leaves_into_a_market_that_is_being_closed() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    assert "exit of this market" in last_refusal(rig, entry_of(at_ms=rig.now))


def test_no_entry_leaves_over_the_limit_of_its_market() -> None:
    rig = Rig()
    assert "exposure" in last_refusal(rig, queued(rig, size="0.3"))


def test_no_entry_leaves_over_the_limit_of_all_markets() -> None:
    rig = Rig(make_config(execution=ExecutionConfig(max_notional_total=D(50))))
    queued(rig, NVDA)
    assert "exposure" in last_refusal(rig, queued(rig, size="0.2"))


# --- what the gates are told -------------------------------------------------------------------------------------------


def facts(rig: Rig, market: MarketKey = SNDK) -> Any:
    found = Dislocation(BUY, D(200), D(10), D(200), _SIZE, D(30), D(1))
    return rig.engine._entries.facts(rig.m.markets[market], found, "")


def test_the_gates_are_told_of_an_order_that_is_not_settled() -> None:
    rig = Rig()
    assert not facts(rig).is_busy
    rig.enter(SNDK)
    assert facts(rig).is_busy
    assert not facts(rig, NVDA).is_busy


def test_the_gates_are_told_of_an_exit_that_is_not_settled_and_of_one_that_is_wanted() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    assert facts(rig).flattening == ""
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    assert facts(rig).flattening
    rig.advance(200)
    assert rig.m.orders.has_unresolved_exit(SNDK)
    assert rig.m.flattener.on_flat(SNDK) is not None, "the task alone is gone"
    assert facts(rig).flattening, "its order is not"


def test_the_gates_are_told_of_a_cancel_that_is_not_settled() -> None:
    rig = Rig()
    post = rig.enter(SNDK)
    order = rig.m.orders.get(order_of(post).cloid)
    assert order is not None
    rig.m.cancels.want(order)
    assert facts(rig).flattening == "a cancel of this market is not settled"


def test_the_gates_are_told_of_the_budget_and_of_the_loss_that_stands() -> None:
    rig = Rig(recovered=Recovered(run_id=2, counters=RiskCounters(cumulative_pnl_usd=D(-21))))
    assert "loss" in facts(rig).daily_cap
    rig.handle(RateLimitRead(used=100, cap=100, cum_volume_usd=D(0)))
    assert "budget" in facts(rig).budget


def test_the_gates_are_told_of_the_daily_cap_and_what_is_under_way_counts() -> None:
    rig = Rig(make_config(safety=SafetyConfig(max_daily_trades=1)))
    assert facts(rig).daily_cap == ""
    rig.enter(NVDA)
    assert facts(rig).daily_cap


def test_the_gates_are_told_that_the_console_is_stopping() -> None:
    rig = Rig()
    rig.open_position(BTC)
    rig.handle(Shutdown(command_id="s", reason="done"))
    assert facts(rig).hard_stop == "the console is stopping"


def test_the_gates_are_told_that_there_is_no_connection() -> None:
    rig = Rig()
    rig.disconnect()
    assert facts(rig).not_ready == "not connected"


# --- sums --------------------------------------------------------------------------------------------------------------


def test_exposure_is_what_is_held_and_what_may_still_fill() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    held = rig.m.exposure_usd(SNDK)
    assert held > 0
    queued(rig, SNDK, "0.05")
    assert rig.m.exposure_usd(SNDK) > held
    alone = rig.m.total_exposure_usd()
    queued(rig, NVDA, "0.05")
    assert rig.m.total_exposure_usd() > alone == rig.m.exposure_usd(SNDK)


def test_the_smaller_of_two_limits_of_a_market_holds() -> None:
    assert Rig(make_config(safety=SafetyConfig(max_notional_usd=D(20)))).m.max_market_usd == 20


def test_nothing_is_posted_without_a_connection_or_in_observation_mode() -> None:
    rig = Rig()
    assert rig.m.may_post
    rig.disconnect()
    assert not rig.m.may_post
    assert not Rig(make_config(mode="observation", signer=None)).m.may_post


# --- machines by themselves --------------------------------------------------------------------------------------------


class _Clock:
    def __init__(self, now_ms: int) -> None:
        self.now = now_ms

    def now_ms(self) -> int:
        return self.now


def test_a_first_nonce_is_not_before_the_start_whatever_the_exchanges_clock_says() -> None:
    nonces = NonceManager(_Clock(NOW))
    nonces.sync_with_server(NOW - 4_000)
    assert nonces.next() >= NOW


def test_an_order_is_not_absent_while_the_fills_were_not_read() -> None:
    desk = LookupDesk()
    lost = Case(CLOIDS.next(), 1, NOW, NOW + 5_000, repeatable=False, now_ms=NOW)
    desk.open(lost)
    for _ in range(3):
        desk.on_miss(lost.cloid, NOW + 20_000)
    assert lost.misses == 3
    assert not lost.is_proven_absent(None)


def test_a_miss_of_an_order_that_nobody_looks_for_says_nothing() -> None:
    assert LookupDesk().on_miss(CLOIDS.next(), NOW) is None


def test_absence_of_an_exit_counts_after_the_time_it_may_be_on_its_way_or_when_its_nonce_is_known_to_be_used() -> None:
    desk = LookupDesk()
    lost = Case(CLOIDS.next(), 1, NOW, None, repeatable=True, now_ms=NOW)
    desk.open(lost)
    desk.on_miss(lost.cloid, NOW + 7_999)
    assert lost.misses == 0
    desk.on_nonce_used(1, NOW + 500)
    desk.on_miss(lost.cloid, NOW + 1_499)
    assert lost.misses == 0
    desk.on_miss(lost.cloid, NOW + 1_500)
    assert lost.misses == 1


def test_the_hard_stops_release_gives_up_orders_of_others_and_no_order_of_ours() -> None:
    desk, table = CancelDesk(), OrderTable()
    table.on_venue_report(foreign_order(NVDA), NOW)
    ours = entry_of()
    desk.want(table.register(ours, Purpose.ENTRY, "", NOW))
    desk.want(table.external()[0])
    desk.give_up_foreign(NOW)
    assert [o.cloid for o in desk.wanted] == [ours.cloid]


def test_after_a_disconnect_a_question_is_asked_at_once_whatever_was_answered() -> None:
    asker, query = Asker(), QueryFees()
    asker.ask(query, NOW)
    asker.on_answer(query, NOW)
    assert not asker.ask_every(query, 60_000, NOW + 1)
    asker.forget()
    assert asker.ask_every(query, 60_000, NOW + 1)


def test_an_address_with_budget_left_posts_as_often_as_it_likes() -> None:
    budget = ActionBudget()
    budget.on_read(10, 10_000)
    budget.on_posted(1, NOW)
    assert budget.may_post(NOW + 1)


# --- markets -----------------------------------------------------------------------------------------------------------


def touch(bid: str, ask: str, at_ms: int) -> Bbo:
    return Bbo(market=SNDK, time_ms=at_ms, bid_px=D(bid), bid_sz=D(10), ask_px=D(ask), ask_sz=D(10))


def usual(gates: MarketGates) -> Any:
    return gates._memory[SNDK].spread_ewma


def test_a_crossed_book_and_a_shock_teach_no_usual_spread() -> None:
    gates, cache = MarketGates((SNDK,), RiskConfig()), MarketStateCache((SNDK,))
    for n in range(30):
        state = cache.on_bbo(touch("199.9", "200.1", NOW + n), NOW + n)
        assert state is not None
        gates.on_touch(state)
    before = usual(gates)
    state = cache.on_bbo(touch("200.2", "199.8", NOW + 50), NOW + 50)
    assert state is not None
    gates.on_touch(state)
    assert usual(gates) == before, "crossed"
    state = cache.on_bbo(touch("100", "300", NOW + 60), NOW + 60)
    assert state is not None
    gates.on_touch(state)
    assert usual(gates) < before * 2, "10000 bps count as what would be refused, at most"


def test_markets_that_we_do_not_trade_have_no_memory_to_change() -> None:
    gates = MarketGates((SNDK,), RiskConfig())
    gates.on_open_interest_cap(BTC, NOW)
    gates.on_entry_ended(BTC, False, NOW)
    assert set(gates._memory) == {SNDK}


def test_a_touch_from_the_future_is_no_younger_than_now() -> None:
    cache = MarketStateCache((SNDK,))
    state = cache.on_bbo(touch("199.9", "200.1", NOW), NOW)
    assert state is not None
    assert state.bbo_age_ms(NOW - 5_000) == 0


def test_what_is_forgotten_at_a_disconnect_is_how_old_the_quotes_are_and_who_was_left_out() -> None:
    cache = MarketStateCache((SNDK,))
    state = cache.on_bbo(touch("199.9", "200.1", NOW), NOW)
    assert state is not None
    state.left_out, state.first_wanted_ms = True, NOW
    cache.forget_quotes()
    assert (state.bbo_age_ms(NOW), state.bbo_time_ms, state.left_out, state.first_wanted_ms) == (
        None,
        None,
        False,
        None,
    )


def test_a_pause_takes_back_what_is_queued() -> None:
    rig = Rig()
    rig.sends = False
    rig.dislocate(NVDA)  # on its way and not reported as sent: the next one waits
    rig.dislocate(SNDK)
    assert rig.m.scheduler.depths[2] == 1
    rig.handle(PauseEntries(command_id="p", paused=True))
    assert rig.m.scheduler.depths[2] == 0
