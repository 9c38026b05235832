"""Leverage, margin mode, and what an isolated position holds of its own."""

from __future__ import annotations

from decimal import Decimal

import pytest

OK = {"status": "ok", "response": {"type": "default"}}
SNDK, INTC, RIVN = 110016, 110005, 110027


def set_to(desk, leverage, is_cross=True, asset=SNDK):
    return desk.send({"type": "updateLeverage", "asset": asset, "isCross": is_cross, "leverage": leverage})["response"]


def margin(desk, usd, asset=SNDK):
    action = {"type": "updateIsolatedMargin", "asset": asset, "isBuy": True, "ntli": int(Decimal(usd) * 10**6)}
    return desk.send(action)


def used(desk, coin="xyz:SNDK"):
    return Decimal(desk.position(coin)["marginUsed"])


@pytest.fixture
def isolated(desk):
    set_to(desk, 5, is_cross=False)
    desk.order(True, "1700", "0.5")
    return desk


@pytest.mark.parametrize(
    ("leverage", "is_cross", "asset", "text"),
    [
        (0, True, SNDK, "Invalid leverage value"),
        (11, True, SNDK, "Invalid leverage value"),
        (5, True, 119999, "Invalid leverage value"),
        (5, True, INTC, "Cross margin is not allowed for this asset."),
        (5, True, RIVN, "Cross margin is not allowed for this asset."),
    ],
)
def test_what_cannot_be_set(desk, leverage, is_cross, asset, text):
    assert set_to(desk, leverage, is_cross, asset) == text


def test_the_mode_is_fixed_while_a_position_is_open(isolated):
    assert set_to(isolated, 5) == "Cannot switch leverage type with open position."
    isolated.order(False, "1690", "0.5", reduce_only=True)
    assert set_to(isolated, 5) == OK["response"]


def test_lower_leverage_needs_margin_at_once(isolated):
    before = used(isolated)
    assert set_to(isolated, 4, is_cross=False) == OK["response"]
    assert used(isolated) > before
    text = "Isolated position does not have sufficient margin available to decrease leverage"
    isolated.send_own(
        "sendAsset",
        destination=isolated.user,
        sourceDex="xyz",
        destinationDex="",
        token="USDC",
        amount="700",
        fromSubAccount="",
    )
    assert set_to(isolated, 1, is_cross=False) == text


def test_lower_cross_leverage_needs_margin_too(desk):
    desk.order(True, "1700", "1")
    text = "Cross position does not have sufficient margin available to decrease leverage"
    assert set_to(desk, 1) == text
    assert set_to(desk, 2) == OK["response"]


def test_margin_goes_in_and_comes_out_down_to_what_is_needed(isolated):
    before = used(isolated)
    assert margin(isolated, 100) == OK
    assert used(isolated) == before + 100
    assert isolated.account_value() == pytest.approx(1000, abs=1)
    assert margin(isolated, -100) == OK
    assert margin(isolated, -1)["response"] == "Insufficient isolated margin to remove."
    assert margin(isolated, 5_000)["response"] == "Insufficient margin to add to isolated position."


def test_only_an_isolated_position_has_margin_of_its_own(desk):
    text = "Position does not use isolated margin."
    assert margin(desk, 5)["response"] == text
    desk.order(True, "1700", "0.05")
    assert margin(desk, 5)["response"] == text
    assert desk.send({"type": "topUpIsolatedOnlyMargin", "asset": SNDK, "leverage": "2"})["response"] == text


def test_top_up_brings_the_leverage_down(isolated):
    assert isolated.send({"type": "topUpIsolatedOnlyMargin", "asset": SNDK, "leverage": "2"}) == OK
    value = Decimal(isolated.position()["positionValue"])
    assert used(isolated) == pytest.approx(value / 2, abs=Decimal("0.001"))
    assert isolated.send({"type": "topUpIsolatedOnlyMargin", "asset": SNDK, "leverage": "11"})["status"] == "err"


def test_a_strictly_isolated_market_gives_nothing_back(desk):
    desk.pin("xyz:RIVN", oracle="15.4", bid="15.3", ask="15.4", size="100")
    assert "filled" in desk.order(True, "15.4", "50", a=RIVN)
    assert desk.position("xyz:RIVN")["leverage"]["type"] == "isolated"
    assert margin(desk, 20, RIVN) == OK
    assert margin(desk, -10, RIVN)["response"] == "Cannot remove margin from a strict isolated position."


def test_one_market_isolated_another_cross(desk):
    desk.pin("xyz:NVDA", oracle="185", bid="185", ask="185.1", size="10")
    set_to(desk, 3, is_cross=False)
    desk.order(True, "1700", "0.1")
    desk.order(True, "185.1", "1", a=110002)
    assert desk.position()["leverage"]["type"] == "isolated"
    assert desk.position("xyz:NVDA")["leverage"] == {"type": "cross", "value": 10}


def test_collateral_of_one_dex_is_none_on_another(desk):
    text = "Insufficient margin to place order. asset=110016"
    assert desk.order(True, "1700", "6", tif="Gtc") == {"error": text}
    desk.send_own(
        "sendAsset",
        destination=desk.user,
        sourceDex="",
        destinationDex="xyz",
        token="USDC",
        amount="900",
        fromSubAccount="",
    )
    desk.pin(size="20")
    assert "filled" in desk.order(True, "1700", "6")
