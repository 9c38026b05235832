"""Checkers that the mutants asked for, of what is written down: trades against their fills, orders called absent, cancels asked for.

Same form and same promise as in checkers.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from check import Check
from ledger import Ledger, all_read
from own_trades import own_trades

from core.messages.effects import Effect, FillRow, Journal, OrderRow, Post, TradeRow
from core.messages.events import Connected, Disconnected, Fills, FillsRead, PositionsRead, PostNotSent
from core.messages.tape import Message
from core.model.cloid import is_ours
from core.model.market import MarketKey
from core.model.order import Cancels, OrderStatus
from core.model.position import Trade
from core.sim.truth import ActionEntry
from core.sim.world.world import World


class Booked(Check):
    """At rest: as many positions opened (today) and trades closed as the venue's fills tell, kills or none.

    One that we took for closed, because a fill came late, ends twice: what was left of it is a trade of its own to us. And one whose end the
    exchange told before its fills did is booked in two parts.
    """

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._held: set[MarketKey] = set()
        self._taken_over: set[MarketKey] = set()
        """Flat by an answer, and not held again since."""
        self._ended_twice = 0

    def started(self, world: World) -> None:
        self._held.clear()
        self._taken_over.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if world.engine is None:
            return
        before, self._held = self._held, {p.market for p in world.engine.machines.positions.all()}
        if isinstance(message, PositionsRead):
            self._taken_over |= before - self._held
        elif isinstance(message, (Fills, FillsRead)):
            going_on = {f.market for f in message.fills if f.start_position * f.side.sign > 0}
            self._ended_twice += len(going_on & (self._held - before))
            booked = {e.row.trade.market for e in effects if isinstance(e, Journal) and isinstance(e.row, TradeRow)}
            self._ended_twice += len(booked & (self._taken_over - before))
            self._taken_over -= booked
        self._taken_over -= self._held

    def at_rest(self, world: World) -> None:
        assert world.engine is not None
        if not world.engine.machines.trading or not all_read(world):
            return
        found = own_trades(world, self.ledger)
        counters, midnight_ms = world.engine.machines.risk.counters, world.local_ms // _DAY_MS * _DAY_MS
        least, most = len(found.sure), len(found.sure) + len(found.either) + self._ended_twice
        self.expect(least <= counters.trades_total <= most, f"{counters.trades_total} trades, {least} at the venue")
        # What others open and close between two words of the exchange was never open to us.
        least = sum(t[0].time >= midnight_ms + _HEARD_MS for t in found.sure if is_ours(t[0].cloid))
        most = sum(t[0].time >= midnight_ms - _HEARD_MS for t in [*found.sure, *found.either]) + self._ended_twice
        today = counters.trades_today if counters.day == world.local_ms // _DAY_MS else 0
        self.expect(least <= today <= most, f"{today} positions opened today, {least} to {most} at the venue")


class Traded(Check):
    """A trade says what its fills say: size, prices, earnings, and the signal that it was made for."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._fills: dict[MarketKey, list[FillRow]] = {}

    def started(self, world: World) -> None:
        self._fills.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        ours = {m.key for m in world.plan.config.markets}
        for effect in effects:
            if not isinstance(effect, Journal):
                continue
            if isinstance(effect.row, FillRow):
                self._fills.setdefault(effect.row.fill.market, []).append(effect.row)
            elif isinstance(effect.row, TradeRow) and effect.row.trade.market in ours:
                rows = self._fills.pop(effect.row.trade.market, [])
                whole = rows and rows[0].fill.start_position == 0
                if whole and rows[-1].fill.start_position + rows[-1].fill.size * rows[-1].fill.side.sign == 0:
                    self._judge(world, effect.row.trade, rows)

    def _judge(self, world: World, trade: Trade, rows: Sequence[FillRow]) -> None:
        fills = [r.fill for r in rows]
        if any(f.start_position == 0 for f in fills[1:]):
            return
        entries = [f for f in fills if f.side is trade.side]
        exits = [f for f in fills if f.side is not trade.side]
        for name, said, made in (("entry", trade.entry_price, entries), ("exit", trade.exit_price, exits)):
            size = sum((f.size for f in made), Decimal(0))
            price = sum((f.size * f.price for f in made), Decimal(0)) / size
            self.expect(abs(said - price) < Decimal("1e-9") * price, f"{trade.market}: {name} at {said}, fills {price}")
            self.expect(trade.size == size, f"{trade.market}: size {trade.size}, {name} fills {size}")
        self.expect(
            trade.gross_pnl_usd == sum(f.closed_pnl for f in fills), f"{trade.market}: gross {trade.gross_pnl_usd}"
        )
        self.expect(trade.fees_usd == sum(f.fee for f in fills), f"{trade.market}: fees {trade.fees_usd}")
        if world.marks["trouble odd_status"]:
            return  # an order that was said to be rejected takes its signal with it
        signal = rows[0].correlation_id
        self.expect(
            not signal or trade.trade_id == signal, f"{trade.market}: signal {signal}, trade {trade.trade_id!r}"
        )


class Absent(Check):
    """An order that was called never executed never is, and has not been."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._absent: set[str] = set()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        found = [
            e.row.cloid
            for e in effects
            if isinstance(e, Journal) and isinstance(e.row, OrderRow) and "proven absent" in e.row.reason
        ]
        if found:
            self._absent.update(found)
            self._look(world)

    def executed(self, world: World, entry: ActionEntry) -> None:
        if self._absent:
            self._look(world)

    def _look(self, world: World) -> None:
        resting = {o.cloid for o in world.exchange.venue.open_orders(world.plan.account)} & self._absent
        self.expect(not resting, f"orders {resting} were called absent, and rest in the book")
        fills = world.exchange.venue.fills.get(world.plan.account, ())
        filled = {f.cloid for f in fills} & self._absent
        self.expect(not filled, f"orders {filled} were called absent, and are filled")


class CancelOnce(Check):
    """The same cancel is not sent again before its answer had its time: it would only be refused, and costs the budget."""

    quiet = ()

    AGAIN_MS = 900

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._sent: dict[object, int] = {}
        self._cloid_of: dict[int, str] = {}

    def started(self, world: World) -> None:
        self._sent.clear()
        self._cloid_of.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, (Connected, Disconnected, PostNotSent)):
            self._sent.clear()
        rows = [e.row for e in effects if isinstance(e, Journal) and isinstance(e.row, OrderRow)]
        ended = {row.cloid for row in rows if row.status in _ENDED}
        self._cloid_of.update({row.oid: row.cloid for row in rows if row.oid is not None})
        for effect in effects:
            if not isinstance(effect, Post) or not isinstance(effect.batch, Cancels):
                continue
            for cancel in effect.batch.cancels:
                name = cancel.cloid if cancel.oid is None else self._cloid_of.get(cancel.oid, cancel.oid)
                gap = world.steady_ms - self._sent.get(name, -self.AGAIN_MS)
                self.expect(gap >= self.AGAIN_MS, f"{cancel.market}: cancelled again after {gap} ms")
                self.expect(name not in ended, f"{cancel.market}: cancelled after its end")
                self._sent[name] = world.steady_ms


_DAY_MS = 86_400_000
_HEARD_MS = 30_000
"""By then a fill is known: one of just before midnight may count for the day after."""
_ENDED = (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED)

BOOK_CHECKERS = (Booked, Traded, Absent, CancelOnce)
