"""How each Query is asked over POST /info, what it weighs, and how its answer is read. Pure.

One rule governs the reading: an answer that makes no sense raises ValueError, and so becomes ReadFailed. It is never read as "nothing
there": an empty list of positions taken from a broken answer would close positions that exist.

PROTOCOL 8, 9.1; LESSONS L06, L07.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from core.hyperliquid.assets import read_universe
from core.hyperliquid.parsing import WireBook
from core.hyperliquid.wire_values import (
    UNREADABLE,
    Name,
    TimeMs,
    WireFill,
    WireOrder,
    WireOrderUpdate,
    amount,
    market,
    number,
    oldest_first,
    price,
    quoted,
)
from core.messages.events import (
    Agent,
    AgentsRead,
    AnyEvent,
    FeesRead,
    FillsRead,
    FundingRead,
    OpenOrdersRead,
    OrderStatusRead,
    PositionsRead,
    RateLimitRead,
    RoleRead,
    ServerTimeRead,
    SpecsRead,
    VenuePosition,
)
from core.messages.queries import (
    Query,
    QueryAgents,
    QueryBook,
    QueryFees,
    QueryFills,
    QueryFunding,
    QueryOpenOrders,
    QueryOrderStatus,
    QueryPositions,
    QueryRateLimit,
    QueryRole,
    QueryServerTime,
    QuerySpecs,
)
from core.model.position import FundingPayment

MAX_FILLS = 2000
"""userFillsByTime never lists more; an answer this long was cut."""

_LIGHT, _NORMAL, _HEAVY = 2, 20, 60
"""Weights of 1200 a minute: state requests are light, userRole is heavy, everything else documented is normal."""

_T = TypeVar("_T")


def request_bodies(query: Query, account: str) -> tuple[dict[str, Any], ...]:
    """The bodies to post, in order; most queries need one."""
    match query:
        case QuerySpecs(dex):
            return {"type": "perpDexs"}, {"type": "meta", "dex": dex}
        case QueryPositions(dex):
            return ({"type": "clearinghouseState", "user": account, "dex": dex},)
        case QueryOpenOrders(dex):
            return ({"type": "openOrders", "user": account, "dex": dex},)
        case QueryOrderStatus(cloid):
            return ({"type": "orderStatus", "user": account, "oid": cloid},)
        case QueryFills(start_ms):
            return ({"type": "userFillsByTime", "user": account, "startTime": start_ms, "aggregateByTime": False},)
        case QueryFunding(start_ms):
            return ({"type": "userFunding", "user": account, "startTime": start_ms},)
        case QueryBook(key):
            return ({"type": "l2Book", "coin": key.name},)
        case QueryRateLimit():
            return ({"type": "userRateLimit", "user": account},)
        case QueryFees():
            return ({"type": "userFees", "user": account},)
        case QueryRole(address):
            return ({"type": "userRole", "user": address},)
        case QueryAgents():
            return ({"type": "extraAgents", "user": account},)
        case QueryServerTime():
            return ({"type": "exchangeStatus"},)


def weight(query: Query) -> int:
    """What the query costs of the address's 1200 a minute, before what its answer adds (`extra_weight`)."""
    match query:
        case QuerySpecs():
            return 2 * _NORMAL
        case QueryPositions() | QueryOrderStatus() | QueryBook() | QueryServerTime():
            return _LIGHT
        case QueryOpenOrders() | QueryFills() | QueryFunding() | QueryRateLimit() | QueryFees() | QueryAgents():
            return _NORMAL
        case QueryRole():
            return _HEAVY


def extra_weight(event: AnyEvent) -> int:
    """What a long answer costs on top: fills and payments are one more per 20 listed."""
    match event:
        case FillsRead(_, fills):
            return len(fills) // 20
        case FundingRead(_, payments):
            return len(payments) // 20
    return 0


