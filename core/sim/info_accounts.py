"""What info says about one account: its state, orders, fills, role, budget and fees.

Changes nothing. Easy to get wrong: a state or a list of open orders is of one dex (the main one when none is named), while fills, order
status and history are of all; an address that the venue never saw gets an empty answer, not an error, and so does an agent's.

PROTOCOL 2.5, 5.2, 8.1 to 8.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.model.rounding import round_size
from core.sim import budget, wire, wire_account, wire_fees
from core.sim.accounts import ZERO, DexBalance
from core.sim.info_request import dex_of, flag_of, int_of, listing_of, user_of, wrong
from core.sim.orders import OrderRecord
from core.sim.venue import Venue
from core.sim.wire import Json

_MAX_ROWS = 2000
_MAX_HISTORY = 500
"""Rows of funding and of the ledger in one answer."""
_CLOID_LENGTH = 34


# state -----------------------------------------------------------------------------------------------------------------


def clearinghouse(venue: Venue, user: str, dex: str, now_ms: int) -> Json:
    """The truth of one account on one dex, untouched by faults."""
    account = venue.accounts.get(user)
    return _state_of(venue, user, None if account is None else account.dexes[dex], now_ms)


def clearinghouses(venue: Venue, user: str, now_ms: int) -> list[Any]:
    """The same of every dex, with its name."""
    return [[dex.name, clearinghouse(venue, user, dex.name, now_ms)] for dex in venue.universe.dexes]


def _state_of(venue: Venue, user: str, balance: DexBalance | None, now_ms: int) -> Json:
    if balance is None:
        return wire_account.clearinghouse_state(None, {}, venue.universe, now_ms)
    received = venue.accounts[user].funding_all_time
    return wire_account.clearinghouse_state(balance, venue.marks(balance), venue.universe, now_ms, received)


def _clearinghouse_state(venue: Venue, request: Json, now_ms: int) -> Json:
    user, dex = user_of(request), dex_of(venue, request)
    if venue.faults.strike("empty_clearinghouse_once", now_ms, user):
        return _state_of(venue, user, None, now_ms)
    stale = venue.faults.strike("stale_clearinghouse", now_ms, user)
    if stale is not None and user in venue.accounts:
        then_ms = now_ms - stale.ms
        return _state_of(venue, user, venue.accounts[user].as_of(then_ms)[dex.name], then_ms)
    return clearinghouse(venue, user, dex.name, now_ms)


def active_asset_data(venue: Venue, user: str, coin: str) -> Json:
    """What an account could trade of one coin now, buying and selling."""
    listing = venue.universe.by_coin[coin]
    mark = venue.markets[coin].mark_px
    account = venue.accounts.get(user)
    free = ZERO if account is None else max(ZERO, venue.available_usd(account, listing.dex))
    is_cross, value = (True, 1) if account is None else account.leverage_of(listing)
    position = None if account is None else account.position(listing)
    leverage: Json = {"type": "cross" if is_cross else "isolated", "value": value}
    if not is_cross:
        leverage["rawUsd"] = wire.usd(ZERO if position is None else position.raw_usd)
    most = wire.number(round_size(free * value / mark, listing.spec.sz_decimals))
    return {
        "user": user,
        "coin": coin,
        "leverage": leverage,
        "maxTradeSzs": [most, most],
        "availableToTrade": [wire.usd(free), wire.usd(free)],
        "markPx": wire.number(mark),
    }


# orders ----------------------------------------------------------------------------------------------------------------


def _orders_shown(venue: Venue, request: Json, now_ms: int) -> list[OrderRecord]:
    user, dex = user_of(request), dex_of(venue, request).name
    stale = venue.faults.strike("stale_open_orders", now_ms, user)
    return venue.open_orders(user, dex) if stale is None else venue.open_orders_at(user, dex, now_ms - stale.ms)


def _open_orders(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    return [wire.basic_order(o) for o in _orders_shown(venue, request, now_ms)]


def frontend_open_orders(venue: Venue, user: str, dex: str) -> list[Json]:
    return [wire.frontend_order(o) for o in venue.open_orders(user, dex)]


def _frontend_open_orders(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    return [wire.frontend_order(o) for o in _orders_shown(venue, request, now_ms)]


def _order_status(venue: Venue, request: Json, now_ms: int) -> Json:
    user, oid = user_of(request), request.get("oid")
    if isinstance(oid, str) and len(oid) == _CLOID_LENGTH and _is_hex(oid):
        order = venue.orders.by_cloid(user, oid.lower())
    elif isinstance(oid, int) and not isinstance(oid, bool) and oid >= 0:
        order = venue.orders.by_oid(user, oid)
    else:
        raise wrong("oid")
    if order is None or venue.faults.strike("unknown_oid_once", now_ms, user):
        return {"status": "unknownOid"}
    shape = wire.history_order(order)
    odd = venue.faults.strike("odd_status", now_ms, user) if not order.is_live else None
    if odd is not None:
        shape["status"] = odd.text
    return {"status": "order", "order": shape}


def _is_hex(text: str) -> bool:
    return text.startswith("0x") and all(c in "0123456789abcdefABCDEF" for c in text[2:])


def historical_orders(venue: Venue, user: str) -> list[Json]:
    """The latest orders, newest first."""
    return [wire.history_order(o) for o in venue.orders.history(user)[:_MAX_ROWS]]


# fills and history -----------------------------------------------------------------------------------------------------


def user_fills(venue: Venue, user: str, *, aggregate: bool = False) -> list[Json]:
    """The latest fills, newest first."""
    fills = list(venue.fills.get(user, ()))
    if not aggregate:
        return [wire.fill(f) for f in fills[: -_MAX_ROWS - 1 : -1]]
    return wire.aggregated([wire.fill(f) for f in fills])[: -_MAX_ROWS - 1 : -1]


def _user_fills(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    return user_fills(venue, user_of(request), aggregate=flag_of(request, "aggregateByTime"))


def _user_fills_by_time(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    user = user_of(request)
    start, end = int_of(request, "startTime"), int_of(request, "endTime", now_ms)
    aggregate, is_reversed = flag_of(request, "aggregateByTime"), flag_of(request, "reversed")
    within = [f for f in venue.fills.get(user, ()) if start <= f.time <= end]
    if not aggregate:
        return [wire.fill(f) for f in (within[::-1] if is_reversed else within)[:_MAX_ROWS]]
    whole = wire.aggregated([wire.fill(f) for f in within])
    return (whole[::-1] if is_reversed else whole)[:_MAX_ROWS]


def user_fundings(venue: Venue, user: str) -> list[Json]:
    """Funding paid and received, oldest first, as the socket has it."""
    return [wire_account.funding(f) for f in venue.fundings.get(user, ())]


def _user_funding(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    rows = [wire_account.funding_row(f) for f in venue.fundings.get(user_of(request), ())]
    return _within(rows, request, now_ms)


def ledger_updates(venue: Venue, user: str) -> list[Json]:
    """Deposits, transfers and what else moved money without a trade, oldest first."""
    return [{"time": u.time, "hash": u.hash, "delta": u.delta} for u in venue.ledger.get(user, ())]


def _ledger_updates(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    return _within(ledger_updates(venue, user_of(request)), request, now_ms)


def _within(rows: list[Json], request: Json, now_ms: int) -> list[Json]:
    start, end = int_of(request, "startTime", 0), int_of(request, "endTime", now_ms)
    return [r for r in rows if start <= r["time"] <= end][:_MAX_HISTORY]


# who it is and what it may -----------------------------------------------------------------------------------------------


def _user_role(venue: Venue, request: Json, now_ms: int) -> Json:
    user = user_of(request)
    account = venue.accounts.get(user)
    if account is not None:
        if account.is_vault:
            return {"role": "vault"}
        return (
            {"role": "user"} if account.master is None else {"role": "subAccount", "data": {"master": account.master}}
        )
    master = venue.user_of(user, now_ms)
    return {"role": "missing"} if master == user else {"role": "agent", "data": {"user": master}}


def _user_rate_limit(venue: Venue, request: Json, now_ms: int) -> Json:
    account = venue.accounts.get(user_of(request))
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
    fills = venue.fills.get(user_of(request), ())
    exchange_usd = sum((m.day_usd for m in venue.markets.values()), ZERO)
    return wire_fees.user_fees(fills, exchange_usd, now_ms, venue.fee_factor)


def _extra_agents(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    account = venue.accounts.get(user_of(request))
    if account is None:
        return []
    until = account.agents_until
    named = [(agent, name) for agent, name in account.agents.items() if name]
    return [{"name": name, "address": agent, "validUntil": until.get(agent)} for agent, name in named]


def abstraction(venue: Venue, user: str) -> str:
    """How the balances of an account hang together: here always one for each dex."""
    return "disabled" if user in venue.accounts else "default"


ACCOUNT_ANSWERS: dict[str, Callable[[Venue, Json, int], Any]] = {
    "clearinghouseState": _clearinghouse_state,
    "activeAssetData": lambda v, r, t: active_asset_data(v, user_of(r), listing_of(v, r).coin),
    "openOrders": _open_orders,
    "frontendOpenOrders": _frontend_open_orders,
    "orderStatus": _order_status,
    "historicalOrders": lambda v, r, t: historical_orders(v, user_of(r)),
    "userFills": _user_fills,
    "userFillsByTime": _user_fills_by_time,
    "userFunding": _user_funding,
    "userNonFundingLedgerUpdates": _ledger_updates,
    "userRole": _user_role,
    "userRateLimit": _user_rate_limit,
    "userFees": _user_fees,
    "extraAgents": _extra_agents,
    "userAbstraction": lambda v, r, t: abstraction(v, user_of(r)),
}
"""Request type -> who answers it."""
