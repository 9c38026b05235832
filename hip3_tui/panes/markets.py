"""The markets: oracle against the book, the dislocation against what it costs, and why an entry would or would not pass.

The gate's verdict is the engine's own words. An edge at or beyond its threshold is marked with ``!``.

SPEC 7, 11.
"""

from __future__ import annotations

from typing import ClassVar

from core.messages.snapshot import MarketView, Snapshot
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.live_table import Column, LiveTable, Row
from hip3_tui.panes.picture import Picture

_TREND = 8
_LONG_TREND = 30
_WIDE = 186
"""Room for the sizes at the touch and for a longer trend."""
_VERDICT = 34
"""``max position total: $149.18 > $100``: the longest verdict that is common."""
_OLD_BBO_MS = 2_000
_OLD_CTX_MS = 8_000


class MarketsPane(LiveTable):
    TITLE = "Markets"
    EMPTY = "no market is configured"
    UNFOLDS = False
    _trend = _TREND
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("MARKET", 10),
        Column("INDEX", 5, right=True, rank=6),
        Column("ASSET", 6, right=True, rank=5),
        Column("ORACLE", 9, right=True),
        Column("MARK", 9, right=True, rank=7),
        Column("BID SZ", 8, right=True, rank=8),
        Column("BID", 9, right=True),
        Column("ASK", 9, right=True),
        Column("ASK SZ", 8, right=True, rank=8),
        Column("SPREAD", 6, right=True, rank=4),
        Column("EDGE bps", 11, right=True),
        Column("NEEDS", 5, right=True),
        Column("TREND", _TREND, rank=3),
        Column("BBO/CTX", 9, right=True, rank=2),
        Column("GATE", _VERDICT),
    )

    def columns(self, width: int) -> tuple[Column, ...]:
        if width < _WIDE:
            return self.COLUMNS
        return tuple(c._replace(width=_LONG_TREND) if c.name == "TREND" else c for c in self.COLUMNS)

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        self._trend = _LONG_TREND if width >= _WIDE else _TREND
        return super().lines(picture, width, height)

    def rows(self, picture: Picture) -> list[Row]:
        snapshot = picture.snapshot
        assert snapshot is not None, "a table without a snapshot asks for no rows"
        return [_row(market, snapshot, self._trend) for market in snapshot.markets]


def _row(market: MarketView, snapshot: Snapshot, columns: int) -> Row:
    decimals = max(map(f.decimals, (market.oracle_px, market.mark_px, market.bid_px, market.ask_px)))
    old = (market.bbo_age_ms or 0) > _OLD_BBO_MS or (market.ctx_age_ms or 0) > _OLD_CTX_MS
    cells = (
        text(market.market.name, "strong"),
        text(f.UNKNOWN if market.index is None else str(market.index)),
        text(f.UNKNOWN if market.asset_id is None else str(market.asset_id)),
        text(f.price(market.oracle_px, decimals)),
        text(f.price(market.mark_px, decimals)),
        text(f.size(market.bid_sz), "dim"),
        text(f.price(market.bid_px, decimals)),
        text(f.price(market.ask_px, decimals)),
        text(f.size(market.ask_sz), "dim"),
        text(f.bps(market.spread_bps), "dim"),
        edge(market),
        text(f.bps(market.threshold_bps), "dim"),
        text(trend(market, columns), "accent"),
        text(f"{f.age(market.bbo_age_ms)}/{f.age(market.ctx_age_ms)}", "warn" if old else "dim"),
        gate(market, snapshot),
    )
    return Row(market.market.name, cells)


def edge(market: MarketView) -> Line:
    """The larger of the two edges, with its side: ``buy +12.3``."""
    sides = [(e, side) for e, side in ((market.buy_edge_bps, "buy"), (market.sell_edge_bps, "sell")) if e is not None]
    if not sides:
        return text(f.UNKNOWN, "dim")
    best, side = max(sides)
    words = f"{side} {f.signed_bps(best) if abs(best) < 100 else f'{best:+.0f}'}"
    if market.threshold_bps is not None and best >= market.threshold_bps:
        return text(f"!{words}", "warn")
    return text(words, "" if best > 0 else "dim")


def trend(market: MarketView, columns: int = _TREND) -> str:
    """The larger edge of each of the last seconds: from nothing, the lowest column, to what an entry needs, the highest."""
    needs = market.threshold_bps
    return f.sparkline(market.edge_history, columns, top=float(needs) if needs else None)


def gate(market: MarketView, snapshot: Snapshot) -> Line:
    """Why no entry would pass now, verbatim; and what was refused last."""
    verdict: Line
    if market.left_out:
        verdict = ((" LEFT OUT ", "plate-warn"), (f" {market.gate or 'no data'}", "warn"))
    elif market.gate:
        verdict = text(market.gate, "warn")
    else:
        verdict = text("open", "good")
    # Of the same gate the newest figures are enough.
    is_other = market.last_denial.partition(":")[0] != market.gate.partition(":")[0]
    if market.last_denial and is_other and market.last_denial_ms is not None:
        verdict = (
            *verdict,
            (f"  last: {market.last_denial} {f.age(snapshot.at_ms - market.last_denial_ms)} ago", "dim"),
        )
    return verdict
