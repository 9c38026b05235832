"""Every risk counter against its limit, and what the run has earned.

At its limit a counter still trades; one more stops (SPEC 8). A counter that does not stop on this network says so.

SPEC 8, 11.
"""

from __future__ import annotations

from decimal import Decimal

from core.messages.snapshot import PnlView, RiskCounterView
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, LiveLines, text
from hip3_tui.panes.load import gauge
from hip3_tui.panes.picture import Picture

_NAME = 20
_NUMBERS = 11


class RiskPane(LiveLines):
    TITLE = "Risk and PnL"

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        snapshot = picture.snapshot
        if snapshot is None:
            return [text("waiting for the engine", "dim")]
        pnl = _pnl(snapshot.pnl, width)
        room = height - 1
        counters = [_counter(counter, width) for counter in snapshot.risk]
        if len(counters) > room:
            hidden = len(counters) - max(0, room - 1)
            # The nearest to their limits stay: they are what the operator must see.
            order = sorted(range(len(counters)), key=lambda i: -_share(snapshot.risk[i]))[: len(counters) - hidden]
            counters = [counters[i] for i in sorted(order)] + [
                text(f"+{hidden} more, further from their limits", "dim")
            ]
        return [pnl[0], *counters, *pnl[1:]]


def _share(counter: RiskCounterView) -> float:
    return float(counter.value / counter.limit) if counter.limit else 0.0


def _counter(counter: RiskCounterView, width: int) -> Line:
    share = _share(counter)
    style = "bad" if share >= 1 else "warn" if share >= 0.6 else "good"
    if not counter.enforced:
        style = "dim"
    numbers = f"{f.counter(counter.value, counter.unit)}/{_limit(counter)}"
    bar = gauge(max(0, int(share * 1000)), 1000, max(4, width - _NAME - _NUMBERS - 1), style)
    name = counter.name if counter.enforced else f"({counter.name})"
    number_style = style if style in ("warn", "bad") else "" if counter.enforced else "dim"
    return ((f.fit(name, _NAME), "dim"), *bar, (" ", ""), (numbers.rjust(_NUMBERS), number_style))


def _limit(counter: RiskCounterView) -> str:
    return _whole_usd(counter.limit) if counter.unit == "USD" else f.counter(counter.limit, counter.unit)


def _whole_usd(limit: Decimal) -> str:
    """Limits are round numbers; cents only where there are some."""
    return f"${int(limit):,}" if limit == limit.to_integral_value() else f.usd(limit)


def _pnl(pnl: PnlView, width: int) -> list[Line]:
    """What was earned first; then how, and the money in the account."""
    style = "good" if pnl.realized_usd >= 0 else "bad"
    head: Line = (
        ("PnL ", "dim"),
        (f.signed_usd(pnl.realized_usd), style),
        ("  open ", "dim"),
        (f.signed_usd(pnl.unrealized_usd), "good" if pnl.unrealized_usd >= 0 else "bad"),
        ("  fees ", "dim"),
        (f.usd(pnl.fees_usd), ""),
    )
    trades: Line = (
        (f"{f.plural(pnl.trades, 'trade')}, {pnl.wins} won" if pnl.trades else "no trade yet", ""),
        ("  at risk ", "dim"),
        (f"{f.usd(pnl.exposure_usd)}/{_whole_usd(pnl.exposure_limit_usd)}", ""),
    )
    account: Line = (
        ("account ", "dim"),
        (f.usd(pnl.account_value_usd), ""),
        ("  ", ""),
        (f.sparkline(pnl.history, max(0, width - 24)), "accent"),
    )
    return [head, trades, account]
