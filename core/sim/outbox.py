"""What users are still to be told: order updates and fills, gathered between two blocks and told with the next.

Here strike the faults that belong to telling: late, missing, doubled and oddly worded messages. Easy to get wrong: a fault changes what is
told, never what happened; the same fill told late is still dated at its trade.

PROTOCOL 6.6, 14 step 10; issue 3 part 2.
"""

from __future__ import annotations

from msgspec import Struct

from core.sim import wire
from core.sim.faults import FaultBoard
from core.sim.orders import LIVE, OrderRecord
from core.sim.twap_orders import slice_fill

_MOST_HUSHED = 20_000
"""What waits for one who is told nothing and never asks; beyond it the oldest is never told."""


class UserEvent(Struct, frozen=True):
    """Something one user is told on one channel; `data` is the frame's `data`."""

    user: str
    channel: str
    data: object


class Outbox:
    """Everything not yet told. One owner: the venue."""

    def __init__(self, faults: FaultBoard) -> None:
        self._faults = faults
        self._updates: dict[str, list[wire.Json]] = {}
        self._fills: dict[str, list[wire.Fill]] = {}
        self._late: list[tuple[int, UserEvent]] = []
        self._others: list[UserEvent] = []
        self._hushed: dict[str, None] = {}
        """Who is told nothing until they ask."""

    def hush(self, user: str) -> None:
        """Tell this user nothing until they ask for orders or fills."""
        self._hushed[user] = None

    def has_asked(self, user: str) -> None:
        if self._hushed:
            self._hushed.pop(user, None)

    def is_hushed(self, user: str | None) -> bool:
        return user in self._hushed

    def order(self, order: OrderRecord, status: str | None = None) -> None:
        """An order began, shrank or ended."""
        update = wire.order_update(order, status)
        if update["status"] not in LIVE:
            odd = self._faults.strike("odd_status", order.status_timestamp, order.user)
            if odd is not None:
                update["status"] = odd.text
        self._updates.setdefault(order.user, []).append(update)

    def fill(self, fill: wire.Fill) -> None:
        self._fills.setdefault(fill.user, []).append(fill)

    def note(self, user: str, channel: str, data: object) -> None:
        """Anything else: funding, liquidation, what was cancelled by the venue, money that moved."""
        self._others.append(UserEvent(user, channel, data))

    @property
    def has_news(self) -> bool:
        """Whether there is anything to tell, now or later."""
        return bool(self._updates or self._fills or self._late or self._others)

    def drain(self, now_ms: int) -> tuple[UserEvent, ...]:
        """What is told now: what was held back long enough, then order updates, then fills on both channels."""
        if not self.has_news:
            return ()
        events = [e for due_ms, e in self._late if due_ms <= now_ms]
        self._late = [(due_ms, e) for due_ms, e in self._late if due_ms > now_ms]
        quiet_updates = {user: self._updates.pop(user) for user in self._hushed if user in self._updates}
        quiet_fills = {user: self._fills.pop(user) for user in self._hushed if user in self._fills}
        for user, updates in self._updates.items():
            events += self._about_orders(user, updates, now_ms)
        for user, fills in self._fills.items():
            events += self._about_fills(user, fills, now_ms)
        events += [e for e in self._others if e.user not in self._hushed]
        self._others = [e for e in self._others if e.user in self._hushed]
        self._others = self._others[-_MOST_HUSHED:]
        self._updates = {user: updates[-_MOST_HUSHED:] for user, updates in quiet_updates.items()}
        self._fills = {user: fills[-_MOST_HUSHED:] for user, fills in quiet_fills.items()}
        return tuple(twin for e in events for twin in (e, e)[: self._times(e, now_ms)])

    def _about_orders(self, user: str, updates: list[wire.Json], now_ms: int) -> list[UserEvent]:
        event = UserEvent(user, "orderUpdates", updates)
        delay = self._faults.strike("update_delay", now_ms, user)
        if delay is None:
            return [event]
        self._late.append((now_ms + delay.ms, event))
        return []

    def _about_fills(self, user: str, fills: list[wire.Fill], now_ms: int) -> list[UserEvent]:
        shapes = [wire.fill(f) for f in fills]
        events = [
            UserEvent(user, "userFills", {"user": user, "fills": shapes}),
            UserEvent(user, "user", {"fills": shapes}),
        ]
        slices = [f for f in fills if f.twap_id is not None]
        if slices:
            told = {"user": user, "twapSliceFills": [slice_fill(f) for f in slices]}
            events.append(UserEvent(user, "userTwapSliceFills", told))
        if self._faults.strike("skip_fill_frame", now_ms, user):
            return []
        delay = self._faults.strike("fill_delay", now_ms, user)
        if delay is None:
            return events
        self._late += [(now_ms + delay.ms, e) for e in events]
        return []

    def _times(self, event: UserEvent, now_ms: int) -> int:
        return 2 if self._faults.strike("duplicate_frames", now_ms, event.user) else 1
