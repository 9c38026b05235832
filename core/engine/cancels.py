"""CancelDesk: which orders are to be cancelled, and whether it was asked for already.

A cancel is wanted until its order has ended; it is sent once and asked again only when its answer did not settle the order in time.
"Already gone" is success. Nothing here sends.

SPEC 7 (table of outcomes, column cancel), 8; lessons L31, L33.
"""

from __future__ import annotations

from core.model.cloid import Cloid, is_ours
from core.model.order import PendingCancel, TrackedOrder

_AGAIN_MS = 1_000
"""After an answer that did not end the order: time for its order update to arrive."""

CancelKey = int | Cloid
"""The oid where it is known, else the cloid."""


class CancelDesk:
    def __init__(self) -> None:
        self._wanted: dict[CancelKey, TrackedOrder] = {}
        self._out: dict[CancelKey, bool] = {}
        """Queued or on its way."""
        self._not_before_ms: dict[CancelKey, int] = {}

    def want(self, order: TrackedOrder) -> bool:
        """Ask for the end of an order. False if that was asked already."""
        key = _key(order)
        if key in self._wanted or (order.cloid is not None and order.cloid in self._wanted):
            return False
        self._wanted[key] = order
        return True

    def due(self, now_ms: int) -> list[PendingCancel]:
        """Cancels to be queued now; each counts as on its way from here on."""
        due = []
        for key, order in self._wanted.items():
            if not self._out.get(key) and now_ms >= self._not_before_ms.get(key, 0):
                self._out[key] = True
                due.append(_cancel(order))
        return due

    def on_ended(self, order: TrackedOrder) -> None:
        """The order is terminal: nothing left to cancel."""
        for key in (order.oid, order.cloid):
            if key is not None:
                self._forget(key)

    def on_answer(self, cancel: PendingCancel, now_ms: int) -> None:
        """The exchange answered, or nobody did: if the order still lives a second later, it is asked again."""
        key = _cancel_key(cancel)
        self._out.pop(key, None)
        if key in self._wanted:
            self._not_before_ms[key] = now_ms + _AGAIN_MS

    def on_not_queued(self, cancel: PendingCancel, now_ms: int) -> None:
        self.on_answer(cancel, now_ms)

    def set_back(self, by_ms: int) -> None:
        """Our clock was set back: a cancel is asked again no later."""
        self._not_before_ms = {key: at_ms - by_ms for key, at_ms in self._not_before_ms.items()}

    def give_up_foreign(self, now_ms: int) -> None:
        """The hard stop is released: orders of others are no longer ours to end. Wanted again at once, their cancels have left already."""
        for key, order in list(self._wanted.items()):
            if not is_ours(order.cloid):
                del self._wanted[key]
                if self._out.pop(key, False):
                    self._not_before_ms[key] = now_ms + _AGAIN_MS

    def on_disconnect(self) -> None:
        """What was queued or under way is lost; what is wanted stays wanted."""
        self._out.clear()
        self._not_before_ms.clear()

    @property
    def wanted(self) -> list[TrackedOrder]:
        return list(self._wanted.values())

    def order_of(self, cancel: PendingCancel) -> TrackedOrder | None:
        return self._wanted.get(_cancel_key(cancel))

    def _forget(self, key: CancelKey) -> None:
        self._wanted.pop(key, None)
        self._out.pop(key, None)
        self._not_before_ms.pop(key, None)


def _key(order: TrackedOrder) -> CancelKey:
    key = order.oid if order.oid is not None else order.cloid
    assert key is not None, "an order without oid and cloid cannot be named"
    return key


def _cancel(order: TrackedOrder) -> PendingCancel:
    if order.oid is not None:
        return PendingCancel(order.market, oid=order.oid)
    return PendingCancel(order.market, cloid=order.cloid)


def _cancel_key(cancel: PendingCancel) -> CancelKey:
    key = cancel.oid if cancel.oid is not None else cancel.cloid
    assert key is not None
    return key
