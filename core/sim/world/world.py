"""One life: the shipped engine against the shipped exchange, from a plan, in virtual time. The same plan gives the same tape, byte for byte.

    world = World(draw(seed, Depth.VALUE, ACCOUNT), watchers)
    world.live()                                  # raises Violation where something that must hold does not

First the weather: troubles, keys, crashes. Then the calm: nothing goes wrong any more, and everything has to come to rest, flat, and end
in an orderly stop that the venue confirms. Decides nothing about trading and judges nothing; watchers judge. Rules that are easy to get
wrong: the venue has the true time, our clock may be off; and effects are performed one by one, so that a kill can fall between two.

Stands for core.runtime (loop, outside, gateway, info client, journal) and keeps its promises, no others.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from random import Random
from typing import Any

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
from core.sim.admission import Envelope
from core.sim.exchange import Exchange
from core.sim.feed import Feed
from core.sim.market import BLOCK_MS
from core.sim.world.agenda import Agenda
from core.sim.world.disk import BATCH_MS, Disk
from core.sim.world.operator import Operator
from core.sim.world.plan import START_MS, Depth, Plan, dice_of
from core.sim.world.reads import Reads
from core.sim.world.road import Road
from core.sim.world.troubles import TROUBLES
from core.sim.world.watcher import Violation, Watcher

OWNER, AGENT = SigningKey(b"\x01" * 32), SigningKey(b"\x02" * 32)
"""Worth nothing anywhere: the account's key, and the agent that trades for it."""
ACCOUNT = OWNER.address

FAIR_MS = 20_000
"""How long trading goes on in the calm, before it is asked to come to rest."""
REST_WITHIN_MS = 90_000
"""By then everything must be at rest: a reconnect, a look-up to its end, an exit, each with its longest wait."""
STOP_WITHIN_MS = 20_000
_TIME_JUMP_MS = 2_000
_IDLE_CHECK_BLOCKS = 10
_STORY_TURNS = 400
_NO_SIGNATURE = {"r": "0x0", "s": "0x0", "v": 27}


class Happening:
    """One line of the story, kept raw until somebody wants to read it."""

    __slots__ = ("at_ms", "effects", "what")

    def __init__(self, at_ms: int, what: Any, effects: tuple[Effect, ...] = ()) -> None:
        self.at_ms = at_ms
        self.what = what
        self.effects = effects


