"""What was executed and what it came to: fills, and among them each closed trade with its exit reason. Newest first.

SPEC 10, 11.
"""

from __future__ import annotations

from core.messages.snapshot import FillView, Snapshot
from core.model.position import Trade
from hip3_tui import format as f
from hip3_tui.panes.list_pane import ListPane
from hip3_tui.panes.live_lines import Line, join, line_width, text
from hip3_tui.panes.picture import Picture


class FillsPane(ListPane):
    TITLE = "Fills and trades"

    def note(self, picture: Picture) -> Line:
        if picture.snapshot is None:
            return ()
        return text(f"{picture.snapshot.tally.fills} fills, {f.plural(picture.snapshot.pnl.trades, 'trade')}", "dim")

    def keys(self, picture: Picture) -> list[str]:
        return [] if picture.snapshot is None else [key_of(row) for row in newest_first(picture.snapshot)]

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        snapshot = picture.snapshot
        self.line_keys = []
        if snapshot is None:
            return [text("waiting for the engine", "dim")]
        rows = newest_first(snapshot)
        self.cursor.follow([key_of(row) for row in rows])
        if not rows:
            return [text("nothing was executed yet", "dim")]
        sight = self.cursor.window(len(rows), lambda _: 1, height) if self.active else range(min(len(rows), height))
        told = []
        for row in rows[sight.start : sight.stop]:
            line = _trade(row, width) if isinstance(row, Trade) else _fill(row, width)
            told.append(self.chosen(line, width) if self.active and key_of(row) == self.cursor.key else line)
            self.line_keys.append(key_of(row))
        return told


def newest_first(snapshot: Snapshot) -> list[FillView | Trade]:
    """A trade is told above the fill that closed it: it is the newer fact of the two."""
    rows: list[tuple[int, int, FillView | Trade]] = [(trade.exit_ms, 1, trade) for trade in snapshot.trades]
    rows += [(fill.time_ms, 0, fill) for fill in snapshot.fills]
    rows.sort(key=lambda row: row[:2], reverse=True)
    return [row for _, _, row in rows]


def key_of(row: FillView | Trade) -> str:
    return f"trade {row.trade_id}" if isinstance(row, Trade) else f"fill {row.market.name} {row.tid} {row.time_ms}"


def _fill(fill: FillView, width: int) -> Line:
    head = _head(fill.time_ms, fill.market.name, "BUY" if fill.side.is_buy else "SELL", "accent")
    parts = [
        text(" EXTERNAL ", "plate-warn") if fill.is_external else (),
        text(f"{f.size(fill.size)} @ {f.price(fill.price)}"),
        text(f"fee ${round(fill.fee_usd, 4):f}", "dim"),
        text(f"oid {fill.oid}", "dim"),
    ]
    return as_fits([head, *parts], width)


def _trade(trade: Trade, width: int) -> Line:
    net = trade.net_pnl_usd
    head = _head(trade.exit_ms, trade.market.name, "TRADE", "strong")
    parts = [
        text(f.signed_usd(net), "good" if net >= 0 else "bad"),
        text(trade.exit_reason.value),
        text(f"{f.signed_bps(trade.actual_edge_bps)} bps", "dim"),
        text(f"flat in {f.age(trade.flat_time_ms)}", "dim"),
        text(f"try {trade.exit_attempts}", "warn") if trade.exit_attempts > 1 else (),
    ]
    return as_fits([head, *parts], width)


def _head(at_ms: int, market: str, what: str, style: str) -> Line:
    return ((f"{f.clock_time(at_ms)} ", "dim"), (f.fit(market, 8), ""), (f" {what:<5}", style))


def as_fits(parts: list[Line], width: int) -> Line:
    """The parts that fit, from the first on: the last ones are the least. The first two stay, and are cut with a mark if they must."""
    line = join(parts, " ")
    while line_width(line) > width and len(parts) > 3:
        parts = parts[:-1]
        line = join(parts, " ")
    return line
