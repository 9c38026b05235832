"""What one order does: matching, sizes, refusals in the venue's words, and what its user is told."""

from __future__ import annotations

import pytest

OTHER_KEY = "0x0123456789012345678901234567890123456789012345678901234567890123"
OTHER_USER = "0x14791697260e4c9a71f18484c9f997b308e59325"

CLOID = "0x0000000000000000000000000000abcd"


def error(status):
    return status["error"]


def test_an_ioc_takes_the_touch_and_everybody_is_told_once(desk):
    status = desk.order(True, "1700", "0.05", cloid=CLOID)
    assert status == {"filled": {"totalSz": "0.05", "avgPx": "1699.0", "oid": status["filled"]["oid"], "cloid": CLOID}}
    block = desk.later()
    kinds = [e.channel for e in block.user_events]
    assert kinds == ["orderUpdates", "userFills", "user"]
    updates = block.user_events[0].data
    assert [(u["status"], u["order"]["sz"]) for u in updates] == [("open", "0.05"), ("filled", "0.0")]
    (fill,) = block.user_events[1].data["fills"]
    assert "isSnapshot" not in block.user_events[1].data
    assert (fill["px"], fill["sz"], fill["side"], fill["dir"]) == ("1699.0", "0.05", "B", "Open Long")
    assert (fill["startPosition"], fill["closedPnl"], fill["crossed"], fill["cloid"]) == ("0.0", "0.0", True, CLOID)
    assert desk.later().user_events == ()


def test_an_ioc_that_finds_too_little_is_filled_with_less_and_the_rest_is_gone(desk):
    status = desk.order(True, "1699", "1.5")
    assert status["filled"]["totalSz"] == "1.0"
    assert desk.info("openOrders", user=desk.user, dex="xyz") == []
    (updates,) = desk.told("orderUpdates")
    assert [u["status"] for u in updates] == ["open", "filled"]


def test_an_ioc_without_a_match(desk):
    status = desk.order(True, "1698", "0.05", cloid=CLOID)
    assert error(status) == "Order could not immediately match against any resting orders. asset=110016"
    (updates,) = desk.told("orderUpdates")
    assert [u["status"] for u in updates] == ["iocCancelRejected"]
    assert desk.info("orderStatus", user=desk.user, oid=CLOID)["order"]["status"] == "iocCancelRejected"


def test_what_was_taken_is_gone_for_a_moment(desk):
    assert desk.order(True, "1699", "1")["filled"]["totalSz"] == "1.0"
    assert "error" in desk.order(True, "1699", "0.1")
    desk.later(2_000)
    assert desk.order(True, "1699", "0.1")["filled"]["avgPx"] == "1699.0"


def test_a_take_walks_the_levels(desk):
    status = desk.order(True, "1702", "1.2")
    assert float(status["filled"]["avgPx"]) > 1699
    assert status["filled"]["totalSz"] == "1.2"


def test_gtc_rests_and_the_moving_market_fills_it_as_maker_at_its_own_price(desk):
    status = desk.order(True, "1696", "0.05", tif="Gtc", cloid=CLOID)
    oid = status["resting"]["oid"]
    assert [o["oid"] for o in desk.info("openOrders", user=desk.user, dex="xyz")] == [oid]
    assert desk.info("openOrders", user=desk.user) == []
    desk.told("orderUpdates")
    desk.pin(bid="1692", ask="1694")
    (fills,) = desk.told("userFills")
    assert (fills["fills"][0]["px"], fills["fills"][0]["crossed"]) == ("1696.0", False)
    assert fills["fills"][0]["fee"] == "0.002544"  # 0.05 x 1696 x 0.003 %
    assert desk.info("openOrders", user=desk.user, dex="xyz") == []


def test_alo_that_would_match_is_refused_with_the_touch(desk):
    text = error(desk.order(True, "1699", "0.05", tif="Alo"))
    assert text == "Post only order would have immediately matched, bbo was 1698@1699. asset=110016"
    assert "resting" in desk.order(True, "1698.5", "0.05", tif="Alo")


@pytest.mark.parametrize(
    ("px", "sz", "text"),
    [
        ("1699.12", "0.05", "Price must be divisible by tick size."),
        ("0", "0.05", "Order has invalid price."),
        ("1699", "0.0501", "Order has invalid size."),
        ("1699", "0", "Order has zero size."),
        ("1699", "0.005", "Order must have minimum value of $10."),
        ("3400", "0.05", "Order price cannot be more than 95% away from the reference price"),
        ("1699", "6", "Insufficient margin to place order."),
    ],
)
def test_refusals(desk, px, sz, text):
    assert error(desk.order(True, px, sz)) == f"{text} asset=110016"
    assert desk.szi() == "0.0"


def test_the_minimum_is_measured_on_the_limit_price(desk):
    assert "error" in desk.order(False, "1600", "0.006")  # worth 10.2 at the touch, 9.6 at the limit
    assert "filled" in desk.order(True, "1750", "0.006")


@pytest.mark.parametrize(("asset", "word"), [(110999, "not listed"), (110032, "delisted"), (3, "delisted")])
def test_an_asset_that_cannot_be_traded(desk, asset, word):
    assert word in error(desk.order(True, "50", "1", a=asset))


