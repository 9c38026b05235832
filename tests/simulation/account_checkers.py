"""Checkers that the mutants asked for, of what we believe to hold: sizes, ages, the proof of a difference, the alarm of what stays.

Same form and same promise as in checkers. What is compared with the venue is what it had at any time since: a fill may be late, but no
size comes back that is over, and none is believed that never was.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from check import Check
from ledger import Ledger

from core.messages.commands import ResetHardStop
from core.messages.effects import Alert, Effect, FillRow, Journal, PersistLatch, Severity
from core.messages.events import Connected, Disconnected, Fills, FillsRead, OrderUpdates, PositionsRead, Tick
from core.messages.tape import Message
from core.model.market import MarketKey
from core.model.order import OrderStatus
from core.model.position import FillKey, Position
from core.sim import wire
from core.sim.world.world import World

ZERO = Decimal(0)
AGREE_MS = 2_000
"""SPEC 6: a second answer, at least so much later, agrees."""


def sizes_of(world: World) -> dict[MarketKey, Decimal]:
    """What our program believes to hold."""
    assert world.engine is not None
    return {p.market: p.signed_size for p in world.engine.machines.positions.all()}


class Sizes(Check):
    """Our size of a market is one that the venue had, and never one from before the last that we knew. L05, L07, SPEC 6."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._taken = 0
        self._history: dict[str, list[Decimal]] = {}
        self._told: set[FillKey] = set()
        self._read: set[str] = set()
        self._denied: set[MarketKey] = set()
        """Where the exchange's answers said what it did not have: our size is theirs until it is the venue's again."""
        self._known: dict[MarketKey, tuple[Decimal, int]] = {}
        """Our size, and from where on in the history the next one is looked for."""

    def started(self, world: World) -> None:
        self._known.clear()
        self._told.clear()
        self._read.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if world.engine is None:
            return
        if isinstance(message, (Fills, FillsRead)):
            self._told.update(f.key for f in message.fills)
        self._take_fills(world)
        ours = sizes_of(world)
        if isinstance(message, PositionsRead):
            self._doubt(world, message)
        for market in [*ours, *(k for k in self._known if k not in ours)]:
            size = ours.get(market, ZERO)
            known, since = self._known.get(market, (ZERO, 0))
            if market in self._denied:
                if size != self._history.get(market.name, [ZERO])[-1]:
                    continue
                self._denied.discard(market)
            if size == known:
                continue
            history = self._history.get(market.name, [ZERO])
            found = next((i for i in range(since, len(history)) if history[i] == size), None)
            if found is None and self._is_untold(world, market):
                continue  # what we add up lacks a fill that is still to come
            self.expect(
                found is not None,
                f"{market}: {size} after {known}, and the venue had {[str(h) for h in history[since:]]} since",
            )
            assert found is not None
            self._known[market] = (size, found)

    def _doubt(self, world: World, read: PositionsRead) -> None:
        """One that is denied as of its own time; and in the first answer of a run, which all history counts for, one that is old."""
        said = {p.market.name: p.signed_size for p in read.positions}
        as_of = {}
        for fill in world.exchange.venue.fills.get(world.plan.account, ()):
            if fill.time <= read.time_ms or read.dex not in self._read:
                as_of[fill.coin] = fill.start_position + (fill.sz if fill.is_buy else -fill.sz)
        self._read.add(read.dex)
        keys = [MarketKey.parse(coin) for coin, size in as_of.items() if said.get(coin, ZERO) != size]
        self._denied.update(k for k in keys if k.dex == read.dex)

    def _is_untold(self, world: World, market: MarketKey) -> bool:
        fills = world.exchange.venue.fills.get(world.plan.account, ())
        return any(f.coin == market.name and (f.time, f.coin, f.tid) not in self._told for f in fills)

    def _take_fills(self, world: World) -> None:
        fills = world.exchange.venue.fills.get(world.plan.account, ())
        if len(fills) == self._taken:
            return
        for fill in list(fills)[self._taken :]:
            history = self._history.setdefault(fill.coin, [ZERO])
            signed = fill.sz if fill.is_buy else -fill.sz
            history.append(fill.start_position + signed)
        self._taken = len(fills)


