"""Trouble with markets: what the book looks like meanwhile, who is refused, and that it passes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.sim.control import ControlError

COIN = "xyz:SNDK"


def touches(desk, coin=COIN):
    bids, asks = desk.info("l2Book", coin=coin)["levels"]
    return (bids[0]["px"] if bids else None), (asks[0]["px"] if asks else None)


def fault(desk, name, **settings):
    desk.control(do="fault", name=name, **settings)


def test_a_halted_market_shows_nothing_and_takes_nothing_until_it_is_over(desk):
    desk.order(True, "1700", "0.05")
    fault(desk, "halt", coin=COIN, for_ms=1_000)
    assert desk.order(True, "1700", "0.05") == {"error": "Trading is halted. asset=110016"}
    assert desk.order(False, "1690", "0.05", reduce_only=True) == {"error": "Trading is halted. asset=110016"}
    assert COIN in desk.later().coins
    assert touches(desk) == (None, None)
    assert desk.info("metaAndAssetCtxs", dex="xyz")[1][16]["midPx"] is None
    assert desk.szi() == "0.05"
    assert COIN in desk.later(1_000).coins
    assert touches(desk) == ("1698.0", "1699.0")
    assert "filled" in desk.order(False, "1690", "0.05", reduce_only=True)


def test_a_halt_without_a_coin_is_of_those_that_move(make_desk):
    desk = make_desk(markets=("BTC",))
    fault(desk, "halt")
    desk.later()
    assert touches(desk, "BTC") == (None, None)
    assert None not in touches(desk)
    assert "filled" in desk.order(True, touches(desk)[1], "0.05")
    desk.control(do="clear_faults")
    desk.later()
    assert None not in touches(desk, "BTC")


def test_a_resting_order_waits_through_a_halt_and_can_be_cancelled(desk):
    oid = desk.order(True, "1690", "0.05", tif="Gtc")["resting"]["oid"]
    fault(desk, "halt", coin=COIN)
    desk.later()
    reply = desk.send({"type": "cancel", "cancels": [{"a": 110016, "o": oid}]})
    assert reply["response"]["data"]["statuses"] == ["success"]


@pytest.mark.parametrize(("side", "left"), [("bids", (None, "1699.0")), ("asks", ("1698.0", None))])
def test_one_side_vanishes(desk, side, left):
    fault(desk, "one_sided", coin=COIN, side=side, for_ms=500)
    desk.later()
    assert touches(desk) == left
    status = desk.order(side == "asks", "1700" if side == "asks" else "1690", "0.05")
    assert "could not immediately match" in status["error"]
    desk.later(600)
    assert touches(desk) == ("1698.0", "1699.0")


def test_both_sides_can_vanish_by_two_faults_that_end_apart(desk):
    fault(desk, "one_sided", coin=COIN, side="bids", for_ms=300)
    fault(desk, "one_sided", coin=COIN, side="asks", for_ms=900)
    desk.later()
    assert touches(desk) == (None, None)
    desk.later(400)
    assert touches(desk) == ("1698.0", None)
    desk.later(600)
    assert touches(desk) == ("1698.0", "1699.0")


def test_the_spread_widens_and_comes_back(desk):
    fault(desk, "spread_shock", coin=COIN, factor=9, for_ms=500)
    desk.later()
    assert touches(desk) == ("1694.0", "1703.0")
    desk.later(600)
    assert touches(desk) == ("1698.0", "1699.0")


def test_oracle_and_book_jump_together_once(desk):
    fault(desk, "price_gap", coin=COIN, bps=-200)
    desk.later()
    assert touches(desk) == ("1664.0", "1665.1")
    assert desk.info("metaAndAssetCtxs", dex="xyz")[1][16]["oraclePx"] == "1666.0"
    desk.later()
    assert touches(desk) == ("1664.0", "1665.1")


def test_trouble_moves_the_walk_of_no_dice(make_desk):
    calm, troubled = make_desk(markets=("BTC", COIN)), make_desk(markets=("BTC", COIN))
    fault(troubled, "spread_shock", factor=5, for_ms=2_000)
    fault(troubled, "one_sided", side="asks", for_ms=3_000)
    for desk in (calm, troubled):
        for _ in range(60):
            desk.later()
    for coin in ("BTC", COIN):
        assert touches(calm, coin) == touches(troubled, coin)


def test_a_jump_on_a_moving_market_moves_its_oracle_too(make_desk):
    calm, jumped = make_desk(markets=("BTC",)), make_desk(markets=("BTC",))
    fault(jumped, "price_gap", coin="BTC", bps=300)
    for desk in (calm, jumped):
        desk.later(700)
    markets = [d.exchange.venue.markets["BTC"] for d in (calm, jumped)]
    for shown in ("oracle_px", "mark_px", "mid_px"):
        before, after = (getattr(m, shown) for m in markets)
        assert float(after / before) == pytest.approx(1.03, abs=0.0002)


def spec_shown(desk, index=16):
    return desk.info("meta", dex="xyz")["universe"][index]


def test_changed_rules_show_in_meta_and_bind(desk):
    assert spec_shown(desk)["szDecimals"] == 3
    fault(desk, "change_spec", coin=COIN, changes={"sz_decimals": 1, "max_leverage": 3})
    desk.later()
    assert (spec_shown(desk)["szDecimals"], spec_shown(desk)["maxLeverage"]) == (1, 3)
    assert desk.order(True, "1700", "0.05") == {"error": "Order has invalid size. asset=110016"}
    assert desk.order(True, "1700", "0.1")["filled"]["totalSz"] == "0.1"
    assert desk.position()["leverage"]["value"] == 3


@pytest.mark.parametrize(
    ("changes", "shown", "fee"),
    [
        ({}, {"growthMode": "enabled"}, "0.007646"),
        ({"growth_mode": False}, {"growthMode": None}, "0.076455"),
        ({"deployer_fee_scale": "2.5"}, {"deployerFeeScale": "2.5"}, "0.019114"),
    ],
)
def test_changed_fees_show_in_meta_and_are_charged(desk, changes, shown, fee):
    if changes:
        fault(desk, "change_spec", coin=COIN, changes=changes)
        desk.later()
    assert {key: spec_shown(desk).get(key) for key in shown} == shown
    desk.order(True, "1700", "0.05")
    assert desk.info("userFills", user=desk.user)[0]["fee"] == fee


def test_dexs_change_places_and_old_asset_ids_mean_other_markets(desk):
    desk.order(True, "1700", "0.05")
    fault(desk, "shift_dexs")
    desk.later()
    assert [d["name"] for d in desk.info("perpDexs")[1:]] == ["test", "xyz"]
    assert "filled" in desk.order(False, "1690", "0.05", a=120016, reduce_only=True)
    assert desk.szi() == "0.0"
    assert "error" in desk.order(True, "1700", "0.05", a=110016)
    fault(desk, "shift_dexs")
    desk.later()
    assert "filled" in desk.order(True, "1700", "0.05", a=110016)


def test_fees_change_for_everybody_as_told_and_as_charged(desk):
    fault(desk, "change_fees", factor=3)
    desk.later()
    assert desk.info("userFees", user=desk.user)["userCrossRate"] == "0.00135"
    desk.order(True, "1700", "0.05")
    assert desk.info("userFills", user=desk.user)[0]["fee"] == "0.022938"


def test_a_market_can_be_delisted_under_a_position(desk):
    desk.order(True, "1700", "0.05")
    fault(desk, "change_spec", coin=COIN, changes={"is_delisted": True})
    desk.later()
    assert spec_shown(desk)["isDelisted"] is True
    assert touches(desk) == (None, None)
    assert "delisted" in desk.order(False, "1690", "0.05", reduce_only=True)["error"]
    assert desk.szi() == "0.05"


def test_two_markets_change_places(desk):
    oid = desk.order(True, "1600", "0.05", tif="Gtc")["resting"]["oid"]
    fault(desk, "change_spec", coin=COIN, changes={"index": 14})
    desk.later()
    assert [spec_shown(desk, i)["name"] for i in (14, 16)] == [COIN, "xyz:AMD"]
    assert len({m["name"] for m in desk.info("meta", dex="xyz")["universe"]}) == 33
    assert "filled" in desk.order(True, "1700", "0.05", a=110014)
    assert desk.szi() == "0.05"
    assert "95% away" in desk.order(True, "1700", "0.05")["error"]  # AMD now
    cancels = {"type": "cancel", "cancels": [{"a": a, "o": oid} for a in (110016, 110014)]}
    wrong, right = desk.send(cancels)["response"]["data"]["statuses"]
    assert "never placed" in wrong["error"]
    assert right == "success"


def test_an_index_that_nobody_has_changes_nothing(desk):
    fault(desk, "change_spec", coin=COIN, changes={"index": 999})
    desk.later()
    assert spec_shown(desk)["name"] == COIN


def test_coarser_lots_reach_a_moving_book(make_desk):
    desk = make_desk(markets=(COIN,))
    fault(desk, "change_spec", coin=COIN, changes={"sz_decimals": 0})
    desk.later()
    bids, asks = desk.info("l2Book", coin=COIN)["levels"]
    assert all(Decimal(x["sz"]) % 1 == 0 for x in (*bids, *asks))


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"name": "change_spec", "changes": {"sz_decimals": 1}}, "coin"),
        ({"name": "change_spec", "coin": COIN}, "changes"),
        ({"name": "change_spec", "coin": COIN, "changes": {"color": 1}}, "sz_decimals"),
        ({"name": "change_spec", "coin": COIN, "changes": {"sz_decimals": "1"}}, "int"),
        ({"name": "change_spec", "coin": COIN, "changes": [1]}, "object"),
        ({"name": "halt", "coin": "NOPE"}, "not listed"),
        ({"name": "halt", "count": 2}, "for_ms"),
        ({"name": "lose_reply", "coin": COIN}, "halt"),
        ({"name": "one_sided", "side": "left"}, "bids, asks"),
        ({"name": "price_gap", "bps": 100_000}, "5000"),
        ({"name": "price_gap", "bps": "many"}, "integer"),
        ({"name": "thin_book", "percent": 0}, "1 to 100"),
        ({"name": "spread_shock", "factor": 0}, "1 to 100"),
    ],
)
def test_impossible_trouble_is_refused(desk, settings, word):
    with pytest.raises(ControlError, match=word):
        desk.control(do="fault", **settings)
    assert desk.control(do="list_faults")["inForce"] == []
