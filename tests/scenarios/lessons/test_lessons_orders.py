"""Lessons about one order's fate: lost answers, refusals that mean nothing, cancels of what is gone. One story each."""

from __future__ import annotations

import pytest
from engine_rig import BUY, IOC_NO_MATCH, NVDA, REDUCE_ONLY_FLAT, D, Rig, make_config, order_of, orders_of
from lesson_stage import ME, SNDK, WireStage, wire_config

from core.config import SimConfig
from core.messages.commands import CancelAll, CancelOrder, FlattenAll, PauseEntries
from core.messages.effects import Alert, Ask
from core.messages.events import OrderOutcome, Outcome, PostReply
from core.messages.queries import QueryFills, QueryOrderStatus
from core.messages.snapshot import TradingState
from core.model.cloid import OWNERSHIP_TAG, CloidMaker
from core.model.order import OrderStatus

MINIMUM = "Order must have minimum value of $10. asset=110016"


def executed(stage: WireStage, cloid: str) -> int:
    """How often the exchange has filled orders of that id."""
    return sum(f.get("cloid") == cloid for f in stage.truth()["fills"])


# --- answers that are missing -------------------------------------------------------------------------------------------------


def test_l04_the_answer_settles_an_order_of_which_no_update_ever_comes() -> None:
    """Posts are answered, and orderUpdates stays silent for good. Each order is settled by its answer and its fills; nothing stays pending,
    so the next trade goes through, and the one after it."""
    stage = WireStage()
    stage.fault("mute_order_updates")
    for _ in range(3):
        stage.enter()
        stage.advance(35_000, step=500)
    assert "orderUpdates" not in stage.heard
    assert all(o.is_settled for o in stage.snapshot().orders)
    assert stage.m.orders.pending_size(SNDK) == 0
    assert stage.snapshot().tally.entries == 3
    assert stage.held() == {}


def test_l04_part_of_an_entry_is_its_end_although_nobody_says_so_again() -> None:
    """An IOC is answered with less than it asked for. No update follows. It is over: what was not filled is not counted against the limits
    any more, and the market's gate says "has position", not "pending order"."""
    rig = Rig()
    post = rig.enter()
    order = order_of(post)
    rig.muted = {QueryOrderStatus, QueryFills}
    part = rig.execute(order, size=D("0.1"))
    rig.reply_filled(post, part)
    rig.show(part)
    rig.advance(100)
    assert rig.order(order).is_settled
    assert rig.m.orders.pending_size(SNDK) == 0
    assert rig.market(SNDK).gate == "has position"


def test_l04_silence_makes_an_order_unknown_and_that_is_seen() -> None:
    """Neither answer nor update nor fill. After the time-out the order is not dropped and not forgotten: it is UNKNOWN on the screen, it is
    counted, its market is closed to entries by name, and the exchange is asked for it by cloid."""
    rig = Rig()
    rig.muted = {QueryOrderStatus, QueryFills}
    order = order_of(rig.enter())
    rig.advance(6_200)
    view = rig.order(order)
    assert (view.status, view.reason, view.is_settled) == (OrderStatus.UNKNOWN, "no answer", False)
    assert rig.snapshot().tally.orders_timed_out == 1
    assert rig.market(SNDK).gate == "pending order"
    assert rig.m.orders.pending_size(SNDK) == order.size
    assert any("no answer within 5000 ms" in text for text in rig.audit("post"))
    assert Ask(QueryOrderStatus(order.cloid)) in rig.effects(Ask)


def test_l18_an_entry_reported_lost_and_then_filled_is_one_position() -> None:
    """The exchange executes an entry and its answer is lost; the dislocation goes on the whole time. The order is looked up, found filled, and
    becomes the one position; nothing was signed a second time, and the exchange has exactly one order of ours."""
    stage = WireStage()
    stage.fault("lose_reply")
    stage.fault("silent_channels", channels=["orderUpdates", "userFills"], for_ms=9_000)
    stage.settle(SNDK, oracle_bps=40)
    stage.advance(9_500)
    assert stage.position() is not None
    assert any("no answer within 5000 ms" in text for text in stage.audit("post"))
    assert len(stage.orders_on_wire()) == 1
    assert stage.held() == {"xyz:SNDK": stage.orders_on_wire()[0]["s"]}
    assert stage.snapshot().tally.orders_timed_out == 1
    assert stage.snapshot().state is TradingState.ACTIVE


