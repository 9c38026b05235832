"""Checkers that the mutants asked for, of the connection and of time: what ready stands on, what is read again, what silence and sleep do.

Same form and same promise as in checkers. Time is counted here in true time, or by a clock that is never set back (`World.steady_ms`): whoever
measures by the program's own clock cannot see what a step of it breaks. Each keeps its own account of messages and questions and never asks the engine what it
believes, except whether it calls itself ready, latched or stopping.

SPEC 7, 8; lessons L02, L23, L38, L39, L41, L45.
"""

from __future__ import annotations

from collections.abc import Sequence

from check import Check, has_entry
from ledger import Ledger

from core.messages.effects import Alert, Ask, Effect, Journal, Post, Reconnect, Repost, SignalRow, Subscribe
from core.messages.events import (
    AgentsRead,
    AssetCtx,
    Bbo,
    Connected,
    Disconnected,
    FeesRead,
    Fills,
    OpenOrdersRead,
    PositionsRead,
    RateLimitRead,
    RoleRead,
    ServerTimeRead,
    SpecsRead,
    Subscribed,
    Tick,
    TimeJump,
)
from core.messages.queries import (
    Query,
    QueryOpenOrders,
    QueryPositions,
    QueryServerTime,
    QuerySpecs,
)
from core.messages.tape import Message
from core.model.market import MarketKey, MarketSpec
from core.model.order import Orders
from core.sim.world.world import World


class Synced(Check):
    """Ready stands on this connection: the ack of order updates, the fills, and of each dex its orders and its positions, none read long ago;
    fees, budget and roles read once by this run, the clock since the connection came up."""

    quiet = (Tick,)

    OLD_MS = 30_000

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._asked: set[Query] = set()
        self._orders: set[str] = set()
        self._positions: dict[str, int] = {}
        self._heard: set[str] = set()
        self._run: set[str] = set()
        self._roles: set[str] = set()

    def started(self, world: World) -> None:
        self._forget()
        self._run.clear()
        self._roles.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        match message:
            case Tick():
                pass
            case Connected() | Disconnected():
                self._forget()
            case Subscribed(channel=channel):
                self._heard.add(channel)
            case Fills(is_snapshot=True):
                self._heard.add("fills")
            case OpenOrdersRead(dex=dex) if QueryOpenOrders(dex) in self._asked:
                self._orders.add(dex)
            case PositionsRead(dex=dex) if QueryPositions(dex) in self._asked:
                self._positions[dex] = world.steady_ms
            case ServerTimeRead():
                self._heard.add("clock")
            case FeesRead():
                self._run.add("fees")
            case RateLimitRead():
                self._run.add("budget")
            case RoleRead(address=address):
                self._roles.add(address.lower())
        if effects:
            self._asked.update(e.query for e in effects if isinstance(e, Ask))
        engine = world.engine
        if engine is None or not isinstance(message, Tick) or not engine.machines.readiness.is_ready:
            return
        m, now_ms = engine.machines, world.steady_ms
        most = max(self.OLD_MS, 3 * world.plan.config.risk.position_sync_ms)
        if world.marks["trouble clock_step"]:  # how long it was since the message before is lost with it
            most += world.plan.config.execution.tick_interval_ms
        self.expect("orderUpdates" in self._heard, "ready, and no ack of the order updates")
        self.expect("fills" in self._heard, "ready, and the fills never came")
        self.expect("clock" in self._heard, "ready, and the exchange's time was never read")
        self.expect(len(self._run) == 2, f"ready, and all that was read is {self._run}")
        self.expect(m.run.account.lower() in self._roles, "ready, and the account's role was never read")
        for dex in world.plan.config.dexes:
            self.expect(dex in self._orders, f"ready, and the orders of {dex!r} were never read")
            self.expect(dex in self._positions, f"ready, and the positions of {dex!r} were never read")
            age = now_ms - self._positions[dex]
            self.expect(age <= most, f"ready, and the positions of {dex!r} were read {age} ms ago")

    def _forget(self) -> None:
        self._asked.clear()
        self._orders.clear()
        self._positions.clear()
        self._heard.clear()


