"""Agents: approved by their owner in their own name, with a name, a limit of time and a number of places; and what they may not do."""

from __future__ import annotations

import pytest
from sim_desk import OTHER_KEY, OTHER_USER, limit

from core.hyperliquid.signing_key import as_signing_key

OK = {"status": "ok", "response": {"type": "default"}}
NOOP = {"type": "noop"}
DAY_MS = 86_400_000
KEYS = ["0x" + f"{n:02x}" * 32 for n in range(16, 32)]
ADDRESSES = [as_signing_key(key).address.lower() for key in KEYS]
NOBODY = "0x" + "0" * 40


def approve(desk, number, name=None, **how):
    named = {} if name is None else {"agentName": name}
    return desk.send_own("approveAgent", agentAddress=ADDRESSES[number], **named, **how)


def unknown(number):
    return {"status": "err", "response": f"User or API Wallet {ADDRESSES[number]} does not exist."}


@pytest.mark.parametrize("name", [None, "", "bot"])
def test_an_approved_agent_trades_for_its_owner(desk, name):
    assert desk.send(NOOP, key=KEYS[0]) == unknown(0)
    assert approve(desk, 0, name) == OK
    assert "filled" in desk.order(True, "1700", "0.05", key=KEYS[0])
    assert desk.szi() == "0.05"
    assert desk.info("userRole", user=ADDRESSES[0]) == {"role": "agent", "data": {"user": desk.user}}
    listed = [(a["name"], a["address"]) for a in desk.info("extraAgents", user=desk.user)]
    assert listed == ([("bot", ADDRESSES[0])] if name else [])


@pytest.mark.parametrize("name", [None, "bot"])
def test_a_new_agent_of_the_same_name_takes_the_place_of_the_old(desk, name):
    approve(desk, 0, name)
    approve(desk, 1, name)
    assert desk.send(NOOP, key=KEYS[0]) == unknown(0)
    assert desk.send(NOOP, key=KEYS[1]) == OK


def test_three_with_a_name_one_without_and_two_more_for_each_sub_account(desk):
    assert approve(desk, 9) == OK
    for number, name in enumerate("abc"):
        assert approve(desk, number, name) == OK
    full = "Too many extra agents for cumulative volume traded. Current limit is 3"
    assert approve(desk, 3, "d") == {"status": "err", "response": full}
    assert approve(desk, 4, "a") == OK
    desk.send({"type": "createSubAccount", "name": "sub"})
    assert approve(desk, 5, "d") == OK
    assert approve(desk, 6, "e") == OK
    assert approve(desk, 7, "f")["response"].endswith("Current limit is 5")


def test_an_address_is_never_an_agent_twice(desk):
    used = {"status": "err", "response": "Extra agent already used."}
    approve(desk, 0, "a")
    assert approve(desk, 0, "b") == used
    approve(desk, 1, "a")
    assert approve(desk, 0, "a") == used
    assert approve(desk, 0, "a", key=OTHER_KEY) == used
    assert desk.send_own("approveAgent", agentAddress=OTHER_USER, agentName="x") == used


def test_an_agent_lives_ninety_days_or_as_long_as_its_name_says(desk):
    approve(desk, 0, "usual")
    until = desk.now_ms + 5 * DAY_MS
    approve(desk, 1, f"short valid_until {until}")
    listed = {a["name"]: a for a in desk.info("extraAgents", user=desk.user)}
    assert set(listed) == {"usual", "short"}
    desk.now_ms = until
    nonce = until
    assert desk.send(NOOP, key=KEYS[1], nonce=nonce) == OK
    desk.now_ms += 1
    assert desk.send(NOOP, key=KEYS[1], nonce=nonce + 1) == unknown(1)
    assert [a["name"] for a in desk.info("extraAgents", user=desk.user)] == ["usual"]
    desk.now_ms += 86 * DAY_MS
    assert desk.send(NOOP, key=KEYS[0], nonce=desk.now_ms) == unknown(0)


@pytest.mark.parametrize("days", [-1, 0, 181])
def test_a_limit_of_time_out_of_range(desk, days):
    reply = approve(desk, 0, f"bot valid_until {desk.now_ms + days * DAY_MS}")
    assert "180 days" in reply["response"]


