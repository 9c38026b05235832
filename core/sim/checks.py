"""Whether one order may be placed, in the venue's order of checking and in the venue's words.

Static checks look at the order alone (asset, price, size, minimum, band); book checks look at position, book and margin. Changes nothing.
Easy to get wrong: the minimum of $10 is measured on the limit price, and an order that closes the whole position is exempt while a part
of it is not, reduce-only or plain.

The venue's texts for an unlisted, a delisted and a halted asset and for too many open orders are not known; those are worded here.

PROTOCOL 3, 10.1, 12, 14 step 8.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from core.model.rounding import MIN_NOTIONAL_USD, is_valid_price, is_valid_size
from core.sim.accounts import ZERO, Account, builder_fee_of, fee_of
from core.sim.margin_tiers import table_of
from core.sim.orders import Trigger
from core.sim.universe import Listing
from core.sim.venue import Venue

_BAND = Decimal("0.95")
_OPEN_ORDERS = 1_000
_MOST_OPEN_ORDERS = 5_000
_USD_PER_OPEN_ORDER = 5_000_000

HALTED = "Trading is halted."
NO_MATCH = "Order could not immediately match against any resting orders."
BEYOND_TIER = "Order would cause position to exceed margin tier limit at current leverage"
BAD_TRIGGER = "Invalid TP/SL price."
POST_ONLY_PHASE = "Only post-only orders allowed immediately after network upgrade"


class OrderWish(Struct, frozen=True):
    """An order as it came."""

    asset: int
    is_buy: bool
    limit_px: Decimal
    sz: Decimal
    reduce_only: bool
    tif: str
    cloid: str | None
    trigger: Trigger | None = None
    is_position_tpsl: bool = False
    builder: tuple[str, int] | None = None
    twap_id: int | None = None
    """The TWAP that it is a slice of."""


class Refusal(Struct, frozen=True):
    """Why an order is refused. With a status it leaves a record and an order update, without one it leaves nothing."""

    text: str
    status: str | None = None


def static_refusal(wish: OrderWish, listing: Listing | None, venue: Venue, account: Account) -> Refusal | None:
    """What is wrong with the order as such."""
    if listing is None:
        return Refusal("Asset is not listed.")
    if listing.spec.is_delisted:
        return Refusal("Asset is delisted, trading is halted.")
    decimals = listing.spec.sz_decimals
    if wish.limit_px <= 0:
        return Refusal("Order has invalid price.")
    if wish.sz == 0 and not wish.is_position_tpsl:
        return Refusal("Order has zero size.")
    if wish.sz != 0 and not is_valid_size(wish.sz, decimals):
        return Refusal("Order has invalid size.")
    trigger = wish.trigger
    if trigger is not None and trigger.px <= 0:
        return Refusal(BAD_TRIGGER)
    if not is_valid_price(wish.limit_px, decimals) or (trigger and not is_valid_price(trigger.px, decimals)):
        return Refusal("Price must be divisible by tick size.")
    szi = account.szi(listing)
    px = trigger.px if trigger is not None and trigger.is_market else wish.limit_px
    if wish.sz * px < MIN_NOTIONAL_USD and not wish.is_position_tpsl and not _closes_whole(wish, szi):
        return Refusal("Order must have minimum value of $10.")
    if trigger is not None and trigger.is_market:
        return None  # its limit is not used
    reference = venue.markets[listing.coin].oracle_px
    if abs(wish.limit_px - reference) > reference * _BAND:
        return Refusal("Order price cannot be more than 95% away from the reference price")
    return None


def _closes_whole(wish: OrderWish, szi: Decimal) -> bool:
    if szi == 0 or (szi > 0) == wish.is_buy:
        return False
    return wish.sz >= abs(szi) if wish.reduce_only else wish.sz == abs(szi)


def reduce_only_refusal(wish: OrderWish, listing: Listing, account: Account) -> Refusal | None:
    szi = account.szi(listing)
    if wish.reduce_only and (szi == 0 or (szi > 0) == wish.is_buy):
        return Refusal("Reduce only order would increase position.", "reduceOnlyRejected")
    return None


def open_orders_refusal(wish: OrderWish, venue: Venue, account: Account) -> Refusal | None:
    """Whether the account may have one more open order; those that only get it out are the first to be refused."""
    count = venue.count_open(account.user)
    if count < _OPEN_ORDERS or wish.tif in ("Ioc", "FrontendMarket"):
        return None
    allowed = min(_MOST_OPEN_ORDERS, _OPEN_ORDERS + int(account.cum_volume) // _USD_PER_OPEN_ORDER)
    if count < allowed and not wish.reduce_only and wish.trigger is None:
        return None
    return Refusal(f"Too many open orders: {count} of {allowed}.", "tooManyOpenOrdersRejected")


def trigger_refusal(wish: OrderWish, mark_px: Decimal) -> Refusal | None:
    """A trigger that is met already is none."""
    if wish.trigger is None or not wish.trigger.is_met(mark_px):
        return None
    return Refusal(BAD_TRIGGER, "badTriggerPxRejected")


def margin_refusal(wish: OrderWish, sz: Decimal, listing: Listing, venue: Venue, account: Account) -> Refusal | None:
    """Whether the part that increases the position can be paid for."""
    szi = account.szi(listing)
    closing = min(sz, abs(szi)) if szi != 0 and (szi > 0) != wish.is_buy else ZERO
    increasing = sz - closing
    if wish.reduce_only or increasing == 0:
        return None
    _, leverage = account.leverage_of(listing)
    notional = abs(szi + (sz if wish.is_buy else -sz)) * venue.markets[listing.coin].mark_px
    if leverage > table_of(listing).at(notional).max_leverage:
        return Refusal(BEYOND_TIER, "perpMaxPositionRejected")
    needed = increasing * wish.limit_px / leverage + fee_of(listing, wish.limit_px, sz, True)
    needed += builder_fee_of(wish.builder, wish.limit_px, sz)
    if needed > venue.available_usd(account, listing.dex):
        return Refusal("Insufficient margin to place order.", "perpMarginRejected")
    return None


def post_only_refusal(wish: OrderWish, listing: Listing, venue: Venue, account: Account, now_ms: int) -> Refusal | None:
    book = venue.books[listing.coin]
    if wish.tif != "Alo" or not book.crosses(wish.is_buy, wish.limit_px, now_ms, account.user):
        return None
    bid, ask = book.touch(True, now_ms), book.touch(False, now_ms)
    shown = f"{bid.px if bid else 'none'}@{ask.px if ask else 'none'}"
    return Refusal(f"Post only order would have immediately matched, bbo was {shown}.", "badAloPxRejected")
