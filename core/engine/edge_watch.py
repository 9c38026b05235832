"""EdgeWatch: whether the edge that a signal saw was still there when its entry was filled, and 1, 3 and 5 s later.

A stale quote catches up with the oracle within seconds; a spread that is always there does not, and looks like an edge for weeks. It only
looks: nothing is decided by it. Easy to get wrong: an edge worked out from an old touch or an old oracle price is no edge, so without fresh
data it says that there was none to see; and it looks at the first tick at or after its time, and says how late that was.

SPEC 10; lesson L43.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from core.engine.markets import MarketState
from core.messages.effects import EdgeRow, Journal
from core.model.market import MarketKey
from core.model.order import OrderSide
from core.model.signal import Signal

LOOKS_MS = (0, 1_000, 3_000, 5_000)
"""After the first fill of the entry. The first look is taken with the fill itself."""


class _Watched:
    def __init__(self, signal_id: str, market: MarketKey, side: OrderSide, filled_ms: int) -> None:
        self.signal_id = signal_id
        self.market = market
        self.side = side
        self.filled_ms = filled_ms
        self.looks = list(LOOKS_MS)


class EdgeWatch:
    """Args: bbo_stale_ms, ctx_stale_ms: older than this is no data."""

    def __init__(self, bbo_stale_ms: int, ctx_stale_ms: int) -> None:
        self._bbo_stale_ms = bbo_stale_ms
        self._ctx_stale_ms = ctx_stale_ms
        self._watched: list[_Watched] = []

    def on_fill(self, signal: Signal, side: OrderSide, state: MarketState, now_ms: int) -> list[Journal]:
        """An order of that signal was filled, in part or whole. Its exit says nothing of the edge, and only the first fill counts."""
        if side is not signal.side or any(w.signal_id == signal.signal_id for w in self._watched):
            return []
        watched = _Watched(signal.signal_id, state.market, side, now_ms)
        self._watched.append(watched)
        return self._look(watched, state, now_ms)

    def on_tick(self, state_of: Callable[[MarketKey], MarketState], now_ms: int) -> list[Journal]:
        """Take the looks that are due."""
        if not self._watched:
            return []
        taken = [row for w in self._watched for row in self._look(w, state_of(w.market), now_ms)]
        self._watched = [w for w in self._watched if w.looks]
        return taken

    def _look(self, watched: _Watched, state: MarketState, now_ms: int) -> list[Journal]:
        rows = []
        age_ms = now_ms - watched.filled_ms
        while watched.looks and age_ms >= watched.looks[0]:
            after_ms = watched.looks.pop(0)
            rows.append(Journal(self._row(watched, state, after_ms, age_ms - after_ms, now_ms)))
        return rows

    def _row(self, watched: _Watched, state: MarketState, after_ms: int, late_ms: int, now_ms: int) -> EdgeRow:
        bbo_age, ctx_age = state.bbo_age_ms(now_ms), state.ctx_age_ms(now_ms)
        has_touch = bbo_age is not None and bbo_age <= self._bbo_stale_ms
        has_oracle = ctx_age is not None and ctx_age <= self._ctx_stale_ms
        edge: Decimal | None = state.edge_bps(watched.side.is_buy) if has_touch and has_oracle else None
        return EdgeRow(
            correlation_id=watched.signal_id,
            market=watched.market,
            side=watched.side,
            after_ms=after_ms,
            late_ms=late_ms,
            oracle_px=state.oracle_px if has_oracle else None,
            bid_px=state.bid_px if has_touch else None,
            ask_px=state.ask_px if has_touch else None,
            edge_bps=edge,
        )