class Watched(Check):
    """What would have to stop us is looked at again and again: positions, orders, rules, the clock. After a sleep positions are asked for at once.

    And rules that changed stop the run, and their market until the next start.
    """

    quiet = (Tick,)

    SLACK_MS = 30_000
    """A question without an answer is given up after 15 s, and asked again within 10."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._asked: dict[Query, int] = {}
        self._since_ms: int | None = None
        self._heard = False
        """Of the fills: before, positions are not asked for."""
        self._slept_ms = 0
        self._slept: int | None = None
        """Ticks since a sleep; None: positions were asked for since."""
        self._specs: dict[MarketKey, MarketSpec] = {}
        self._changed: set[MarketKey] = set()

    def started(self, world: World) -> None:
        self._specs.clear()
        self._changed.clear()
        self._since_ms = self._slept = None

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Ask):
                self._asked[effect.query] = world.agenda.now_ms
            elif isinstance(effect, Journal) and isinstance(effect.row, SignalRow) and effect.row.verdict == "accepted":
                market = effect.row.signal.market
                self.expect(market not in self._changed, f"{market}: a signal was accepted after its rules changed")
        match message:
            case Tick():
                self._tick(world, effects)
            case Connected():
                self._asked.clear()
                self._since_ms, self._slept, self._heard = world.agenda.now_ms, None, False
            case Disconnected():
                self._since_ms = self._slept = None
            case TimeJump() if self._since_ms is not None:
                self._asked.clear()
                self._since_ms = self._slept_ms = world.agenda.now_ms
                self._slept = 0 if self._heard else None
            case Fills(is_snapshot=True):
                self._heard = True
            case SpecsRead():
                self._look_at(world, message)

    def _tick(self, world: World, effects: Sequence[Effect]) -> None:
        if self._since_ms is None or world.engine is None:
            return
        now_ms, since_ms, asked = world.agenda.now_ms, self._since_ms, self._asked
        if self._slept is not None:
            self._slept += 1
            missing = [dex for dex in world.plan.config.dexes if asked.get(QueryPositions(dex), 0) < self._slept_ms]
            self._slept = self._slept if missing else None
            self.expect(not missing or self._slept <= 2, f"slept, and the positions of {missing} are not asked for")
        wanted: list[tuple[Query, int]] = [(QueryServerTime(), 30_000)]
        for dex in world.plan.config.dexes:
            wanted.append((QuerySpecs(dex), 60_000))
            wanted.append((QueryOpenOrders(dex), 30_000))
            wanted.append((QueryPositions(dex), max(5_000, world.plan.config.risk.position_sync_ms)))
        for query, every_ms in wanted:
            age = now_ms - asked.get(query, since_ms)
            self.expect(age <= every_ms + self.SLACK_MS, f"{query} was not asked for {age} ms")

    def _look_at(self, world: World, read: SpecsRead) -> None:
        configured = {k for k in (c.key for c in world.plan.config.markets) if k.dex == read.dex}
        found = {s.market: s for s in read.specs if s.market in configured}
        changed = {k for k in configured & self._specs.keys() if found.get(k) != self._specs[k]}
        self._changed |= changed
        self._specs.update(found)
        engine = world.engine
        if engine is not None and changed:
            self.expect(
                engine.machines.latch.tripped,
                f"the rules of {sorted(k.name for k in changed)} changed, and not latched",
            )


class Silent(Check):
    """Oracle prices that do not come for half a minute behind an open socket end the connection, once; none is ended for less.

    Nor for what was not said while we slept.
    """

    quiet = (Tick, AssetCtx)

    WITHIN_MS = 30_000
    SLACK_MS = 2_500
    """A tick may be a second apart, and the question of rules comes before the first subscription."""
    FIRST_WORD_MS = 15_000

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._since_ms: int | None = None
        """Of the last oracle price, or since when one is to be expected."""
        self._true_ms = 0
        """The same in true time, whatever our clock does."""
        self._connected_ms = 0
        self._told = False

    def started(self, world: World) -> None:
        self._since_ms = None

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        now_ms = world.steady_ms
        match message:
            case AssetCtx() if self._since_ms is not None:
                self._since_ms, self._true_ms = now_ms, world.agenda.now_ms
            case Connected():
                self._since_ms, self._connected_ms, self._told = None, now_ms, False
            case Disconnected():
                self._since_ms = None
            case TimeJump():
                self._connected_ms = now_ms
                self._since_ms = None if self._since_ms is None else now_ms
                self._true_ms = world.agenda.now_ms
        for effect in effects:
            if isinstance(effect, Subscribe) and effect.markets:
                self._since_ms, self._true_ms = now_ms, world.agenda.now_ms
            elif isinstance(effect, Reconnect):
                self.expect(not self._told, "a connection was given up twice")
                self._told = True
                least = now_ms - self._connected_ms
                quiet = 0 if self._since_ms is None else now_ms - self._since_ms
                self.expect(
                    least >= self.FIRST_WORD_MS and ("first word" in effect.reason or quiet >= self.WITHIN_MS),
                    f"given up after {least} ms, the last oracle price {quiet} ms ago: {effect.reason}",
                )
        if isinstance(message, Tick) and self._since_ms is not None and not self._told:
            quiet = world.agenda.now_ms - self._true_ms
            self.expect(quiet <= self.WITHIN_MS + self.SLACK_MS, f"no oracle price for {quiet} ms, and still connected")


class Aged(Check):
    """By a clock that was never set back: nothing is decided on a quote that is old or from before a sleep, and no order leaves late."""

    quiet = (Bbo, AssetCtx)

    LEAVES_WITHIN_MS = 1_000

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._touch: dict[MarketKey, int] = {}
        self._context: dict[MarketKey, int] = {}
        self._queued: dict[str, int] = {}

    def started(self, world: World) -> None:
        self._touch.clear()
        self._context.clear()
        self._queued.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        now_ms = world.steady_ms
        match message:
            case Bbo():
                self._touch[message.market] = now_ms
            case AssetCtx():
                self._context[message.market] = now_ms
            case Connected() | TimeJump():
                self._touch.clear()
                self._context.clear()
        for effect in effects:
            if isinstance(effect, Journal) and isinstance(effect.row, SignalRow) and effect.row.verdict == "accepted":
                self._judge(world, effect.row.signal.market)
                self._queued[effect.row.signal.signal_id] = now_ms
            elif has_entry(effect):
                self._leaves(world, effect)

    def _judge(self, world: World, market: MarketKey) -> None:
        risk, now_ms = world.plan.config.risk, world.steady_ms
        for name, at_ms, most in (
            ("touch", self._touch.get(market), risk.bbo_stale_ms),
            ("oracle price", self._context.get(market), risk.ctx_stale_ms),
        ):
            self.expect(at_ms is not None, f"{market}: a signal on a {name} from before a sleep or another connection")
            assert at_ms is not None
            self.expect(now_ms - at_ms <= most, f"{market}: a signal on a {name} that is {now_ms - at_ms} ms old")

    def _leaves(self, world: World, post: Effect) -> None:
        engine = world.engine
        if engine is None:
            return
        assert isinstance(post, Post)
        assert isinstance(post.batch, Orders)
        for order in (o for o in post.batch.orders if not o.reduce_only):
            tracked = engine.machines.orders.get(order.cloid)
            at_ms = self._queued.get(tracked.correlation_id) if tracked is not None else None
            if at_ms is not None:
                late = world.steady_ms - at_ms
                self.expect(late <= self.LEAVES_WITHIN_MS, f"{order.market}: an entry left {late} ms after its signal")


class Observing(Check):
    """An observer sends nothing, whatever it sees and whoever tells it to, and no lost connection stops it."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if world.plan.config.mode == "trading":
            return
        self.expect(not any(isinstance(e, (Post, Repost)) for e in effects), "an observer sent something")
        engine = world.engine
        if engine is None:
            return
        m = engine.machines
        self.expect(m.scheduler.is_empty and not m.cancels.wanted, "an observer has something to send")
        self.expect(not m.flattener.is_active, "an observer closes a position")
        if isinstance(message, Disconnected):
            self.expect("disconnected" not in m.latch.reason, "an observer is stopped by a lost connection")


