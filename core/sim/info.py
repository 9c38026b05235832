"""Answers to POST /info and to info posts on the socket. Changes nothing.

Easy to get wrong: without `dex` a request is about the main dex alone, while fills, order status and history are about all dexes; an
unknown user gets an empty answer, not an error; and some mistakes are answered 500 with the body null.

PROTOCOL 1.1, 2.3, 8.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from core.sim import budget, wire, wire_account, wire_universe
from core.sim.accounts import ZERO, DexBalance
from core.sim.admission import ADDRESS, DESERIALIZE, WireFailure
from core.sim.book import Level
from core.sim.orders import OPEN, OrderRecord
from core.sim.universe import Dex
from core.sim.venue import Venue
from core.sim.wire import Json

_MAX_ROWS = 2000
SIG_FIGS = (2, 3, 4, 5)
"""What nSigFigs of a book may be."""

_Handler = Callable[[Venue, Json, int], Any]


def answer(venue: Venue, request: Any, now_ms: int) -> Any:
    """The body of the answer.

    Raises:
        WireFailure: 422 for a request that does not decode, 500 with `null` where the venue does so, 502 under the fault info_down.
    """
    if not isinstance(request, dict) or not isinstance(request.get("type"), str):
        raise WireFailure(422, f"{DESERIALIZE}: type")
    if venue.faults.strike("info_down", now_ms):
        raise WireFailure(502, "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>")
    handler = _HANDLERS.get(request["type"])
    if handler is None:
        raise WireFailure(422, f"{DESERIALIZE}: unknown type {request['type']}")
    return handler(venue, request, now_ms)


# reading the request ---------------------------------------------------------------------------------------------------


def _user(request: Json) -> str:
    user = request.get("user")
    if not isinstance(user, str) or ADDRESS.fullmatch(user) is None:
        raise WireFailure(422, f"{DESERIALIZE}: user")
    return user.lower()


def _dex(venue: Venue, request: Json) -> Dex:
    name = request.get("dex")
    if name is not None and not isinstance(name, str):
        raise WireFailure(422, f"{DESERIALIZE}: dex")
    dex = venue.universe.by_dex.get(name or "")
    if dex is None:
        raise WireFailure(500, "null")
    return dex


def _time(request: Json, key: str, default: int | None) -> int:
    value = request.get(key, default)
    if value is None:
        value = default
    if not isinstance(value, int) or isinstance(value, bool):
        raise WireFailure(422, f"{DESERIALIZE}: {key}")
    return value


# markets ---------------------------------------------------------------------------------------------------------------


def l2_book(venue: Venue, request: Json, now_ms: int) -> Json | None:
    coin = request.get("coin")
    if not isinstance(coin, str):
        raise WireFailure(422, f"{DESERIALIZE}: coin")
    if request.get("mantissa") == 1:
        raise WireFailure(500, "null")
    book = venue.books.get(coin)
    if book is None:
        return None
    figures = request.get("nSigFigs")
    if figures not in (None, *SIG_FIGS):
        raise WireFailure(500, "null")
    bids, asks = (coarser(book.levels(is_bid, now_ms), figures, is_bid) for is_bid in (True, False))
    return wire.l2_book(coin, bids, asks, venue.block_ms)


def coarser(levels: list[Level], figures: int | None, is_bid: bool) -> list[Level]:
    """Levels gathered at prices of so many significant figures, bids downward and asks upward; None changes nothing."""
    if figures is None:
        return levels
    gathered: dict[Decimal, Level] = {}
    for px, sz, n in levels:
        step = Decimal(1).scaleb(px.adjusted() - figures + 1)
        at = px.quantize(step, rounding=ROUND_FLOOR if is_bid else ROUND_CEILING)
        so_far = gathered.get(at, Level(at, ZERO, 0))
        gathered[at] = Level(at, so_far.sz + sz, so_far.n + n)
    return list(gathered.values())


def all_mids(venue: Venue, dex: Dex) -> dict[str, str]:
    mids = {}
    for listing in dex.listings:
        mid = venue.markets[listing.coin].mid_px
        if mid is not None:
            mids[listing.coin] = wire.number(mid)
    return mids


def _meta_and_ctxs(venue: Venue, request: Json, now_ms: int) -> list[Any]:
    dex = _dex(venue, request)
    return [wire_universe.meta(dex), [wire.asset_ctx(venue.markets[m.coin]) for m in dex.listings]]


def _recent_trades(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    coin = request.get("coin")
    if not isinstance(coin, str):
        raise WireFailure(422, f"{DESERIALIZE}: coin")
    return [wire.trade(t) for t in reversed(venue.trades.get(coin, ()))]


# accounts --------------------------------------------------------------------------------------------------------------


def clearinghouse(venue: Venue, user: str, dex: str, now_ms: int) -> Json:
    """The truth of one account on one dex, untouched by faults."""
    account = venue.accounts.get(user)
    return _state_of(venue, None if account is None else account.dexes[dex], now_ms)


def _state_of(venue: Venue, balance: DexBalance | None, now_ms: int) -> Json:
    marks = {} if balance is None else venue.marks(balance)
    return wire_account.clearinghouse_state(balance, marks, venue.universe, now_ms)


def _clearinghouse_state(venue: Venue, request: Json, now_ms: int) -> Json:
    user, dex = _user(request), _dex(venue, request)
    if venue.faults.strike("empty_clearinghouse_once", now_ms, user):
        return _state_of(venue, None, now_ms)
    stale = venue.faults.strike("stale_clearinghouse", now_ms, user)
    if stale is not None and user in venue.accounts:
        then_ms = now_ms - stale.ms
        return _state_of(venue, venue.accounts[user].as_of(then_ms)[dex.name], then_ms)
    return clearinghouse(venue, user, dex.name, now_ms)


def _spot_state(venue: Venue, request: Json, now_ms: int) -> Json:
    _user(request)
    return {"balances": []}


def _open_orders(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    return [wire.basic_order(o) for o in _orders_shown(venue, request, now_ms)]


def _orders_shown(venue: Venue, request: Json, now_ms: int) -> list[OrderRecord]:
    user, dex = _user(request), _dex(venue, request).name
    stale = venue.faults.strike("stale_open_orders", now_ms, user)
    return venue.open_orders(user, dex) if stale is None else venue.open_orders_at(user, dex, now_ms - stale.ms)


def frontend_open_orders(venue: Venue, user: str, dex: str) -> list[Json]:
    return [wire.frontend_order(o) for o in venue.open_orders(user, dex)]


def _frontend_open_orders(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    return [wire.frontend_order(o) for o in _orders_shown(venue, request, now_ms)]


def _order_status(venue: Venue, request: Json, now_ms: int) -> Json:
    user, oid = _user(request), request.get("oid")
    if isinstance(oid, str) and len(oid) == 34 and oid.startswith("0x"):
        order = venue.orders.by_cloid(user, oid.lower())
    elif isinstance(oid, int) and not isinstance(oid, bool):
        order = venue.orders.by_oid(user, oid)
    else:
        raise WireFailure(422, f"{DESERIALIZE}: oid")
    if order is None or venue.faults.strike("unknown_oid_once", now_ms, user):
        return {"status": "unknownOid"}
    shape = wire.history_order(order)
    odd = venue.faults.strike("odd_status", now_ms, user) if order.status != OPEN else None
    if odd is not None:
        shape["status"] = odd.text
    return {"status": "order", "order": shape}


def _historical_orders(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    return [wire.history_order(o) for o in venue.orders.history(_user(request))[:_MAX_ROWS]]


def user_fills(venue: Venue, user: str) -> list[Json]:
    """The latest fills, newest first."""
    newest = list(reversed(venue.fills.get(user, ())))[:_MAX_ROWS]
    return [wire.fill(f) for f in newest]


def _user_fills(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    return user_fills(venue, _user(request))


def _user_fills_by_time(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    user = _user(request)
    start, end = _time(request, "startTime", None), _time(request, "endTime", now_ms)
    within = [f for f in venue.fills.get(user, ()) if start <= f.time <= end]
    if request.get("reversed"):
        within.reverse()
    return [wire.fill(f) for f in within[:_MAX_ROWS]]


def _user_role(venue: Venue, request: Json, now_ms: int) -> Json:
    user = _user(request)
    if user in venue.accounts:
        return {"role": "user"}
    master = venue.agents.get(user)
    return {"role": "missing"} if master is None else {"role": "agent", "data": {"user": master}}


def _user_rate_limit(venue: Venue, request: Json, now_ms: int) -> Json:
    account = venue.accounts.get(_user(request))
    if account is None:
        return {"cumVlm": "0.0", "nRequestsUsed": 0, "nRequestsCap": 10_000, "nRequestsSurplus": 0}
    is_limited = venue.faults.peek("rate_limited", now_ms, account.user) is not None
    return {
        "cumVlm": wire.number(account.cum_volume.quantize(wire.CENT)),
        "nRequestsUsed": max(account.requests_used, budget.cap(account) if is_limited else 0),
        "nRequestsCap": budget.cap(account),
        "nRequestsSurplus": 0,
    }


def _user_fees(venue: Venue, request: Json, now_ms: int) -> Json:
    _user(request)
    return wire_account.user_fees()


def _extra_agents(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    account = venue.accounts.get(_user(request))
    agents = {} if account is None else account.agents
    return [{"name": name, "address": agent, "validUntil": None} for agent, name in agents.items() if name]


def _user_abstraction(venue: Venue, request: Json, now_ms: int) -> str:
    return "disabled" if _user(request) in venue.accounts else "default"


def _active_asset_data(venue: Venue, request: Json, now_ms: int) -> Json:
    user, listing = _user(request), venue.universe.by_coin.get(str(request.get("coin")))
    if listing is None:
        raise WireFailure(500, "null")
    mark = venue.markets[listing.coin].mark_px
    account = venue.accounts.get(user)
    free = ZERO if account is None else max(ZERO, venue.available_usd(account, listing.dex))
    is_cross, leverage = (True, 1) if account is None else account.leverage_of(listing)
    most = wire.number((free * leverage / mark).quantize(wire.CENT))
    return {
        "user": user,
        "coin": listing.coin,
        "leverage": {"type": "cross" if is_cross else "isolated", "value": leverage},
        "maxTradeSzs": [most, most],
        "availableToTrade": [wire.usd(free), wire.usd(free)],
        "markPx": wire.number(mark),
    }


_HANDLERS: dict[str, _Handler] = {
    "meta": lambda v, r, t: wire_universe.meta(_dex(v, r)),
    "metaAndAssetCtxs": _meta_and_ctxs,
    "perpDexs": lambda v, r, t: wire_universe.perp_dexs(v.universe),
    "allPerpMetas": lambda v, r, t: [wire_universe.meta(dex) for dex in v.universe.dexes],
    "spotMeta": lambda v, r, t: wire_universe.spot_meta(),
    "l2Book": l2_book,
    "allMids": lambda v, r, t: all_mids(v, _dex(v, r)),
    "recentTrades": _recent_trades,
    "perpsAtOpenInterestCap": lambda v, r, t: [],
    "exchangeStatus": lambda v, r, t: {"time": v.block_ms, "specialStatuses": None},
    "clearinghouseState": _clearinghouse_state,
    "spotClearinghouseState": _spot_state,
    "openOrders": _open_orders,
    "frontendOpenOrders": _frontend_open_orders,
    "orderStatus": _order_status,
    "historicalOrders": _historical_orders,
    "userFills": _user_fills,
    "userFillsByTime": _user_fills_by_time,
    "userFunding": lambda v, r, t: [],
    "userRole": _user_role,
    "userRateLimit": _user_rate_limit,
    "userFees": _user_fees,
    "extraAgents": _extra_agents,
    "userAbstraction": _user_abstraction,
    "activeAssetData": _active_asset_data,
}
