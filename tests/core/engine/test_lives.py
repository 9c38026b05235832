"""What is remembered of an order by hand, and for how long."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from engine_rig import BUY, SNDK, D

from core.engine.lives import KEEP, OrderLives, said
from core.engine.orders import Change, OrderTable
from core.messages.commands import PlaceOrder
from core.messages.events import OrderOutcome, Outcome
from core.model.cloid import Cloid, CloidMaker
from core.model.order import PendingOrder, Purpose, Report, TimeInForce, TrackedOrder
from core.model.position import Fill

NOW = 1_000_000
MAKER = CloidMaker(3)


def command(name: str) -> PlaceOrder:
    return PlaceOrder(command_id=name, market=SNDK, side=BUY, size=D(1), limit_px=D(200))


def pending() -> PendingOrder:
    return PendingOrder(MAKER.next(), SNDK, BUY, D(200), D(1), False, TimeInForce.GTC, NOW)


def unknown(cloid: Cloid) -> TrackedOrder | None:
    return None


def fill_of(order: PendingOrder, size: Decimal, px: Decimal, number: int) -> Fill:
    return Fill(SNDK, BUY, px, size, NOW, D(0), D(0), D("0.1"), 9, number, order.cloid)


def test_refusals_make_room_and_orders_that_live_stay() -> None:
    lives = OrderLives()
    first = pending()
    lives.begin(command("first"), first, "m1-1", NOW, "x")
    for i in range(2 * KEEP):
        lives.deny(command(f"d{i}"), "no", NOW)
    views = lives.views(unknown)
    assert len(views) == KEEP
    assert views[0].command_id == f"d{2 * KEEP - 1}", "newest first"
    assert views[-1].command_id == "first"
    lives.step(first.cloid, NOW, "sent")
    assert [s.name for s in lives.views(unknown)[-1].steps] == ["queued", "sent"]


def test_an_order_that_is_over_is_forgotten_with_its_id() -> None:
    lives = OrderLives()
    first = pending()
    lives.begin(command("first"), first, "m1-1", NOW, "x")
    lives._of[first.cloid].is_over = True
    for i in range(KEEP):
        lives.deny(command(f"d{i}"), "no", NOW)
    lives.step(first.cloid, NOW, "sent")
    assert "first" not in [v.command_id for v in lives.views(unknown)]


def test_the_same_step_again_is_counted_and_a_long_life_keeps_its_beginning_and_its_end() -> None:
    lives = OrderLives()
    order = pending()
    lives.begin(command("a"), order, "m1-1", NOW, "x")
    for i in range(3):
        lives.step(order.cloid, NOW + i, "looked up", "not known")
    (view,) = lives.views(unknown)
    assert (view.steps[-1].count, view.steps[-1].at_ms) == (3, NOW + 2)
    for i in range(200):
        lives.step(order.cloid, NOW + i, "fill", str(i))
    (view,) = lives.views(unknown)
    assert len(view.steps) == 60
    assert [s.name for s in view.steps[:2]] == ["queued", "looked up"]
    assert view.steps[-1].text == "199"


def test_steps_that_become_neighbours_when_a_long_life_is_cut_are_counted_as_one() -> None:
    lives = OrderLives()
    order = pending()
    lives.begin(command("a"), order, "m1-1", NOW, "x")
    for i in range(100):
        lives.step(order.cloid, NOW + i, "cancel sent" if i % 2 else "cancel refused", "")
    (view,) = lives.views(unknown)
    names = [s.name for s in view.steps]
    assert all(a != b for a, b in pairwise(names))
    (told,) = [s for s in view.steps if s.count > 1]
    assert sum(s.count for s in view.steps) + (100 - len(view.steps)) >= 100
    assert told is view.steps[9]


def test_an_answer_in_words() -> None:
    assert said(OrderOutcome(Outcome.FILLED, 1, D("0.1"), D(200))) == "filled 0.1 @ 200"
    assert said(OrderOutcome(Outcome.FILLED, 1)) == "filled"
    assert said(OrderOutcome(Outcome.FILLED, 1, D("0.1"))) == "filled"
    assert said(OrderOutcome(Outcome.RESTING, 1)) == "resting"
    assert said(OrderOutcome(Outcome.ERROR, error="no match")) == "error: no match"


def test_fills_add_up() -> None:
    lives = OrderLives()
    order = pending()
    lives.begin(command("a"), order, "m1-1", NOW, "x")
    for number, (size, px) in enumerate(((D("0.25"), D(200)), (D("0.75"), D(204)))):
        lives.on_fill(order.cloid, fill_of(order, size, px, number), NOW)
    (view,) = lives.views(unknown)
    assert (view.filled, view.avg_px, view.fee_usd) == (D(1), D(203), D("0.2"))


def test_an_order_that_is_settled_is_over_and_one_that_is_not_is_not() -> None:
    lives, table = OrderLives(), OrderTable()
    order = pending()
    lives.begin(command("a"), order, "m1-1", NOW, "x")
    before = table.register(order, Purpose.MANUAL, "m1-1", NOW)
    lives.on_change(Change(before, before), NOW)
    assert not lives._of[order.cloid].is_over
    change = table.report(order.cloid, Report.DROPPED, NOW, reason="taken back")
    assert change is not None
    assert change.settled
    lives.on_change(change, NOW)
    assert lives._of[order.cloid].is_over
