"""The simulated exchange over real sockets: every road in, every way out, and the process around it."""

from __future__ import annotations

import asyncio
import json
import time

import aiohttp
import eth_account
import msgspec
import pytest
import websockets
from hyperliquid.exchange import Exchange as SdkExchange
from hyperliquid.info import Info as SdkInfo
from hyperliquid.utils.types import Cloid

from core.config import SimConfig
from core.hyperliquid.actions import canonical_action
from core.hyperliquid.signing import sign_l1_action
from core.runtime.sim_server import SimServer, SimServerError

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
USER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
CONFIG = SimConfig(seed=7, latency_min_ms=1, latency_max_ms=5)
CLOID = "0x0000000000000000000000000000abcd"
WAIT_S = 5.0


class Client:
    """A plain client of one server."""

    def __init__(self, server: SimServer, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.http = http
        self._nonce = int(time.time() * 1000)

    async def post(self, path, body, **how):
        async with self.http.post(self.server.url + path, **(how or {"json": body})) as r:
            return r.status, await r.text()

    async def info(self, kind, **fields):
        status, text = await self.post("/info", {"type": kind, **fields})
        assert status == 200, text
        return json.loads(text)

    async def control(self, **command):
        status, text = await self.post("/control", command)
        assert status == 200, text
        return json.loads(text)

    def signed(self, action):
        self._nonce += 1
        signature = sign_l1_action(KEY, canonical_action(action), None, self._nonce, None, False)
        return {"action": action, "nonce": self._nonce, "signature": signature}

    def order(self, is_buy, px, sz, tif="Ioc", reduce_only=False):
        o = {"a": 110016, "b": is_buy, "p": px, "s": sz, "r": reduce_only, "t": {"limit": {"tif": tif}}, "c": CLOID}
        return self.signed({"type": "order", "orders": [o], "grouping": "na"})

    def ws(self):
        return websockets.connect(self.server.url.replace("http", "ws") + "/ws", compression=None, ping_interval=None)

    async def pin(self):
        await self.control(do="set_price", coin="xyz:SNDK", oracle="1700", bid="1698", ask="1699", size="1")


async def hear(ws, channel):
    """The data of the next frame of a channel."""
    async with asyncio.timeout(WAIT_S):
        while True:
            frame = json.loads(await ws.recv())
            if frame["channel"] == channel:
                return frame.get("data")


def say(ws, **frame):
    return ws.send(json.dumps(frame))


def action_post(number, payload):
    return {"method": "post", "id": number, "request": {"type": "action", "payload": payload}}


@pytest.fixture
async def client():
    server = SimServer(CONFIG)
    await server.start()
    async with aiohttp.ClientSession() as http:
        c = Client(server, http)
        await c.pin()
        yield c
    await server.stop()


async def test_an_order_over_rest_fills_and_is_told_over_the_socket(client):
    async with client.ws() as ws:
        for kind in ("orderUpdates", "userFills"):
            await say(ws, method="subscribe", subscription={"type": kind, "user": USER})
        ack = await hear(ws, "subscriptionResponse")
        assert ack == {"method": "subscribe", "subscription": {"type": "orderUpdates", "user": USER}}
        assert (await hear(ws, "userFills"))["isSnapshot"] is True
        status, text = await client.post("/exchange", client.order(True, "1700", "0.05"))
        assert status == 200
        filled = json.loads(text)["response"]["data"]["statuses"][0]["filled"]
        assert (filled["totalSz"], filled["cloid"]) == ("0.05", CLOID)
        assert [u["status"] for u in await hear(ws, "orderUpdates")] == ["open", "filled"]
        assert (await hear(ws, "userFills"))["fills"][0]["oid"] == filled["oid"]
    truth = await client.control(do="truth")
    assert [(p["coin"], p["szi"]) for p in truth["positions"]] == [("xyz:SNDK", "0.05")]
    assert [a["accepted"] for a in truth["actions"]] == [True]


async def test_posts_over_the_socket_and_their_three_layers_of_failure(client):
    async with client.ws() as ws:
        await say(ws, **action_post(1, client.order(True, "1700", "0.05")))
        answer = await hear(ws, "post")
        assert answer["id"] == 1
        assert answer["response"]["type"] == "action"
        assert "filled" in answer["response"]["payload"]["response"]["data"]["statuses"][0]
        await say(ws, **action_post(2, client.order(True, "1600", "0.05")))
        statuses = (await hear(ws, "post"))["response"]["payload"]["response"]["data"]["statuses"]
        assert statuses[0]["error"].startswith("Order could not immediately match")
        bad = client.order(True, "1700", "0.05")
        bad["nonce"] += 1
        await say(ws, **action_post(3, bad))
        payload = (await hear(ws, "post"))["response"]["payload"]
        assert payload["status"] == "err"
        assert "does not exist" in payload["response"]
        await say(ws, **action_post(4, {"action": {"type": "order"}}))
        response = (await hear(ws, "post"))["response"]
        assert response["type"] == "error"
        assert response["payload"].startswith("422 Unprocessable Entity: Failed to deserialize")
        payload = {"type": "l2Book", "coin": "xyz:SNDK"}
        await say(ws, method="post", id=5, request={"type": "info", "payload": payload})
        payload = (await hear(ws, "post"))["response"]["payload"]
        assert payload["type"] == "l2Book"
        assert payload["data"]["levels"][0][0]["px"] == "1698.0"
    assert client.server.feed.pending_posts == 0


async def test_the_market_moves_by_itself(client):
    async with client.ws() as ws:
        await say(ws, method="subscribe", subscription={"type": "bbo", "coin": "BTC"})
        times = [(await hear(ws, "bbo"))["time"] for _ in range(3)]
        assert times == sorted(times)
        assert abs(times[-1] - time.time() * 1000) < 2_000


async def test_ping_and_nonsense(client):
    async with client.ws() as ws:
        await say(ws, method="ping")
        assert await hear(ws, "pong") is None
        await ws.send("nonsense")
        assert (await hear(ws, "error")).endswith("nonsense")


async def test_an_unknown_coin_kills_the_socket_without_a_close_frame(client):
    async with client.ws() as ws:
        await say(ws, method="subscribe", subscription={"type": "bbo", "coin": "btc"})
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(ws.recv(), WAIT_S)
        assert closed.value.rcvd is None
    async with client.ws() as ws:
        await say(ws, method="ping")
        await hear(ws, "pong")


@pytest.mark.parametrize(
    ("path", "how", "status", "text"),
    [
        ("/info", {"json": {"type": "nonsense"}}, 422, "Failed to deserialize the JSON body into the target type"),
        ("/exchange", {"json": {"action": 1}}, 422, "Failed to deserialize the JSON body into the target type"),
        (
            "/info",
            {"data": "{", "headers": {"Content-Type": "application/json"}},
            400,
            "Failed to parse the request body as JSON",
        ),
        ("/exchange", {"data": "{}"}, 415, "Expected request with `Content-Type: application/json`"),
        ("/info", {"json": {"type": "metaAndAssetCtxs", "dex": "nope"}}, 500, "null"),
        ("/control", {"json": {"do": "nonsense"}}, 400, '{"error"'),
    ],
)
async def test_http_failures(client, path, how, status, text):
    found_status, found_text = await client.post(path, None, **how)
    assert (found_status, found_text[: len(text)]) == (status, text)


async def test_get_is_405_and_empty(client):
    async with client.http.get(client.server.url + "/info") as r:
        assert (r.status, await r.text()) == (405, "")


async def test_dropped_connections(client):
    async with client.ws() as ws:
        await say(ws, method="ping")
        await hear(ws, "pong")
        assert (await client.control(do="drop_connections"))["dropped"] == 1
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(ws.recv(), WAIT_S)
        assert closed.value.rcvd is None


async def test_a_lost_reply_was_executed_and_a_lost_request_was_not(client):
    async def actions(count):
        async with asyncio.timeout(WAIT_S):
            while len(found := (await client.control(do="truth"))["actions"]) < count:
                pass  # asking is the waiting
            return [a["type"] for a in found]

    async with client.ws() as ws:
        await client.control(do="fault", name="lose_reply")
        await say(ws, **action_post(1, client.order(True, "1700", "0.05")))
        assert await actions(1) == ["order"]
        await client.control(do="fault", name="lose_request")
        await say(ws, **action_post(2, client.order(True, "1700", "0.05")))
        await say(ws, **action_post(3, client.signed({"type": "noop"})))
        assert (await hear(ws, "post"))["id"] == 3
        assert await actions(2) == ["order", "noop"]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ws.recv(), 0.3)
    assert client.server.feed.pending_posts == 0


