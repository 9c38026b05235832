"""Checkers that the mutants asked for, of how long things may take: an answer, an outcome, the end of orders, a stop; and what is said at the end.

Same form and same promise as in checkers; time is the true one: what our clock does must not make anything wait longer.

SPEC 7 (table of outcomes), 8; lessons L18, L26, L39.
"""

from __future__ import annotations

from collections.abc import Sequence

from check import Check
from ledger import Ledger

from core.messages.commands import Shutdown
from core.messages.effects import Alert, Effect, Journal, PersistLatch, Post, PostRow, Repost
from core.messages.events import Disconnected, PostRefused, Tick, TimeJump
from core.messages.tape import Message
from core.sim.world.world import World

WITHIN_MS = 25_000
"""As for an exit (checkers): one lost post looked up to its end, and the next attempt."""


class Waits(Check):
    """No answer is waited for longer than its time, and a tick or two: how far our clock was set back is known as of the last message."""

    quiet = (Tick,)

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._open: dict[int, int] = {}

    def started(self, world: World) -> None:
        self._open.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        now_ms = world.agenda.now_ms
        for effect in effects:
            if isinstance(effect, (Post, Repost)):
                self._open[effect.post_id] = now_ms
            elif isinstance(effect, Journal) and isinstance(effect.row, PostRow) and effect.row.outcome != "opened":
                self._open.pop(effect.row.post_id, None)
        if isinstance(message, Tick) and self._open:
            x = world.plan.config.execution
            most = x.post_timeout_ms + 2 * x.tick_interval_ms
            late = {k: now_ms - at_ms for k, at_ms in self._open.items() if now_ms - at_ms > most}
            self.expect(not late, f"posts still waited for after {late} ms, {most} allowed")


class Settled(Check):
    """While the connection holds and nothing is in the way, what became of an order is known within a bound."""

    quiet = (Tick,)

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._since: dict[str, int] = {}

    def started(self, world: World) -> None:
        self._since.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if isinstance(message, TimeJump):
            self._since.clear()
        if engine is None or not isinstance(message, Tick):
            return
        if self.ledger.connected_ms is None or world.agenda.now_ms < world.hindered_until_ms:
            self._since.clear()
            return
        now_ms, before = world.agenda.now_ms, self._since
        open_now = [o.cloid for o in engine.machines.orders.unsettled() if not o.is_resting]
        self._since = {c: before.get(c, now_ms) for c in open_now if c is not None}
        for cloid, since_ms in self._since.items():
            self.expect(now_ms - since_ms <= WITHIN_MS, f"order {cloid}: not settled for {now_ms - since_ms} ms")


class Ended(Check):
    """After a hard stop nothing of the account rests in the book for long, others' orders among it."""

    quiet = (Tick,)

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._since: dict[int, int] = {}

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if isinstance(message, TimeJump) or (isinstance(message, PostRefused) and message.is_transport):
            self._since.clear()  # nobody could; or the venue would not let us ("429")
        if engine is None or not isinstance(message, Tick):
            return
        is_free = self.ledger.connected_ms is not None and world.agenda.now_ms >= world.hindered_until_ms
        if not (is_free and self.ledger.latched and engine.machines.trading):
            self._since.clear()
            return
        now_ms, before = world.agenda.now_ms, self._since
        self._since = {o.oid: before.get(o.oid, now_ms) for o in world.exchange.venue.open_orders(world.plan.account)}
        for oid, since_ms in self._since.items():
            self.expect(now_ms - since_ms <= WITHIN_MS, f"order {oid} rests {now_ms - since_ms} ms after the hard stop")


class StopEnds(Check):
    """An orderly stop is over when its time is, confirmed or not."""

    quiet = (Tick,)

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._since_ms: int | None = None

    def started(self, world: World) -> None:
        self._since_ms = None

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, Shutdown) and self._since_ms is None:
            self._since_ms = world.agenda.now_ms
        if isinstance(message, Tick) and self._since_ms is not None and world.engine is not None:
            x = world.plan.config.execution
            took, most = world.agenda.now_ms - self._since_ms, x.stop_grace_ms + 2 * x.tick_interval_ms
            self.expect(took <= most, f"an orderly stop goes on after {took} ms, {most} allowed")


class SaidFlat(Check):
    """That a hard stop is done is said once, in time, and not while the venue holds a position or the line is down."""

    quiet = (Tick,)

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._said = False
        self._flat_ms: int | None = None
        """Since when nothing is left of what the hard stop had to end."""

    def started(self, world: World) -> None:
        self._said, self._flat_ms = False, None

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        for effect in effects:
            if isinstance(effect, PersistLatch):
                self._said, self._flat_ms = False, None
            elif isinstance(effect, Alert) and effect.title == "HARD STOP done":
                self.expect(not self._said, "that a hard stop is done was said twice")
                self.expect(not self.ledger.held, f"a hard stop is done, and {list(self.ledger.held)} are held")
                self.expect(self.ledger.connected_ms is not None, "a hard stop is done, and nobody can know")
                self._said = True
        if isinstance(message, (Disconnected, TimeJump)):
            self._flat_ms = None
        if engine is None or not isinstance(message, Tick) or not self.ledger.latched or self._said:
            return
        m, now_ms = engine.machines, world.agenda.now_ms
        is_free = self.ledger.connected_ms is not None and world.agenda.now_ms >= world.hindered_until_ms
        left = self.ledger.held or world.exchange.venue.open_orders(world.plan.account) or m.orders.unsettled()
        if left or not is_free or not m.trading:
            self._flat_ms = None
        elif self._flat_ms is None:
            self._flat_ms = now_ms
        else:
            self.expect(now_ms - self._flat_ms <= 2 * WITHIN_MS, "a hard stop has long been done, and nobody was told")


ENDING_CHECKERS = (Waits, Settled, Ended, StopEnds, SaidFlat)
