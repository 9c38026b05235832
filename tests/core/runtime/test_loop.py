"""The loop around a small engine of the test's own: order of effects, ticks, faults, snapshots, the end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from decimal import Decimal as D
from typing import Any

import pytest

from core.messages.commands import PauseEntries
from core.messages.effects import (
    Ask,
    Effect,
    Finished,
    ForgetPost,
    LatchState,
    PersistLatch,
    Post,
    Reconnect,
    Refuse,
)
from core.messages.events import Bbo, ChannelError, OutsideFault, PostSent, Tick, TimeJump
from core.messages.queries import QueryFees
from core.messages.snapshot import LoopStats
from core.model.market import MarketKey
from core.model.order import Orders
from core.runtime.clock import ManualClock, SystemClock
from core.runtime.inbox import Inbox
from core.runtime.loop import EngineFailed, LoopResult, run

Reaction = Callable[[Any, int], list[Effect]]
DONE = Finished(True, "flat")
POST = Post(1, 5, Orders(()), None)


class FakeEngine:
    """Does what the test says for each kind of message; keeps what it was handed."""

    def __init__(self, **reactions: Reaction) -> None:
        self.reactions = reactions
        self.handled: list[Any] = []
        self.times: list[int] = []
        self.snapshots: list[LoopStats] = []
        self.snapshot_error: Exception | None = None

    def handle(self, message: Any, now_ms: int) -> list[Effect]:
        self.handled.append(message)
        self.times.append(now_ms)
        reaction = self.reactions.get(type(message).__name__)
        return reaction(message, now_ms) if reaction else []

    def snapshot(self, now_ms: int, loop_stats: LoopStats) -> Any:
        self.snapshots.append(loop_stats)
        if self.snapshot_error is not None:
            raise self.snapshot_error
        return ("snapshot", len(self.snapshots))

    def of(self, kind: type) -> list[Any]:
        return [m for m in self.handled if isinstance(m, kind)]


class FakeOutside:
    journal_backlog = 3

    def __init__(self) -> None:
        self.performed: list[Effect] = []
        self.errors: dict[type, Exception] = {}

    def perform(self, effect: Effect) -> None:
        self.performed.append(effect)
        error = self.errors.get(type(effect))
        if error is not None:
            raise error


class Bench:
    """Everything around the loop."""

    def __init__(self, engine: FakeEngine, clock: Any = None) -> None:
        self.engine = engine
        self.clock = clock or SystemClock()
        self.inbox = Inbox()
        self.outside = FakeOutside()
        self.published: list[Any] = []
        self.recorded: list[tuple[int, Any, tuple[Effect, ...], str]] = []

    def record(self, now_ms: int, message: Any, effects: Sequence[Effect], error: str) -> None:
        self.recorded.append((now_ms, message, tuple(effects), error))

    async def run(self, tick_ms: int = 10, snapshot_ms: int = 250) -> LoopResult:
        async with asyncio.timeout(10):
            return await run(
                self.engine,
                self.inbox,
                self.clock,
                self.outside,
                self.published.append,
                tick_ms,
                snapshot_ms,
                self.record,
            )


def after_ticks(count: int, *effects: Effect) -> Reaction:
    left = [count]

    def react(message: Any, now_ms: int) -> list[Effect]:
        left[0] -= 1
        return list(effects) if left[0] == 0 else []

    return react


def raising(error: Exception) -> Reaction:
    def react(message: Any, now_ms: int) -> list[Effect]:
        raise error

    return react


def passing(clock: ManualClock, *effects: Effect) -> Reaction:
    """Handling takes time: as many ms as the post's id says, or a second (after which percentiles are worked out anew)."""

    def react(message: Any, now_ms: int) -> list[Effect]:
        clock.advance(message.post_id if isinstance(message, PostSent) else 1000)
        return list(effects)

    return react


# --- effects and the end ---------------------------------------------------------------------------------------------


async def test_effects_are_performed_in_order_before_the_next_message() -> None:
    effects: list[Effect] = [PersistLatch(LatchState(1, "x")), POST, Ask(QueryFees()), ForgetPost(1)]
    bench = Bench(FakeEngine(PostSent=lambda m, t: effects, ChannelError=lambda m, t: [Reconnect("y"), DONE]))
    bench.inbox.put(PostSent(9))
    bench.inbox.put(ChannelError("end"))
    assert await bench.run() == LoopResult(True, "flat")
    assert bench.outside.performed == [*effects, Reconnect("y"), DONE]