async def test_a_late_reply(client):
    await client.control(do="fault", name="late_reply", ms=400)
    begun = time.monotonic()
    _, text = await client.post("/exchange", client.signed({"type": "noop"}))
    assert json.loads(text)["status"] == "ok"
    assert 0.4 <= time.monotonic() - begun < 2


async def test_a_connection_that_drops_after_execution(client):
    await client.control(do="fault", name="drop_after_execution")
    async with client.ws() as ws:
        await say(ws, **action_post(1, client.order(True, "1700", "0.05")))
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(ws.recv(), WAIT_S)
    assert (await client.control(do="truth"))["positions"][0]["szi"] == "0.05"


async def test_trouble_with_markets_and_frames_reaches_a_client(client):
    async with client.ws() as ws:
        await say(ws, method="subscribe", subscription={"type": "userFills", "user": USER})
        assert (await hear(ws, "userFills"))["isSnapshot"]
        await client.control(do="fault", name="thin_book", coin="xyz:SNDK", percent=40)
        await client.control(do="fault", name="fill_delay", ms=400)
        await client.control(do="fault", name="duplicate_frames", for_ms=60_000)
        _, text = await client.post("/exchange", client.order(True, "1700", "0.05"))
        answered = time.monotonic()
        assert json.loads(text)["response"]["data"]["statuses"][0]["filled"]["totalSz"] == "0.02"
        first, second = await hear(ws, "userFills"), await hear(ws, "userFills")
        assert time.monotonic() - answered > 0.3
        assert first == second
    await client.control(do="fault", name="halt", coin="xyz:SNDK")
    _, text = await client.post("/exchange", client.order(False, "1690", "0.02"))
    assert "halted" in text


