"""Every command is answered once, in words, also the one that finds nothing to do or may not be obeyed."""

from __future__ import annotations

import pytest
from engine_rig import NVDA, SNDK, Rig, foreign_order, make_config, update

from core.messages.commands import (
    CancelAll,
    CancelExternal,
    CancelOrder,
    Command,
    FlattenAll,
    FlattenMarket,
    PauseEntries,
    ResetHardStop,
    Shutdown,
    TripHardStop,
)
from core.messages.events import OrderUpdates
from core.model.cloid import Cloid
from core.model.order import OrderStatus

NOBODY = Cloid("0x" + "0" * 32)


def answered(rig: Rig, command: Command) -> str:
    rig.handle(command)
    return rig.answer_of(command)


@pytest.mark.parametrize(
    "command",
    [
        FlattenAll(command_id="a"),
        FlattenMarket(command_id="a", market=SNDK),
        CancelAll(command_id="a"),
        CancelOrder(command_id="a", cloid=NOBODY),
        CancelExternal(command_id="a", oid=77),
    ],
    ids=lambda command: type(command).__name__,
)
def test_observation_sends_nothing_and_says_so(command: Command) -> None:
    rig = Rig(make_config(mode="observation", signer=None), ready=False)
    rig.connect()
    assert answered(rig, command) == "refused: observation mode sends nothing"
    assert rig.posts == []


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (FlattenAll(command_id="a"), "flatten all: no position is open"),
        (FlattenMarket(command_id="a", market=SNDK), "flatten xyz:SNDK: no position is open"),
        (CancelAll(command_id="a"), "cancel all: no order is open"),
        (CancelOrder(command_id="a", cloid=NOBODY), "cancel 000000: no such open order"),
        (CancelExternal(command_id="a", oid=77), "cancel oid 77: no such open order of others"),
        (ResetHardStop(command_id="a", reason="why"), "reset refused: not latched"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Command) else "",
)
def test_what_finds_nothing_to_do_says_so(command: Command, text: str) -> None:
    rig = Rig()
    assert answered(rig, command) == text
    assert rig.posts == []


def test_flattening_twice_says_that_it_is_under_way() -> None:
    rig = Rig()
    rig.open_position()
    assert answered(rig, FlattenMarket(command_id="1", market=SNDK)) == "flatten xyz:SNDK"
    assert answered(rig, FlattenMarket(command_id="2", market=SNDK)).endswith("it is being closed already")
    assert answered(rig, FlattenAll(command_id="3")) == "flatten all: 0 positions, 1 were being closed already"


def test_cancel_all_leaves_foreign_orders_alone_and_counts_them() -> None:
    rig = Rig()
    rig.handle(OrderUpdates((foreign_order(NVDA),)))
    assert answered(rig, CancelAll(command_id="a")) == "cancel all: no order is open; 1 EXTERNAL orders left alone"
    rig.advance(300)
    assert rig.posts == []


def test_a_foreign_order_is_cancelled_when_it_is_named() -> None:
    rig = Rig()
    foreign = foreign_order(NVDA)
    rig.venue.open_orders.append(foreign)
    rig.handle(OrderUpdates((foreign,)))
    assert foreign.cloid is not None
    rig.handle(CancelOrder(command_id="a", cloid=Cloid(foreign.cloid)))
    rig.advance(200)
    assert len(rig.posts) == 1


def test_a_foreign_order_without_a_client_id_is_cancelled_by_its_oid_once() -> None:
    rig = Rig()
    foreign = foreign_order(NVDA, oid=77, cloid=None)
    rig.venue.open_orders.append(foreign)
    rig.handle(OrderUpdates((foreign,)))
    command = CancelExternal(command_id="a", oid=77)
    assert answered(rig, command) == "cancel oid 77, EXTERNAL, xyz:NVDA: asked for"
    assert answered(rig, CancelExternal(command_id="b", oid=77)).endswith("asked for already")
    rig.advance(200)
    (post,) = rig.posts
    assert [(c.market, c.oid, c.cloid) for c in post.batch.cancels] == [(NVDA, 77, None)]
    rig.handle(update(foreign, status=OrderStatus.CANCELED))
    rig.advance(3_000)
    assert len(rig.posts) == 1
    assert answered(rig, CancelExternal(command_id="c", oid=77)).endswith("no such open order of others")


def test_pause_stop_and_trip_are_answered_too() -> None:
    rig = Rig()
    for command in (
        PauseEntries(command_id="1", paused=True),
        PauseEntries(command_id="2", paused=False),
        TripHardStop(command_id="3"),
        Shutdown(command_id="4", reason="end"),
        Shutdown(command_id="5", reason="again"),
    ):
        assert answered(rig, command)
    assert rig.m.stopping is not None
    assert rig.m.stopping.reason == "end", "the first reason stands"


def test_a_queued_entry_is_taken_back_and_the_answer_says_so() -> None:
    rig = Rig()
    rig.enter(SNDK)
    rig.dislocate(NVDA)
    (queued,) = [o for o in rig.m.orders.live() if o.market == NVDA]
    assert queued.cloid is not None
    assert answered(rig, CancelOrder(command_id="a", cloid=queued.cloid)).endswith("taken back before it left")
    rig.advance(300)
    assert len(rig.posts) == 1
    assert not rig.m.orders.is_busy(NVDA)


def test_a_command_that_has_no_handler_is_our_own_mistake_and_no_silence() -> None:
    class NeverHeardOf(Command, frozen=True, kw_only=True):
        pass

    with pytest.raises(AssertionError, match="NeverHeardOf has no handler"):
        Rig().handle(NeverHeardOf(command_id="a"))
