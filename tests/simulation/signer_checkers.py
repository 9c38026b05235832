"""Checkers that the mutants asked for, of who signs, what is left of the budget, and what leaves first.

Same form and same promise as in checkers.
"""

from __future__ import annotations

from collections.abc import Sequence

from check import Check
from ledger import Ledger

from core.messages.effects import Ask, Effect, Journal, Post, PostRow, Refuse, SignalRow
from core.messages.events import RateLimitRead, RoleRead
from core.messages.queries import QueryRole
from core.messages.tape import Message
from core.model.order import Orders, OrderStatus, Purpose
from core.sim.world.program import AGENT
from core.sim.world.world import World


class Roles(Check):
    """Whoever is not what the config takes them for: the start is refused, and a run that was ready latches; nobody is asked again and again."""

    quiet = ()

    ASKED_AGAIN_MS = 300_000

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._known_ms: dict[str, int] = {}
        self._told: set[str] = set()
        self._was_ready = False

    def started(self, world: World) -> None:
        self._known_ms.clear()
        self._told.clear()
        self._was_ready = False

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        refused = any(isinstance(e, Refuse) for e in effects)
        if isinstance(message, RoleRead):
            self._judge(world, message, refused)
        engine = world.engine
        if engine is None:
            return
        if engine.machines.readiness.is_ready:
            self._was_ready = True
            signers = {AGENT.address.lower()} if engine.machines.trading else set()
            missing = ({world.plan.account.lower()} | signers) - self._told
            self.expect(not missing, f"ready, and nobody has said who {missing} is")
        for effect in effects:
            if isinstance(effect, Ask) and isinstance(effect.query, QueryRole):
                known_ms = self._known_ms.get(effect.query.address.lower())
                ago = None if known_ms is None else world.steady_ms - known_ms
                self.expect(
                    ago is None or ago >= self.ASKED_AGAIN_MS, f"a role is asked again {ago} ms after it was told"
                )

    def _judge(self, world: World, read: RoleRead, refused: bool) -> None:
        account = world.plan.account.lower()
        is_account = read.address == account
        fits = read.role == "user" if is_account else read.role == "agent" and read.owner == account
        if fits:
            self.expect(not refused, f"{read} was refused")
            self._known_ms[read.address] = world.steady_ms
            self._told.add(read.address)
            return
        engine = world.engine
        stopping = engine is not None and engine.machines.stopping is not None
        if self._was_ready:
            self._known_ms.pop(read.address, None)
            self.expect(not refused, f"{read}: a run that was ready ended without a hard stop")
            self.expect(self.ledger.latched or stopping, f"{read}, and not latched")
        else:
            self.expect(refused or stopping, f"{read}, and the start was not refused")


class Reserve(Check):
    """With fewer than 200 actions left no signal is accepted; counted here from what was read and what left."""

    quiet = ()

    KEPT = 200

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._left: int | None = None
        self._items: dict[int, int] = {}

    def started(self, world: World) -> None:
        self._left = None
        self._items.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, RateLimitRead):
            self._left = message.cap - message.used
        for effect in effects:
            if not isinstance(effect, Journal):
                continue
            row = effect.row
            if isinstance(row, SignalRow) and row.verdict == "accepted" and self._left is not None:
                self.expect(self._left >= self.KEPT, f"a signal was accepted with {self._left} actions left")
            elif isinstance(row, PostRow) and self._left is not None:
                self._count(row)

    def _count(self, row: PostRow) -> None:
        assert self._left is not None
        if row.outcome == "opened":
            self._items[row.post_id] = row.count
            self._left -= row.count
        elif row.outcome.startswith(("not sent", "refused")):
            self._left += self._items.get(row.post_id, 0)


class OldestFirst(Check):
    """Exits leave in the order in which they were decided: one whose send failed loses no place."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if engine is None or world.marks["trouble clock_step"] or world.skew_ms:
            return
        for effect in effects:
            if not isinstance(effect, Post) or not isinstance(effect.batch, Orders):
                continue
            newest = max((o.created_at_ms for o in effect.batch.orders if o.reduce_only), default=0)
            for order in engine.machines.orders.unsettled() if newest else ():
                if order.purpose is Purpose.EXIT and order.status is OrderStatus.QUEUED:
                    ago = newest - order.created_at_ms
                    self.expect(ago <= 0, f"{order.market}: an exit waits that is {ago} ms older than one that left")


SIGNER_CHECKERS = (Roles, Reserve, OldestFirst)
