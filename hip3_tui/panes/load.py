"""How busy the road to the exchange is: unanswered posts against their limit, the three queues, the address budget.

SPEC 4, 11.
"""

from __future__ import annotations

from core.messages.snapshot import BudgetView, InflightView, QueueView, Snapshot
from core.model.order import OrderStatus
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, LiveLines, join, line_width, text
from hip3_tui.panes.picture import Picture

_NAME = 12
_NUMBERS = 15
_ALL = 6
"""In fewer lines the three queues share one, so that none of them is out of sight."""


class LoadPane(LiveLines):
    TITLE = "Load"

    def note(self, picture: Picture) -> Line:
        if picture.snapshot is None:
            return ()
        inflight = picture.snapshot.inflight
        unknown = sum(order.status is OrderStatus.UNKNOWN for order in picture.snapshot.orders)
        lost = text(f" {unknown} UNKNOWN ", "plate-warn") if unknown else ()
        if inflight.value >= inflight.limit:
            return join([text(" FULL: nothing leaves ", "plate-bad"), lost], " ")
        if inflight.value >= inflight.high_watermark:
            return join([text(" EXITS ONLY ", "plate-warn"), lost], " ")
        return lost

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        snapshot = picture.snapshot
        if snapshot is None:
            return [text("waiting for the engine", "dim")]
        if height < _ALL:
            return [
                _inflight(snapshot.inflight, width),
                _queues(snapshot, width),
                _budget(snapshot.budget, snapshot.at_ms, width),
            ]
        return [
            _inflight(snapshot.inflight, width),
            _recent(snapshot.inflight, width),
            *(_queue(queue, width) for queue in snapshot.queues),
            _budget(snapshot.budget, snapshot.at_ms, width),
            _orders(snapshot),
        ]


def gauge(value: int, limit: int, width: int, style: str, mark: int | None = None) -> Line:
    """A bar of ``value`` in ``limit``, with a line at ``mark``."""
    filled, rest = f.bar(value / max(1, limit), width)
    if mark is None or not 0 < mark < limit:
        return ((filled, style), (rest, "track"))
    at = min(width - 1, round(mark / limit * width))
    if at < len(filled):
        return ((filled[:at], style), ("┃", "strong"), (filled[at + 1 :], style), (rest, "track"))
    cut = at - len(filled)
    return ((filled, style), (rest[:cut], "track"), ("┃", "strong"), (rest[cut + 1 :], "track"))


def _inflight(inflight: InflightView, width: int) -> Line:
    style = (
        "bad" if inflight.value >= inflight.limit else "warn" if inflight.value >= inflight.high_watermark else "good"
    )
    bar = gauge(inflight.value, inflight.limit, _room(width), style, inflight.high_watermark)
    return _row("in flight", bar, f"{inflight.value}/{inflight.limit}", "strong" if style == "good" else style)


def _recent(inflight: InflightView, width: int) -> Line:
    line = f.sparkline(inflight.history, _room(width), top=inflight.limit)
    peak = max(inflight.history, default=0)
    return _row("  recent", ((line.ljust(_room(width)), "accent"),), f"peak {peak} max {inflight.maximum}", "dim")


def _queue(queue: QueueView, width: int) -> Line:
    share = queue.depth / max(1, queue.cap)
    style = "bad" if share >= 1 else "warn" if share >= 0.5 else "good"
    bar = gauge(queue.depth, queue.cap, _room(width), style)
    return _row(queue.name, bar, f"{queue.depth}/{queue.cap}", "" if style == "good" else style)


def _queues(snapshot: Snapshot, width: int) -> Line:
    """The depths alone: ``queues  cancel 0  reduce-only 0  new 0``. No figure may be cut, so a long name gives way."""
    for short in ({}, {"reduce-only": "exits"}):
        spans = [("queues", "dim")]
        for queue in snapshot.queues:
            full = queue.depth >= queue.cap
            spans += [
                (f"  {short.get(queue.name, queue.name)} ", "dim"),
                (str(queue.depth), "bad" if full else "warn" if queue.depth else ""),
            ]
        if line_width(tuple(spans)) <= width:
            break
    return tuple(spans)


def _budget(budget: BudgetView, now_ms: int, width: int) -> Line:
    if budget.blocked_until_ms is not None and budget.blocked_until_ms > now_ms:
        left = f.countdown(budget.blocked_until_ms - now_ms)
        return (("budget".ljust(_NAME), "dim"), (f" BREAKER OPEN {left} ", "plate-bad"))
    if budget.limited:
        return (
            ("budget".ljust(_NAME), "dim"),
            (" LIMITED: 1 per 10 s ", "plate-warn"),
            (f" {f.count(budget.used)}/{f.count(budget.cap)}", "warn"),
        )
    if budget.used is None or budget.cap is None:
        return (("budget".ljust(_NAME), "dim"), ("not read yet", "dim"))
    style = "warn" if budget.used / max(1, budget.cap) > 0.9 else "good"
    numbers = f"{f.count(budget.used)}/{f.count(budget.cap)}"
    return _row(
        "budget", gauge(budget.used, budget.cap, _room(width), style), numbers, "" if style == "good" else style
    )


def _orders(snapshot: Snapshot) -> Line:
    """Orders in words, for screens without the table of orders."""
    live = sum(not order.is_settled for order in snapshot.orders)
    return (("orders".ljust(_NAME), "dim"), (f"{live} live", "strong" if live else ""))


def _room(width: int) -> int:
    return max(4, width - _NAME - 1 - _NUMBERS)


def _row(name: str, bar: Line, numbers: str, style: str) -> Line:
    return ((name.ljust(_NAME), "dim"), *bar, (" ", ""), (numbers.rjust(_NUMBERS), style))
