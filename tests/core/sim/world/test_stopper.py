"""Somebody runs the stop program in a world: beside a console that lives, hangs or is dead."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from world_rig import live, quiet_world

from core.engine.emergency_plan import Refusal, judge_refusal
from core.messages.commands import TripHardStop
from core.model.rounding import round_price, round_size
from core.sim.world.stopper import CONSOLE_WITHIN_MS, REASON, WITHIN_MS, held_at
from core.sim.world.troubles import ALL_TROUBLES
from core.sim.world.world import World


def hold(world: World, coin: str, usd: int = 20) -> None:
    """The account's owner opens a position by other means."""
    spec, mid = world.exchange.venue.universe.by_coin[coin].spec, world.exchange.venue.markets[coin].mid_px
    assert mid is not None
    px = round_price(mid * Decimal("1.01"), True, spec.sz_decimals)
    size = round_size(usd / mid, spec.sz_decimals)
    world.stranger.send(spec, True, px, size, reduce_only=False, tif="Ioc")


def begin(world: World) -> None:
    assert "stop program" in world.stops.begin(Random(1))


@pytest.fixture
def stopped():
    """A world with a position on each dex, and a resting order; nothing is stopped yet."""
    world, ears = quiet_world()
    live(world, 3_000)
    for coin in ("SOL", "xyz:TSLA", "test:ABC"):
        hold(world, coin)
    world.stranger.place(Random(1))
    assert len(held_at(world)) == 3
    return world, ears


def test_a_console_latches_first_and_then_everything_is_closed_and_confirmed(stopped):
    world, ears = stopped
    begin(world)
    live(world, 1_000)
    (run,) = world.stops.runs
    assert ears.of(TripHardStop)
    assert world.disk.latch.reason.startswith(REASON)
    assert world.disk.stop_record is None
    assert run.may_send_ms is not None
    assert run.may_send_ms - run.begun_ms < CONSOLE_WITHIN_MS
    live(world, 9_000)
    assert run.is_confirmed
    assert held_at(world) == {}
    assert not world.exchange.venue.open_orders(world.plan.account)


def test_a_console_that_stands_still_is_not_waited_for_longer_than_its_moment(stopped):
    world, _ = stopped
    world.program.stall(20_000)
    begin(world)
    live(world, 10_000)
    (run,) = world.stops.runs
    assert run.is_confirmed
    assert run.may_send_ms == run.begun_ms + CONSOLE_WITHIN_MS
    assert world.disk.stop_record is not None, "it waits for the console to wake"
    live(world, 10_500)
    assert world.disk.stop_record is None
    assert world.disk.latch.tripped_at_ms is not None


def test_a_dead_console_finds_the_record_at_its_next_start(stopped):
    world, _ = stopped
    world.program.kill_soon(0, 0)
    while world.engine is not None:
        live(world, 100)
    begin(world)
    while world.engine is None:
        live(world, 100)
    assert world.engine.machines.latch.tripped
    assert world.engine.machines.latch.reason.startswith(REASON)
    assert world.disk.stop_record is None
    live(world, 20_000)
    assert world.stops.runs[0].is_confirmed


def test_its_nonces_are_above_everything_that_the_journal_knows(stopped):
    world, _ = stopped
    begin(world)
    live(world, 10_000)
    (run,) = world.stops.runs
    assert run.sent
    assert min(run.sent) > run.highest_known
    assert world.stops.nonce_twice == ""


def test_a_nonce_that_was_in_the_way_is_passed(stopped):
    world, _ = stopped
    world.exchange.control({"do": "fault", "name": "duplicate_nonce", "count": 2}, world.agenda.now_ms)
    begin(world)
    live(world, 10_000)
    refused = [e for e in world.exchange.actions if e.error and judge_refusal(e.error) is Refusal.NONCE]
    assert refused
    assert world.stops.runs[0].is_confirmed


def test_without_an_exchange_it_ends_in_its_time_and_says_that_nothing_is_confirmed(stopped):
    world, _ = stopped
    world.exchange.control({"do": "fault", "name": "info_down", "for_ms": 600_000}, world.agenda.now_ms)
    begin(world)
    assert world.stops.begin(Random(1)) == "nothing", "one at a time"
    live(world, WITHIN_MS + 1_000)
    (run,) = world.stops.runs
    assert not run.is_confirmed
    assert run.ended_ms == run.begun_ms + WITHIN_MS
    assert run.left
    assert len(held_at(world)) == 3


def test_the_connections_can_be_dropped_and_refused(stopped):
    """As a command of the simulator; the world's road obeys it."""
    world, _ = stopped
    ALL_TROUBLES["refuse_connections"](world, Random(1))
    assert not world.road.connected
    live(world, 900)
    assert not world.road.connected
    world.exchange.control({"do": "clear_faults"}, world.agenda.now_ms)
    live(world, 5_000)
    assert world.road.connected
    world.exchange.control({"do": "fault", "name": "drop_connections"}, world.agenda.now_ms)
    live(world, 300)
    assert not world.road.connected
