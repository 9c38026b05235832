"""ccxt, its plain blocking class: markets, money, orders, trades and positions through its own unified calls."""

from __future__ import annotations

import pytest
from ccxt_desk import ABC, ETH, SNDK, need, settings
from peer_accounts import ALICE, STRANGER

ccxt = need("ccxt")

CLOID = "0x0000000000000000000000000000abcd"


@pytest.fixture
def client(mainnet_venue):
    return ccxt.hyperliquid(settings(mainnet_venue, ALICE))


def test_markets_of_every_dex_are_loaded(client):
    markets = client.load_markets()
    assert markets[ETH]["id"] == "1"
    assert markets[SNDK]["id"] == "110016"
    assert markets[ABC]["id"] == "120000"
    assert markets[SNDK]["swap"] is True
    assert client.market(ETH)["precision"]["amount"] == pytest.approx(0.0001)


def test_status_and_time(client, mainnet_venue):
    assert client.fetch_status()["status"] == "ok"
    assert abs(client.fetch_time() - mainnet_venue.now_ms()) < 5_000


def test_balance(client):
    balance = client.fetch_balance()
    assert balance["USDC"]["total"] == 100_000
    assert balance["USDC"]["free"] == 100_000


def test_tickers_books_trades_and_candles(client):
    ticker = client.fetch_ticker(ETH)
    assert ticker["bid"] == pytest.approx(3199.5, abs=1)
    tickers = client.fetch_tickers([ETH, "BTC/USDC:USDC"])
    assert set(tickers) == {ETH, "BTC/USDC:USDC"}
    book = client.fetch_order_book(SNDK)
    assert book["bids"][0] == [1698.1, 100.0]
    assert book["asks"][0][0] == 1698.6
    assert isinstance(client.fetch_ohlcv("BTC/USDC:USDC", "1m"), list)
    rates = client.fetch_funding_rates([ETH])
    assert rates[ETH]["markPrice"] > 0
    assert client.fetch_open_interest(ETH)["openInterestAmount"] > 0


@pytest.mark.parametrize(("symbol", "px", "amount"), [(ETH, 3000, 0.2), (SNDK, 1600.5, 0.05), (ABC, 9.5, 20)])
def test_an_order_rests_is_found_and_is_cancelled(client, symbol, px, amount):
    made = client.create_order(symbol, "limit", "buy", amount, px, {"clientOrderId": CLOID})
    assert made["id"] is not None
    found = client.fetch_order(made["id"], symbol)
    assert (found["status"], found["symbol"], found["price"], found["amount"]) == ("open", symbol, px, amount)
    assert found["clientOrderId"] == CLOID
    assert [o["id"] for o in client.fetch_open_orders(symbol)] == [made["id"]]
    client.cancel_order(made["id"], symbol)
    assert client.fetch_order(made["id"], symbol)["status"] == "canceled"
    assert client.fetch_open_orders(symbol) == []
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(made["id"], symbol)


def test_an_order_is_edited(client):
    made = client.create_order(ETH, "limit", "buy", 0.2, 3000)
    edited = client.edit_order(made["id"], ETH, "limit", "buy", 0.3, 3010)
    (order,) = client.fetch_open_orders(ETH)
    assert (order["id"], order["price"], order["amount"]) == (edited["id"], 3010, 0.3)
    client.cancel_order(None, ETH, {"clientOrderId": CLOID}) if order["clientOrderId"] else client.cancel_order(
        order["id"], ETH
    )
    assert client.fetch_open_orders(ETH) == []


def test_several_orders_at_once(client):
    asked = [
        {"symbol": ETH, "type": "limit", "side": "buy", "amount": 0.2, "price": 3000},
        {"symbol": ETH, "type": "limit", "side": "sell", "amount": 0.2, "price": 3400},
    ]
    made = client.create_orders(asked)
    assert len(made) == 2
    client.cancel_orders([o["id"] for o in made], ETH)
    assert client.fetch_open_orders(ETH) == []


