"""What was executed and what it came to: fills, and among them each closed trade with its exit reason. Newest first.

SPEC 10, 11.
"""

from __future__ import annotations

from core.messages.snapshot import FillView
from core.model.position import Trade
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, LiveLines, text
from hip3_tui.panes.picture import Picture


class FillsPane(LiveLines):
    TITLE = "Fills and trades"

    def note(self, picture: Picture) -> Line:
        if picture.snapshot is None:
            return ()
        return text(f"{picture.snapshot.tally.fills} fills, {f.plural(picture.snapshot.pnl.trades, 'trade')}", "dim")

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        snapshot = picture.snapshot
        if snapshot is None:
            return [text("waiting for the engine", "dim")]
        # A trade is told above the fill that closed it: it is the newer fact of the two.
        told = [(trade.exit_ms, 1, _trade(trade)) for trade in snapshot.trades[:height]]
        told += [(fill.time_ms, 0, _fill(fill)) for fill in snapshot.fills[:height]]
        told.sort(key=lambda item: item[:2], reverse=True)
        return [line for _, _, line in told[:height]] or [text("nothing was executed yet", "dim")]


def _fill(fill: FillView) -> Line:
    side = "BUY" if fill.side.is_buy else "SELL"
    external: Line = (("EXTERNAL ", "warn"),) if fill.is_external else ()
    return (
        (f"{f.clock_time(fill.time_ms)} ", "dim"),
        (f.fit(fill.market.name, 10), ""),
        (f" {side:<5} ", "accent"),
        *external,
        (f"{f.size(fill.size)} @ {f.price(fill.price)}", ""),
        (f" fee {f.price(round(fill.fee_usd, 4))}", "dim"),
    )


def _trade(trade: Trade) -> Line:
    net = trade.net_pnl_usd
    return (
        (f"{f.clock_time(trade.exit_ms)} ", "dim"),
        (f.fit(trade.market.name, 10), "strong"),
        (" TRADE ", "strong"),
        (f.signed_usd(net), "good" if net >= 0 else "bad"),
        (f" {trade.exit_reason.value}", ""),
        (f" {f.signed_bps(trade.actual_edge_bps)}bps", "dim"),
        (f" flat in {f.age(trade.flat_time_ms)}", "dim"),
    )
