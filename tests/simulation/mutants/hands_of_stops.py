"""Trials of stops that meet what they do not expect: `life.only "+stops"`. An orderly stop that was flat is not any more, orders of an earlier
run rest, the line breaks while a stop cannot close, a reset without a reason or while a size is in doubt, a start after our clock went back.

One such moment every ten seconds; what they wait for is looked at and not drawn. Decides nothing about red.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random

from mutants.hands_of_waits import _trade

from core.engine.machines import Machines
from core.messages.commands import CancelAll, FlattenAll, ResetHardStop
from core.sim.world.plan import Planned
from core.sim.world.stopper import held_at
from core.sim.world.troubles import TROUBLES, Strike
from core.sim.world.world import World

D = Decimal
_LOOKS_EVERY_MS, _LOOKS_FOR_MS = 5, 9_000
_BACK_MS = 600_000
_SAID_MS = 1_500
"""By then it was said that nothing is left; what comes after it is news."""


def _when(world: World, holds: Callable[[Machines], object], then: Callable[[], None]) -> None:
    """Do it as soon as this holds of the program that runs then."""
    until_ms = world.agenda.now_ms + _LOOKS_FOR_MS

    def look() -> None:
        if world.is_calm or world.agenda.now_ms > until_ms:
            return
        if world.engine is None or not holds(world.engine.machines):
            world.agenda.after(_LOOKS_EVERY_MS, look)
        else:
            then()

    look()


def _coin(world: World, dice: Random) -> str:
    return dice.choice(world.plan.config.markets).coin


def _comes_back(world: World, dice: Random) -> None:
    """The owner opens something in the moment between flat and its confirmation."""
    world.operator.shut_down()
    _when(
        world,
        lambda m: m.stopping is not None and m.stopping.flat_since_ms is not None,
        lambda: _trade(world, _coin(world, dice), True, D(12)),
    )


def _old_orders(world: World, dice: Random) -> None:
    """An order by hand rests, the program is killed, and the next one is told to stop when it is ready."""
    world.operator.hands.place(dice)
    life = world.life

    def kill() -> None:
        world.program.kill_soon(0, 0)
        _when(world, lambda m: world.life != life and m.readiness.is_ready, stop)

    def stop() -> None:
        if dice.random() < 0.5:
            world.exchange.control({"do": "fault", "name": "lose_request", "count": 1}, world.agenda.now_ms)
        world.operator.shut_down()

    world.agenda.after(800, kill)


def _cut_while_stopping(world: World, dice: Random) -> None:
    """What is held cannot be closed, and the line breaks."""

    def stop() -> None:
        for coin in held_at(world):
            command = {"do": "fault", "name": "halt", "coin": coin, "for_ms": 5_000}
            world.exchange.control(command, world.agenda.now_ms)
        world.hinder(5_000)
        world.operator.shut_down()
        world.agenda.after(400, world.road.cut)

    _when(world, lambda m: m.positions_left and m.readiness.is_ready, stop)


def _without_reason(world: World, dice: Random) -> None:
    world.operator.trip()
    world.mark("resets without reason")
    name = f"r{world.marks['resets without reason']}"
    _when(
        world,
        lambda m: m.latch.tripped and not m.positions_left and not m.orders_left,
        lambda: world.give(ResetHardStop(command_id=name, reason="  ")),
    )


def _in_doubt(world: World, dice: Random) -> None:
    """Latched and flat, as far as we know; the owner opens something that we learn of from a size alone, and the latch is to be released."""
    world.operator.trip()

    def trade() -> None:
        world.exchange.control({"do": "fault", "name": "skip_fill_frame", "count": 1}, world.agenda.now_ms)
        _trade(world, _coin(world, dice), dice.random() < 0.5, D(12))
        _when(world, lambda m: m.positions.has_suspects, world.operator.reset)
        world.agenda.after(5_000, lambda: None if held_at(world) else world.operator.reset())

    def wait() -> None:
        world.agenda.after(_SAID_MS, lambda: _when(world, lambda m: m.latch.tripped, trade))

    _when(world, lambda m: m.latch.tripped and not m.positions_left and not m.orders_left, wait)


def _back_and_anew(world: World, dice: Random) -> None:
    """Our clock is set back, and the program starts anew: its numbers go on above those of the last run."""
    if world.skew_ms == 0:
        world.mark("trouble clock_step")
        world.step_clock(-_BACK_MS)
        world.program.kill_soon(0, 0)


def _unsent(world: World, dice: Random) -> None:
    """Several exits, one action for each, and the first of them do not leave: they come before the others again."""

    def flatten() -> None:
        TROUBLES["sends_fail"](world, dice)
        world.mark("unsent")
        world.give(FlattenAll(command_id=f"u{world.marks['unsent']}"))

    _when(world, lambda m: m.positions_left > 1 and m.readiness.is_ready, flatten)


def _unsent_cancels(world: World, dice: Random) -> None:
    """The same with cancels of orders that rest."""
    for _ in range(4):
        world.operator.hands.place(dice)

    def cancel() -> None:
        TROUBLES["sends_fail"](world, dice)
        world.mark("unsent")
        world.give(CancelAll(command_id=f"u{world.marks['unsent']}"))

    _when(world, lambda m: sum(o.is_resting for o in m.orders.unsettled()) > 1, cancel)


LATER, LATER_FROM = (_unsent, _unsent_cancels), 200
"""Of seeds from here on, with one order or cancel in an action."""
MOMENTS = (_comes_back, _old_orders, _cut_while_stopping, _without_reason, _in_doubt, _back_and_anew)
"""One kind for each seed."""


def _stop_moment(world: World, dice: Random) -> str:
    moments = MOMENTS if world.plan.seed < LATER_FROM else LATER
    moment = moments[world.plan.seed % len(moments)]
    if world.engine is not None and world.engine.machines.stopping is None:
        moment(world, dice)
    return f"a stop and what it does not expect: {moment.__name__.strip('_')}"


def _go_on(world: World, dice: Random) -> str:
    """The operator goes on after a stop, unless they wait for something."""
    waits = world.plan.seed < LATER_FROM and MOMENTS[world.plan.seed % len(MOMENTS)] is _in_doubt
    if world.engine is None or waits or not world.engine.machines.latch.tripped:
        return "nothing"
    world.operator.reset()
    return "the operator goes on"


def troubles(length_ms: int, dice: Random) -> tuple[Planned, ...]:
    found = [Planned(at, "dislocate") for at in range(1_200, length_ms, dice.randint(700, 1_500))]
    found += [Planned(at, "stops_go_on") for at in range(2_000, length_ms, 1_700)]
    found += [Planned(at, "stop_moment") for at in range(4_000, length_ms, 9_000)]
    return tuple(sorted(found, key=lambda p: p.at_ms))


HANDS_OF_STOPS: dict[str, Strike] = {"stop_moment": _stop_moment, "stops_go_on": _go_on}
