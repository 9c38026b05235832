"""Order records: who placed what, under which number, and what became of it.

Keeps the last 2000 per account, and older ones as long as they live, and answers look-ups by oid and by cloid. Easy to get wrong: a cloid
is no key. It may be used again, and then a look-up finds the latest order that bears it. And one order that rests for a day must not keep
those that came after it from being forgotten.

PROTOCOL 7.2, 8.3, 12.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from msgspec import Struct

OPEN = "open"
TRIGGERED = "triggered"
FILLED = "filled"
CANCELED = "canceled"

LIVE = (OPEN, TRIGGERED)
"""The statuses of an order that can still trade."""

_KEPT_PER_ACCOUNT = 2000
_SWEPT_EVERY = 100
"""How many more old ones make it worth looking which of them have ended."""
_FIRST_OID = 57_118_842_000


class Trigger(Struct, frozen=True):
    """What a stop or a take profit waits for."""

    px: Decimal
    is_market: bool
    tpsl: str
    """tp or sl."""
    is_above: bool
    """Whether it waits for a mark at or above its price; else for one at or below."""

    def is_met(self, mark_px: Decimal) -> bool:
        return mark_px >= self.px if self.is_above else mark_px <= self.px


class OrderRecord(Struct, eq=False):
    """One order, changed in place by matching."""

    oid: int
    user: str
    coin: str
    asset: int
    is_buy: bool
    limit_px: Decimal
    sz: Decimal
    """What is still to fill."""
    orig_sz: Decimal
    """As asked; a reduce-only order that was shrunk keeps it."""
    tif: str
    reduce_only: bool
    cloid: str | None
    timestamp: int
    status: str = OPEN
    status_timestamp: int = 0
    trigger: Trigger | None = None
    is_position_tpsl: bool = False
    """Whether it closes whatever the position is when it fires."""
    parent: int | None = None
    """The oid of the order it stays asleep for; None once awake."""
    children: tuple[OrderRecord, ...] = ()
    """Take profit and stop that wake when this one is filled and go when it goes."""
    siblings: tuple[int, ...] = ()
    """The oids of those that go when this one is filled. Numbers, so that no record leads back to itself: a saved one could not be read."""
    builder: tuple[str, int] | None = None
    """Who gets a fee for having sent it, and how much, in tenths of a basis point."""
    twap_id: int | None = None
    """The TWAP that it is a slice of."""
    forced: str = ""
    """How the venue closes a position by force with it: market or backstop; empty for a user's own order."""

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def is_waiting(self) -> bool:
        """Whether it is off the book until the mark reaches its trigger."""
        return self.trigger is not None and self.status == OPEN

    def become(self, status: str, now_ms: int) -> None:
        self.status = status
        self.status_timestamp = now_ms


class OrderStore:
    """All records the venue still remembers."""

    def __init__(self) -> None:
        self._next_oid = _FIRST_OID
        self._by_oid: dict[int, OrderRecord] = {}
        self._by_cloid: dict[tuple[str, str], int] = {}
        self._latest: dict[str, deque[int]] = {}
        """The last 2000 of each account, oldest first."""
        self._old: dict[str, dict[int, None]] = {}
        """Those that lived when they fell out of the last 2000, oldest first."""

    def next_oid(self) -> int:
        self._next_oid += 1
        return self._next_oid

    def add(self, order: OrderRecord) -> None:
        self._by_oid[order.oid] = order
        if order.cloid is not None:
            self._by_cloid[order.user, order.cloid] = order.oid
        latest = self._latest.setdefault(order.user, deque())
        latest.append(order.oid)
        while len(latest) > _KEPT_PER_ACCOUNT:
            self._fall_out(latest.popleft())

    def _fall_out(self, oid: int) -> None:
        """An order is not among the latest any more."""
        order = self._by_oid[oid]
        if not order.is_live:
            self._forget(order)
            return
        old = self._old.setdefault(order.user, {})
        old[oid] = None
        if len(old) % _SWEPT_EVERY == 0:
            for ended in [o for o in old if not self._by_oid[o].is_live]:
                del old[ended]
                self._forget(self._by_oid[ended])

    def _forget(self, order: OrderRecord) -> None:
        del self._by_oid[order.oid]
        if order.cloid and self._by_cloid.get((order.user, order.cloid)) == order.oid:
            del self._by_cloid[order.user, order.cloid]

    def by_oid(self, user: str, oid: int) -> OrderRecord | None:
        order = self._by_oid.get(oid)
        return order if order is not None and order.user == user else None

    def by_cloid(self, user: str, cloid: str) -> OrderRecord | None:
        oid = self._by_cloid.get((user, cloid))
        return None if oid is None else self._by_oid[oid]

    def history(self, user: str) -> list[OrderRecord]:
        """Newest first."""
        latest, old = self._latest.get(user, ()), self._old.get(user, {})
        return [self._by_oid[oid] for oid in (*reversed(latest), *reversed(old))]