def test_l18_a_lost_entry_is_never_called_dead_before_that_is_proven() -> None:
    """The request itself is lost. For as long as it could still arrive the order stays UNKNOWN and its market shut; only when the exchange has
    twice denied it, after its expiry, and the fills show nothing, the trail says that it never got there. It is not sent again."""
    stage = WireStage()
    stage.fault("lose_request")
    stage.settle(SNDK, oracle_bps=40)
    stage.advance(1_100)
    stage.settle()
    post = stage.posts[0]
    assert post.expires_after_ms is not None
    while stage.m.orders.is_busy(SNDK):
        stage.advance(100)
        assert stage.now < post.expires_after_ms + 30_000
    assert stage.now >= post.expires_after_ms + 2_000
    assert any("never reached the exchange" in text for text in stage.audit("lookup"))
    assert len(stage.wire) == 1
    assert stage.truth()["actions"] == []


def test_l19_a_lost_exit_is_sent_again_as_the_very_same_bytes() -> None:
    """An exit is executed and its answer is lost. What goes out again is the same nonce and the same signature, so the exchange refuses the
    copy as a duplicate and fills nothing twice; the operator reads that it had been there already."""
    stage = WireStage()
    stage.enter()
    stage.fault("lose_reply")
    stage.fault("silent_channels", channels=["orderUpdates", "userFills"], for_ms=8_000)
    stage.fails = lambda body: body["type"] in ("orderStatus", "userFillsByTime", "clearinghouseState")
    stage.handle(FlattenAll(command_id="f"))
    stage.advance(6_000)
    _entry, exit_, copy = stage.wire
    assert copy == exit_
    (repeat,) = stage.reposts
    assert stage.bytes_of[repeat.post_id] == stage.bytes_of[repeat.original_post_id]
    assert [a["error"] for a in stage.truth()["actions"]][2] == f"Invalid nonce: duplicate nonce {exit_['nonce']}"
    assert any("the exchange had it already" in text for text in stage.audit("post"))
    stage.fails = lambda body: False
    stage.advance(10_000)
    assert executed(stage, exit_["action"]["orders"][0]["c"]) == 1
    assert stage.held() == {}
    assert len({w["action"]["orders"][0]["c"] for w in stage.wire}) == 2, "one id for the entry, one for the exit"


def test_l19_the_exchange_would_have_filled_one_id_twice() -> None:
    """Why it must be the same bytes: the same order under the same id, signed anew, is executed again. The exchange has no memory of ids."""
    stage = WireStage(ready=False)
    cloid = CloidMaker(9).next()
    for _ in range(2):
        assert "filled" in stage.by_hand(SNDK, BUY, "1700", "0.01", tif="Ioc", c=cloid)
    assert executed(stage, cloid) == 2
    assert stage.held() == {"xyz:SNDK": "0.02"}


# --- refusals that the market explains ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [IOC_NO_MATCH, MINIMUM, REDUCE_ONLY_FLAT])
def test_l20_what_the_market_explains_is_shown_and_does_not_count(text: str) -> None:
    """Mainnet rules. A dozen entries within the hour find no match (or fall under $10, or come too late to reduce): more than the ten that
    stop. Each is on the screen with the exchange's own words, none is a strike, and it goes on trading."""
    rig = Rig(make_config(sim=SimConfig(network="mainnet")))
    for _ in range(12):
        post = rig.enter()
        rig.reject(post, text)
        assert rig.order(order_of(post)).reason == text
        rig.advance(31_000, step=1_000)
    snapshot = rig.snapshot()
    assert not snapshot.hard_stop.tripped
    assert snapshot.tally.market_explained_rejections == snapshot.tally.orders_rejected == 12
    assert next(r for r in snapshot.risk if r.name == "rejected per hour").value == 0
    assert sum(text in said and "(explained by the market)" in said for said in rig.audit("rejected")) == 12
    assert rig.enter() is not None


def test_l20_a_refusal_that_is_our_own_fault_counts() -> None:
    """The same dozen, but the exchange says that something is wrong with the order itself. The eleventh is the hard stop."""
    rig = Rig(make_config(sim=SimConfig(network="mainnet")))
    for _ in range(11):
        rig.reject(rig.enter(), "Order has invalid size. asset=110016")
        rig.advance(31_000, step=1_000)
    assert rig.snapshot().hard_stop.reason == "11 rejections within an hour > 10"


def test_l21_a_post_only_phase_is_waited_out() -> None:
    """After an upgrade the exchange takes nothing but post-only orders for three minutes, and the dislocation is there the whole time. A try a
    minute, no more; the gate says what it waits for; no strike, no stop. When the phase is over the next try is a position."""
    stage = WireStage(wire_config(sim=SimConfig(network="mainnet")))
    stage.fault("post_only", for_ms=180_000)
    stage.settle(SNDK, oracle_bps=40)
    stage.advance(30_000, step=500)
    assert stage.market(SNDK).gate.startswith("action budget: post-only phase after an upgrade: ")
    stage.advance(145_000, step=500)
    assert stage.held() == {}
    assert 2 <= len(stage.orders_on_wire()) <= 4
    assert next(r for r in stage.snapshot().risk if r.name == "rejected per hour").value == 0
    stage.advance(70_000, step=500)
    assert stage.position() is not None or stage.snapshot().trades
    assert not stage.snapshot().hard_stop.tripped


