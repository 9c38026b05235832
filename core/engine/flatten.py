"""Flattener: closes positions, one reduce-only IOC of the whole position at a time, until flat.

Each attempt goes further from mid (1 %, 1.5 %, 2 %); the next is made only when the last is settled. A flatten that is not done 60 s
after it began is a failure, and again each 60 s. It decides when and at what price; it neither queues nor sends. Easy to get wrong:
any end of an attempt (filled in part, refused, lost and proven lost) must free the next one.

SPEC 6 (Flattener); lessons L10, L11, L22, L32.
"""

from __future__ import annotations

from decimal import Decimal

from core.config import ExecutionConfig
from core.model.market import MarketKey
from core.model.order import OrderSide
from core.model.position import ExitReason
from core.model.rounding import round_price

_BPS = Decimal(10_000)
_WIDENING = Decimal(50)
"""Added to the slippage with each attempt, up to the maximum."""
_RETRY_MS = 200
_RETRY_MAX_MS = 2_000


class FlattenTask:
    """One market being closed."""

    def __init__(self, market: MarketKey, reason: ExitReason, now_ms: int) -> None:
        self.market = market
        self.reason = reason
        self.started_ms = now_ms
        self.failure_due_ms = now_ms
        self.attempts = 0
        self.next_at_ms = now_ms
        self.last_result = ""


class Flattener:
    def __init__(self, execution: ExecutionConfig) -> None:
        self._execution = execution
        self._tasks: dict[MarketKey, FlattenTask] = {}

    def request(self, market: MarketKey, reason: ExitReason, now_ms: int) -> bool:
        """Start closing a market. Asked again, it goes on as it is; only a stronger reason is noted. True when it is new."""
        task = self._tasks.get(market)
        if task is not None:
            if reason is not ExitReason.TIME_STOP and task.reason is ExitReason.TIME_STOP and task.attempts == 0:
                task.reason = reason
            return False
        task = self._tasks[market] = FlattenTask(market, reason, now_ms)
        task.failure_due_ms = now_ms + self._execution.reduce_only_timeout_ms
        return True

    def due(self, now_ms: int) -> list[FlattenTask]:
        """Tasks whose next attempt may be made, first come first."""
        return [t for t in self._tasks.values() if now_ms >= t.next_at_ms]

    def slippage_bps(self, task: FlattenTask) -> Decimal:
        wider = self._execution.flatten_slippage_bps + _WIDENING * task.attempts
        return min(wider, self._execution.flatten_slippage_max_bps)

    def limit_price(self, task: FlattenTask, side: OrderSide, mid_px: Decimal, sz_decimals: int) -> Decimal:
        """The price of the next attempt, rounded like any order: up for a buy, down for a sell."""
        return round_price(mid_px * (1 + side.sign * self.slippage_bps(task) / _BPS), side.is_buy, sz_decimals)

    def on_attempt(self, task: FlattenTask) -> None:
        task.attempts += 1

    def on_attempt_ended(self, market: MarketKey, result: str, now_ms: int) -> None:
        """The attempt is settled, one way or another: the next may follow, a little later each time."""
        task = self._tasks.get(market)
        if task is not None:
            task.last_result = result
            task.next_at_ms = now_ms + min(_RETRY_MAX_MS, _RETRY_MS << min(task.attempts, 10))

    def on_flat(self, market: MarketKey) -> FlattenTask | None:
        """The position is gone; what was done about it."""
        return self._tasks.pop(market, None)

    def failures(self, now_ms: int) -> list[FlattenTask]:
        """Tasks that just passed another 60 s without getting flat. Each is reported once per 60 s."""
        failed: list[FlattenTask] = []
        for task in self._tasks.values():
            if now_ms >= task.failure_due_ms:
                task.failure_due_ms = now_ms + self._execution.reduce_only_timeout_ms
                failed.append(task)
        return failed

    def set_back(self, by_ms: int) -> None:
        """Our clock was set back: the next attempt, and the alarm, come no later."""
        for task in self._tasks.values():
            task.started_ms -= by_ms
            task.next_at_ms -= by_ms
            task.failure_due_ms -= by_ms

    def resume_now(self, now_ms: int) -> None:
        """After a resync: whatever attempts were waiting for is over."""
        for task in self._tasks.values():
            task.next_at_ms = now_ms

    def get(self, market: MarketKey) -> FlattenTask | None:
        return self._tasks.get(market)

    @property
    def is_active(self) -> bool:
        return bool(self._tasks)
