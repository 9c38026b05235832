"""Leverage, margin mode, and the margin that an isolated position holds of its own.

Easy to get wrong: leverage of an asset is a setting that outlives its positions, and lowering it with a position open needs margin at once;
a market that is strictly isolated takes margin in and never gives it back.

The venue's texts for margin that cannot be moved are not known; those are worded here.

PROTOCOL 2.3, 2.4, 4.3, 10.2, 12.1.
"""

from __future__ import annotations

from decimal import Decimal

from core.model.market import MarginMode
from core.sim.accounts import Account, Position
from core.sim.margin_tiers import table_of
from core.sim.refused import Refused
from core.sim.universe import Listing
from core.sim.venue import Venue
from core.sim.wire import Json

NOT_ISOLATED = "Position does not use isolated margin."
TOO_LITTLE_TO_ADD = "Insufficient margin to add to isolated position."
TOO_LITTLE_TO_REMOVE = "Insufficient isolated margin to remove."
NEVER_GIVEN_BACK = "Cannot remove margin from a strict isolated position."
_MILLIONTH = Decimal("0.000001")


def update_leverage(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
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
        notional = _notional(venue, position)
        if leverage > table_of(listing).at(notional).max_leverage:
            raise Refused("Invalid leverage value")
        account.remember(now_ms)
        extra = notional / leverage - notional / position.leverage
        if extra > 0 and is_cross and extra > venue.available_usd(account, listing.dex):
            raise Refused("Cross position does not have sufficient margin available to decrease leverage")
        if extra > 0 and not is_cross:
            if extra > venue.available_usd(account, listing.dex):
                raise Refused("Isolated position does not have sufficient margin available to decrease leverage")
            _move(account, listing, position, extra)
        position.leverage = leverage
    account.leverage[listing.coin] = (is_cross, leverage)
    venue.changed_users[account.user] = None


def update_isolated_margin(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    listing, position = _isolated(venue, account, action["asset"])
    amount = action["ntli"] * _MILLIONTH
    if amount < 0 and listing.spec.margin_mode is MarginMode.STRICT_ISOLATED:
        raise Refused(NEVER_GIVEN_BACK)
    if amount < 0 and _margin(venue, position) + amount < _least_margin(venue, position):
        raise Refused(TOO_LITTLE_TO_REMOVE)
    _add(venue, account, listing, position, amount, now_ms)


def top_up(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    """Add what brings the position down to a leverage."""
    listing, position = _isolated(venue, account, action["asset"])
    leverage = Decimal(action["leverage"])
    if leverage <= 0 or leverage > listing.spec.max_leverage:
        raise Refused("Invalid leverage value")
    missing = (_notional(venue, position) / leverage - _margin(venue, position)).quantize(_MILLIONTH)
    if missing > 0:
        _add(venue, account, listing, position, missing, now_ms)


def _isolated(venue: Venue, account: Account, asset: int) -> tuple[Listing, Position]:
    listing = venue.universe.by_asset.get(asset)
    position = None if listing is None else account.position(listing)
    if listing is None or position is None or position.is_cross:
        raise Refused(NOT_ISOLATED)
    return listing, position


def _notional(venue: Venue, position: Position) -> Decimal:
    return abs(position.szi) * venue.markets[position.coin].mark_px


def _margin(venue: Venue, position: Position) -> Decimal:
    """What the position is worth."""
    return position.raw_usd + position.szi * venue.markets[position.coin].mark_px


def _least_margin(venue: Venue, position: Position) -> Decimal:
    notional = _notional(venue, position)
    return max(notional / position.leverage, notional / 10)


def _add(venue: Venue, account: Account, listing: Listing, position: Position, amount: Decimal, now_ms: int) -> None:
    if amount > 0 and amount > venue.available_usd(account, listing.dex):
        raise Refused(TOO_LITTLE_TO_ADD)
    account.remember(now_ms)
    _move(account, listing, position, amount)
    venue.changed_users[account.user] = None


def _move(account: Account, listing: Listing, position: Position, amount: Decimal) -> None:
    account.dexes[listing.dex].raw_usd -= amount
    position.raw_usd += amount
