"""What a seed draws: the same every time, inside what the config allows, and all of it drawn now and then."""

from __future__ import annotations

import pytest

from core.config import Config
from core.sim.world.plan import LATEST_FROM, NEWER_FROM, NEWEST_FROM, START_MS, Depth, Planned, dice_of, draw
from core.sim.world.troubles import ALL_TROUBLES, BY_HAND, LATEST, NEWER, NEWEST, TROUBLES
from core.sim.world.world import ACCOUNT

SEEDS = range(300)


def test_a_seed_draws_the_same_plan_every_time():
    assert draw(7, Depth.VALUE, ACCOUNT) == draw(7, Depth.VALUE, ACCOUNT)
    assert draw(7, Depth.VALUE, ACCOUNT) != draw(8, Depth.VALUE, ACCOUNT)


def test_the_depth_deals_no_new_cards():
    value, wire = draw(7, Depth.VALUE, ACCOUNT), draw(7, Depth.WIRE, ACCOUNT)
    assert (value.config, value.troubles, value.weather_ms) == (wire.config, wire.troubles, wire.weather_ms)


def test_parts_have_dice_of_their_own():
    assert dice_of(7, "road").random() == dice_of(7, "road").random()
    assert dice_of(7, "road").random() != dice_of(7, "reads").random()


@pytest.mark.parametrize("only", ALL_TROUBLES)
def test_a_trouble_alone_comes_alone_and_without_other_disturbance(only):
    plan = draw(3, Depth.VALUE, ACCOUNT, only=only)
    assert {p.name for p in plan.troubles} == {only}
    assert (plan.operator_every_ms, plan.duplicates) == (0, 0.0)


def test_a_trouble_that_does_not_exist_is_our_own_mistake():
    with pytest.raises(AssertionError, match="'rain'; there are lose_request"):
        draw(3, Depth.VALUE, ACCOUNT, only="rain")


def test_troubles_come_in_order_and_while_the_weather_lasts():
    for seed in SEEDS:
        plan = draw(seed, Depth.VALUE, ACCOUNT)
        times = [p.at_ms for p in plan.troubles]
        assert times == sorted(times)
        assert all(0 < t < plan.weather_ms for t in times)


def test_the_length_can_be_given():
    plan = draw(3, Depth.VALUE, ACCOUNT, weather_ms=15_000)
    assert plan.weather_ms == 15_000
    assert all(isinstance(p, Planned) and p.at_ms < 15_000 for p in plan.troubles)


def test_many_seeds_draw_everything_there_is():
    """A list that nobody draws from any more would go unnoticed otherwise."""
    plans = [draw(seed, Depth.VALUE, ACCOUNT) for seed in SEEDS]
    assert {p.name for plan in plans for p in plan.troubles} == set(TROUBLES)
    assert {len({p.name for p in plan.troubles}) for plan in plans} >= {0, 1, 2, 3, 4, 5, 6}
    assert {plan.orderly for plan in plans} == {True, False}
    assert {len(plan.config.markets) for plan in plans} == {1, 2, 3}
    assert {plan.config.execution.dispatch for plan in plans} == {"eager", "tick"}
    assert min(plan.config.execution.inflight_limit for plan in plans) == 1
    assert max(plan.config.execution.inflight_limit for plan in plans) == 100
    assert all(isinstance(plan.config, Config) and plan.account == ACCOUNT for plan in plans)


def test_no_life_meets_midnight_that_was_not_made_longer_on_purpose():
    day = 24 * 3_600_000
    longest = max(draw(seed, Depth.VALUE, ACCOUNT).weather_ms for seed in SEEDS)
    assert START_MS // day == (START_MS + longest + 3_600_000) // day


def test_the_newer_troubles_are_drawn_apart_and_only_by_later_seeds():
    assert not any(draw(seed, Depth.VALUE, ACCOUNT).newer for seed in SEEDS)
    later = [draw(seed, Depth.VALUE, ACCOUNT) for seed in range(NEWER_FROM, NEWER_FROM + 100)]
    assert {p.name for plan in later for p in plan.newer} == set(NEWER)
    assert all(plan.newer for plan in later)


def test_the_newest_are_drawn_apart_as_well_and_deal_no_other_cards():
    assert not any(draw(seed, Depth.VALUE, ACCOUNT).newest for seed in SEEDS)
    for hours in (None, 1):
        assert not draw(NEWEST_FROM - 1, Depth.VALUE, ACCOUNT, hours=hours).newest
        later = [draw(seed, Depth.VALUE, ACCOUNT, hours=hours) for seed in range(NEWEST_FROM, NEWEST_FROM + 100)]
        names = [p.name for plan in later for p in plan.newest]
        assert set(names) == set(NEWEST)
        assert names.count(BY_HAND) > len(names) / 3
        assert not any(p.name in NEWEST for plan in later for p in (*plan.troubles, *plan.newer))


def test_a_long_life_has_troubles_of_every_kind_far_apart_and_wide_limits():
    plans = [draw(seed, Depth.VALUE, ACCOUNT, hours=2) for seed in SEEDS]
    assert {p.name for plan in plans for p in (*plan.troubles, *plan.newer)} == {*TROUBLES, *NEWER}
    assert all(plan.weather_ms == 7_200_000 for plan in plans)
    assert {plan.config.execution.tick_interval_ms for plan in plans} == {100, 250, 500, 1_000}
    assert max(len(plan.troubles) for plan in plans) < 400
    assert all(plan.operator_every_ms and plan.clock_mended_ms for plan in plans)


def test_a_long_life_of_one_trouble_has_no_other():
    plan = draw(3, Depth.VALUE, ACCOUNT, only="cut", hours=1)
    assert {p.name for p in plan.troubles} == {"cut"}
    assert not plan.newer


def test_the_latest_troubles_are_drawn_apart_and_only_by_the_latest_seeds():
    earlier = [draw(seed, Depth.VALUE, ACCOUNT) for seed in range(NEWEST_FROM, NEWEST_FROM + 50)]
    assert not any(plan.latest for plan in earlier)
    later = [draw(seed, Depth.VALUE, ACCOUNT) for seed in range(LATEST_FROM, LATEST_FROM + 50)]
    assert {p.name for plan in later for p in plan.latest} == set(LATEST)
    assert draw(LATEST_FROM, Depth.VALUE, ACCOUNT, hours=0.5).latest
