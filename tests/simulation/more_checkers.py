"""Checkers that the mutants asked for, of what goes in and out: signals, queues, budget, questions, readiness.

A guard was taken out, and nobody had noticed. Same form and same promise as in checkers: each one thing, its own name in the Violation,
judged from messages, effects and the venue, and from the engine's books only where they are what the rule speaks of.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from check import Check, has_entry
from ledger import Ledger

from core.messages.effects import (
    Ask,
    Effect,
    FillRow,
    Journal,
    OrderRow,
    Post,
    PostRow,
    Repost,
    SignalRow,
    Subscribe,
)
from core.messages.events import (
    Connected,
    PostNotSent,
    PostRefused,
    PostReply,
    RateLimitRead,
    Tick,
)
from core.messages.tape import Message
from core.model.market import MarketKey
from core.model.order import Orders, OrderStatus
from core.model.position import FillKey
from core.sim.world.watcher import Violation
from core.sim.world.world import World


class Accepted(Check):
    """A signal is accepted only where SPEC 7 lets it: asked of the whole engine, not of the gate that should have refused."""

    quiet = ()

    PAUSE_MS = 900

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._missed_ms: dict[MarketKey, int] = {}
        """When an entry last found nobody."""

    def started(self, world: World) -> None:
        self._missed_ms.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if not isinstance(effect, Journal):
                continue
            row = effect.row
            if isinstance(row, SignalRow) and row.verdict == "accepted":
                self._judge(world, row)
            elif isinstance(row, OrderRow) and row.status is OrderStatus.REJECTED and row.purpose == "entry":
                self._missed_ms[row.market] = world.steady_ms

    def _judge(self, world: World, row: SignalRow) -> None:
        engine, market = world.engine, row.signal.market
        assert engine is not None
        m = engine.machines
        config = world.plan.config
        allowed = config.safety.allowed_markets
        most = min(config.execution.max_notional_per_market, config.safety.max_notional_usd)
        others = [o for o in m.orders.unsettled() if o.market == market and o.correlation_id != row.signal.signal_id]
        # What the operator left in the book to reduce a position goes with it, and adds to none.
        others = [o for o in others if not (o.reduce_only and o.is_resting)]
        for refused, why in (
            (self.ledger.latched, "after the latch"),
            (self.ledger.connected_ms is None, "without a connection"),
            (not m.readiness.is_ready, "while not ready"),
            (m.paused, "while paused"),
            (m.stopping is not None, "while stopping"),
            (allowed is not None and market.name not in allowed, "on a market that is not allowed"),
            (m.positions.get(market) is not None, "on a market with a position"),
            (m.positions.has_suspects, "while a size is in doubt"),
            (others, f"while {[o.status.value for o in others]} of the market are not settled"),
            (m.exposure_usd(market) > most, f"with ${m.exposure_usd(market):.2f} on it"),
            (m.total_exposure_usd() > m.max_total_usd, f"with ${m.total_exposure_usd():.2f} in all"),
            (m.flattener.get(market) is not None, "while the market is being closed"),
            (any(o.market == market for o in m.cancels.wanted), "while a cancel of the market is wanted"),
            (
                0 <= world.steady_ms - self._missed_ms.get(market, 0) < self.PAUSE_MS,
                "right after one that found nobody",
            ),
            (row.signal.size * row.signal.price < 10, "under the minimum"),
        ):
            self.expect(not refused, f"{market}: a signal was accepted {why}")


class OnceTold(Check):
    """One dislocation is refused once by each gate, and the trades, fills and subscriptions of a life are told once."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._denied: set[tuple[str, str]] = set()
        self._fills: set[FillKey] = set()
        self._subscribed = False

    def started(self, world: World) -> None:
        self._denied.clear()
        self._fills.clear()
        self._subscribed = False

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, Connected):
            self._subscribed = False
        for effect in effects:
            if isinstance(effect, Subscribe):
                self.expect(not self._subscribed, "subscribed twice on one connection")
                self._subscribed = True
            if not isinstance(effect, Journal):
                continue
            if isinstance(effect.row, SignalRow):
                told = (effect.row.signal.signal_id, effect.row.verdict.split(":")[0])
                self.expect(told not in self._denied, f"{told[0]} was refused twice: {told[1]}")
                self._denied.add(told)
            elif isinstance(effect.row, FillRow):
                self.expect(effect.row.fill.key not in self._fills, f"fill {effect.row.fill.key} booked twice")
                self._fills.add(effect.row.fill.key)


