"""What one address may do: requests, open orders, items; and what a refusal costs."""

from __future__ import annotations

import pytest
from sim_desk import limit, trigger

from core.sim.nonces import NonceBook

OK = {"status": "ok", "response": {"type": "default"}}
NOOP = {"type": "noop"}
TOO_MANY = "Too many cumulative requests sent"


def used(desk):
    return desk.info("userRateLimit", user=desk.user)["nRequestsUsed"]


def fill_up(desk, count):
    """Rest so many orders without asking for each."""
    for _ in range(0, count, 200):
        orders = [limit(True, "400", "0.03")] * min(200, count)
        assert all("resting" in s for s in desk.orders(*orders))


def test_an_action_refused_as_a_whole_costs_nothing(desk):
    before = used(desk)
    assert desk.send({"type": "updateLeverage", "asset": 110016, "isCross": True, "leverage": 99})["status"] == "err"
    assert desk.send({"type": "modify", "oid": 5, "order": limit(True, "1600", "1")})["status"] == "err"
    assert used(desk) == before
    assert desk.send(NOOP) == OK
    assert used(desk) == before + 1


def test_nor_does_it_restart_the_wait_of_an_exhausted_address(desk):
    desk.exchange.venue.accounts[desk.user].requests_used = 10_000
    refused = {"type": "updateLeverage", "asset": 110016, "isCross": True, "leverage": 99}
    assert desk.send(refused)["response"] == "Invalid leverage value"
    assert desk.send(NOOP) == OK
    assert desk.send(NOOP)["response"].startswith(TOO_MANY)


def test_batches_of_modifies_count_their_items_and_have_a_limit(desk):
    before = used(desk)
    item = {"oid": 5, "order": limit(True, "1600", "1")}
    desk.send({"type": "batchModify", "modifies": [item] * 7})
    assert used(desk) == before + 7
    many = desk.send({"type": "batchModify", "modifies": [item] * 201})
    assert many["response"] == "Signed action over weight limit of 200."
    assert desk.send({"type": "batchModify", "modifies": []})["response"] == "Orders are empty."


def test_growth_mode_volume_counts_by_a_tenth(desk):
    cap = desk.info("userRateLimit", user=desk.user)["nRequestsCap"]
    desk.order(True, "1700", "1")  # 1699 USD
    assert desk.info("userRateLimit", user=desk.user)["nRequestsCap"] == cap + 169
    desk.pin("test:ABC", oracle="10", bid="9.99", ask="10", size="1000")
    desk.order(True, "10", "30", a=120000)
    assert desk.info("userRateLimit", user=desk.user)["nRequestsCap"] == cap + 169 + 300


def test_fees_of_a_builder_dex_with_and_without_growth_mode(desk):
    desk.pin("test:ABC", oracle="10", bid="9.99", ask="10", size="1000")
    desk.order(True, "10", "30", a=120000)
    assert desk.info("userFills", user=desk.user)[0]["fee"] == "0.27"  # 0.090 % of 300
    desk.order(True, "1700", "1")
    assert desk.info("userFills", user=desk.user)[0]["fee"] == "0.15291"  # 0.009 % of 1699


def test_a_thousand_open_orders(desk):
    desk.exchange.venue.fund(desk.user, 100_000)
    desk.order(True, "1700", "0.05")
    fill_up(desk, 1000)
    full = desk.order(True, "400", "0.03", tif="Gtc")
    assert full["error"].startswith("Too many open orders")
    assert desk.info("historicalOrders", user=desk.user)[0]["status"] == "tooManyOpenOrdersRejected"
    assert "filled" in desk.order(False, "1690", "0.01", tif="Ioc")
    desk.exchange.venue.accounts[desk.user].cum_volume += 10_000_000
    assert "resting" in desk.order(True, "400", "0.03", tif="Gtc")
    assert "Too many" in desk.orders(trigger("sl", False, "1500", "0.04"))[0]["error"]
    assert "Too many" in desk.order(False, "1790", "0.04", tif="Gtc", reduce_only=True)["error"]
    assert "resting" in desk.order(True, "400", "0.03", tif="Gtc")
    assert "Too many" in desk.order(True, "400", "0.03", tif="Gtc")["error"]


@pytest.mark.parametrize("px", ["3316", "84"])
def test_the_band_around_the_oracle(desk, px):
    text = "Order price cannot be more than 95% away from the reference price asset=110016"
    assert desk.order(px == "3316", px, "1", tif="Gtc") == {"error": text}


def test_a_signers_old_nonces_do_not_pile_up():
    book = NonceBook()
    for nonce in range(60_000):
        assert book.use("a", nonce) is None
    assert len(book._seen["a"]) == 10_000
    assert book.use("a", 5).startswith("Invalid nonce: nonce too low")
    assert book.use("a", 59_950).startswith("Invalid nonce: duplicate")
    assert book.use("a", 60_000) is None


def test_a_nonce_far_ahead_stays_used_however_many_follow():
    book = NonceBook()
    assert book.use("a", 10**9) is None
    for nonce in range(55_000):
        assert book.use("a", nonce) is None
    assert book.use("a", 10**9) == "Invalid nonce: duplicate nonce 1000000000"
