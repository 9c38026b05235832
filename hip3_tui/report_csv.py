"""One line a trade, every figure exact, parts and edges as columns of their own. Pure.

SPEC 10.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import IO, Any

from core.messages.report import EdgePath, SlippageParts, TradeResult
from core.model.market import MarketKey

_PLAIN = tuple(f for f in TradeResult.__struct_fields__ if f not in ("parts", "edges"))
_PARTS = SlippageParts.__struct_fields__
_EDGES = EdgePath.__struct_fields__
_TIMES = {"entry_ms": "entry_iso", "exit_ms": "exit_iso"}


def write_trades(trades: Sequence[TradeResult], out: IO[str]) -> None:
    """With a header, also when there are none."""
    writer = csv.writer(out, lineterminator="\n")
    head = [column for name in _PLAIN for column in (name, *((_TIMES[name],) if name in _TIMES else ()))]
    writer.writerow([*head, *(f"slippage_{p}_bps" for p in _PARTS), *(f"edge_{e}" for e in _EDGES)])
    for t in trades:
        cells: list[Any] = []
        for name in _PLAIN:
            value = getattr(t, name)
            cells.append(_cell(value))
            if name in _TIMES:
                cells.append(_iso(value))
        cells += [_cell(getattr(t.parts, p)) if t.parts else "" for p in _PARTS]
        cells += [_cell(getattr(t.edges, e)) if t.edges else "" for e in _EDGES]
        writer.writerow(cells)


def _cell(value: Any) -> Any:
    match value:
        case None:
            return ""
        case Decimal():
            return f"{value:f}"
        case Enum():
            return value.value
        case MarketKey():
            return value.name
        case bool():
            return int(value)
    return value


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at_ms % 1000:03d}Z"
