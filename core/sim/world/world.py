"""One life: the shipped engine against the shipped exchange, from a plan, in virtual time. The same plan gives the same tape, byte for byte.

    world = World(draw(seed, Depth.VALUE, ACCOUNT), watchers)
    world.live()                                  # raises Violation where something that must hold does not

First the weather: troubles, keys, kills. Then the calm: nothing goes wrong any more, and everything has to come to rest, flat, and end
in an orderly stop that the venue confirms. Decides nothing about trading and judges nothing; watchers judge. Rule that is easy to get
wrong: the venue has the true time, our clock may be off.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from random import Random
from typing import Any

from core.engine.engine import Engine
from core.hyperliquid.signing_key import SigningKey
from core.messages.effects import Effect
from core.messages.tape import Message
from core.model.cloid import is_ours
from core.sim.admission import Envelope
from core.sim.exchange import Exchange
from core.sim.feed import Feed
from core.sim.world.agenda import Agenda
from core.sim.world.disk import Disk
from core.sim.world.operator import Operator
from core.sim.world.plan import START_MS, Depth, Plan, dice_of
from core.sim.world.program import AGENT, Program
from core.sim.world.reads import Reads
from core.sim.world.road import Road
from core.sim.world.stopper import StopRun, Stops
from core.sim.world.stranger import Stranger
from core.sim.world.troubles import ALL_TROUBLES
from core.sim.world.watcher import Violation, Watcher

OWNER = SigningKey(b"\x01" * 32)
"""Worth nothing anywhere: the account's own key."""
ACCOUNT = OWNER.address

FAIR_MS = 20_000
"""How long trading goes on in the calm, before it is asked to come to rest."""
REST_WITHIN_MS = 90_000
"""By then everything must be at rest: a reconnect, a look-up to its end, an exit, each with its longest wait."""
STOP_WITHIN_MS = 20_000
_IDLE_CHECK_BLOCKS = 10
_STORY_LINES = 400


