"""Checkers of the way out: the time stop, exits, the latch and what has to trip it, a lost connection, and the books at the end. See checkers."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from check import Check, orders_of
from ledger import Ledger, all_read
from own_trades import own_trades

from core.messages.effects import Alert, Effect, PersistLatch, Post, Repost
from core.messages.events import Connected, Disconnected, Tick
from core.messages.tape import Message
from core.model.cloid import is_ours
from core.model.market import MarketKey
from core.model.order import Cancels
from core.sim.world.world import World

EXIT_BOUND_MS = 25_000
"""How long an exit may take beyond its time while the connection holds and the venue lets it: one lost post looked up to its end, and the
next attempt."""


class TimeStopped(Check):
    """No position at the venue older than its TimeStop and a bound, as long as the program is connected and the venue lets it out."""

    quiet = (Tick,)

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.longest_ms = 0

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if not isinstance(message, Tick) or not self.ledger.held or self.ledger.connected_ms is None:
            return
        now_ms, limit = world.agenda.now_ms, world.plan.config.execution.time_stop_ms + EXIT_BOUND_MS
        free_since = max(self.ledger.connected_ms, world.hindered_until_ms)
        for coin, held in self.ledger.held.items():
            age = now_ms - max(held.opened_ms, free_since)
            self.longest_ms = max(self.longest_ms, age)
            self.expect(
                age <= limit, f"{coin}: held for {age} ms with nothing in the way; time stop and bound are {limit}"
            )
            if self.ledger.latched:
                since = now_ms - max(held.opened_ms, free_since, self.ledger.latched_ms)
                self.expect(since <= EXIT_BOUND_MS, f"{coin}: still held {since} ms after the hard stop")


class Reducing(Check):
    """One live exit per market; none on the wrong side of the position that the program knows of."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            for order in orders_of(effect, entries=False):
                engine = world.engine
                assert engine is not None
                m = engine.machines
                position = m.positions.get(order.market)
                self.expect(position is not None, f"{order.market}: an exit, and no position is known")
                assert position is not None
                self.expect(position.side is not order.side, f"{order.market}: an exit on the side of the position")
                # What waited in the queue while others closed a part is cut down by the venue.
                is_of_now = order.created_at_ms == world.local_ms
                self.expect(
                    not is_of_now or order.size <= position.size,
                    f"{order.market}: an exit of {order.size} for {position.size}",
                )
                others = [
                    o
                    for o in m.orders.unsettled()
                    if o.reduce_only and o.market == order.market and o.cloid != order.cloid and not o.is_resting
                ]
                self.expect(
                    not others, f"{order.market}: a second exit while {[o.cloid for o in others]} is not settled"
                )


class Latch(Check):
    """On the disk before anything else of its turn; the first reason stays; it survives every restart."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._reason = ""

    def started(self, world: World) -> None:
        engine = world.engine
        assert engine is not None
        latch = engine.machines.latch
        self.expect(latch.tripped == self.ledger.latched, "the latch did not survive the restart")
        self._reason = self._reason or latch.reason  # that of the stop program's record
        self.expect(not latch.tripped or latch.reason == self._reason, "the latch came back with another reason")

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        assert engine is not None
        self._look_at(effects)
        self.expect(engine.machines.latch.tripped == self.ledger.latched, "the latch is not what is on the disk")

    def crashed(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        self._look_at(effects)

    def _look_at(self, effects: Sequence[Effect]) -> None:
        persisted = [i for i, e in enumerate(effects) if isinstance(e, PersistLatch)]
        for i in persisted:
            effect = effects[i]
            assert isinstance(effect, PersistLatch)
            if effect.latch.tripped_at_ms is None:
                self._reason = ""
                continue
            before = [e for e in effects[:i] if isinstance(e, (Post, Repost, Alert))]
            self.expect(not before, f"{type(before[0]).__name__ if before else ''} before the latch was on the disk")
            self.expect(self._reason in ("", effect.latch.reason), "the first reason was not kept")
            self._reason = effect.latch.reason


class Stops(Check):
    """What always has to trip the latch did: a lost connection with something at risk, a limit that was passed."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if engine is None:
            return
        m = engine.machines
        if isinstance(message, Disconnected) and m.stopping is None and not m.latch.tripped and m.trading:
            # A program that has just begun and has read no positions yet cannot know.
            known = [coin for coin in self.ledger.held if MarketKey.parse(coin).dex in m.positions_read_ms]
            self.expect(not known, f"disconnected with positions at the venue ({known}), and not latched")
        counters, risk = m.risk.counters, world.plan.config.risk
        if not m.latch.tripped and m.stopping is None:
            self.expect(
                counters.consecutive_losses <= risk.max_consecutive_losses,
                f"{counters.consecutive_losses} losses in a row, and not latched",
            )
            self.expect(
                counters.flatten_failures <= risk.max_flatten_failures,
                f"{counters.flatten_failures} flatten failures, and not latched",
            )


class ForeignOrders(Check):
    """Orders of other means are cancelled by the hard stop alone."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if self.ledger.latched:
            return
        engine = world.engine
        if engine is None:
            return
        foreign = {o.oid for o in engine.machines.orders.external() if not is_ours(o.cloid)}
        for effect in effects:
            if isinstance(effect, Post) and isinstance(effect.batch, Cancels):
                taken = [c.oid for c in effect.batch.cancels if c.oid in foreign]
                self.expect(not taken, f"orders {taken} of other means cancelled without a hard stop")


class Connection(Check):
    """Ready falls with the connection, and nothing of an earlier connection counts for the next."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, (Connected, Disconnected)):
            engine = world.engine
            if engine is not None:
                self.expect(not engine.machines.readiness.is_ready, f"ready right after {type(message).__name__}")


class Books(Check):
    """At rest our book is the venue's: no position on a dex of ours, no order of ours, nothing unknown, and the same PnL to the last digit."""

    def at_rest(self, world: World) -> None:
        engine = world.engine
        assert engine is not None
        m, venue = engine.machines, world.exchange.venue
        for dex, balance in venue.accounts[world.plan.account].dexes.items():
            is_ours_to_close = dex in world.plan.config.dexes  # on the others the owner may trade what he likes
            self.expect(
                not (is_ours_to_close and balance.positions),
                f"dex {dex!r}: the venue still holds {list(balance.positions)}",
            )
        ours = [o for o in venue.open_orders(world.plan.account) if is_ours(o.cloid)]
        self.expect(not ours, f"{len(ours)} orders of ours rest at the venue")
        foreign = {o.oid for o in venue.open_orders(world.plan.account)}
        known = {o.oid for o in m.orders.external()}
        self.expect(known <= foreign, f"orders {known - foreign} are shown, and not there")
        if not self.ledger.overrides and m.trading and all_read(world):
            booked, real = m.risk.counters.cumulative_pnl_usd, list(own_trades(world, self.ledger).sums())
            # The average price of a position that was added to has no last digit; what is told of it has.
            agrees = not real or any(abs(booked - r) < Decimal("1e-12") for r in real)
            self.expect(agrees, f"PnL {booked} booked, {', '.join(map(str, real))} at the venue")
