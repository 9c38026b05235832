"""What happened between two looks at the engine, in the lines that the plan's runbook looks for.

Keeps what it has told, so that nothing is told twice. Easy to get wrong: an order may come and end between two looks; it is told from its row,
which stays in the snapshot for a while.

Plan 3.5 (expected log of each check), 3.6 (metrics from the log).
"""

from __future__ import annotations

from typing import Any

from core.messages.effects import Severity
from core.messages.snapshot import OrderView, PositionView, Snapshot

INFO, WARN = "INFO", "WARN"
Said = tuple[str, str]
"""Level and text."""

_TOLD_OTHERWISE = frozenset({"entry", "position", "trade", "flatten"})
"""Kinds of the audit trail whose facts have lines of their own here."""
_REMEMBERED = 5_000


class RunbookLines:
    def __init__(self) -> None:
        self._audit = 0
        self._orders: dict[str, str] = {}
        self._fills: dict[tuple[int, int], None] = {}
        self._trades: dict[str, None] = {}
        self._positions: dict[str, PositionView] = {}
        self._connected = 0

    def of(self, s: Snapshot) -> list[Said]:
        """Everything new, in the order of its life: connection, signal, order, fill, position, end."""
        said: list[Said] = []
        if s.connection.epoch != self._connected:
            self._connected = s.connection.epoch
            said.append((INFO, f"WS connected to {s.run.ws_url}"))
        for entry in s.audit:
            if entry.number <= self._audit:
                continue
            self._audit = entry.number
            if entry.kind == "entry":
                said.append((INFO, f"Signal: {entry.text}, correlation_id={entry.correlation_id}"))
            elif entry.kind not in _TOLD_OTHERWISE:
                said.append((INFO if entry.severity is Severity.INFO else WARN, f"{entry.kind}: {entry.text}"))
        for order in reversed(s.orders):
            said += self._order(order)
        for fill in reversed(s.fills):
            key = (fill.time_ms, fill.tid)
            if key not in self._fills:
                self._fills[key] = None
                said.append((INFO, f"userFills received: cloid={fill.cloid}, price={fill.price:f}, size={fill.size:f}"))
        said += self._held(s)
        for trade in reversed(s.trades):
            if trade.trade_id not in self._trades:
                self._trades[trade.trade_id] = None
                edge = "none" if trade.expected_edge_bps is None else f"{trade.expected_edge_bps:.1f}"
                said.append(
                    (
                        INFO,
                        f"Flat completed: duration_ms={trade.flat_time_ms}, market={trade.market}, reason={trade.exit_reason.value}, "
                        f"expected_edge={edge}, actual_edge={trade.actual_edge_bps:.1f}, pnl={trade.net_pnl_usd:.4f} USD",
                    )
                )
        self._forget()
        return said

    # --- inside ------------------------------------------------------------------------------------------------------

    def _order(self, o: OrderView) -> list[Said]:
        if o.cloid is None or o.is_external:
            return []
        said: list[Said] = []
        before = self._orders.get(o.cloid)
        if before is None:
            what = "reduce_only enqueued (priority)" if o.reduce_only else "Order enqueued"
            said.append(
                (INFO, f"{what}: cloid={o.cloid}, {o.market} {o.side.value} {o.size:f} @ {o.price:f}, {o.purpose}")
            )
        if o.status.value != before and (before is not None or o.status.is_terminal):
            level = WARN if o.status.value in ("rejected", "unknown") else INFO
            reason = f", reason={o.reason}" if o.reason else ""
            said.append((level, f"orderUpdates: status={o.status.value}, oid={o.oid}, cloid={o.cloid}{reason}"))
        self._orders[o.cloid] = o.status.value
        return said

    def _held(self, s: Snapshot) -> list[Said]:
        said: list[Said] = []
        now = {p.market.name: p for p in s.positions}
        for name, p in now.items():
            before = self._positions.get(name)
            if before is None or before.size != p.size or before.side is not p.side:
                said.append((INFO, f"Position updated: {name} size={p.size * p.side.sign:f}"))
            if p.exit_started_ms is not None and (before is None or before.exit_started_ms is None):
                if p.exit_reason == "time stop":
                    said.append((WARN, f"TimeStop triggered: market={name}, age={p.exit_started_ms - p.entry_ms}ms"))
                said.append((INFO, f"Flatten triggered: market={name}, reason={p.exit_reason}"))
        said += [(INFO, f"Position closed: {name} size=0") for name in self._positions if name not in now]
        self._positions = now
        return said

    def _forget(self) -> None:
        """The oldest, long gone from every snapshot."""
        told: tuple[dict[Any, Any], ...] = (self._orders, self._fills, self._trades)
        for rows in told:
            while len(rows) > _REMEMBERED:
                del rows[next(iter(rows))]
