"""Lessons about getting out: one exit at a time, always another one, never blocked by what stops entries. One story each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_rig import (
    IOC_NO_MATCH,
    NOW,
    REDUCE_ONLY_FLAT,
    SELL,
    SNDK,
    D,
    Rig,
    cancels_of,
    foreign_order,
    order_of,
    orders_of,
    report_of,
    update,
)
from lesson_stage import WireStage

from core.messages.commands import FlattenAll, FlattenMarket, PauseEntries, TripHardStop
from core.messages.effects import Post, RiskCounters
from core.messages.events import OrderOutcome, Outcome
from core.messages.queries import QueryBook
from core.messages.recovered import Recovered
from core.messages.snapshot import TradingState
from core.model.order import Cancels, Orders, OrderStatus


def exits_of(rig: Rig) -> list[Post]:
    return [p for p in rig.posts if isinstance(p.batch, Orders) and p.batch.orders[0].reduce_only]


def begin_exit(rig: Rig) -> Post:
    """A position, and an exit of it on its way."""
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    (post,) = exits_of(rig)
    return post


# --- one at a time ------------------------------------------------------------------------------------------------------------


def test_l10_everything_that_closes_at_once_makes_one_exit() -> None:
    """In the same second the TimeStop runs out, the operator presses F twice, and then X. One reduce-only order is out, and for as long as its
    answer is missing there is no second one, not even a queued or a denied one; the position shows one attempt."""
    rig = Rig()
    rig.open_position()
    rig.advance(29_800)
    rig.handle(FlattenMarket(command_id="1", market=SNDK))
    rig.advance(200)
    second = FlattenAll(command_id="2")
    rig.handle(second)
    rig.handle(TripHardStop(command_id="3"))
    rig.advance(4_000)
    assert len(exits_of(rig)) == 1
    assert rig.m.scheduler.depths[1] == 0
    assert not [title for title in rig.alerts() if "not queued" in title]
    assert rig.answer_of(second) == "flatten all: 0 positions, 1 were being closed already"
    held = rig.position()
    assert held is not None
    assert (held.exit_attempts, held.exit_reason) == (1, "operator")
    rig.fill_post(exits_of(rig)[0])
    rig.advance(3_000)
    assert len(exits_of(rig)) == 1
    assert len(rig.snapshot().trades) == 1


# --- always another one ----------------------------------------------------------------------------------------------------------


def rejected(rig: Rig, post: Post) -> None:
    rig.reject(post, IOC_NO_MATCH)


def refused_as_a_whole(rig: Rig, post: Post) -> None:
    rig.refuse(post, "Order has invalid size. asset=110016")


def never_sent(rig: Rig, post: Post) -> None:
    rig.not_sent(post, "connection is full")


def canceled_by_an_update(rig: Rig, post: Post) -> None:
    rig.handle(update(report_of(order_of(post), OrderStatus.CANCELED, 900)))


def filled_in_part(rig: Rig, post: Post) -> None:
    part = rig.execute(order_of(post), size=D("0.1"))
    rig.reply_filled(post, part)
    rig.show(part)


def lost_and_never_found(rig: Rig, post: Post) -> None:
    rig.advance(20_000)


def too_late_to_reduce(rig: Rig, post: Post) -> None:
    rig.reject(post, REDUCE_ONLY_FLAT)


def gone_with_the_connection(rig: Rig, post: Post) -> None:
    rig.disconnect()
    rig.ready()
    rig.advance(20_000)


@pytest.mark.parametrize(
    "end",
    [
        rejected,
        refused_as_a_whole,
        never_sent,
        canceled_by_an_update,
        filled_in_part,
        lost_and_never_found,
        too_late_to_reduce,
        gone_with_the_connection,
    ],
)
def test_l11_however_an_exit_ends_the_next_one_may_follow(end: Callable[[Rig, Post], None]) -> None:
    """The exit is rejected, refused, not sent, cancelled, filled in part, lost, too late, or gone with the connection. Each time another one goes
    out for all that is left, the operator sees the attempts counted, and the position gets closed."""
    rig = Rig()
    rig.open_position()
    rig.sends = end is not never_sent
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    (first,) = exits_of(rig)
    end(rig, first)
    rig.sends = True
    rig.advance(1_500)
    last = exits_of(rig)[-1]
    assert last.post_id != first.post_id
    held = rig.position()
    assert held is not None
    assert order_of(last).size == held.size
    assert held.exit_attempts >= (1 if end is never_sent else 2)
    rig.fill_post(last)
    assert rig.position() is None


# --- the minimum of ten dollars ---------------------------------------------------------------------------------------------------


def test_l22_what_is_left_of_a_position_is_closed_whole_even_under_ten_dollars() -> None:
    """Most of a position is closed elsewhere; $6.79 of it are left. A part of that would be refused ("minimum value of $10"), so the exit is for
    the whole of it, which the exchange lets pass."""
    stage = WireStage()
    stage.enter()
    assert "filled" in stage.by_hand(SNDK, SELL, "1600", "0.025", tif="Ioc")
    stage.advance(500)
    assert stage.held() == {"xyz:SNDK": "0.004"}
    part = stage.by_hand(SNDK, SELL, "1600", "0.002", tif="Ioc", r=True)
    assert part == {"error": "Order must have minimum value of $10. asset=110016"}
    stage.handle(FlattenAll(command_id="f"))
    stage.advance(300)
    exit_ = stage.orders_on_wire()[-1]
    assert (exit_["s"], exit_["r"]) == ("0.004", True)
    assert stage.held() == {}
    assert stage.snapshot().tally.orders_rejected == 0


def test_l22_the_rest_of_a_partial_fill_is_again_the_whole() -> None:
    """The book is thin: an exit is filled down to a remainder of $9.80. The next exit asks for exactly what is held, not for what its predecessor
    had left over of its own size, and closes it."""
    rig = Rig()
    post = begin_exit(rig)
    order = order_of(post)
    part = rig.execute(order, size=order.size - D("0.049"))
    rig.reply_filled(post, part)
    rig.show(part)
    rig.advance(1_000)
    held = rig.position()
    assert held is not None
    assert held.size * D(200) < 10
    assert order_of(exits_of(rig)[-1]).size == held.size == D("0.049")


# --- stopped is not stuck -----------------------------------------------------------------------------------------------------------


def test_l28_exits_and_cancels_leave_whatever_keeps_entries_in() -> None:
    """All of it at once: entries paused, hard stop, a day's trades used up, market data gone, the address budget used up. The state on the screen
    is REDUCING and no entry leaves; the position's exit and the cancel of a resting order both do."""
    rig = Rig(recovered=Recovered(counters=RiskCounters(day=NOW // 86_400_000, trades_today=49)), ready=False)
    rig.venue.open_orders = [foreign_order()]
    rig.ready()
    rig.open_position()
    rig.handle(PauseEntries(command_id="p", paused=True))
    rig.quotes_live = False
    rig.muted = {QueryBook}
    rig.advance(9_000)
    rig.venue.used = rig.venue.cap
    rig.m.budget.on_used_up()
    count = len(rig.posts)
    rig.handle(TripHardStop(command_id="x"))
    rig.advance(9_000)
    rig.fill_post(exits_of(rig)[-1])
    rig.advance(12_000)
    snapshot = rig.snapshot()
    assert snapshot.state is TradingState.REDUCING
    assert not snapshot.ready.md_ready
    assert snapshot.budget.limited
    assert [r.value for r in snapshot.risk if r.name == "trades today"] == [50]
    sent = rig.posts[count:]
    assert [c.oid for p in sent if isinstance(p.batch, Cancels) for c in cancels_of(p).cancels] == [77]
    exits = [o for p in sent if isinstance(p.batch, Orders) for o in orders_of(p)]
    assert [(o.market, o.reduce_only) for o in exits] == [(SNDK, True)]


def test_l28_the_stop_passes_its_own_exits_at_the_exchange() -> None:
    """Halted engines have refused their own emergency exit. Here: X with a position, and the exchange is flat within half a second of our time."""
    stage = WireStage()
    stage.enter()
    stage.handle(TripHardStop(command_id="x"))
    stage.advance(500)
    assert stage.held() == {}
    assert stage.snapshot().state is TradingState.REDUCING
    assert stage.snapshot().trades[0].exit_reason.value == "hard stop"
    assert stage.dislocate() is None
    assert "HARD STOP done" in stage.alerts()


# --- exits that find nobody ------------------------------------------------------------------------------------------------------------


def test_l32_an_exit_that_finds_nobody_goes_further_then_shouts_then_stops() -> None:
    """Nobody takes the other side for a minute. The attempts go from 1% to 1.5% to 2% and stay there, each counted on the screen with its reason;
    after 60 s there is an alert with their number, a flatten failure on the risk counters, and the hard stop. It goes on trying, and the first
    taker closes it."""
    stage = WireStage()
    stage.enter()
    stage.fault("reject_all", text=IOC_NO_MATCH.removesuffix(" asset=110016"))
    stage.handle(FlattenAll(command_id="f"))
    seen = []
    for _ in range(599):
        stage.advance(100)
        held = stage.position()
        assert held is not None
        seen.append(held.exit_attempts)
    assert not stage.snapshot().hard_stop.tripped
    assert sorted(set(seen)) == list(range(1, seen[-1] + 1)), "every attempt was on the screen"
    away = [round((1 - D(o["p"]) / 1698) * 10_000) for o in stage.orders_on_wire()[1:]]
    assert away[:3] == [100, 150, 200], "bps under mid"
    assert set(away[3:]) == {200}
    stage.advance(500)
    assert "flatten failed" in stage.alerts()
    stop = stage.snapshot().hard_stop
    assert "not flat 60 s after its flatten began" in stop.reason
    assert f"{len(away)} attempts" in stop.reason
    assert [r.value for r in stage.snapshot().risk if r.name == "flatten failures"] == [1]
    stage.control(do="clear_faults")
    stage.advance(3_000)
    assert stage.held() == {}
    assert stage.snapshot().trades[0].exit_attempts >= 30


def test_l32_the_fourth_failure_has_a_limit_of_its_own() -> None:
    """Three flattens that took longer than a minute are behind us, each with its hard stop and reset. The fourth one names the limit."""
    rig = Rig(recovered=Recovered(counters=RiskCounters(flatten_failures=3)))
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    served = len(rig.posts)
    for _ in range(605):
        rig.advance(100)
        for post in rig.posts[served:]:
            rig.reply(post, OrderOutcome(Outcome.ERROR, error=IOC_NO_MATCH))
        served = len(rig.posts)
    assert rig.snapshot().hard_stop.reason == "4 flatten failures > 3"
