"""What a trend says more than a number: what the run has earned, trade by trade, and how long the exchange took to answer. For screens with room.

Columns stand on the lowest line of their chart; what is not known is no column. Easy to get wrong: the scale is the chart's own, so its ends
stand beside it.

SPEC 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from core.messages.snapshot import Snapshot
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, LiveLines, spread, text
from hip3_tui.panes.picture import Picture

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_WIDEST_COLUMN = 3
"""Cells for one value, while there are few."""


class TrendsPane(LiveLines):
    TITLE = "Trends"

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        snapshot = picture.snapshot
        if snapshot is None:
            return [text("waiting for the engine", "dim")]
        upper = max(1, (height - 2) * 3 // 5)
        return [
            *_earned(snapshot, width, upper),
            *_answers(snapshot, width, max(1, height - 2 - upper)),
        ]


def _earned(snapshot: Snapshot, width: int, height: int) -> list[Line]:
    history = snapshot.pnl.history[-width:]
    style = "good" if snapshot.pnl.realized_usd >= 0 else "bad"
    head = spread((("PnL ", "dim"), (f.signed_usd(snapshot.pnl.realized_usd), style)), _ends(history, f.usd), width)
    return [head, *_columns(history, width, height, low=min(history, default=Decimal(0)), nothing="no trade yet")]


def _answers(snapshot: Snapshot, width: int, height: int) -> list[Line]:
    link = snapshot.connection
    history = link.order_latency_history[-width:]
    head = spread((("answers ", "dim"), (f.latency(link.order_latency_ms), "")), _ends(history, f.latency), width)
    return [head, *_columns(history, width, height, low=0, nothing="no answer yet")]


def _ends(history: Sequence[int | Decimal], words: object) -> Line:
    """``$0.12 to $3.40``: the scale."""
    assert callable(words)
    return text(f"{words(min(history))} to {words(max(history))}", "dim") if history else ()


def _columns(
    history: Sequence[int | Decimal], width: int, height: int, *, low: int | Decimal, nothing: str
) -> list[Line]:
    history = [value for value in history for _ in range(min(_WIDEST_COLUMN, max(1, width // max(1, len(history)))))]
    if not history:
        return [text(nothing, "dim"), *[()] * (height - 1)]
    return [text(row, "accent") for row in chart(history, width, height, low=float(low))]


def chart(values: Sequence[int | Decimal], width: int, height: int, *, low: float) -> list[str]:
    """``height`` rows, the highest first, of at most ``width`` columns; the newest is the last. The lowest value still has an eighth."""
    shown = [float(v) for v in values[-width:]] if width > 0 else []
    if not shown:
        return [""] * height
    span = max(shown) - low
    steps = height * 8
    columns = [max(1, round((v - low) / span * steps)) if span > 0 else 1 for v in shown]
    return [
        "".join(_EIGHTHS[min(8, max(0, column - row * 8))] for column in columns) for row in reversed(range(height))
    ]
