"""The official SDK trades: its examples of orders, cloids, modifies, cancels, market orders, triggers and TP/SL."""

from __future__ import annotations

import pytest
from hyperliquid.utils.types import Cloid
from peer_accounts import ALICE, BOB
from sdk_desk import ALO, GTC, IOC, SdkDesk, filled, one, resting

CLOID = Cloid.from_str("0x0000000000000000000000000000abcd")


@pytest.fixture
def desk(venue) -> SdkDesk:
    return SdkDesk(venue, ALICE)


@pytest.fixture
def other(venue) -> SdkDesk:
    return SdkDesk(venue, BOB)


def status_of(desk: SdkDesk, oid) -> str:
    ask = desk.info.query_order_by_cloid if isinstance(oid, Cloid) else desk.info.query_order_by_oid
    answer = ask(desk.address, oid)
    return answer["order"]["status"] if answer["status"] == "order" else answer["status"]


@pytest.mark.parametrize(("coin", "px", "sz"), [("ETH", 3000, 0.2), ("xyz:SNDK", 1600.5, 0.05), ("test:ABC", 9.5, 20)])
class TestOneMarket:
    def test_rest_query_and_cancel(self, desk, coin, px, sz):
        oid = resting(desk.exchange.order(coin, True, sz, px, GTC))
        found = desk.info.query_order_by_oid(ALICE.address, oid)
        assert found["order"]["order"]["coin"] == coin
        assert found["order"]["status"] == "open"
        assert one(desk.exchange.cancel(coin, oid)) == "success"
        assert status_of(desk, oid) == "canceled"
        assert "never placed, already canceled, or filled" in one(desk.exchange.cancel(coin, oid))["error"]

    def test_market_open_and_close(self, desk, coin, px, sz):
        got = filled(desk.exchange.market_open(coin, True, sz, None, 0.01))
        assert float(got["totalSz"]) == sz
        assert float(desk.position(coin)["szi"]) == sz
        closed = filled(desk.exchange.market_close(coin))
        assert float(closed["totalSz"]) == sz
        assert desk.position(coin) is None

    def test_by_cloid(self, desk, coin, px, sz):
        status = one(desk.exchange.order(coin, True, sz, px, GTC, cloid=CLOID))
        assert status["resting"]["cloid"] == CLOID.to_raw().lower()
        found = desk.info.query_order_by_cloid(ALICE.address, CLOID)
        assert found["order"]["order"]["oid"] == status["resting"]["oid"]
        assert one(desk.exchange.cancel_by_cloid(coin, CLOID)) == "success"
        assert status_of(desk, CLOID) == "canceled"


def test_modify_by_oid_and_by_cloid(desk):
    oid = resting(desk.exchange.order("ETH", True, 0.2, 3000, GTC, cloid=CLOID))
    again = one(desk.exchange.modify_order(oid, "ETH", True, 0.1, 3010, GTC, cloid=CLOID))["resting"]["oid"]
    assert again != oid
    assert status_of(desk, oid) == "canceled"
    third = one(desk.exchange.modify_order(CLOID, "ETH", True, 0.1, 3020, GTC, cloid=CLOID))["resting"]["oid"]
    (order,) = desk.info.open_orders(ALICE.address)
    assert (order["oid"], order["limitPx"], order["sz"]) == (third, "3020.0", "0.1")
    assert order["cloid"] == CLOID.to_raw().lower()


def test_a_modify_of_what_is_gone_says_so(desk):
    oid = resting(desk.exchange.order("ETH", True, 0.2, 3000, GTC))
    desk.exchange.cancel("ETH", oid)
    answer = desk.exchange.modify_order(oid, "ETH", True, 0.1, 3010, GTC)
    text = answer["response"] if answer["status"] == "err" else one(answer)["error"]
    assert "Cannot modify canceled or filled order" in text