class Proof(Check):
    """A size that the exchange's own view changed was proven: the first word of a connection on what is held, or said twice, 2 s apart.

    In between nobody said otherwise, and nothing moved. Where the newest fill ended at that size, the fills are the other witness; and where an
    order is said to be filled whose fills were not told, that word is one of the two. L07, SPEC 6.
    """

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._ours: dict[MarketKey, Decimal] = {}
        self._said: dict[MarketKey, tuple[Decimal, int]] = {}
        """What the answers say that is not our size, and since when they all say so."""
        self._ever: set[str] = set()
        self._read: set[str] = set()
        """Dexes that answered in this run, and on this connection."""
        self._fills: dict[MarketKey, tuple[int, set[Decimal]]] = {}
        """The time of the newest fills that this run has heard of, and the sizes at which those of that time ended."""
        self._of_order: dict[int, dict[FillKey, Decimal]] = {}
        """The sizes of its fills, of those that this run has heard of."""
        self._filled: dict[MarketKey, tuple[Decimal, int, int]] = {}
        """The size after an order that was filled and whose fills were not told, of which block time, and when we heard of it."""

    def started(self, world: World) -> None:
        self._ours, self._said, self._fills = {}, {}, {}
        self._of_order, self._filled = {}, {}
        self._ever.clear()
        self._read.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if world.engine is None:
            return
        if isinstance(message, (Connected, Disconnected)):
            self._read.clear()
        for fill in message.fills if isinstance(message, (Fills, FillsRead)) else ():
            time_ms, ends = self._fills.get(fill.market, (0, set()))
            if fill.time_ms >= time_ms:
                end = fill.start_position + fill.size * fill.side.sign
                self._fills[fill.market] = (fill.time_ms, {*(ends if fill.time_ms == time_ms else ()), end})
            self._of_order.setdefault(fill.oid, {})[fill.key] = fill.size
        for report in message.orders if isinstance(message, OrderUpdates) else ():
            untold = report.original_size - report.remaining - sum(self._of_order.get(report.oid, {}).values(), ZERO)
            if untold > 0 and report.status not in (OrderStatus.UNKNOWN, OrderStatus.REJECTED):
                size = self._ours.get(report.market, ZERO) + untold * report.side.sign
                self._filled[report.market] = (size, report.status_time_ms, world.steady_ms)
        before, self._ours = self._ours, sizes_of(world)
        moved = [k for k in {**before, **self._ours} if before.get(k, ZERO) != self._ours.get(k, ZERO)]
        if isinstance(message, PositionsRead):
            self._judge(world, message, before, moved)
        for market in moved:
            self._said.pop(market, None)
            self._filled.pop(market, None)

    def _judge(
        self, world: World, read: PositionsRead, before: dict[MarketKey, Decimal], moved: Sequence[MarketKey]
    ) -> None:
        said = {p.market: p.signed_size for p in read.positions}
        is_first = read.dex not in self._read
        for market in {**before, **said}:
            if market.dex != read.dex:
                continue
            size = said.get(market, ZERO)
            told = self._said.get(market)
            if market in moved and read.dex in self._ever and not (is_first and size):
                age = None if told is None or told[0] != size else world.steady_ms - told[1]
                is_filled = size != ZERO and size in self._fills.get(market, (0, set()))[1]
                after, block_ms, heard_ms = self._filled.get(market, (None, 0, 0))
                is_filled |= after == size and block_ms <= read.time_ms and world.steady_ms - heard_ms >= AGREE_MS
                self.expect(
                    is_filled or (age is not None and age >= AGREE_MS),
                    f"{market}: {size} was taken over from {before.get(market, ZERO)}, said {'once' if age is None else f'for {age} ms'}",
                )
            if size == before.get(market, ZERO):
                self._said.pop(market, None)
            elif told is None or told[0] != size:
                self._said[market] = (size, world.steady_ms)
        for market in [k for k in self._said if k.dex == read.dex and k not in said and k not in before]:
            del self._said[market]
        self._ever.add(read.dex)
        if world.engine is not None and world.engine.machines.link.connected:
            self._read.add(read.dex)


