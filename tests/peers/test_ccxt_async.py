"""ccxt, its asyncio class and its socket class (pro): what each unified call of the watch kind delivers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ccxt_desk import ETH, SNDK, need, settings
from peer_accounts import ALICE, BOB

ccxt_async = need("ccxt.async_support")
ccxt_pro = need("ccxt.pro")


@pytest.fixture
async def client(mainnet_venue) -> AsyncIterator[Any]:
    trader = ccxt_async.hyperliquid(settings(mainnet_venue, ALICE))
    yield trader
    await trader.close()


@pytest.fixture
async def pro(mainnet_venue) -> AsyncIterator[Any]:
    watcher = ccxt_pro.hyperliquid(settings(mainnet_venue, ALICE))
    await watcher.load_markets()
    yield watcher
    await watcher.close()


@pytest.fixture
async def other(mainnet_venue) -> AsyncIterator[Any]:
    trader = ccxt_async.hyperliquid(settings(mainnet_venue, BOB))
    await trader.load_markets()
    yield trader
    await trader.close()


async def test_a_round_trip(client):
    made = await client.create_order(SNDK, "limit", "buy", 0.05, 1600.5)
    assert (await client.fetch_order(made["id"], SNDK))["status"] == "open"
    await client.cancel_order(made["id"], SNDK)
    assert await client.fetch_open_orders(SNDK) == []
    await client.create_order(SNDK, "market", "buy", 0.05, 1698.6)
    (position,) = await client.fetch_positions([SNDK])
    assert position["contracts"] == 0.05
    assert (await client.fetch_balance())["USDC"]["total"] == pytest.approx(100_000, abs=1)


async def test_many_calls_at_once(client):
    await client.load_markets()
    orders = (client.create_order(ETH, "limit", "buy", 0.1, 2900 + i) for i in range(20))
    made = await asyncio.gather(*orders)
    assert len({o["id"] for o in made}) == 20
    assert len(await client.fetch_open_orders(ETH)) == 20


async def within(work, timeout_s: float = 8.0):
    return await asyncio.wait_for(work, timeout_s)


@pytest.mark.parametrize("symbol", [ETH, SNDK])
async def test_watch_order_book(pro, symbol):
    book = await within(pro.watch_order_book(symbol))
    assert book["bids"][0][0] < book["asks"][0][0]
    assert book["symbol"] == symbol


async def test_watch_tickers(pro):
    assert (await within(pro.watch_ticker(ETH)))["symbol"] == ETH
    assert ETH in await within(pro.watch_tickers([ETH]))


async def test_watch_trades(pro, other):
    watching = asyncio.create_task(pro.watch_trades(ETH))
    await asyncio.sleep(0.2)  # the subscription is on its way
    await other.create_order(ETH, "market", "buy", 0.1, 3200.5)
    trades = await within(watching)
    assert (trades[-1]["price"], trades[-1]["amount"], trades[-1]["side"]) == (3200.5, 0.1, "buy")


async def test_watch_candles(pro):
    (candle, *_) = await within(pro.watch_ohlcv("BTC/USDC:USDC", "1m"))
    assert len(candle) == 6


async def test_watch_orders_and_my_trades(pro):
    orders = asyncio.create_task(pro.watch_orders())
    trades = asyncio.create_task(pro.watch_my_trades())
    await asyncio.sleep(0.2)
    made = await pro.create_order(ETH, "market", "buy", 0.1, 3200.5)
    told = await within(orders)
    assert told[-1]["id"] == made["id"]
    (trade,) = await within(trades)
    assert trade["order"] == made["id"]
    assert trade["symbol"] == ETH


async def test_watch_balance_and_positions(pro):
    assert (await within(pro.watch_balance()))["USDC"]["total"] == pytest.approx(100_000)
    await pro.create_order(ETH, "market", "buy", 0.1, 3200.5)
    positions = await within(pro.watch_positions([ETH]))
    assert positions[0]["symbol"] == ETH


async def test_orders_over_the_socket(pro):
    made = await within(pro.create_order_ws(ETH, "limit", "buy", 0.1, 3000))
    edited = await within(pro.edit_order_ws(made["id"], ETH, "limit", "buy", 0.2, 3010))
    await within(pro.cancel_order_ws(edited["id"], ETH))
    assert await pro.fetch_open_orders(ETH) == []


async def test_unwatching(pro):
    await within(pro.watch_order_book(ETH))
    await within(pro.un_watch_order_book(ETH))
    await within(pro.watch_order_book(ETH))