class World:
    def __init__(
        self, plan: Plan, watchers: Iterable[Watcher] = (), *, record: Callable[[bytes], None] | None = None
    ) -> None:
        """Make it; `live` lets it live.

        Args:
            record: Told every line of the tape (core.messages.tape); a restart begins a new tape in the same stream.
        """
        self.plan = plan
        self.agenda = Agenda(START_MS)
        self.skew_ms = 0
        self.engine: Engine | None = None
        self.life = 0
        """Counts programs: what was meant for an earlier one reaches nobody."""
        self.hindered_until_ms = START_MS
        """Until then the weather itself keeps an exit from getting through, or us from hearing of it."""
        self.is_calm = False
        self.is_ending = False
        self.ended: Finished | None = None
        self.turns = 0
        self.marks: Counter[str] = Counter()
        """What this life has been through, by name."""
        self.story: deque[Happening] = deque(maxlen=_STORY_TURNS)
        self.disk = Disk()
        self.exchange = Exchange(
            seed=plan.seed,
            markets=tuple(m.coin for m in plan.config.markets),
            balance_usd=Decimal(1000),
            start_ms=START_MS,
            accounts=(ACCOUNT,),
            is_mainnet=False,
        )
        self.exchange.venue.approve_agent(ACCOUNT, AGENT.address, "agent")
        self.feed = Feed(self.exchange)
        self.road = Road(self, dice_of(plan.seed, "road"))
        self.reads = Reads(self, dice_of(plan.seed, "reads"))
        self.operator = Operator(self, dice_of(plan.seed, "operator"))
        self._watchers = tuple(watchers)
        self._digest = hashlib.sha256()
        self._record = record
        self._inbox: deque[Message] = deque()
        self._handling = False
        self._stalled_until_ms = 0
        self._last_tick_ms = START_MS
        self._crash_in: tuple[int, int] | None = None
        self._blocks = 0
        self._foreign_nonce = START_MS
        self._tick_ms = plan.config.execution.tick_interval_ms

    # --- life ------------------------------------------------------------------------------------------------------

    def live(self) -> None:
        """From the first start to the confirmed end.

        Raises:
            Violation: A watcher saw something, or it did not come to rest.
        """
        self.start()
        self.live_until(START_MS + self.plan.weather_ms)
        self.calm()
        self.live_until(self.agenda.now_ms + FAIR_MS)
        self.come_to_rest()
        self.end()

    def start(self) -> None:
        """The venue begins to live, the first program starts, and the plan is put on the agenda."""
        self.agenda.after(BLOCK_MS, self._block)
        self._start_program()
        self.operator.begin()
        dice = dice_of(self.plan.seed, "strikes")
        for planned in self.plan.troubles:
            self.agenda.at(START_MS + planned.at_ms, self._strike_at(planned.name, dice))

    def live_until(self, until_ms: int) -> None:
        while self.agenda.step(until_ms):
            pass

    def calm(self) -> None:
        """Nothing goes wrong from here on."""
        self.is_calm = True
        self.tell("the calm begins")
        now_ms = self.agenda.now_ms
        self.exchange.control({"do": "clear_faults"}, now_ms)
        self.road.deaf_until_ms = self.road.slow_until_ms = self.road.closed_until_ms = 0
        self.reads.lose_until_ms = self.reads.slow_until_ms = 0
        self.road.refuse_sends = self.road.cut_after_posts = 0
        self._crash_in = None
        self.step_clock(-self.skew_ms)
        self.hindered_until_ms = min(self.hindered_until_ms, now_ms)

    def come_to_rest(self) -> None:
        """No new entries; everything open has to be closed and settled.

        Raises:
            Violation: It was not, within the bound.
        """
        self.tell("no more entries: everything has to come to rest")
        self.is_ending = True
        deadline = self.agenda.now_ms + REST_WITHIN_MS
        while not self._is_at_rest():
            if self.agenda.now_ms >= deadline:
                raise Violation(
                    "rest", f"not at rest after {REST_WITHIN_MS} ms without troubles: {self._what_is_left()}"
                )
            if self.engine is not None and not self.engine.machines.paused:
                self.operator.pause(True)
            if self.engine is not None and self.engine.machines.latch.tripped:
                self.operator.reset()
            self.live_until(self.agenda.now_ms + 1_000)
        for watcher in self._watchers:
            watcher.at_rest(self)

    def end(self) -> None:
        """The orderly stop.

        Raises:
            Violation: It did not end, or was not confirmed.
        """
        life, deadline = self.life, self.agenda.now_ms + STOP_WITHIN_MS
        self.operator.shut_down()
        while self.life == life:
            if self.agenda.now_ms >= deadline:
                raise Violation("end", f"an orderly stop without an end after {STOP_WITHIN_MS} ms")
            self.live_until(self.agenda.now_ms + 500)
        assert self.ended is not None
        if not self.ended.confirmed:
            raise Violation("end", f"an orderly stop in the calm was not confirmed: {self.ended.text}")

    @property
    def digest(self) -> str:
        """Of the whole tape."""
        return self._digest.hexdigest()

    @property
    def local_ms(self) -> int:
        """What our program takes for the time."""
        return self.agenda.now_ms + self.skew_ms

    def hinder(self, for_ms: int) -> None:
        """The weather is in the way of exits for so long."""
        self.hindered_until_ms = max(self.hindered_until_ms, self.agenda.now_ms + for_ms)

    def mark(self, what: str) -> None:
        self.marks[what] += 1

    def tell(self, what: str) -> None:
        """A line of the story."""
        self.story.append(Happening(self.agenda.now_ms, what))

    # --- the program -----------------------------------------------------------------------------------------------

    def _start_program(self) -> None:
        assert self.engine is None
        recovered = self.disk.begin_run()
        config = self.plan.config
        run = RunInfo(
            network=config.network.value,
            mode=config.mode,
            account=self.plan.account,
            signer=AGENT.address,
            ws_url=config.ws_url,
            version="world",
            run_id=recovered.run_id,
            started_ms=self.local_ms,
            config_source="plan",
            tick_interval_ms=config.execution.tick_interval_ms,
            time_stop_ms=config.execution.time_stop_ms,
            flatten_slippage_bps=config.execution.flatten_slippage_bps,
        )
        self.life += 1
        self.ended = None
        self.tell(f"program {recovered.run_id} starts{' after a kill' if recovered.unclean else ''}")
        self._write(encode_start(Start(config, run, recovered, self.local_ms)))
        self.engine = Engine(config, run, recovered, self.local_ms)
        self._last_tick_ms = self.agenda.now_ms
        self._stalled_until_ms = 0
        for watcher in self._watchers:
            watcher.started(self)
        self.road.start()
        life = self.life
        self.agenda.after(self._tick_ms, lambda: self._tick(life))
        self.agenda.after(BATCH_MS, lambda: self._flush(life))

    def _program_gone(self) -> None:
        self.engine = None
        self.life += 1
        self._inbox.clear()
        self._crash_in = None
        self.road.program_gone()

    def _tick(self, life: int) -> None:
        if life != self.life:
            return
        now_ms = self.agenda.now_ms
        if now_ms < self._stalled_until_ms:
            self.agenda.at(self._stalled_until_ms, lambda: self._tick(life))
            return
        self.agenda.after(self._tick_ms, lambda: self._tick(life))
        gap, self._last_tick_ms = now_ms - self._last_tick_ms, now_ms
        waiting, self._inbox = self._inbox, deque()  # after a stall the tick comes before what has piled up
        if gap > max(_TIME_JUMP_MS, 3 * self._tick_ms):
            self._inbox.append(TimeJump(gap))
        self._inbox.append(Tick())
        self._inbox.extend(waiting)
        self._drain()

    def _flush(self, life: int) -> None:
        if life == self.life:
            self.disk.flush()
            self.agenda.after(BATCH_MS, lambda: self._flush(life))

    def give(self, message: Message) -> None:
        """Put a message in the engine's inbox; it is handled now unless the program stands still."""
        if self.engine is None:
            return
        if self.agenda.now_ms < self._stalled_until_ms and isinstance(message, (Bbo, AssetCtx)):
            self._conflate(message)
        self._inbox.append(message)
        self._drain()

    def _conflate(self, quote: Bbo | AssetCtx) -> None:
        """Of quotes that wait, only the newest of a market is kept, as in the real inbox."""
        if isinstance(quote, Bbo) and quote.from_book:
            return
        kind, market = type(quote), quote.market
        self._inbox = deque(
            m
            for m in self._inbox
            if not (type(m) is kind and m.market == market and not getattr(m, "from_book", False))
        )

    def _drain(self) -> None:
        if self._handling or self.agenda.now_ms < self._stalled_until_ms:
            return
        self._handling = True
        try:
            while self._inbox and self.engine is not None and self.agenda.now_ms >= self._stalled_until_ms:
                self._turn(self.engine, self._inbox.popleft())
        finally:
            self._handling = False

    def _turn(self, engine: Engine, message: Message) -> None:
        local_ms = self.local_ms
        try:
            effects = engine.handle(message, local_ms)
        except Exception as e:
            self.story.append(Happening(self.agenda.now_ms, message))
            self._write(encode_turn(local_ms, message, (), f"{type(e).__name__}: {e}"))
            raise Violation("engine", f"{type(message).__name__} raised {type(e).__name__}: {e}") from e
        self.turns += 1
        self._write(encode_turn(local_ms, message, effects))
        if effects or not isinstance(message, (Tick, Bbo, AssetCtx)):
            self.story.append(Happening(self.agenda.now_ms, message, tuple(effects)))
        kill_after = self._kill_after(effects)
        # As the loop does it: rows for the journal come last.
        ordered = [e for e in effects if not isinstance(e, Journal)] + [e for e in effects if isinstance(e, Journal)]
        for number, effect in enumerate(ordered):
            if number == kill_after:
                self._kill()
                return
            self._perform(engine, effect)
            if self.engine is not engine:
                return
        for watcher in self._watchers:
            watcher.turn(self, message, effects)

    def _write(self, line: bytes) -> None:
        self._digest.update(line)
        if self._record is not None:
            self._record(line)

    def _perform(self, engine: Engine, effect: Effect) -> None:
        match effect:
            case Journal(row):
                self.disk.append(row)
                if isinstance(row, AuditRow):
                    self.mark(f"audit {row.kind}")
            case Ask(query):
                self.reads.ask(query)
            case Post():
                self._post(engine, effect)
            case Repost(post_id, original_post_id):
                self.mark("repost")
                self.road.repost(post_id, original_post_id)
            case ForgetPost(post_id):
                self.road.payloads.pop(post_id, None)
            case PersistLatch(latch):
                self.disk.latch = latch
            case PersistCounters(counters):
                self.disk.put_counters(counters)
            case Subscribe(markets):
                self.road.subscribe(markets)
            case Reconnect(reason):
                self.mark("reconnect asked for")
                self.road.drop(reason)
            case Alert():
                self.mark(f"alert {effect.title}")
            case Finished():
                self._finished(effect)
            case Refuse(reason):
                raise Violation("start", f"start-up was refused: {reason}")

    def _post(self, engine: Engine, post: Post) -> None:
        action = batch_action(post.batch, engine.asset_id)
        expires = post.expires_after_ms
        signature: Any = _NO_SIGNATURE
        if self.plan.depth is Depth.WIRE:
            signature = sign_l1_action(AGENT, action, None, post.nonce, expires, False)
        payload = envelope(action, post.nonce, signature, None, expires)
        self.road.payloads[post.post_id] = payload
        self.road.post(post.post_id, payload)

    def _finished(self, finished: Finished) -> None:
        self.ended = finished
        self.disk.end_run()
        self.mark("finished" if finished.confirmed else "finished, not confirmed")
        self.tell(f"the program ended: {finished.text}")
        for watcher in self._watchers:
            watcher.finished(self, finished.confirmed)
        self._program_gone()
        if not self.is_ending:
            self.agenda.after(2_000, self._start_program)

    # --- the venue -------------------------------------------------------------------------------------------------

    def _block(self) -> None:
        self.agenda.after(BLOCK_MS, self._block)
        now_ms = self.agenda.now_ms
        self.road.execute_waiting()
        self.feed.publish(self.exchange.advance(now_ms), now_ms)
        self._blocks += 1
        if self._blocks % _IDLE_CHECK_BLOCKS == 0:
            self.road.cut_idle()

    def submit(self, taken: Envelope, signer: str | None = None) -> Any:
        """One action executed; answers the venue's reply."""
        if self.plan.depth is Depth.VALUE and signer is None:
            signer = AGENT.address
        reply = self.exchange.submit(taken, self.agenda.now_ms, verified_signer=signer).reply
        entry = self.exchange.actions[-1]
        self.story.append(Happening(self.agenda.now_ms, entry))
        for watcher in self._watchers:
            watcher.executed(self, entry)
        return reply

    # --- what can go wrong -----------------------------------------------------------------------------------------

    def _strike_at(self, name: str, dice: Random) -> Callable[[], None]:
        def strike() -> None:
            if not self.is_calm:
                self.mark(f"trouble {name}")
                self.tell(f"trouble: {TROUBLES[name](self, dice)}")

        return strike

    def stall(self, ms: int) -> None:
        """Our program stands still; the venue and the road do not."""
        self._stalled_until_ms = max(self._stalled_until_ms, self.agenda.now_ms + ms)
        self.hinder(ms)
        self.agenda.at(self._stalled_until_ms + 1, self._drain)

    def step_clock(self, ms: int) -> None:
        self.skew_ms += ms

    def crash_soon(self, turns: int, effects: int) -> None:
        """Kill the program so many turns with effects from now, after so many effects of that turn."""
        if self.engine is not None:
            self._crash_in = (turns, effects)

    def _kill_after(self, effects: list[Effect]) -> int | None:
        if self._crash_in is None or not effects:
            return None
        turns, after = self._crash_in
        if turns > 0:
            self._crash_in = (turns - 1, after)
            return None
        return min(after, len(effects) - 1)

    def _kill(self) -> None:
        self.mark("kill")
        self.tell("the program is killed")
        self.disk.crash()
        self._program_gone()
        for watcher in self._watchers:
            watcher.crashed(self)
        self.agenda.after(dice_of(self.plan.seed, f"restart {self.life}").randint(500, 15_000), self._start_program)

    def foreign_order(self, dice: Random) -> str:
        """The account's owner places an order by other means, far from the market."""
        coin = dice.choice(self.plan.config.markets).coin
        listing = self.exchange.venue.universe.by_coin[coin]
        market = self.exchange.venue.markets[coin]
        mid = market.mid_px
        if mid is None:
            return "nothing"
        self._foreign_nonce = max(self._foreign_nonce + 1, self.agenda.now_ms)
        px = (
            (mid * Decimal("0.7")).quantize(Decimal(1)).normalize()
            if mid > 100
            else (mid * Decimal("0.7")).quantize(Decimal("0.1"))
        )
        size = (Decimal(15) / px).quantize(Decimal(1).scaleb(-listing.spec.sz_decimals))
        order = {
            "a": listing.asset,
            "b": True,
            "p": f"{px:f}",
            "s": f"{size:f}",
            "r": False,
            "t": {"limit": {"tif": "Gtc"}},
        }
        action = {"type": "order", "orders": [order], "grouping": "na"}
        raw = envelope(action, self._foreign_nonce, _NO_SIGNATURE, None, None)  # type: ignore[arg-type]
        reply = self.submit(self.exchange.decode(raw), signer=ACCOUNT)
        return f"an order of other means on {coin}: {reply}"

    # --- rest ------------------------------------------------------------------------------------------------------

    def _is_at_rest(self) -> bool:
        engine = self.engine
        if engine is None:
            return False
        m = engine.machines
        return (
            m.paused
            and m.readiness.is_ready
            and not m.latch.tripped
            and not (m.positions.all() or m.orders.unsettled() or m.posts.open_ids() or m.flattener.is_active)
            and not (m.lookups.all() or m.positions.has_suspects)
        )

    def _what_is_left(self) -> str:
        engine = self.engine
        if engine is None:
            return "no program"
        m = engine.machines
        left = {
            "not paused": not m.paused,
            "not ready": not m.readiness.is_ready,
            f"latched ({m.latch.reason})": m.latch.tripped,
            f"positions {[str(p.market) for p in m.positions.all()]}": m.positions.all(),
            f"unsettled {[(o.cloid, o.status.value) for o in m.orders.unsettled()]}": m.orders.unsettled(),
            "posts open": m.posts.open_ids(),
            "flattener": m.flattener.is_active,
            "look-ups": m.lookups.all(),
            "suspects": m.positions.has_suspects,
        }
        return "; ".join(name for name, is_left in left.items() if is_left)
