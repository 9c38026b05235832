"""The chosen row in full: every figure and id, for screens too narrow to show them, and what can be done with it.

It follows the snapshot; a row that is gone meanwhile says so and offers nothing. Easy to get wrong: the focus is on Close, because Enter
opened this and a second Enter must change nothing.

SPEC 11.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual.widgets import Button

from core.messages.snapshot import AuditEntry, FillView, MarketView, OrderView, PositionView, Snapshot
from core.model.position import Trade
from hip3_tui import format as f
from hip3_tui.chosen_row import AnyRow, chosen_row, ids_of, row_deed
from hip3_tui.console import Console
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.dialog import Dialog

_NAME = 14
Fact = tuple[str, str]


class DetailsScreen(Dialog[None]):
    CLOSED_BY = ("quit",)
    HINT = "Enter: the focused button   Esc: back"

    def __init__(self, picture: Picture, console: Console) -> None:
        super().__init__(picture)
        self.console = console
        self._selected = picture.selected
        row = chosen_row(picture)
        self._ids = ids_of(row) if row is not None else []
        self._deed = row_deed(picture)
        self._title = _title(row)

    def body(self, picture: Picture) -> list[Line]:
        row, snapshot = chosen_row(picture), picture.snapshot
        if row is None or snapshot is None:
            return [text("It is gone: closed, over, or no longer among the newest.", "warn")]
        lines: list[Line] = []
        for name, value in facts(row, snapshot):
            for number, piece in enumerate(f.wrap(value, self.WIDTH - _NAME) or [""]):
                lines.append(((f"{'' if number else name:<{_NAME}}", "dim"), (piece, "")))
        return lines

    def buttons(self) -> Iterable[Button]:
        yield Button("Close", id="shut")
        for number, (name, _) in enumerate(self._ids[:2]):
            yield Button(f"Copy {name}", id=f"copy-{number}")
        if self._deed:
            yield Button(self._deed.capitalize(), id="go", classes="-danger")

    def on_mount(self) -> None:
        self.query_one("#dialog").border_title = self._title
        self.query_one("#shut", Button).focus()

    def show(self, picture: Picture) -> None:
        super().show(picture)
        for button in self.query("#go").results(Button):
            button.disabled = not row_deed(picture)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        pressed = event.button.id or ""
        if pressed.startswith("copy-"):
            name, value = self._ids[int(pressed.removeprefix("copy-"))]
            self.console.copy(value, name)
            return
        self.dismiss(None)
        if pressed == "go":
            self.console.operate("close_row")


def _title(row: AnyRow | None) -> str:
    match row:
        case PositionView():
            return f"Position {row.market.name}"
        case OrderView():
            return f"Order on {row.market.name}"
        case MarketView():
            return f"Market {row.market.name}"
        case FillView():
            return f"Fill on {row.market.name}"
        case Trade():
            return f"Trade on {row.market.name}"
        case AuditEntry():
            return f"Line {row.number} of the audit trail"
        case None:
            return "Gone"


def facts(row: AnyRow, snapshot: Snapshot) -> list[Fact]:
    """Name and value of everything worth knowing, in the order in which one asks."""
    found = _facts(row, snapshot) + [(name, value) for name, value in ids_of(row) if name != "market"]
    return [(name, value) for name, value in found if value]


def _facts(row: AnyRow, snapshot: Snapshot) -> list[Fact]:
    match row:
        case PositionView():
            return _position(row, snapshot)
        case OrderView():
            return _order(row, snapshot)
        case MarketView():
            return _market(row, snapshot)
        case FillView():
            return _fill(row)
        case Trade():
            return _trade(row)
        case AuditEntry():
            return [
                ("time", f"{f.clock_time(row.at_ms)} UTC, {f.age(snapshot.at_ms - row.at_ms)} ago"),
                ("kind", f"{row.kind}, {row.severity.value}"),
                ("text", row.text),
            ]


def _position(p: PositionView, snapshot: Snapshot) -> list[Fact]:
    stop = "none: not ours to stop" if p.time_stop_at_ms is None else f.countdown(p.time_stop_at_ms - snapshot.at_ms)
    started = "" if p.exit_started_ms is None else f", since {f.age(snapshot.at_ms - p.exit_started_ms)}"
    closing = f"{p.exit_reason}{started}, attempt {p.exit_attempts}" if p.exit_reason else "no"
    return [
        ("side", "LONG" if p.side.is_buy else "SHORT"),
        ("size", f"{f.size(p.size)}, {f.usd(p.notional_usd)}"),
        ("entry", f.price(p.entry_px)),
        ("mark", f.price(p.mark_px)),
        ("uPnL net", f"{f.signed_usd(p.upnl_usd)} after both fees"),
        ("opened", f"{f.clock_time(p.entry_ms)} UTC, {f.age(snapshot.at_ms - p.entry_ms)} ago"),
        ("time stop in", stop),
        ("closing", closing),
        ("whose", "EXTERNAL: not opened by this console" if p.is_external else "ours"),
        ("sure", "SUSPECT: the exchange's last answer did not have it" if p.is_suspect else ""),
    ]


def _order(o: OrderView, snapshot: Snapshot) -> list[Fact]:
    tif = "" if o.tif is None else o.tif.value
    return [
        ("state", f"{o.status.value}{'' if o.is_settled or not o.status.is_terminal else ', its fills not all seen'}"),
        ("side", "BUY" if o.side.is_buy else "SELL"),
        ("size", f"{f.size(o.size)}, filled {f.size(o.filled)}"),
        ("price", f.price(o.price)),
        ("kind", f"{tif}{', reduce-only' if o.reduce_only else ''}"),
        ("why", o.purpose),
        ("reason", o.reason),
        ("made", f"{f.clock_time(o.created_ms)} UTC, {f.age(snapshot.at_ms - o.created_ms)} ago"),
        ("last heard", f"{f.age(snapshot.at_ms - o.updated_ms)} ago"),
        ("whose", "EXTERNAL: not placed by this run" if o.is_external else "ours"),
    ]


def _market(m: MarketView, snapshot: Snapshot) -> list[Fact]:
    last = "" if m.last_denial_ms is None else f"{m.last_denial}, {f.age(snapshot.at_ms - m.last_denial_ms)} ago"
    return [
        ("gate", ("LEFT OUT: " if m.left_out else "") + (m.gate or "open: an entry would pass")),
        ("last denied", last),
        ("oracle", f.price(m.oracle_px)),
        ("mark", f.price(m.mark_px)),
        ("bid", f"{f.price(m.bid_px)}  size {f.size(m.bid_sz)}"),
        ("ask", f"{f.price(m.ask_px)}  size {f.size(m.ask_sz)}"),
        ("spread", f"{f.bps(m.spread_bps)} bps"),
        ("edge", f"buy {f.signed_bps(m.buy_edge_bps)}, sell {f.signed_bps(m.sell_edge_bps)} bps"),
        ("needs", f"{f.bps(m.threshold_bps)} bps, of which fee {f.bps(m.fee_bps)}"),
        ("ages", f"bid and ask {f.age(m.bbo_age_ms)}, oracle and mark {f.age(m.ctx_age_ms)}"),
        ("index", "" if m.index is None else str(m.index)),
    ]


def _fill(x: FillView) -> list[Fact]:
    return [
        ("time", f"{f.clock_time(x.time_ms)} UTC"),
        ("what", f"{'BUY' if x.side.is_buy else 'SELL'}, {x.direction}"),
        ("size", f.size(x.size)),
        ("price", f.price(x.price)),
        ("fee", f"${x.fee_usd:f}"),
        ("closed PnL", f"${x.closed_pnl_usd:f} before fees" if x.closed_pnl_usd else ""),
        ("whose", "EXTERNAL" if x.is_external else "ours"),
    ]


def _trade(t: Trade) -> list[Fact]:
    return [
        ("side", f"{'LONG' if t.side.is_buy else 'SHORT'} {f.size(t.size)}"),
        ("entry", f"{f.price(t.entry_price)} at {f.clock_time(t.entry_ms)} UTC"),
        ("exit", f"{f.price(t.exit_price)} at {f.clock_time(t.exit_ms)} UTC"),
        ("exit reason", f"{t.exit_reason.value}, attempts {t.exit_attempts}"),
        ("net PnL", f"{f.signed_usd(t.net_pnl_usd)} (gross {f.signed_usd(t.gross_pnl_usd)}, fees {f.usd(t.fees_usd)})"),
        ("edge", f"expected {f.signed_bps(t.expected_edge_bps)}, got {f.signed_bps(t.actual_edge_bps)} bps"),
        ("flat in", f.age(t.flat_time_ms)),
    ]
