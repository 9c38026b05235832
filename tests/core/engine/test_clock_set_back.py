"""Our clock is set back by an hour: nothing that would have happened soon happens an hour later, and nothing old looks young."""

from __future__ import annotations

from engine_rig import BUY, NOW, NVDA, SNDK, Rig, foreign_order, orders_of, report_of, update

from core.engine.cancels import CancelDesk
from core.engine.entries import ENTRY_MAX_AGE_MS
from core.engine.flatten import Flattener
from core.engine.lookups import REPEAT_EVERY_MS, Case, LookupDesk
from core.messages.commands import FlattenAll, Shutdown, TripHardStop
from core.messages.effects import Ask, Reconnect
from core.messages.events import Tick
from core.messages.queries import QueryBook, QueryFills, QueryOpenOrders, QueryOrderStatus, QueryPositions
from core.model.cloid import CloidMaker
from core.model.order import Cancels, OrderStatus, PendingCancel
from core.model.position import ExitReason

HOUR_MS = 3_600_000


def set_back(rig: Rig) -> None:
    rig.now -= HOUR_MS
    rig.handle(Tick())


def test_the_next_attempt_of_an_exit_does_not_wait_an_hour() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    rig.reject(rig.posts[-1])
    attempts = len(rig.posts)
    set_back(rig)
    rig.advance(1_000)
    assert len(rig.posts) == attempts + 1


def test_a_post_without_an_answer_is_given_up_in_its_time() -> None:
    rig = Rig()
    post = rig.enter()
    rig.muted = {QueryOrderStatus, QueryFills}
    set_back(rig)
    rig.advance(5_100)
    assert rig.order(orders_of(post)[0]).status is OrderStatus.UNKNOWN
    assert rig.m.posts.open_ids() == []


def test_a_lost_exit_is_repeated_and_proven_absent_in_its_time() -> None:
    desk = LookupDesk()
    cloid = CloidMaker(1).next()
    desk.open(Case(cloid, 7, NOW, None, repeatable=True, now_ms=NOW))
    assert desk.due_repeat(NOW) == 7
    desk.set_back(HOUR_MS)
    back = NOW - HOUR_MS
    assert desk.due_repeat(back + REPEAT_EVERY_MS - 1) is None
    assert desk.due_repeat(back + REPEAT_EVERY_MS) == 7
    assert desk.earliest_sent_ms == back
    for _ in range(2):
        desk.on_miss(cloid, back + 8_000)
    desk.on_fills_read(back - 1, back + 8_000, True)
    case = desk.get(cloid)
    assert case is not None
    assert case.is_proven_absent(None)
    assert case.since_ms == back


def test_fills_of_an_order_that_ended_are_looked_for_in_their_time() -> None:
    rig = Rig()
    order = orders_of(rig.enter())[0]
    rig.handle(update(report_of(order, OrderStatus.FILLED, 9, filled=order.size)))
    set_back(rig)
    asked = len(rig.log)
    rig.advance(1_200)
    queries = [e.query for _, e in rig.log[asked:] if isinstance(e, Ask) and isinstance(e.query, QueryFills)]
    assert queries


def test_a_cancel_is_asked_again_in_its_time() -> None:
    rig = Rig()
    rig.handle(update(foreign_order(NVDA, 77)))
    desk: CancelDesk = rig.m.cancels
    rig.handle(TripHardStop(command_id="x"))
    rig.advance(200)
    (post,) = rig.posts
    assert isinstance(post.batch, Cancels)
    desk.on_answer(PendingCancel(NVDA, oid=77), rig.now)
    set_back(rig)
    assert desk.due(rig.now + 900) == []
    assert [c.oid for c in desk.due(rig.now + 1_000)] == [77]


def test_the_alarm_of_a_flatten_comes_in_its_time() -> None:
    rig = Rig()
    flattener = Flattener(rig.config.execution)
    flattener.request(SNDK, ExitReason.TIME_STOP, NOW)
    flattener.set_back(HOUR_MS)
    limit = rig.config.execution.reduce_only_timeout_ms
    task = flattener.get(SNDK)
    assert task is not None
    assert task.started_ms == NOW - HOUR_MS
    assert flattener.failures(NOW - HOUR_MS + limit - 1) == []
    assert flattener.failures(NOW - HOUR_MS + limit) == [task]


