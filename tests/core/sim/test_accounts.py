"""Money adds up: fees, results, margin, cross and isolated, on each dex apart."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from core.sim.accounts import MAKER_RATE, TAKER_RATE, apply_fill, fee_of, fund, margin_of
from core.sim.universe import real_universe

UNIVERSE = real_universe()
SNDK = UNIVERSE.by_coin["xyz:SNDK"]
BTC = UNIVERSE.by_coin["BTC"]
INTC = UNIVERSE.by_coin["xyz:INTC"]
JPY = UNIVERSE.by_coin["xyz:JPY"]
D = Decimal


@pytest.mark.parametrize(
    ("listing", "taker", "maker"),
    [(BTC, "0.00045", "0.00015"), (SNDK, "0.00009", "0.00003"), (JPY, "0.0009", "0.0003")],
    ids=["main dex", "growth mode", "deployer scale 1.0"],
)
def test_rates(listing, taker, maker):
    assert fee_of(listing, D(1000), D(1), True) == D(1000) * D(taker)
    assert fee_of(listing, D(1000), D(1), False) == D(1000) * D(maker)


def account():
    return fund(UNIVERSE, "0xme", D(1000))


def test_open_add_reduce_close_flip():
    me = account()
    steps = [
        (True, 100, 2, "0", "Open Long", 0),
        (True, 200, 2, "2", "Open Long", 0),
        (False, 160, 1, "4", "Close Long", 10),
        (False, 140, 5, "3", "Long > Short", -30),
        (True, 130, 2, "-2", "Close Short", 20),
    ]
    for is_buy, px, sz, start, direction, pnl in steps:
        effect = apply_fill(me, SNDK, is_buy, D(px), D(sz), D(0))
        assert (effect.start_position, effect.direction, effect.closed_pnl) == (D(start), direction, D(pnl))
    assert me.position(SNDK) is None
    assert me.dexes["xyz"].raw_usd == 1000
    assert me.dexes[""].raw_usd == 1000


@pytest.mark.parametrize("listing", [SNDK, INTC], ids=["cross", "isolated"])
def test_equity_is_deposits_plus_results_less_fees_after_any_walk(listing):
    dice = random.Random(3)
    me, result, fees = account(), D(0), D(0)
    for _ in range(300):
        is_buy, px, sz = dice.random() < 0.5, D(dice.randint(50, 150)), D(dice.randint(1, 9)) / 10
        fee = fee_of(listing, px, sz, True)
        result += apply_fill(me, listing, is_buy, px, sz, fee).closed_pnl
        fees += fee
        mark = D(dice.randint(50, 150))
        position = me.position(listing)
        open_result = position.unrealized(mark) if position else D(0)
        m = margin_of(me.dexes["xyz"], {listing.coin: mark}, UNIVERSE)
        assert abs(m.account_value - (1000 + result - fees + open_result)) < D("1e-15")


def test_isolated_margin_is_set_aside_and_comes_back():
    me = account()
    apply_fill(me, INTC, True, D(40), D(10), D(0))
    position = me.position(INTC)
    assert not position.is_cross
    assert (position.leverage, position.raw_usd) == (10, D(-360))
    assert me.dexes["xyz"].raw_usd == 960
    m = margin_of(me.dexes["xyz"], {"xyz:INTC": D(40)}, UNIVERSE)
    assert (m.account_value, m.cross_value, m.margin_used, m.withdrawable) == (1000, 960, 40, 960)
    apply_fill(me, INTC, False, D(44), D(10), D(0))
    assert me.dexes["xyz"].raw_usd == 1040


def test_withdrawable_keeps_the_margin():
    me = account()
    apply_fill(me, SNDK, True, D(1700), D("0.5"), D(0))
    m = margin_of(me.dexes["xyz"], {"xyz:SNDK": D(1700)}, UNIVERSE)
    assert (m.notional, m.cross_margin_used, m.withdrawable) == (850, 85, 915)


def test_growth_volume_counts_a_tenth_toward_the_budget():
    me = account()
    apply_fill(me, SNDK, True, D(100), D(1), D(0))
    assert me.cum_volume == 10
    apply_fill(me, BTC, True, D(100), D(1), D(0))
    assert me.cum_volume == 110


def test_the_base_rates_are_what_user_fees_shows(desk):
    fees = desk.info("userFees", user=desk.user)
    assert (D(fees["userCrossRate"]), D(fees["userAddRate"])) == (TAKER_RATE, MAKER_RATE)


def test_a_round_trip_costs_the_spread_and_two_fees(desk):
    desk.order(True, "1700", "0.05")
    desk.order(False, "1690", "0.05", reduce_only=True)
    opened, closed = reversed(desk.info("userFills", user=desk.user))
    assert closed["closedPnl"] == "-0.05"
    assert desk.account_value() == 1000 - D("0.05") - D(opened["fee"]) - D(closed["fee"])
    assert desk.account_value(dex="") == 1000


def test_positions_are_seen_on_their_dex_only(desk):
    desk.order(True, "1700", "0.05")
    assert desk.info("clearinghouseState", user=desk.user)["assetPositions"] == []
    state = desk.info("clearinghouseState", user=desk.user, dex="xyz")
    assert state["assetPositions"][0]["position"]["szi"] == "0.05"
    assert state["assetPositions"][0]["type"] == "oneWay"
