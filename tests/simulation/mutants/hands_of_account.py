"""Lives that are hard on what we believe to hold: `+account`. Trades of others and of earlier runs, a market that is not ours, kills, midnight.

The venue has a past when the first program starts, and one more market than the program trades; the account's owner trades there, and
everywhere while no program runs. Answers and fills are late, lost or older than they look, and exits are kept from their market for long.
Decides nothing about what is red. Easy to get wrong: what others hold on a market of ours, no limit of ours has let in.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace

import core.sim.world.program as program_module
import core.sim.world.story as story_module
import core.sim.world.stranger as stranger_module
import core.sim.world.world as world_module
from core.config import MarketConfig, SimConfig
from core.hyperliquid.actions import envelope
from core.model.cloid import cloid_by_hand, space_of_run
from core.model.rounding import round_price, round_size, wire_text
from core.sim.world.plan import MARKETS, START_MS, Plan, Planned, dice_of
from core.sim.world.program import NO_SIGNATURE
from core.sim.world.troubles import Strike, _both, _cut, _empty_once, _fault
from core.sim.world.world import World

D = Decimal
KIND = "+account"
EARLIER = space_of_run(77)
"""Of a run whose journal is gone."""
_MIDNIGHT_MS = 1_705_104_000_000
_BEFORE_MIDNIGHT_MS = 22_000
_FIRST_START_AFTER_MS = 1_500
_MODULES: tuple[Any, ...] = (world_module, program_module, story_module, stranger_module)


def begin(only: str | None, seed: int) -> type[World]:
    """Set the time that this life begins at, and say what world it needs."""
    at_ms = _MIDNIGHT_MS - _BEFORE_MIDNIGHT_MS if only == KIND and seed % 3 == 0 else START_MS
    for module in _MODULES:
        module.START_MS = at_ms
    return AccountWorld if only == KIND else World


class AccountWorld(World):
    """The account has traded before the first program starts."""

    def start(self) -> None:
        program, begin_program = self.program, self.program.start
        program.start = lambda: None  # type: ignore[method-assign]
        super().start()
        del program.start  # type: ignore[method-assign]
        dice = dice_of(self.plan.seed, "history")
        for market in self.plan.config.markets:
            if dice.random() < 0.6:
                self.tell(trade(self, dice, market.coin, dice.choice((None, EARLIER))))
        self.agenda.after(_FIRST_START_AFTER_MS, begin_program)


def other_coin(world: World) -> str:
    """The market that the venue has and our program does not trade."""
    return world.plan.others[0]


def take(world: World, coin: str, is_buy: bool, usd: Decimal | None, space: int | None = None) -> str:
    """The owner buys or sells for so much, or (None) closes what is held."""
    stranger, venue = world.stranger, world.exchange.venue
    mid, spec = venue.markets[coin].mid_px, venue.universe.by_coin[coin].spec
    szi = stranger._szi(coin)
    if mid is None or spec.is_delisted or (usd is None and not szi):
        return "nothing"
    is_buy = is_buy if usd is not None else szi < 0
    px = round_price(mid * (D("1.03") if is_buy else D("0.97")), is_buy, spec.sz_decimals)
    size = round_size(usd / mid, spec.sz_decimals) if usd is not None else abs(szi)
    stranger._nonce = max(stranger._nonce + 1, world.agenda.now_ms)
    order: dict[str, Any] = {
        "a": spec.asset_id,
        "b": is_buy,
        "p": wire_text(px),
        "s": wire_text(size),
        "r": usd is None,
        "t": {"limit": {"tif": "Ioc"}},
    }
    if space is not None:
        order["c"] = cloid_by_hand(space, stranger._nonce % 1_000_000 + 1)
    action = {"type": "order", "orders": [order], "grouping": "na"}
    taken = world.exchange.decode(envelope(action, stranger._nonce, NO_SIGNATURE, None, None))
    said = world.submit(taken, signer=world.plan.account)
    return f"{'an earlier run' if space is not None else 'the owner'} trades {coin}: {said}"


def trade(world: World, dice: Random, coin: str, space: int | None) -> str:
    """In and out again."""
    is_buy = dice.random() < 0.5
    return f"{take(world, coin, is_buy, D(12), space)}; {take(world, coin, not is_buy, None, space)}"


def _elsewhere(world: World, dice: Random) -> str:
    """A position on the market that is not ours; its owner closes it some seconds later, if nobody has."""
    coin = other_coin(world)
    if world.stranger._szi(coin):
        return take(world, coin, True, D(11))
    said = take(world, coin, dice.random() < 0.5, D(dice.choice((11, 15, 40))))
    world.agenda.after(dice.randint(1_000, 12_000), lambda: _out(world, coin))
    return said


def _out(world: World, coin: str) -> None:
    world.tell(take(world, coin, True, None))
    if world.stranger._szi(coin):
        world.agenda.after(1_000, lambda: _out(world, coin))


def _while_away(world: World, dice: Random) -> str:
    """The owner trades while no program runs: on a market of ours that is flat, and on the other one."""
    if world.engine is not None:
        world.program.kill_soon(0, dice.randint(0, 3))
        world.agenda.after(dice.randint(300, 1_500), lambda: world.tell(_while_away(world, dice)))
        return "our program will be killed, and the owner trades"
    coin = dice.choice(world.plan.config.markets).coin
    if world.stranger._szi(coin) or world.program.ended is not None:
        return "nothing"
    return trade(world, dice, coin, None)


def _killed_in_silence(world: World, dice: Random) -> str:
    """A kill, and the list of fills comes late to the next run, or not."""
    ms = dice.randint(6_000, 20_000)
    world.program.kill_soon(dice.randint(0, 3), dice.randint(0, 6))
    world.exchange.control(
        {"do": "fault", "name": "silent_channels", "channels": ["userFills"], "for_ms": ms}, world.agenda.now_ms
    )
    world.hinder(ms)
    return f"our program will be killed, and userFills is silent for {ms} ms"


def _kill(world: World, dice: Random) -> str:
    world.program.kill_soon(dice.randint(0, 2), dice.randint(0, 6))
    return "our program will be killed"


TROUBLES_OF_ACCOUNT: dict[str, Strike] = {
    "elsewhere": _elsewhere,
    "while_away": _while_away,
    "killed_in_silence": _killed_in_silence,
    "kill_now": _kill,
    "long_halt": _fault("halt", for_ms=(4_000, 14_000)),
    "denied_once": _empty_once,
    "fills_late": _fault("fill_delay", ms=(500, 9_000), count=(1, 3)),
    "fills_lost": _fault("skip_fill_frame", count=(1, 3)),
    "denied_anew": _both(_empty_once, _cut),
    "old_anew": _both(_fault("stale_clearinghouse", ms=(500, 9_000), count=(1, 3)), _cut),
    "old_positions": _fault("stale_clearinghouse", ms=(500, 6_000), count=(1, 4)),
}
_HAND = (
    *(name for name in TROUBLES_OF_ACCOUNT if not name.endswith("_anew")),
    "elsewhere",
    "kill_now",
    "fills_lost",
    "cut",
    "foreign_exit",
    "foreign_order",
    "outside_fault",
    "drop_after_execution",
    "stall",
    "price_gap",
    "thin_book",
    "odd_status",
    "unknown_oid_once",
    "clock_step",
    "duplicate_frames",
    "silent_channels",
    "budget_used_up",
    "venue_closed",
    "reject_all",
)


_DENIED = (
    "denied_anew",
    "old_anew",
    "old_anew",
    "old_positions",
    "old_positions",
    "fills_lost",
    "fills_late",
    "foreign_exit",
    "kill_now",
    "cut",
    "drop_after_execution",
    "duplicate_frames",
    "lose_reply",
)


def plan_of_denied(plan: Plan, length_ms: int, dice: Random) -> Plan:
    """`+denied`: answers about positions are empty, old, and come right after a new connection, while fills are lost or late."""
    found = plan_of_account(plan, length_ms, dice)
    return replace(found, troubles=troubles(length_ms, dice, _DENIED), others=(), operator_every_ms=0)


def troubles(length_ms: int, dice: Random, cards: tuple[str, ...] = _HAND) -> tuple[Planned, ...]:
    hand = dice.sample(cards, dice.randint(3, 8))
    found = [Planned(at, "dislocate") for at in range(1_200, length_ms, dice.randint(600, 1_300))]
    found += [Planned(at, "go_on") for at in range(2_000, length_ms, dice.choice((700, 2_500)))]
    at = 1_000
    while (at := at + dice.randint(400, 4_000)) < length_ms:
        found.append(Planned(at, dice.choice(hand)))
    return tuple(sorted(found, key=lambda p: p.at_ms))


def plan_of_account(plan: Plan, length_ms: int, dice: Random) -> Plan:
    """Limits that bind one at a time, on testnet as often as on mainnet."""
    config = plan.config
    coins = dice.sample(MARKETS, dice.choice((1, 2, 3)))
    others = tuple(c for c in MARKETS if c not in coins and c.partition(":")[0] == coins[0].partition(":")[0])
    others = others or tuple(c for c in MARKETS if c not in coins)
    stop_ms = dice.choice((500, 1_000, 3_000))
    bound = dice.choice(("losses", "failures", "rejected", "slippage", "daily", "", ""))
    execution = replace(
        config.execution,
        size_alpha=D(1),
        max_notional_per_market=D(dice.choice((15, 30, 50))),
        max_notional_total=D(150),
        time_stop_ms=stop_ms,
        reduce_only_timeout_ms=dice.choice((1_500, 3_000, 8_000)),
        inflight_limit=100,
        inflight_high_watermark=80,
        cancel_queue_cap=200,
        new_order_queue_cap=1000,
        tick_interval_ms=dice.choice((100, 250)),
        post_timeout_ms=dice.choice((1_000, 2_000)),
        min_edge_bps=D(0),
        slippage_bps=D(dice.choice((1, 5))),
    )
    risk = replace(
        config.risk,
        max_consecutive_losses=dice.choice((1, 2, 3)) if bound == "losses" else 1_000,
        max_flatten_failures=dice.choice((1, 2)) if bound == "failures" else 1_000,
        max_rejected_per_hour=dice.choice((1, 2)) if bound == "rejected" else 1_000,
        max_slippage_bps=D(1) if bound == "slippage" else D(10_000),
        max_slippage_in_a_row=2 if bound == "slippage" else 1_000,
        position_sync_ms=dice.choice((500, 500, 1_000)),
    )
    safety = replace(
        config.safety,
        max_daily_trades=dice.choice((2, 3)) if bound == "daily" else 10_000,
        auto_stop_loss_usd=D(10_000),
        max_notional_usd=D(100),
    )
    return replace(
        plan,
        config=replace(
            config,
            markets=tuple(MarketConfig(c) for c in coins),
            execution=execution,
            risk=risk,
            safety=safety,
            sim=SimConfig(network=dice.choice(("mainnet", "testnet"))),
        ),
        others=others[:1],
        duplicates=dice.choice((0.0, 0.02)),
        latency_min_ms=5,
        latency_max_ms=dice.choice((20, 120, 400)),
        troubles=troubles(length_ms, dice),
        operator_every_ms=dice.choice((0, 4_000)),
    )
