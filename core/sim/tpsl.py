"""Take profit and stop that belong to an order or to a position: who wakes, who goes, when another one of the family ends.

Children sleep while their parent rests and wake when it is filled; when it goes unfilled they go with it. Of a take profit and a stop of
one family the first to be filled ends the other. Easy to get wrong: a parent that its user cancels takes its children along even when a part
of it was filled, and one that the venue cancels for want of margin does not.

PROTOCOL 4.3 (grouping), 7.2, 12; the venue's page on take profit and stop orders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.sim.orders import CANCELED, FILLED, OrderRecord

if TYPE_CHECKING:
    from core.sim.checks import OrderWish
    from core.sim.venue import Venue

WRONG_LAYOUT = "Unexpected number of trigger orders"
WAITING_FOR_FILL = "waitingForFill"
WAITING_FOR_TRIGGER = "waitingForTrigger"


def is_well_laid(grouping: str, wishes: list[OrderWish]) -> bool:
    """Whether the orders of one action are what its grouping promises.

    normalTpsl: one order, then a take profit, a stop or both for it; positionTpsl: a take profit, a stop or both, and nothing else.
    """
    if grouping == "normalTpsl":
        parent, exits = wishes[0], wishes[1:]
        if parent.trigger is not None or any(e.is_buy == parent.is_buy for e in exits):
            return False
    else:
        exits = wishes
    kinds = [e.trigger.tpsl for e in exits if e.trigger is not None]
    is_one_market = len({w.asset for w in wishes}) == 1 and len({e.is_buy for e in exits}) == 1
    return len(kinds) == len(exits) == len(set(kinds)) and is_one_market and all(e.reduce_only for e in exits)


def follow(venue: Venue, order: OrderRecord, now_ms: int) -> None:
    """Do to the rest of the family what the end of one of them means."""
    children = [child for child in order.children if child.is_live and child.parent == order.oid]
    was_filled = order.status == FILLED or (order.status == "marginCanceled" and order.sz < order.orig_sz)
    for child in children:
        if was_filled:
            wake(venue, child)
        else:
            venue.cancel(child, CANCELED, now_ms)
    if order.status == FILLED:
        for oid in order.siblings:
            sibling = venue.orders.by_oid(order.user, oid)
            if sibling is not None and sibling.is_live:
                venue.cancel(sibling, "siblingFilledCanceled", now_ms)


def wake(venue: Venue, child: OrderRecord) -> None:
    """Let a child wait for its trigger."""
    child.parent = None
    venue.rest(child)
    venue.tell_order(child)


def bind(parent: OrderRecord, children: tuple[OrderRecord, ...]) -> None:
    """Put children to sleep until their parent is filled."""
    parent.children = children
    for child in children:
        child.parent = parent.oid
    make_siblings(children)


def make_siblings(orders: tuple[OrderRecord, ...]) -> None:
    for order in orders:
        order.siblings = tuple(o.oid for o in orders if o is not order)


def detach(old: OrderRecord) -> tuple[OrderRecord, ...]:
    """Take an order's children away from it, so that they outlive it; those that are still asleep."""
    children = tuple(child for child in old.children if child.parent == old.oid)
    old.children = ()
    return children


def inherit(venue: Venue, new: OrderRecord, old: OrderRecord, children: tuple[OrderRecord, ...]) -> None:
    """Give a new order the place of an old one in its family."""
    new.children = children
    for child in children:
        child.parent = new.oid
    new.siblings, old.siblings = old.siblings, ()
    for oid in new.siblings:
        sibling = venue.orders.by_oid(new.user, oid)
        if sibling is not None:
            sibling.siblings = tuple(new.oid if s == old.oid else s for s in sibling.siblings)