class Happening:
    """One line of the story, kept raw until somebody wants to read it."""

    __slots__ = ("at_ms", "effects", "what")

    def __init__(self, at_ms: int, what: Any, effects: Sequence[Effect] = ()) -> None:
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
        """How far our clock is ahead of the venue's."""
        self._ahead_ms = 0
        """All that it jumped ahead."""
        self.hindered_until_ms = START_MS
        """Until then the weather itself keeps an exit from getting through, or us from hearing of it."""
        self.lied_at_ms = 0
        """When the venue was last made to deny a position."""
        self.approved_at_ms = START_MS
        """When our agent was last approved."""
        self.is_calm = False
        self.is_ending = False
        self.marks: Counter[str] = Counter()
        """What this life has been through, by name."""
        self.story: deque[Happening] = deque(maxlen=_STORY_LINES)
        self.exchange = Exchange(
            seed=plan.seed,
            markets=(*(m.coin for m in plan.config.markets), *plan.others),
            balance_usd=Decimal(1000),
            start_ms=START_MS,
            accounts=(ACCOUNT,),
            is_mainnet=False,
        )
        self.exchange.venue.approve_agent(ACCOUNT, AGENT.address, "agent")
        self.feed = Feed(self.exchange)
        self._watchers = tuple(watchers)
        self.program = Program(self, self._watchers, record)
        self.road = Road(self, dice_of(plan.seed, "road"))
        self.reads = Reads(self, dice_of(plan.seed, "reads"))
        self.operator = Operator(self, dice_of(plan.seed, "operator"))
        self.stranger = Stranger(self)
        self.stops = Stops(self)
        self._blocks = 0

    # --- what everybody asks ---------------------------------------------------------------------------------------

    @property
    def engine(self) -> Engine | None:
        """None while no program runs."""
        return self.program.engine

    @property
    def life(self) -> int:
        return self.program.life

    @property
    def disk(self) -> Disk:
        return self.program.disk

    @property
    def turns(self) -> int:
        return self.program.turns

    @property
    def digest(self) -> str:
        """Of the whole tape."""
        return self.program.digest

    @property
    def local_ms(self) -> int:
        """What our program takes for the time."""
        return self.agenda.now_ms + self.skew_ms

    def give(self, message: Message) -> None:
        self.program.give(message)

    def mark(self, what: str) -> None:
        self.marks[what] += 1

    def tell(self, what: Any, effects: Sequence[Effect] = ()) -> None:
        """A line of the story."""
        self.story.append(Happening(self.agenda.now_ms, what, effects))

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
        self.agenda.after(self.plan.block_ms, self._block)
        self.program.start()
        self.operator.begin()
        dice = dice_of(self.plan.seed, "strikes")
        for planned in self.plan.troubles:
            self.agenda.at(START_MS + planned.at_ms, self._strike_at(planned.name, dice))
        dice = dice_of(self.plan.seed, "newer strikes")
        for planned in self.plan.newer:
            self.agenda.at(START_MS + planned.at_ms, self._strike_at(planned.name, dice))
        dice = dice_of(self.plan.seed, "newest strikes")
        for planned in self.plan.newest:
            self.agenda.at(START_MS + planned.at_ms, self._strike_at(planned.name, dice))
        dice = dice_of(self.plan.seed, "latest strikes")
        for planned in self.plan.latest:
            self.agenda.at(START_MS + planned.at_ms, self._strike_at(planned.name, dice))

    def live_until(self, until_ms: int) -> None:
        self.agenda.run(until_ms)

    def calm(self) -> None:
        """Nothing goes wrong from here on."""
        self.is_calm = True
        self.tell("the calm begins")
        now_ms = self.agenda.now_ms
        self.exchange.control({"do": "clear_faults"}, now_ms)
        self.approve_agent()
        self.road.calm()
        self.reads.calm()
        self.program.calm()
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
        while left := self._what_is_left():
            if self.agenda.now_ms >= deadline:
                raise Violation("rest", f"not at rest after {REST_WITHIN_MS} ms without troubles: {left}")
            if self.engine is not None and not self.engine.machines.paused:
                self.operator.pause(True)
            if self.engine is not None and self.engine.machines.latch.tripped:
                self.operator.reset()
            if self.engine is not None and self._rests_something(self.engine):
                self.operator.hands.cancel_all()
            self.live_until(self.agenda.now_ms + 1_000)
        for watcher in self._watchers:
            watcher.at_rest(self)

    def end(self) -> None:
        """The orderly stop.

        Raises:
            Violation: It did not end, or was not confirmed.
        """
        program = self.program
        life, deadline = program.life, self.agenda.now_ms + STOP_WITHIN_MS
        program.is_last = True
        self.operator.shut_down()
        while program.life == life:
            if self.agenda.now_ms >= deadline:
                raise Violation("end", f"an orderly stop without an end after {STOP_WITHIN_MS} ms")
            self.live_until(self.agenda.now_ms + 500)
        assert program.ended is not None
        if not program.ended.confirmed:
            raise Violation("end", f"an orderly stop in the calm was not confirmed: {program.ended.text}")

    def _what_is_left(self) -> str:
        """What keeps the world from being at rest; empty when nothing does."""
        engine = self.engine
        if engine is None:
            return "no program"
        if self.stops.is_under_way:
            return "the stop program runs"
        m = engine.machines
        left = {
            "not paused": not m.paused,
            f"not ready ({'; '.join(m.readiness.view().missing)})": not m.readiness.is_ready,
            f"latched ({m.latch.reason})": m.latch.tripped,
            f"positions {[p.market.name for p in m.positions.all()]}": m.positions.all(),
            f"unsettled {[(o.cloid, o.status.value) for o in m.orders.unsettled()]}": m.orders.unsettled(),
            "resting": self._rests_something(engine),
            "posts open": m.posts.open_ids(),
            "flattener": m.flattener.is_active,
            "look-ups": m.lookups.all(),
            "suspects": m.positions.has_suspects,
        }
        return "; ".join(name for name, is_left in left.items() if is_left)

    def _rests_something(self, engine: Engine) -> bool:
        """An order by hand waits in the book, of this run or an earlier one."""
        orders = engine.machines.orders
        return any(o.is_resting for o in orders.unsettled()) or any(is_ours(o.cloid) for o in orders.external())

    # --- the venue -------------------------------------------------------------------------------------------------

    def _block(self) -> None:
        self.agenda.after(self.plan.block_ms, self._block)
        now_ms = self.agenda.now_ms
        self.road.execute_waiting()
        self.feed.publish(self.exchange.advance(now_ms), now_ms)
        if self.exchange.faults.strikes_by_itself("drop_connections", now_ms):
            self.road.cut()
        self._blocks += 1
        if self._blocks % _IDLE_CHECK_BLOCKS == 0:
            self.road.cut_idle()

    def submit(self, taken: Envelope, signer: str | None = None) -> Any:
        """One action executed; answers the venue's reply, None where nobody gets it.

        Args:
            signer: Whose action it is when it has no signature; None: our program's.
        """
        if self.plan.depth is Depth.VALUE and signer is None:
            signer = AGENT.address
        done = self.exchange.submit(taken, self.agenda.now_ms, verified_signer=signer)
        entry = self.exchange.actions[-1]
        self.tell(entry)
        for watcher in self._watchers:
            watcher.executed(self, entry)
        return None if done.is_swallowed else done.reply

    def watch_stop(self, run: StopRun) -> None:
        """A run of the stop program ended."""
        for watcher in self._watchers:
            watcher.stopped(self, run)

    # --- what goes wrong -------------------------------------------------------------------------------------------

    def _strike_at(self, name: str, dice: Random) -> Callable[[], None]:
        def strike() -> None:
            if not self.is_calm:
                self.mark(f"trouble {name}")
                self.tell(f"trouble: {ALL_TROUBLES[name](self, dice)}")

        return strike

    def approve_agent(self) -> None:
        """Our agent's approval has ended: whoever owns the account gives it another."""
        if AGENT.address not in self.exchange.venue.agents:
            self.exchange.venue.approve_agent(ACCOUNT, AGENT.address, "agent")
            self.approved_at_ms = self.agenda.now_ms

    def hinder(self, for_ms: int) -> None:
        """The weather is in the way of exits for so long."""
        self.hindered_until_ms = max(self.hindered_until_ms, self.agenda.now_ms + for_ms)

    @property
    def steady_ms(self) -> int:
        """Our clock as it would be if it were never set back: by it our program counts intervals."""
        return self.agenda.now_ms + self._ahead_ms

    def step_clock(self, ms: int) -> None:
        self.skew_ms += ms
        self._ahead_ms += max(ms, 0)
        mended_ms = self.plan.clock_mended_ms
        if mended_ms is not None and self.skew_ms:
            self.agenda.after(mended_ms, self._mend_clock)

    def _mend_clock(self) -> None:
        if self.skew_ms:
            self.tell("our clock is put right")
            self._ahead_ms += max(-self.skew_ms, 0)
            self.skew_ms = 0