@pytest.mark.parametrize(("symbol", "amount", "px"), [(ETH, 0.2, 3200.5), (SNDK, 0.05, 1698.6), (ABC, 20, 10.002)])
def test_a_market_order_fills_and_shows_everywhere(client, symbol, amount, px):
    made = client.create_order(symbol, "market", "buy", amount, px)
    assert made["filled"] == amount
    (position,) = client.fetch_positions([symbol])
    assert (position["contracts"], position["side"], position["entryPrice"]) == (amount, "long", px)
    assert client.fetch_position(symbol)["symbol"] == symbol
    (trade,) = client.fetch_my_trades(symbol)
    assert (trade["price"], trade["amount"], trade["side"]) == (px, amount, "buy")
    assert trade["order"] == made["id"]
    assert trade["fee"]["cost"] > 0
    client.create_order(symbol, "market", "sell", amount, px, {"reduceOnly": True})
    assert client.fetch_positions([symbol]) == []
    assert [o["status"] for o in client.fetch_closed_orders(symbol)] == ["closed", "closed"]


def test_a_stop_is_placed_and_cancelled(client):
    client.create_order(ETH, "market", "buy", 0.2, 3200.5)
    made = client.create_order(ETH, "market", "sell", 0.2, 3000, {"stopLossPrice": 3100, "reduceOnly": True})
    (order,) = client.fetch_open_orders(ETH)
    assert order["triggerPrice"] == 3100
    assert order["reduceOnly"] is True
    client.cancel_order(order["id"], ETH)
    assert made["id"] in (order["id"], None)
    assert client.fetch_open_orders(ETH) == []


def test_an_order_with_its_take_profit_and_stop(client):
    params = {"stopLoss": {"triggerPrice": 3000}, "takeProfit": {"triggerPrice": 3400}}
    client.create_order(ETH, "limit", "buy", 0.2, 3250, params)
    triggers = [o["triggerPrice"] for o in client.fetch_open_orders(ETH)]
    assert sorted(triggers) == [3000, 3400]


def test_leverage_and_margin(client):
    client.set_leverage(5, ETH, {"marginMode": "isolated"})
    client.create_order(ETH, "market", "buy", 0.2, 3200.5)
    position = client.fetch_position(ETH)
    assert position["leverage"] == 5
    assert position["marginMode"] == "isolated"
    client.add_margin(ETH, 10)
    client.reduce_margin(ETH, 5)
    with pytest.raises(ccxt.ExchangeError):
        client.set_margin_mode("cross", ETH, {"leverage": 5})


def test_errors_arrive_as_ccxt_knows_them(client, mainnet_venue):
    with pytest.raises(ccxt.InvalidOrder):
        client.create_order(ETH, "limit", "buy", 0.001, 3000)  # below $10
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(ETH, "limit", "buy", 10_000, 3000)
    with pytest.raises(ccxt.InvalidOrder):
        client.create_order(ETH, "limit", "buy", 0.2, 3300, {"postOnly": True})
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order("1", ETH)
    stranger = ccxt.hyperliquid(settings(mainnet_venue, STRANGER))
    with pytest.raises(ccxt.BaseError, match=r"does not exist|Must deposit"):
        stranger.create_order(ETH, "limit", "buy", 0.2, 3000)


def test_history_of_money_and_funding(client):
    assert isinstance(client.fetch_funding_history(ETH), list)
    assert isinstance(client.fetch_ledger(), list)
    assert isinstance(client.fetch_deposits(), list)
    assert client.fetch_trading_fee(ETH)["taker"] == pytest.approx(0.00045)
    assert isinstance(client.fetch_funding_rate_history(ETH), list)


def test_in_sandbox_mode_it_signs_for_the_test_network(venue):
    client = ccxt.hyperliquid({**settings(venue, ALICE), "options": {"sandboxMode": True}})
    made = client.create_order(ETH, "limit", "buy", 0.2, 3000)
    assert client.fetch_order(made["id"], ETH)["status"] == "open"