def test_a_name_that_is_too_long(desk):
    assert "16 characters" in approve(desk, 0, "n" * 17)["response"]
    assert approve(desk, 0, "n" * 16) == OK


def test_an_agent_is_removed_by_approving_nobody(desk):
    approve(desk, 0, "bot")
    assert desk.send_own("approveAgent", agentAddress=NOBODY, agentName="bot") == OK
    assert desk.send(NOOP, key=KEYS[0]) == unknown(0)
    pending = {"status": "err", "response": "User has pending agent removal"}
    assert approve(desk, 1, "bot") == pending
    assert desk.send_own("approveAgent", agentAddress=NOBODY, agentName="bot") == pending
    desk.later(5_000)
    assert desk.send_own("approveAgent", agentAddress=NOBODY, agentName="bot")["response"].startswith("No agent")
    assert approve(desk, 1, "bot") == OK


def test_the_nonces_of_an_agent_go_with_it(desk):
    approve(desk, 0, "bot")
    nonce = desk.next_nonce()
    desk.send(NOOP, key=KEYS[0], nonce=nonce)
    assert "duplicate" in desk.send(NOOP, key=KEYS[0], nonce=nonce)["response"]
    desk.exchange.venue.remove_agent(ADDRESSES[0])
    desk.exchange.venue.approve_agent(desk.user, ADDRESSES[0], "again")  # as the venue never would
    assert desk.send(NOOP, key=KEYS[0], nonce=nonce) == OK


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("approveAgent", {"agentAddress": ADDRESSES[5], "agentName": "mine"}),
        ("usdSend", {"destination": OTHER_USER, "amount": "1"}),
        ("withdraw3", {"destination": OTHER_USER, "amount": "5"}),
        ("usdClassTransfer", {"amount": "1", "toPerp": False}),
    ],
)
def test_what_only_the_owner_may_sign(desk, kind, fields):
    approve(desk, 0, "bot")
    told = f"Must deposit before performing actions. User: {ADDRESSES[0]}"
    assert desk.send_own(kind, key=KEYS[0], **fields) == {"status": "err", "response": told}


def test_the_owner_signs_for_the_network_and_for_the_nonce_it_is_sent_with(desk):
    wrong = "Mainnet and testnet require different signature."
    assert approve(desk, 0, chain="Mainnet") == {"status": "err", "response": wrong}
    assert approve(desk, 0, outer_nonce=desk.next_nonce() + 50) == {"status": "err", "response": "Nonce mismatch."}
    assert approve(desk, 0, expires=desk.now_ms + 1_000)["status"] == "err"
    assert approve(desk, 0) == OK


def test_an_agent_trades_for_the_sub_accounts_of_its_owner_and_for_nobody_elses(desk):
    approve(desk, 0, "bot")
    mine = desk.send({"type": "createSubAccount", "name": "mine"})["response"]["data"]
    theirs = desk.send({"type": "createSubAccount", "name": "theirs"}, key=OTHER_KEY)["response"]["data"]
    for vault in (theirs, OTHER_USER, "0x1719884eb866cb12b2287399b15f7db5e7d775ea"):
        assert desk.send(NOOP, key=KEYS[0], vault=vault)["response"] == f"Vault not registered: {vault}"
    desk.send_own(
        "sendAsset",
        destination=mine,
        sourceDex="xyz",
        destinationDex="xyz",
        token="USDC:0x6d",
        amount="500",
        fromSubAccount="",
    )
    order = {"type": "order", "orders": [limit(True, "1700", "0.05", tif="Ioc")], "grouping": "na"}
    reply = desk.send(order, key=KEYS[0], vault=mine)
    assert "filled" in reply["response"]["data"]["statuses"][0]
    assert (desk.szi(user=mine), desk.szi()) == ("0.05", "0.0")


def test_an_account_that_has_lost_everything_loses_its_agents(desk):
    approve(desk, 0, "bot")
    for dex in ("xyz", "test"):
        desk.send_own(
            "sendAsset",
            destination=OTHER_USER,
            sourceDex=dex,
            destinationDex="",
            token="USDC",
            amount="1000",
            fromSubAccount="",
        )
    assert desk.send(NOOP, key=KEYS[0]) == OK
    desk.send_own("usdSend", destination=OTHER_USER, amount="1000")
    assert desk.send(NOOP, key=KEYS[0]) == unknown(0)
