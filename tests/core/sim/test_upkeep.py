"""What the venue does by itself: funding on the hour, scheduled cancels, liquidations; and what a delisting does."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sim_desk import OTHER_KEY, OTHER_USER, trigger

OK = {"status": "ok", "response": {"type": "default"}}
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
SNDK = 110016


def to_the_hour(desk):
    """To the first block of the next hour."""
    desk.now_ms += HOUR_MS - desk.now_ms % HOUR_MS + 70
    return desk.exchange.advance(desk.now_ms)


def test_what_is_opened_ahead_of_the_first_block_of_an_hour_does_not_pay_for_the_hour_before(desk):
    desk.order(True, "1700", "0.5")
    desk.now_ms += HOUR_MS - desk.now_ms % HOUR_MS - 40
    desk.exchange.advance(desk.now_ms)
    desk.now_ms += 45
    desk.order(False, "1690", "0.2", key=OTHER_KEY)
    desk.now_ms += 70
    desk.exchange.advance(desk.now_ms)
    assert list(desk.exchange.venue.fundings) == [desk.user]


def told(block, channel, user):
    return [e.data for e in block.user_events if e.channel == channel and e.user == user]


# funding ---------------------------------------------------------------------------------------------------------------


def test_longs_pay_and_shorts_receive_on_the_hour_at_the_oracle(desk):
    desk.order(True, "1700", "0.5")
    desk.order(False, "1690", "0.2", key=OTHER_KEY)
    before, theirs = desk.account_value(), desk.account_value(user=OTHER_USER)
    block = to_the_hour(desk)
    paid = Decimal("0.010625")  # 0.5 x 1700 x 0.0000125
    assert desk.account_value() == before - paid
    assert desk.account_value(user=OTHER_USER) == theirs + Decimal("0.00425")
    (event,) = [d for d in told(block, "user", desk.user) if "funding" in d]
    assert event == {
        "funding": {
            "time": event["funding"]["time"],
            "coin": "xyz:SNDK",
            "usdc": "-0.010625",
            "szi": "0.5",
            "fundingRate": "0.0000125",
            "nSamples": None,
        }
    }
    assert event["funding"]["time"] // HOUR_MS == desk.now_ms // HOUR_MS
    (payment,) = desk.exchange.venue.fundings[desk.user]
    assert payment.usdc == -paid
    assert told(desk.later(), "user", desk.user) == []
    to_the_hour(desk)
    assert len(desk.exchange.venue.fundings[desk.user]) == 2
    assert desk.exchange.venue.accounts[desk.user].funding_all_time == {"xyz:SNDK": -2 * paid}


def test_an_isolated_position_pays_out_of_its_own_margin(desk):
    desk.send({"type": "updateLeverage", "asset": SNDK, "isCross": False, "leverage": 5})
    desk.order(True, "1700", "0.5")
    own = Decimal(desk.position()["marginUsed"])
    free = desk.info("clearinghouseState", user=desk.user, dex="xyz")["withdrawable"]
    to_the_hour(desk)
    assert Decimal(desk.position()["marginUsed"]) == own - Decimal("0.010625")
    assert desk.info("clearinghouseState", user=desk.user, dex="xyz")["withdrawable"] == free


def test_what_a_position_paid_is_counted_since_it_was_opened_and_since_it_changed(desk):
    desk.order(True, "1700", "0.5")
    to_the_hour(desk)
    desk.order(True, "1700", "0.1")
    to_the_hour(desk)
    position = desk.exchange.venue.position(desk.user, "xyz:SNDK")
    assert position.funding_since_open < position.funding_since_change < 0
    desk.order(False, "1690", "0.6", reduce_only=True)
    desk.later(2_000)
    desk.order(True, "1700", "0.1")
    assert desk.exchange.venue.position(desk.user, "xyz:SNDK").funding_since_open == 0


def test_a_clock_that_jumps_over_hours_pays_once(desk):
    desk.order(True, "1700", "0.5")
    desk.later(5 * HOUR_MS)
    assert len(desk.exchange.venue.fundings[desk.user]) == 1


def test_nobody_without_a_position_pays(desk):
    assert told(to_the_hour(desk), "user", desk.user) == []
    assert desk.exchange.venue.fundings == {}


# scheduled cancel --------------------------------------------------------------------------------------------------------


@pytest.fixture
def trader(desk):
    desk.exchange.venue.accounts[desk.user].cum_volume += 1_000_000
    return desk


def schedule(desk, at):
    return desk.send({"type": "scheduleCancel", "time": at})


def test_a_scheduled_cancel_fires_on_every_dex_and_for_triggers_too(trader):
    trader.order(True, "1600", "0.05", tif="Gtc")
    trader.pin("BTC", oracle="95000", bid="94990", ask="95000", size="1")
    trader.order(True, "90000", "0.01", tif="Gtc", a=0)
    trader.orders(trigger("sl", True, "1800", "0.05", reduce_only=False))
    trader.order(True, "1600", "0.05", tif="Gtc", key=OTHER_KEY)
    assert schedule(trader, trader.now_ms + 5_000) == OK
    trader.later(4_900)
    assert trader.exchange.venue.count_open(trader.user) == 3
    trader.later(200)
    assert trader.exchange.venue.count_open(trader.user) == 0
    assert trader.exchange.venue.count_open(OTHER_USER) == 1
    assert {o["status"] for o in trader.info("historicalOrders", user=trader.user)} == {"scheduledCancel"}


def test_it_can_be_moved_and_called_off(trader):
    trader.order(True, "1600", "0.05", tif="Gtc")
    schedule(trader, trader.now_ms + 5_000)
    schedule(trader, trader.now_ms + 9_000)
    trader.later(6_000)
    assert trader.exchange.venue.count_open(trader.user) == 1
    assert trader.send({"type": "scheduleCancel"}) == OK
    trader.later(9_000)
    assert trader.exchange.venue.count_open(trader.user) == 1


def test_less_than_five_seconds_ahead_is_refused(trader):
    assert schedule(trader, trader.now_ms + 4_999)["status"] == "err"


def test_ten_times_a_day(trader):
    for _ in range(10):
        assert schedule(trader, trader.now_ms + 5_000) == OK
        trader.later(5_100)
    assert "10 times today" in schedule(trader, trader.now_ms + 5_000)["response"]
    trader.now_ms += DAY_MS - trader.now_ms % DAY_MS
    assert trader.send({"type": "scheduleCancel", "time": trader.now_ms + 5_000}, nonce=trader.now_ms) == OK


# liquidation -------------------------------------------------------------------------------------------------------------


def crash(desk, bid, ask, oracle=None, size="1"):
    desk.pin(oracle=oracle or str(bid), bid=str(bid), ask=str(ask), size=size)
    return [desk.later(), *(desk.later(700) for _ in range(2))]


def events(blocks, desk, channel="user"):
    """All but fills."""
    return [d for block in blocks for d in told(block, channel, desk.user) if "fills" not in d]


def test_a_cross_account_without_maintenance_margin_is_closed_at_the_market(desk):
    desk.pin(size="20")
    desk.order(True, "1699", "5")
    resting = desk.order(True, "1500", "0.1", tif="Gtc")["resting"]["oid"]
    assert events(crash(desk, 1650, 1651, size="20"), desk) == []
    told_of = events(crash(desk, 1570, 1571, size="20"), desk)
    assert desk.szi() == "0.0"
    assert desk.status(resting) == "liquidatedCanceled"
    assert {"nonUserCancel": [{"coin": "xyz:SNDK", "oid": resting}]} in told_of
    (liquidation,) = [e["liquidation"] for e in told_of if "liquidation" in e]
    assert liquidation["liquidated_user"] == desk.user
    assert liquidation["lid"] == 1
    assert Decimal(liquidation["liquidated_account_value"]) < Decimal(liquidation["liquidated_ntl_pos"]) / 20
    fill = desk.info("userFills", user=desk.user)[0]
    assert (fill["dir"], fill["px"]) == ("Liquidated Cross Long", "1570.0")
    assert fill["liquidation"]["method"] == "market"
    assert fill["liquidation"]["liquidatedUser"] == desk.user
    order = desk.info("orderStatus", user=desk.user, oid=fill["oid"])["order"]
    assert (order["status"], order["order"]["tif"]) == ("filled", "LiquidationMarket")
    assert 0 < desk.account_value() < 400


def test_what_the_market_does_not_take_the_liquidator_takes_with_what_is_left(desk):
    desk.pin(size="20")
    desk.order(True, "1699", "5")
    desk.control(do="fault", name="one_sided", coin="xyz:SNDK", side="bids")
    told_of = events(crash(desk, 1500, 1501), desk)
    assert "liquidation" in told_of[0]
    fill = desk.info("userFills", user=desk.user)[0]
    assert fill["liquidation"]["method"] == "backstop"
    assert desk.szi() == "0.0"
    assert desk.account_value() == 0


def test_an_isolated_position_falls_alone(desk):
    desk.pin("xyz:NVDA", oracle="185", bid="185", ask="185.1", size="10")
    desk.order(True, "185.1", "1", a=110002)
    desk.send({"type": "updateLeverage", "asset": SNDK, "isCross": False, "leverage": 10})
    desk.order(True, "1700", "0.5")
    free = Decimal(desk.info("clearinghouseState", user=desk.user, dex="xyz")["withdrawable"])
    crash(desk, 1580, 1581)
    assert desk.szi() == "0.0"
    assert desk.szi("xyz:NVDA") == "1.0"
    assert desk.info("userFills", user=desk.user)[0]["dir"] == "Liquidated Isolated Long"
    assert Decimal(desk.info("clearinghouseState", user=desk.user, dex="xyz")["withdrawable"]) >= free


def test_a_short_is_liquidated_upward(desk):
    desk.pin(size="20")
    desk.order(False, "1698", "5")
    crash(desk, 1840, 1841, size="20")
    assert desk.szi() == "0.0"
    assert desk.info("userFills", user=desk.user)[0]["dir"] == "Liquidated Cross Short"


def test_a_resting_order_without_margin_goes_when_it_is_met(desk):
    desk.order(True, "1698.5", "2", tif="Gtc", key=OTHER_KEY)
    venue = desk.exchange.venue
    venue.accounts[OTHER_USER].dexes["xyz"].raw_usd = Decimal(100)  # lost elsewhere
    desk.order(False, "1698", "0.5")
    assert desk.szi() == "-0.5"
    assert desk.szi(user=OTHER_USER) == "0.0"
    (order,) = desk.info("historicalOrders", user=OTHER_USER)
    assert order["status"] == "marginCanceled"


def test_the_market_does_not_meet_it_either(desk):
    desk.order(True, "1650", "2", tif="Gtc")
    desk.exchange.venue.accounts[desk.user].dexes["xyz"].raw_usd = Decimal(100)
    desk.pin(oracle="1640", bid="1639", ask="1640")
    desk.later()
    assert desk.szi() == "0.0"
    assert desk.info("historicalOrders", user=desk.user)[0]["status"] == "marginCanceled"


# delisting ---------------------------------------------------------------------------------------------------------------


def test_a_delisted_market_loses_its_orders(desk):
    desk.order(True, "1700", "0.1")
    resting = desk.order(True, "1600", "0.1", tif="Gtc")["resting"]["oid"]
    waiting = desk.orders(trigger("sl", False, "1500", "0.1"))[0]["resting"]["oid"]
    desk.control(do="fault", name="change_spec", coin="xyz:SNDK", changes={"is_delisted": True})
    desk.later()
    assert [desk.status(oid) for oid in (resting, waiting)] == ["delistedCanceled", "delistedCanceled"]
    assert "delisted" in desk.order(True, "1700", "0.1")["error"]
