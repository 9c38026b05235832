"""Trials of the gates of a market: books that are wide, crossed, thin or gone, rules that change, a cap that is reached, a console that
only looks.

    life.only "+books"   a dislocation every second, on books that no entry should take, or not in full

Prices are pinned for a moment each time, so that what a gate must see is seen together with an edge. Decides nothing about what is red.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace
from mutants import generous

from core.config import MarketConfig, SimConfig
from core.messages.events import Bbo
from core.model.rounding import round_price, round_size
from core.sim.world.plan import MARKETS, Plan, Planned
from core.sim.world.troubles import Strike, _fault
from core.sim.world.world import World

D = Decimal
_BPS = D(10_000)
_CAPPED = "Order would increase open interest while open interest is capped."


def _pin(world: World, coin: str, gap_bps: Decimal, half_bps: Decimal, usd: Decimal, ms: int) -> bool:
    """Hold a book with such a spread, so far behind the oracle, with so much at the touch."""
    market = world.exchange.venue.markets[coin]
    bids, asks = market.touch(True), market.touch(False)
    if bids is None or asks is None or world.exchange.venue.universe.by_coin[coin].spec.is_delisted:
        return False
    decimals = market.listing.spec.sz_decimals
    mid = (bids.px + asks.px) / 2
    bid = round_price(mid * (1 - half_bps / _BPS), False, decimals)
    ask = round_price(mid * (1 + half_bps / _BPS), True, decimals)
    size = max(round_size(usd / mid, decimals), D(1).scaleb(-decimals))
    oracle = mid * (1 + gap_bps / _BPS)
    command = {"do": "set_price", "coin": coin, "oracle": str(oracle), "bid": str(bid), "ask": str(ask)}
    world.exchange.control({**command, "size": str(size)}, world.agenda.now_ms)
    world.agenda.after(ms, lambda: _release(world, coin))
    return True


def _release(world: World, coin: str) -> None:
    if not world.exchange.venue.universe.by_coin[coin].spec.is_delisted:
        world.exchange.control({"do": "release", "coin": coin}, world.agenda.now_ms)


def _books(half_bps: tuple[str, ...], usd: tuple[str, ...], gap_bps: tuple[str, ...]) -> Strike:
    def strike(world: World, dice: Random) -> str:
        coins = [m.coin for m in world.plan.config.markets]
        half, at_touch = D(dice.choice(half_bps)), D(dice.choice(usd))
        gap, ms = D(dice.choice(gap_bps)) * dice.choice((-1, 1)), dice.randint(200, 900)
        for coin in coins if dice.random() < 0.5 else [dice.choice(coins)]:
            _pin(world, coin, gap + (half if gap > 0 else -half), half, at_touch, ms)
        return f"books {half} bps to each side, ${at_touch} at the touch, {gap} bps behind for {ms} ms"

    return strike


def _crossed(world: World, dice: Random) -> str:
    """A touch comes whose bid is above its ask, as between two blocks of a market in a hurry."""
    coin = dice.choice(world.plan.config.markets).coin
    engine, market = world.engine, world.exchange.venue.markets[coin]
    bids, asks = market.touch(True), market.touch(False)
    if engine is None or bids is None or asks is None:
        return "nothing"
    decimals = market.listing.spec.sz_decimals
    up, by = dice.random() < 0.5, D(dice.choice((20, 60))) / _BPS
    bid = bids.px if not up else round_price(asks.px * (1 + by), True, decimals)
    ask = asks.px if up else round_price(bids.px * (1 - by), False, decimals)
    key = next(m.key for m in world.plan.config.markets if m.coin == coin)
    for _ in range(dice.choice((1, 1, 30))):
        world.give(Bbo(key, world.agenda.now_ms, bid, bids.sz, ask, asks.sz))
    return f"{coin}: a touch with {bid} bid and {ask} asked"


def _back_in_time(world: World, dice: Random) -> str:
    """Touches come in the wrong order."""
    coin = dice.choice(world.plan.config.markets).coin
    market = world.exchange.venue.markets[coin]
    bids, asks = market.touch(True), market.touch(False)
    if world.engine is None or bids is None or asks is None:
        return "nothing"
    key = next(m.key for m in world.plan.config.markets if m.coin == coin)
    world.give(Bbo(key, world.agenda.now_ms - dice.randint(500, 5_000), bids.px, bids.sz, asks.px, asks.sz))
    return f"{coin}: an old touch comes late"


def _new_rules(world: World, dice: Random) -> str:
    coin = dice.choice(world.plan.config.markets).coin
    spec = world.exchange.venue.universe.by_coin[coin].spec
    changes: dict[str, Any] = {"max_leverage": max(1, spec.max_leverage - 1)}
    world.exchange.control(
        {"do": "fault", "name": "change_spec", "coin": coin, "changes": changes}, world.agenda.now_ms
    )
    return f"{coin} changes: {changes}"


TROUBLES_OF_BOOKS: dict[str, Strike] = {
    "books_usual": _books(("1", "1.5"), ("30", "300", "2000"), ("15", "30", "60")),
    "books_wide": _books(("4", "6", "9", "15", "25"), ("2000",), ("20", "40")),
    "books_crumbs": _books(("1",), ("1", "12", "60"), ("30",)),
    "books_close": _books(("0.1", "0.5"), ("2000",), ("3", "5", "6", "8", "10")),
    "books_crossed": _crossed,
    "books_back": _back_in_time,
    "books_capped": _fault("reject_all", for_ms=(300, 1_200), level=("order",), text=(_CAPPED,)),
    "books_nobody": _fault(
        "reject_all",
        for_ms=(500, 3_000),
        level=("order",),
        text=("Order could not immediately match against any resting orders.",),
    ),
    "books_rules": _new_rules,
    "books_mute": _fault("silent_channels", for_ms=(2_000, 14_000), channels=(["bbo"], ["activeAssetCtx"])),
}
_WEATHER = (
    *tuple(n for n in TROUBLES_OF_BOOKS if not n.startswith(("books_usual", "books_wide"))),
    "one_sided",
    "spread_shock",
    "thin_book",
    "crash",
    "cut",
    "stall",
)


def books(plan: Plan, length_ms: int, dice: Random) -> Plan:
    usual = dice.choice(
        (
            ("books_usual",),
            ("books_usual", "books_wide"),
            ("books_wide",),
            ("books_crumbs", "books_usual"),
            ("books_close",),
        )
    )
    found = [Planned(at, dice.choice(usual)) for at in range(5_000, length_ms, dice.randint(900, 1_800))]
    found += [Planned(at, "go_on") for at in range(2_000, length_ms, dice.choice((700, 1_500)))]
    weather, at = dice.sample(_WEATHER, dice.randint(1, 4)), 4_000
    while (at := at + dice.randint(700, 5_000)) < length_ms:
        found.append(Planned(at, dice.choice(weather)))
    return replace(plan, config=_config(plan, dice), troubles=tuple(sorted(found, key=lambda p: p.at_ms)))


def _config(plan: Plan, dice: Random) -> Any:
    config = plan.config
    coins = dice.sample(MARKETS, dice.choice((1, 2, 4)))
    per_market = D(dice.choice((50, 30)))
    alone = dice.random() < 0.6
    execution = replace(
        config.execution,
        size_alpha=D(dice.choice(("0.05", "0.3", "1"))),
        max_notional_per_market=per_market,
        max_notional_total=per_market * (4 if alone else D("1.5")),
        time_stop_ms=dice.choice((500, 1_000)),
        reduce_only_timeout_ms=30_000,
        inflight_limit=100,
        inflight_high_watermark=80,
        cancel_queue_cap=200,
        reduce_only_queue_cap=500,
        new_order_queue_cap=1000,
        batch_max_orders=50,
        batch_max_cancels=50,
        tick_interval_ms=dice.choice((100, 250, 1_000)),
        post_timeout_ms=dice.choice((1_000, 2_000)),
        min_edge_bps=D(dice.choice((0, 2))),
        slippage_bps=D(dice.choice((0, 1, 5))),
    )
    return replace(
        config,
        markets=tuple(MarketConfig(c) for c in coins),
        mode="observation" if dice.random() < 0.05 else "trading",
        execution=execution,
        risk=replace(
            config.risk,
            **generous.RISK,
            max_mark_mid_divergence_bps=D(dice.choice((50, 50, 500))),
            position_sync_ms=1_000,
        ),
        safety=replace(
            config.safety,
            **generous.DAY,
            max_notional_usd=D(100),
            allowed_markets=None,
        ),
        sim=SimConfig(network="testnet"),
    )