async def test_finished_ends_with_its_words_and_a_last_snapshot() -> None:
    bench = Bench(FakeEngine(Tick=after_ticks(1, Finished(False, "NOT CONFIRMED"))))
    assert await bench.run() == LoopResult(False, "NOT CONFIRMED")
    assert bench.published == [("snapshot", 1), ("snapshot", 2)]
    assert len(bench.engine.of(Tick)) == 1


async def test_refuse_ends_as_refused() -> None:
    bench = Bench(FakeEngine(Tick=after_ticks(1, Refuse("SNDK is 110016, not 28"))))
    assert await bench.run() == LoopResult(False, "SNDK is 110016, not 28", refused=True)


async def test_messages_after_the_end_are_not_handled() -> None:
    bench = Bench(FakeEngine(PostSent=lambda m, t: [DONE]))
    bench.inbox.put(PostSent(1))
    bench.inbox.put(PostSent(2))
    await bench.run()
    assert bench.engine.of(PostSent) == [PostSent(1)]


# --- ticks -----------------------------------------------------------------------------------------------------------


async def test_ticks_keep_their_beat() -> None:
    bench = Bench(FakeEngine(Tick=after_ticks(21, DONE)))
    loop = asyncio.get_running_loop()
    started = loop.time()
    await bench.run(tick_ms=10)
    assert 0.205 <= loop.time() - started < 0.6
    assert bench.engine.snapshots[-1].tick_late_max_ms < 300


async def test_ticks_do_not_starve_under_a_flood_nor_the_flood_under_ticks() -> None:
    bench = Bench(FakeEngine(Tick=after_ticks(30, DONE)))
    market = MarketKey("xyz", "A")

    async def flood() -> None:
        for i in range(1_000_000):
            bench.inbox.put(PostSent(i))
            bench.inbox.put(Bbo(market, i, D(1), D(1), D(2), D(1)))
            if i % 20 == 0:
                await asyncio.sleep(0)

    task = asyncio.create_task(flood())
    loop = asyncio.get_running_loop()
    started = loop.time()
    await bench.run(tick_ms=10)
    task.cancel()
    assert loop.time() - started < 1.5
    assert len(bench.engine.of(PostSent)) > 1000
    assert bench.engine.of(Bbo)


async def test_missed_ticks_are_skipped_not_made_up_for() -> None:
    clock = ManualClock()
    bench = Bench(FakeEngine(PostSent=passing(clock), ChannelError=passing(clock, DONE)), clock)
    bench.inbox.put(PostSent(1000))
    asyncio.get_running_loop().call_later(0.05, bench.inbox.put, ChannelError("end"))
    await bench.run(tick_ms=100)
    assert len(bench.engine.of(Tick)) == 1
    assert not bench.engine.of(TimeJump), "one second is late, not a jump"
    assert bench.engine.snapshots[-1].tick_late_max_ms == pytest.approx(900, abs=1)


async def test_l41_a_gap_of_more_than_two_seconds_is_told_before_the_tick() -> None:
    clock = ManualClock(1_000_000)
    bench = Bench(FakeEngine(PostSent=passing(clock), Tick=lambda m, t: [DONE]), clock)
    bench.inbox.put(PostSent(3_600_000))
    await bench.run(tick_ms=100)
    assert bench.engine.handled == [PostSent(3_600_000), TimeJump(3_600_000), Tick()]
    assert bench.engine.times == [1_000_000, 4_600_000, 4_600_000]


async def test_nothing_is_handled_after_the_end_even_within_one_beat() -> None:
    clock = ManualClock()
    bench = Bench(FakeEngine(PostSent=passing(clock), TimeJump=lambda m, t: [DONE]), clock)
    bench.inbox.put(PostSent(5000))
    await bench.run(tick_ms=100)
    assert bench.engine.handled == [PostSent(5000), TimeJump(5000)]


async def test_lateness_is_measured() -> None:
    clock = ManualClock()
    bench = Bench(FakeEngine(PostSent=passing(clock), ChannelError=passing(clock, DONE)), clock)
    for ms in (100, 107, 1943):
        bench.inbox.put(PostSent(ms))
    asyncio.get_running_loop().call_later(0.05, bench.inbox.put, ChannelError("end"))
    await bench.run(tick_ms=100)
    stats = bench.engine.snapshots[-1]
    assert stats.tick_late_max_ms == pytest.approx(1850, abs=1)
    assert stats.tick_late_p99_ms == stats.tick_late_max_ms
    assert stats.journal_backlog == 3


