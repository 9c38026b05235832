"""The engine's thread: what goes in, what comes out, how it ends. The engine here is a few lines of its own in each test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from core.messages.commands import AnyCommand, CancelAll, FlattenAll, Shutdown
from core.messages.snapshot import Snapshot, TradingState
from core.runtime.engine_thread import DROPPED_KEPT, Ending, EngineThread, describe

FLAT = Ending(confirmed=True, text="no position, no order")


def a_snapshot(number: int = 1, positions: tuple[Any, ...] = (), orders: tuple[Any, ...] = ()) -> Snapshot:
    """A snapshot with what these tests look at; the rest is a stand-in that nobody here reads."""
    rest: Any = SimpleNamespace()
    return Snapshot(
        number=number,
        at_ms=0,
        run=rest,
        state=TradingState.ACTIVE,
        state_reason="",
        paused=False,
        connection=rest,
        ready=rest,
        inflight=rest,
        queues=(),
        budget=rest,
        positions=positions,
        orders=orders,
        fills=(),
        trades=(),
        markets=(),
        hard_stop=rest,
        risk=(),
        tally=rest,
        pnl=rest,
        audit=(),
        shutdown=None,
        loop=rest,
    )


class Listener:
    """An engine that notes its commands and ends when told to."""

    def __init__(self) -> None:
        self.commands: list[AnyCommand] = []
        self.threads: set[str] = set()
        self.listening = threading.Event()
        self.stop_event_seen = False

    async def main(self, host: EngineThread, stop: asyncio.Event) -> None:
        ended = asyncio.Event()

        def receive(command: AnyCommand) -> None:
            self.threads.add(threading.current_thread().name)
            self.commands.append(command)
            if isinstance(command, Shutdown):
                self.stop_event_seen = stop.is_set()
                ended.set()

        host.receive_commands(receive)
        self.listening.set()
        await ended.wait()
        host.conclude(FLAT)


def test_commands_arrive_in_order_on_the_engines_thread_those_sent_before_the_start_first() -> None:
    listener = Listener()
    engine = EngineThread(listener.main)
    engine.send(FlattenAll(command_id="1"))
    engine.send(CancelAll(command_id="2"))
    engine.start()
    assert listener.listening.wait(5)
    engine.send(FlattenAll(command_id="3"))
    engine.request_stop("test")
    assert engine.wait_done(5)
    assert [c.command_id for c in listener.commands] == ["1", "2", "3", "stop"]
    assert listener.threads == {"engine"}
    assert engine.dropped == ()


def test_an_orderly_end() -> None:
    listener = Listener()
    engine = EngineThread(listener.main)
    assert not engine.is_started
    engine.start()
    assert listener.listening.wait(5)
    assert engine.is_started
    assert not engine.is_done
    assert engine.ending is None
    engine.request_stop("enough")
    assert engine.wait_done(5)
    assert engine.is_done
    assert engine.ending == FLAT
    assert engine.error == ""
    assert engine.stop_reason == "enough"


def test_a_stop_is_asked_for_once_whoever_asks_and_how_often() -> None:
    listener = Listener()
    engine = EngineThread(listener.main)
    engine.start()
    assert listener.listening.wait(5)
    askers = [threading.Thread(target=engine.request_stop, args=(f"asker {i}",)) for i in range(20)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert engine.wait_done(5)
    engine.request_stop("late")
    shutdowns = [c for c in listener.commands if isinstance(c, Shutdown)]
    assert len(shutdowns) == 1
    assert shutdowns[0].reason == engine.stop_reason
    assert engine.dropped == ()


def test_the_stop_event_is_set_before_the_command_arrives() -> None:
    listener = Listener()
    engine = EngineThread(listener.main)
    engine.start()
    assert listener.listening.wait(5)
    engine.request_stop("test")
    assert engine.wait_done(5)
    assert listener.stop_event_seen


def test_a_stop_reaches_an_engine_that_takes_no_commands_yet() -> None:
    async def connecting(host: EngineThread, stop: asyncio.Event) -> None:
        connected.set()
        await stop.wait()
        host.conclude(FLAT)

    connected = threading.Event()
    engine = EngineThread(connecting)
    engine.start()
    assert connected.wait(5)
    engine.request_stop("test")
    assert engine.wait_done(5)
    assert engine.ending == FLAT
    assert [type(c) for c in engine.dropped] == [Shutdown]


def test_stopped_before_the_start_the_engine_never_runs() -> None:
    ran: list[bool] = []

    async def main(host: EngineThread, stop: asyncio.Event) -> None:
        ran.append(True)

    engine = EngineThread(main)
    engine.request_stop("changed my mind")
    engine.start()
    assert engine.wait_done(5)
    assert ran == []
    assert not engine.has_run
    assert engine.error == ""
    assert engine.ending is None  # nobody asked the exchange, so nobody may say flat


def test_commands_after_the_end_are_dropped_and_remembered() -> None:
    listener = Listener()
    engine = EngineThread(listener.main)
    engine.start()
    engine.request_stop("test")
    assert engine.wait_done(5)
    for i in range(DROPPED_KEPT + 5):
        engine.send(FlattenAll(command_id=str(i)))
    assert len(engine.dropped) == DROPPED_KEPT
    assert engine.dropped[-1].command_id == str(DROPPED_KEPT + 4)


def test_sending_into_an_engine_that_hangs_does_not_block() -> None:
    async def hanging(host: EngineThread, stop: asyncio.Event) -> None:
        host.receive_commands(lambda command: None)
        in_it.set()
        let_go.wait(10)
        host.conclude(FLAT)

    in_it, let_go = threading.Event(), threading.Event()
    engine = EngineThread(hanging)
    engine.start()
    assert in_it.wait(5)
    sender = threading.Thread(target=lambda: [engine.send(FlattenAll(command_id=str(i))) for i in range(1000)])
    sender.start()
    sender.join(5)
    assert not sender.is_alive()
    assert not engine.wait_done(0.01)
    let_go.set()
    assert engine.wait_done(5)


def test_a_snapshot_is_replaced_as_one_reference() -> None:
    listener = Listener()
    engine = EngineThread(listener.main)
    assert engine.latest is None
    first, second = a_snapshot(1), a_snapshot(2)
    engine.publish(first)
    assert engine.latest is first
    engine.publish(second)
    assert engine.latest is second


def _dies_of(act: Callable[[EngineThread], Awaitable[None]]) -> EngineThread:
    async def main(host: EngineThread, stop: asyncio.Event) -> None:
        host.publish(a_snapshot(7))
        await act(host)

    engine = EngineThread(main)
    engine.start()
    assert engine.wait_done(5)
    return engine


async def _raise(host: EngineThread) -> None:
    raise ValueError("price\nmissing")


async def _return_silently(host: EngineThread) -> None:
    pass


async def _raise_in_a_group(host: EngineThread) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_raise(host))


async def _cancel_itself(host: EngineThread) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.Event().wait()


async def _fail_in_the_inbox(host: EngineThread) -> None:
    def receive(command: AnyCommand) -> None:
        raise KeyError(command.command_id)

    host.receive_commands(receive)
    host.send(FlattenAll(command_id="poison"))
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (_raise, "ValueError: price missing"),
        (_raise_in_a_group, "ValueError: price missing"),
        (_return_silently, "RuntimeError: the engine ended without saying how"),
        (_cancel_itself, "CancelledError"),
        (_fail_in_the_inbox, "KeyError: 'poison'"),
    ],
)
def test_an_engine_that_dies_is_seen_to_be_dead(act: Callable[[EngineThread], Awaitable[None]], error: str) -> None:
    engine = _dies_of(act)
    assert engine.error == error
    assert engine.is_done
    assert engine.latest is not None
    assert engine.latest.engine_error == error
    assert engine.latest.number == 8  # a new picture, or the console would not look
    assert engine.ending is None


def test_what_was_concluded_before_the_death_is_kept() -> None:
    async def act(host: EngineThread) -> None:
        host.conclude(FLAT)
        raise OSError("journal: disk full")

    engine = _dies_of(act)
    assert engine.error == "OSError: journal: disk full"
    assert engine.ending == FLAT


def test_the_end_does_not_wait_for_a_name_lookup_that_hangs() -> None:
    async def main(host: EngineThread, stop: asyncio.Event) -> None:
        asyncio.get_running_loop().run_in_executor(None, let_go.wait, 20)
        host.conclude(FLAT)

    let_go = threading.Event()
    engine = EngineThread(main)
    engine.start()
    try:
        assert engine.wait_done(5)
        assert engine.ending == FLAT
    finally:
        let_go.set()


def test_a_group_is_told_by_its_first_member() -> None:
    group = ExceptionGroup("outer", [ExceptionGroup("inner", [ValueError("a"), KeyError("b")]), OSError("c")])
    assert describe(group) == "ValueError: a (and 1 more) (and 1 more)"
    assert describe(RuntimeError()) == "RuntimeError"
    assert describe(ValueError(Decimal(1))) == "ValueError: 1"