def read_answer(query: Query, answers: tuple[bytes, ...], local_ms: int) -> AnyEvent:
    """The event that answers the query.

    Args:
        query: What was asked.
        answers: The body of each answer, in the order of `request_bodies`.
        local_ms: Our clock half way through the request; only the server's time needs it.

    Raises:
        ValueError: The answer makes no sense; nothing is known from it.
    """
    try:
        match query:
            case QuerySpecs(dex):
                return read_specs(answers[0], answers[1], dex)
            case QueryPositions(dex):
                return read_positions(answers[0], dex)
            case QueryOpenOrders(dex):
                return read_open_orders(answers[0], dex)
            case QueryOrderStatus():
                return read_order_status(answers[0], query)
            case QueryFills(start_ms):
                return read_fills(answers[0], start_ms)
            case QueryFunding(start_ms):
                return read_funding(answers[0], start_ms)
            case QueryBook():
                return read_book(answers[0], query)
            case QueryRateLimit():
                return read_rate_limit(answers[0])
            case QueryFees():
                return read_fees(answers[0])
            case QueryRole(address):
                return read_role(answers[0], address)
            case QueryAgents():
                return read_agents(answers[0])
            case QueryServerTime():
                return read_server_time(answers[0], local_ms)
    except UNREADABLE as e:
        raise ValueError(f"answer makes no sense ({e}): {quoted(answers[-1])}") from None


# --- one reader per answer ---------------------------------------------------------------------------------------------


def _decoder(kind: type[_T]) -> Callable[[bytes | Raw], _T]:
    return msgspec.json.Decoder(kind).decode


def read_specs(perp_dexs: bytes, meta: bytes, dex: str) -> SpecsRead:
    """The universe of one dex, ids included."""
    specs = tuple(read_universe(msgspec.json.decode(perp_dexs), msgspec.json.decode(meta), dex))
    if not specs:
        raise ValueError(f"the universe of dex {dex!r} is empty")
    return SpecsRead(dex, specs)


class _Position(Struct):
    coin: Name
    szi: str
    positionValue: str
    unrealizedPnl: str
    entryPx: str | None = None


class _AssetPosition(Struct):
    position: _Position


class _MarginSummary(Struct):
    accountValue: str


class _ClearinghouseState(Struct):
    assetPositions: list[_AssetPosition]
    marginSummary: _MarginSummary
    withdrawable: str
    time: TimeMs


_decode_state = _decoder(_ClearinghouseState)


def read_positions(raw: bytes, dex: str) -> PositionsRead:
    """Every position of the dex; one that cannot be read, or is of another dex, makes the whole answer useless."""
    state = _decode_state(raw)
    positions = tuple(_position(p.position, dex) for p in state.assetPositions)
    if len({p.market for p in positions}) != len(positions):
        raise ValueError("one market is listed twice")
    return PositionsRead(
        dex,
        state.time,
        tuple(p for p in positions if p.signed_size),
        number(state.marginSummary.accountValue),
        number(state.withdrawable),
    )


def _position(p: _Position, dex: str) -> VenuePosition:
    key = market(p.coin)
    if key.dex != dex:
        raise ValueError(f"position in {key} in the answer for dex {dex!r}")
    size = number(p.szi)
    entry = price(p.entryPx) if p.entryPx is not None and size else number(p.entryPx or "0")
    return VenuePosition(key, size, entry, number(p.positionValue), number(p.unrealizedPnl))


_decode_orders = _decoder(list[WireOrder])


def read_open_orders(raw: bytes, dex: str) -> OpenOrdersRead:
    """Every open order of the dex. The list carries no status: being listed is being open."""
    reports = tuple(o.report("open", o.timestamp) for o in _decode_orders(raw))
    for report in reports:
        if report.market.dex != dex:
            raise ValueError(f"order {report.oid} in {report.market} in the answer for dex {dex!r}")
    return OpenOrdersRead(dex, reports)


class _OrderStatus(Struct):
    status: str
    order: WireOrderUpdate | None = None


_decode_order_status = _decoder(_OrderStatus)


def read_order_status(raw: bytes, query: QueryOrderStatus) -> OrderStatusRead:
    """None for an order the exchange does not know. One such answer right after a post is no proof: its index may lag."""
    answer = _decode_order_status(raw)
    if answer.status == "unknownOid":
        return OrderStatusRead(query.cloid, None)
    if answer.status != "order" or answer.order is None:
        raise ValueError(f"status {quoted(answer.status)}: expected order or unknownOid")
    report = answer.order.report()
    if report.cloid is not None and report.cloid != query.cloid.lower():
        raise ValueError(f"asked for {query.cloid}, told of {report.cloid}")
    return OrderStatusRead(query.cloid, report)


_decode_fills = _decoder(list[WireFill])


