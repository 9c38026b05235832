"""One coin's market as it is shown: an oracle, a mark, and a book of the market's own liquidity that lags behind the oracle.

Each coin lives on its own dice (seeded by seed and coin name), so what one coin does depends neither on the others nor on what users do.
The walk beneath is in floats: it is a draw, not money. Every price and size that leaves is a Decimal on the venue's tick and lot, made when
somebody looks. Easy to get wrong: a market moves in blocks of a fixed length whatever the caller's pace, and it throws the same dice
whoever looks, else the same seed would not give the same frames.

PROTOCOL 6.5, 14 step 9; issue 2 part 3; issue 3 part 1.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from core.model.rounding import round_price, round_size
from core.sim.dice import Dice
from core.sim.quotes import Grid, Quote, Side
from core.sim.universe import Listing
from core.sim.walk import BLOCK_MS, Walk

DEPTH = 20
"""Levels per side that the venue shows."""

BOTH_SIDES = frozenset((True, False))

_MARK_SHARE = Decimal("0.45")  # of the way from mid to oracle: mark and mid part by 36 bps at a gap of 80, by 50 at 111
_REQUOTE_CHANCE = 0.3  # per block: a bbo changes a few times a second
_TRADE_CHANCE = 0.02
_PER_MILLE = Decimal("0.001")


class Print(NamedTuple):
    """A trade between strangers."""

    is_buy: bool
    px: Decimal
    sz: Decimal


class CoinMarket:
    """One coin. `step` moves it by one block; the rest only looks, except what is done to it by hand."""

    def __init__(self, listing: Listing, seed: int, moves: bool, start_ms: int) -> None:
        self.listing = listing
        self.moves = moves and not listing.spec.is_delisted
        dice = self._dice = Dice(f"{seed}/{listing.coin}")
        start_px = float(listing.start_px)
        self._half_spread = dice.uniform(0.7, 1.6) / 1e4
        self._walk = Walk(dice, start_px, start_ms)
        shape = [dice.uniform(0.7, 1.6) * (1 + 0.15 * i) for i in range(DEPTH)]
        self._grid = Grid(listing.spec.sz_decimals)
        self._bids, self._asks = Side(self._grid, True, shape), Side(self._grid, False, shape)
        self._pinned: tuple[Decimal, Decimal] | None = None
        self._shown_mid, self._shown_half = start_px, self._half_spread
        self._spread_factor = Decimal(1)
        self.hidden: frozenset[bool] = BOTH_SIDES if listing.spec.is_delisted else frozenset()
        """Sides (is bid) without any quote."""
        self._oracle: Decimal | None = None
        self.prev_day_px = self._grid.price(start_px * dice.uniform(0.98, 1.02), False)
        self.day_base = Decimal(0)
        self.day_usd = Decimal(0)
        open_usd = Decimal(dice.randint(2 * 10**6, 2 * 10**7))
        self.open_interest = round_size(open_usd / listing.start_px, self.sz_decimals)
        self._quote()

    # what it shows -------------------------------------------------------------------------------------------------

    @property
    def sz_decimals(self) -> int:
        return self.listing.spec.sz_decimals

    def touch(self, is_bid: bool) -> Quote | None:
        if is_bid in self.hidden:
            return None
        return (self._bids if is_bid else self._asks).touch

    def levels(self, is_bid: bool) -> tuple[Quote, ...]:
        if is_bid in self.hidden:
            return ()
        return (self._bids if is_bid else self._asks).levels

    @property
    def bids(self) -> tuple[Quote, ...]:
        return self.levels(True)

    @property
    def asks(self) -> tuple[Quote, ...]:
        return self.levels(False)

    @property
    def oracle_px(self) -> Decimal:
        if self._oracle is None:
            self._oracle = self._grid.price(self._walk.oracle, False)
        return self._oracle

    @property
    def mid_px(self) -> Decimal | None:
        if self.hidden:
            return None
        return (self._bids.touch.px + self._asks.touch.px) / 2

    @property
    def mark_px(self) -> Decimal:
        mid = self.mid_px
        if mid is None:
            return self.oracle_px
        mark = mid + (self.oracle_px - mid) * _MARK_SHARE
        return round_price(mark, False, self.sz_decimals)

    # how it moves --------------------------------------------------------------------------------------------------

    def step(self, now_ms: int) -> tuple[bool, Print | None]:
        """Move by one block.

        Returns:
            Whether the quotes changed, and a trade between strangers if there was one.
        """
        if not self.moves or self._pinned is not None:
            return False, None
        dice = self._dice
        self._walk.step(now_ms)
        self._oracle = None
        changed = dice.random() < _REQUOTE_CHANCE
        if changed:
            self._quote()
        return changed, self._strangers_trade() if dice.random() < _TRADE_CHANCE else None

    def _strangers_trade(self) -> Print | None:
        is_buy = self._dice.random() < 0.5
        share = self._dice.randint(50, 500)
        touch = self.touch(not is_buy)
        if touch is None:
            return None
        sz = round_size(touch.sz * share * _PER_MILLE, self.sz_decimals)
        return Print(is_buy, touch.px, sz) if sz > 0 else None

    def _quote(self) -> None:
        dice = self._dice
        self._shown_mid = self._walk.mid * (1 + dice.normal() * 0.15 / 1e4)
        self._shown_half = self._half_spread * dice.uniform(0.85, 1.15)
        self._bids.resize(dice.normal())
        self._asks.resize(dice.normal())
        self._lay()

    def _lay(self) -> None:
        """Put both touches where they are drawn or pinned, a spread apart."""
        if self._pinned is None:
            half = self._shown_half * float(self._spread_factor)
            self._bids.move(self._shown_mid * (1 - half))
            self._asks.move(self._shown_mid * (1 + half))
            return
        bid, ask = self._pinned
        if self._spread_factor != 1:
            extra = (ask - bid) / 2 * (self._spread_factor - 1)
            bid = round_price(bid - extra, False, self.sz_decimals)
            ask = round_price(ask + extra, True, self.sz_decimals)
        self._bids.move(bid)
        self._asks.move(ask)

    # by hand -------------------------------------------------------------------------------------------------------

    def pin(self, oracle_px: Decimal, bid: Decimal, ask: Decimal, touch_sz: Decimal | None = None) -> None:
        """Hold this coin at given prices, and on request with given sizes at the touch, until `release`."""
        assert bid < ask
        self._pinned = bid, ask
        self._oracle = oracle_px
        self._walk.hold(float((bid + ask) / 2), float(oracle_px))
        self._bids.resize(0.0, touch_sz)
        self._asks.resize(0.0, touch_sz)
        self._lay()

    def release(self, now_ms: int) -> None:
        """Let a pinned coin move on from where it is; a gap left behind closes like a real one."""
        self._pinned = None
        self._shown_mid = self._walk.mid
        self._walk.let_go(now_ms)
        self._lay()

    def jump(self, bps: int) -> None:
        """Oracle and book move by so much at once."""
        factor = 1 + bps / 1e4
        self._walk.mid *= factor
        self._shown_mid *= factor
        if self._pinned is None:
            self._oracle = None
        else:
            oracle, bid, ask = (px * (10_000 + bps) / 10_000 for px in (self.oracle_px, *self._pinned))
            self._oracle = round_price(oracle, False, self.sz_decimals)
            self._pinned = self._on_tick(bid, ask)
        self._lay()

    def widen(self, factor: Decimal) -> None:
        """Show a spread so many times the usual one; 1 is the usual one."""
        self._spread_factor = factor
        self._lay()

    def relist(self, listing: Listing) -> None:
        """Other rules from now on: what is shown next is on the new tick and lot."""
        self.listing = listing
        self._grid.change(listing.spec.sz_decimals)
        if listing.spec.is_delisted:
            self.moves, self.hidden = False, BOTH_SIDES
        if self._pinned is None:
            self._oracle = None
        else:
            self._pinned = self._on_tick(*self._pinned)
            self._bids.resize(0.0)
            self._asks.resize(0.0)
        self._lay()

    def _on_tick(self, bid: Decimal, ask: Decimal) -> tuple[Decimal, Decimal]:
        return round_price(bid, False, self.sz_decimals), round_price(ask, True, self.sz_decimals)


__all__ = ["BLOCK_MS", "BOTH_SIDES", "DEPTH", "CoinMarket", "Print", "Quote"]
