"""The official SDK listens: every subscription its WebsocketManager knows, each delivering a message of the documented shape."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hyperliquid.info import Info
from peer_accounts import ALICE, BOB
from sdk_desk import DEXS, GTC, SdkDesk, filled, resting

DOCUMENTED: dict[str, set[str]] = {
    "allMids": {"mids"},
    "l2Book": {"coin", "levels", "time"},
    "bbo": {"coin", "time", "bbo"},
    "activeAssetCtx": {"coin", "ctx"},
    "candle": {"t", "T", "s", "i", "o", "c", "h", "l", "v", "n"},
    "userFills": {"user", "isSnapshot", "fills"},
    "userFundings": {"user", "isSnapshot", "fundings"},
    "userNonFundingLedgerUpdates": {"user", "isSnapshot", "nonFundingLedgerUpdates"},
    "activeAssetData": {"user", "coin", "leverage", "maxTradeSzs", "availableToTrade"},
}


class Listener:
    """One Info with a socket, and what each subscription was told."""

    def __init__(self, url: str) -> None:
        self.info = Info(url, perp_dexs=DEXS)

    def on(self, **subscription: Any) -> queue.Queue[Any]:
        heard: queue.Queue[Any] = queue.Queue()
        self.info.subscribe(subscription, heard.put)  # type: ignore[arg-type]
        return heard


@pytest.fixture
def listener(venue) -> Iterator[Listener]:
    listening = Listener(venue.url)
    yield listening
    listening.info.disconnect_websocket()


def next_of(heard: queue.Queue[Any], timeout_s: float = 3.0) -> Any:
    return heard.get(timeout=timeout_s)


@pytest.mark.parametrize("kind", [*DOCUMENTED])
def test_a_first_message_comes_by_itself(listener, kind):
    wants: dict[str, Any] = {"type": kind}
    if kind in ("l2Book", "bbo", "activeAssetCtx", "candle", "activeAssetData"):
        wants["coin"] = "BTC"
    if kind == "candle":
        wants["interval"] = "1m"
    if kind.startswith("user") or kind == "activeAssetData":
        wants["user"] = ALICE.address
    message = next_of(listener.on(**wants), 6.0)
    assert message["channel"] == kind
    assert message["data"].keys() >= DOCUMENTED[kind]
    if "user" in message["data"]:
        assert message["data"]["user"] == ALICE.address.lower()


@pytest.mark.parametrize("coin", ["ETH", "xyz:SNDK", "test:ABC"])
def test_books_and_touches_of_each_dex(listener, venue, coin):
    books, touches = listener.on(type="l2Book", coin=coin), listener.on(type="bbo", coin=coin)
    assert next_of(books)["data"]["coin"] == coin
    bid = next_of(touches)["data"]["bbo"][0]["px"]
    venue.pin(coin, *{"ETH": ("3210", "3211"), "xyz:SNDK": ("1700", "1701"), "test:ABC": ("11", "11.1")}[coin])
    assert next_of(touches)["data"]["bbo"][0]["px"] != bid


def test_an_order_is_heard_of_everywhere(listener, venue):
    desk = SdkDesk(venue, ALICE)
    updates = listener.on(type="orderUpdates", user=ALICE.address)
    events = listener.on(type="userEvents", user=ALICE.address)
    fills = listener.on(type="userFills", user=ALICE.address)
    trades = listener.on(type="trades", coin="xyz:SNDK")
    snapshot = next_of(fills)["data"]
    assert snapshot["isSnapshot"] is True
    assert snapshot["fills"] == []

    oid = resting(desk.exchange.order("xyz:SNDK", True, 0.05, 1600, GTC))
    (update,) = next_of(updates)["data"]
    assert update["status"] == "open"
    assert update["order"]["oid"] == oid
    assert update["order"]["coin"] == "xyz:SNDK"
    desk.exchange.cancel("xyz:SNDK", oid)
    (update,) = next_of(updates)["data"]
    assert update["status"] == "canceled"

    taken = filled(desk.exchange.market_open("xyz:SNDK", True, 0.05))
    told = next_of(updates)["data"]
    while len(told) < 2:
        told += next_of(updates)["data"]
    assert [u["status"] for u in told] == ["open", "filled"]
    (fill,) = next_of(fills)["data"]["fills"]
    assert fill["oid"] == taken["oid"]
    assert next_of(events)["data"] == {"fills": [fill]}
    (trade,) = next_of(trades)["data"]
    assert trade["tid"] == fill["tid"]
    assert ALICE.address.lower() in trade["users"]


def test_nobody_hears_of_anothers_orders(listener, venue):
    updates = listener.on(type="orderUpdates", user=ALICE.address)
    fills = listener.on(type="userFills", user=ALICE.address)
    next_of(fills)
    filled(SdkDesk(venue, BOB).exchange.market_open("ETH", True, 0.1))
    time.sleep(0.3)  # several blocks
    assert updates.empty()
    assert fills.empty()


def test_unsubscribing_ends_it(venue, listener):
    heard: queue.Queue[Any] = queue.Queue()
    wants: Any = {"type": "bbo", "coin": "ETH"}
    number = listener.info.subscribe(wants, heard.put)
    next_of(heard)
    assert listener.info.unsubscribe(wants, number)
    time.sleep(0.1)
    venue.pin("ETH", "3300", "3301")
    time.sleep(0.3)
    assert heard.empty()


def test_the_example_of_the_sdk_subscribes_to_all_of_these_at_once(listener, venue):
    """Its basic_ws.py; webData2 is refused by the venue, which the SDK ignores."""
    address = ALICE.address
    wants: list[Any] = [
        {"type": "allMids"},
        {"type": "l2Book", "coin": "ETH"},
        {"type": "trades", "coin": "PURR/USDC"},
        {"type": "userEvents", "user": address},
        {"type": "userFills", "user": address},
        {"type": "candle", "coin": "ETH", "interval": "1m"},
        {"type": "orderUpdates", "user": address},
        {"type": "userFundings", "user": address},
        {"type": "userNonFundingLedgerUpdates", "user": address},
        {"type": "webData2", "user": address},
        {"type": "bbo", "coin": "ETH"},
        {"type": "activeAssetCtx", "coin": "BTC"},
        {"type": "activeAssetCtx", "coin": "@1"},
        {"type": "activeAssetData", "user": address, "coin": "BTC"},
    ]
    heard: queue.Queue[Any] = queue.Queue()
    for wanted in wants:
        listener.info.subscribe(wanted, heard.put)
    filled(SdkDesk(venue, BOB).exchange.market_open("ETH", True, 0.1))  # a candle comes with a trade
    channels: set[str] = set()
    begun = time.monotonic()
    must = {"allMids", "l2Book", "userFills", "candle", "userFundings", "bbo", "activeAssetCtx", "activeAssetData"}
    while not must <= channels:
        assert time.monotonic() - begun < 6, must - channels
        channels.add(next_of(heard, 6.0)["channel"])
    manager = listener.info.ws_manager
    assert manager.ws.sock.connected, "nothing of this may cost the connection"
