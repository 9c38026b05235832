"""Margin tiers: less leverage for larger positions, as listed, as checked and as liquidated; one tier changes nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.sim.admission import WireFailure
from core.sim.margin_tiers import table_of
from core.sim.universe import real_universe

LISTINGS = real_universe().by_coin
BTC = table_of(LISTINGS["BTC"])
MILLION = Decimal(1_000_000)


def test_one_tier_is_half_the_margin_at_top_leverage():
    table = table_of(LISTINGS["xyz:SNDK"])
    assert (table.id, table.at(10**12 * MILLION).max_leverage) == (10, 10)
    assert table.maintenance(Decimal(100)) == 5


def test_what_keeps_a_position_alive_does_not_jump_where_a_tier_begins():
    border = 150 * MILLION
    assert BTC.maintenance(border) == border / 80
    assert BTC.maintenance(border + 40) == border / 80 + 1
    assert [BTC.at(n).max_leverage for n in (0, border - 1, border, 2 * border)] == [40, 40, 20, 20]


def test_the_universe_names_tables_that_it_lists(desk):
    for dex in ("", "xyz", "test"):
        meta = desk.info("meta", dex=dex)
        tables = dict(meta["marginTables"])
        for market in meta["universe"]:
            assert tables[market["marginTableId"]]["marginTiers"][0] == {
                "lowerBound": "0.0",
                "maxLeverage": market["maxLeverage"],
            }
    assert desk.info("marginTable", id=56) == {
        "description": "tiered 40x",
        "marginTiers": [
            {"lowerBound": "0.0", "maxLeverage": 40},
            {"lowerBound": "150000000.0", "maxLeverage": 20},
        ],
    }


def test_a_table_below_fifty_is_its_own_number(desk):
    assert desk.info("marginTable", id=13)["marginTiers"] == [{"lowerBound": "0.0", "maxLeverage": 13}]
    for number in (0, 51, 99):
        with pytest.raises(WireFailure, match="500: null"):
            desk.info("marginTable", id=number)


@pytest.fixture
def rich(make_desk):
    desk = make_desk(balance_usd=Decimal(100) * MILLION)
    desk.pin("BTC", oracle="100000", bid="99999", ask="100001", size="10000")
    desk.later()
    return desk


def leverage(desk, value):
    return desk.send({"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": value})


def test_a_position_beyond_its_tier_needs_less_leverage(rich):
    assert leverage(rich, 40)["status"] == "ok"
    assert "filled" in rich.order(True, "101000", "1499", a=0)
    text = "Order would cause position to exceed margin tier limit at current leverage asset=0"
    assert rich.order(True, "101000", "2", a=0) == {"error": text}
    assert rich.info("historicalOrders", user=rich.user)[0]["status"] == "perpMaxPositionRejected"
    assert leverage(rich, 20)["status"] == "ok"
    assert "filled" in rich.order(True, "101000", "2", a=0)
    assert leverage(rich, 21) == {"status": "err", "response": "Invalid leverage value"}
    state = rich.info("clearinghouseState", user=rich.user)
    value = Decimal(state["assetPositions"][0]["position"]["positionValue"])
    assert value > 150 * MILLION
    assert Decimal(state["crossMaintenanceMarginUsed"]) == (150 * MILLION / 80 + (value - 150 * MILLION) / 40)


def test_a_market_whose_leverage_was_changed_has_one_tier(rich):
    rich.control(do="fault", name="change_spec", coin="BTC", changes={"max_leverage": 30})
    rich.later()
    assert rich.info("meta")["universe"][0]["marginTableId"] == 30
