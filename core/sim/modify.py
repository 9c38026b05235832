"""Modifying an order: the old one is cancelled, a new one takes its place at the end of the queue, with a new oid.

What can be told of the new order before it has a number (price, size, minimum) is told before the old one is touched; what the book and
the margin say comes after, and then the old one is gone. Easy to get wrong: the size is that of the new order, not a total that includes
what the old one has filled; a family keeps its take profit and stop through the change.

Without `a` the new order must be a post-only one, or one that rests: so says the newest client that documents it. The venue's text for that
is not known; it is worded here.

PROTOCOL 4.3, 6.6, 10.1, 12, 13 number 22.
"""

from __future__ import annotations

from typing import Any

from core.sim import tpsl
from core.sim.accounts import Account
from core.sim.checks import OrderWish, Refusal, static_refusal
from core.sim.desk import IMMEDIATE, Status, put, refused, wish_of
from core.sim.orders import CANCELED, OrderRecord
from core.sim.venue import Venue

GONE = "Cannot modify canceled or filled order."
WHILE_PLACING = "Error placing new order during modify: "
MUST_REST = "Only orders that cannot execute immediately may replace an order."


def modify(venue: Venue, account: Account, item: dict[str, Any], is_always: bool, now_ms: int) -> Status:
    """Replace one order.

    Args:
        item: One element of `modifies`: the oid or cloid of the old order, and the new one.
        is_always: Whether the new order is placed even if the old one is gone already.

    Returns:
        Its element of `statuses`.
    """
    wish = wish_of(item["order"])
    old = _find(venue, account, item["oid"])
    if old is None and not is_always:
        return refused(wish, Refusal(GONE))
    if old is not None and old.is_position_tpsl:
        wish = wish_of(item["order"], is_position_tpsl=True)
    listing = venue.universe.by_asset.get(wish.asset)
    refusal = static_refusal(wish, listing, venue, account)
    if refusal is None and not is_always and _may_trade(venue, account, wish, now_ms):
        refusal = Refusal(MUST_REST)
    if refusal is not None:
        return refused(wish, Refusal(WHILE_PLACING + refusal.text))
    if old is None:
        return _told(put(venue, account, wish, now_ms)[0])
    children = tpsl.detach(old)
    venue.cancel(old, CANCELED, now_ms)
    status, new = put(venue, account, wish, now_ms, lambda order: tpsl.inherit(venue, order, old, children))
    if new is None:
        for child in children:
            venue.cancel(child, CANCELED, now_ms)
    return _told(status)


def _told(status: Status) -> Status:
    if isinstance(status, dict) and "error" in status:
        return {"error": WHILE_PLACING + status["error"]}
    return status


def _find(venue: Venue, account: Account, oid: int | str) -> OrderRecord | None:
    """A live order of this account; of a cloid the latest that bears it."""
    orders = venue.orders
    order = orders.by_cloid(account.user, oid) if isinstance(oid, str) else orders.by_oid(account.user, oid)
    return order if order is not None and order.is_live and order.parent is None else None


def _may_trade(venue: Venue, account: Account, wish: OrderWish, now_ms: int) -> bool:
    if wish.trigger is not None or wish.tif in IMMEDIATE:
        return True
    listing = venue.universe.by_asset[wish.asset]
    return wish.tif == "Gtc" and venue.books[listing.coin].crosses(wish.is_buy, wish.limit_px, now_ms, account.user)
