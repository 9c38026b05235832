"""The moving market: an oracle that jumps and a book that lags behind it.

Each coin lives on its own dice (seeded by seed and coin name), so what one coin does depends neither on the others nor on what
users do. Between episodes oracle and book wander together. An episode opens a gap of 10 to 150 bps between oracle and book:

    real (about four in five)   the book follows the oracle within several seconds: whoever took the touch gains
    false: returns              the oracle comes back to the book, which drifts the wrong way meanwhile: the taker loses
    false: persists             the gap stays for half a minute or more, then the oracle gives in

The walk is in floats: it is a draw, not money. Every price and size that leaves is a Decimal on the venue's tick and lot.
Easy to get wrong: the market moves in blocks of a fixed length whatever the caller's pace, else the same seed would not give the same frames.

PROTOCOL 6.5, 14 step 9; issue 2 part 3.
"""

from __future__ import annotations

import math
import random
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from core.model.rounding import round_price, round_size, tick_size
from core.sim.universe import Listing

BLOCK_MS = 70
"""Measured spacing of the venue's blocks is 65 to 70 ms."""

DEPTH = 20
"""Levels per side that the venue shows."""

_BLOCK_S = BLOCK_MS / 1000
_WANDER_BPS = 0.6 * math.sqrt(_BLOCK_S)  # of oracle and book together; about half the volatility of BTC
_IDLE_MEAN_MS = 25_000  # with seven markets: a gap of 25 bps or more opens about every 6 s
_GAP_MEDIAN_BPS, _GAP_SIGMA = 45.0, 0.55
_GAP_MIN_BPS, _GAP_MAX_BPS = 10.0, 150.0
_CLOSED_BPS = 2.0
_MARK_SHARE = Decimal("0.45")  # of the way from mid to oracle: mark and mid part by 36 bps at a gap of 80, by 50 at 111
_REQUOTE_CHANCE = 0.3  # per block: a bbo changes a few times a second
_TOUCH_USD_MEDIAN, _TOUCH_USD_SIGMA = 800.0, 0.45  # a twentieth of it is worth 15 to 100 USD
_TRADE_CHANCE = 0.02


class Quote(NamedTuple):
    """One price level of the market's own liquidity."""

    px: Decimal
    sz: Decimal


class Print(NamedTuple):
    """A trade between strangers."""

    is_buy: bool
    px: Decimal
    sz: Decimal


class _Kind(Enum):
    REAL = "real"
    RETURNS = "returns"
    PERSISTS = "persists"


class _Episode(NamedTuple):
    kind: _Kind
    closes_from_ms: int
    """Until then nobody reacts."""
    tau_ms: float
    """How fast the gap closes after that."""
    drift_bps_per_block: float
    """How the book runs away in the meantime (false episodes)."""


