"""Who is let in: signatures, agents, nonces, vaults, expiry, weight and budget, in the venue's order and words."""

from __future__ import annotations

import pytest
from sim_desk import OTHER_USER

from core.sim.admission import WireFailure
from core.sim.nonces import NonceBook, range_error

STRANGER_KEY = "0x" + "7" * 64
AGENT_KEY = "0x" + "5" * 64
NOOP = {"type": "noop"}
OK = {"status": "ok", "response": {"type": "default"}}
DAY_MS = 86_400_000


def test_a_signed_noop_is_taken_and_uses_its_nonce(desk):
    nonce = desk.next_nonce()
    assert desk.send(NOOP, nonce=nonce) == OK
    assert desk.send(NOOP, nonce=nonce)["response"] == f"Invalid nonce: duplicate nonce {nonce}"


def test_the_same_signed_bytes_are_executed_once(desk):
    order = {"a": 110016, "b": True, "p": "1700", "s": "0.05", "r": False, "t": {"limit": {"tif": "Ioc"}}}
    envelope = desk.envelope({"type": "order", "orders": [order], "grouping": "na"})
    assert desk.raw(envelope)["status"] == "ok"
    assert "duplicate nonce" in desk.raw(envelope)["response"]
    assert desk.szi() == "0.05"


def test_a_stranger_is_named_by_the_address_recovered(desk):
    text = desk.send(NOOP, key=STRANGER_KEY)["response"]
    assert text.startswith("User or API Wallet 0x")
    assert text.endswith(" does not exist.")
    assert text == text.replace("0X", "0x")


def test_the_other_networks_letter_recovers_a_stranger(desk, make_desk):
    assert "does not exist" in desk.send(NOOP, is_mainnet=True)["response"]
    mainnet = make_desk(is_mainnet=True)
    assert mainnet.send(NOOP, is_mainnet=True) == OK


def test_a_change_after_signing_recovers_another_address_each_time(desk):
    texts = set()
    for _ in range(2):
        envelope = desk.envelope({"type": "scheduleCancel"})
        envelope["action"] = NOOP
        texts.add(desk.raw(envelope)["response"])
    assert len(texts) == 2


def test_numbers_are_rewritten_before_hashing(desk):
    order = {"a": 110016, "b": True, "p": "1700", "s": "0.05", "r": False, "t": {"limit": {"tif": "Ioc"}}}
    envelope = desk.envelope({"type": "order", "orders": [order], "grouping": "na"})
    envelope["action"]["orders"][0]["p"] = "1700.0"
    envelope["action"] = dict(reversed(envelope["action"].items()))
    assert desk.raw(envelope)["status"] == "ok"


def test_a_signature_of_nobody(desk):
    envelope = desk.envelope(NOOP)
    envelope["signature"] = {"r": "0x0", "s": "0x0", "v": 27}
    assert desk.raw(envelope)["response"] == "Unable to recover signer."


@pytest.mark.parametrize("spelt", [OTHER_USER, OTHER_USER.upper().replace("0X", "0x"), OTHER_USER[2:]])
def test_the_address_acted_for_in_every_spelling_that_clients_have(desk, spelt):
    envelope = desk.envelope({"type": "noop"}, vault=OTHER_USER) | {"vaultAddress": spelt}
    assert desk.raw(envelope) == {"status": "err", "response": f"Vault not registered: {OTHER_USER}"}


def test_an_agent_acts_for_its_master(desk):
    from core.hyperliquid.signing_key import as_signing_key

    agent = as_signing_key(AGENT_KEY).address.lower()
    assert "does not exist" in desk.send(NOOP, key=AGENT_KEY)["response"]
    desk.control(do="approve_agent", user=desk.user, agent=agent, name="bot")
    assert "filled" in desk.order(True, "1700", "0.05", key=AGENT_KEY)
    assert desk.szi() == "0.05"
    assert desk.info("userRole", user=agent) == {"role": "agent", "data": {"user": desk.user}}
    assert desk.info("extraAgents", user=desk.user)[0]["address"] == agent
    assert desk.info("clearinghouseState", user=agent, dex="xyz")["assetPositions"] == []


def test_nonces_are_counted_per_signer(desk):
    book = NonceBook()
    assert book.use("a", 5) is None
    assert book.use("b", 5) is None
    assert book.use("a", 5) == "Invalid nonce: duplicate nonce 5"


def test_the_hundred_highest_nonces():
    book = NonceBook()
    for nonce in range(1000, 1100):
        assert book.use("a", nonce) is None
    assert book.use("a", 999) == "Invalid nonce: nonce too low 999 < 1000"
    assert book.use("a", 2000) is None
    assert book.use("a", 1000) == "Invalid nonce: duplicate nonce 1000"
    assert book.use("a", 1500) is None  # out of order among the highest is fine


def test_the_window_of_nonces_is_told_even_to_a_stranger(desk):
    low = desk.send(NOOP, nonce=desk.now_ms - 2 * DAY_MS, key=STRANGER_KEY)["response"]
    high = desk.send(NOOP, nonce=desk.now_ms + DAY_MS)["response"]
    assert low.startswith(f"Invalid nonce: nonce too low {desk.now_ms - 2 * DAY_MS} < ")
    assert high.startswith(f"Invalid nonce: nonce too high {desk.now_ms + DAY_MS} > ")
    assert range_error(desk.now_ms - DAY_MS, desk.now_ms) is None


