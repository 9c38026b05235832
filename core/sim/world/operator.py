"""Fingers on the keys: every command there is, at drawn times, and a reset now and then when the latch has tripped.

SPEC 8, 11.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from core.engine.engine import Engine
from core.messages.commands import (
    AnyCommand,
    CancelAll,
    CancelOrder,
    FlattenAll,
    FlattenMarket,
    PauseEntries,
    ResetHardStop,
    Shutdown,
    TripHardStop,
)
from core.model.cloid import Cloid
from core.sim.world.hands import Hands

if TYPE_CHECKING:
    from core.sim.world.world import World

LOOKS_EVERY_MS = 3_000
"""How often the operator looks whether the latch has tripped."""
_OFTEN, _SELDOM = 6, 1


class Operator:
    def __init__(self, world: World, dice: Random) -> None:
        self._world = world
        self._dice = dice
        self._count = 0
        self._every_ms = world.plan.operator_every_ms
        self.hands = Hands(world, self._next_id)

    def begin(self) -> None:
        agenda = self._world.agenda
        agenda.after(LOOKS_EVERY_MS, self._look)
        if self._every_ms:
            agenda.after(self._dice.randint(1, 2 * self._every_ms), self._press)

    def reset(self) -> None:
        """Release the latch. In the calm nothing but an override helps against the loss of the run, and an observer against what others hold."""
        world = self._world
        assert world.engine is not None
        if world.stops.is_under_way:
            return  # whoever ran the stop program reads first what it says
        m = world.engine.machines
        override = world.is_calm and (bool(m.risk.standing_reason()) or not m.trading)
        world.give(ResetHardStop(command_id=self._next_id(), reason="go on", override=override))

    def trip(self) -> None:
        self._world.give(TripHardStop(command_id=self._next_id(), reason="enough"))

    def pause(self, paused: bool) -> None:
        self._world.give(PauseEntries(command_id=self._next_id(), paused=paused))

    def shut_down(self) -> None:
        self._world.give(Shutdown(command_id=self._next_id(), reason="the day is over"))

    def _next_id(self) -> str:
        self._count += 1
        return f"c{self._count}"

    def _look(self) -> None:
        world = self._world
        world.agenda.after(LOOKS_EVERY_MS, self._look)
        if world.engine is None or world.is_ending:
            return
        if world.engine.machines.latch.tripped and (world.is_calm or self._dice.random() < 0.5):
            self.reset()
        elif world.is_calm and world.engine.machines.paused:
            self.pause(False)

    def _press(self) -> None:
        world = self._world
        if world.is_calm:
            return
        world.agenda.after(self._dice.randint(1, 2 * self._every_ms), self._press)
        if world.engine is not None:
            world.give(self._any_command(world.engine))

    def _any_command(self, engine: Engine) -> AnyCommand:
        name, dice = self._next_id(), self._dice
        market = dice.choice(self._world.plan.config.markets).key
        cloids = [o.cloid for o in engine.machines.orders.live() if o.cloid is not None]
        cloid = dice.choice(cloids) if cloids else Cloid("0x" + "0" * 32)
        weighted: list[tuple[AnyCommand, int]] = [
            (FlattenAll(command_id=name), _OFTEN),
            (FlattenMarket(command_id=name, market=market), _OFTEN),
            (CancelAll(command_id=name), _OFTEN),
            (CancelOrder(command_id=name, cloid=cloid), _OFTEN),
            (PauseEntries(command_id=name, paused=True), 2),
            (PauseEntries(command_id=name, paused=False), _OFTEN),
            (TripHardStop(command_id=name), 2),
            (ResetHardStop(command_id=name, reason="go on"), _OFTEN),
            (ResetHardStop(command_id=name, reason="go on", override=True), _SELDOM),
            (Shutdown(command_id=name, reason="a pause"), _SELDOM),
        ]
        return dice.choices([c for c, _ in weighted], [w for _, w in weighted])[0]
