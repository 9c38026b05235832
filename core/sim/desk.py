"""Placing and cancelling: what one item of an action does to the books, and the status it is answered with.

Easy to get wrong: an IOC that fills in part is answered `filled` with the smaller size and its rest vanishes without a word; a reduce-only
order is cut to the position but keeps the size it asked for in `origSz`.

PROTOCOL 7.1, 12, 14 steps 8 and 9.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from core.model.rounding import round_price, round_size
from core.sim import wire
from core.sim.accounts import Account
from core.sim.book import Gone, Match
from core.sim.checks import (
    HALTED,
    NO_MATCH,
    POST_ONLY_PHASE,
    OrderWish,
    Refusal,
    margin_refusal,
    open_orders_refusal,
    post_only_refusal,
    reduce_only_refusal,
    static_refusal,
    trigger_refusal,
)
from core.sim.orders import CANCELED, FILLED, TRIGGERED, OrderRecord, Trigger
from core.sim.universe import Listing
from core.sim.venue import Venue

IMMEDIATE = ("Ioc", "FrontendMarket")
"""Kinds of order that never rest."""

_GONE = "Order was never placed, already canceled, or filled."
_AVG_PLACES = Decimal("0.000001")
_MARKET_SLIPPAGE = Decimal("0.1")
"""How far beyond the mark a triggered market order may trade."""

Status = dict[str, Any] | str


def wish_of(raw: dict[str, Any], builder: tuple[str, int] | None = None, is_position_tpsl: bool = False) -> OrderWish:
    """Read one element of `orders`, already in canonical form."""
    how, is_buy, trigger = raw["t"], raw["b"], None
    if "trigger" in how:
        t = how["trigger"]
        trigger = Trigger(Decimal(t["triggerPx"]), t["isMarket"], t["tpsl"], is_above=is_buy == (t["tpsl"] == "sl"))
    return OrderWish(
        asset=raw["a"],
        is_buy=is_buy,
        limit_px=Decimal(raw["p"]),
        sz=Decimal(raw["s"]),
        reduce_only=raw["r"],
        tif="Gtc" if trigger is not None else how["limit"]["tif"],
        cloid=raw.get("c"),
        trigger=trigger,
        is_position_tpsl=is_position_tpsl,
        builder=builder,
    )


def place(venue: Venue, account: Account, wish: OrderWish, now_ms: int) -> Status:
    """Place one order.

    Returns:
        Its element of `statuses`.
    """
    return put(venue, account, wish, now_ms)[0]


def put(
    venue: Venue,
    account: Account,
    wish: OrderWish,
    now_ms: int,
    when_good: Callable[[OrderRecord], None] | None = None,
) -> tuple[Status, OrderRecord | None]:
    """Place one order.

    Args:
        when_good: Told the order once nothing stands in its way, before it trades.

    Returns:
        Its element of `statuses`, and the order, if it was found good.
    """
    listing = venue.universe.by_asset.get(wish.asset)
    refusal = _fault_refusal(venue, account, wish, listing, now_ms) or static_refusal(wish, listing, venue, account)
    if refusal is not None:
        return refused(wish, refusal), None
    assert listing is not None
    refusal = reduce_only_refusal(wish, listing, account) or open_orders_refusal(wish, venue, account)
    sz = wish.sz
    if refusal is None and wish.reduce_only and wish.trigger is None:
        sz = min(sz, abs(account.szi(listing)))
    if wish.trigger is not None:
        refusal = refusal or trigger_refusal(wish, venue.markets[listing.coin].mark_px)
    else:
        refusal = (
            refusal
            or post_only_refusal(wish, listing, venue, account, now_ms)
            or margin_refusal(wish, sz, listing, venue, account)
        )
    order = record(venue, account, listing, wish, sz, now_ms)
    if refusal is not None:
        assert refusal.status is not None
        venue.ended(order, refusal.status, now_ms)
        return refused(wish, refusal), None
    if when_good is not None:
        when_good(order)
    if wish.trigger is not None:
        venue.tell_order(order)
        venue.rest(order)
        return wire.resting_status(order), order
    return _match(venue, order, order.limit_px, order.tif in IMMEDIATE, now_ms), order


def _fault_refusal(
    venue: Venue, account: Account, wish: OrderWish, listing: Listing | None, now_ms: int
) -> Refusal | None:
    if not venue.faults:
        return None
    if listing is not None and venue.is_halted(listing.coin, now_ms):
        return Refusal(HALTED)
    if wish.tif != "Alo" and venue.faults.strike("post_only", now_ms, account.user):
        return Refusal(POST_ONLY_PHASE)
    fault = venue.faults.strike("reject_all", now_ms, account.user, level="order")
    return Refusal(fault.text) if fault else None


def refused(wish: OrderWish, refusal: Refusal) -> Status:
    return {"error": f"{refusal.text} asset={wish.asset}"}


def record(venue: Venue, account: Account, listing: Listing, wish: OrderWish, sz: Decimal, now_ms: int) -> OrderRecord:
    order = OrderRecord(
        oid=venue.orders.next_oid(),
        user=account.user,
        coin=listing.coin,
        asset=wish.asset,
        is_buy=wish.is_buy,
        limit_px=wish.limit_px,
        sz=sz,
        orig_sz=wish.sz,
        tif=wish.tif,
        reduce_only=wish.reduce_only,
        cloid=wish.cloid,
        timestamp=now_ms,
        status_timestamp=now_ms,
        trigger=wish.trigger,
        is_position_tpsl=wish.is_position_tpsl,
        builder=wish.builder,
        twap_id=wish.twap_id,
    )
    venue.orders.add(order)
    return order


def _match(venue: Venue, order: OrderRecord, limit_px: Decimal, is_immediate: bool, now_ms: int) -> Status:
    book = venue.books[order.coin]
    asked = order.sz
    findable = _findable(venue, order, is_immediate, now_ms)
    matches: list[Match] = []
    for step in book.take(order.user, order.is_buy, limit_px, findable, now_ms, venue.can_pay):
        if isinstance(step, Gone):
            venue.ended(step.order, step.status, now_ms)
            continue
        if not matches and order.trigger is None:
            venue.tell_order(order)
        matches.append(step)
        settle(venue, step, order, now_ms)
    if not matches and is_immediate:
        was_triggered = order.trigger is not None or bool(order.forced)
        venue.ended(order, "marketOrderNoLiquidityRejected" if was_triggered else "iocCancelRejected", now_ms)
        return {"error": f"{NO_MATCH} asset={order.asset}"}
    if not matches and order.trigger is None:
        venue.tell_order(order)
    filled = asked - order.sz
    if order.sz == 0 or is_immediate:
        venue.ended(order, FILLED, now_ms)
        if order.children:
            venue.shrink_reduce_only(
                order, now_ms
            )  # it may have woken what closes nothing, having closed something itself
        paid = sum((m.px * m.sz for m in matches), Decimal(0))
        return wire.filled_status(order, filled, (paid / filled).quantize(_AVG_PLACES))
    venue.rest(order)
    if filled:
        venue.tell_order(order)
    return wire.resting_status(order)


def fire(venue: Venue, order: OrderRecord, now_ms: int) -> None:
    """The mark has reached an order's trigger: what waited becomes a market or a limit order, under the same oid."""
    trigger, account = order.trigger, venue.accounts[order.user]
    assert trigger is not None
    listing = venue.universe.by_coin[order.coin]
    venue.stop_waiting(order)
    order.become(TRIGGERED, now_ms)
    venue.tell_order(order)
    if order.reduce_only:
        szi = account.szi(listing)
        reducible = abs(szi) if (szi > 0) != order.is_buy else Decimal(0)
        order.sz = reducible if order.is_position_tpsl and order.sz == 0 else min(order.sz, reducible)
        if order.sz == 0:
            venue.ended(order, "reduceOnlyCanceled", now_ms)
            return
    limit_px = order.limit_px
    if trigger.is_market:
        limit_px = worst_px(venue, order)
    wish = OrderWish(order.asset, order.is_buy, limit_px, order.sz, order.reduce_only, order.tif, order.cloid)
    if margin_refusal(wish, order.sz, listing, venue, account) is not None:
        venue.ended(order, "perpMarginRejected", now_ms)
        return
    _match(venue, order, limit_px, trigger.is_market, now_ms)