def test_a_vault_that_is_not_yours(desk):
    vault = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
    assert desk.send(NOOP, vault=vault)["response"] == f"Vault not registered: {vault}"


def test_an_expired_action_is_not_executed_uses_its_nonce_and_costs_five(desk):
    used = desk.info("userRateLimit", user=desk.user)["nRequestsUsed"]
    nonce = desk.next_nonce()
    assert desk.send(NOOP, nonce=nonce, expires=desk.now_ms - 1)["response"] == "Action already expired"
    assert desk.info("userRateLimit", user=desk.user)["nRequestsUsed"] == used + 5
    assert "duplicate" in desk.send(NOOP, nonce=nonce)["response"]
    assert desk.send(NOOP, expires=desk.now_ms + 5) == OK


def test_empty_and_overweight_actions(desk):
    assert desk.send({"type": "cancel", "cancels": []})["response"] == "Orders are empty."
    many = {"type": "cancel", "cancels": [{"a": 1, "o": i} for i in range(201)]}
    assert desk.send(many)["response"] == "Signed action over weight limit of 200."


def test_a_batch_costs_its_items_failed_ones_included(desk):
    before = desk.info("userRateLimit", user=desk.user)["nRequestsUsed"]
    desk.send({"type": "cancel", "cancels": [{"a": 1, "o": i} for i in range(7)]})
    assert desk.info("userRateLimit", user=desk.user)["nRequestsUsed"] == before + 7


def test_an_exhausted_address_gets_one_action_per_ten_seconds_but_may_cancel(desk):
    desk.exchange.venue.accounts[desk.user].requests_used = 10_000
    assert desk.send(NOOP) == OK
    text = desk.send(NOOP)["response"]
    assert text == (
        "Too many cumulative requests sent (10002 > 10000) for cumulative volume traded $0.00. "
        "Place taker orders to free up 1 request per USDC traded."
    )
    assert desk.send({"type": "cancel", "cancels": [{"a": 1, "o": 1}]})["status"] == "ok"
    desk.now_ms += 10_000
    assert desk.send(NOOP) == OK


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"action": {"type": "order", "orders": [{"a": 1}], "grouping": "na"}}, "orders[0]"),
        ({"action": {"type": "flyToTheMoon"}}, "flyToTheMoon"),
        ({"action": 5}, "action"),
        ({"nonce": "1"}, "nonce"),
        ({"signature": {"r": "0x1"}}, "signature"),
        ({"vaultAddress": "0x12"}, "vaultAddress"),
        ({"expiresAfter": 1.5}, "expiresAfter"),
    ],
)
def test_what_does_not_decode_is_422(desk, change, word):
    with pytest.raises(WireFailure) as failure:
        desk.raw({**desk.envelope(NOOP), **change})
    assert failure.value.status == 422
    assert failure.value.text.startswith("Failed to deserialize the JSON body into the target type")
    assert word in failure.value.text


def test_actions_are_ranked_inside_a_block(desk):
    def rank(action):
        return desk.exchange.decode(desk.envelope(action)).block_class

    def order(tif):
        o = {"a": 110016, "b": True, "p": "1700", "s": "0.05", "r": False, "t": {"limit": {"tif": tif}}}
        return {"type": "order", "orders": [o], "grouping": "na"}

    cancel = {"type": "cancel", "cancels": [{"a": 1, "o": 1}]}
    assert [rank(a) for a in (NOOP, order("Alo"), cancel, order("Ioc"), order("Gtc"))] == [0, 0, 1, 2, 2]


def test_leverage(desk):
    def set_to(leverage, is_cross=True, asset=110016):
        reply = desk.send({"type": "updateLeverage", "asset": asset, "isCross": is_cross, "leverage": leverage})
        return reply["response"]

    assert set_to(11) == "Invalid leverage value"
    assert set_to(5, asset=110005) == "Cross margin is not allowed for this asset."
    assert set_to(5) == {"type": "default"}
    desk.order(True, "1700", "0.05")
    assert desk.position()["leverage"] == {"type": "cross", "value": 5}
    assert set_to(5, is_cross=False) == "Cannot switch leverage type with open position."


def test_scheduled_cancel_needs_volume_and_then_cancels_everything(desk):
    at = desk.now_ms + 6_000
    refused = desk.send({"type": "scheduleCancel", "time": at})["response"]
    assert refused.startswith("Cannot set scheduled cancel time until enough volume traded. Required: $1000000.")
    desk.exchange.venue.accounts[desk.user].cum_volume += 1_000_000
    assert desk.send({"type": "scheduleCancel", "time": at}) == OK
    desk.order(True, "1600", "0.05", tif="Gtc")
    desk.later(5_000)
    assert len(desk.info("openOrders", user=desk.user, dex="xyz")) == 1
    desk.later(2_000)
    assert desk.info("openOrders", user=desk.user, dex="xyz") == []
    assert desk.info("historicalOrders", user=desk.user)[0]["status"] == "scheduledCancel"
