"""Money that moves: between dexes, to spot, to sub-accounts, to others, out; and what is written down of it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sim_desk import OTHER_KEY, OTHER_USER, limit

from core.hyperliquid.signing_key import as_signing_key
from core.sim.admission import WireFailure

OK = {"status": "ok", "response": {"type": "default"}}
SHORT = {"status": "err", "response": "Insufficient balance for token transfer"}
NEW_KEY = "0x" + "9" * 64
NEW_USER = as_signing_key(NEW_KEY).address.lower()


def value(desk, dex="", user=None):
    return desk.account_value(dex, user or desk.user)


def send_asset(
    desk, source, to, amount, *, destination=None, token="USDC:0x6d1e7cde53ba9467b783cb7c530ce054", sub="", **how
):
    return desk.send_own(
        "sendAsset",
        destination=destination or desk.user,
        sourceDex=source,
        destinationDex=to,
        token=token,
        amount=amount,
        fromSubAccount=sub,
        **how,
    )


def ledger(desk, user=None):
    return [u.delta["type"] for u in desk.exchange.venue.ledger.get(user or desk.user, ())]


def test_money_moves_between_dexes(desk):
    assert send_asset(desk, "", "xyz", "300.5") == OK
    assert (value(desk), value(desk, "xyz")) == (Decimal("699.5"), Decimal("1300.5"))
    assert ledger(desk) == ["send"]
    (told,) = desk.told("userNonFundingLedgerUpdates")
    assert told["nonFundingLedgerUpdates"][0]["delta"]["amount"] == "300.5"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"source": "abc"}, "Invalid perp DEX"),
        ({"to": "abc"}, "Invalid perp DEX"),
        ({"amount": "1000.1"}, "Insufficient balance for token transfer"),
        ({"amount": "-5"}, "Invalid amount: -5"),
        ({"amount": "NaN"}, "Invalid amount: NaN"),
        ({"amount": "1e400"}, "Invalid amount: 1e400"),
        ({"amount": "0.0000001"}, "Invalid amount: 0.0000001"),
        ({"token": "PURR:0x1"}, "Invalid token: PURR:0x1"),
        ({"destination": "me"}, "Invalid destination: me"),
        ({"sub": OTHER_USER}, f"Vault not registered: {OTHER_USER}"),
    ],
)
def test_what_does_not_move(desk, changes, text):
    wish = {"source": "", "to": "xyz", "amount": "1"} | changes
    assert send_asset(desk, **wish) == {"status": "err", "response": text}
    assert (value(desk), value(desk, "xyz")) == (1000, 1000)


def test_margin_in_use_and_margin_held_by_orders_stay(desk):
    desk.order(True, "1700", "0.5")  # 850 at leverage 10
    assert send_asset(desk, "xyz", "", "950") == SHORT
    desk.order(True, "1600", "5", tif="Gtc")  # holds 800
    assert send_asset(desk, "xyz", "", "200") == SHORT
    assert send_asset(desk, "xyz", "", "50") == OK


def test_spot_and_back(desk):
    assert desk.send_own("usdClassTransfer", amount="250", toPerp=False) == OK
    assert value(desk) == 750
    assert desk.exchange.venue.accounts[desk.user].spot_usd == 250
    assert desk.send_own("usdClassTransfer", amount="251", toPerp=True) == SHORT
    assert desk.send_own("spotSend", destination=OTHER_USER, token="USDC:0x6d", amount="50") == OK
    assert desk.send_own("spotSend", destination=OTHER_USER, token="PURR:0x6d", amount="50") == SHORT
    assert send_asset(desk, "spot", "xyz", "200") == OK
    assert value(desk, "xyz") == 1200
    assert desk.exchange.venue.accounts[OTHER_USER].spot_usd == 50


def test_usd_sent_to_a_stranger_opens_an_account(desk):
    noop = {"type": "noop"}
    assert "does not exist" in desk.send(noop, key=NEW_KEY)["response"]
    assert desk.send_own("usdSend", destination="0x" + NEW_USER[2:].upper(), amount="100") == OK
    assert (value(desk), value(desk, user=NEW_USER)) == (900, 100)
    assert desk.send(noop, key=NEW_KEY) == OK
    assert ledger(desk) == ledger(desk, NEW_USER) == ["internalTransfer"]
    assert desk.send_own("usdSend", destination=NEW_USER, amount="900.01") == SHORT


def test_a_withdrawal_leaves(desk):
    assert desk.send_own("withdraw3", destination=desk.user, amount="400") == OK
    assert value(desk) == 600
    (update,) = desk.exchange.venue.ledger[desk.user]
    assert (update.delta["usdc"], update.delta["fee"]) == ("399.0", "1.0")


# sub-accounts ----------------------------------------------------------------------------------------------------------


def create(desk, name="one", **how):
    return desk.send({"type": "createSubAccount", "name": name}, **how)


def test_a_sub_account_trades_with_its_own_money_and_budget(desk):
    reply = create(desk)
    sub = reply["response"]["data"]
    assert reply == {"status": "ok", "response": {"type": "createSubAccount", "data": sub}}
    assert desk.send({"type": "subAccountTransfer", "subAccountUser": sub, "isDeposit": True, "usd": 200_000_000}) == OK
    assert (value(desk), value(desk, user=sub)) == (800, 200)
    assert send_asset(desk, "", "xyz", "150", destination=sub, sub=sub) == OK
    used = desk.info("userRateLimit", user=desk.user)["nRequestsUsed"]
    order = {"type": "order", "orders": [limit(True, "1700", "0.05", tif="Ioc")], "grouping": "na"}
    assert "filled" in desk.send(order, vault=sub)["response"]["data"]["statuses"][0]
    assert (desk.szi(user=sub), desk.szi()) == ("0.05", "0.0")
    assert desk.info("userRateLimit", user=desk.user)["nRequestsUsed"] == used
    assert desk.info("userRateLimit", user=sub)["nRequestsUsed"] == 1
    assert (
        desk.send({"type": "subAccountTransfer", "subAccountUser": sub, "isDeposit": False, "usd": 60_000_000}) == SHORT
    )
    assert desk.send({"type": "subAccountTransfer", "subAccountUser": sub, "isDeposit": False, "usd": 50_000_000}) == OK


def test_a_sub_account_is_its_masters_alone(desk):
    sub = create(desk)["response"]["data"]
    refused = {"status": "err", "response": f"Vault not registered: {sub}"}
    assert desk.send({"type": "noop"}, vault=sub, key=OTHER_KEY) == refused
    take = {"type": "subAccountTransfer", "subAccountUser": sub, "isDeposit": False, "usd": 1}
    assert desk.send(take, key=OTHER_KEY) == refused


def test_self_trade_is_per_address(desk):
    sub = create(desk)["response"]["data"]
    send_asset(desk, "xyz", "xyz", "500", destination=sub)
    desk.order(False, "1698.5", "0.05", tif="Gtc")
    order = {"type": "order", "orders": [limit(True, "1698.5", "0.05", tif="Ioc")], "grouping": "na"}
    assert "filled" in desk.send(order, vault=sub)["response"]["data"]["statuses"][0]
    assert (desk.szi(user=sub), desk.szi()) == ("0.05", "-0.05")


def test_ten_sub_accounts_with_names_of_their_own(desk):
    assert create(desk, "")["status"] == "err"
    for number in range(10):
        assert create(desk, f"s{number}")["status"] == "ok"
    assert "Too many sub-accounts" in create(desk, "more")["response"]
    sub = next(iter(desk.exchange.venue.accounts[desk.user].sub_accounts))
    assert create(desk, "nested", vault=sub)["response"] == "Vault may not perform this action."
    assert desk.send({"type": "subAccountModify", "subAccountUser": sub, "name": "renamed"}) == OK
    assert create(desk, "s1", key=OTHER_KEY)["status"] == "ok"


def test_spot_usd_of_a_sub_account(desk):
    sub = create(desk)["response"]["data"]
    move = {
        "type": "subAccountSpotTransfer",
        "subAccountUser": sub,
        "isDeposit": True,
        "token": "USDC:0x6d",
        "amount": "10.0",
    }
    assert desk.send(move) == SHORT
    desk.send_own("usdClassTransfer", amount="10", toPerp=False)
    assert desk.send(move) == OK
    assert desk.exchange.venue.accounts[sub].spot_usd == 10


def test_what_an_agent_may_move(desk):
    sub = create(desk)["response"]["data"]
    action = {
        "type": "agentSendAsset",
        "destination": sub,
        "sourceDex": "",
        "destinationDex": "xyz",
        "token": "USDC:0x6d",
        "amount": "10",
        "fromSubAccount": "",
        "nonce": 1,
    }
    assert desk.send(action) == OK
    assert value(desk, "xyz", sub) == 10
    assert desk.send({**action, "destination": OTHER_USER})["response"] == f"Invalid destination: {OTHER_USER}"


# requests and the rest -------------------------------------------------------------------------------------------------


def test_requests_can_be_bought(desk):
    cap = desk.info("userRateLimit", user=desk.user)["nRequestsCap"]
    assert desk.send({"type": "reserveRequestWeight", "weight": 1000}) == OK
    assert value(desk) == Decimal("999.5")
    assert desk.info("userRateLimit", user=desk.user)["nRequestsCap"] == cap + 1000
    assert desk.send({"type": "reserveRequestWeight", "weight": 3_000_000}) == SHORT


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ({"type": "setReferrer", "code": "ABC"}, "Referral code does not exist."),
        (
            {"type": "vaultTransfer", "vaultAddress": OTHER_USER, "isDeposit": True, "usd": 1},
            f"Vault not registered: {OTHER_USER}",
        ),
        ({"type": "evmUserModify"}, "Action evmUserModify is not available on this simulated exchange."),
        (
            {"type": "agentSetAbstraction", "abstraction": "u"},
            "Only separate balances per dex are available on this simulated exchange.",
        ),
    ],
)
def test_what_is_known_and_not_played_is_refused_and_never_taken_in_silence(desk, action, text):
    used = desk.info("userRateLimit", user=desk.user)["nRequestsUsed"]
    nonce = desk.next_nonce()
    assert desk.send(action, nonce=nonce) == {"status": "err", "response": text}
    assert "duplicate nonce" in desk.send(action, nonce=nonce)["response"]
    assert desk.info("userRateLimit", user=desk.user)["nRequestsUsed"] == used


def test_staking_is_signed_by_the_owner_and_refused_in_words(desk):
    for kind, fields in (
        ("cDeposit", {"wei": 1}),
        ("cWithdraw", {"wei": 1}),
        ("linkStakingUser", {"user": OTHER_USER, "isFinalize": False}),
        ("userPortfolioMargin", {"user": desk.user, "enabled": True}),
    ):
        text = f"Action {kind} is not available on this simulated exchange."
        assert desk.send_own(kind, **fields) == {"status": "err", "response": text}


def test_nobody_here_is_a_multi_sig_user(desk):
    inner = {"type": "noop"}
    payload = {"multiSigUser": OTHER_USER, "outerSigner": desk.user, "action": inner}
    action = {"type": "multiSig", "signatureChainId": "0x66eee", "signatures": [], "payload": payload}
    envelope = desk.envelope({"type": "noop"}) | {"action": action}
    assert desk.raw(envelope) == {"status": "err", "response": "Invalid multi-sig outer signer"}
    assert "too low" in desk.raw(envelope | {"nonce": 1})["response"]
    for broken in (action | {"payload": {}}, action | {"signatures": None}, {"type": "multiSig"}):
        with pytest.raises(WireFailure, match="422"):
            desk.exchange.decode(envelope | {"action": broken})


def test_separate_balances_are_what_there_is(desk):
    assert desk.send({"type": "agentSetAbstraction", "abstraction": "i"}) == OK
    assert desk.send_own("userSetAbstraction", user=desk.user, abstraction="disabled") == OK
    assert desk.send_own("userSetAbstraction", user=OTHER_USER, abstraction="disabled")["status"] == "err"
    assert desk.send_own("userDexAbstraction", user=desk.user, enabled=False) == OK
