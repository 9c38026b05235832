"""The official SDK reads: every question its Info class knows how to ask, on a venue where an account has traded."""

from __future__ import annotations

import time

import pytest
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.error import ClientError
from peer_accounts import ALICE, STRANGER
from sdk_desk import DEXS, GTC, SdkDesk, filled, resting


@pytest.fixture
def desk(venue) -> SdkDesk:
    return SdkDesk(venue, ALICE)


def test_info_and_exchange_construct_on_an_address_alone(venue):
    info = Info(venue.url, skip_ws=True)
    assert info.coin_to_asset["BTC"] == 0
    assert info.asset_to_sz_decimals[0] == 5
    Exchange(ALICE, venue.url)


def test_every_dex_is_found_at_its_offset(venue):
    info = Info(venue.url, skip_ws=True, perp_dexs=DEXS)
    names = [None if d is None else d["name"] for d in info.perp_dexs()]
    assert names[0] is None
    assert info.coin_to_asset["xyz:SNDK"] == 100_000 + 10_000 * names.index("xyz") + 16
    assert info.coin_to_asset["test:ABC"] == 100_000 + 10_000 * names.index("test")


def test_user_state_of_each_dex(desk):
    for dex in DEXS:
        state = desk.info.user_state(ALICE.address, dex)
        assert state["marginSummary"]["accountValue"] == "100000.0"
        assert state["crossMarginSummary"].keys() == {"accountValue", "totalNtlPos", "totalRawUsd", "totalMarginUsed"}
        assert state["withdrawable"] == "100000.0"
        assert state["assetPositions"] == []
        assert isinstance(state["time"], int)


def test_a_stranger_has_an_empty_account_not_an_error(desk):
    state = desk.info.user_state(STRANGER.address)
    assert state["marginSummary"]["accountValue"] == "0.0"
    assert desk.info.open_orders(STRANGER.address) == []
    assert desk.info.user_fills(STRANGER.address) == []
    assert desk.info.user_role(STRANGER.address) == {"role": "missing"}


def test_markets_and_books(desk):
    assert desk.info.all_mids()["ETH"] == "3200.0"
    assert desk.info.all_mids("xyz")["xyz:SNDK"] == "1698.35"
    assert "ETH" not in desk.info.all_mids("xyz")
    book = desk.info.l2_snapshot("xyz:SNDK")
    assert book["coin"] == "xyz:SNDK"
    assert book["levels"][0][0] == {"px": "1698.1", "sz": "100.0", "n": 1}
    assert book["levels"][1][0]["px"] == "1698.6"
    meta, contexts = desk.info.meta_and_asset_ctxs()
    assert len(meta["universe"]) == len(contexts)
    assert contexts[1].keys() >= {"funding", "openInterest", "prevDayPx", "dayNtlVlm", "premium", "oraclePx", "markPx"}
    spot = desk.info.spot_meta()
    assert spot["tokens"][0]["name"] == "USDC"
    spot_meta, spot_contexts = desk.info.spot_meta_and_asset_ctxs()
    assert spot_meta["tokens"] == spot["tokens"]
    assert isinstance(spot_contexts, list)


def test_candles_and_funding_history(desk):
    now = int(time.time() * 1000)
    for candle in desk.info.candles_snapshot("BTC", "1m", now - 600_000, now):
        assert candle.keys() >= {"t", "T", "s", "i", "o", "c", "h", "l", "v", "n"}
    for row in desk.info.funding_history("BTC", now - 86_400_000):
        assert row.keys() >= {"coin", "fundingRate", "premium", "time"}
    assert isinstance(desk.info.user_funding_history(ALICE.address, now - 86_400_000), list)


def test_orders_and_fills_are_told_as_documented(desk):
    oid = resting(desk.exchange.order("ETH", True, 0.2, 3000, GTC))
    (order,) = desk.info.open_orders(ALICE.address)
    assert order.keys() >= {"coin", "limitPx", "oid", "side", "sz", "timestamp", "origSz"}
    assert (order["coin"], order["limitPx"], order["side"], order["sz"]) == ("ETH", "3000.0", "B", "0.2")
    (front,) = desk.info.frontend_open_orders(ALICE.address)
    assert front["oid"] == oid
    assert front["orderType"] == "Limit"
    assert front["tif"] == "Gtc"
    assert front["isTrigger"] is False
    filled(desk.exchange.market_open("ETH", True, 0.1))
    (fill,) = desk.info.user_fills(ALICE.address)
    assert fill["dir"] == "Open Long"
    assert fill["px"] == "3200.5"
    assert fill["feeToken"] == "USDC"
    assert desk.info.user_fills_by_time(ALICE.address, fill["time"]) == [fill]
    assert desk.info.user_fills_by_time(ALICE.address, fill["time"] + 1) == []
    statuses = {o["order"]["oid"]: o["status"] for o in desk.info.historical_orders(ALICE.address)}
    assert statuses == {oid: "open", fill["oid"]: "filled"}


def test_what_an_account_is_told_about_itself(desk):
    address = ALICE.address
    assert desk.info.user_role(address) == {"role": "user"}
    limit = desk.info.user_rate_limit(address)
    assert limit["nRequestsCap"] == 10_000
    fees = desk.info.user_fees(address)
    assert fees["userCrossRate"] == "0.00045"
    assert desk.info.extra_agents(address) == []
    assert desk.info.query_user_abstraction_state(address) == "disabled"
    assert desk.info.spot_user_state(address)["balances"] is not None
    assert isinstance(desk.info.user_non_funding_ledger_updates(address, 0), list)
    assert isinstance(desk.info.portfolio(address), list)
    assert isinstance(desk.info.user_twap_slice_fills(address), list)
    assert isinstance(desk.info.user_vault_equities(address), list)
    assert not desk.info.query_sub_accounts(address)
    assert desk.info.query_referral_state(address).keys() >= {"referredBy", "cumVlm"}
    assert desk.info.query_user_to_multi_sig_signers(address) is None


@pytest.mark.parametrize(
    "ask",
    ["user_staking_summary", "user_staking_delegations", "user_staking_rewards", "delegator_history"],
)
def test_staking_is_answered_with_nothing(desk, ask):
    answer = getattr(desk.info, ask)(ALICE.address)
    assert answer is not None


def test_what_cannot_be_read_is_a_client_error_with_the_venues_text(desk):
    with pytest.raises(ClientError) as told:
        desk.info.post("/info", {"type": "noSuchThing"})
    assert told.value.status_code == 422
    assert told.value.error_message.startswith("Failed to deserialize the JSON body into the target type")