def test_l21_the_phase_told_as_a_refusal_of_the_whole_action_is_the_same_phase() -> None:
    """Sometimes the words come in place of an answer and not inside one. The back-off is the same."""
    rig = Rig(make_config(sim=SimConfig(network="mainnet")))
    rig.refuse(rig.enter(), "Only post-only orders allowed immediately after network upgrade asset=0")
    rig.advance(40_000)
    assert rig.dislocate() is None
    assert "post-only phase" in rig.market(SNDK).last_denial
    assert rig.m.risk.counters.rejected_at_ms == ()
    rig.advance(21_000)
    assert rig.enter() is not None


# --- cancels ---------------------------------------------------------------------------------------------------------------------


def test_l33_an_order_that_was_gone_when_its_cancel_came_is_cancelled() -> None:
    """An order of an earlier run rests; in the moment of the cancel somebody else has taken it away, and no update tells. The exchange says
    "never placed, already canceled, or filled". That is success: one cancel, no second one, no strike, and the order leaves the screen."""
    stage = WireStage(ready=False)
    resting = stage.by_hand(SNDK, BUY, "1500", "0.02", c=f"0x{OWNERSHIP_TAG}" + "0" * 23 + "7")["resting"]["oid"]
    stage.ready()
    assert [o.oid for o in stage.snapshot().orders] == [resting]
    stage.fault("silent_channels", channels=["orderUpdates"])
    stage.exchange.venue.cancel_all(ME, "canceled", stage.now)
    stage.handle(CancelAll(command_id="c"))
    stage.advance(30_000)
    assert [w["action"]["type"] for w in stage.wire] == ["cancel"]
    assert "already canceled" in str(stage.truth()["actions"][-1]["statuses"])
    assert stage.snapshot().orders == ()
    assert stage.snapshot().tally.orders_rejected == 0
    assert stage.audit("cancel") == []
    assert stage.enter() is not None, "the market is free again"


def test_l33_a_cancel_that_really_failed_is_tried_again() -> None:
    """The other half: an error that does not say "gone" ends nothing. It is shown, and a second later the cancel goes out again."""
    rig = Rig()
    post = rig.enter()
    rig.reply(post, OrderOutcome(Outcome.RESTING, 501))
    rig.handle(CancelOrder(command_id="c", cloid=order_of(post).cloid))
    rig.advance(200)
    rig.reply(rig.posts[-1], OrderOutcome(Outcome.ERROR, error="Try again later."))
    assert rig.audit("cancel") == ["xyz:SNDK: Try again later."]
    rig.advance(1_200)
    assert len(rig.posts) == 3


def test_l18_an_answer_to_a_post_long_given_up_changes_nothing_by_itself() -> None:
    """Answers that come after the deadline are heard and noted; which of two stories is true the look-ups decide, so that an order is never
    counted twice."""
    rig = Rig()
    rig.muted = {QueryOrderStatus, QueryFills}
    post = rig.enter()
    rig.advance(5_200)
    rig.handle(PostReply(post.post_id, (OrderOutcome(Outcome.ERROR, error=IOC_NO_MATCH),)))
    assert rig.order(order_of(post)).status is OrderStatus.UNKNOWN
    assert f"post {post.post_id}: answered after its deadline" in rig.audit("post")
    fill = rig.execute(order_of(post))
    rig.show(fill, fill)
    assert rig.snapshot().tally.fills == 1
    assert rig.position() is not None


def test_l20_an_exit_that_came_too_late_to_reduce_alarms_nobody() -> None:
    """A position is closed elsewhere a moment before our exit arrives; the exchange says that it would increase. On mainnet rules, with ten
    strikes already: no stop, no alert of a rejected exit, and the position is gone from the books when the exchange has said so twice."""
    rig = Rig(make_config(sim=SimConfig(network="mainnet")))
    for _ in range(10):
        rig.reject(rig.enter(NVDA), "Order has invalid size. asset=110002")
        rig.advance(31_000, step=1_000)
    rig.open_position()
    rig.handle(PauseEntries(command_id="p", paused=True))
    rig.venue.held.clear()
    rig.handle(FlattenAll(command_id="f"))
    served = len(rig.posts)
    for _ in range(60):
        rig.advance(100)
        for post in rig.posts[served:]:
            rig.reply(post, *[OrderOutcome(Outcome.ERROR, error=REDUCE_ONLY_FLAT)] * len(orders_of(post)))
        served = len(rig.posts)
    assert rig.position() is None
    assert not rig.snapshot().hard_stop.tripped
    assert not [a for a in rig.effects(Alert) if "exit rejected" in a.title]
    assert rig.snapshot().tally.market_explained_rejections >= 2
