"""Queries -> requests, answers -> events; and answers that make no sense are never empty ones."""

from __future__ import annotations

import json
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.hyperliquid.info import extra_weight, read_answer, request_bodies, weight
from core.messages.events import (
    Agent,
    AgentsRead,
    FeesRead,
    FillsRead,
    FundingRead,
    OpenOrdersRead,
    OrderStatusRead,
    RateLimitRead,
    RoleRead,
    ServerTimeRead,
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
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import OrderStatus
from core.model.position import FundingPayment

GOLDEN = Path(__file__).parents[2] / "golden" / "messages"
ACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
SNDK = MarketKey("xyz", "SNDK")
CLOID = Cloid("0xa1f0cddc000000000000000000000001")

ANSWERED: list[tuple[Query, tuple[str, ...]]] = [
    (QuerySpecs("xyz"), ("perp_dexs", "meta_xyz")),
    (QueryPositions("xyz"), ("clearinghouse_state",)),
    (QueryOpenOrders("xyz"), ("open_orders",)),
    (QueryOrderStatus(CLOID), ("order_status",)),
    (QueryFills(1), ("user_fills_by_time",)),
    (QueryFunding(1), ("user_funding",)),
    (QueryBook(SNDK), ("l2_book",)),
    (QueryRateLimit(), ("user_rate_limit",)),
    (QueryFees(), ("user_fees",)),
    (QueryRole("0x" + "ab" * 20), ("user_role_agent",)),
    (QueryAgents(), ("extra_agents",)),
    (QueryServerTime(), ("exchange_status",)),
]


def body(name: str) -> bytes:
    return (GOLDEN / f"info_{name}.json").read_bytes()


def answer(query: Query, *names: str) -> Any:
    return read_answer(query, tuple(body(n) for n in names), 42)


def answer_json(query: Query, *values: Any) -> Any:
    return read_answer(query, tuple(json.dumps(v).encode() for v in values), 42)


def test_funding_is_read_oldest_first() -> None:
    read = answer(QueryFunding(7), "user_funding")
    assert read == FundingRead(
        7,
        (
            FundingPayment(MarketKey("", "BTC"), 1790226000017, D("0.0193"), D("-0.002"), D("0.00012")),
            FundingPayment(SNDK, 1790229600041, D("-0.001061"), D("0.05"), D("0.0000125")),
        ),
    )
    assert request_bodies(QueryFunding(7), ACCOUNT) == ({"type": "userFunding", "user": ACCOUNT, "startTime": 7},)
    assert extra_weight(read) == 0
    assert extra_weight(FundingRead(0, read.payments * 10)) == 1


@pytest.mark.parametrize(
    "broken",
    [None, {}, [{"time": 1}], [{"time": 1, "delta": {"coin": "BTC", "usdc": "x", "szi": "1", "fundingRate": "0"}}]],
)
def test_funding_that_makes_no_sense(broken: Any) -> None:
    with pytest.raises(ValueError, match="makes no sense"):
        answer_json(QueryFunding(7), broken)


def test_requests_name_account_and_dex() -> None:
    assert request_bodies(QueryPositions("xyz"), ACCOUNT) == (
        {"type": "clearinghouseState", "user": ACCOUNT, "dex": "xyz"},
    )
    assert request_bodies(QueryOpenOrders(""), ACCOUNT) == ({"type": "openOrders", "user": ACCOUNT, "dex": ""},)
    assert request_bodies(QuerySpecs("xyz"), ACCOUNT) == ({"type": "perpDexs"}, {"type": "meta", "dex": "xyz"})
    assert request_bodies(QueryOrderStatus(CLOID), ACCOUNT) == ({"type": "orderStatus", "user": ACCOUNT, "oid": CLOID},)
    assert request_bodies(QueryBook(SNDK), ACCOUNT) == ({"type": "l2Book", "coin": "xyz:SNDK"},)


@pytest.mark.parametrize(("query", "names"), ANSWERED)
def test_every_query_has_bodies_weight_and_a_reader(query: Query, names: tuple[str, ...]) -> None:
    assert len(request_bodies(query, ACCOUNT)) == len(names)
    assert weight(query) in (2, 20, 40, 60)
    assert answer(query, *names) is not None


def test_specs() -> None:
    specs = answer(QuerySpecs("xyz"), "perp_dexs", "meta_xyz").specs
    assert [(s.market.name, s.asset_id) for s in specs] == [("xyz:SNDK", 110000), ("xyz:INTC", 110001)]


def test_positions() -> None:
    read = answer(QueryPositions("xyz"), "clearinghouse_state")
    (position,) = read.positions
    assert (position.market, position.signed_size, position.entry_price) == (SNDK, D("-0.05"), D("1698.6"))
    assert (read.time_ms, read.account_value, read.withdrawable) == (1790232237140, D("1000.0"), D("983.014"))


def test_a_position_of_another_dex_spoils_the_answer() -> None:
    with pytest.raises(ValueError, match="xyz:SNDK"):
        answer(QueryPositions(""), "clearinghouse_state")


def test_open_orders() -> None:
    read = answer(QueryOpenOrders("xyz"), "open_orders")
    assert isinstance(read, OpenOrdersRead)
    assert [(o.status, o.reduce_only, o.cloid) for o in read.orders] == [
        (OrderStatus.OPEN, True, CLOID),
        (OrderStatus.PARTIAL_FILLED, False, None),
    ]


def test_order_status() -> None:
    read = answer(QueryOrderStatus(CLOID), "order_status")
    assert read.report.status is OrderStatus.FILLED
    assert read.report.remaining == 0
    assert answer(QueryOrderStatus(CLOID), "order_status_unknown") == OrderStatusRead(CLOID, None)


def test_the_status_of_another_order_is_no_answer() -> None:
    with pytest.raises(ValueError, match="asked for"):
        answer(QueryOrderStatus(Cloid("0x" + "1" * 32)), "order_status")


def test_fills_are_complete_below_the_limit_and_cut_at_it() -> None:
    read = answer(QueryFills(7), "user_fills_by_time")
    assert isinstance(read, FillsRead)
    assert (read.start_ms, read.complete, [f.tid for f in read.fills]) == (7, True, [111, 17679709382320])
    assert extra_weight(read) == 0
    one = json.loads(body("user_fills_by_time"))[0]
    full = answer_json(QueryFills(7), [{**one, "tid": i} for i in range(2000)])
    assert not full.complete
    assert extra_weight(full) == 100


def test_book_is_marked_as_an_answer() -> None:
    bbo = answer(QueryBook(SNDK), "l2_book")
    assert bbo.from_book
    assert (bbo.bid_px, bbo.ask_px) == (D("1698.1"), D("1698.6"))
    empty = answer_json(QueryBook(SNDK), {"coin": "xyz:SNDK", "time": 1, "levels": [[], []]})
    assert (empty.bid_px, empty.ask_px) == (None, None)
    with pytest.raises(ValueError, match="asked for"):
        answer(QueryBook(MarketKey("", "BTC")), "l2_book")


def test_rate_limit_fees_time() -> None:
    assert answer(QueryRateLimit(), "user_rate_limit") == RateLimitRead(1200, 97457, D("87457.46"))
    assert answer(QueryFees(), "user_fees") == FeesRead(D("0.00045"), D("0.00015"))
    assert answer(QueryServerTime(), "exchange_status") == ServerTimeRead(1790232237140, 42)


def test_roles() -> None:
    asked = QueryRole("0x" + "ab" * 20)
    assert answer(asked, "user_role_agent") == RoleRead(asked.address, "agent", ACCOUNT)
    assert answer_json(asked, {"role": "user"}) == RoleRead(asked.address, "user", "")
    assert answer_json(asked, {"role": "missing"}) == RoleRead(asked.address, "missing", "")
    assert answer_json(asked, {"role": "subAccount", "data": {"master": ACCOUNT}}).owner == ACCOUNT
    with pytest.raises(ValueError, match="without its master"):
        answer_json(asked, {"role": "agent"})
    with pytest.raises(ValueError, match="expected one of user"):
        answer_json(asked, {"role": "king"})
    for master in ("0x12", "nobody", ACCOUNT[:-1] + "g", ACCOUNT + "00"):
        with pytest.raises(ValueError, match="is no address"):
            answer_json(asked, {"role": "agent", "data": {"user": master}})


def test_agents_and_until_when() -> None:
    until = 1767776120478
    assert answer(QueryAgents(), "extra_agents") == AgentsRead(
        (
            Agent("bot1", "0x286edfa08c04f6899dab3bfdecf2dd133f9733b9", until),
            Agent("bot2", "0x1719884eb866cb12b2287399b15f7db5e7d775ea", None),
        )
    )
    assert answer_json(QueryAgents(), []) == AgentsRead(())


def test_a_fee_beyond_one_percent_is_not_believed() -> None:
    with pytest.raises(ValueError, match="beyond"):
        answer_json(QueryFees(), {"userCrossRate": "0.45", "userAddRate": "0.1"})


@pytest.mark.parametrize("junk", [b"null", b"", b"<html>502</html>", b"{}", b"7", b'"x"', b"[null]", b"\xff"])
@pytest.mark.parametrize(("query", "names"), ANSWERED)
def test_l07_nonsense_is_never_an_empty_answer(query: Query, names: tuple[str, ...], junk: bytes) -> None:
    with pytest.raises(ValueError, match="makes no sense"):
        read_answer(query, (junk,) * len(names), 42)


@pytest.mark.parametrize("missing", ["assetPositions", "marginSummary", "withdrawable", "time"])
def test_positions_without_a_part_are_no_answer(missing: str) -> None:
    state = json.loads(body("clearinghouse_state"))
    del state[missing]
    with pytest.raises(ValueError, match=missing):
        answer_json(QueryPositions("xyz"), state)


@settings(max_examples=200)
@given(st.sampled_from(ANSWERED), st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_anything_is_an_event_or_a_value_error(answered: tuple[Query, tuple[str, ...]], junk: Any) -> None:
    query, names = answered
    try:
        answer_json(query, *[junk] * len(names))
    except ValueError:
        return
    assert junk == [], "only an empty list is an empty list"
    assert isinstance(query, (QueryOpenOrders, QueryFills, QueryFunding, QueryAgents))
