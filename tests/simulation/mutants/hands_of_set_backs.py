"""Trials of a clock that is set back by ten minutes while something waits for a time of ours: `life.only "+setback"`.

One thing that waits for each seed, three times in a life; what makes it wait is made to last. Decides nothing about red.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from mutants.hands_of_books import _CAPPED

from core.engine.machines import Machines
from core.messages.commands import CancelAll
from core.sim.world.plan import Planned
from core.sim.world.stopper import held_at
from core.sim.world.troubles import Strike
from core.sim.world.world import World

_BACK_MS, _JITTER_MS = 600_000, 200
_LOOKS_EVERY_MS, _LOOKS_FOR_MS = 10, 12_000
SET_BACK_WEATHER_MS = 75_000


def _fault(world: World, name: str, **more: Any) -> None:
    world.exchange.control({"do": "fault", "name": name, **more}, world.agenda.now_ms)
    world.hinder(int(more.get("for_ms", 0)))


def _post_only(world: World, dice: Random) -> None:
    _fault(world, "post_only", for_ms=4_000)


def _capped(world: World, dice: Random) -> None:
    _fault(world, "reject_all", for_ms=4_000, level="order", text=_CAPPED)


def _cancel(world: World, dice: Random) -> None:
    """An order by hand rests, and its cancel gets lost."""
    world.operator.hands.place(dice)
    world.agenda.after(1_500, lambda: _fault(world, "lose_request", count=2))
    world.mark("set back cancels")
    name = f"b{world.marks['set back cancels']}"
    world.agenda.after(1_600, lambda: world.give(CancelAll(command_id=name)) if world.engine is not None else None)


def _answer_lost(world: World, dice: Random) -> None:
    _fault(world, "lose_reply", count=1)


def _no_oracle(world: World, dice: Random) -> None:
    _fault(world, "silent_channels", for_ms=45_000, channels=["activeAssetCtx"])


def _stop(world: World, dice: Random) -> None:
    """An orderly stop that cannot close what is held."""
    for coin in held_at(world):
        _fault(world, "halt", coin=coin, for_ms=30_000)
    world.operator.shut_down()


def _unread(world: World, dice: Random) -> None:
    for dex in {m.key.dex for m in world.plan.config.markets}:
        asked = ["clearinghouseState"]
        _fault(world, "dex_reads_fail", dex=dex, answer="502", for_ms=45_000, requests=asked)


def _unwanted(world: World, dice: Random) -> None:
    """A book has one side for longer than a market is waited for."""
    _fault(world, "one_sided", coin=dice.choice(world.plan.config.markets).coin, side="bids", for_ms=25_000)
    world.hinder(25_000)


def _unsynced(world: World, dice: Random) -> None:
    """A new connection on which positions cannot be read."""
    for dex in {m.key.dex for m in world.plan.config.markets}:
        asked = ["clearinghouseState"]
        _fault(world, "dex_reads_fail", dex=dex, answer="502", for_ms=20_000, requests=asked)
    world.road.cut()


_Moment = tuple[Callable[[World, Random], None], Callable[[Machines], object], int, int]
MOMENTS: dict[str, _Moment] = {
    "a post-only phase": (_post_only, lambda m: m.budget.blocked_until_ms(m.now), 200, _BACK_MS),
    "a capped market": (_capped, lambda m: any(x.at_oi_cap_until_ms > m.now for x in _memories(m)), 200, _BACK_MS),
    "a cancel that waits": (_cancel, lambda m: m.cancels.wanted, 300, _BACK_MS),
    "an entry that waits": (_answer_lost, lambda m: m.scheduler.depths[2], 0, _JITTER_MS),
    "no oracle price": (_no_oracle, lambda m: True, 9_000, _BACK_MS),
    "a stop": (_stop, lambda m: m.stopping, 3_000, _BACK_MS),
    "positions unread": (_unread, lambda m: True, 4_000, _BACK_MS),
    "a market without data": (_unwanted, lambda m: True, 3_000, _BACK_MS),
    "a new connection": (_unsynced, lambda m: m.link.connected and m.positions_left, 1_000, _BACK_MS),
}
"""What makes it wait, when it does, how long after that our clock is set back, and by how much."""


def _memories(m: Machines) -> Any:
    return m.market_gates._memory.values()


def _set_back_while(world: World, dice: Random) -> str:
    names = list(MOMENTS)
    name = names[world.plan.seed % len(names)]
    makes, waits, after_ms, ms = MOMENTS[name]
    until_ms = world.agenda.now_ms + _LOOKS_FOR_MS

    def look() -> None:
        if world.is_calm or world.agenda.now_ms > until_ms or world.skew_ms < 0:
            return
        if world.engine is None or not waits(world.engine.machines):
            world.agenda.after(_LOOKS_EVERY_MS, look)
            return
        world.agenda.after(after_ms, step)

    def step() -> None:
        if world.is_calm or world.skew_ms < 0:
            return
        world.mark("trouble clock_step")
        world.step_clock(-ms)
        world.tell(f"trouble: our clock is set back by {ms} ms, with {name}")

    if world.engine is not None:
        makes(world, dice)
        look()
    return f"our clock will be set back with {name}"


def troubles(length_ms: int, dice: Random) -> tuple[Planned, ...]:
    found = [Planned(at, "dislocate") for at in range(1_200, length_ms, dice.randint(700, 1_500))]
    found += [Planned(at, "go_on") for at in range(2_000, length_ms, 1_500)]
    found += [Planned(at, "set_back_while") for at in (dice.randint(4_000, 7_000), 30_000, 52_000)]
    return tuple(sorted(found, key=lambda p: p.at_ms))


HANDS_OF_SET_BACKS: dict[str, Strike] = {"set_back_while": _set_back_while}
