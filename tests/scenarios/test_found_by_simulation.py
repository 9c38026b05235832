"""What the simulated world found, each told once more as a short story, so that it stays found."""

from __future__ import annotations

from engine_rig import BTC, NOW, SELL, SNDK, Rig, foreign_order, make_config, orders_of

from core.config import SafetyConfig
from core.messages.commands import FlattenAll, ResetHardStop, TripHardStop
from core.messages.effects import Ask, Reconnect
from core.messages.events import Connected, Fills, OrderOutcome, Outcome, PostReply, Subscribed, Tick, TimeJump
from core.messages.queries import QueryFills, QueryOrderStatus
from core.model.order import Cancels, OrderStatus
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