def test_reduce_only_is_refused_when_flat_and_in_the_same_direction(desk):
    text = "Reduce only order would increase position. asset=110016"
    assert error(desk.order(False, "1690", "0.05", reduce_only=True)) == text
    desk.order(True, "1700", "0.05")
    assert error(desk.order(True, "1700", "0.05", reduce_only=True)) == text


def test_reduce_only_is_cut_to_the_position_and_never_flips(desk):
    desk.order(True, "1700", "0.05")
    status = desk.order(False, "1690", "0.3", reduce_only=True)
    assert status["filled"]["totalSz"] == "0.05"
    assert desk.szi() == "0.0"
    record = desk.info("orderStatus", user=desk.user, oid=status["filled"]["oid"])["order"]["order"]
    assert record["origSz"] == "0.3"


def test_a_resting_reduce_only_shrinks_with_the_position_and_goes_with_it(desk):
    desk.order(True, "1700", "0.05")
    desk.order(False, "1750", "0.05", tif="Gtc", reduce_only=True)
    desk.told("orderUpdates")
    desk.order(False, "1690", "0.02", reduce_only=True)
    assert [o["sz"] for o in desk.info("openOrders", user=desk.user, dex="xyz")] == ["0.03"]
    desk.order(False, "1690", "0.03", reduce_only=True)
    (updates,) = desk.told("orderUpdates")
    assert "reduceOnlyCanceled" in [u["status"] for u in updates]
    assert desk.info("openOrders", user=desk.user, dex="xyz") == []


@pytest.mark.parametrize("reduce_only", [True, False])
def test_closing_the_whole_position_is_exempt_from_the_minimum_but_a_part_is_not(desk, reduce_only):
    desk.order(True, "1750", "0.007")
    part = desk.order(False, "1400", "0.006", reduce_only=reduce_only)
    assert error(part) == "Order must have minimum value of $10. asset=110016"
    whole = desk.order(False, "1400", "0.007", reduce_only=reduce_only)
    assert whole["filled"]["totalSz"] == "0.007"
    assert desk.szi() == "0.0"


def test_a_plain_order_flips_a_position(desk):
    desk.order(True, "1700", "0.05")
    desk.order(False, "1690", "0.08")
    assert desk.szi() == "-0.03"
    assert desk.info("userFills", user=desk.user)[0]["dir"] == "Long > Short"


def test_two_users_trade_with_each_other_at_the_makers_price_under_one_tid(desk):
    desk.order(False, "1698.5", "0.05", tif="Gtc", key=OTHER_KEY)
    status = desk.order(True, "1700", "0.05")
    assert status["filled"]["avgPx"] == "1698.5"
    (mine,), (theirs,) = (desk.info("userFills", user=u) for u in (desk.user, OTHER_USER))
    assert mine["tid"] == theirs["tid"]
    assert (mine["crossed"], theirs["crossed"], theirs["dir"]) == (True, False, "Open Short")


def test_an_account_never_trades_with_itself(desk):
    desk.order(False, "1698.5", "0.05", tif="Gtc")
    status = desk.order(True, "1700", "0.05")
    assert status["filled"]["avgPx"] == "1699.0"
    (updates,) = desk.told("orderUpdates")
    assert "selfTradeCanceled" in [u["status"] for u in updates]


def test_a_cloid_may_be_used_again_and_finds_the_latest(desk):
    first = desk.order(True, "1700", "0.05", cloid=CLOID)["filled"]["oid"]
    second = desk.order(True, "1700", "0.05", cloid=CLOID)["filled"]["oid"]
    assert first != second
    assert desk.szi() == "0.1"
    found = desk.info("orderStatus", user=desk.user, oid=CLOID)["order"]["order"]
    assert found["oid"] == second


def test_cancel_by_oid_and_by_cloid_and_what_cannot_be_cancelled(desk):
    oid = desk.order(True, "1600", "0.05", tif="Gtc")["resting"]["oid"]
    desk.order(True, "1601", "0.05", tif="Gtc", cloid=CLOID)
    gone = {"error": "Order was never placed, already canceled, or filled. asset=110016"}
    by_oid = {"type": "cancel", "cancels": [{"a": 110016, "o": oid}, {"a": 110016, "o": 99}]}
    assert desk.send(by_oid)["response"]["data"]["statuses"] == ["success", gone]
    assert desk.send(by_oid)["response"]["data"]["statuses"] == [gone, gone]
    by_cloid = {"type": "cancelByCloid", "cancels": [{"asset": 110016, "cloid": CLOID}]}
    assert desk.send(by_cloid, key=OTHER_KEY)["response"]["data"]["statuses"] == [gone]
    assert desk.send(by_cloid)["response"]["data"]["statuses"] == ["success"]


def test_a_batch_is_answered_item_by_item(desk):
    orders = [
        {"a": 110016, "b": True, "p": px, "s": "0.05", "r": False, "t": {"limit": {"tif": "Ioc"}}}
        for px in ("1700", "1600")
    ]
    reply = desk.send({"type": "order", "orders": orders, "grouping": "na"})
    assert [next(iter(s)) for s in reply["response"]["data"]["statuses"]] == ["filled", "error"]