class KeyEnds(Check):
    """No signal is accepted in the last ten minutes of the key's approval; a day, an hour and ten minutes before its end are told, each once."""

    quiet = (Tick,)

    LAST_MS = 600_000
    TOLD_BEFORE_MS = (600_000, 3_600_000, 86_400_000)

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._until_ms: int | None = None
        self._told: list[int] = []
        self._due_ticks = 0

    def started(self, world: World) -> None:
        self._until_ms = None
        self._told.clear()
        self._due_ticks = 0

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if isinstance(message, AgentsRead) and engine is not None:
            signer = engine.machines.run.signer.lower()
            ends = [a.valid_until_ms for a in message.agents if a.address == signer]
            self._until_ms = ends[0] if ends else None
        if self._until_ms is None:
            return
        left_ms = self._until_ms - world.local_ms
        reached = [before for before in self.TOLD_BEFORE_MS if left_ms < before]
        for effect in effects:
            if isinstance(effect, Alert) and "approval ends soon" in effect.title:
                self.expect(reached, f"the end of the key is told {left_ms} ms before")
                self.expect(reached[0] not in self._told, f"the end of the key is told twice, {left_ms} ms before")
                self._told.append(reached[0])
            elif isinstance(effect, Journal) and isinstance(effect.row, SignalRow) and effect.row.verdict == "accepted":
                self.expect(left_ms >= self.LAST_MS, f"a signal was accepted {left_ms} ms before the key ends")
        if isinstance(message, Tick):
            is_due = bool(reached) and reached[0] not in self._told and self.ledger.connected_ms is not None
            self._due_ticks = self._due_ticks + 1 if is_due else 0
            self.expect(self._due_ticks <= 2, f"the end of the key is not told, {left_ms} ms before")


SESSION_CHECKERS = (Synced, Watched, Silent, Aged, Observing, KeyEnds)