async def test_info_down(client):
    await client.control(do="fault", name="info_down", count=1)
    status, text = await client.post("/info", {"type": "perpDexs"})
    assert status == 502
    assert "<html>" in text
    assert (await client.info("perpDexs"))[0] is None


async def test_replies_take_the_configured_time():
    server = SimServer(msgspec.structs.replace(CONFIG, latency_min_ms=150, latency_max_ms=200))
    await server.start()
    async with aiohttp.ClientSession() as http:
        begun = time.monotonic()
        await Client(server, http).info("exchangeStatus")
        assert 0.14 <= time.monotonic() - begun < 1.0
    await server.stop()


async def test_the_official_sdk_trades_and_reads(client):
    def trade():
        account = eth_account.Account.from_key(KEY)
        info = SdkInfo(client.server.url, skip_ws=True, perp_dexs=["", "xyz"], timeout=WAIT_S)
        exchange = SdkExchange(account, client.server.url, perp_dexs=["", "xyz"], timeout=WAIT_S)
        bought = exchange.order("xyz:SNDK", True, 0.05, 1700, {"limit": {"tif": "Ioc"}}, cloid=Cloid.from_int(9))
        rests = exchange.order("BTC", True, 0.001, 90_000, {"limit": {"tif": "Gtc"}})
        (open_order,) = info.open_orders(USER)
        cancelled = exchange.cancel("BTC", open_order["oid"])
        leverage = exchange.update_leverage(5, "ETH", is_cross=False)
        found = info.query_order_by_cloid(USER, Cloid.from_int(9))
        state = info.user_state(USER, dex="xyz")
        return bought, rests, cancelled, leverage, found, state, info.user_fills(USER)

    bought, rests, cancelled, leverage, found, state, fills = await asyncio.to_thread(trade)
    assert bought["response"]["data"]["statuses"][0]["filled"]["avgPx"] == "1699.0"
    assert "resting" in rests["response"]["data"]["statuses"][0]
    assert cancelled["response"]["data"]["statuses"] == ["success"]
    assert leverage == {"status": "ok", "response": {"type": "default"}}
    assert found["order"]["status"] == "filled"
    assert state["assetPositions"][0]["position"]["szi"] == "0.05"
    assert len(fills) == 1


# the process -----------------------------------------------------------------------------------------------------------


async def test_a_taken_port_is_one_clear_line(client):
    with pytest.raises(SimServerError, match=rf"cannot listen on 127.0.0.1:{client.server.port}: .*in use"):
        await SimServer(CONFIG, port=client.server.port).start()


def test_hosts_beyond_loopback_are_refused_unless_told():
    with pytest.raises(SimServerError, match="loopback only"):
        SimServer(CONFIG, "0.0.0.0")
    SimServer(CONFIG, "0.0.0.0", allow_remote=True)


def test_a_market_that_is_not_listed_is_one_clear_line():
    with pytest.raises(SimServerError, match="xyz:NOPE"):
        SimServer(msgspec.structs.replace(CONFIG, markets=("xyz:NOPE",)))
