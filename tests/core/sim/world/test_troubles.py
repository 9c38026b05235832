"""Troubles: each says what it does, and none asks for what no exchange could be."""

from __future__ import annotations

from random import Random

import pytest
from world_rig import live, quiet_world

from core.model.rounding import MAX_PERP_DECIMALS
from core.sim.world.plan import Depth, draw
from core.sim.world.program import AGENT
from core.sim.world.troubles import ALL_TROUBLES, ALONE, LATEST, NEWER, NEWEST, TROUBLES
from core.sim.world.watcher import Violation
from core.sim.world.world import ACCOUNT, World

PLANS = [draw(seed, Depth.VALUE, ACCOUNT) for seed in range(20)]
OF_HIP3 = next(plan for plan in PLANS if all(m.coin.startswith("xyz:") for m in plan.config.markets))


def begun() -> World:
    world = World(OF_HIP3)
    world.start()
    world.live_until(world.agenda.now_ms + 5_000)
    return world


@pytest.mark.parametrize("name", ALL_TROUBLES)
def test_each_strikes_and_says_what_it_does(name):
    world = begun()
    assert ALL_TROUBLES[name](world, Random(1))
    world.live_until(world.agenda.now_ms + 2_000)


def test_no_market_gets_more_decimals_than_a_perp_can_have():
    """After hours of changes the exchange's own answer could not be read any more."""
    world, dice = begun(), Random(1)
    for _ in range(80):
        TROUBLES["change_spec"](world, dice)
        world.live_until(world.agenda.now_ms + 200)
    found = [world.exchange.venue.universe.by_coin[m.coin].spec.sz_decimals for m in world.plan.config.markets]
    assert max(found) == MAX_PERP_DECIMALS


def test_the_newer_ones_are_others():
    assert not NEWER.keys() & TROUBLES.keys()
    assert not NEWEST.keys() & {*TROUBLES, *NEWER}
    assert not LATEST.keys() & {*TROUBLES, *NEWER, *NEWEST}
    assert list(ALL_TROUBLES) == [*TROUBLES, *NEWER, *NEWEST, *LATEST, *ALONE]


@pytest.mark.parametrize(("hours", "is_approved"), [(None, False), (1, True)])
def test_an_expired_agent_is_approved_again_in_a_long_life_or_in_the_calm(hours, is_approved):
    world = World(draw(3, Depth.VALUE, ACCOUNT, only="cut", weather_ms=None if hours else 900_000, hours=hours))
    world.start()
    agents = world.exchange.venue.agents
    ALL_TROUBLES["expire_agent"](world, Random(1))
    world.live_until(world.agenda.now_ms + 10_000)
    assert AGENT.address not in agents
    world.live_until(world.agenda.now_ms + 300_000)
    assert (AGENT.address in agents) is is_approved
    world.calm()
    assert AGENT.address in agents


def test_an_approval_that_comes_while_the_program_starts_makes_its_refusal_no_fault():
    """It asked while the agent was gone; the answer came 100 ms after the approval."""
    world, _ = quiet_world()
    live(world, 5_000)
    world.exchange.venue.remove_agent(AGENT.address)
    world.operator.shut_down()
    live(world, 30_000)
    assert world.marks["start refused"] > 1, "it tries again and again"
    program = world.program
    while program.engine is None:
        live(world, 10)
    world.approve_agent()
    refused = world.marks["start refused"]
    program._refused("as it was told")
    assert world.marks["start refused"] == refused + 1


def test_a_start_that_is_refused_with_the_agent_approved_all_along_is_a_fault():
    world, _ = quiet_world()
    live(world, 5_000)
    with pytest.raises(Violation, match="start-up was refused: as if"):
        world.program._refused("as if")
