"""Checkers of what a market has to be for an entry, and of how large an entry is: SPEC 7, market risk gates and Detector.

Judged on the touches, contexts, rules and refusals that were heard, with room where a rule has a measure of its own: the usual spread is
the middle one of the touches before. Same form and same promise as in checkers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal

from check import Check
from ledger import Ledger

from core.messages.effects import Effect, Journal, OrderRow, Post, Repost, SignalRow
from core.messages.events import Bbo, Connected, SpecsRead
from core.messages.tape import Message
from core.model.market import MarketKey, MarketSpec
from core.model.order import OrderStatus
from core.sim.world.world import World

_BPS = Decimal(10_000)
_KEPT = 60
_JUDGED_FROM = 40
_CAP_MS = 60_000
_ORDER_MS = 900


class Fit(Check):
    """A signal is accepted only on a market fit for it, and no larger than the book, its spread and the limits allow."""

    quiet = (Bbo,)

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._spreads: dict[MarketKey, deque[Decimal]] = {}
        self._newest: dict[MarketKey, Bbo] = {}
        self._back_ms: dict[MarketKey, int] = {}
        self._capped_ms: dict[MarketKey, int] = {}
        self._rules: dict[MarketKey, MarketSpec] = {}
        self._changed: set[MarketKey] = set()
        self._missed: dict[MarketKey, tuple[int, int]] = {}
        """How many entries in a row found nobody, and when the last did."""
        self._filled: dict[MarketKey, bool] = {}
        """Whether the last entry was."""

    def started(self, world: World) -> None:
        for kept in (
            self._spreads,
            self._newest,
            self._back_ms,
            self._capped_ms,
            self._rules,
            self._missed,
            self._filled,
        ):
            kept.clear()
        self._changed.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, Bbo):
            self._touch(world, message)
        elif isinstance(message, Connected):
            self._newest.clear()
        elif isinstance(message, SpecsRead):
            for spec in message.specs:
                if self._rules.setdefault(spec.market, spec) != spec:
                    self._changed.add(spec.market)
        for effect in effects:
            if isinstance(effect, Journal) and isinstance(effect.row, OrderRow):
                self._ended(world, effect.row)
        for effect in effects:
            if isinstance(effect, (Post, Repost)):
                self.expect(world.plan.config.mode == "trading", "a post by who only looks")
            elif isinstance(effect, Journal) and isinstance(effect.row, SignalRow):
                if effect.row.verdict == "accepted":
                    self._judge(world, effect.row)
                elif effect.row.verdict.startswith("max position per market"):
                    self._own_size(world, effect.row)
                elif "last entry not filled" in effect.row.verdict:
                    market = effect.row.signal.market
                    self.expect(not self._filled.get(market), f"{market}: a pause after an entry that was filled")

    def _touch(self, world: World, bbo: Bbo) -> None:
        newest = self._newest.get(bbo.market)
        if newest is not None and bbo.time_ms < newest.time_ms:
            if not bbo.from_book:
                self._back_ms[bbo.market] = world.steady_ms
            return
        self._newest[bbo.market] = bbo
        if bbo.bid_px is not None and bbo.ask_px is not None and bbo.ask_px >= bbo.bid_px:
            kept = self._spreads.setdefault(bbo.market, deque(maxlen=_KEPT))
            kept.append((bbo.ask_px - bbo.bid_px) / (bbo.ask_px + bbo.bid_px) * 2 * _BPS)

    def _ended(self, world: World, row: OrderRow) -> None:
        if row.purpose != "entry" or row.status not in (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED):
            return
        if row.status is OrderStatus.REJECTED and "open interest" in row.reason.lower():
            self._capped_ms[row.market] = world.steady_ms
        self._filled[row.market] = row.status is OrderStatus.FILLED
        if row.status is OrderStatus.FILLED or row.filled_size:
            self._missed.pop(row.market, None)
        elif row.status is OrderStatus.REJECTED:
            self._missed[row.market] = (self._missed.get(row.market, (0, 0))[0] + 1, world.steady_ms)

    def _judge(self, world: World, row: SignalRow) -> None:
        signal = row.signal
        market, risk, execution = signal.market, world.plan.config.risk, world.plan.config.execution
        bbo = self._newest.get(market)
        if bbo is None or bbo.bid_px is None or bbo.ask_px is None:
            return  # EntryWorth says so
        count, missed_ms = self._missed.get(market, (0, 0))
        pause = min(30_000, 1_000 << max(0, count - 1)) if count else 0
        for refused, why in (
            (world.plan.config.mode != "trading", "by who only looks"),
            (bbo.bid_px >= bbo.ask_px, f"on a crossed book, {bbo.bid_px} bid and {bbo.ask_px} asked"),
            (market in self._changed, "on a market whose rules changed in this run"),
            (self._rules[market].is_delisted, "on a market that is not listed"),
            (world.steady_ms - self._back_ms.get(market, -_ORDER_MS) < _ORDER_MS, "right after time went back"),
            (world.steady_ms - self._capped_ms.get(market, -_CAP_MS) < _CAP_MS - 100, "with open interest at its cap"),
            (world.steady_ms - missed_ms < pause * 9 // 10, f"in the pause after {count} entries that found nobody"),
        ):
            self.expect(not refused, f"{market}: a signal was accepted {why}")
        spreads = sorted(self._spreads[market])
        if len(spreads) < _JUDGED_FROM:
            return
        spread = (bbo.ask_px - bbo.bid_px) / (bbo.ask_px + bbo.bid_px) * 2 * _BPS
        touch_sz = bbo.ask_sz if signal.side.is_buy else bbo.bid_sz
        assert touch_sz is not None
        # Wide, and hardly ever seen: what is seen often becomes the usual.
        usual = spreads[len(spreads) * 3 // 4]
        is_new = sum(s * 2 > spread for s in spreads) <= 3
        self.expect(
            not is_new or spread <= 2 * usual * risk.spread_block_factor,
            f"{market}: a signal was accepted at a spread of {spread:.1f} bps, usual {usual:.1f}",
        )
        fifth = execution.size_alpha * touch_sz / 5
        self.expect(
            not is_new or spread <= usual * risk.spread_shrink_factor * 3 / 2 or signal.size <= fifth,
            f"{market}: size {signal.size} at a spread of {spread:.1f} bps, usual {usual:.1f}: no fifth of {touch_sz}",
        )

    def _own_size(self, world: World, row: SignalRow) -> None:
        """An entry is made so small that it passes alone."""
        assert world.engine is not None
        m = world.engine.machines
        self.expect(m.exposure_usd(row.signal.market), f"{row.signal.market}: its own size was refused, {row.verdict}")


FITNESS_CHECKERS = (Fit,)
