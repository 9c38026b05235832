"""What each kind of action does once it is let in, and what it is answered.

Easy to get wrong: `status: ok` says nothing about the items; each has its own element in `statuses`.

PROTOCOL 4.3, 7.1, 12, 12.1.
"""

from __future__ import annotations

from decimal import Decimal

from core.model.market import MarginMode
from core.sim import desk
from core.sim.accounts import Account
from core.sim.admission import Envelope, Refused
from core.sim.venue import Venue
from core.sim.wire import Json

_SCHEDULE_VOLUME_USD = Decimal(1_000_000)
_SCHEDULE_AHEAD_MS = 5_000


def execute(venue: Venue, account: Account, envelope: Envelope, now_ms: int) -> Json:
    """Do an admitted action.

    Returns:
        The `response` part of an ok answer.

    Raises:
        Refused: The action as a whole cannot be done.
    """
    action = envelope.action
    match envelope.kind:
        case "order":
            collapsed = _collapsed(venue, account, action, now_ms)
            if collapsed is not None:
                return {"type": "order", "data": {"statuses": [collapsed]}}
            placed = [desk.place(venue, account, desk.wish_of(raw), now_ms) for raw in action["orders"]]
            return {"type": "order", "data": {"statuses": placed}}
        case "cancel":
            done = [
                desk.cancel(venue, account, venue.orders.by_oid(account.user, c["o"]), c["a"], now_ms)
                for c in action["cancels"]
            ]
            return {"type": "cancel", "data": {"statuses": done}}
        case "cancelByCloid":
            done = [
                desk.cancel(venue, account, venue.orders.by_cloid(account.user, c["cloid"]), c["asset"], now_ms)
                for c in action["cancels"]
            ]
            return {"type": "cancel", "data": {"statuses": done}}
        case "updateLeverage":
            _update_leverage(venue, account, action)
        case "scheduleCancel":
            _schedule_cancel(account, action.get("time"), now_ms)
        case kind:
            assert kind == "noop", kind
    return {"type": "default"}


def _collapsed(venue: Venue, account: Account, action: Json, now_ms: int) -> Json | None:
    """The one error that stands for all orders of a batch, under the fault.

    Raises:
        Refused: The same, told as a refused action.
    """
    fault = venue.faults.strike("collapse_batch", now_ms, account.user, level="action")
    if fault is not None:
        raise Refused(fault.text)
    fault = venue.faults.strike("collapse_batch", now_ms, account.user)
    return None if fault is None else {"error": f"{fault.text} asset={action['orders'][0]['a']}"}


def _update_leverage(venue: Venue, account: Account, action: Json) -> None:
    listing = venue.universe.by_asset.get(action["asset"])
    leverage, is_cross = action["leverage"], action["isCross"]
    if listing is None or not 1 <= leverage <= listing.spec.max_leverage:
        raise Refused("Invalid leverage value")
    if is_cross and listing.spec.margin_mode is not MarginMode.CROSS:
        raise Refused("Cross margin is not allowed for this asset.")
    position = account.position(listing)
    if position is not None:
        if position.is_cross != is_cross:
            raise Refused("Cannot switch leverage type with open position.")
        notional = abs(position.szi) * venue.markets[listing.coin].mark_px
        extra = notional / leverage - notional / position.leverage
        if extra > 0 and is_cross and extra > venue.available_usd(account, listing.dex):
            raise Refused("Cross position does not have sufficient margin available to decrease leverage")
        if extra > 0 and not is_cross:
            if extra > venue.available_usd(account, listing.dex):
                raise Refused("Isolated position does not have sufficient margin available to decrease leverage")
            account.dexes[listing.dex].raw_usd -= extra
            position.raw_usd += extra
        position.leverage = leverage
    account.leverage[listing.coin] = (is_cross, leverage)
    venue.changed_users[account.user] = None


def _schedule_cancel(account: Account, time_ms: int | None, now_ms: int) -> None:
    if time_ms is None:
        account.schedule_cancel_ms = None
        return
    if account.cum_volume < _SCHEDULE_VOLUME_USD:
        raise Refused(
            "Cannot set scheduled cancel time until enough volume traded. "
            f"Required: ${_SCHEDULE_VOLUME_USD}. Traded: ${account.cum_volume:.2f}."
        )
    if time_ms < now_ms + _SCHEDULE_AHEAD_MS:
        raise Refused("Scheduled cancel time too early, must be at least 5 seconds from now.")
    account.schedule_cancel_ms = time_ms
