"""Trials of who signs and how often: `life.only "+signer"`. Clocks that are behind when a program starts again, an agent that is gone or told
to be another's, a budget of which hardly anything is left, sends that fail while several markets are closed.

Rule that is easy to get wrong: a role is told wrongly to a run that was ready, for at its start the venue's own answers decide.
Decides nothing about red.
"""

from __future__ import annotations

from random import Random

from core.messages.events import RoleRead
from core.sim.world.program import AGENT
from core.sim.world.troubles import ALL_TROUBLES, Strike
from core.sim.world.world import World

_OTHER = "0x00000000000000000000000000000000000000ee"
_APPROVED_AFTER_MS = 6_000
_BUDGET_BACK_AFTER_MS = 15_000


def _behind_at_start(world: World, dice: Random) -> str:
    """The clock is set back while the program is dead: what it starts with is behind its last nonces."""
    ms = dice.randint(3_000, 9_000)
    world.program.kill_soon(dice.randint(0, 2), dice.randint(0, 4))
    world.agenda.after(400, lambda: None if world.is_calm else world.step_clock(-ms))
    return f"our program will be killed, and its clock be set back by {ms} ms"


def _clock_back(world: World, dice: Random) -> str:
    ms = dice.randint(800, 4_000)
    world.step_clock(-ms)
    return f"our clock is set back by {ms} ms"


def _agent_gone(world: World, dice: Random) -> str:
    """The agent's approval ends, and whoever watches the program starts it again."""
    world.exchange.control({"do": "fault", "name": "expire_agent"}, world.agenda.now_ms)
    world.program.kill_soon(0, 0)
    world.hinder(_APPROVED_AFTER_MS + 15_000)
    world.agenda.after(_APPROVED_AFTER_MS, world.approve_agent)
    return "our agent's approval ends, and our program is killed"


def _role_told(world: World, dice: Random) -> str:
    """What is asked every ten minutes has another answer now."""
    if world.engine is None or not world.engine.machines.readiness.is_ready:
        return "nothing"
    account, signer = world.plan.account, AGENT.address
    reads = (
        RoleRead(account, "agent", _OTHER),
        RoleRead(account, "subAccount", _OTHER),
        RoleRead(account, "missing"),
        RoleRead(signer, "missing"),
        RoleRead(signer, "user"),
        RoleRead(signer, "agent", _OTHER),
    )
    read = dice.choice(reads)
    world.give(read)
    return f"the exchange says: {read.address} is {read.role} {read.owner}"


def _budget_low(world: World, dice: Random) -> str:
    """Hardly anything is left of the address's budget, for a while."""
    account = world.exchange.venue.accounts[world.plan.account]
    used = account.requests_used
    left = dice.choice((0, 3, dice.randint(150, 199), dice.randint(200, 215), dice.randint(200, 230)))
    account.requests_used = 10_000 + int(account.cum_volume) + account.bought_requests - left
    world.hinder(_BUDGET_BACK_AFTER_MS)

    def back() -> None:
        account.requests_used = min(account.requests_used, used + 100)

    world.agenda.after(_BUDGET_BACK_AFTER_MS, back)
    return f"{left} actions are left of the budget"


def _cut_and_low(world: World, dice: Random) -> str:
    """As before, and a reconnect in which it is read."""
    said = _budget_low(world, dice)
    world.road.cut()
    return f"{said}; the connection breaks"


SIGNER_TROUBLES: dict[str, Strike] = {
    "behind_at_start": _behind_at_start,
    "clock_back": _clock_back,
    "agent_gone": _agent_gone,
    "role_told": _role_told,
    "budget_low": _budget_low,
    "cut_and_low": _cut_and_low,
}
SIGNER_HAND = (
    *SIGNER_TROUBLES,
    *("sends_fail", "post_only", "cut", "reads_lost", "crash", "foreign_order", "slow", "outside_fault", "lose_reply"),
)
assert {*SIGNER_HAND} - {*SIGNER_TROUBLES, "outside_fault"} <= set(ALL_TROUBLES)
