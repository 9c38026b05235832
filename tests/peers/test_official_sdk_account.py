"""The official SDK runs an account: leverage, isolated margin, agents, the dead man's switch, vaults and transfers."""

from __future__ import annotations

import time

import eth_account
import pytest
from hyperliquid.exchange import Exchange
from peer_accounts import ALICE, BOB, STRANGER
from sdk_desk import GTC, SdkDesk, filled, resting

VAULT = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"


@pytest.fixture
def desk(venue) -> SdkDesk:
    return SdkDesk(venue, ALICE)


# leverage --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coin", ["ETH", "xyz:SNDK", "test:ABC"])
def test_leverage_of_each_dex(desk, coin):
    assert desk.exchange.update_leverage(3, coin, is_cross=False) == {"status": "ok", "response": {"type": "default"}}
    filled(desk.exchange.market_open(coin, True, 10 if coin == "test:ABC" else 0.1))
    position = desk.position(coin)
    assert position["leverage"]["type"] == "isolated"
    assert position["leverage"]["value"] == 3
    assert "rawUsd" in position["leverage"]


def test_leverage_out_of_range_and_mode_with_a_position(desk):
    answer = desk.exchange.update_leverage(1000, "ETH")
    assert answer == {"status": "err", "response": "Invalid leverage value"}
    filled(desk.exchange.market_open("ETH", True, 0.1))
    answer = desk.exchange.update_leverage(5, "ETH", is_cross=False)
    assert answer == {"status": "err", "response": "Cannot switch leverage type with open position."}


def test_isolated_margin_can_be_added_and_taken_out(desk):
    desk.exchange.update_leverage(10, "ETH", is_cross=False)
    filled(desk.exchange.market_open("ETH", True, 1))
    before = float(desk.position("ETH")["marginUsed"])
    assert desk.exchange.update_isolated_margin(50, "ETH")["status"] == "ok"
    assert float(desk.position("ETH")["marginUsed"]) == pytest.approx(before + 50, abs=0.01)
    assert desk.exchange.update_isolated_margin(-20, "ETH")["status"] == "ok"
    assert float(desk.position("ETH")["marginUsed"]) == pytest.approx(before + 30, abs=0.01)


def test_isolated_margin_of_a_cross_position_is_refused(desk):
    filled(desk.exchange.market_open("ETH", True, 1))
    answer = desk.exchange.update_isolated_margin(50, "ETH")
    assert answer == {"status": "err", "response": "Position does not use isolated margin."}


# agents ----------------------------------------------------------------------------------------------------------------


def agent_desk(desk: SdkDesk, name: str | None) -> SdkDesk:
    answer, key = desk.exchange.approve_agent(name)
    assert answer == {"status": "ok", "response": {"type": "default"}}
    return SdkDesk(desk.venue, eth_account.Account.from_key(key), account_address=ALICE.address)


@pytest.mark.parametrize("name", [None, "bot"])
def test_an_approved_agent_trades_for_its_account(desk, name):
    agent = agent_desk(desk, name)
    oid = resting(agent.exchange.order("ETH", True, 0.2, 3000, GTC))
    assert desk.info.open_orders(ALICE.address)[0]["oid"] == oid
    filled(agent.exchange.market_open("xyz:SNDK", True, 0.1))
    filled(agent.exchange.market_close("xyz:SNDK"))
    role = desk.info.user_role(agent.wallet.address)
    assert role == {"role": "agent", "data": {"user": ALICE.address.lower()}}
    named = [a["name"] for a in desk.info.extra_agents(ALICE.address)]
    assert named == ([name] if name else [])


def test_a_new_agent_of_the_same_name_replaces_the_old(desk):
    old = agent_desk(desk, "bot")
    agent_desk(desk, "bot")
    answer = old.exchange.order("ETH", True, 0.2, 3000, GTC)
    gone = f"User or API Wallet {old.wallet.address.lower()} does not exist."
    assert answer == {"status": "err", "response": gone}