def read_fills(raw: bytes, start_ms: int) -> FillsRead:
    """Fills oldest first; a list at its limit was cut."""
    fills = _decode_fills(raw)
    return FillsRead(start_ms, oldest_first([f.fill() for f in fills]), complete=len(fills) < MAX_FILLS)


_decode_book = _decoder(WireBook)


def read_book(raw: bytes, query: QueryBook) -> AnyEvent:
    """The touch of the book. An unknown coin answers null, which is no empty book."""
    book = _decode_book(raw)
    if book.coin != query.market.name:
        raise ValueError(f"asked for {query.market}, told of {quoted(book.coin)}")
    return book.bbo()


class _Funding(Struct):
    coin: Name
    usdc: str
    szi: str
    fundingRate: str


class _FundingRow(Struct):
    time: TimeMs
    delta: _Funding


_decode_funding = _decoder(list[_FundingRow])


def read_funding(raw: bytes, start_ms: int) -> FundingRead:
    """Payments, oldest first whatever the order of the answer."""
    paid = [
        FundingPayment(market(d.coin), r.time, number(d.usdc), number(d.szi), number(d.fundingRate))
        for r in _decode_funding(raw)
        for d in (r.delta,)
    ]
    return FundingRead(start_ms, tuple(sorted(paid, key=lambda p: p.time_ms)))


class _RateLimit(Struct):
    cumVlm: str
    nRequestsUsed: int
    nRequestsCap: int


_decode_rate_limit = _decoder(_RateLimit)


def read_rate_limit(raw: bytes) -> RateLimitRead:
    """The address budget."""
    r = _decode_rate_limit(raw)
    if r.nRequestsUsed < 0 or r.nRequestsCap < 0:
        raise ValueError("a count below zero")
    return RateLimitRead(r.nRequestsUsed, r.nRequestsCap, amount(r.cumVlm))


class _Fees(Struct):
    userCrossRate: str
    userAddRate: str


_decode_fees = _decoder(_Fees)


def read_fees(raw: bytes) -> FeesRead:
    """Base rates; a taker rate outside 0..1 % is no fee of this venue and would spoil every edge."""
    f = _decode_fees(raw)
    taker, maker = number(f.userCrossRate), number(f.userAddRate)
    if not 0 <= taker <= number("0.01") or abs(maker) > number("0.01"):
        raise ValueError(f"rates {taker} and {maker} are beyond 1 %")
    return FeesRead(taker, maker)


class _RoleData(Struct):
    user: str = ""
    master: str = ""


class _Role(Struct):
    role: str
    data: _RoleData | None = None


_decode_role = _decoder(_Role)
_is_address = re.compile("0x[0-9a-f]{40}").fullmatch
_ROLES = ("user", "agent", "subAccount", "vault", "missing")


def read_role(raw: bytes, address: str) -> RoleRead:
    """What an address is; an agent without a master, or a role nobody knows, makes no sense."""
    answer = _decode_role(raw)
    owner = (answer.data.user or answer.data.master).lower() if answer.data else ""
    if answer.role not in _ROLES:
        raise ValueError(f"role {quoted(answer.role)}: expected one of {', '.join(_ROLES)}")
    if answer.role in ("agent", "subAccount") and not owner:
        raise ValueError(f"role {answer.role} without its master")
    if owner and not _is_address(owner):
        raise ValueError(f"role {answer.role}: its master {quoted(owner)} is no address")
    return RoleRead(address, answer.role, owner)


class _Agent(Struct):
    name: str
    address: str
    validUntil: TimeMs | None = None


_decode_agents = _decoder(list[_Agent])


def read_agents(raw: bytes) -> AgentsRead:
    """The account's named agents; an empty list is an account that has none."""
    return AgentsRead(tuple(Agent(a.name, a.address.lower(), a.validUntil) for a in _decode_agents(raw)))


class _ExchangeStatus(Struct):
    time: TimeMs


_decode_exchange_status = _decoder(_ExchangeStatus)


def read_server_time(raw: bytes, local_ms: int) -> ServerTimeRead:
    """The exchange's state time against our clock half way."""
    time_ms = _decode_exchange_status(raw).time
    if time_ms == 0:
        raise ValueError("time is zero")
    return ServerTimeRead(time_ms, local_ms)
