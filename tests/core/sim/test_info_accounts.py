"""Answers about one account: scopes, aggregated fills, pages, roles, margins, funding and what the ledger says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.sim import wire
from core.sim.admission import WireFailure

STRANGER = "0x" + "9" * 40
AGENT = "0x" + "a9" * 20
OTHER = "0x14791697260e4c9a71f18484c9f997b308e59325"
HOUR = 3_600_000


def fill(oid, px, sz, *, crossed=True, time=1, fee="0.1", **more):
    return {"oid": oid, "px": px, "sz": sz, "crossed": crossed, "time": time, "fee": fee, "closedPnl": "1.0", **more}


def test_fills_of_one_crossing_order_become_one():
    found = wire.aggregated(
        [fill(1, "10", "1.0", tid=5), fill(1, "13.0", "2.0", tid=6, builderFee="0.2"), fill(2, "9", "1.0")]
    )
    assert found[0] == fill(1, "12.0", "3.0", tid=5, fee="0.2") | {"closedPnl": "2.0"}
    assert found[1:] == [fill(2, "9", "1.0")]


def test_makers_and_other_instants_stay_apart():
    apart = [fill(1, "10", "1.0", crossed=False), fill(1, "10", "1.0", crossed=False), fill(1, "10", "1.0", time=2)]
    assert wire.aggregated(apart) == apart


def test_aggregated_fills_on_request(desk):
    desk.order(True, "1750", "2.5")  # through several levels
    desk.later()
    apart = desk.info("userFills", user=desk.user)
    (whole,) = desk.info("userFills", user=desk.user, aggregateByTime=True)
    assert len(apart) > 1
    assert Decimal(whole["sz"]) == sum(Decimal(f["sz"]) for f in apart) == Decimal("2.5")
    assert Decimal(whole["fee"]) == sum(Decimal(f["fee"]) for f in apart)
    assert (whole["startPosition"], whole["oid"]) == ("0.0", apart[0]["oid"])
    assert desk.info("userFillsByTime", user=desk.user, startTime=0, aggregateByTime=True) == [whole]


def test_pages_of_fills(desk):
    for _ in range(4):
        desk.order(True, "1750", "0.05")
        desk.later()
    ahead = desk.info("userFillsByTime", user=desk.user, startTime=0)
    assert desk.info("userFillsByTime", user=desk.user, startTime=0, reversed=True) == ahead[::-1]
    assert desk.info("userFillsByTime", user=desk.user, startTime=0, endTime=None) == ahead
    assert desk.info("userFillsByTime", user=desk.user, startTime=ahead[2]["time"]) == ahead[2:]


def test_two_thousand_rows_at_most(desk):
    kept = desk.exchange.venue.fills_of(desk.user)
    desk.order(True, "1750", "0.05")
    (one,) = kept
    kept.extend([one] * 2_500)
    assert len(desk.info("userFills", user=desk.user)) == 2_000
    assert len(desk.info("userFillsByTime", user=desk.user, startTime=0)) == 2_000


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("clearinghouseState", {"dex": ""}),
        ("openOrders", {"dex": "xyz"}),
        ("frontendOpenOrders", {}),
        ("historicalOrders", {}),
        ("userFills", {}),
        ("userFillsByTime", {"startTime": 0}),
        ("userRateLimit", {}),
        ("userRole", {}),
        ("userFees", {}),
        ("extraAgents", {}),
        ("activeAssetData", {"coin": "BTC"}),
        ("orderStatus", {"oid": 5}),
        ("webData2", {}),
        ("portfolio", {}),
        ("subAccounts", {}),
        ("spotClearinghouseState", {}),
    ],
)
def test_addresses_come_in_any_case_and_must_be_addresses(desk, kind, fields):
    desk.order(True, "1600", "0.05", tif="Gtc")
    loud = "0x" + desk.user[2:].upper()
    assert desk.info(kind, user=loud, **fields) == desk.info(kind, user=desk.user, **fields)
    for wrong in (None, "", "0x12", desk.user[2:], f"{desk.user}0", 5, [desk.user]):
        with pytest.raises(WireFailure, match="422"):
            desk.info(kind, user=wrong, **fields)


def test_orders_and_states_are_of_one_dex_but_history_is_of_all(desk):
    desk.order(True, "1600", "0.05", tif="Gtc")
    desk.order(True, "90000", "0.001", a=0, tif="Gtc")
    assert [o["coin"] for o in desk.info("openOrders", user=desk.user)] == ["BTC"]
    assert [o["coin"] for o in desk.info("frontendOpenOrders", user=desk.user, dex="xyz")] == ["xyz:SNDK"]
    assert [o["order"]["coin"] for o in desk.info("historicalOrders", user=desk.user)] == ["BTC", "xyz:SNDK"]
    for oid in (o["order"]["oid"] for o in desk.info("historicalOrders", user=desk.user)):
        assert desk.info("orderStatus", user=desk.user, oid=oid)["status"] == "order"
        assert desk.info("orderStatus", user=OTHER, oid=oid) == {"status": "unknownOid"}


@pytest.mark.parametrize("oid", [None, -1, True, 1.5, "0x" + "g" * 32, "0x" + "0" * 31, "5", [5]])
def test_what_is_no_oid(desk, oid):
    with pytest.raises(WireFailure, match="422"):
        desk.info("orderStatus", user=desk.user, oid=oid)


def test_a_cloid_in_capitals_finds_its_order(desk):
    desk.order(True, "1600", "0.05", tif="Gtc", cloid="0x0000000000000000000000000000abcd")
    found = desk.info("orderStatus", user=desk.user, oid="0x0000000000000000000000000000ABCD")
    assert found["order"]["order"]["cloid"].endswith("abcd")


def test_roles(desk):
    desk.control(do="approve_agent", user=desk.user, agent=AGENT, name="bot1")
    sub = "0x" + "5b" * 20
    desk.exchange.venue.fund(sub, Decimal(0))
    desk.exchange.venue.accounts[sub].master = desk.user
    assert desk.info("userRole", user=desk.user) == {"role": "user"}
    assert desk.info("userRole", user=AGENT) == {"role": "agent", "data": {"user": desk.user}}
    assert desk.info("userRole", user=sub) == {"role": "subAccount", "data": {"master": desk.user}}
    assert desk.info("userRole", user=STRANGER) == {"role": "missing"}
    assert desk.info("clearinghouseState", user=AGENT)["marginSummary"]["accountValue"] == "0.0"
    assert desk.info("openOrders", user=AGENT) == []


def test_an_agent_that_ran_out_has_no_role(desk):
    desk.exchange.venue.approve_agent(desk.user, AGENT, "bot1", until_ms=desk.now_ms + 1_000)
    (agent,) = desk.info("extraAgents", user=desk.user)
    assert agent == {"name": "bot1", "address": AGENT, "validUntil": desk.now_ms + 1_000}
    desk.later(2_000)
    assert desk.info("userRole", user=AGENT) == {"role": "missing"}


def test_the_unnamed_agent_is_listed_by_the_front_end_alone(desk):
    desk.exchange.venue.approve_agent(desk.user, AGENT, "", until_ms=desk.now_ms + 1_000)
    assert desk.info("extraAgents", user=desk.user) == []
    data = desk.info("webData2", user=desk.user)
    assert (data["agentAddress"], data["agentValidUntil"]) == (AGENT, desk.now_ms + 1_000)


def test_the_price_of_liquidation_is_where_the_margin_is_used_up(desk):
    desk.order(True, "1700", "2")
    at = Decimal(desk.position()["liquidationPx"])
    desk.pin(oracle=f"{at:.1f}", bid=f"{at:.1f}", ask=f"{at + 1:.1f}")
    state = desk.info("clearinghouseState", user=desk.user, dex="xyz")
    value, needed = state["crossMarginSummary"]["accountValue"], state["crossMaintenanceMarginUsed"]
    assert abs(Decimal(value) - Decimal(needed)) < 2


def test_a_position_that_no_price_liquidates(desk):
    desk.order(True, "1700", "0.05")
    assert desk.position()["liquidationPx"] is None  # a thousand dollars for eighty-five


def test_isolated_positions_have_a_price_of_their_own(desk):
    desk.send({"type": "updateLeverage", "asset": 110016, "isCross": False, "leverage": 5})
    desk.order(False, "1690", "0.5")
    position = desk.position()
    entry, at = Decimal(position["entryPx"]), Decimal(position["liquidationPx"])
    assert position["leverage"]["type"] == "isolated"
    assert entry * Decimal("1.1") < at < entry * Decimal("1.2")


def test_funding_is_shown_by_its_payer_everywhere(desk):
    desk.order(True, "1700", "0.5")
    desk.later(HOUR)
    rows = desk.info("userFunding", user=desk.user, startTime=0)
    (delta,) = (r["delta"] for r in rows)
    paid = -Decimal(delta["usdc"])
    assert paid == Decimal("0.010625")  # half a share at an oracle of 1700 and the rate of an hour
    assert desk.position()["cumFunding"] == dict.fromkeys(("allTime", "sinceOpen", "sinceChange"), f"{paid}")
    desk.order(False, "1690", "0.5")
    desk.order(True, "1700", "0.5")
    assert desk.position()["cumFunding"] == {"allTime": f"{paid}", "sinceOpen": "0.0", "sinceChange": "0.0"}
    assert desk.info("userFunding", user=desk.user, startTime=rows[0]["time"] + 1) == []
    assert desk.info("userFunding", user=STRANGER, startTime=0) == []


def test_money_that_moved_is_in_the_ledger(desk):
    asked = {"type": "createSubAccount", "name": "two"}
    sub = desk.send(asked)["response"]["data"]
    desk.send({"type": "subAccountTransfer", "subAccountUser": sub, "isDeposit": True, "usd": 25_000_000})
    (row,) = [
        r
        for r in desk.info("userNonFundingLedgerUpdates", user=desk.user)
        if r["delta"]["type"] == "subAccountTransfer"
    ]
    assert row["delta"] == {"type": "subAccountTransfer", "usdc": "25.0", "user": desk.user, "destination": sub}
    (listed,) = desk.info("subAccounts", user=desk.user)
    assert (listed["name"], listed["subAccountUser"], listed["master"]) == ("two", sub, desk.user)
    assert listed["clearinghouseState"]["marginSummary"]["accountValue"] == "25.0"
    (listed,) = desk.info("subAccounts2", user=desk.user)
    assert [dex for dex, _ in listed["dexToClearinghouseState"]][:2] == ["", "xyz"]
    assert desk.info("subAccounts", user=sub) is None


def test_what_was_traded_today_is_in_the_fees(desk):
    desk.order(True, "1700", "0.05")
    (today,) = desk.info("userFees", user=desk.user)["dailyUserVlm"]
    assert (today["userCross"], today["userAdd"], today["exchange"]) == ("84.95", "0.0", "84.95")
    assert today["date"] == "2026-09-21"
    (nothing,) = desk.info("userFees", user=STRANGER)["dailyUserVlm"]
    assert (nothing["userCross"], nothing["exchange"]) == ("0.0", "84.95")
