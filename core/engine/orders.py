"""OrderTable: every order we know, from queued to settled, ours and foreign ones.

The one place where an order's state changes, by the table in model.order. "This market is busy" is read off it and stored nowhere
else. Easy to get wrong: terminal is not settled. A market stays busy until its order is terminal *and* the fills seen add up to
the size that the exchange said it filled.

SPEC 6, 7; DESIGN, four rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from core.engine.rejections import is_known_word
from core.messages.events import OrderReport
from core.model.cloid import Cloid, is_ours
from core.model.market import MarketKey
from core.model.order import TRANSITIONS, OrderStatus, PendingOrder, Purpose, Report, TimeInForce, TrackedOrder
from core.model.position import Fill

_KEEP_ENDED = 500
"""Settled orders kept for late echoes and for the screen."""

_LIST_LAGS_MS = 15_000
"""How old a list of open orders may be at most when it is answered."""

_REPORT_OF_STATUS = {
    OrderStatus.OPEN: Report.RESTING,
    OrderStatus.PARTIAL_FILLED: Report.PARTIAL,
    OrderStatus.FILLED: Report.FILLED,
    OrderStatus.CANCELED: Report.CANCELED,
    OrderStatus.REJECTED: Report.REJECTED,
    OrderStatus.UNKNOWN: Report.LOST,
}


class Change(Struct, frozen=True):
    """An order before and after a report."""

    before: TrackedOrder
    after: TrackedOrder

    @property
    def ended(self) -> bool:
        return self.after.status.is_terminal and not self.before.status.is_terminal

    @property
    def settled(self) -> bool:
        return self.after.is_settled and not self.before.is_settled

    @property
    def status_changed(self) -> bool:
        return self.before.status is not self.after.status


class OrderTable:
    def __init__(self) -> None:
        self._live: dict[Cloid, TrackedOrder] = {}
        """Not settled yet."""
        self._ended: dict[Cloid, TrackedOrder] = {}
        self._by_oid: dict[int, Cloid] = {}
        self._external: dict[int, TrackedOrder] = {}
        """Open orders that this run did not place, by oid."""
        self._external_ended: dict[int, None] = {}
        """The last of them that were told to have ended, oldest first."""

    # --- what happens to orders --------------------------------------------------------------------------------------

    def register(self, order: PendingOrder, purpose: Purpose, correlation_id: str, now_ms: int) -> TrackedOrder:
        assert order.cloid not in self._live, f"order {order.cloid} is registered twice"
        tracked = TrackedOrder(
            cloid=order.cloid,
            market=order.market,
            side=order.side,
            original_size=order.size,
            price=order.price,
            reduce_only=order.reduce_only,
            tif=order.tif,
            purpose=purpose,
            status=OrderStatus.QUEUED,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
            correlation_id=correlation_id,
        )
        self._live[order.cloid] = tracked
        return tracked

    def report(
        self,
        cloid: Cloid,
        report: Report,
        now_ms: int,
        *,
        oid: int | None = None,
        venue_filled: Decimal | None = None,
        reason: str = "",
    ) -> Change | None:
        """Apply one report. None when it says nothing new about an order, or the order is not ours."""
        order = self._live.get(cloid) or self._ended.get(cloid)
        if order is None:
            return None
        status = TRANSITIONS[order.status][report]
        if oid is not None and order.oid is None:
            self._by_oid[oid] = cloid
        after = replace(
            order,
            status=status or order.status,
            oid=oid if order.oid is None else order.oid,
            reason=reason if status is not None and reason else order.reason,
            # What the exchange said it filled only ever grows; a late smaller figure is an old one.
            venue_filled=_larger(order.venue_filled, venue_filled),
        )
        if after == order:
            return None
        return self._store(order, replace(after, updated_at_ms=now_ms))

    def on_venue_report(self, said: OrderReport, now_ms: int) -> Change | None:
        """Apply what orderUpdates, openOrders or orderStatus said. A foreign open order is kept apart."""
        cloid = self._cloid_of(said.cloid, said.oid)
        if cloid is None:
            self._on_external(said, now_ms)
            return None
        report = _REPORT_OF_STATUS[said.status]
        filled = said.original_size - said.remaining
        if report is Report.RESTING and filled > 0:
            report = Report.PARTIAL
        # A rejected order filled nothing, whatever its remaining size says; an unknown status proves nothing at all.
        venue_filled: Decimal | None = filled
        if report is Report.REJECTED and filled > 0 and not is_known_word(said.status_text):
            # Only its ending makes the word a refusal: it ended, and what its size says was filled keeps the market busy.
            report = Report.CANCELED
        elif report is Report.REJECTED:
            venue_filled = Decimal(0)
        elif report is Report.LOST:
            venue_filled = None
        elif report is Report.PARTIAL and said.reduce_only and not self._is_ioc(cloid):
            # It rests, and shrinks with its position: what is left of it proves no fill, and must not keep an exit waiting for one.
            report, venue_filled = Report.RESTING, None
        reason = said.status_text if report in (Report.REJECTED, Report.CANCELED, Report.LOST) else ""
        return self.report(cloid, report, now_ms, oid=said.oid, venue_filled=venue_filled, reason=reason)

    def on_fill(self, fill: Fill, now_ms: int) -> Change | None:
        """Add a fill to its order. None for an order that is not ours."""
        cloid = self._cloid_of(fill.cloid, fill.oid)
        if cloid is None:
            return None
        order = self._live.get(cloid) or self._ended[cloid]
        filled = order.filled_size + fill.size
        self._by_oid.setdefault(fill.oid, cloid)
        after = replace(order, filled_size=filled, oid=order.oid or fill.oid, updated_at_ms=now_ms)
        if filled >= order.original_size and not order.status.is_terminal:
            after = replace(after, status=OrderStatus.FILLED, venue_filled=filled)
        elif order.status is OrderStatus.OPEN:
            after = replace(after, status=OrderStatus.PARTIAL_FILLED)
        return self._store(order, after)

    def believe_fills(self, cloid: Cloid, now_ms: int) -> Change | None:
        """A complete reading of the fills showed no more: what was seen is what was filled."""
        order = self._live.get(cloid)
        if order is None or not order.status.is_terminal:
            return None
        return self._store(order, replace(order, venue_filled=order.filled_size, updated_at_ms=now_ms))

    def let_go_of_resting(self, listed: Iterable[OrderReport], asked_ms: int) -> list[str]:
        """What had ended, as far as we knew, and rests in a list asked for long after: from here on it is kept like one of an earlier run.

        So it is shown, counts as pending, and ends with the next cancel-all, stop or hard stop. A list may be some seconds old.
        """
        said = []
        for report in listed:
            cloid = self._cloid_of(report.cloid, report.oid)
            order = self._ended.get(cloid) if cloid is not None else None
            if order is None or report.status.is_terminal or asked_ms < order.updated_at_ms + _LIST_LAGS_MS:
                continue
            del self._ended[order.cloid]  # type: ignore[arg-type]
            self._by_oid.pop(report.oid, None)
            said.append(f"{order.market} oid {report.oid}: {order.status.value} as far as we knew, and it rests")
        return said

    def replace_external(self, dex: str, open_oids: frozenset[int]) -> None:
        """A full list of open orders of one dex came: foreign orders of that dex that are not in it are gone."""
        self._external = {
            oid: order for oid, order in self._external.items() if order.market.dex != dex or oid in open_oids
        }

    def set_back(self, by_ms: int) -> None:
        """Our clock was set back: what is looked for a while after an order's last news is looked for no later."""
        self._live = {
            cloid: replace(o, created_at_ms=o.created_at_ms - by_ms, updated_at_ms=o.updated_at_ms - by_ms)
            for cloid, o in self._live.items()
        }

    # --- questions ---------------------------------------------------------------------------------------------------

    def get(self, cloid: Cloid) -> TrackedOrder | None:
        return self._live.get(cloid) or self._ended.get(cloid)

    def is_known(self, said: Fill | OrderReport) -> bool:
        """It belongs to an order of this run."""
        return self._cloid_of(said.cloid, said.oid) is not None

    def unsettled(self) -> list[TrackedOrder]:
        return list(self._live.values())

    @property
    def all_settled(self) -> bool:
        """Nothing of ours is under way: nearly always."""
        return not self._live

    def live(self) -> list[TrackedOrder]:
        """Ours and not terminal."""
        return [o for o in self._live.values() if not o.status.is_terminal]

    def external(self) -> list[TrackedOrder]:
        return list(self._external.values())

    def ended(self) -> list[TrackedOrder]:
        return list(self._ended.values())

    def is_busy(self, market: MarketKey) -> bool:
        """The PendingOrder gate: an order that may add to the position is not settled. One that rests is not, an earlier run's included."""
        return any(o.market == market and not o.reduce_only for o in self._pending())

    def has_unresolved_exit(self, market: MarketKey) -> bool:
        """A reduce-only order of the market was handed out and is not settled. One that rests keeps no other from leaving."""
        return any(o.market == market and o.reduce_only and not o.is_resting for o in self._live.values())

    def queued_exits(self, market: MarketKey) -> list[TrackedOrder]:
        """Those of our own that have not left yet."""
        return [
            o
            for o in self._live.values()
            if o.market == market and o.status is OrderStatus.QUEUED and o.purpose is Purpose.EXIT
        ]

    def has_exit(self, market: MarketKey) -> bool:
        """As before, those that rest included."""
        return any(o.market == market and o.reduce_only for o in self._pending())

    def has_unsettled(self, market: MarketKey) -> bool:
        """An order of this market is on its way, or its fills are. One that rests stands still as far as anybody knows."""
        return any(o.market == market and not o.is_resting for o in self._live.values())

    def pending_markets(self) -> list[MarketKey]:
        """Markets with an order of ours that has not ended, an earlier run's included."""
        return [o.market for o in self._pending()]

    def pending_size(self, market: MarketKey) -> Decimal:
        """What orders that add to a position may still fill. A terminal order counts for fills still on their way."""
        total = Decimal(0)
        for o in self._pending():
            if o.market == market and not o.reduce_only:
                still = o.unfilled if not o.status.is_terminal else (o.venue_filled or Decimal(0)) - o.filled_size
                total += max(still, Decimal(0))
        return total

    # --- inside ------------------------------------------------------------------------------------------------------

    def _pending(self) -> Iterable[TrackedOrder]:
        """Every order of ours that may still do something, also those that an earlier run left resting."""
        if not self._external:
            return self._live.values()
        return [*self._live.values(), *(o for o in self._external.values() if is_ours(o.cloid))]

    def _is_ioc(self, cloid: Cloid) -> bool:
        order = self.get(cloid)
        return order is not None and order.tif is TimeInForce.IOC

    def _cloid_of(self, cloid: str | None, oid: int) -> Cloid | None:
        if cloid is not None and (Cloid(cloid) in self._live or Cloid(cloid) in self._ended):
            return Cloid(cloid)
        return self._by_oid.get(oid)

    def _store(self, before: TrackedOrder, after: TrackedOrder) -> Change:
        assert after.cloid is not None
        if after.is_settled:
            self._live.pop(after.cloid, None)
            self._ended[after.cloid] = after
            while len(self._ended) > _KEEP_ENDED:
                oldest = next(iter(self._ended))
                gone = self._ended.pop(oldest)
                if gone.oid is not None:
                    self._by_oid.pop(gone.oid, None)
        else:
            # Settled once, perhaps, and now more is said to be filled than was seen: it is busy again until those fills are here.
            self._ended.pop(after.cloid, None)
            self._live[after.cloid] = after
        return Change(before, after)

    def _on_external(self, said: OrderReport, now_ms: int) -> None:
        if said.status.is_terminal:
            self._external.pop(said.oid, None)
            self._external_ended[said.oid] = None
            while len(self._external_ended) > _KEEP_ENDED:
                del self._external_ended[next(iter(self._external_ended))]
            return
        if said.oid in self._external_ended:
            return  # a list of open orders that is older than its end; no order begins again
        known = self._external.get(said.oid)
        filled = said.original_size - said.remaining
        self._external[said.oid] = TrackedOrder(
            cloid=Cloid(said.cloid) if said.cloid else None,
            market=said.market,
            side=said.side,
            original_size=said.original_size,
            price=said.limit_px,
            reduce_only=said.reduce_only,
            tif=None,
            purpose=Purpose.MANUAL,
            status=OrderStatus.PARTIAL_FILLED if filled > 0 else OrderStatus.OPEN,
            created_at_ms=known.created_at_ms if known else said.placed_time_ms,
            updated_at_ms=now_ms,
            oid=said.oid,
            filled_size=filled,
            reason="an earlier run's" if is_ours(said.cloid) else "foreign",
            is_external=True,
        )


def _larger(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    if a is None or b is None:
        return b if a is None else a
    return max(a, b)
