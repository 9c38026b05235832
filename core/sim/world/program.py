"""The program in a world: one engine after another, each with its inbox and ticks, killed or ended, and started again from the disk.

Stands for core.runtime's loop and outside and keeps their promises: the tick after a stall comes before what has piled up, of waiting
quotes only the newest of a market is kept, rows for the journal are performed last. Rule that is easy to get wrong: effects are performed
one by one, so that a kill can fall between two.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from core.engine.engine import Engine
from core.hyperliquid.actions import batch_action, envelope
from core.hyperliquid.signing import sign_l1_action
from core.hyperliquid.signing_key import SigningKey
from core.messages.effects import (
    Alert,
    Ask,
    AuditRow,
    Effect,
    Finished,
    ForgetPost,
    Journal,
    PersistCounters,
    PersistLatch,
    Post,
    Reconnect,
    Refuse,
    Repost,
    Subscribe,
)
from core.messages.events import AssetCtx, Bbo, Tick, TimeJump
from core.messages.snapshot import RunInfo
from core.messages.tape import Message, Start, encode_start, encode_turn
from core.sim.world.disk import BATCH_MS, Disk
from core.sim.world.plan import START_MS, Depth, dice_of
from core.sim.world.watcher import EVERYDAY, Violation, Watcher

if TYPE_CHECKING:
    from core.sim.world.world import World

AGENT = SigningKey(b"\x02" * 32)
"""Worth nothing anywhere: the agent that trades for the account."""
NO_SIGNATURE: Any = {"r": "0x0", "s": "0x0", "v": 27}
_TICK = Tick()
_LINES_AT_ONCE = 200
_TIME_JUMP_MS = 2_000
_START_AGAIN_MS = 2_000


class Program:
    def __init__(self, world: World, watchers: Iterable[Watcher], record: Callable[[bytes], None] | None) -> None:
        self._world = world
        self._agenda = world.agenda
        self._watchers = tuple(watchers)
        # Who is shown a turn, worked out once: a life has thousands of turns, and few watchers care for a quiet one.
        self._lookers = tuple(w for w in self._watchers if type(w).turn is not Watcher.turn)
        self._quiet_lookers = {kind: tuple(w for w in self._lookers if kind in w.quiet) for kind in EVERYDAY}
        self._record = record
        self._hash = hashlib.sha256()
        self._unhashed: list[bytes] = []
        self._tick_ms = world.plan.config.execution.tick_interval_ms
        self.disk = Disk()
        self.engine: Engine | None = None
        self.life = 0
        """Counts starts and ends: what was meant for an earlier life reaches nobody."""
        self._started_at_ms = START_MS
        self.ended: Finished | None = None
        self.is_last = False
        """Not started again after its end."""
        self.turns = 0
        self._inbox: deque[Message] = deque()
        self._handling = False
        self._stalled_until_ms = 0
        self._last_tick_ms = START_MS
        self._kill_in: tuple[int, int] | None = None

    @property
    def digest(self) -> str:
        self._hash_lines()
        return self._hash.hexdigest()

    def _hash_lines(self) -> None:
        """Many small lines at once: of each alone the call costs more than the work."""
        self._hash.update(b"".join(self._unhashed))
        self._unhashed.clear()

    # --- start, end, kill ------------------------------------------------------------------------------------------

    def start(self) -> None:
        assert self.engine is None
        world = self._world
        local_ms = world.local_ms
        recovered = self.disk.begin_run(local_ms)
        config = world.plan.config
        run = RunInfo(
            network=config.network.value,
            rules=config.rules.value,
            mode=config.mode,
            account=world.plan.account,
            signer=AGENT.address,
            ws_url=config.ws_url,
            version="world",
            run_id=recovered.run_id,
            started_ms=local_ms,
            config_source="plan",
            tick_interval_ms=config.execution.tick_interval_ms,
            time_stop_ms=config.execution.time_stop_ms,
            flatten_slippage_bps=config.execution.flatten_slippage_bps,
        )
        self.life += 1
        self._started_at_ms = self._agenda.now_ms
        self.ended = None
        world.tell(f"program {recovered.run_id} starts{' after a kill' if recovered.unclean else ''}")
        self._write(encode_start(Start(config, run, recovered, local_ms)))
        self.engine = Engine(config, run, recovered, local_ms)
        self._last_tick_ms = self._agenda.now_ms
        self._stalled_until_ms = 0
        for watcher in self._watchers:
            watcher.started(world)
        world.road.start()
        self._tick_of_life = partial(self._tick, self.life)
        self._flush_of_life = partial(self._flush, self.life)
        self._agenda.after(self._tick_ms, self._tick_of_life)
        self._agenda.after(BATCH_MS, self._flush_of_life)

    def _gone(self) -> None:
        self.engine = None
        self.life += 1
        self._inbox.clear()
        self._kill_in = None
        self._world.road.program_gone()

    def _finished(self, finished: Finished) -> None:
        world = self._world
        self.ended = finished
        self.disk.end_run()
        world.mark("finished" if finished.confirmed else "finished, not confirmed")
        world.tell(f"the program ended: {finished.text}")
        for watcher in self._watchers:
            watcher.finished(world, finished.confirmed)
        self._gone()
        if not self.is_last:
            self._agenda.after(_START_AGAIN_MS, self.start)

    def _refused(self, reason: str) -> None:
        """A program whose agent has expired says so and ends; whoever runs it tries again."""
        world = self._world
        # Approved again while it was starting: what it was told before was true then.
        if AGENT.address in world.exchange.venue.agents and world.approved_at_ms <= self._started_at_ms:
            raise Violation("start", f"start-up was refused: {reason}")
        world.mark("start refused")
        world.tell(f"the program does not start: {reason}")
        self.disk.end_run()
        self._gone()
        self._agenda.after(_START_AGAIN_MS, self.start)

    def kill_soon(self, turns: int, effects: int) -> None:
        """Kill it so many turns with effects from now, after so many effects of that turn."""
        if self.engine is not None:
            self._kill_in = (turns, effects)

    def _kill_after(self, effects: list[Effect]) -> int | None:
        if self._kill_in is None or not effects:
            return None
        turns, after = self._kill_in
        if turns > 0:
            self._kill_in = (turns - 1, after)
            return None
        return min(after, len(effects) - 1)

    def _kill(self, message: Message, performed: list[Effect]) -> None:
        world = self._world
        world.mark("kill")
        world.tell("the program is killed")
        self.disk.crash()
        self._gone()
        for watcher in self._watchers:
            watcher.crashed(world, message, performed)
        dice = dice_of(world.plan.seed, f"restart {self.life}")
        self._agenda.after(dice.randint(500, 15_000), self.start)

    def calm(self) -> None:
        """No kill and no stall that was wished for strikes any more."""
        self._kill_in = None
        self._stalled_until_ms = min(self._stalled_until_ms, self._agenda.now_ms)

    # --- time ------------------------------------------------------------------------------------------------------

    def stall(self, ms: int) -> None:
        """It stands still; the venue and the road do not."""
        self._stalled_until_ms = max(self._stalled_until_ms, self._agenda.now_ms + ms)

    @property
    def is_stalled(self) -> bool:
        return self._agenda.now_ms < self._stalled_until_ms

    def _tick(self, life: int) -> None:
        if life != self.life:
            return
        self._agenda.after(self._tick_ms, self._tick_of_life)
        if self.is_stalled:
            return
        now_ms = self._agenda.now_ms
        gap, self._last_tick_ms = now_ms - self._last_tick_ms, now_ms
        if gap <= _TIME_JUMP_MS and not self._inbox:
            self.give(_TICK)
            return
        waiting, self._inbox = self._inbox, deque()
        if gap > max(_TIME_JUMP_MS, 3 * self._tick_ms):
            self._inbox.append(TimeJump(gap))
        self._inbox.append(_TICK)
        self._inbox.extend(waiting)
        self._drain()

    def _flush(self, life: int) -> None:
        if life == self.life:
            self.disk.flush()
            self._agenda.after(BATCH_MS, self._flush_of_life)

    # --- messages --------------------------------------------------------------------------------------------------

    def give(self, message: Message) -> None:
        """Put a message in the inbox; it is handled now unless the program stands still."""
        if self.engine is None:
            return
        if not (self._inbox or self._handling or self.is_stalled):
            self._handling = True  # mostly nothing waits and nothing is under way: handled at once
            try:
                self._turn(self.engine, message)
            finally:
                self._handling = False
            if self._inbox:
                self._drain()
            return
        if self.is_stalled and isinstance(message, (Bbo, AssetCtx)):
            self._conflate(message)
        self._inbox.append(message)
        self._drain()

    def has_waiting(self, message: Message) -> bool:
        """Whether it has not come to this yet."""
        return message in self._inbox

    def _conflate(self, quote: Bbo | AssetCtx) -> None:
        if isinstance(quote, Bbo) and quote.from_book:
            return
        kind, market = type(quote), quote.market
        self._inbox = deque(
            m
            for m in self._inbox
            if not (type(m) is kind and m.market == market and not getattr(m, "from_book", False))
        )

    def _drain(self) -> None:
        if self._handling or self.is_stalled:
            return
        self._handling = True
        try:
            while self._inbox and self.engine is not None and not self.is_stalled:
                self._turn(self.engine, self._inbox.popleft())
        finally:
            self._handling = False

    def _turn(self, engine: Engine, message: Message) -> None:
        world = self._world
        local_ms = self._agenda.now_ms + world.skew_ms
        try:
            effects = engine.handle(message, local_ms)
        except Exception as e:
            world.tell(message)
            self._write(encode_turn(local_ms, message, (), f"{type(e).__name__}: {e}"))
            raise Violation("engine", f"{type(message).__name__} raised {type(e).__name__}: {e}") from e
        self.turns += 1
        self._write(encode_turn(local_ms, message, effects))
        lookers = None if effects else self._quiet_lookers.get(type(message))
        if lookers is None:
            lookers = self._lookers
            world.tell(message, effects)
            if not self._perform_all(engine, message, effects):
                return
        for watcher in lookers:
            watcher.turn(world, message, effects)

    def _perform_all(self, engine: Engine, message: Message, effects: list[Effect]) -> bool:
        """False when the program did not live to the end of it."""
        kill_after = self._kill_after(effects)
        ordered = [e for e in effects if not isinstance(e, Journal)] + [e for e in effects if isinstance(e, Journal)]
        for number, effect in enumerate(ordered):
            if number == kill_after:
                self._kill(message, ordered[:number])
                return False
            self._perform(engine, effect)
            if self.engine is not engine:
                return False
        return True

    def _write(self, line: bytes) -> None:
        self._unhashed.append(line)
        if len(self._unhashed) >= _LINES_AT_ONCE:
            self._hash_lines()
        if self._record is not None:
            self._record(line)

    # --- effects ---------------------------------------------------------------------------------------------------

    def _perform(self, engine: Engine, effect: Effect) -> None:
        world = self._world
        match effect:
            case Journal(row):
                self.disk.append(row)
                if isinstance(row, AuditRow):
                    world.mark(f"audit {row.kind}")
            case Ask(query):
                world.reads.ask(query)
            case Post():
                self._post(engine, effect)
            case Repost(post_id, original_post_id):
                world.mark("repost")
                world.road.repost(post_id, original_post_id)
            case ForgetPost(post_id):
                world.road.payloads.pop(post_id, None)
            case PersistLatch(latch):
                self.disk.latch = latch
            case PersistCounters(counters):
                self.disk.put_counters(counters)
            case Subscribe(markets):
                world.road.subscribe(markets)
            case Reconnect(reason):
                world.mark("reconnect asked for")
                world.road.drop(reason)
            case Alert():
                world.mark(f"alert {effect.title}")
            case Finished():
                self._finished(effect)
            case Refuse(reason):
                self._refused(reason)

    def _post(self, engine: Engine, post: Post) -> None:
        world = self._world
        action = batch_action(post.batch, engine.asset_id)
        expires = post.expires_after_ms
        signature = NO_SIGNATURE
        if world.plan.depth is Depth.WIRE:
            signature = sign_l1_action(AGENT, action, None, post.nonce, expires, False)
        payload = envelope(action, post.nonce, signature, None, expires)
        world.road.payloads[post.post_id] = payload
        world.road.post(post.post_id, payload)
