"""TWAP orders: a size that is bought or sold in slices, one every 30 s, each an IOC within 3 % of the mark.

Decides how much each slice asks for: what is missing of its share of the time, at most three times an even slice, so that what a thin book
left behind is caught up. Easy to get wrong: a slice that finds nobody is no end, but one that could never trade (nothing left to reduce, no
margin) is; and the last slice asks for all that is left.

The exchange's minimum value of a slice and its text are not known; both are worded here.

PROTOCOL 12; shapes and texts from the exchange's public documentation.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from core.model.rounding import MIN_NOTIONAL_USD, is_valid_size, round_price, round_size
from core.sim import desk, twap_orders
from core.sim.accounts import Account
from core.sim.checks import NO_MATCH, OrderWish
from core.sim.dice import Dice
from core.sim.twap_orders import ACTIVATED, ERROR, FINISHED, TERMINATED, Twap, TwapNote
from core.sim.venue import Venue
from core.sim.wire import Json

SLICE_MS = 30_000
_MIN_MINUTES, _MAX_MINUTES = 5, 1_440
_SLIPPAGE = Decimal("0.03")
_CATCH_UP = 3
_KEPT = 500
_MOST_RUNNING = 100
"""Of one account; each trades every half minute for up to a day."""
_FIRST_ID = 77_738_300
_GONE = "TWAP was never placed, has already been canceled, or is filled."


def start(venue: Venue, account: Account, action: Json, now_ms: int) -> Json:
    """Begin one; its first slice comes with the next block. Answers its `status`."""
    asked = action["twap"]
    listing = venue.universe.by_asset.get(asked["a"])
    sz, minutes = Decimal(asked["s"]), asked["m"]
    if listing is None or listing.spec.is_delisted:
        return {"error": f"Asset is not listed. asset={asked['a']}"}
    if not _MIN_MINUTES <= minutes <= _MAX_MINUTES:
        return {"error": f"Invalid TWAP duration: {minutes} min(s)"}
    if sz <= 0 or not is_valid_size(sz, listing.spec.sz_decimals):
        return {"error": f"Order has invalid size. asset={asked['a']}"}
    least = MIN_NOTIONAL_USD * _slices(minutes)
    if sz * venue.markets[listing.coin].mark_px < least:
        return {"error": f"TWAP order value too small. Min is ${least}, for {minutes} min(s). asset={asked['a']}"}
    if asked["r"] and account.szi(listing) * (1 if asked["b"] else -1) >= 0:
        return {"error": f"Reduce only order would increase position. asset={asked['a']}"}
    if sum(t.user == account.user for t in venue.twaps.values()) >= _MOST_RUNNING:
        return {"error": f"Too many TWAPs are running: {_MOST_RUNNING}. asset={asked['a']}"}
    venue.last_twap_id += 1
    twap = Twap(
        id=_FIRST_ID + venue.last_twap_id,
        user=account.user,
        coin=listing.coin,
        asset=listing.asset,
        is_buy=asked["b"],
        sz=sz,
        reduce_only=asked["r"],
        minutes=minutes,
        randomize=asked["t"],
        timestamp=now_ms,
    )
    venue.twaps[twap.id] = twap
    _note(venue, twap, ACTIVATED, now_ms)
    return {"running": {"twapId": twap.id}}


def cancel(venue: Venue, account: Account, action: Json, now_ms: int) -> Json | str:
    """End one before its time; what it traded stays. Answers its `status`."""
    twap = venue.twaps.get(action["t"])
    if twap is None or twap.user != account.user or twap.asset != action["a"]:
        return {"error": _GONE}
    _end(venue, twap, TERMINATED, now_ms)
    return "success"


def run(venue: Venue, now_ms: int) -> None:
    """Trade every slice that is due."""
    for twap in list(venue.twaps.values()):
        if now_ms >= twap.timestamp + twap.slices * SLICE_MS:
            _trade_slice(venue, twap, now_ms)


def states_of(venue: Venue, user: str, dex: str) -> list[list[int | Json]]:
    """Those that run on one dex, as twapStates has them."""
    mine = [t for t in venue.twaps.values() if t.user == user and venue.universe.by_coin[t.coin].dex == dex]
    return [[t.id, twap_orders.state(t)] for t in mine]


def _slices(minutes: int) -> int:
    return minutes * 60_000 // SLICE_MS


def _trade_slice(venue: Venue, twap: Twap, now_ms: int) -> None:
    count = _slices(twap.minutes)
    twap.slices += 1
    listing, account = venue.universe.by_coin[twap.coin], venue.accounts[twap.user]
    sz = round_size(_wanted(venue, twap, count), listing.spec.sz_decimals)
    if sz > 0:
        px = venue.markets[twap.coin].mark_px * (1 + (_SLIPPAGE if twap.is_buy else -_SLIPPAGE))
        wish = OrderWish(
            asset=listing.asset,
            is_buy=twap.is_buy,
            limit_px=round_price(px, twap.is_buy, listing.spec.sz_decimals),
            sz=sz,
            reduce_only=twap.reduce_only,
            tif="Ioc",
            cloid=None,
            twap_id=twap.id,
        )
        status = desk.place(venue, account, wish, now_ms)
        error = status.get("error", "") if isinstance(status, dict) else ""
        if error and not error.startswith(NO_MATCH):
            _end(venue, twap, ERROR, now_ms, error)
            return
    if twap.executed_sz >= twap.sz or twap.slices >= count:
        _end(venue, twap, FINISHED, now_ms)
    else:
        _tell_states(venue, twap)


def _wanted(venue: Venue, twap: Twap, count: int) -> Decimal:
    left = twap.sz - twap.executed_sz
    if twap.slices >= count:
        return left
    even = twap.sz / count
    wanted = even * twap.slices - twap.executed_sz
    if twap.randomize:
        wanted *= Decimal(str(round(Dice(f"{venue.seed}/twap {twap.id}/{twap.slices}").uniform(0.8, 1.2), 4)))
    return min(wanted, even * _CATCH_UP, left)


def _end(venue: Venue, twap: Twap, status: str, now_ms: int, description: str = "") -> None:
    del venue.twaps[twap.id]
    _note(venue, twap, status, now_ms, description)


def _note(venue: Venue, twap: Twap, status: str, now_ms: int, description: str = "") -> None:
    note = TwapNote(twap.id, now_ms, twap_orders.state(twap), status, description)
    venue.twap_history.setdefault(twap.user, deque(maxlen=_KEPT)).append(note)
    shape = {"user": twap.user, "history": [twap_orders.history(note)]}
    venue.outbox.note(twap.user, "userTwapHistory", shape)
    _tell_states(venue, twap)


def _tell_states(venue: Venue, twap: Twap) -> None:
    dex = venue.universe.by_coin[twap.coin].dex
    shape = {"dex": dex, "user": twap.user, "states": states_of(venue, twap.user, dex)}
    venue.outbox.note(twap.user, "twapStates", shape)