def test_bulk_modify(desk):
    oids = [resting(desk.exchange.order("ETH", True, 0.2, px, GTC)) for px in (2900, 2910)]
    result = desk.exchange.bulk_modify_orders_new(
        [
            {
                "oid": oid,
                "order": {
                    "coin": "ETH",
                    "is_buy": True,
                    "sz": 0.3,
                    "limit_px": px,
                    "order_type": ALO,
                    "reduce_only": False,
                    "cloid": None,
                },
            }
            for oid, px in zip(oids, (2950, 2960), strict=True)
        ]
    )
    assert [s["resting"]["oid"] for s in result["response"]["data"]["statuses"]]
    assert {o["limitPx"] for o in desk.info.open_orders(ALICE.address)} == {"2950.0", "2960.0"}


def test_bulk_orders_and_bulk_cancel(desk):
    orders = [
        {"coin": "ETH", "is_buy": True, "sz": 0.1, "limit_px": 3000, "order_type": GTC, "reduce_only": False},
        {"coin": "xyz:SNDK", "is_buy": True, "sz": 0.1, "limit_px": 1690.1, "order_type": ALO, "reduce_only": False},
        {"coin": "test:ABC", "is_buy": False, "sz": 10, "limit_px": 10.5, "order_type": GTC, "reduce_only": False},
    ]
    result = desk.exchange.bulk_orders(orders)
    oids = [s["resting"]["oid"] for s in result["response"]["data"]["statuses"]]
    cancels = [{"coin": o["coin"], "oid": oid} for o, oid in zip(orders, oids, strict=True)]
    result = desk.exchange.bulk_cancel([*cancels, {"coin": "ETH", "oid": 1}])
    statuses = result["response"]["data"]["statuses"]
    assert statuses[:3] == ["success"] * 3
    assert statuses[3]["error"].startswith("Order was never placed, already canceled, or filled.")


def test_refusals_reach_the_sdk_as_statuses(desk):
    order = desk.exchange.order
    assert one(order("ETH", True, 0.001, 3000, GTC))["error"] == "Order must have minimum value of $10. asset=1"
    assert one(order("ETH", True, 0.1, 3000.33, GTC))["error"] == "Price must be divisible by tick size. asset=1"
    assert "immediately match" in one(order("ETH", True, 0.1, 3000, IOC))["error"]
    assert "bbo was 3199.5@3200.5" in one(order("ETH", True, 0.1, 3300, ALO))["error"]
    assert "Reduce only" in one(order("ETH", True, 0.1, 3000, GTC, reduce_only=True))["error"]
    assert "Insufficient margin" in one(order("ETH", True, 10_000, 3000, GTC))["error"]


def test_an_expired_action_is_refused(desk):
    desk.exchange.set_expires_after(desk.venue.now_ms() - 1_000)
    answer = desk.exchange.order("ETH", True, 0.2, 3000, GTC)
    assert answer == {"status": "err", "response": "Action already expired"}
    desk.exchange.set_expires_after(desk.venue.now_ms() + 60_000)
    resting(desk.exchange.order("ETH", True, 0.2, 3000, GTC))


def test_two_traders_meet_and_both_have_the_same_trade(desk, other):
    oid = resting(desk.exchange.order("ETH", True, 0.2, 3200, GTC))  # better than the market's own bid
    filled(other.exchange.order("ETH", False, 0.2, 3200, IOC))
    (mine,), (theirs,) = desk.info.user_fills(ALICE.address), other.info.user_fills(BOB.address)
    assert mine["oid"] == oid
    assert (mine["tid"], mine["hash"], mine["px"], mine["sz"]) == (theirs["tid"], theirs["hash"], "3200.0", "0.2")
    assert (mine["crossed"], theirs["crossed"]) == (False, True)
    assert status_of(desk, oid) == "filled"


# triggers --------------------------------------------------------------------------------------------------------------


def stop(px: float, tpsl: str = "sl", is_market: bool = True):
    return {"trigger": {"triggerPx": px, "isMarket": is_market, "tpsl": tpsl}}


