"""Trials of an action budget that is nearly used up when the program starts: `life.only "+budget"`.

What is left is read at a start and once a minute, and counted in between; so the program starts anew now and then. Decides nothing about red.
"""

from __future__ import annotations

from random import Random

from core.sim import budget
from core.sim.world.plan import Planned
from core.sim.world.troubles import Strike
from core.sim.world.world import World

_LEFT = (0, 1, 199, 200, 201, 203, 206, 215)
"""Around what is kept for exits, and around nothing."""
_ONE_IN_MS = 12_000


def _left(world: World, dice: Random) -> str:
    account = world.exchange.venue.accounts[world.plan.account]
    left = dice.choice(_LEFT)
    account.requests_used = budget.cap(account) - left
    if left < 2:
        world.hinder(_ONE_IN_MS)
        world.agenda.after(_ONE_IN_MS, lambda: _enough(world))
    return f"{left} actions are left of the budget"


def _enough(world: World) -> None:
    account = world.exchange.venue.accounts[world.plan.account]
    account.requests_used = min(account.requests_used, budget.cap(account) - 150)


def _anew(world: World, dice: Random) -> str:
    world.program.kill_soon(0, 0)
    return f"{_left(world, dice)}; the program is killed"


BUDGET_TROUBLES: dict[str, Strike] = {"budget_left": _left, "budget_anew": _anew}
_BETWEEN = ("sends_fail", "lose_request", "batch_collapsed", "duplicate_nonce", "lose_reply")


def troubles(length_ms: int, dice: Random) -> tuple[Planned, ...]:
    found = [Planned(0, "budget_left"), *(Planned(at, "budget_anew") for at in range(13_000, length_ms, 13_000))]
    found += [Planned(at, "dislocate") for at in range(1_200, length_ms, dice.randint(500, 900))]
    found += [Planned(at, "go_on") for at in range(2_000, length_ms, 700)]
    found += [Planned(at, dice.choice(_BETWEEN)) for at in range(2_500, length_ms, dice.choice((1_500, 4_000)))]
    return tuple(sorted(found, key=lambda p: p.at_ms))