# --- faults ----------------------------------------------------------------------------------------------------------


async def test_an_exception_in_the_engine_is_handed_to_it_as_a_fault_once() -> None:
    bench = Bench(
        FakeEngine(
            PostSent=raising(KeyError("lost")),
            OutsideFault=lambda m, t: [PersistLatch(LatchState(t, m.what))],
            Tick=after_ticks(3, DONE),
        )
    )
    for i in range(5):
        bench.inbox.put(PostSent(i))
    assert await bench.run() == LoopResult(True, "flat")
    (fault,) = bench.engine.of(OutsideFault)
    assert fault.what == "engine failed on PostSent: KeyError: 'lost'"
    assert isinstance(bench.outside.performed[0], PersistLatch)


async def test_an_engine_that_cannot_take_the_fault_ends_the_loop() -> None:
    bench = Bench(FakeEngine(Tick=raising(KeyError("first")), OutsideFault=raising(ValueError("second"))))
    with pytest.raises(EngineFailed, match="ValueError: second"):
        await bench.run()


@pytest.mark.parametrize("broken", ["tick", "stats"])
async def test_a_failure_of_the_loops_own_is_a_fault_and_the_engine_goes_on(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("deque mutated during iteration")

    monkeypatch.setattr(f"core.runtime.loop_meter.LoopMeter.{broken}", fail)
    bench = Bench(FakeEngine(Tick=after_ticks(5, DONE)))
    assert await bench.run() == LoopResult(True, "flat")
    assert len(bench.engine.of(Tick)) == 5
    (fault,) = bench.engine.of(OutsideFault)
    assert "deque mutated" in fault.what


async def test_ticks_that_fail_again_after_the_fault_end_the_loop() -> None:
    bench = Bench(FakeEngine(Tick=raising(KeyError("again"))))
    with pytest.raises(EngineFailed, match="KeyError: 'again'"):
        await bench.run()
    assert len(bench.engine.of(OutsideFault)) == 1
    assert len(bench.engine.of(Tick)) == 2


async def test_an_effect_that_fails_does_not_keep_the_next_from_being_performed_and_is_one_fault() -> None:
    bench = Bench(
        FakeEngine(
            PostSent=lambda m, t: [PersistLatch(LatchState(1, "x")), Reconnect("flatten would be here")],
            Tick=after_ticks(2, DONE),
        )
    )
    bench.outside.errors[PersistLatch] = OSError("disk")
    bench.inbox.put(PostSent(1))
    bench.inbox.put(PostSent(2))
    await bench.run()
    assert [type(e) for e in bench.outside.performed[:4]] == [PersistLatch, Reconnect] * 2
    (fault,) = bench.engine.of(OutsideFault)
    assert fault.what == "could not perform PersistLatch: OSError: disk"


async def test_a_snapshot_that_fails_is_a_fault_and_the_engine_goes_on() -> None:
    engine = FakeEngine(Tick=after_ticks(5, DONE))
    engine.snapshot_error = ZeroDivisionError("edge")
    bench = Bench(engine)
    assert (await bench.run(tick_ms=60, snapshot_ms=50)).confirmed
    assert len(engine.snapshots) > 2
    (fault,) = engine.of(OutsideFault)
    assert fault.what == "snapshot failed: ZeroDivisionError: edge"


# --- the record --------------------------------------------------------------------------------------------------------


async def test_everything_the_engine_was_given_is_recorded_with_its_time_and_its_answer() -> None:
    engine = FakeEngine(PostSent=lambda m, now: [Reconnect("x"), Ask(QueryFees())], Tick=after_ticks(3, DONE))
    bench = Bench(engine)
    bench.inbox.put(PostSent(1))
    bench.inbox.put(ChannelError("odd"))
    await bench.run()
    assert [(now, m) for now, m, _, _ in bench.recorded] == list(zip(engine.times, engine.handled, strict=True))
    assert [(effects, error) for _, m, effects, error in bench.recorded if not isinstance(m, Tick)] == [
        ((Reconnect("x"), Ask(QueryFees())), ""),
        ((), ""),
    ]
    assert bench.recorded[-1][1:] == (Tick(), (DONE,), "")


async def test_a_turn_is_recorded_after_its_effects_were_performed() -> None:
    """A post must not wait for the recorder."""
    performed: list[int] = []
    bench = Bench(FakeEngine(PostSent=lambda m, now: [POST, Reconnect("x")], Tick=after_ticks(1, DONE)))
    real = bench.record

    def record(now_ms: int, message: Any, effects: Sequence[Effect], error: str) -> None:
        performed.append(len(bench.outside.performed))
        real(now_ms, message, effects, error)

    bench.record = record  # type: ignore[method-assign]
    bench.inbox.put(PostSent(1))
    await bench.run()
    assert performed == [2, 3]


async def test_the_faults_that_the_loop_hands_in_itself_are_recorded_in_their_place() -> None:
    def fail(message: Any, now_ms: int) -> list[Effect]:
        raise ValueError("boom")

    engine = FakeEngine(PostSent=fail, OutsideFault=lambda m, now: [Reconnect("x")], Tick=after_ticks(3, DONE))
    bench = Bench(engine)
    bench.inbox.put(PostSent(1))
    bench.inbox.put(PostSent(2))
    await bench.run()
    assert [m for _, m, _, _ in bench.recorded] == engine.handled
    assert [turn[1:] for turn in bench.recorded if not isinstance(turn[1], Tick)] == [
        (PostSent(1), (), "ValueError: boom"),
        (OutsideFault("engine failed on PostSent: ValueError: boom"), (Reconnect("x"),), ""),
        (PostSent(2), (), "ValueError: boom"),
    ]


async def test_what_ended_the_loop_is_recorded_too() -> None:
    def fail(message: Any, now_ms: int) -> list[Effect]:
        raise ValueError(type(message).__name__)

    bench = Bench(FakeEngine(PostSent=fail, OutsideFault=fail))
    bench.inbox.put(PostSent(1))
    with pytest.raises(EngineFailed):
        await bench.run()
    assert [(m, error) for _, m, _, error in bench.recorded if not isinstance(m, Tick)] == [
        (PostSent(1), "ValueError: PostSent"),
        (OutsideFault("engine failed on PostSent: ValueError: PostSent"), "ValueError: OutsideFault"),
    ]


# --- snapshots and yielding --------------------------------------------------------------------------------------------


async def test_snapshots_come_at_their_interval_and_sooner_when_something_happens() -> None:
    quiet = Bench(FakeEngine(Tick=after_ticks(60, DONE)))
    await quiet.run(tick_ms=10, snapshot_ms=250)
    assert 3 <= len(quiet.published) <= 5  # first, two or three in 0.6 s, last

    busy = Bench(FakeEngine(Tick=after_ticks(60, DONE)))
    loop = asyncio.get_running_loop()
    for i in range(60):
        loop.call_later(i / 100, busy.inbox.put, PauseEntries(command_id=str(i), paused=True))
    await busy.run(tick_ms=10, snapshot_ms=250)
    assert 5 <= len(busy.published) <= 9  # ten a second at most


async def test_no_snapshot_is_begun_right_before_a_tick() -> None:
    """It would take the time in which the tick is due."""
    clock = ManualClock()
    begun: list[float] = []

    class Engine(FakeEngine):
        def snapshot(self, now_ms: int, loop_stats: LoopStats) -> Any:
            begun.append(clock.monotonic())
            return super().snapshot(now_ms, loop_stats)

    bench = Bench(Engine(Tick=after_ticks(5, DONE)), clock)
    task = asyncio.ensure_future(bench.run(tick_ms=100, snapshot_ms=195))
    start = clock.monotonic()
    for _ in range(600):
        await asyncio.sleep(0)
        clock.advance(1)
        bench.inbox.put(PostSent(0))  # wakes the loop, which then sees what time it is
        if task.done():
            break
    await task
    before = [round((-(at - start) % 0.1) * 1000) for at in begun[1:-1]]
    assert len(before) >= 2
    assert all(ms == 0 or ms >= 10 for ms in before), before


def test_nothing_is_collected_between_a_message_and_its_post() -> None:
    """What is collected is mostly the console's, and the order would wait for it."""

    async def main() -> None:
        seen: list[bool] = []

        def react(message: Any, now_ms: int) -> list[Effect]:
            seen.append(gc.isenabled())
            return [POST, DONE]

        bench = Bench(FakeEngine(PostSent=react))
        perform = bench.outside.perform
        bench.outside.perform = lambda effect: (seen.append(gc.isenabled()), perform(effect))[1]  # type: ignore[method-assign]
        bench.inbox.put(PostSent(1))
        await bench.run()
        assert seen == [False, False, False]
        assert gc.isenabled()

        failing = Bench(FakeEngine(PostSent=raising(ValueError("x")), OutsideFault=lambda *_: [DONE]))
        failing.inbox.put(PostSent(1))
        await failing.run()
        assert gc.isenabled()

    asyncio.run(main())


async def test_a_post_gives_the_writer_its_turn_before_the_next_message() -> None:
    seen: list[str] = []

    def on_post_sent(message: Any, now_ms: int) -> list[Effect]:
        seen.append(f"handled {message.post_id}")
        if message.post_id == 0:
            asyncio.get_running_loop().call_soon(seen.append, "writer")
            return [POST]
        return [DONE] if message.post_id == 2 else []

    bench = Bench(FakeEngine(PostSent=on_post_sent))
    for i in range(3):
        bench.inbox.put(PostSent(i))
    await bench.run()
    assert seen == ["handled 0", "writer", "handled 1", "handled 2"]


# --- quotes that come while we wait ---------------------------------------------------------------------------------------


def quote(time_ms: int) -> Bbo:
    return Bbo(MarketKey("xyz", "A"), time_ms, D(1), D(1), D(2), D(1))


async def while_waiting(bench: Bench, act: Callable[[], None]) -> LoopResult:
    """Run; once the loop waits for messages, do this in a turn that is not the loop's."""
    asyncio.get_running_loop().call_later(0.02, act)
    return await bench.run(tick_ms=500)


async def test_a_quote_is_handled_in_the_turn_of_whoever_brings_it() -> None:
    bench = Bench(FakeEngine(Tick=lambda m, t: [DONE]))
    seen: list[list[Any]] = []

    def act() -> None:
        for i in (1, 2):
            bench.inbox.put(quote(i))
            seen.append(list(bench.engine.handled))

    await while_waiting(bench, act)
    assert seen == [[quote(1)], [quote(1), quote(2)]]


async def test_after_a_post_the_next_quote_waits_for_the_writer() -> None:
    bench = Bench(FakeEngine(Bbo=lambda m, t: [POST] if m.time_ms == 1 else [DONE]))
    seen: list[Any] = []

    def act() -> None:
        bench.inbox.put(quote(1))
        asyncio.get_running_loop().call_soon(lambda: seen.extend(["writer", *bench.engine.handled]))
        bench.inbox.put(quote(2))

    await while_waiting(bench, act)
    assert seen == ["writer", quote(1)]
    assert bench.engine.handled == [quote(1), quote(2)]
    assert bench.outside.performed == [POST, DONE]


async def test_quotes_in_a_reader_turn_take_no_more_than_a_slice() -> None:
    clock = ManualClock()
    engine = FakeEngine(ChannelError=lambda m, t: [DONE])
    engine.reactions["Bbo"] = lambda m, t: clock.advance(1) or []  # type: ignore[func-returns-value]
    bench = Bench(engine, clock)
    handled_at_once: list[int] = []

    def act() -> None:
        for i in range(1, 9):
            bench.inbox.put(quote(i))
        handled_at_once.append(len(engine.of(Bbo)))
        bench.inbox.put(ChannelError("end"))

    await while_waiting(bench, act)
    assert handled_at_once == [2], "2 ms, then the rest of the burst is one message"
    assert engine.of(Bbo)[-1] == quote(8)


async def test_a_tick_that_is_due_comes_before_a_quote() -> None:
    clock = ManualClock()
    bench = Bench(FakeEngine(Bbo=lambda m, t: [DONE]), clock)

    def act() -> None:
        clock.advance(600)
        bench.inbox.put(quote(1))

    await while_waiting(bench, act)
    assert bench.engine.handled == [Tick(), quote(1)]


async def test_an_engine_that_fails_on_such_a_quote_is_told_and_the_reader_is_not() -> None:
    bench = Bench(FakeEngine(Bbo=raising(KeyError("lost")), Tick=lambda m, t: [DONE]))
    assert await while_waiting(bench, lambda: bench.inbox.put(quote(1))) == LoopResult(True, "flat")
    (fault,) = bench.engine.of(OutsideFault)
    assert fault.what == "engine failed on Bbo: KeyError: 'lost'"


async def test_an_engine_that_cannot_go_on_after_such_a_quote_ends_the_loop_and_not_the_reader() -> None:
    bench = Bench(FakeEngine(Bbo=raising(KeyError("first")), OutsideFault=raising(ValueError("second"))))
    survived: list[bool] = []

    def act() -> None:
        bench.inbox.put(quote(1))
        bench.inbox.put(quote(2))
        survived.append(True)

    with pytest.raises(EngineFailed, match="ValueError: second"):
        await while_waiting(bench, act)
    assert survived == [True]
    assert bench.engine.of(Bbo) == [quote(1)]
