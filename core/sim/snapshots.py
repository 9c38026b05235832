"""The full present state of a subscription: what comes after its ack, and again as time goes by.

Builds frames' data and keeps nothing. Easy to get wrong: orderUpdates, userEvents and notification have no snapshot at all; those of fills,
funding, ledger, orders and TWAPs are marked by isSnapshot, a key that live frames do not have; states are not marked.

PROTOCOL 6.5, 6.6.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from typing import Any

from core.sim import info_accounts, info_beside, info_markets, twap, wire, wire_spot
from core.sim.subscriptions import Subscription
from core.sim.venue import Venue
from core.sim.wire import Json

_FAST_DEPTH = 5

NOTHING = object()
"""There is no snapshot."""


def snapshot(venue: Venue, wanted: Subscription, now_ms: int) -> Any:
    """The data of the frame, or NOTHING."""
    if wanted.user is not None:
        of_user = _OF_USER.get(wanted.kind)
        return NOTHING if of_user is None else of_user(venue, wanted, wanted.user, now_ms)
    if wanted.coin is not None:
        if wanted.coin in wire_spot.PAIRS:
            return _of_spot_pair(wanted, wanted.coin, now_ms)
        return _OF_COIN[wanted.kind](venue, wanted, wanted.coin, now_ms)
    return _OF_MARKETS[wanted.kind](venue, wanted)


# coins -----------------------------------------------------------------------------------------------------------------


def _bbo(venue: Venue, wanted: Subscription, coin: str, now_ms: int) -> Json:
    book = venue.books[coin]
    return wire.bbo(coin, book.touch(True, now_ms), book.touch(False, now_ms), now_ms)


def _l2_book(venue: Venue, wanted: Subscription, coin: str, now_ms: int) -> Json:
    book, figures = venue.books[coin], wanted.sig_figs
    bids, asks = (
        info_markets.coarser(book.levels(is_bid, now_ms), figures, is_bid, wanted.mantissa) for is_bid in (True, False)
    )
    if wanted.is_fast:
        bids, asks = bids[:_FAST_DEPTH], asks[:_FAST_DEPTH]
    data = wire.l2_book(coin, bids, asks, now_ms)
    if wanted.is_fast:
        data["fast"] = True
    if figures is not None and bids and asks:
        data["spread"] = wire.number(asks[0].px - bids[0].px)
    return data


def _candle(venue: Venue, wanted: Subscription, coin: str, now_ms: int) -> Any:
    found = info_markets.candle(venue, coin, wanted.echo["interval"], now_ms)
    return NOTHING if found is None else found


def _of_spot_pair(wanted: Subscription, coin: str, now_ms: int) -> Any:
    """Nobody trades these."""
    match wanted.kind:
        case "l2Book":
            return wire.l2_book(coin, [], [], now_ms)
        case "bbo":
            return wire.bbo(coin, None, None, now_ms)
        case "trades":
            return []
        case "activeAssetCtx":
            return {"coin": coin, "ctx": wire_spot.spot_ctx(coin)}
    return NOTHING


_OF_COIN: dict[str, Callable[[Venue, Subscription, str, int], Any]] = {
    "bbo": _bbo,
    "l2Book": _l2_book,
    "trades": lambda v, w, coin, t: [wire.trade(x) for x in v.trades.get(coin, ())],
    "activeAssetCtx": lambda v, w, coin, t: {"coin": coin, "ctx": wire.asset_ctx(v.markets[coin])},
    "candle": _candle,
}


# all markets -----------------------------------------------------------------------------------------------------------


def _all_mids(venue: Venue, wanted: Subscription) -> Json:
    data: Json = {"mids": info_markets.all_mids(venue, venue.universe.by_dex[wanted.dex])}
    if wanted.dex:
        data["dex"] = wanted.dex
    return data


def _all_ctxs(venue: Venue, wanted: Subscription) -> Json:
    return {"ctxs": [[dex.name, info_markets.asset_ctxs(venue, dex)] for dex in venue.universe.dexes]}


def fast_ctxs(venue: Venue) -> dict[str, Json]:
    """Mark and mid of every coin."""
    return {
        coin: {"markPx": wire.number(m.mark_px), "midPx": None if m.mid_px is None else wire.number(m.mid_px)}
        for coin, m in venue.markets.items()
    }


def packed(text: str) -> str:
    """As fastAssetCtxs are sent: raw deflate, in base64."""
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return base64.b64encode(deflate.compress(text.encode()) + deflate.flush()).decode()


_OF_MARKETS: dict[str, Callable[[Venue, Subscription], Any]] = {
    "allMids": _all_mids,
    "assetCtxs": lambda v, w: {"dex": w.dex, "ctxs": info_markets.asset_ctxs(v, v.universe.by_dex[w.dex])},
    "allDexsAssetCtxs": _all_ctxs,
    "spotAssetCtxs": lambda v, w: [wire_spot.spot_ctx(pair) for pair in wire_spot.PAIRS],
}


# accounts --------------------------------------------------------------------------------------------------------------


def _marked(
    key: str, rows: Callable[[Venue, Subscription, str], Any]
) -> Callable[[Venue, Subscription, str, int], Json]:
    return lambda venue, wanted, user, now_ms: {"isSnapshot": True, "user": user, key: rows(venue, wanted, user)}


def _web_data(venue: Venue, wanted: Subscription, user: str, now_ms: int) -> Json:
    state = info_beside.user_state(venue, user, now_ms)
    state["abstraction"] = info_accounts.abstraction(venue, user)
    return {"userState": state, "perpDexStates": [{"totalVaultEquity": "0.0"} for _ in venue.universe.dexes]}


_OF_USER: dict[str, Callable[[Venue, Subscription, str, int], Any]] = {
    "userFills": _marked("fills", lambda v, w, user: info_accounts.user_fills(v, user, aggregate=w.is_aggregated)),
    "userFundings": _marked("fundings", lambda v, w, user: info_accounts.user_fundings(v, user)),
    "userNonFundingLedgerUpdates": _marked(
        "nonFundingLedgerUpdates", lambda v, w, user: info_accounts.ledger_updates(v, user)
    ),
    "userHistoricalOrders": _marked("orderHistory", lambda v, w, user: info_accounts.historical_orders(v, user)),
    "userTwapSliceFills": _marked("twapSliceFills", lambda v, w, user: info_beside.twap_slice_fills(v, user)),
    "userTwapHistory": _marked("history", lambda v, w, user: info_beside.twap_history(v, user)),
    "twapStates": lambda v, w, user, t: {"dex": w.dex, "user": user, "states": twap.states_of(v, user, w.dex)},
    "clearinghouseState": lambda v, w, user, t: {
        "dex": w.dex,
        "user": user,
        "clearinghouseState": info_accounts.clearinghouse(v, user, w.dex, t),
    },
    "allDexsClearinghouseState": lambda v, w, user, t: {
        "user": user,
        "clearinghouseStates": info_accounts.clearinghouses(v, user, t),
    },
    "openOrders": lambda v, w, user, t: {
        "dex": w.dex,
        "user": user,
        "orders": info_accounts.frontend_open_orders(v, user, w.dex),
    },
    "activeAssetData": lambda v, w, user, t: info_accounts.active_asset_data(v, user, w.coin or ""),
    "webData3": _web_data,
    "spotState": lambda v, w, user, t: {"user": user, "spotState": info_beside.spot_state(v, user)},
}


__all__ = ["NOTHING", "fast_ctxs", "packed", "snapshot"]
