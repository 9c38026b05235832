"""MarketStateCache: the newest touch, oracle and mark of each market, and how old they are.

It keeps facts and their age. It judges nothing (market_gates does) and fires nothing (detector does).

SPEC 7.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from core.messages.events import AssetCtx, Bbo
from core.model.market import MarketKey, MarketSpec

HISTORY_SECONDS = 60
_BPS = Decimal(10_000)


class MarketState:
    """One market. Plain attributes, written by the cache alone; None where nothing is known."""

    def __init__(self, market: MarketKey) -> None:
        self.market = market
        self.spec: MarketSpec | None = None
        self.bid_px: Decimal | None = None
        self.bid_sz: Decimal | None = None
        self.ask_px: Decimal | None = None
        self.ask_sz: Decimal | None = None
        self.bbo_time_ms: int | None = None
        """The exchange's time of the newest touch."""
        self.bbo_at_ms: int | None = None
        """Ours, when it arrived or was last confirmed by an l2Book answer."""
        self.oracle_px: Decimal | None = None
        self.mark_px: Decimal | None = None
        self.ctx_at_ms: int | None = None
        self.went_back_ms: int | None = None
        """When a touch last came with a time before the one we had."""
        self.first_wanted_ms: int | None = None
        self.left_out = False
        self.edge_history: deque[Decimal] = deque(maxlen=HISTORY_SECONDS)

    @property
    def mid_px(self) -> Decimal | None:
        if self.bid_px is None or self.ask_px is None:
            return None
        return (self.bid_px + self.ask_px) / 2

    @property
    def is_two_sided(self) -> bool:
        return self.bid_px is not None and self.ask_px is not None

    @property
    def spread_bps(self) -> Decimal | None:
        bid, ask = self.bid_px, self.ask_px
        if bid is None or ask is None:
            return None
        return (ask - bid) / ((bid + ask) / 2) * _BPS

    def bbo_age_ms(self, now_ms: int) -> int | None:
        at_ms = self.bbo_at_ms
        return None if at_ms is None else now_ms - at_ms if now_ms > at_ms else 0

    def ctx_age_ms(self, now_ms: int) -> int | None:
        at_ms = self.ctx_at_ms
        return None if at_ms is None else now_ms - at_ms if now_ms > at_ms else 0

    def edge_bps(self, is_buy: bool) -> Decimal | None:
        """Oracle against the touch, before costs, as the detector compares them: positive is a dislocation worth looking at."""
        px, oracle = self.ask_px if is_buy else self.bid_px, self.oracle_px
        if px is None or not oracle:
            return None
        return ((oracle - px) if is_buy else (px - oracle)) / oracle * _BPS


class MarketStateCache:
    def __init__(self, markets: tuple[MarketKey, ...]) -> None:
        self._states = {m: MarketState(m) for m in markets}

    def __getitem__(self, market: MarketKey) -> MarketState:
        return self._states[market]

    def get(self, market: MarketKey) -> MarketState | None:
        return self._states.get(market)

    def all(self) -> list[MarketState]:
        return list(self._states.values())

    def on_bbo(self, bbo: Bbo, now_ms: int) -> MarketState | None:
        """Take a touch. An older one than the newest is noted and not used; None when the market is not ours."""
        state = self._states.get(bbo.market)
        if state is None:
            return None
        if state.bbo_time_ms is not None and bbo.time_ms < state.bbo_time_ms:
            if not bbo.from_book:  # a book answer may well be older than a bbo that overtook it
                state.went_back_ms = now_ms
            return state
        state.bid_px, state.bid_sz = bbo.bid_px, bbo.bid_sz
        state.ask_px, state.ask_sz = bbo.ask_px, bbo.ask_sz
        state.bbo_time_ms, state.bbo_at_ms = bbo.time_ms, now_ms
        return state

    def on_ctx(self, ctx: AssetCtx, now_ms: int) -> MarketState | None:
        state = self._states.get(ctx.market)
        if state is None:
            return None
        state.oracle_px, state.mark_px, state.ctx_at_ms = ctx.oracle_px, ctx.mark_px, now_ms
        return state

    def mark(self, market: MarketKey) -> Decimal | None:
        state = self._states.get(market)
        return None if state is None else state.mark_px

    def forget_quotes(self) -> None:
        """After a disconnect or a time jump: what the book was is not what it is. Specs and marks stay for exposure."""
        for state in self._states.values():
            state.bbo_at_ms = state.bbo_time_ms = state.ctx_at_ms = None
            state.first_wanted_ms = None
            state.left_out = False

    def set_back(self, by_ms: int) -> None:
        """Our clock was set back: a quote is as old as it was."""
        for state in self._states.values():
            state.bbo_at_ms = _earlier(state.bbo_at_ms, by_ms)
            state.ctx_at_ms = _earlier(state.ctx_at_ms, by_ms)
            state.went_back_ms = _earlier(state.went_back_ms, by_ms)
            state.first_wanted_ms = _earlier(state.first_wanted_ms, by_ms)

    def sample_edges(self) -> None:
        """Once a second: remember the larger edge for the sparkline."""
        for state in self._states.values():
            edges = [e for e in (state.edge_bps(True), state.edge_bps(False)) if e is not None]
            if edges:
                state.edge_history.append(max(edges))


def _earlier(at_ms: int | None, by_ms: int) -> int | None:
    return None if at_ms is None else at_ms - by_ms
