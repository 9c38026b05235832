"""The orders of one action: each for itself, or as one family of an order with its take profit and stop.

Easy to get wrong: the children of an order that rests are answered `waitingForFill`, those of one that was filled at once
`waitingForTrigger`; neither word comes with an oid.

PROTOCOL 4.3 (grouping, builder), 7.1, 10.1.
"""

from __future__ import annotations

from decimal import Decimal

from core.sim import desk, tpsl
from core.sim.accounts import Account
from core.sim.checks import OrderWish, static_refusal, trigger_refusal
from core.sim.desk import Status
from core.sim.orders import OrderRecord
from core.sim.refused import Refused
from core.sim.venue import Venue
from core.sim.wire import Json

_NO_BUILDER = "Builder fee has not been approved."
_NO_HYPE = "Insufficient balance to pay priority fee."
"""Worded here: nobody has HYPE on this exchange."""


def place_all(venue: Venue, account: Account, action: Json, now_ms: int) -> list[Status]:
    """Do an order action.

    Returns:
        Its `statuses`; a single one when the orders are not what their grouping promises.

    Raises:
        Refused: The action as a whole cannot be done.
    """
    grouping, builder = action["grouping"], _builder(venue, account, action)
    if isinstance(grouping, dict):
        raise Refused(_NO_HYPE)
    wishes = [desk.wish_of(raw, builder, grouping == "positionTpsl") for raw in action["orders"]]
    if grouping == "na":
        return [desk.place(venue, account, wish, now_ms) for wish in wishes]
    if not tpsl.is_well_laid(grouping, wishes):
        return [{"error": f"{tpsl.WRONG_LAYOUT} asset={wishes[0].asset}"}]
    family = _with_parent if grouping == "normalTpsl" else _of_position
    return family(venue, account, wishes, now_ms)


def _builder(venue: Venue, account: Account, action: Json) -> tuple[str, int] | None:
    builder = action.get("builder")
    if builder is None:
        return None
    approver = account if account.master is None else venue.accounts[account.master]  # only who has a key can approve
    if builder["f"] > approver.builders.get(builder["b"], -1):
        raise Refused(_NO_BUILDER)
    return builder["b"], builder["f"]


def _with_parent(venue: Venue, account: Account, wishes: list[OrderWish], now_ms: int) -> list[Status]:
    parent, *exits = wishes
    listing = venue.universe.by_asset.get(parent.asset)
    for wish in exits:
        refusal = static_refusal(wish, listing, venue, account)
        if refusal is None and listing is not None:
            refusal = trigger_refusal(wish, _entry_px(parent, venue.markets[listing.coin].mark_px))
        if refusal is not None:
            return [desk.refused(wish, refusal)]
    children: list[OrderRecord] = []

    def bind(order: OrderRecord) -> None:
        assert listing is not None
        children.extend(desk.record(venue, account, listing, wish, wish.sz, now_ms) for wish in exits)
        tpsl.bind(order, tuple(children))

    status, order = desk.put(venue, account, parent, now_ms, bind)
    if order is None or (isinstance(status, dict) and "error" in status):
        return [status] * len(wishes)
    word = tpsl.WAITING_FOR_FILL if order.is_live else tpsl.WAITING_FOR_TRIGGER
    return [status, *[word] * len(exits)]


def _entry_px(parent: OrderWish, mark_px: Decimal) -> Decimal:
    """Where the position will be opened, as far as one can say."""
    return min(parent.limit_px, mark_px) if parent.is_buy else max(parent.limit_px, mark_px)


def _of_position(venue: Venue, account: Account, wishes: list[OrderWish], now_ms: int) -> list[Status]:
    placed: list[OrderRecord] = []
    statuses: list[Status] = []
    for wish in wishes:
        status, order = desk.put(venue, account, wish, now_ms)
        if order is not None:
            placed.append(order)
        statuses.append(status if order is None else tpsl.WAITING_FOR_TRIGGER)
    tpsl.make_siblings(tuple(placed))
    return statuses
