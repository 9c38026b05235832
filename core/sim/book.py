"""One coin's book: the market's own levels and the users' resting orders, matched by price, then time.

Decides who trades with whom at what price; knows nothing of accounts, fees or texts. What a user takes is gone for a moment, so that
taking the touch twice in a row costs the next level. Easy to get wrong: an account never trades with itself; its resting order is
expired and the taker goes on.

PROTOCOL 12 (matching, self trade), 14.
"""

from __future__ import annotations

from bisect import insort_right
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import chain
from typing import NamedTuple

from core.sim.market import DEPTH, CoinMarket
from core.sim.orders import OrderRecord

_REFILL_MS = 1_500
"""How long a taken level stays thin."""


class Level(NamedTuple):
    """A price of the shown book with all that rests there."""

    px: Decimal
    sz: Decimal
    n: int


class Match(NamedTuple):
    """One step of a take. `maker` is None when the market itself was the other side."""

    px: Decimal
    sz: Decimal
    maker: OrderRecord | None


class Gone(NamedTuple):
    """A resting order that may not trade, and what it ends as."""

    order: OrderRecord
    status: str


class Book:
    """Matching for one coin."""

    def __init__(self, market: CoinMarket) -> None:
        self.market = market
        self._resting: dict[bool, list[OrderRecord]] = {True: [], False: []}
        self._taken: dict[tuple[bool, Decimal], tuple[Decimal, int]] = {}

    # looking -------------------------------------------------------------------------------------------------------

    def levels(self, is_bid: bool, now_ms: int, depth: int = DEPTH) -> list[Level]:
        """The shown book of one side, best first."""
        at: dict[Decimal, tuple[Decimal, int]] = {px: (sz, 1) for px, sz in self._own(is_bid, now_ms)}
        for order in self._resting[is_bid]:
            sz, n = at.get(order.limit_px, (Decimal(0), 0))
            at[order.limit_px] = (sz + order.sz, n + 1)
        prices = sorted(at, reverse=is_bid)[:depth]
        return [Level(px, *at[px]) for px in prices]

    def touch(self, is_bid: bool, now_ms: int) -> Level | None:
        """The best of `levels`, without building the others."""
        own = self._best_own(is_bid, now_ms)
        makers = self._resting[is_bid]
        if not makers or (own is not None and _is_better(not is_bid, own[0], makers[0].limit_px)):
            return None if own is None else Level(*own, 1)
        best = makers[0].limit_px
        at_best = [o.sz for o in makers if o.limit_px == best]
        if own is not None and own[0] == best:
            at_best.append(own[1])
        return Level(best, sum(at_best, Decimal(0)), len(at_best))

    def resting(self) -> list[OrderRecord]:
        """Every user's resting order, in price-time order, bids first."""
        return [*self._resting[True], *self._resting[False]]

    @property
    def is_calm(self) -> bool:
        """Whether nobody rests here and nothing is taken away."""
        return not (self._taken or self.has_resting)

    @property
    def has_resting(self) -> bool:
        return bool(self._resting[True] or self._resting[False])

    def crosses(self, is_buy: bool, limit_px: Decimal, now_ms: int, user: str) -> bool:
        """Whether an order at this limit would trade at once with somebody else."""
        own = self._best_own(not is_buy, now_ms)
        if own is not None and _reaches(is_buy, limit_px, own[0]):
            return True
        return any(o.user != user and _reaches(is_buy, limit_px, o.limit_px) for o in self._resting[not is_buy])

    # changing ------------------------------------------------------------------------------------------------------

    def take(
        self,
        user: str,
        is_buy: bool,
        limit_px: Decimal,
        sz: Decimal,
        now_ms: int,
        can_pay: Callable[[OrderRecord], bool],
    ) -> Iterator[Match | Gone]:
        """Match an incoming order against everything at its limit or better, one step at a time.

        Whoever takes a step settles it before taking the next, because a fill can shrink or end other orders of its user. The maker of a
        step is already reduced, and off the book when it is filled.

        Args:
            can_pay: Whether a maker's account still has the margin for its order.

        Yields:
            A match, or a resting order that was in the way and may not trade; it is off the book and to be ended.
        """
        left = sz
        makers = self._resting[not is_buy]
        nothing: Iterator[tuple[Decimal | None, Decimal]] = iter([(None, Decimal(0))])
        for own_px, own_sz in chain(self._own(not is_buy, now_ms), nothing):
            # Resting users at a strictly better price than the market's next level come first; at the same price the market was earlier.
            while left > 0 and makers:
                best = makers[0]
                if not _reaches(is_buy, limit_px, best.limit_px):
                    break
                if own_px is not None and not _is_better(is_buy, best.limit_px, own_px):
                    break
                if best.user == user:
                    yield Gone(makers.pop(0), "selfTradeCanceled")
                    continue
                if not can_pay(best):
                    yield Gone(makers.pop(0), "marginCanceled")
                    continue
                size = min(left, best.sz)
                best.sz -= size
                left -= size
                if best.sz == 0:
                    makers.pop(0)
                yield Match(best.limit_px, size, best)
            if left <= 0 or own_px is None or not _reaches(is_buy, limit_px, own_px):
                if own_px is None or left <= 0:
                    break
                continue
            size = min(left, own_sz)
            left -= size
            self._note_taken(not is_buy, own_px, size, now_ms)
            yield Match(own_px, size, None)

    def rest(self, order: OrderRecord) -> None:
        """Put an order behind all others of its price."""
        insort_right(self._resting[order.is_buy], order, key=_dearest_first if order.is_buy else _cheapest_first)

    def remove(self, order: OrderRecord) -> None:
        self._resting[order.is_buy].remove(order)

    def met_by_market(self, now_ms: int, can_pay: Callable[[OrderRecord], bool]) -> Iterator[Match | Gone]:
        """Resting orders that the moving market has come across; each trades at its own price. Everything else is as in `take`."""
        for is_buy in (True, False):
            if not self._resting[is_buy]:
                continue
            for order in list(self._resting[is_buy]):
                if not order.is_live:
                    continue  # went with one before it
                own = self._best_own(not is_buy, now_ms)
                if own is None or not _reaches(is_buy, order.limit_px, own[0]):
                    break
                if not can_pay(order):
                    self.remove(order)
                    yield Gone(order, "marginCanceled")
                    continue
                size = min(order.sz, own[1])
                order.sz -= size
                self._note_taken(not is_buy, own[0], size, now_ms)
                if order.sz == 0:
                    self.remove(order)
                yield Match(order.limit_px, size, order)

    # the market's own levels ---------------------------------------------------------------------------------------

    def _best_own(self, is_bid: bool, now_ms: int) -> tuple[Decimal, Decimal] | None:
        """The first of `_own`; asked for in every block."""
        return next(self._own(is_bid, now_ms), None) if self._taken else self.market.touch(is_bid)

    def _own(self, is_bid: bool, now_ms: int) -> Iterator[tuple[Decimal, Decimal]]:
        """(price, size) of each of the market's own levels that is not taken away, best first; deeper ones are built when asked for."""
        touch = self.market.touch(is_bid)
        if touch is None:
            return
        if not self._taken:
            yield touch
            yield from self.market.levels(is_bid)[1:]
            return
        for px, sz in self.market.levels(is_bid):
            taken, until_ms = self._taken.get((is_bid, px), (Decimal(0), 0))
            if now_ms < until_ms:
                sz -= taken
            if sz > 0:
                yield px, sz

    def _note_taken(self, is_bid: bool, px: Decimal, sz: Decimal, now_ms: int) -> None:
        taken, until_ms = self._taken.get((is_bid, px), (Decimal(0), 0))
        self._taken[is_bid, px] = (sz + (taken if now_ms < until_ms else Decimal(0)), now_ms + _REFILL_MS)

    def refill(self, now_ms: int) -> bool:
        """Let taken levels come back in time.

        Returns:
            Whether something came back.
        """
        if not self._taken:
            return False
        due = [key for key, (_, until_ms) in self._taken.items() if now_ms >= until_ms]
        for key in due:
            del self._taken[key]
        return bool(due)


def _dearest_first(order: OrderRecord) -> Decimal:
    return -order.limit_px


def _cheapest_first(order: OrderRecord) -> Decimal:
    return order.limit_px


def _reaches(is_buy: bool, limit_px: Decimal, px: Decimal) -> bool:
    return limit_px >= px if is_buy else limit_px <= px


def _is_better(is_buy: bool, px: Decimal, than: Decimal) -> bool:
    """Better for one who buys (lower) or sells (higher)."""
    return px < than if is_buy else px > than
