"""What we hold, and how long it may still be held: the countdown to the TimeStop as a bar that runs out.

SPEC 6, 11.
"""

from __future__ import annotations

from typing import ClassVar

from core.messages.snapshot import PositionView, Snapshot
from hip3_tui import format as f
from hip3_tui.panes.live_lines import Line, join, text
from hip3_tui.panes.live_table import Column, LiveTable, Row
from hip3_tui.panes.picture import Picture

_BAR = 8
_SHORT_BAR = 4
"""Beside a mark, so that the seconds still fit on the narrowest screen."""


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
        Column("bps", 7, right=True, rank=3),
        Column("AGE", 6, right=True, rank=1),
        Column("TIME STOP", 14),
    )

    def empty(self, snapshot: Snapshot) -> Line:
        """Nothing known is not nothing held."""
        if snapshot.ready.knows_positions:
            return super().empty(snapshot)
        return text("not known: the exchange has not been asked, or not answered, since we are connected", "warn")

    def note(self, picture: Picture) -> Line:
        return () if picture.snapshot is None else text(str(len(picture.snapshot.positions)), "strong")

    def rows(self, picture: Picture) -> list[Row]:
        snapshot = picture.snapshot
        assert snapshot is not None, "a table without a snapshot asks for no rows"
        return [_row(position, snapshot) for position in snapshot.positions]


def _row(position: PositionView, snapshot: Snapshot) -> Row:
    upnl = position.upnl_usd
    cells = (
        text(position.market.name, "strong"),
        text("LONG" if position.side.is_buy else "SHORT", "accent"),
        text(f.size(position.size)),
        text(f.usd(position.notional_usd)),
        text(f.price(position.entry_px)),
        text(f.price(position.mark_px)),
        text(f.signed_usd(upnl), "" if upnl is None else "good" if upnl >= 0 else "bad"),
        _moved(position),
        text(f.age(snapshot.at_ms - position.entry_ms)),
        countdown(position, snapshot),
    )
    return Row(position.market.name, cells)


def _moved(position: PositionView) -> Line:
    """How far the mark is from the entry, in our favour or against it, before fees."""
    if position.mark_px is None or not position.entry_px:
        return text(f.UNKNOWN, "dim")
    bps = position.side.sign * (position.mark_px - position.entry_px) / position.entry_px * 10_000
    return text(f.signed_bps(bps), "good" if bps > 0 else "bad" if bps < 0 else "dim")


def countdown(position: PositionView, snapshot: Snapshot) -> Line:
    """What is left until the TimeStop acts: full at the entry, empty when the time has come. Once something closes it: what, and how it goes.

    Marks come first: what is not ours, or not sure.
    """
    marks: list[Line] = []
    if position.is_external:
        marks.append(text(" EXTERNAL ", "plate-warn"))
    if position.is_suspect:
        marks.append(text(" SUSPECT ", "plate-warn"))
    if position.exit_reason:
        return join([*marks, _closing(position, snapshot)], " ")
    return join([*marks, _time_left(position, snapshot, _SHORT_BAR if marks else _BAR)], " ")


def _time_left(position: PositionView, snapshot: Snapshot, width: int) -> Line:
    if position.time_stop_at_ms is None:
        return () if position.is_external else text("no timer", "warn")
    left_ms = position.time_stop_at_ms - snapshot.at_ms
    if left_ms <= 0:
        return ((" DUE ", "plate-warn"), (f" +{f.age(-left_ms)}", "warn"))
    share = left_ms / max(1, snapshot.run.time_stop_ms)
    style = "good" if share > 0.5 else "warn" if share > 0.2 else "bad"
    filled, rest = f.bar(share, width)
    return ((filled, style), (rest, "track"), (f"{f.countdown(left_ms):>6}", style))


def _closing(position: PositionView, snapshot: Snapshot) -> Line:
    """The attempt, for how long, and why: from the second attempt on something is going wrong."""
    words = position.exit_reason
    if position.exit_started_ms is not None:
        words = f"{f.age(snapshot.at_ms - position.exit_started_ms)} {words}"
    if position.exit_attempts > 1:
        return ((f" TRY {position.exit_attempts} ", "plate-bad"), (f" {words}", "warn"))
    return text(words, "warn")
