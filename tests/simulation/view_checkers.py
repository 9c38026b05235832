"""Checkers that the mutants asked for, of what the operator is shown, and of the guard beside the console: both judged on what really is.

Same form and same promise as in checkers. A snapshot is taken at ticks a second apart, as the console does; taking one must change nothing.

SPEC 8 (guard), 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from check import Check
from ledger import Ledger

from core.engine.guard_watch import Life, Seen, Watch
from core.messages.effects import Effect, FillRow, Journal, Post, Repost, TradeRow
from core.messages.events import AssetCtx, Bbo, Connected, Tick
from core.messages.snapshot import LoopStats, Snapshot, TradingState
from core.messages.tape import Message
from core.model.cloid import is_ours
from core.model.market import MarketKey
from core.sim.world.world import World

ZERO = Decimal(0)
BPS = Decimal(10_000)
_LEAST_FEE = Decimal("0.000005")
"""Of a maker where a market in its growth pays a tenth."""

LONG_MS = 600_000


def pause_ms(world: World, ms: int) -> int:
    """Between two looks. In a life of hours a picture each second would be a fifth of all the work."""
    return ms if world.plan.weather_ms < LONG_MS else 10 * ms


class Shown(Check):
    """What is on the screen is what is: whether we trade, the latch, positions, exposure, money, orders, ages."""

    quiet = (Tick, Bbo, AssetCtx)

    EVERY_MS = 1_000

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._next_ms = 0
        self._market_ms: int | None = None
        self._posts = self._trades = self._wins = 0
        self._realized = self._fees = ZERO
        self._opened: set[MarketKey] = set()
        """Where something was opened, and paid for, since the start, and is open still."""
        self._since_ms = 0
        self._others_while_away = False
        """Others traded while no program ran: what of it stands in one trade with what is ours, that run counts, and nothing else."""

    def started(self, world: World) -> None:
        self._opened.clear()
        self._since_ms, self._others_while_away = world.agenda.now_ms, False
        self._next_ms, self._market_ms = 0, None
        self._posts = self._trades = self._wins = 0
        self._realized = self._fees = ZERO

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, (AssetCtx, Bbo)):
            if isinstance(message, AssetCtx) or not message.from_book:
                self._market_ms = world.steady_ms
            return self._add(effects)
        if isinstance(message, Connected):
            self._market_ms = None
        self._add(effects)
        if isinstance(message, Tick) and world.engine is not None and world.agenda.now_ms >= self._next_ms:
            self._next_ms = world.agenda.now_ms + pause_ms(world, self.EVERY_MS)
            self._judge(world, world.engine.snapshot(world.local_ms, LoopStats()))
        return None

    def _add(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, (Post, Repost)):
                self._posts += 1
            elif isinstance(effect, Journal) and isinstance(effect.row, TradeRow):
                self._trades += 1
                self._wins += effect.row.trade.net_pnl_usd > 0
                self._opened.discard(effect.row.trade.market)
            elif isinstance(effect, Journal) and isinstance(effect.row, FillRow):
                if effect.row.fill.time_ms <= self.ledger.away[0].started_ms:
                    continue  # history: from before the first start
                if not is_ours(effect.row.fill.cloid) and effect.row.fill.time_ms <= self._since_ms:
                    self._others_while_away = True
                if not effect.row.fill.start_position and effect.row.fill.fee > 0:
                    self._opened.add(effect.row.fill.market)
                self._realized += effect.row.fill.closed_pnl - effect.row.fill.fee
                self._fees += effect.row.fill.fee

    def _judge(self, world: World, s: Snapshot) -> None:
        self._state(world, s)
        self._positions(world, s)
        self._lists(world, s)
        pnl = s.pnl
        if world.plan.config.mode != "trading":
            return  # an observer books nothing
        self.expect((pnl.trades, pnl.wins) == (self._trades, self._wins), f"{pnl.trades} trades, {pnl.wins} won")
        # What the stop program, or anybody, did while nobody looked is history to the next run.
        if not world.stops.runs and not self._others_while_away:
            self.expect(pnl.realized_usd == self._realized, f"{pnl.realized_usd} earned, {self._realized} by its fills")
            self.expect(pnl.fees_usd == self._fees, f"{pnl.fees_usd} in fees, {self._fees} by its fills")
        age = s.connection.market_age_ms
        if age is not None and self._market_ms is not None:
            self.expect(age <= world.steady_ms - self._market_ms, f"market data {age} ms old, the last is older")
        self.expect(age is None or age >= 0, f"market data {age} ms old")
        for m in s.markets:
            for ms in (m.bbo_age_ms, m.ctx_age_ms):
                self.expect(ms is None or ms >= 0, f"{m.market}: {ms} ms old")

    def _state(self, world: World, s: Snapshot) -> None:
        assert world.engine is not None
        m = world.engine.machines
        is_connected = self.ledger.connected_ms is not None
        may = (
            is_connected
            and m.trading
            and m.readiness.is_ready
            and not (self.ledger.latched or s.paused or m.stopping or m.risk.run_limits.pause(m.risk.counters))
        )
        self.expect((s.state is TradingState.ACTIVE) == may, f"shown as {s.state.value}: {s.state_reason}")
        halted = not (is_connected and m.trading)
        self.expect((s.state is TradingState.HALTED) == halted, f"shown as {s.state.value}, connected: {is_connected}")
        self.expect(bool(s.state_reason) != may, f"{s.state.value} because {s.state_reason!r}")
        self.expect(s.hard_stop.tripped == self.ledger.latched, f"hard stop shown: {s.hard_stop.tripped}")
        self.expect(not s.hard_stop.tripped or bool(s.hard_stop.reason), "a hard stop without a reason")
        ready = s.ready
        is_shown = ready.md_ready and ready.order_snapshot and ready.fills_snapshot and ready.position_synced
        self.expect(is_shown == m.readiness.is_ready, "ready is not what its conditions are")
        self.expect(bool(ready.missing) != is_shown, f"ready {is_shown}, missing {ready.missing}")
        self.expect((s.shutdown is not None) == (m.stopping is not None), "a stop is not shown, or one that is none")

    def _positions(self, world: World, s: Snapshot) -> None:
        assert world.engine is not None
        m, config = world.engine.machines, world.plan.config
        configured = {k.key for k in config.markets}
        watched = config.mode == "trading"
        exposure = ZERO
        for p in s.positions:
            self.expect(p.size > 0, f"{p.market}: a position of {p.size}")
            self.expect(p.is_external == (p.market not in configured), f"{p.market}: external {p.is_external}")
            due = p.entry_ms + config.execution.time_stop_ms if watched and not p.is_external else None
            self.expect(p.time_stop_at_ms == due, f"{p.market}: time stop at {p.time_stop_at_ms}, due at {due}")
            task = m.flattener.get(p.market)
            closing = bool(p.exit_reason), p.exit_attempts, p.exit_started_ms
            known = (True, task.attempts, task.started_ms) if task else (False, 0, None)
            self.expect(closing == known, f"{p.market}: closing is {known}, shown {closing}")
            is_marked = p.mark_px is not None or p.market not in m.venue_marks
            self.expect(is_marked, f"{p.market}: no mark is shown, and the exchange told one")
            mark = self.ledger.marks.get(p.market)
            if mark is None or p.mark_px != mark or p.upnl_usd is None:
                continue
            exposure += p.size * mark
            self.expect(p.notional_usd == p.size * mark, f"{p.market}: worth {p.notional_usd}")
            moved = (mark - p.entry_px) * p.size * p.side.sign
            costs = moved - p.upnl_usd
            least = p.size * mark * (m.fee_bps(p.market) / BPS + (_LEAST_FEE if p.market in self._opened else 0))
            self.expect(
                least * Decimal("0.999") <= costs < p.size * mark / 100 + Decimal("0.1"),
                f"{p.market}: {p.upnl_usd} shown, {moved} without fees, and they are at least {least}",
            )
        for order in s.orders:
            mark = self.ledger.marks.get(order.market)
            if (
                mark is not None
                and order.status.value == "in flight"
                and not order.reduce_only
                and not order.is_external
            ):
                exposure += (order.size - order.filled) * mark
        self.expect(
            s.pnl.exposure_usd >= exposure * Decimal("0.999"), f"${s.pnl.exposure_usd} at risk shown, ${exposure} is"
        )

    def _lists(self, world: World, s: Snapshot) -> None:
        assert world.engine is not None
        m = world.engine.machines
        shown = {(o.cloid, o.oid) for o in s.orders}
        left = [o for o in (*m.orders.unsettled(), *m.orders.external()) if (o.cloid, o.oid) not in shown]
        self.expect(not left, f"orders {[o.cloid for o in left]} are not shown")
        ended = [o for o in s.orders if o.is_settled and not o.is_external]
        self.expect(len(ended) <= 30, f"{len(ended)} ended orders are shown")
        self.expect([q.depth for q in s.queues] == list(m.scheduler.depths), "queues are not what is shown")
        x = world.plan.config.execution
        caps = [x.cancel_queue_cap, x.reduce_only_queue_cap, x.new_order_queue_cap]
        self.expect([q.cap for q in s.queues] == caps, "caps of the queues")
        self.expect(s.inflight.value <= s.inflight.maximum <= s.inflight.limit, f"inflight {s.inflight}")
        self.expect(s.inflight.value == s.tally.posts_sent - s.tally.posts_completed, "inflight is not the difference")
        self.expect(s.tally.posts_sent <= self._posts, f"{s.tally.posts_sent} posts of {self._posts}")


class HandsShown(Check):
    """The story of an order by hand tells what became of it: filled what its fills say, over when it is, told once step by step."""

    quiet = (Tick,)

    EVERY_MS = 1_000

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._next_ms = 0
        self._filled: dict[str, Decimal] = {}
        self._fees: dict[str, Decimal] = {}

    def started(self, world: World) -> None:
        self._next_ms = 0
        self._filled.clear()
        self._fees.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Journal) and isinstance(effect.row, FillRow) and effect.row.fill.cloid:
                fill = effect.row.fill
                assert fill.cloid is not None
                self._filled[fill.cloid] = self._filled.get(fill.cloid, ZERO) + fill.size
                self._fees[fill.cloid] = self._fees.get(fill.cloid, ZERO) + fill.fee
        engine = world.engine
        if engine is None or not isinstance(message, Tick) or world.agenda.now_ms < self._next_ms:
            return
        self._next_ms = world.agenda.now_ms + pause_ms(world, self.EVERY_MS)
        m = engine.machines
        views = m.lives.views(m.orders.get)
        over = [v for v in views if v.is_settled or v.denied]
        self.expect(len(over) <= 30, f"{len(over)} orders by hand that are over are kept")
        for v in views:
            self.expect(v.steps and len(v.steps) <= 60, f"{len(v.steps)} steps of an order by hand")
            self.expect(
                v.steps[0].name == ("denied" if v.denied else "queued"), f"a story begins with {v.steps[0].name}"
            )
            twice = [a for a, b in zip(v.steps, v.steps[1:], strict=False) if (a.name, a.text) == (b.name, b.text)]
            self.expect(not twice, f"told twice: {twice}")
            if v.cloid is None:
                continue
            order = m.orders.get(v.cloid)
            done, fee = self._filled.get(v.cloid, ZERO), self._fees.get(v.cloid, ZERO)
            self.expect((v.filled, v.fee_usd) == (done, fee), f"{v.cloid}: {v.filled} filled, {done} by its fills")
            self.expect(bool(v.avg_px) == bool(done), f"{v.cloid}: at {v.avg_px}")
            if order is not None:
                self.expect(v.is_settled == order.is_settled, f"{v.cloid}: over {v.is_settled}")
        alive = {o.cloid for o in m.orders.unsettled() if o.purpose.value == "manual"}
        self.expect(len(views) <= 31 + len(alive), f"{len(views)} stories are kept, and {len(alive)} orders live")
        self.expect(alive <= {v.cloid for v in views}, f"orders by hand without a story: {alive}")


class Guarded(Check):
    """The guard beside the console: within its time it sees a death and a hang, never a live one as dead, and deals with each once."""

    quiet = (Tick,)

    LOOKS_EVERY_MS = 250
    TIMEOUT_MS = 5_000

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._watch = Watch(self.TIMEOUT_MS)
        self._begun = self._ended = self._confirmed = False
        self._run, self._ticks, self._beat_ms, self._true_ms = "", 0, 0, 0
        self._gone_ms: int | None = None
        self._dealt: str | None = None
        self._dealt_ticks = 0

    def started(self, world: World) -> None:
        engine = world.engine
        assert engine is not None
        self._run, self._ticks, self._gone_ms = str(engine.machines.run.run_id), 0, None
        self._ended = self._confirmed = False
        self._beat_ms, self._true_ms = world.local_ms, world.agenda.now_ms
        if not self._begun:
            self._begun = True
            world.agenda.after(self.LOOKS_EVERY_MS, lambda: self._look(world))

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, Tick):
            self._ticks += 1
            self._beat_ms, self._true_ms = world.local_ms, world.agenda.now_ms

    def crashed(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        self._gone_ms = world.agenda.now_ms

    def finished(self, world: World, confirmed: bool) -> None:
        self._gone_ms, self._ended, self._confirmed = world.agenda.now_ms, True, confirmed

    def _look(self, world: World) -> None:
        world.agenda.after(self.LOOKS_EVERY_MS, lambda: self._look(world))
        now_ms = world.agenda.now_ms
        if world.plan.seed % 2 and world.program.is_stalled:
            self._true_ms = now_ms  # the whole machine sleeps, and its time begins anew
            return
        is_there = world.engine is not None
        vanished = world.plan.seed % 3 == 0 and not is_there
        seen = None if vanished else Seen(self._run, self._ticks, self._beat_ms, is_there, self._ended, self._confirmed)
        life = self._watch.look(seen, now_ms, world.local_ms)
        still = now_ms - self._true_ms
        dealt = self._dealt == self._run and self._ticks == self._dealt_ticks
        self.expect(life is not Life.DEAD or not self._ended, "it ended, and is said to have died")
        if life.needs_us:
            self.expect(not dealt, f"dealt with twice: {life.value}")
            self.expect(not (is_there and still < self.TIMEOUT_MS), f"{life.value}, {still} ms after its last beat")
            self.expect(not (self._ended and self._confirmed), f"{life.value}, and it ended in order")
            self._watch.handled()
            self._dealt, self._dealt_ticks = self._run, self._ticks
        late = self.TIMEOUT_MS + 1_000 if vanished else 1_000
        if life.needs_us:
            return
        if not dealt and not is_there and not (self._ended and self._confirmed):
            self.expect(self._gone_ms is None or now_ms - self._gone_ms < late, f"dead for {late} ms: {life.value}")
        if is_there and not dealt:
            most = self.TIMEOUT_MS + 2 * self.LOOKS_EVERY_MS
            self.expect(still <= most or life is Life.HUNG, f"still for {still} ms: {life.value}")


VIEW_CHECKERS = (Shown, HandsShown, Guarded)
