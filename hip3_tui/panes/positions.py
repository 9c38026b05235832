"""What we hold, and how long it may still be held: the countdown to the TimeStop as a bar that runs out.

SPEC 6, 11.
"""

from __future__ import annotations

from typing import ClassVar

from core.messages.snapshot import PositionView, Snapshot
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.live_table import Column, LiveTable, Row
from hip3_tui.panes.picture import Picture

_BAR = 8


class PositionsPane(LiveTable):
    TITLE = "Positions"
    EMPTY = "flat: no position"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("MARKET", 10),
        Column("SIDE", 5),
        Column("SIZE", 8, right=True),
        Column("NOTIONAL", 9, right=True, rank=2),
        Column("ENTRY", 9, right=True),
        Column("MARK", 9, right=True),
        Column("uPnL net", 8, right=True),
        Column("AGE", 6, right=True, rank=1),
        Column("TIME STOP", _BAR + 6),
        Column("EXIT", 6),
    )

    def note(self, picture: Picture) -> Line:
        return () if picture.snapshot is None else text(str(len(picture.snapshot.positions)), "strong")

    def rows(self, picture: Picture) -> list[Row]:
        snapshot = picture.snapshot
        assert snapshot is not None, "a table without a snapshot asks for no rows"
        return [_row(position, snapshot) for position in snapshot.positions]


def _row(position: PositionView, snapshot: Snapshot) -> Row:
    upnl = position.upnl_usd
    return (
        text(position.market.name, "strong"),
        text("LONG" if position.side.is_buy else "SHORT", "accent"),
        text(f.size(position.size)),
        text(f.usd(position.notional_usd)),
        text(f.price(position.entry_px)),
        text(f.price(position.mark_px)),
        text(f.signed_usd(upnl), "" if upnl is None else "good" if upnl >= 0 else "bad"),
        text(f.age(snapshot.at_ms - position.entry_ms)),
        countdown(position, snapshot),
        _exit(position, snapshot),
    )


def countdown(position: PositionView, snapshot: Snapshot) -> Line:
    """What is left until the TimeStop acts: full at the entry, empty when the time has come."""
    if position.time_stop_at_ms is None:
        return text("none", "warn" if position.is_external else "dim")
    left_ms = position.time_stop_at_ms - snapshot.at_ms
    if left_ms <= 0:
        return ((" DUE ", "plate-warn"), (f" +{f.age(-left_ms)}", "warn"))
    share = left_ms / max(1, snapshot.run.time_stop_ms)
    style = "good" if share > 0.5 else "warn" if share > 0.2 else "bad"
    filled, rest = f.bar(share, _BAR)
    return ((filled, style), (rest, "track"), (f"{f.countdown(left_ms):>6}", style))


def _exit(position: PositionView, snapshot: Snapshot) -> Line:
    """Marks first: what is not ours or not sure; then why it is being closed, how often it was tried, for how long."""
    spans: list[tuple[str, str]] = []
    if position.is_external:
        spans += [(" EXTERNAL ", "plate-warn"), (" ", "")]
    if position.is_suspect:
        spans += [(" SUSPECT ", "plate-warn"), (" ", "")]
    if position.exit_reason:
        words = position.exit_reason
        if position.exit_attempts > 1:
            words = f"try {position.exit_attempts} {words}"
        if position.exit_started_ms is not None:
            words += f" {f.age(snapshot.at_ms - position.exit_started_ms)}"
        spans.append((words, "bad" if position.exit_attempts > 1 else "warn"))
    elif not spans:
        spans.append(("held", "dim"))
    return tuple(spans)