class Aged(Check):
    """A position is as old as the fill that opened it, where its fills are known; never older; and nothing makes it younger. L09, SPEC 6."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._told: set[FillKey] = set()
        """Fills that this run has heard of."""
        self._read: set[str] = set()
        """Dexes of which it has an answer."""
        self._known: dict[MarketKey, Position] = {}

    def started(self, world: World) -> None:
        self._told.clear()
        self._known.clear()
        self._read.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if world.engine is None:
            return
        if isinstance(message, (Fills, FillsRead)):
            self._told.update(f.key for f in message.fills)
        elif not isinstance(message, PositionsRead):
            return
        now = {p.market: p for p in world.engine.machines.positions.all()}
        for market, position in now.items():
            before = self._known.get(market)
            if before is not None and before.side is position.side:
                at_ms, was_ms = position.entry_timestamp_ms, before.entry_timestamp_ms
                self.expect(
                    at_ms == was_ms or self._reopened(world, market, was_ms),
                    f"{market}: opened {at_ms}, and before {was_ms}",
                )
            else:
                self._opened(world, position, message)
        self._known = now
        if isinstance(message, PositionsRead):
            self._read.add(message.dex)

    def _fills(self, world: World, market: MarketKey) -> list[wire.Fill]:
        return [f for f in world.exchange.venue.fills.get(world.plan.account, ()) if f.coin == market.name]

    def _reopened(self, world: World, market: MarketKey, since_ms: int) -> bool:
        """It was flat in between, or on the other side, within one message."""
        return any(f.start_position == 0 for f in self._fills(world, market) if f.time >= since_ms)

    def _opened(self, world: World, position: Position, message: Message) -> None:
        market, sign = position.market, position.side.sign
        fills = self._fills(world, market)
        if isinstance(message, PositionsRead) and message.dex in self._read:
            fills = [f for f in fills if f.time <= message.time_ms]
        built: list[wire.Fill] = []
        for fill in reversed(fills):
            end = fill.start_position + (fill.sz if fill.is_buy else -fill.sz)
            if end * sign <= 0:
                if built:
                    break
                if fill.is_buy == (sign > 0) and (fill.time, fill.coin, fill.tid) in self._told:
                    return  # the one before it is still to come: what we made of this one was never there
                continue  # closed again already, and we have not heard of it
            built.append(fill)
            if fill.start_position * sign <= 0:
                break
        if not built:
            return
        entry_ms, opened_ms, now_ms = position.entry_timestamp_ms, built[-1].time, world.local_ms
        self.expect(entry_ms <= now_ms, f"{market}: opened {entry_ms - now_ms} ms from now")
        self.expect(
            entry_ms >= min(opened_ms, now_ms), f"{market}: {now_ms - entry_ms} ms old, opened {now_ms - opened_ms} ago"
        )
        if all((f.time, f.coin, f.tid) in self._told for f in built):
            self.expect(
                entry_ms <= opened_ms,
                f"{market}: {now_ms - entry_ms} ms old, and it was opened {now_ms - opened_ms} ago",
            )


class Alarmed(Check):
    """What stays open is told once, in its time and not before; so is each flatten that failed, and it is counted. SPEC 6 (60 s), 8."""

    quiet = (Tick,)

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._told: set[MarketKey] = set()
        self._closing: dict[MarketKey, int] = {}
        self._failures = 0

    def started(self, world: World) -> None:
        assert world.engine is not None
        self._told.clear()
        self._closing.clear()
        self._failures = world.engine.machines.risk.counters.flatten_failures

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if engine is None:
            return
        m, x = engine.machines, world.plan.config.execution
        if not effects and m.positions.is_flat and not self._told and not self._closing:
            return
        held = {p.market: p for p in m.positions.all()}
        closing = {k for k in {**held, **self._closing} if m.flattener.get(k) is not None}
        for effect in effects:
            if isinstance(effect, Alert) and effect.title.endswith(" still open"):
                market = next((k for k in held if effect.title == f"{k} still open"), None)
                self.expect(market is not None, f"{effect.title}, and it is not held")
                assert market is not None
                self.expect(market not in self._told, f"{market}: told twice that it is still open")
                self.expect(effect.severity is Severity.CRITICAL, f"{market}: still open, and not critical")
                self._told.add(market)
            elif isinstance(effect, Alert) and effect.title == "flatten failed":
                self._failed(world, effect)
        if isinstance(message, ResetHardStop) and not m.latch.tripped and self._was_latched:
            self._failures = 0
        self._was_latched = m.latch.tripped
        self.expect(
            m.risk.counters.flatten_failures == self._failures,
            f"{m.risk.counters.flatten_failures} flattens failed by the counter, {self._failures} were told of",
        )
        self._told &= set(held)
        self._closing = {k: self._closing.get(k, world.steady_ms) for k in closing}
        if isinstance(message, Tick) and m.trading and not m.run.by_hand:
            late_ms = max(x.reduce_only_timeout_ms, x.time_stop_ms)
            for market, position in held.items():
                is_late = position.age_ms(m.now) > late_ms and m.is_configured(market)
                self.expect(
                    not is_late or market in self._told, f"{market}: open for {late_ms} ms, and nobody was told"
                )

    def _failed(self, world: World, alert: Alert) -> None:
        self._failures += 1
        market = next((k for k in self._closing if alert.body.startswith(f"{k} ")), None)
        self.expect(market is not None, f"{alert.body}, and it is not being closed")
        assert market is not None
        since, limit = self._closing[market], world.plan.config.execution.reduce_only_timeout_ms
        age = world.steady_ms - since
        self.expect(age >= limit, f"{market}: a flatten failed after {age} ms of {limit}")
        self._closing[market] = world.steady_ms

    _was_latched = False


class Founded(Check):
    """The latch trips for what SPEC 8 says and no sooner: more than the limit, and some of the limits on mainnet only."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._losses = 0

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, PersistLatch) and effect.latch.tripped_at_ms is not None:
                self._judge(world, effect.latch.reason)

    def _judge(self, world: World, reason: str) -> None:
        config = world.plan.config
        on_mainnet = "rejections within" in reason or reason.startswith("slippage")
        self.expect(not on_mainnet or config.is_mainnet_signature, f"latched off mainnet: {reason}")
        first = reason.split()[0]
        if first.isdigit():
            risk = config.risk
            limit = {
                "losses": risk.max_consecutive_losses,
                "flatten": risk.max_flatten_failures,
                "rejections": risk.max_rejected_per_hour,
            }.get(reason.split()[1])
            self.expect(limit is None or int(first) > limit, f"latched at the limit: {reason}")


class Tallied(Check):
    """What the screen adds up of a run is what its fills earned, fees taken off."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._starts = 0
        self._had_snapshot = False
        self._earned = ZERO
        self._fees = ZERO

    def started(self, world: World) -> None:
        self._starts += 1

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        is_history = isinstance(message, Fills) and message.is_snapshot and not self._had_snapshot
        self._had_snapshot |= is_history
        for effect in effects if not is_history else ():
            if isinstance(effect, Journal) and isinstance(effect.row, FillRow):
                self._earned += effect.row.fill.closed_pnl - effect.row.fill.fee
                self._fees += effect.row.fill.fee

    def at_rest(self, world: World) -> None:
        assert world.engine is not None
        if self._starts == 1:  # what an earlier run has told is history to this one
            tally = world.engine.machines.tally
            self.expect(tally.realized == self._earned, f"{tally.realized} on the screen, {self._earned} by the fills")
            self.expect(tally.fees == self._fees, f"fees {tally.fees} on the screen, {self._fees} by the fills")


ACCOUNT_CHECKERS = (Sizes, Proof, Aged, Alarmed, Founded, Tallied)
