"""ccxt beside plain orders: a scheduled cancel that fires, TWAPs, an agent's key, sub-accounts and vaults, requests bought."""

from __future__ import annotations

import time

import pytest
from ccxt_desk import ETH, need, settings
from peer_accounts import ALICE, BOB, CAROL, STRANGER

ccxt = need("ccxt")


@pytest.fixture
def client(mainnet_venue):
    client = ccxt.hyperliquid(settings(mainnet_venue, ALICE))
    client.load_markets()
    return client


def rest(client, **how):
    return client.create_order(ETH, "limit", "buy", 0.2, 3000, how)


def role(venue, address):
    return venue.do(lambda: venue.server.exchange.info({"type": "userRole", "user": address}, venue.now_ms()))


def test_a_scheduled_cancel_needs_volume_and_then_fires(client, mainnet_venue):
    with pytest.raises(ccxt.ExchangeError, match="Cannot set scheduled cancel time until enough volume traded"):
        client.cancel_all_orders_after(10_000)
    for side in ("buy", "sell", "buy", "sell", "buy", "sell"):
        mainnet_venue.jump(20_000)  # until what was taken has come back
        client.create_order(ETH, "market", side, 90, 3200)
    rest(client)
    client.cancel_all_orders_after(300_000)  # in its own time, which the venue's is ahead of
    assert len(client.fetch_open_orders(ETH)) == 1
    mainnet_venue.jump(300_000)
    deadline = time.monotonic() + 30
    while client.fetch_open_orders(ETH) and time.monotonic() < deadline:
        pass
    assert client.fetch_open_orders(ETH) == []


def test_a_twap_is_started_and_cancelled(client):
    made = client.create_twap_order(ETH, "buy", 2, 10 * 60_000, {"randomize": True})
    assert made["id"] is not None
    client.cancel_twap_order(made["id"], ETH)
    with pytest.raises(ccxt.ExchangeError):
        client.cancel_twap_order(made["id"], ETH)


def test_an_agents_key_trades_for_its_owner_and_for_nobody_else(client, mainnet_venue):
    agent = STRANGER
    mainnet_venue.control(do="approve_agent", user=ALICE.address, agent=agent.address)
    by_agent = ccxt.hyperliquid(settings(mainnet_venue, ALICE) | {"privateKey": agent.key.to_0x_hex()})
    made = rest(by_agent)
    assert [o["id"] for o in client.fetch_open_orders(ETH)] == [made["id"]]
    with pytest.raises(ccxt.ExchangeError, match=f"Vault not registered: {BOB.address.lower()}"):
        rest(by_agent, vaultAddress=BOB.address)


def test_a_vault_is_founded_and_traded_by_its_leader_alone(client, mainnet_venue):
    made = client.create_vault("one more", "A vault for whoever wants to see one.", 1_000)
    address = made["response"]["data"]
    assert role(mainnet_venue, address) == {"role": "vault"}
    order = rest(client, vaultAddress=address)
    assert client.fetch_open_orders(ETH) == []
    assert [o["id"] for o in client.fetch_open_orders(ETH, params={"user": address})] == [order["id"]]
    by_carol = ccxt.hyperliquid(settings(mainnet_venue, CAROL))
    with pytest.raises(ccxt.ExchangeError, match="Vault not registered"):
        rest(by_carol, vaultAddress=address)


def test_requests_are_bought(client):
    assert client.reserve_request_weight(10)["status"] == "ok"
