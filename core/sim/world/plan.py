"""What a seed draws: config, roads, troubles, operator, how long. All dice of the life itself come from the seed as well.

The plan is small and can be read; everything else follows from it. Rule that is easy to get wrong: each part draws from dice of its own,
so that a change in one part does not deal new cards to all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from core.config import (
    AccountConfig,
    Config,
    ExecutionConfig,
    MarketConfig,
    RiskConfig,
    SafetyConfig,
    SignerConfig,
    SimulatorKey,
)
from core.sim.walk import BLOCK_MS
from core.sim.world.troubles import ALL_TROUBLES, BY_HAND, LATEST, NEWER, NEWEST, TROUBLES

START_MS = 1_705_054_000_000
"""A morning: a life that is not made longer on purpose meets no midnight."""
NEWER_FROM = 5_000
"""Short lives of a mixture know the newer troubles from this seed on: what was found with the seeds before it can be found again."""
NEWEST_FROM = 30_000
"""And lives of any length those that came after them."""
LATEST_FROM = 60_000
"""And those that came last."""
MARKETS = ("xyz:SNDK", "BTC", "xyz:NVDA", "ETH")


class Depth(Enum):
    VALUE = "value"
    """Actions reach the venue without a signature."""
    WIRE = "wire"
    """Every action is signed, and its signer recovered."""


class Planned(Struct, frozen=True):
    """One trouble at its time, from the beginning of the life."""

    at_ms: int
    name: str


class Plan(Struct, frozen=True):
    seed: int
    depth: Depth
    account: str
    config: Config
    latency_min_ms: int
    latency_max_ms: int
    orderly: bool
    """Frames of different channels do not overtake each other."""
    duplicates: float
    """Share of frames that come twice."""
    weather_ms: int
    """How long things may go wrong; the calm comes after."""
    troubles: tuple[Planned, ...]
    newer: tuple[Planned, ...]
    """The same, of those that came later."""
    newest: tuple[Planned, ...]
    """And of those that came after them."""
    latest: tuple[Planned, ...]
    """And of those that came last."""
    operator_every_ms: int
    """How often fingers are on the keys, on average; 0: never."""
    block_ms: int = BLOCK_MS
    """How often the venue tells what changed."""
    others: tuple[str, ...] = ()
    """Markets of the venue that the program does not trade."""
    clock_mended_ms: int | None = None
    """How soon a clock that jumped is put right; None: not before the calm."""


def dice_of(seed: int, part: str) -> Random:
    return Random(f"{seed}/{part}")


def draw(
    seed: int,
    depth: Depth,
    account: str,
    *,
    only: str | None = None,
    weather_ms: int | None = None,
    hours: float | None = None,
) -> Plan:
    """The plan of a seed.

    Args:
        only: The one trouble of this life, again and again; default: a mixture.
        weather_ms: Default: drawn, one to three minutes.
        hours: A life of so many hours in place of that: everyday trading, and something that goes wrong every few minutes.
    """
    if hours is not None:
        return _long(seed, depth, account, only, int(hours * 3_600_000))
    dice = dice_of(seed, "plan")
    length = weather_ms if weather_ms is not None else dice.randint(60_000, 180_000)
    lowest = dice.choice((5, 20, 100))
    config = _config(dice_of(seed, "config"), account)
    return Plan(
        seed=seed,
        depth=depth,
        account=account,
        config=config,
        latency_min_ms=lowest,
        latency_max_ms=lowest + dice.choice((10, 100, 300, 800)),
        orderly=dice.random() < 0.4,
        duplicates=dice.choice((0.0, 0.0, 0.02, 0.2)) if only is None else 0.0,
        weather_ms=length,
        troubles=_troubles(dice_of(seed, "troubles"), length, only),
        newer=_newer(dice_of(seed, "newer"), length) if only is None and seed >= NEWER_FROM else (),
        newest=_newest(seed, length, only, 15_000),
        latest=_latest(seed, length, only, 20_000),
        operator_every_ms=dice.choice((0, 20_000, 8_000)) if only is None else 0,
    )


def _long(seed: int, depth: Depth, account: str, only: str | None, length_ms: int) -> Plan:
    """Limits are wide, for a limit that is reached ends all trading; who looks in now and then puts right what stands still."""
    dice = dice_of(seed, "long")
    drawn = _config(dice_of(seed, "config"), account)
    config = replace(
        drawn,
        markets=drawn.markets[: dice.choice((1, 1, 2))],
        execution=replace(drawn.execution, tick_interval_ms=dice.choice((100, 250, 500, 500, 1_000, 1_000))),
        risk=RiskConfig(max_consecutive_losses=1_000, max_flatten_failures=1_000),
        safety=SafetyConfig(max_daily_trades=100_000, auto_stop_loss_usd=Decimal(10_000)),
    )
    lowest = dice.choice((5, 20, 100))
    names = (only,) if only is not None else tuple(dice.sample(list(TROUBLES), dice.randint(2, 12)))
    every = dice.choice((60_000, 180_000, 600_000))
    return Plan(
        seed=seed,
        depth=depth,
        account=account,
        config=config,
        latency_min_ms=lowest,
        latency_max_ms=lowest + dice.choice((10, 100, 300, 800)),
        orderly=dice.random() < 0.4,
        duplicates=dice.choice((0.0, 0.0, 0.0, 0.02)),
        weather_ms=length_ms,
        troubles=_one_after_another(dice, length_ms, names, every),
        newer=() if only is not None else _newer(dice_of(seed, "newer"), length_ms, 2 * every),
        newest=_newest(seed, length_ms, only, every),
        latest=_latest(seed, length_ms, only, 2 * every),
        operator_every_ms=dice.choice((120_000, 600_000)),
        block_ms=BLOCK_MS * dice.choice((1, 2, 3, 4)),
        clock_mended_ms=dice.choice((30_000, 120_000)),
    )


def _troubles(dice: Random, length_ms: int, only: str | None) -> tuple[Planned, ...]:
    if only is not None:
        assert only in ALL_TROUBLES, f"trouble {only!r}; there are {', '.join(ALL_TROUBLES)}"
        names = [only]
    else:
        # A few kinds again and again find more than all kinds once: most lives have between two and six.
        names = dice.sample(list(TROUBLES), dice.randint(0, 6))
    if not names:
        return ()
    every = dice.choice((4_000, 10_000, 25_000)) if only is None else 8_000
    return _one_after_another(dice, length_ms, names, every)


def _newer(dice: Random, length_ms: int, every: int = 15_000) -> tuple[Planned, ...]:
    return _one_after_another(dice, length_ms, dice.sample(list(NEWER), dice.randint(1, 3)), every)


def _newest(seed: int, length_ms: int, only: str | None, every: int) -> tuple[Planned, ...]:
    """The operator's own orders are among them more often than the rest."""
    if only is not None or seed < NEWEST_FROM:
        return ()
    dice = dice_of(seed, "newest")
    names = [*dice.sample(list(NEWEST), dice.randint(1, 3)), BY_HAND]
    return _one_after_another(dice, length_ms, names, every)