def until(holds, timeout_s: float = 3.0):
    import time

    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < timeout_s
        time.sleep(0.02)


def test_a_stop_waits_triggers_and_closes(desk, venue):
    filled(desk.exchange.market_open("ETH", True, 0.2))
    oid = resting(desk.exchange.order("ETH", False, 0.2, 3000, stop(3100), reduce_only=True))
    (front,) = desk.info.frontend_open_orders(ALICE.address)
    assert front["oid"] == oid
    assert front["isTrigger"] is True
    assert front["triggerPx"] == "3100.0"
    assert front["orderType"] == "Stop Market"
    assert front["reduceOnly"] is True
    venue.pin("ETH", "3049.5", "3050.5", size="100")
    until(lambda: desk.position("ETH") is None)
    assert desk.info.open_orders(ALICE.address) == []
    assert desk.info.user_fills(ALICE.address)[0]["dir"] == "Close Long"


def test_a_take_profit_can_be_cancelled(desk):
    filled(desk.exchange.market_open("ETH", True, 0.2))
    oid = resting(desk.exchange.order("ETH", False, 0.2, 3500, stop(3400, "tp"), reduce_only=True))
    assert one(desk.exchange.cancel("ETH", oid)) == "success"
    assert desk.info.frontend_open_orders(ALICE.address) == []


def tpsl_orders(px: float):
    def order(is_buy, limit, kind, reduce_only):
        return {
            "coin": "ETH",
            "is_buy": is_buy,
            "sz": 0.2,
            "limit_px": limit,
            "order_type": kind,
            "reduce_only": reduce_only,
        }

    return [
        order(True, px, GTC, False),
        order(False, 3500, stop(3400, "tp"), True),
        order(False, 2900, stop(3000), True),
    ]


def test_normal_tpsl_while_the_parent_rests(desk):
    result = desk.exchange.bulk_orders(tpsl_orders(3150), grouping="normalTpsl")
    statuses = result["response"]["data"]["statuses"]
    assert "resting" in statuses[0]
    assert statuses[1:] == ["waitingForFill", "waitingForFill"]
    assert one(desk.exchange.cancel("ETH", statuses[0]["resting"]["oid"])) == "success"
    assert desk.info.frontend_open_orders(ALICE.address) == []


def test_normal_tpsl_one_side_cancels_the_other(desk, venue):
    result = desk.exchange.bulk_orders(tpsl_orders(3250), grouping="normalTpsl")
    statuses = result["response"]["data"]["statuses"]
    assert "filled" in statuses[0]
    assert statuses[1:] == ["waitingForTrigger", "waitingForTrigger"]
    assert len(desk.info.frontend_open_orders(ALICE.address)) == 2
    venue.pin("ETH", "3410", "3411", size="100")
    until(lambda: desk.position("ETH") is None)
    until(lambda: desk.info.frontend_open_orders(ALICE.address) == [])
    ended = {o["status"] for o in desk.info.historical_orders(ALICE.address) if o["order"]["isTrigger"]}
    assert "siblingFilledCanceled" in ended


def test_position_tpsl_follows_the_position(desk):
    filled(desk.exchange.market_open("ETH", True, 0.2))
    _, tp, sl = tpsl_orders(0)
    result = desk.exchange.bulk_orders([tp, sl], grouping="positionTpsl")
    assert result["status"] == "ok", result
    fronts = desk.info.frontend_open_orders(ALICE.address)
    assert [f["isPositionTpsl"] for f in fronts] == [True, True]
    filled(desk.exchange.market_close("ETH"))
    until(lambda: desk.info.frontend_open_orders(ALICE.address) == [])


def test_a_grouping_without_its_layout_is_refused(desk):
    answer = desk.exchange.bulk_orders(tpsl_orders(3150)[:1], grouping="positionTpsl")
    text = answer["response"] if answer["status"] == "err" else one(answer)["error"]
    assert "Unexpected number of trigger orders" in text
