"""What a subscription of an account is told of something that happened just now.

Most events go out as they are, on the channel of their name; a few subscriptions have their own way of saying the same. Easy to get wrong:
fills of a subscription that aggregates are put together here, and an order's history frame has the order as info would show it.

PROTOCOL 6.6, 7.3.
"""

from __future__ import annotations

from typing import Any

from core.sim import wire
from core.sim.outbox import UserEvent
from core.sim.subscriptions import Subscription
from core.sim.venue import Venue
from core.sim.wire import Json


def live_frame(venue: Venue, wanted: Subscription, event: UserEvent) -> Json | None:
    """The frame, or None when the event is none of this subscription's business."""
    if event.user != wanted.user:
        return None
    data: Any = event.data
    if wanted.kind == "userHistoricalOrders" and event.channel == "orderUpdates":
        return {
            "channel": wanted.channel,
            "data": {"user": event.user, "orderHistory": _history(venue, event.user, data)},
        }
    if wanted.channel != event.channel:
        return None
    if wanted.kind == "twapStates" and wanted.dex != data["dex"]:
        return None
    if wanted.is_aggregated:
        data = {**data, "fills": wire.aggregated(data["fills"])}
    return {"channel": event.channel, "data": data}


def _history(venue: Venue, user: str, updates: list[Json]) -> list[Json]:
    rows = []
    for update in updates:
        order = venue.orders.by_oid(user, update["order"]["oid"])
        if order is not None:
            shape = wire.history_order(order)
            rows.append({**shape, "status": update["status"], "statusTimestamp": update["statusTimestamp"]})
    return rows
