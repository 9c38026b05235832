"""The loop around the engine: it waits, stamps the time, performs. It never decides.

Takes a message, hands it to the engine with the time, performs the effects in order, and publishes the snapshot. Ticks keep a fixed
schedule and neither starve under a flood nor come in a burst after a pause. A quote that comes while nothing else is to be done is handled
in the turn of the reader that brought it. Rules that are easy to get wrong: a post must reach the socket before we spend time on anything
else, so a turn ends when one was performed; and an exception in the engine is a HardStop, handed over once; after that the engine is kept
alive as long as its ticks work, because only a living engine can flatten.

DESIGN "One sentence"; SPEC 8.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from core.messages.commands import Command
from core.messages.effects import Ask, Effect, Finished, ForgetPost, Journal, Post, Refuse, Repost
from core.messages.events import OutsideFault, Tick, TimeJump
from core.messages.snapshot import LoopStats, Snapshot
from core.runtime.clock import Clock
from core.runtime.inbox import Inbox, Message
from core.runtime.loop_meter import LoopMeter

__all__ = ["Inbox", "LoopResult", "run"]

_log = logging.getLogger(__name__)

SLICE_S = 0.002
"""A turn handles messages no longer than this before the sockets and timers get theirs."""
TIME_JUMP_S = 2.0
"""Two ticks further apart than this: we were stopped or asleep, and every age is suspect."""
BEFORE_TICK_S = 0.01
"""No snapshot is begun this close before a tick: it takes 1 to 3 ms, and the tick would be late by that. It comes right behind the tick."""
MIN_SNAPSHOT_MS = 100
"""At most ten snapshots a second, however much happens: the screen shows no more, and each costs time."""


class Deciding(Protocol):
    """The engine, as far as the loop needs it."""

    def handle(self, message: Message, now_ms: int) -> list[Effect]: ...

    def snapshot(self, now_ms: int, loop_stats: LoopStats) -> Snapshot: ...


Recording = Callable[[int, Message, Sequence[Effect], str], None]
"""Time, message, effects, and what was raised instead of them."""


class Performing(Protocol):
    """The outside, as far as the loop needs it."""

    @property
    def journal_backlog(self) -> int: ...

    def perform(self, effect: Effect) -> None:
        """Do it, or begin it. Must not block, except for the latch, which is on disk when this returns."""
        ...


class EngineFailed(Exception):
    """The engine cannot go on, not even as HardStop. What it raised is the cause."""


class LoopResult(Struct, frozen=True):
    """How an orderly end came out."""

    confirmed: bool
    """The exchange itself reported flat and no order of ours."""
    text: str
    refused: bool = False
    """Start-up was refused; nothing was traded."""


async def run(
    engine: Deciding,
    inbox: Inbox,
    clock: Clock,
    outside: Performing,
    publish: Callable[[Snapshot], None],
    tick_interval_ms: int,
    snapshot_interval_ms: int = 250,
    record: Recording | None = None,
    on_tick: Callable[[], None] | None = None,
) -> LoopResult:
    """Run the engine until it says that it is done.

    Args:
        record: Told of every message that the engine was given, in order, and of what it answered or raised. Must not raise.
        on_tick: Told of every tick that the engine was through with: the loop turns. Must neither wait nor raise.

    Raises:
        EngineFailed: The engine raised, and could not go on even as HardStop.
    """
    loop = _Loop(engine, inbox, clock, outside, publish, tick_interval_ms, snapshot_interval_ms, record)
    loop.on_tick = on_tick or loop.on_tick
    loop.meter.watch_gc()
    try:
        return await loop.run()
    finally:
        loop.meter.unwatch_gc()


class _Loop:
    def __init__(
        self,
        engine: Deciding,
        inbox: Inbox,
        clock: Clock,
        outside: Performing,
        publish: Callable[[Snapshot], None],
        tick_interval_ms: int,
        snapshot_interval_ms: int,
        record: Recording | None,
    ) -> None:
        self.meter = LoopMeter()
        self.on_tick: Callable[[], None] = lambda: None
        self._engine = engine
        self._inbox = inbox
        self._clock = clock
        self._outside = outside
        self._publish = publish
        self._record = record or (lambda *turn: None)
        self._interval_s = tick_interval_ms / 1000
        self._snapshot_s = snapshot_interval_ms / 1000
        self._snapshot_soon_s = min(snapshot_interval_ms, MIN_SNAPSHOT_MS) / 1000
        self._next_tick = 0.0
        self._last_tick = 0.0
        self._last_snapshot = 0.0
        self._something_happened = False
        self._posted = False
        self._engine_failed = False
        self._snapshot_failed = False
        self._own_failure = False
        self._failed_effects: set[str] = set()
        self._serving_since: float | None = None
        """When the first quote was handled in the reader's turn, since the last turn of our own."""
        self._failure: EngineFailed | None = None
        self._result: LoopResult | None = None

    async def run(self) -> LoopResult:
        now = self._clock.monotonic()
        self._last_tick, self._next_tick = now, now + self._interval_s
        self._take_snapshot(now)
        while not self._has_ended:
            if self._posted:  # by a quote that came while we waited: sockets and writer first
                self._posted = False
            else:
                self._guarded(self._turn)
            pause = min(self._next_tick, self._next_snapshot) - self._clock.monotonic()
            if self._posted or self._inbox or pause <= 0:
                self._posted = False
                await asyncio.sleep(0)
            else:
                self._serving_since = None
                await self._inbox.wait(pause, self._serve)
        if self._failure is not None:
            raise self._failure
        assert self._result is not None
        self._take_snapshot(self._clock.monotonic())
        return self._result

    def _serve(self) -> None:
        """A quote came while we wait, and nothing is before it: handle it now, unless our own turn is due or a slice was used up."""
        now = self._clock.monotonic()
        if self._serving_since is None:
            self._serving_since = now
        if self._posted or self._has_ended or now >= self._next_tick or now - self._serving_since >= SLICE_S:
            return
        message = self._inbox.take()
        assert message is not None, "called for a quote"
        self._guarded(self._handle, message)

    @property
    def _has_ended(self) -> bool:
        return self._result is not None or self._failure is not None

    def _guarded(self, work: Callable[..., None], *args: Message) -> None:
        """Nothing that goes wrong here may reach the reader, in whose turn this may run, or end the loop by chance."""
        try:
            work(*args)
        except EngineFailed as e:
            self._failure = e
        except Exception as e:
            self._loop_failed(e)

    def _turn(self) -> None:
        """A tick if one is due, then messages for a slice of time, then a snapshot if one is due."""
        started = self._clock.monotonic()
        if started >= self._next_tick:
            self._tick(started)
        now = started
        while self._result is None and not self._posted and now - started < SLICE_S and now < self._next_tick:
            message = self._inbox.take()
            if message is None:
                break
            if isinstance(message, Command):
                self._something_happened = True
            self._handle(message)
            now = self._clock.monotonic()
        if not self._posted and now >= self._next_snapshot:
            self._take_snapshot(now)

    def _tick(self, now: float) -> None:
        late = now - self._next_tick
        gap = now - self._last_tick
        self._last_tick = now
        # Missed beats are skipped, never made up for: a burst of ticks would be a burst of posts.
        self._next_tick += (late // self._interval_s + 1) * self._interval_s
        if gap > max(TIME_JUMP_S, 3 * self._interval_s):
            self._handle(TimeJump(int(gap * 1000)))
        if self._result is None:
            self._handle(Tick())
        self.on_tick()
        self.meter.tick(now, late)  # last: whatever measuring does, the tick is done

    def _loop_failed(self, error: Exception) -> None:
        """Something of the loop's own broke. That is a HardStop, once; but no reason to leave positions alone, so it goes on."""
        _log.error("the loop failed", exc_info=error)
        if not self._own_failure:
            self._own_failure = True
            self._inbox.put(OutsideFault(f"the loop failed: {type(error).__name__}: {error}"))

    # --- the engine and its effects --------------------------------------------------------------------------------

    def _handle(self, message: Message) -> None:
        now_ms = self._clock.now_ms()
        given: Message | None = message
        # What is collected is mostly the console's, and an order would wait for it, 0.1 to 5 ms, between its signal and its signature.
        gc.disable()
        try:
            try:
                effects = self._engine.handle(message, now_ms)
            except Exception as e:
                self._record(now_ms, message, (), f"{type(e).__name__}: {e}")
                given, effects = self._after_exception(message, e, now_ms)
            # Rows for the journal's queue can wait the moment that it takes to sign and send; everything else keeps its order.
            for effect in effects:
                if not isinstance(effect, Journal):
                    self._perform(effect)
        finally:
            gc.enable()
        for effect in effects:
            if isinstance(effect, Journal):
                self._perform(effect)
        if given is not None:
            self._record(now_ms, given, effects, "")

    def _after_exception(
        self, message: Message, error: Exception, now_ms: int
    ) -> tuple[OutsideFault | None, list[Effect]]:
        """HardStop the first time. Later only what keeps the ticks from working ends the loop.

        Returns:
            What the engine was given now, if anything, and its effects.
        """
        kind = type(message).__name__
        _log.error("engine failed on %s", kind, exc_info=error)
        self._something_happened = True
        if isinstance(message, OutsideFault) or (self._engine_failed and isinstance(message, Tick)):
            raise EngineFailed(f"{type(error).__name__}: {error}") from error
        if self._engine_failed:
            return None, []
        self._engine_failed = True
        fault = OutsideFault(f"engine failed on {kind}: {type(error).__name__}: {error}")
        try:
            return fault, self._engine.handle(fault, now_ms)
        except Exception as e:
            self._record(now_ms, fault, (), f"{type(e).__name__}: {e}")
            raise EngineFailed(f"{type(e).__name__}: {e}") from e

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Post() | Repost():
                self._posted = True
                self._something_happened = True
            case ForgetPost() | Ask():
                pass
            case Finished(confirmed, text):
                self._result = LoopResult(confirmed, text)
            case Refuse(reason):
                self._result = LoopResult(confirmed=False, text=reason, refused=True)
            case _:
                self._something_happened = True
        try:
            self._outside.perform(effect)
        except Exception as e:
            self._perform_failed(effect, e)

    def _perform_failed(self, effect: Effect, error: Exception) -> None:
        """One fault per kind of effect: the next effects still have to be performed, a flatten among them."""
        kind = type(effect).__name__
        _log.error("could not perform %s", kind, exc_info=error)
        if kind not in self._failed_effects:
            self._failed_effects.add(kind)
            self._inbox.put(OutsideFault(f"could not perform {kind}: {type(error).__name__}: {error}"))

    # --- the picture for the console -------------------------------------------------------------------------------

    @property
    def _next_snapshot(self) -> float:
        due = self._last_snapshot + (self._snapshot_soon_s if self._something_happened else self._snapshot_s)
        return max(due, self._next_tick) if self._next_tick - due < BEFORE_TICK_S else due

    def _take_snapshot(self, now: float) -> None:
        self._last_snapshot = now
        self._something_happened = False
        try:
            stats = self.meter.stats(now, len(self._inbox), self._outside.journal_backlog)
            self._publish(self._engine.snapshot(self._clock.now_ms(), stats))
        except Exception as e:
            # Blind is a reason to stop trading, not a reason to stop flattening.
            _log.error("snapshot failed", exc_info=e)
            if not self._snapshot_failed:
                self._snapshot_failed = True
                self._inbox.put(OutsideFault(f"snapshot failed: {type(e).__name__}: {e}"))
