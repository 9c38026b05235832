"""Vaults: founded, traded by their leader alone, paid into and out of by shares, and told by info."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sim_desk import OTHER_KEY, OTHER_USER, limit

from core.hyperliquid.signing_key import as_signing_key
from core.sim.saved import restore, save
from core.sim.vaults import LOCKED_MS

OK = {"status": "ok", "response": {"type": "default"}}
AGENT_KEY = "0x" + "7" * 64
TEXT = "What it does, in some words."
STRANGER = "0x" + "9" * 40


def create(desk, *, usd=200_000_000, name="one", description=TEXT, **how):
    action = {"type": "createVault", "name": name, "description": description, "initialUsd": usd}
    return desk.send(action | {"nonce": desk.next_nonce()}, **how)


@pytest.fixture
def vault(desk):
    reply = create(desk)
    assert reply["response"]["type"] == "createVault"
    return reply["response"]["data"]


def transfer(desk, address, usd, *, pays_in=True, **how):
    return desk.send({"type": "vaultTransfer", "vaultAddress": address, "isDeposit": pays_in, "usd": usd}, **how)


def equity(desk, user):
    return [e["equity"] for e in desk.info("userVaultEquities", user=user)]


def unregistered(address):
    return {"status": "err", "response": f"Vault not registered: {address}"}


def buy(desk, **how):
    return desk.send({"type": "order", "orders": [limit(True, "1700", "0.05", tif="Ioc")], "grouping": "na"}, **how)


def test_founding_one_costs_a_fee_and_gives_it_an_account(desk, vault):
    assert desk.account_value("") == 1000 - 200 - 100
    assert desk.account_value("", vault) == 200
    assert desk.info("userRole", user=vault) == {"role": "vault"}
    assert equity(desk, desk.user) == ["200.0"]
    assert desk.info("leadingVaults", user=desk.user) == [{"address": vault, "name": "one"}]
    assert desk.info("vaultSummaries")[0]["tvl"] == "200.0"
    assert desk.exchange.venue.ledger[desk.user][-1].delta["type"] == "vaultCreate"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"usd": 99_000_000}, "at least $100"),
        ({"name": "ab"}, "3 to 50"),
        ({"description": "short"}, "10 to 250"),
        ({"usd": 950_000_000}, "Insufficient balance"),
    ],
)
def test_what_is_no_vault(desk, change, said):
    assert said in create(desk, **change)["response"]
    assert desk.info("vaultSummaries") == []


def test_its_leader_and_the_leaders_agent_trade_for_it_and_nobody_else(desk, vault):
    money = {"type": "agentSendAsset", "destination": vault, "sourceDex": "", "destinationDex": "xyz"}
    money |= {"token": "USDC:0x6d1e7cde53ba9467b783cb7c530ce054", "amount": "150", "fromSubAccount": "", "nonce": 1}
    desk.exchange.venue.accounts[vault].dexes["xyz"].raw_usd += 200
    agent = as_signing_key(AGENT_KEY).address
    assert desk.send_own("approveAgent", agentAddress=agent, agentName="bot") == OK
    assert "filled" in str(buy(desk, vault=vault))
    assert "filled" in str(buy(desk, vault=vault, key=AGENT_KEY))
    assert buy(desk, vault=vault, key=OTHER_KEY) == unregistered(vault)
    assert desk.szi(user=vault) == "0.1"
    assert desk.szi() == "0.0"
    assert desk.send(money, vault=vault) == {"status": "err", "response": "Vault may not perform this action."}


def test_what_its_leader_has_approved_of_a_builder_counts_for_it_too(desk, vault):
    desk.exchange.venue.accounts[vault].dexes["xyz"].raw_usd += 200
    builder = "0x" + "b1" * 20
    order = limit(True, "1700", "0.05", tif="Ioc")
    action = {"type": "order", "orders": [order], "grouping": "na", "builder": {"b": builder, "f": 5}}
    assert "Builder fee" in desk.send(action, vault=vault)["response"]
    assert desk.send_own("approveBuilderFee", maxFeeRate="0.01%", builder=builder) == OK
    assert "filled" in str(desk.send(action, vault=vault))


def test_a_vault_is_no_sub_account_and_has_no_key(desk, vault):
    for action in (
        {"type": "subAccountTransfer", "subAccountUser": vault, "isDeposit": False, "usd": 1_000_000},
        {"type": "subAccountModify", "subAccountUser": vault, "name": "mine"},
    ):
        assert desk.send(action) == unregistered(vault)
    assert desk.info("subAccounts", user=desk.user) is None
    assert transfer(desk, vault, 1_000_000, vault=vault)["response"] == "Vault may not perform this action."


def test_a_share_is_worth_what_the_vault_is_worth(desk, vault):
    assert transfer(desk, vault, 200_000_000, key=OTHER_KEY) == OK
    assert equity(desk, OTHER_USER) == equity(desk, desk.user) == ["200.0"]
    desk.exchange.venue.accounts[vault].dexes[""].raw_usd += 100
    assert equity(desk, OTHER_USER) == equity(desk, desk.user) == ["250.0"]
    assert transfer(desk, vault, 250_000_000) == OK
    assert equity(desk, OTHER_USER) == ["250.0"], "a deposit of another changes nothing for who came before"
    assert equity(desk, desk.user) == ["500.0"]
    told = desk.info("vaultDetails", vaultAddress=vault, user=OTHER_USER)
    assert told["followerState"]["pnl"] == "50.0"
    assert [f["user"] for f in told["followers"]] == ["Leader", OTHER_USER]
    assert told["leaderFraction"] == pytest.approx(2 / 3)


def test_what_is_paid_in_is_locked_for_a_day(desk, vault):
    transfer(desk, vault, 100_000_000, key=OTHER_KEY)
    assert "lockup" in transfer(desk, vault, 1_000_000, pays_in=False, key=OTHER_KEY)["response"]
    desk.now_ms += LOCKED_MS
    assert "equity" in transfer(desk, vault, 100_000_001, pays_in=False, key=OTHER_KEY)["response"]
    assert transfer(desk, vault, 40_000_000, pays_in=False, key=OTHER_KEY) == OK
    assert equity(desk, OTHER_USER) == ["60.0"]
    assert transfer(desk, vault, 60_000_000, pays_in=False, key=OTHER_KEY) == OK
    assert equity(desk, OTHER_USER) == []
    assert desk.account_value("", OTHER_USER) == 1000


def test_the_leader_stays_in_it(desk, vault):
    assert "5%" in transfer(desk, vault, 200_000_000, pays_in=False)["response"]
    transfer(desk, vault, 200_000_000, key=OTHER_KEY)
    assert "5%" in transfer(desk, vault, 195_000_000, pays_in=False)["response"]
    assert transfer(desk, vault, 150_000_000, pays_in=False) == OK


def test_who_may_pay_in_is_the_leaders_to_say(desk, vault):
    def change(**what):
        return desk.send({"type": "vaultModify", "vaultAddress": vault, "allowDeposits": None} | what)

    assert change(alwaysCloseOnWithdraw=None, allowDeposits=False) == OK
    assert "deposits" in transfer(desk, vault, 10_000_000, key=OTHER_KEY)["response"]
    assert transfer(desk, vault, 10_000_000) == OK
    assert change(alwaysCloseOnWithdraw=True) == OK
    told = desk.info("vaultDetails", vaultAddress=vault)
    assert (told["allowDeposits"], told["alwaysCloseOnWithdraw"], told["followerState"]) == (False, True, None)
    foreign = {"type": "vaultModify", "vaultAddress": vault, "allowDeposits": True}
    assert desk.send(foreign, key=OTHER_KEY) == unregistered(vault)


def test_closing_pays_everybody_out(desk, vault):
    transfer(desk, vault, 100_000_000, key=OTHER_KEY)
    distribute = {"type": "vaultDistribute", "vaultAddress": vault}
    assert desk.send(distribute | {"usd": 30_000_000}) == OK
    assert desk.account_value("", OTHER_USER) == 910
    assert desk.send(distribute | {"usd": 0}) == OK
    assert (desk.account_value(""), desk.account_value("", OTHER_USER)) == (900, 1000)
    assert desk.account_value("", vault) == 0
    assert desk.info("vaultDetails", vaultAddress=vault)["isClosed"] is True
    assert desk.send(distribute | {"usd": 0}) == unregistered(vault)
    assert "deposits" in transfer(desk, vault, 10_000_000)["response"]


def test_no_money_comes_of_it(desk, vault):
    def all_money():
        users = (desk.user, OTHER_USER, vault)
        return sum((desk.account_value(dex, user) for dex in ("", "xyz", "test") for user in users), Decimal(0))

    before = all_money()
    transfer(desk, vault, 123_456_789, key=OTHER_KEY)
    desk.now_ms += LOCKED_MS
    transfer(desk, vault, 23_456_789, pays_in=False, key=OTHER_KEY)
    desk.send({"type": "vaultDistribute", "vaultAddress": vault, "usd": 10_000_001})
    assert all_money() == before


def test_unknown_ones_are_null_and_saved_ones_go_on(desk, vault):
    assert desk.info("vaultDetails", vaultAddress=STRANGER) is None
    assert transfer(desk, STRANGER, 1_000_000) == unregistered(STRANGER)
    again = restore(save(desk.exchange))
    asked = {"type": "vaultDetails", "vaultAddress": vault}
    assert again.info(asked, desk.now_ms) == desk.exchange.info(asked, desk.now_ms)
