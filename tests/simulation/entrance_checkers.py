"""Checkers of what may go in: how much is at risk, when, on what data, and that every refusal is told once. See checkers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from check import Check, is_by_hand, orders_of
from ledger import ZERO, Ledger

from core.messages.effects import Effect, Journal, OrderRow, Post, SignalRow
from core.messages.tape import Message
from core.model.cloid import is_ours
from core.sim.truth import ActionEntry
from core.sim.world.world import World

ENTRY_WITHIN_MS = 1_000
BY_HAND_WITHIN_MS = 5_000


class Exposure(Check):
    """Position, what may still become one, and the new order: never above the limits, at the marks known when it was decided."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        new = [o for e in effects for o in orders_of(e, entries=True)]
        if not new:
            return
        x = world.plan.config.execution
        usd: dict[str, Decimal] = {}
        for coin, held in self.ledger.held.items():
            usd[coin] = abs(held.szi) * self._mark(world, coin)
        for placed in self.ledger.live_entries(world):
            order = placed.order
            usd[order.market.name] = usd.get(order.market.name, ZERO) + order.size * self._mark(
                world, order.market.name
            )
        for resting in world.exchange.venue.open_orders(world.plan.account):
            if is_ours(resting.cloid) and not resting.reduce_only:
                usd[resting.coin] = usd.get(resting.coin, ZERO) + resting.sz * self._mark(world, resting.coin)
        for order in new:
            name = order.market.name
            self.expect(
                usd.get(name, ZERO) <= x.max_notional_per_market,
                f"{name}: ${usd.get(name, ZERO):.2f} with this order, limit ${x.max_notional_per_market}",
            )
        total = sum(usd.values(), ZERO)
        self.expect(
            total <= x.max_notional_total, f"${total:.2f} in all with this order, limit ${x.max_notional_total}"
        )

    def _mark(self, world: World, coin: str) -> Decimal:
        known = {m.name: px for m, px in self.ledger.marks.items()}
        return known.get(coin) or world.exchange.venue.markets[coin].mark_px

    def executed(self, world: World, entry: ActionEntry) -> None:
        """The venue's truth, with room for a mark that moved while the order was on its way."""
        x = world.plan.config.execution
        total = ZERO
        for coin, held in self.ledger.held.items():
            usd = abs(held.szi) * world.exchange.venue.markets[coin].mark_px
            self.expect(usd <= x.max_notional_per_market * Decimal("1.1"), f"{coin}: ${usd:.2f} held")
            total += usd
        self.expect(total <= x.max_notional_total * Decimal("1.1"), f"${total:.2f} held in all")


class OneEntry(Check):
    """At most one entry of a market that is not settled: none is filled while the venue holds a position there already."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._seen = 0

    def executed(self, world: World, entry: ActionEntry) -> None:
        fills = world.exchange.venue.fills.get(world.plan.account, ())
        new = list(fills)[self._seen :] if len(fills) != self._seen else []
        self._seen = len(fills)
        first: set[int] = set()
        for fill in new:
            placed = self.ledger.placed.get(fill.cloid or "")
            if placed is None or placed.order.reduce_only or is_by_hand(placed.order) or fill.oid in first:
                continue
            first.add(fill.oid)
            self.expect(
                fill.start_position == 0,
                f"{fill.coin}: an entry was filled on top of a position of {fill.start_position}",
            )


class EntryAllowed(Check):
    """No entry leaves after the latch, while paused, stopping, disconnected or not ready; and every entry can expire, no exit can."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if not isinstance(effect, Post):
                continue
            new = orders_of(effect, entries=True)
            self.expect(
                bool(new) == (effect.expires_after_ms is not None),
                "expiresAfter goes with entries, and with nothing else",
            )
            if not new:
                continue
            engine = world.engine
            assert engine is not None
            m = engine.machines
            self.expect(not self.ledger.latched, "an entry after the latch")
            self.expect(not m.paused or all(is_by_hand(o) for o in new), "an entry while paused")
            self.expect(m.stopping is None, "an entry while stopping")
            self.expect(self.ledger.connected_ms is not None, "an entry without a connection")
            self.expect(m.readiness.is_ready, "an entry while not ready")
            self.expect(
                all(o.market in m.allowed for o in new), f"an entry on {[str(o.market) for o in new]}, not all allowed"
            )
            expires = effect.expires_after_ms
            assert expires is not None
            latest = world.local_ms + m.nonces.offset_ms + world.plan.config.execution.post_timeout_ms
            self.expect(expires <= latest, f"expires {expires - latest} ms later than the answer is waited for")


