"""What happened while no program was running: fills that the journal does not know, of trades that are over by now.

A program that is killed with an exit on its way finds the position gone at its next start; the loss of that trade still counts. Decides
nothing about positions, which are read from the exchange. Rules that are easy to get wrong: the fills of a first start are history, they
earn nothing; and of trades that are none of ours nothing is counted either.

SPEC 6 (restart), 8 (counters survive a restart).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from core.engine.machines import Machines
from core.engine.positions import PositionChange
from core.messages.effects import FillRow, Journal, Severity
from core.model.cloid import is_ours
from core.model.market import MarketKey
from core.model.position import ExitReason, Fill, Position, Trade


class Away:
    """Args: close_trade: books the trade of a market that is flat; trip: pulls the HardStop with a reason."""

    def __init__(
        self, m: Machines, close_trade: Callable[[MarketKey, ExitReason], None], trip: Callable[[str], None]
    ) -> None:
        self._m = m
        self._trip = trip
        self._close_trade = close_trade
        self._early: dict[tuple[MarketKey, int], Decimal] | None = {}
        """Market and last fill of each trade that ended before the list of fills came -> what was booked; None: it came."""

    def is_of_this_run(self, fill: Fill) -> bool:
        """A list of fills that comes late is not all history: not what an order of ours did, nor what came after the size we read."""
        m = self._m
        return m.positions.is_unseen(fill) and (m.positions.is_newer(fill) or m.orders.is_known(fill))

    def is_made_now(self, change: PositionChange) -> bool:
        """It was opened in this run; what an earlier one opened, that one has counted. A first answer may have denied it."""
        assert change.after is not None
        was_there = change.by_resync and change.after.entry_timestamp_ms < self._m.run.started_ms
        return not (change.is_found or was_there)

    def on_closed(self, trade: Trade) -> None:
        """A trade ended. Without the list of fills the one that opened it may not be known."""
        if self._early is not None:
            self._early[trade.market, trade.exit_ms] = trade.net_pnl_usd

    def on_first_snapshot(self, snapshot: Iterable[Fill], new: Iterable[Fill]) -> None:
        """The exchange's list of fills, and those of them that no run has seen."""
        m = self._m
        unseen = {f.key for f in new if m.journal_since_ms is not None and f.time_ms >= m.journal_since_ms}
        for fill in new:  # into the journal in any case, so that no later run takes them for news
            m.emit(Journal(FillRow(fill, m.story_of(None, fill.cloid))))
        early, self._early = self._early or {}, None
        for trade, is_over in _trades(snapshot):
            self._correct(trade, early.get((trade[-1].market, trade[-1].time_ms)) if is_over else None)
            missed = [f for f in trade if f.key in unseen]
            if missed and any(is_ours(f.cloid) for f in trade):
                self._book(trade, missed, is_over)
        for position in m.positions.all():  # read before the fills that built it came
            self._rebuild(position)

    def on_read_before(self, fills: Iterable[Fill]) -> None:
        """Fills of earlier runs that came before the list of them: they tell what was paid for the positions that we found."""
        m = self._m
        m.positions.remember(fills)
        for position in m.positions.all():
            self._rebuild(position)

    def _correct(self, trade: list[Fill], booked: Decimal | None) -> None:
        """A position that was found and closed before the list of its fills came lacks what was paid for its entry."""
        m = self._m
        missing = Decimal(0) if booked is None else sum((f.closed_pnl - f.fee for f in trade), -booked)
        if missing:
            m.note(Severity.INFO, "trade", f"{trade[-1].market}: {missing:+.4f} USD of its entry, from before this run")
            reason = m.risk.on_late_result(missing)
            m.persist_counters()
            if reason:
                self._trip(reason)

    def take_over(self, position: Position) -> None:
        """Found, not made: an earlier run has counted it, but its trade closes in this one, entry fees included."""
        m = self._m
        if not m.trades.is_open(position.market):
            self._rebuild(position)

    def _rebuild(self, position: Position) -> None:
        m = self._m
        fills = m.positions.fills_that_built(position.market, position.side)
        stories = [m.story_of(None, f.cloid) for f in fills if f.side is position.side]
        m.trades.rebuild(position.market, fills, next((s for s in stories if s), ""))

    def _book(self, trade: list[Fill], missed: list[Fill], is_over: bool) -> None:
        m = self._m
        for fill in missed:
            m.tally.fills += 1
            m.tally.fees += fill.fee
            m.tally.realized += fill.closed_pnl - fill.fee
            m.show_fill(fill, is_external=not is_ours(fill.cloid))
        if trade[0] in missed:
            m.risk.on_position_opened(m.now)
            m.persist_counters()
        if is_over and trade[-1] in missed:  # a trade that was seen to its end was booked by the run that saw it
            market = trade[0].market
            m.note(Severity.WARNING, "trade", f"{market}: {len(missed)} fills while no program was running")
            for fill in trade:
                m.trades.on_fill(fill, None, m.story_of(None, fill.cloid))
            self._close_trade(market, ExitReason.AWAY)


def _trades(fills: Iterable[Fill]) -> list[tuple[list[Fill], bool]]:
    """Fills of each market from flat to flat, oldest first, and whether they end flat."""
    found: list[tuple[list[Fill], bool]] = []
    under_way: dict[MarketKey, list[Fill]] = {}
    for fill in sorted(fills, key=lambda f: f.time_ms):
        trade = under_way.setdefault(fill.market, [])
        trade.append(fill)
        if fill.start_position + fill.size * fill.side.sign == 0:
            found.append((under_way.pop(fill.market), True))
    return found + [(trade, False) for trade in under_way.values()]
