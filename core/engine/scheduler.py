"""BatchScheduler: which action leaves next. Three queues, cancel > reduce-only > new; one tick gives at most one action.

It decides the order and the caps. It never counts inflight (that is read off the open posts and handed in) and never sends. Easy to
get wrong: orders and cancels never share an action, nor do cancels by oid and cancels by cloid, because each is another action on
the wire; and at the inflight limit a reduce-only order is still queued, while a new one is not.

SPEC 4; plan P0-19b.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum

from core.config import ExecutionConfig
from core.engine.hard_stop import HardStopLatch
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import ActionBatch, Cancels, Orders, PendingCancel, PendingOrder


class Enqueued(Enum):
    """What became of an enqueue. At INFLIGHT_FULL a reduce-only order *is* queued and a new order is not."""

    QUEUED = "queued"
    QUEUED_DEGRADED = "queued, degraded"
    INFLIGHT_FULL = "inflight full"
    QUEUE_FULL = "queue full"
    DUPLICATE_FLATTEN = "duplicate flatten"


class BatchScheduler:
    """The queues of one account.

    Args:
        latch: While tripped, no new order is handed out.
        inflight: Posts sent and not completed, read at each decision.
        has_unresolved_exit: Whether a reduce-only order of that market was handed out and is not settled yet.
    """

    def __init__(
        self,
        limits: ExecutionConfig,
        latch: HardStopLatch,
        inflight: Callable[[], int],
        has_unresolved_exit: Callable[[MarketKey], bool] = lambda market: False,
    ) -> None:
        self._limits = limits
        self._latch = latch
        self._inflight = inflight
        self._has_unresolved_exit = has_unresolved_exit
        self._cancels: deque[PendingCancel] = deque()
        self._reduce_only: deque[PendingOrder] = deque()
        self._new: deque[PendingOrder] = deque()

    # --- in ----------------------------------------------------------------------------------------------------------

    def enqueue_new_order(self, order: PendingOrder) -> Enqueued:
        assert not order.reduce_only, f"order {order.cloid} is reduce-only and has its own queue"
        if self._inflight() >= self._limits.inflight_limit:
            return Enqueued.INFLIGHT_FULL
        if len(self._new) >= self._limits.new_order_queue_cap:
            return Enqueued.QUEUE_FULL
        self._new.append(order)
        return Enqueued.QUEUED_DEGRADED if self._is_degraded else Enqueued.QUEUED

    def enqueue_reduce_only(self, order: PendingOrder) -> Enqueued:
        assert order.reduce_only, f"order {order.cloid} is not reduce-only"
        if self._has_unresolved_exit(order.market) or any(o.market == order.market for o in self._reduce_only):
            return Enqueued.DUPLICATE_FLATTEN
        if len(self._reduce_only) >= self._limits.reduce_only_queue_cap:
            return Enqueued.QUEUE_FULL
        self._reduce_only.append(order)
        return Enqueued.INFLIGHT_FULL if self._inflight() >= self._limits.inflight_limit else Enqueued.QUEUED

    def enqueue_cancel(self, cancel: PendingCancel) -> Enqueued:
        if len(self._cancels) >= self._limits.cancel_queue_cap:
            return Enqueued.QUEUE_FULL
        self._cancels.append(cancel)
        return Enqueued.QUEUED

    def requeue_reduce_only(self, orders: Iterable[PendingOrder]) -> None:
        """Put back orders that never left, at the front and in their old order."""
        self._reduce_only.extendleft(reversed(list(orders)))

    def requeue_cancels(self, cancels: Iterable[PendingCancel]) -> None:
        self._cancels.extendleft(reversed(list(cancels)))

    # --- out ---------------------------------------------------------------------------------------------------------

    def tick(self, limited: bool = False) -> ActionBatch | None:
        """The next action, taken off its queue; None when nothing may leave.

        Args:
            limited: The address budget is used up: one action per 10 s is let through, exits before cancels, nothing new.
        """
        inflight = self._inflight()
        assert 0 <= inflight <= self._limits.inflight_limit, f"inflight {inflight}"
        if inflight >= self._limits.inflight_limit:
            return None
        if limited:
            return self._take_orders(with_new=False) or self._take_cancels()
        return self._take_cancels() or self._take_orders(with_new=not self._is_degraded and not self._latch.tripped)

    def drop_new_orders(self) -> list[tuple[Cloid, MarketKey]]:
        """Empty the queue of new orders and say which they were, so that their marks can be released."""
        dropped = [(o.cloid, o.market) for o in self._new]
        self._new.clear()
        return dropped

    def drop_exits_and_cancels(self) -> list[Cloid]:
        """Empty the other two queues: after a disconnect what they say is no longer true. Returns the dropped exits."""
        dropped = [o.cloid for o in self._reduce_only]
        self._reduce_only.clear()
        self._cancels.clear()
        return dropped

    def drop_exits_of(self, market: MarketKey) -> list[Cloid]:
        """Take back what is queued to reduce a position that is gone. Returns the dropped exits."""
        dropped = [o.cloid for o in self._reduce_only if o.market == market]
        for cloid in dropped:
            self.remove(cloid)
        return dropped

    def remove(self, cloid: Cloid) -> bool:
        """Take one queued order back. False if it is not queued."""
        for queue in (self._new, self._reduce_only):
            for order in queue:
                if order.cloid == cloid:
                    queue.remove(order)
                    return True
        return False

    # --- read --------------------------------------------------------------------------------------------------------

    @property
    def new_orders(self) -> tuple[PendingOrder, ...]:
        """Those that wait and add to a position, first come first."""
        return tuple(self._new)

    @property
    def depths(self) -> tuple[int, int, int]:
        """Queued cancels, reduce-only orders, new orders."""
        return len(self._cancels), len(self._reduce_only), len(self._new)

    @property
    def is_empty(self) -> bool:
        return not (self._cancels or self._reduce_only or self._new)

    @property
    def _is_degraded(self) -> bool:
        return self._inflight() >= self._limits.inflight_high_watermark

    def _take_cancels(self) -> Cancels | None:
        if not self._cancels:
            return None
        by_oid = self._cancels[0].oid is not None
        taken: list[PendingCancel] = []
        left: deque[PendingCancel] = deque()
        for cancel in self._cancels:
            fits = (cancel.oid is not None) == by_oid and len(taken) < self._limits.batch_max_cancels
            (taken if fits else left).append(cancel)
        self._cancels = left
        return Cancels(tuple(taken))

    def _take_orders(self, with_new: bool) -> Orders | None:
        taken: list[PendingOrder] = []
        for queue in (self._reduce_only, self._new) if with_new else (self._reduce_only,):
            while queue and len(taken) < self._limits.batch_max_orders:
                taken.append(queue.popleft())
        return Orders(tuple(taken)) if taken else None