def test_an_agent_nobody_approved(venue):
    nobody = SdkDesk(venue, STRANGER, account_address=ALICE.address)
    answer = nobody.exchange.order("ETH", True, 0.2, 3000, GTC)
    unknown = f"User or API Wallet {STRANGER.address.lower()} does not exist."
    assert answer == {"status": "err", "response": unknown}


def test_an_agent_for_a_vault_or_a_sub_account_is_refused(desk):
    agent = agent_desk(desk, "bot")
    for address in (VAULT, BOB.address):
        trader = Exchange(agent.wallet, desk.venue.url, vault_address=address)
        answer = trader.order("ETH", True, 0.2, 3000, GTC)
        assert answer == {"status": "err", "response": f"Vault not registered: {address.lower()}"}
    assert desk.info.open_orders(BOB.address) == []


def test_an_agent_may_not_do_what_only_its_owner_may(desk):
    agent = agent_desk(desk, "bot")
    answer, _ = agent.exchange.approve_agent("mine")
    told = f"Must deposit before performing actions. User: {agent.wallet.address.lower()}"
    assert answer == {"status": "err", "response": told}


# the dead man's switch -------------------------------------------------------------------------------------------------


def trade_a_million(desk: SdkDesk) -> None:
    desk.venue.pin("ETH", "3199.5", "3200.5", size="1000")
    filled(desk.exchange.market_open("ETH", True, 160))
    filled(desk.exchange.market_close("ETH"))


def test_schedule_cancel_needs_volume(desk):
    answer = desk.exchange.schedule_cancel(desk.venue.now_ms() + 10_000)
    assert answer["status"] == "err"
    assert answer["response"].startswith(
        "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $"
    )


def test_schedule_cancel_fires(desk):
    trade_a_million(desk)
    oids = [resting(desk.exchange.order("ETH", True, 0.2, 3000, GTC))]
    oids.append(resting(desk.exchange.order("xyz:SNDK", True, 0.2, 1500, GTC)))
    assert desk.exchange.schedule_cancel(desk.venue.now_ms() + 10_000)["status"] == "ok"
    assert len(desk.info.open_orders(ALICE.address)) == 1
    desk.venue.jump(10_000)
    begun = time.monotonic()
    while desk.info.open_orders(ALICE.address) or desk.info.open_orders(ALICE.address, "xyz"):
        assert time.monotonic() - begun < 3
        time.sleep(0.02)
    for oid in oids:
        assert desk.info.query_order_by_oid(ALICE.address, oid)["order"]["status"] == "scheduledCancel"


def test_schedule_cancel_can_be_called_off(desk):
    trade_a_million(desk)
    resting(desk.exchange.order("ETH", True, 0.2, 3000, GTC))
    desk.exchange.schedule_cancel(desk.venue.now_ms() + 10_000)
    assert desk.exchange.schedule_cancel(None)["status"] == "ok"
    desk.venue.jump(20_000)
    time.sleep(0.2)  # two blocks and more
    assert len(desk.info.open_orders(ALICE.address)) == 1


# money -----------------------------------------------------------------------------------------------------------------


def test_money_moves_between_dexes(desk):
    usdc = desk.info.spot_meta()["tokens"][0]
    token = f"{usdc['name']}:{usdc['tokenId']}"
    answer = desk.exchange.send_asset(ALICE.address, "", "xyz", token, 500)
    assert answer == {"status": "ok", "response": {"type": "default"}}
    assert desk.info.user_state(ALICE.address)["withdrawable"] == "99500.0"
    assert desk.info.user_state(ALICE.address, "xyz")["withdrawable"] == "100500.0"


def test_a_noop_uses_up_its_nonce(desk):
    nonce = desk.venue.now_ms()
    assert desk.exchange.noop(nonce)["status"] == "ok"
    again = desk.exchange.noop(nonce)
    assert again == {"status": "err", "response": f"Invalid nonce: duplicate nonce {nonce}"}