def test_a_quote_is_as_old_as_it_was() -> None:
    rig = Rig()
    rig.quotes_live, rig.muted = False, {QueryBook}
    rig.advance(1_500)
    state = rig.m.markets[SNDK]
    before = state.bbo_age_ms(rig.now), state.ctx_age_ms(rig.now)
    assert min(age or 0 for age in before) >= 1_500
    set_back(rig)
    assert (state.bbo_age_ms(rig.now), state.ctx_age_ms(rig.now)) == before
    rig.advance(1_000)
    assert not rig.snapshot().ready.is_ready, "an hour long it would have looked fresh"


def test_silence_of_the_exchange_is_as_long_as_it_was() -> None:
    rig = Rig()
    rig.quotes_live = False
    rig.advance(20_000)
    set_back(rig)
    rig.advance(11_000)
    assert any(isinstance(e, Reconnect) for _, e in rig.log)


def test_an_orderly_stop_gives_up_in_its_time() -> None:
    rig = Rig()
    rig.open_position()
    rig.sends = False
    rig.handle(Shutdown(command_id="s", reason="done"))
    left_ms = rig.m.stopping.deadline_ms - rig.now  # type: ignore[union-attr]
    set_back(rig)
    rig.advance(left_ms + 200)
    assert rig.m.finished


def test_an_entry_that_waits_is_dropped_and_none_is_by_a_jitter() -> None:
    rig = Rig()
    rig.sends = False
    rig.enter()
    assert rig.m.posts.has_unsent
    rig.dislocate(NVDA, side=BUY)
    assert rig.m.scheduler.depths == (0, 0, 1)
    rig.now -= 5
    rig.engine.handle(Tick(), rig.now)
    assert rig.m.scheduler.depths == (0, 0, 1)
    rig.now -= HOUR_MS
    rig.engine.handle(Tick(), rig.now)
    assert rig.m.scheduler.depths == (0, 0, 0)


def test_an_entry_that_waits_is_as_old_as_it_was() -> None:
    rig = Rig()
    rig.sends = False
    rig.enter()
    rig.dislocate(NVDA, side=BUY)
    rig.advance(500)
    rig.now -= ENTRY_MAX_AGE_MS - 1
    rig.handle(Tick())
    rig.advance(ENTRY_MAX_AGE_MS - 500)
    assert rig.m.scheduler.depths == (0, 0, 1)
    rig.advance(1)
    assert rig.m.scheduler.depths == (0, 0, 0)


def test_a_lost_exit_is_looked_for_in_its_time_by_the_whole_engine_too() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.muted = {QueryOrderStatus, QueryFills}
    rig.advance(5_300)
    repeats = len(rig.reposts)
    assert repeats
    set_back(rig)
    rig.advance(2_500)
    assert len(rig.reposts) > repeats


def test_what_is_known_of_a_market_and_of_the_account_is_as_old_as_it_was() -> None:
    rig = Rig()
    state = rig.m.markets[SNDK]
    state.went_back_ms = state.first_wanted_ms = rig.now - 400
    read, connected = dict(rig.m.positions_read_ms), rig.m.link.connected_at_ms
    assert read
    now = rig.now
    rig.now -= HOUR_MS
    rig.engine.handle(Tick(), rig.now)
    by_ms = now - rig.now
    assert state.went_back_ms == now - 400 - by_ms
    assert rig.m.positions_read_ms == {dex: at_ms - by_ms for dex, at_ms in read.items()}
    assert rig.m.link.connected_at_ms == connected - by_ms


def test_a_market_without_data_is_left_out_no_later() -> None:
    rig = Rig()
    rig.quotes_live, rig.muted = False, {QueryBook}
    rig.advance(8_000)
    wanted = rig.m.markets[SNDK].first_wanted_ms
    assert wanted is not None
    set_back(rig)
    rig.advance(10_000)
    assert rig.m.markets[SNDK].left_out


def test_before_anything_was_heard_there_is_nothing_to_set_back() -> None:
    rig = Rig(ready=False)
    set_back(rig)
    rig.connect()
    rig.ready()
    assert rig.m.readiness.is_ready


def test_an_orderly_stop_that_is_flat_is_confirmed_in_its_time() -> None:
    rig = Rig()
    rig.muted = {QueryPositions, QueryOpenOrders}
    rig.handle(Shutdown(command_id="q", reason="the day is over"))
    rig.advance(200)
    assert rig.m.stopping is not None
    since_ms = rig.m.stopping.flat_since_ms
    assert since_ms is not None
    set_back(rig)
    assert rig.m.stopping.flat_since_ms == since_ms - HOUR_MS
    rig.muted = set()
    rig.advance(40_000)
    assert rig.m.finished
