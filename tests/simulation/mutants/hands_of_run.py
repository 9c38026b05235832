"""Trials of what a run as a whole may do, and of what an hour costs.

    life.only "+run"    few trades in all, checkpoints, and an operator who decides
    life.only "+hour"   positions held through the full hour: funding is told late, twice, or to a program that was not there

Decides nothing about what is red.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace
from mutants import generous
from mutants.hands_of_waits import _trade

from core.config import MarketConfig, SimConfig
from core.messages.commands import DecideCheckpoint
from core.sim.walk import BLOCK_MS
from core.sim.world.plan import MARKETS, START_MS, Plan, Planned
from core.sim.world.stopper import held_at
from core.sim.world.troubles import Strike, _fault
from core.sim.world.world import World

D = Decimal
_HOUR_MS = 3_600_000
_TO_THE_HOUR_MS = -START_MS % _HOUR_MS


def _decide(world: World, dice: Random) -> str:
    """The operator decides about the checkpoint that waits, or about one that does not."""
    if world.engine is None:
        return "nobody to tell"
    m = world.engine.machines
    reached = m.risk.run_limits.reached(m.risk.counters)
    trades = reached if reached is not None and dice.random() < 0.9 else dice.randint(1, 9)
    go_on = dice.random() < 0.8
    world.mark("decision")
    name = f"d{world.marks['decision']}"
    world.give(DecideCheckpoint(command_id=name, trades=trades, go_on=go_on, reason="as it was"))
    return f"checkpoint {trades}: {'go on' if go_on else 'stop'}"


TROUBLES_OF_RUN: dict[str, Strike] = {
    "run_decide": _decide,
    "hour_reads_fail": _fault("info_down", for_ms=(2_000, 40_000)),
}
_WEATHER_OF_RUN = ("lose_reply", "thin_book", "crash", "short_halt", "replies_late", "books_nobody", "ticket_order")


def run(plan: Plan, length_ms: int, dice: Random) -> Plan:
    found = [Planned(at, "dislocate") for at in range(1_200, length_ms, dice.randint(700, 1_500))]
    found += [Planned(at, "go_on") for at in range(2_000, length_ms, dice.choice((700, 2_500)))]
    found += [Planned(at, "run_decide") for at in range(4_000, length_ms, dice.choice((2_000, 5_000)))]
    weather, at = dice.sample(_WEATHER_OF_RUN, dice.randint(0, 3)), 2_000
    while weather and (at := at + dice.randint(700, 5_000)) < length_ms:
        found.append(Planned(at, dice.choice(weather)))
    config = _config(plan, dice.sample(MARKETS, dice.choice((1, 2, 4))), dice.choice((500, 1_000)))
    steps = tuple(sorted(dice.sample(range(1, 12), dice.choice((0, 1, 3)))))
    safety = replace(config.safety, max_total_trades=dice.choice((None, 2, 5, 8)), checkpoints=steps)
    return replace(plan, config=replace(config, safety=safety), troubles=tuple(sorted(found, key=lambda p: p.at_ms)))


def hour(plan: Plan, length_ms: int, dice: Random) -> Plan:
    """Quiet until half a minute before the hour; then positions, and an hour that nobody tells at once."""
    begin, over = _TO_THE_HOUR_MS - 40_000, _TO_THE_HOUR_MS + 30_000
    found = [Planned(at, "dislocate") for at in range(begin, over, dice.randint(1_500, 4_000))]
    found += [Planned(at, "go_on") for at in range(begin, over, 2_500)]
    names = ("hour_reads_fail", "crash", "cut", "stall", "lose_reply", "duplicate_frames")
    weather, at = dice.sample(names, dice.randint(0, 3)), _TO_THE_HOUR_MS - 15_000
    while weather and (at := at + dice.randint(2_000, 12_000)) < over:
        found.append(Planned(at, dice.choice(weather)))
    config = _config(plan, dice.sample(MARKETS, dice.choice((1, 2))), dice.choice((4_000, 20_000)))
    execution = replace(config.execution, tick_interval_ms=500, min_edge_bps=D(15))
    return replace(
        plan,
        config=replace(config, execution=execution),
        troubles=tuple(sorted(found, key=lambda p: p.at_ms)),
        weather_ms=_TO_THE_HOUR_MS + 200_000,
        block_ms=BLOCK_MS * 4,
    )


def _owner_holds(world: World, dice: Random) -> str:
    """The owner holds something on a dex that the console does not trade."""
    ours = set(world.plan.config.dexes)
    others = [c for c in ("BTC", "xyz:NVDA", "test:ABC") if MarketConfig(c).key.dex not in ours]
    for coin in others:
        _trade(world, coin, dice.random() < 0.5, D(40))
    return f"the owner holds {others}"


def _owner_closes(world: World, dice: Random) -> str:
    ours = {m.coin for m in world.plan.config.markets}
    for coin, szi in held_at(world).items():
        mid = world.exchange.venue.markets[coin].mid_px
        if coin not in ours and mid is not None:
            _trade(world, coin, szi < 0, abs(szi) * mid)
    return "the owner closes what is not ours"


def _killed(world: World, dice: Random) -> str:
    world.program.kill_soon(0, 0)
    return "our program will be killed"


def paid(plan: Plan, length_ms: int, dice: Random) -> Plan:
    """Held through the hour and paid for, on dexes of ours and others; the next program looks back at it. What was paid may be too much."""
    made = hour(plan, length_ms, dice)
    at = _TO_THE_HOUR_MS
    found = [Planned(at - ms, "dislocate") for ms in (7_000, 5_000, 3_000)]
    found += [Planned(at - 9_000, "paid_owner"), *(Planned(at + ms, "go_on") for ms in range(40_000, 90_000, 5_000))]
    found += [Planned(at + ms, "paid_owner_closes") for ms in (100_000, 103_000, 106_000)]
    if dice.random() < 0.6:
        found += [Planned(at + ms, "paid_killed") for ms in (dice.choice((25_000, 35_000)), 60_000)]
    coins = dice.choice((("BTC", "ETH"), ("xyz:SNDK", "xyz:NVDA"), MARKETS))
    config = _config(plan, list(coins), 30_000)
    large = D(900)
    execution = replace(
        config.execution,
        tick_interval_ms=500,
        min_edge_bps=D(15),
        max_notional_per_market=large,
        max_notional_total=4 * large,
    )
    safety = replace(config.safety, auto_stop_loss_usd=D(dice.choice(("0.01", "0.01", 10_000))), max_notional_usd=large)
    return replace(
        made,
        config=replace(config, execution=execution, safety=safety),
        troubles=tuple(sorted(found, key=lambda p: p.at_ms)),
    )


TROUBLES_OF_RUN |= {"paid_owner": _owner_holds, "paid_owner_closes": _owner_closes, "paid_killed": _killed}


def _config(plan: Plan, coins: list[str], time_stop_ms: int) -> Any:
    config = plan.config
    execution = replace(
        config.execution,
        size_alpha=D(1),
        max_notional_per_market=D(50),
        max_notional_total=D(200),
        time_stop_ms=time_stop_ms,
        reduce_only_timeout_ms=60_000,
        inflight_limit=100,
        inflight_high_watermark=80,
        cancel_queue_cap=200,
        reduce_only_queue_cap=500,
        new_order_queue_cap=1000,
        batch_max_orders=50,
        batch_max_cancels=50,
        tick_interval_ms=100,
        post_timeout_ms=2_000,
        min_edge_bps=D(2),
        slippage_bps=D(5),
    )
    return replace(
        config,
        markets=tuple(MarketConfig(c) for c in coins),
        execution=execution,
        risk=replace(config.risk, **generous.RISK),
        safety=replace(
            config.safety,
            **generous.DAY,
            max_notional_usd=D(100),
            allowed_markets=None,
        ),
        sim=SimConfig(network="testnet"),
    )
