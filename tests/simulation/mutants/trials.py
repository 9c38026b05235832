"""Lives made to be hard on the guards: one plan per seed and kind, short, with something going wrong every second or two.

A plain life has a few troubles in minutes, and a guard may wait long for its moment. Here the settings are as tight as they may be, prices
are torn apart on purpose, and the troubles come from a hand that suits the kind. Decides nothing about what is red.

    life.only "+storm"   everything at once        "+tight"    queues, batches and inflight of one or two
    "+limits"            loss, streaks, caps       "+markets"  books and prices out of order
    "+silence"           answers lost or late      "+restart"  crashes, cuts, clocks
    "+stop"              hard stops, resets, orderly stops, orders of others
    "+posts" "+words" "+book"  (hands_of_posts)
    "+budget"            little is left of the budget (hands_of_budget)
    "+stops"             stops meet what they do not expect (hands_of_stops)
    "+setback"           our clock is set back while something waits (hands_of_set_backs)
    "+waits"             what waits in the queue while the world goes on (hands_of_waits)
    "+ticket" "+delisted" "+crumbs"  orders by hand (hands_of_ticket, hands_of_crumbs)
    "+signer"            who signs, when, and how often (hands_of_signer)
    "+preflight"         somebody asks whether trading may begin (hands_of_preflight)
    "+emergency" "+straits"  somebody runs the stop program (hands_of_emergency, hands_of_straits)
    "+account" "+denied"  what we believe to hold (hands_of_account)
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace
from mutants import (
    hands_of_account,
    hands_of_budget,
    hands_of_emergency,
    hands_of_preflight,
    hands_of_session,
    hands_of_set_backs,
    hands_of_stops,
    hands_of_straits,
)
from mutants.hands_of_books import TROUBLES_OF_BOOKS, books
from mutants.hands_of_crumbs import CRUMBS_TROUBLES, crumbs
from mutants.hands_of_posts import POSTS_HANDS, POSTS_TROUBLES, WITH_OPERATOR
from mutants.hands_of_run import TROUBLES_OF_RUN, hour, paid, run
from mutants.hands_of_signer import SIGNER_HAND, SIGNER_TROUBLES
from mutants.hands_of_ticket import TROUBLES_OF_TICKET, delisted, ticket
from mutants.hands_of_waits import TROUBLES_OF_WAITS, waits
from mutants.hands_of_wrong_configs import WRONG_CONFIGS

from core.config import MarketConfig, SimConfig
from core.messages.events import OutsideFault
from core.sim.world.plan import MARKETS, Depth, Plan, Planned, dice_of, draw
from core.sim.world.troubles import TROUBLES, Strike, _fault
from core.sim.world.world import ACCOUNT, World

D = Decimal


def _dislocate(world: World, dice: Random) -> str:
    """The book stays behind the oracle for a while, on one market or on all: signals, one after the other."""
    coins = [m.coin for m in world.plan.config.markets]
    ms, off = dice.randint(300, 900), D(dice.choice((-45, -30, 30, 45))) / 10_000
    for coin in coins if dice.random() < 0.6 else [dice.choice(coins)]:
        market = world.exchange.venue.markets[coin]
        bids, asks = market.touch(True), market.touch(False)
        if bids is None or asks is None or asks.px - bids.px > asks.px / 100:
            continue
        oracle = (bids.px + asks.px) / 2 * (1 + off)
        command = {"do": "set_price", "coin": coin, "oracle": str(oracle), "bid": str(bids.px), "ask": str(asks.px)}
        world.exchange.control(command, world.agenda.now_ms)
        world.agenda.after(ms, lambda coin=coin: _release(world, coin))  # type: ignore[misc]
    return f"books stay {off * 10_000:+.0f} bps behind for {ms} ms"


def _release(world: World, coin: str) -> None:
    if world.exchange.venue.universe.by_coin[coin].spec.is_delisted:
        return
    world.exchange.control({"do": "release", "coin": coin}, world.agenda.now_ms)


def _outside_fault(world: World, dice: Random) -> str:
    world.give(OutsideFault("the journal cannot be written"))
    return "the journal cannot be written"


def _go_on(world: World, dice: Random) -> str:
    """The operator has seen it, and goes on."""
    if world.engine is None:
        return "nothing"
    m = world.engine.machines
    if m.latch.tripped:
        world.operator.reset()
    if m.paused and dice.random() < 0.7:
        world.operator.pause(False)
    return "the operator goes on"


MORE_TROUBLES: dict[str, Strike] = {
    **hands_of_emergency.HANDS_OF_EMERGENCY,
    **hands_of_straits.HANDS_OF_STRAITS,
    **hands_of_stops.HANDS_OF_STOPS,
    **hands_of_budget.BUDGET_TROUBLES,
    **hands_of_set_backs.HANDS_OF_SET_BACKS,
    **SIGNER_TROUBLES,
    **hands_of_preflight.PREFLIGHT_TROUBLES,
    **WRONG_CONFIGS,
    "dislocate": _dislocate,
    "go_on": _go_on,
    "outside_fault": _outside_fault,
    "replies_lost": _fault("lose_reply", count=(1, 4)),
    "requests_lost": _fault("lose_request", count=(1, 4)),
    "replies_late": _fault("late_reply", ms=(200, 6_000), count=(1, 4)),
    "batch_collapsed": _fault("collapse_batch", level=("order", "action"), text=("Something went wrong.",)),
    "budget_used_up": _fault("rate_limited", for_ms=(3_000, 12_000)),
    "short_halt": _fault("halt", for_ms=(500, 4_000)),
    **POSTS_TROUBLES,
}
"""What suits a short life, besides the troubles that every life draws from."""
MORE_TROUBLES |= TROUBLES_OF_TICKET | TROUBLES_OF_BOOKS | TROUBLES_OF_RUN | TROUBLES_OF_WAITS | CRUMBS_TROUBLES
OWN_PLANS = {
    "ticket": ticket,
    "delisted": delisted,
    "account": hands_of_account.plan_of_account,
    "denied": hands_of_account.plan_of_denied,
    "books": books,
    "run": run,
    "hour": hour,
    "paid": paid,
    "waits": waits,
    "crumbs": crumbs,
}
"""Kinds that have a file of their own."""

_SILENCE = [
    "requests_lost",
    "replies_lost",
    "replies_late",
    "drop_after_execution",
    "silent_channels",
    "mute_order_updates",
    "unknown_oid_once",
    "deaf",
    "slow",
    "sends_fail",
    "reads_lost",
    "info_down",
    "fill_delay",
    "skip_fill_frame",
    "odd_status",
    "batch_collapsed",
    "duplicate_nonce",
    "duplicate_frames",
    "stale_open_orders",
    "stale_clearinghouse",
    "cut_after_post",
    "empty_clearinghouse_once",
    "thin_book",
]
_MARKETS = [
    "price_gap",
    "spread_shock",
    "one_sided",
    "short_halt",
    "thin_book",
    "silent_channels",
    "stall",
    "slow",
    "post_only",
    "reject_all",
]
_RESTART = [
    "crash",
    "cut",
    "cut_after_post",
    "venue_closed",
    "clock_step",
    "stall",
    "drop_after_execution",
    "lose_reply",
    "duplicate_snapshot",
    "outside_fault",
]
_STOP = [
    "foreign_order",
    "cut",
    "sends_fail",
    "lose_reply",
    "lose_request",
    "outside_fault",
    "slow",
    "short_halt",
    "deaf",
    "crash",
    "stall",
]
_LIMITS = [
    "price_gap",
    "thin_book",
    "spread_shock",
    "reject_all",
    "batch_collapsed",
    "short_halt",
    "budget_used_up",
    "post_only",
    "lose_reply",
    "crash",
]

_HANDS: dict[str, tuple[str, ...]] = {
    "storm": (*_SILENCE, *_MARKETS, *_RESTART, *_STOP, *_LIMITS),
    "tight": (*_SILENCE, "foreign_order", "budget_used_up"),
    "limits": tuple(_LIMITS),
    "markets": tuple(_MARKETS),
    "silence": tuple(_SILENCE),
    "restart": tuple(_RESTART),
    "stop": tuple(_STOP),
    "signer": SIGNER_HAND,
    **POSTS_HANDS,
}
WEATHER_MS = 40_000
_LENGTHS = {"straits": hands_of_straits.STRAITS_MS, "setback": hands_of_set_backs.SET_BACK_WEATHER_MS}
FAIR_MS = 2_000
"""Of trading in the calm: less than in a plain life, because what a trial is for has happened by then."""


def plan_of(seed: int, weather_ms: int | None, only: str | None) -> Plan:
    """The plan of a life: drawn as every plan is, or made for a kind."""
    if only is None or not only.startswith("+"):
        return draw(seed, Depth.VALUE, ACCOUNT, only=only, weather_ms=weather_ms)
    more = MORE_TROUBLES | hands_of_session.SESSION_TROUBLES | hands_of_account.TROUBLES_OF_ACCOUNT
    for name, strike in more.items():
        TROUBLES[name] = strike  # whatever the world's own table says: a trial's hand means these
    kind = only[1:]
    is_of_session = only in hands_of_session.SESSION_KINDS
    length = weather_ms or (hands_of_session.weather_of(kind, WEATHER_MS) if is_of_session else WEATHER_MS)
    if not weather_ms:
        length = _LENGTHS.get(kind, length)
    dice = dice_of(seed, f"trial {kind}")
    plan = draw(seed, Depth.VALUE, ACCOUNT, weather_ms=length)
    if kind in OWN_PLANS:
        short = replace(plan, duplicates=0.0, latency_min_ms=5, latency_max_ms=120, operator_every_ms=0)
        return OWN_PLANS[kind](short, length, dice)
    made = replace(
        plan,
        config=_sparse(_config(plan, kind, dice), kind, seed),
        duplicates=dice.choice((0.0, 0.02)),
        latency_min_ms=5,
        latency_max_ms=dice.choice((20, 120, 400)),
        troubles=_troubles(kind, length, dice),
        clock_mended_ms=dice.choice((15_000, 18_000)) if kind in ("setback", "stops") else plan.clock_mended_ms,
        operator_every_ms=dice.choice((2_000, 5_000)) if kind in ("stop", "storm", *WITH_OPERATOR) else 0,
    )
    return hands_of_session.made_for(made, kind, dice, made.config) if is_of_session else made


def _sparse(config: Any, kind: str, seed: int) -> Any:
    """Where the console is beside the point its ticks are rare; where queues are, a batch holds little of them."""
    if kind == "stops" and seed >= hands_of_stops.LATER_FROM:
        one = replace(config.execution, batch_max_orders=1, batch_max_cancels=1, time_stop_ms=6_000, dispatch="tick")
        return replace(config, execution=one)
    if kind not in ("emergency", "straits", "signer"):
        return config
    most = (50, 1, 2, 50)[seed % 4]
    tick_ms = 500 if kind in ("emergency", "straits") else config.execution.tick_interval_ms
    execution = replace(config.execution, batch_max_orders=most, batch_max_cancels=most, tick_interval_ms=tick_ms)
    return replace(config, execution=execution)


def _troubles(kind: str, length_ms: int, dice: Random) -> tuple[Planned, ...]:
    if kind == "emergency":
        return hands_of_emergency.troubles(length_ms, dice)
    if kind == "straits":
        return hands_of_straits.troubles(length_ms, dice)
    if kind == "budget":
        return hands_of_budget.troubles(length_ms, dice)
    if kind == "stops":
        return hands_of_stops.troubles(length_ms, dice)
    if kind == "setback":
        return hands_of_set_backs.troubles(length_ms, dice)
    if kind == "preflight":
        return hands_of_preflight.troubles(length_ms, dice)
    known = _HANDS.get(kind) or hands_of_session.hand_of(kind)
    few = len(known) if kind in POSTS_HANDS else dice.randint(3, 8)
    hand = dice.sample(known, min(len(known), few))
    found = [Planned(at, "dislocate") for at in range(1_200, length_ms, dice.randint(600, 1_300))]
    found += [Planned(at, "go_on") for at in range(2_000, length_ms, dice.choice((700, 2_500)))]
    at = 1_000
    while (at := at + dice.randint(200, 3_000)) < length_ms:
        found.append(Planned(at, dice.choice(hand)))
    return tuple(sorted(found, key=lambda p: p.at_ms))


def _config(plan: Plan, kind: str, dice: Random) -> Any:
    config = plan.config
    coins = dice.sample(MARKETS, dice.choice((1, 2, 4)))
    tight = kind == "tight" or (kind == "setback" and dice.random() < 0.5) or (kind == "storm" and dice.random() < 0.4)
    limits = kind == "limits" or (kind == "storm" and dice.random() < 0.3)
    stop_ms = dice.choice((500, 1_000, 3_000))
    per_market = D(dice.choice((50, 15, 30)))
    execution = replace(
        config.execution,
        size_alpha=D(1),
        max_notional_per_market=per_market,
        max_notional_total=per_market * (dice.choice((1, D("1.5"), 3)) if limits else 4),
        time_stop_ms=stop_ms,
        reduce_only_timeout_ms=dice.choice((1_500, 3_000)) if limits else 8_000,
        inflight_limit=dice.choice((1, 2, 3)) if tight else 100,
        inflight_high_watermark=1 if tight else 80,
        cancel_queue_cap=1 if tight else 200,
        reduce_only_queue_cap=1 if tight else 500,
        new_order_queue_cap=1 if tight else 1000,
        batch_max_orders=dice.choice((1, 2)) if tight else 50,
        batch_max_cancels=dice.choice((1, 2)) if tight else 50,
        tick_interval_ms=dice.choice((250, 500)) if tight else 100,
        post_timeout_ms=dice.choice((1_000, 2_000)),
        min_edge_bps=D(dice.choice((0, 2))),
        slippage_bps=D(dice.choice((1, 5, 20))),
    )
    risk = replace(
        config.risk,
        max_consecutive_losses=dice.choice((1, 2)) if limits else 1_000,
        max_flatten_failures=1 if limits else 1_000,
        max_rejected_per_hour=dice.choice((1, 3)) if limits else 1_000,
        max_slippage_bps=D(dice.choice((1, 30))) if limits else D(10_000),
        max_slippage_in_a_row=dice.choice((1, 2)) if limits else 1_000,
        position_sync_ms=dice.choice((500, 1_000, 5_000)),
    )
    safety = replace(
        config.safety,
        max_daily_trades=dice.choice((2, 4)) if limits else 10_000,
        auto_stop_loss_usd=D(dice.choice(("0.05", "0.2"))) if limits else D(10_000),
        allowed_markets=(coins[0],) if dice.random() < 0.2 else None,
        max_notional_usd=D(dice.choice((100, 20))),
    )
    return replace(
        config,
        markets=tuple(MarketConfig(c) for c in coins),
        execution=execution,
        risk=risk,
        safety=safety,
        sim=SimConfig(network="mainnet" if limits else "testnet"),
    )