class EntryInTime(Check):
    """An entry leaves within a bound of its signal, or never."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._signals: dict[str, int] = {}
        self._signal_of: dict[str, str] = {}

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Journal) and isinstance(effect.row, SignalRow):
                self._signals[effect.row.signal.signal_id] = effect.row.signal.at_ms
            elif isinstance(effect, Journal) and isinstance(effect.row, OrderRow) and effect.row.correlation_id:
                self._signal_of[effect.row.cloid] = effect.row.correlation_id
        for effect in effects:
            for order in orders_of(effect, entries=True):
                signal_id = self._signal_of.get(order.cloid)
                at_ms = self._signals.get(signal_id) if signal_id else None
                at_ms = order.created_at_ms if at_ms is None else at_ms
                age = world.local_ms - at_ms
                most = BY_HAND_WITHIN_MS if is_by_hand(order) else ENTRY_WITHIN_MS
                self.expect(age <= most, f"{order.market}: an entry left {age} ms after its signal")


class EntryWorth(Check):
    """An entry has its edge on the data known, rounded price and all, and that data is fresh."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if not isinstance(effect, Journal) or not isinstance(effect.row, SignalRow):
                continue
            if effect.row.verdict != "accepted":
                continue
            self._judge(world, effect.row)

    def _judge(self, world: World, row: SignalRow) -> None:
        signal, config = row.signal, world.plan.config
        touch, context = self.ledger.touch.get(signal.market), self.ledger.context.get(signal.market)
        self.expect(touch and context, f"{signal.market}: a signal without a touch or an oracle price")
        assert touch is not None
        assert context is not None
        ages = (world.local_ms - touch[1], world.local_ms - context[1])
        self.expect(ages[0] <= config.risk.bbo_stale_ms, f"{signal.market}: a signal on a touch {ages[0]} ms old")
        self.expect(
            ages[1] <= config.risk.ctx_stale_ms, f"{signal.market}: a signal on an oracle price {ages[1]} ms old"
        )
        bbo, ctx = touch[0], context[0]
        self.expect(None not in (bbo.ask_px, bbo.bid_px), f"{signal.market}: a signal on a one-sided book")
        assert bbo.ask_px is not None
        assert bbo.bid_px is not None
        assert bbo.ask_sz is not None
        assert bbo.bid_sz is not None
        mid = (bbo.ask_px + bbo.bid_px) / 2
        divergence = abs(ctx.mark_px - mid) / mid * 10_000
        most = config.risk.max_mark_mid_divergence_bps
        self.expect(divergence <= most, f"{signal.market}: mark and mid {divergence:.1f} bps apart")
        sign = signal.side.sign
        engine = world.engine
        assert engine is not None
        spec = engine.machines.specs[signal.market]
        fee_bps = Decimal("4.5") * spec.fee_scale
        edge = sign * (ctx.oracle_px - signal.price) / ctx.oracle_px * 10_000
        wanted = fee_bps + config.execution.min_edge_bps
        self.expect(edge >= wanted, f"{signal.market}: edge {edge:.2f} bps at the limit price, {wanted} wanted")
        touch_px, touch_sz = (bbo.ask_px, bbo.ask_sz) if sign > 0 else (bbo.bid_px, bbo.bid_sz)
        gap = sign * (ctx.oracle_px - touch_px) / ctx.oracle_px * 10_000
        wanted += config.execution.slippage_bps
        self.expect(gap >= wanted, f"{signal.market}: {gap:.2f} bps at the touch, {wanted} wanted")
        share = config.execution.size_alpha * touch_sz
        self.expect(signal.size <= share, f"{signal.market}: size {signal.size} of {touch_sz} at the touch")


class DailyCap(Check):
    """No entry when the positions opened today have reached the cap."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if any(orders_of(e, entries=True) for e in effects):
            engine = world.engine
            assert engine is not None
            cap = world.plan.config.max_daily_trades
            counters = engine.machines.risk.counters
            opened = counters.trades_today if counters.day == engine.machines.now // 86_400_000 else 0
            live = len(self.ledger.live_entries(world))  # this one among them
            self.expect(opened + live <= cap, f"{live} entries under way after {opened} positions of {cap} today")


class Denials(Check):
    """Every denial and every acceptance is in the journal once, and counted once."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._rows: Counter[str] = Counter()

    def started(self, world: World) -> None:
        self._rows.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        changed = False
        for effect in effects:
            if isinstance(effect, Journal) and isinstance(effect.row, SignalRow):
                self._rows[effect.row.verdict.split(":")[0]] += 1
                changed = True
        if changed:
            engine = world.engine
            assert engine is not None
            tally = engine.machines.tally
            counted = {g.value: n for g, n in tally.denied.items() if n}
            if tally.entries:
                counted["accepted"] = tally.entries
            self.expect(counted == dict(self._rows), f"counted {counted}, in the journal {dict(self._rows)}")
