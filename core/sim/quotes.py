"""One side of the market's own book: a touch with levels behind it, built only when somebody looks.

The walk is in floats; here they become prices on the venue's tick and sizes on its lot. Draws no dice: the same levels come out
whether one looks or not. Easy to get wrong: the tick follows the price, so a level beyond the next power of ten may need a coarser one.

PROTOCOL 3.1, 6.5.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from core.model.rounding import round_price, tick_size
from core.sim.dice import exp

_TOUCH_USD_MEDIAN, _TOUCH_USD_SIGMA = 800.0, 0.45  # a twentieth of it is worth 15 to 100 USD
_STEP = 10_000  # levels are one basis point apart, or one tick where that is more


class Quote(NamedTuple):
    """One price level of the market's own liquidity."""

    px: Decimal
    sz: Decimal


class Grid:
    """The venue's ticks and lots for one coin, from floats."""

    def __init__(self, sz_decimals: int) -> None:
        self.change(sz_decimals)

    def change(self, sz_decimals: int) -> None:
        self.sz_decimals = sz_decimals
        self._lot = Decimal(1).scaleb(-sz_decimals)
        self._lots_per_unit = float(10**sz_decimals)
        self._low = self._high = 0.0
        self._tick = Decimal(1)
        self._ticks_per_usd = 1.0

    def price(self, px: float, up: bool) -> Decimal:
        """The nearest valid price, not above (or not below) the given one."""
        if not self._low <= px < self._high:
            self._find_decade(px)
        exact = px * self._ticks_per_usd
        ticks = int(exact)
        if up and ticks != exact:
            ticks += 1
        assert ticks > 0, f"price {px} rounds to zero with szDecimals {self.sz_decimals}"
        return ticks * self._tick

    def size(self, sz: float) -> Decimal:
        """Cut down to whole lots, but never to none."""
        return max(1, int(sz * self._lots_per_unit)) * self._lot

    def _find_decade(self, px: float) -> None:
        adjusted = Decimal(px).adjusted()
        self._low, self._high = float(f"1e{adjusted}"), float(f"1e{adjusted + 1}")
        self._tick = tick_size(Decimal(px), self.sz_decimals)
        self._ticks_per_usd = float(1 / self._tick)


class Side:
    """The bids or the asks."""

    def __init__(self, grid: Grid, is_bid: bool, shape: list[float]) -> None:
        """
        Args:
            shape: Size of each level as a multiple of the touch's; the first counts as 1.
        """
        self._grid = grid
        self._is_bid = is_bid
        self._shape = shape
        self._px: float | Decimal = 0.0
        self._draw = 0.0
        self._touch_sz: Decimal | None = None
        self._touch: Quote | None = None
        self._levels: tuple[Quote, ...] | None = None

    def move(self, px: float | Decimal) -> None:
        """Put the touch at a price; a Decimal is on the tick already."""
        self._px = px
        self._touch = self._levels = None

    def resize(self, draw: float, touch_sz: Decimal | None = None) -> None:
        """Set the sizes: by a normal draw, or for the touch by hand."""
        self._draw = draw
        self._touch_sz = touch_sz
        self._touch = self._levels = None

    @property
    def touch(self) -> Quote:
        if self._touch is None:
            px = self._px
            if not isinstance(px, Decimal):
                px = self._grid.price(px, not self._is_bid)
            self._touch = Quote(px, self._touch_sz or self._grid.size(self._unit()))
        return self._touch

    @property
    def levels(self) -> tuple[Quote, ...]:
        """All of them, best first."""
        if self._levels is None:
            self._levels = self._build()
        return self._levels

    def _unit(self) -> float:
        return _TOUCH_USD_MEDIAN * exp(_TOUCH_USD_SIGMA * self._draw) / float(self._px)

    def _build(self) -> tuple[Quote, ...]:
        touch, sz_decimals = self.touch, self._grid.sz_decimals
        tick = tick_size(touch.px, sz_decimals)
        step = max(tick, (touch.px / _STEP).quantize(tick)) * (-1 if self._is_bid else 1)
        next_decade = Decimal(1).scaleb(touch.px.adjusted() + 1)
        unit, px, levels = self._unit(), touch.px, [touch]
        for share in self._shape[1:]:
            px += step
            if px <= 0:
                break
            if px > next_decade:
                px = round_price(px, True, sz_decimals)
            levels.append(Quote(px, self._grid.size(unit * share)))
        return tuple(levels)