def _latest(seed: int, length_ms: int, only: str | None, every: int) -> tuple[Planned, ...]:
    if only is not None or seed < LATEST_FROM:
        return ()
    return _one_after_another(dice_of(seed, "latest"), length_ms, list(LATEST), every)


def _one_after_another(dice: Random, length_ms: int, names: Sequence[str], every: int) -> tuple[Planned, ...]:
    found, at = [], 3_000
    while (at := at + int(dice.uniform(0.2, 1.8) * every)) < length_ms:
        found.append(Planned(at, dice.choice(names)))
    return tuple(found)


def _config(dice: Random, account: str) -> Config:
    """Everyday settings, and in some lives tight ones, so that limits are met."""
    D = Decimal
    markets = dice.sample(MARKETS, dice.randint(1, 3))
    tight = dice.random() < 0.35
    time_stop_ms = dice.choice((2_000, 4_000, 10_000, 30_000))
    per_market = D(dice.choice((50, 50, 30, 15)))
    execution = ExecutionConfig(
        max_notional_per_market=per_market,
        max_notional_total=per_market * dice.choice((1, 2, 2, 3)),
        time_stop_ms=time_stop_ms,
        reduce_only_timeout_ms=2 * time_stop_ms,
        inflight_limit=dice.choice((1, 2, 4)) if tight else 100,
        inflight_high_watermark=dice.choice((1, 1, 1)) if tight else 80,
        cancel_queue_cap=dice.choice((1, 5)) if tight else 200,
        new_order_queue_cap=dice.choice((1, 5)) if tight else 1000,
        batch_max_orders=dice.choice((1, 2, 50)),
        batch_max_cancels=dice.choice((1, 50)),
        tick_interval_ms=dice.choice((100, 100, 100, 50, 250)),
        dispatch=dice.choice(("eager", "tick")),
        post_timeout_ms=dice.choice((5_000, 5_000, 2_000)),
        min_edge_bps=D(dice.choice((2, 5, 10))),
    )
    risky = dice.random() < 0.25
    risk = RiskConfig(
        max_consecutive_losses=dice.choice((1, 3, 5)) if risky else 1_000,
        max_flatten_failures=dice.choice((1, 3)) if risky else 1_000,
        position_sync_ms=dice.choice((1_000, 5_000)),
    )
    loss = D(dice.choice((1, 20))) if risky else D(10_000)
    return Config(
        ws_url="ws://127.0.0.1:9/ws",
        info_url="http://127.0.0.1:9/info",
        mode="trading",
        markets=tuple(MarketConfig(coin) for coin in markets),
        signer=SignerConfig(SimulatorKey()),
        account=AccountConfig(account),
        execution=execution,
        risk=risk,
        safety=SafetyConfig(max_daily_trades=dice.choice((5, 50)) if risky else 10_000, auto_stop_loss_usd=loss),
    )