class Queues(Check):
    """What leaves, leaves in the order of SPEC 4: cancels, exits, entries; entries not at the watermark; on a tick where ticks dispatch."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._put_back = False

    def started(self, world: World) -> None:
        self._put_back = False

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine, x = world.engine, world.plan.config.execution
        assert engine is not None
        m = engine.machines
        cancels, exits, new = m.scheduler.depths
        self._put_back |= isinstance(message, PostNotSent)
        self.expect(new <= x.new_order_queue_cap, f"{new} entries in the queue")
        self.expect(self._put_back or cancels <= x.cancel_queue_cap, f"{cancels} cancels in the queue")
        for effect in effects:
            if not isinstance(effect, (Post, Repost)):
                continue
            self.expect(x.dispatch == "eager" or isinstance(message, Tick), "a post between two ticks")
            if isinstance(effect, Repost) or not isinstance(effect.batch, Orders):
                continue
            self.expect(m.budget.limited or not cancels, f"orders left before {cancels} cancels")
            if has_entry(effect):
                self.expect(not exits, f"an entry left before {exits} exits")
                self.expect(m.posts.inflight < x.inflight_high_watermark, f"an entry at {m.posts.inflight} inflight")


class Budget(Check):
    """While the address has used up what it may send: one action per 10 s, and none that holds an entry.

    And no signal is accepted for a minute after a post-only phase was heard of, nor while failed posts ask for a pause.
    """

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._limited = False
        self._last_ms: int | None = None
        self._failures = 0
        self._pause_until_ms = 0

    def started(self, world: World) -> None:
        self._limited = False
        self._last_ms = None
        self._failures = self._pause_until_ms = 0

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, RateLimitRead):
            self._limited = message.used >= message.cap
        if isinstance(message, PostRefused):
            self._limited |= "too many cumulative requests" in message.error.lower()
        for effect in effects:
            if isinstance(effect, Journal) and isinstance(effect.row, PostRow):
                self._count(world, effect.row, message)
            elif isinstance(effect, Journal) and isinstance(effect.row, SignalRow) and effect.row.verdict == "accepted":
                left = self._pause_until_ms - world.steady_ms
                self.expect(left <= 0, f"a signal accepted {left} ms before the end of a pause")
        for effect in effects:
            if isinstance(effect, (Post, Repost)):
                if self._limited:
                    self.expect(not has_entry(effect), "an entry while the budget is used up")
                    gap = None if self._last_ms is None else world.steady_ms - self._last_ms
                    self.expect(gap is None or gap >= 10_000, f"two posts within {gap} ms while the budget is used up")
                self._last_ms = world.steady_ms

    def _count(self, world: World, row: PostRow, message: Message) -> None:
        """Failures in a row and the pause they ask for; a repeat (nonce 0) is no attempt of its own."""
        said = ""
        if row.outcome == "answered":
            self._failures = self._pause_until_ms = 0
            assert isinstance(message, PostReply)
            said = " ".join(o.error for o in message.outcomes if o.error)
        elif row.nonce and row.outcome.startswith(("timed out", "not sent", "refused")):
            self._failures += 1
            pause = 60_000 if self._failures >= 5 else 1_000 << (self._failures - 1)
            self._pause_until_ms = max(self._pause_until_ms, world.steady_ms + pause)
            said = row.outcome
        if "only post-only orders" in said.lower():
            self._pause_until_ms = max(self._pause_until_ms, world.steady_ms + 60_000)


class Questions(Check):
    """The same question is out once; and all of them together keep the address's weight."""

    quiet = ()

    MOST_PER_MINUTE = 300
    BESIDE_POSITIONS = 120
    """Which the config may want to have read very often, of several dexes."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._asked: deque[int] = deque()
        self.most = 0

    def started(self, world: World) -> None:
        self._asked.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        now_ms = world.agenda.now_ms
        for effect in effects:
            if isinstance(effect, Ask):
                self.expect(self.ledger.connected_ms is not None, "a question without a connection")
                self._asked.append(now_ms)
        while self._asked and now_ms - self._asked[0] > 60_000:
            self._asked.popleft()
        self.most = max(self.most, len(self._asked))
        config = world.plan.config
        asked_for = 60_000 // config.risk.position_sync_ms * len(config.dexes)
        most = max(self.MOST_PER_MINUTE, self.BESIDE_POSITIONS + asked_for)
        self.expect(len(self._asked) <= most, f"{len(self._asked)} questions within a minute")


class Ready(Check):
    """Ready means: every market that is not left out has a fresh two-sided touch and a fresh oracle price."""

    quiet = (Tick,)

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if engine is None or not isinstance(message, Tick) or not engine.machines.readiness.is_ready:
            return
        risk, local_ms = world.plan.config.risk, world.local_ms
        usable = 0
        for state in engine.machines.markets.all():
            if state.left_out or (state.spec is not None and state.spec.is_delisted):
                continue
            usable += 1
            touch, context = self.ledger.touch.get(state.market), self.ledger.context.get(state.market)
            if touch is None or context is None:
                raise Violation("Ready", f"ready, and nothing is known of {state.market}")
            ages = local_ms - touch[1], local_ms - context[1]
            is_two_sided = touch[0].bid_px and touch[0].ask_px
            if ages[0] <= risk.bbo_stale_ms and ages[1] <= risk.ctx_stale_ms and is_two_sided:
                continue  # in every tick of every market: no text is made for what holds
            self.expect(ages[0] <= risk.bbo_stale_ms, f"ready, and the touch of {state.market} is {ages[0]} ms old")
            self.expect(ages[1] <= risk.ctx_stale_ms, f"ready, and the oracle of {state.market} is {ages[1]} ms old")
            self.expect(is_two_sided, f"ready, and the book of {state.market} is one-sided")
        if not usable:
            raise Violation("Ready", "ready, and no market has data")


ENTRY_CHECKERS = (Accepted, OnceTold, Queues, Budget, Questions, Ready)