class CoinMarket:
    """One coin. `step` moves it by one block; the rest only looks."""

    def __init__(self, listing: Listing, seed: int, moves: bool, start_ms: int) -> None:
        self.listing = listing
        self.moves = moves and not listing.spec.is_delisted
        self._dice = random.Random(f"{seed}/{listing.coin}")
        self._sz_decimals = listing.spec.sz_decimals
        self._mid = float(listing.start_px)
        self._gap_bps = 0.0
        self._half_spread_bps = self._dice.uniform(0.7, 1.6)
        self._episode: _Episode | None = None
        self._next_episode_ms = start_ms + int(self._dice.uniform(1_000, _IDLE_MEAN_MS))
        self._depth_shape = [self._dice.uniform(0.7, 1.6) * (1 + 0.15 * i) for i in range(DEPTH)]
        self._is_pinned = False
        self.prev_day_px = self._price(self._mid * self._dice.uniform(0.98, 1.02))
        self.day_base = Decimal(0)
        self.day_usd = Decimal(0)
        self.open_interest = round_size(
            Decimal(int(self._dice.uniform(2e6, 2e7))) / listing.start_px, self._sz_decimals
        )
        self.bids: tuple[Quote, ...] = ()
        self.asks: tuple[Quote, ...] = ()
        self.oracle_px = self._price(self._mid)
        if not listing.spec.is_delisted:
            self._quote()

    # what it shows -------------------------------------------------------------------------------------------------

    @property
    def mid_px(self) -> Decimal | None:
        if not self.bids or not self.asks:
            return None
        return (self.bids[0].px + self.asks[0].px) / 2

    @property
    def mark_px(self) -> Decimal:
        mid = self.mid_px
        if mid is None:
            return self.oracle_px
        mark = mid + (self.oracle_px - mid) * _MARK_SHARE
        return round_price(mark, False, self._sz_decimals)

    # how it moves --------------------------------------------------------------------------------------------------

    def step(self, now_ms: int) -> tuple[bool, Print | None]:
        """Move by one block.

        Returns:
            Whether the quotes changed, and a trade between strangers if there was one.
        """
        if not self.moves or self._is_pinned:
            return False, None
        dice = self._dice
        self._mid *= 1 + dice.gauss(0, _WANDER_BPS) / 1e4
        self._live_episode(now_ms)
        self.oracle_px = self._price(self._mid * (1 + self._gap_bps / 1e4))
        changed = dice.random() < _REQUOTE_CHANCE
        if changed:
            self._quote()
        trade = None
        if dice.random() < _TRADE_CHANCE:
            is_buy = dice.random() < 0.5
            touch = (self.asks if is_buy else self.bids)[0]
            sz = round_size(touch.sz * Decimal(f"{dice.uniform(0.05, 0.5):.3f}"), self._sz_decimals)
            if sz > 0:
                trade = Print(is_buy, touch.px, sz)
        return changed, trade

    def _live_episode(self, now_ms: int) -> None:
        episode = self._episode
        if episode is None:
            if now_ms >= self._next_episode_ms:
                self._open_episode(now_ms)
            return
        if now_ms < episode.closes_from_ms:
            self._move_mid_only(episode.drift_bps_per_block)
            return
        closing_bps = self._gap_bps * (1 - math.exp(-BLOCK_MS / episode.tau_ms))
        if episode.kind is _Kind.REAL:
            self._move_mid_only(closing_bps)
        else:
            self._gap_bps -= closing_bps
        if abs(self._gap_bps) < _CLOSED_BPS:
            self._episode = None
            self._gap_bps = 0.0
            self._next_episode_ms = now_ms + int(self._dice.expovariate(1 / _IDLE_MEAN_MS))

    def _open_episode(self, now_ms: int) -> None:
        dice = self._dice
        size = min(max(_GAP_MEDIAN_BPS * math.exp(dice.gauss(0, _GAP_SIGMA)), _GAP_MIN_BPS), _GAP_MAX_BPS)
        self._gap_bps = size if dice.random() < 0.5 else -size
        away = -math.copysign(1.0, self._gap_bps)
        draw = dice.random()
        if draw < 0.80:
            self._episode = _Episode(_Kind.REAL, now_ms + dice.randint(1_000, 2_500), dice.uniform(1_800, 4_500), 0.0)
        elif draw < 0.91:
            hold_ms = dice.randint(2_500, 6_000)
            drift = away * dice.uniform(4, 22) / (hold_ms / BLOCK_MS)
            self._episode = _Episode(_Kind.RETURNS, now_ms + hold_ms, dice.uniform(500, 1_500), drift)
        else:
            hold_ms = dice.randint(25_000, 45_000)
            drift = away * dice.uniform(0, 15) / (hold_ms / BLOCK_MS)
            self._episode = _Episode(_Kind.PERSISTS, now_ms + hold_ms, dice.uniform(500, 1_500), drift)

    def _move_mid_only(self, bps: float) -> None:
        """The book moves, the oracle stays where it is."""
        self._mid *= 1 + bps / 1e4
        self._gap_bps -= bps

    # quotes --------------------------------------------------------------------------------------------------------

    def _quote(self) -> None:
        dice = self._dice
        mid = self._mid * (1 + dice.gauss(0, 0.15) / 1e4)
        half = self._half_spread_bps * dice.uniform(0.85, 1.15) / 1e4
        bid = round_price(_decimal(mid * (1 - half)), False, self._sz_decimals)
        ask = round_price(_decimal(mid * (1 + half)), True, self._sz_decimals)
        if ask <= bid:
            ask = bid + tick_size(bid, self._sz_decimals)
        self.bids = self._side(bid, -1)
        self.asks = self._side(ask, +1)

    def _side(self, touch: Decimal, direction: int) -> tuple[Quote, ...]:
        tick = tick_size(touch, self._sz_decimals)
        step = max(tick, (touch * Decimal("0.0001")).quantize(tick))
        usd = _TOUCH_USD_MEDIAN * math.exp(self._dice.gauss(0, _TOUCH_USD_SIGMA))
        unit = _decimal(usd) / touch
        smallest = Decimal(1).scaleb(-self._sz_decimals)
        levels = []
        for i, shape in enumerate(self._depth_shape):
            px = touch + direction * i * step
            if px <= 0:
                break
            share = Decimal(1) if i == 0 else _decimal(shape)
            levels.append(Quote(px, max(smallest, round_size(unit * share, self._sz_decimals))))
        return tuple(levels)

    def _price(self, px: float) -> Decimal:
        return round_price(_decimal(px), False, self._sz_decimals)

    # held by hand --------------------------------------------------------------------------------------------------

    def pin(self, oracle_px: Decimal, bid: Decimal, ask: Decimal, touch_sz: Decimal | None = None) -> None:
        """Hold this coin at given prices, and on request with given sizes at the touch, until `release`."""
        assert bid < ask
        self._is_pinned = True
        self._episode = None
        self._mid = float((bid + ask) / 2)
        self._gap_bps = (float(oracle_px) / self._mid - 1) * 1e4
        self.oracle_px = oracle_px
        self.bids = self._side(bid, -1)
        self.asks = self._side(ask, +1)
        if touch_sz is not None:
            self.bids = (Quote(bid, touch_sz), *self.bids[1:])
            self.asks = (Quote(ask, touch_sz), *self.asks[1:])

    def release(self, now_ms: int) -> None:
        """Let a pinned coin move on from where it is; a gap left behind closes like a real one."""
        self._is_pinned = False
        self._episode = _Episode(_Kind.REAL, now_ms, 3_000.0, 0.0)


def _decimal(x: float) -> Decimal:
    return Decimal(f"{x:.10f}")