def worst_px(venue: Venue, order: OrderRecord) -> Decimal:
    """The limit of an order at the market's price."""
    market = venue.markets[order.coin]
    factor = 1 + _MARKET_SLIPPAGE if order.is_buy else 1 - _MARKET_SLIPPAGE
    return round_price(market.mark_px * factor, order.is_buy, market.sz_decimals)


def force(venue: Venue, order: OrderRecord, now_ms: int) -> None:
    """Trade an order of the venue's own making at the market."""
    _match(venue, order, worst_px(venue, order), True, now_ms)


def _findable(venue: Venue, order: OrderRecord, is_immediate: bool, now_ms: int) -> Decimal:
    """How much of an order the book may give at most: all of it, or for an IOC under the fault a part."""
    if not is_immediate:
        return order.sz
    fault = venue.faults.strike("thin_book", now_ms, order.user, coin=order.coin)
    if fault is None:
        return order.sz
    decimals = venue.universe.by_coin[order.coin].spec.sz_decimals
    lot = Decimal(1).scaleb(-decimals)
    return max(lot, round_size(order.sz * fault.percent / 100, decimals))


def settle(venue: Venue, match: Match, taker: OrderRecord | None, now_ms: int) -> None:
    """Book one match on both sides.

    Args:
        taker: The incoming user's order, or None when the market came to a resting one.
    """
    tx, tid = venue.trade_id()
    maker = match.maker
    some = taker or maker
    assert some is not None
    taker_buys = taker.is_buy if taker is not None else not some.is_buy
    takes = taker.user if taker is not None else wire.STRANGER
    makes = maker.user if maker is not None else wire.STRANGER
    users = (takes, makes) if taker_buys else (makes, takes)
    if taker is not None:
        taker.sz -= match.sz
        venue.record_fill(taker, match.px, match.sz, True, tx, tid, now_ms)
    if maker is not None:
        if maker.sz == 0:
            venue.ended(maker, FILLED, now_ms)
        else:
            maker.status_timestamp = now_ms
            venue.tell_order(maker)
        venue.record_fill(maker, match.px, match.sz, False, tx, tid, now_ms)
    venue.record_trade(some.coin, taker_buys, match.px, match.sz, users, tx, tid, now_ms)


def _asset_now(venue: Venue, order: OrderRecord) -> int:
    """A market's id may have changed since the order was placed."""
    return venue.universe.by_coin[order.coin].asset


def cancel(venue: Venue, account: Account, order: OrderRecord | None, asset: int, now_ms: int) -> Status:
    """Cancel one resting order; unknown, done, foreign and other-asset orders cannot be told apart."""
    if order is None or not order.is_live or order.user != account.user or _asset_now(venue, order) != asset:
        return {"error": f"{_GONE} asset={asset}"}
    venue.cancel(order, CANCELED, now_ms)
    return "success"
