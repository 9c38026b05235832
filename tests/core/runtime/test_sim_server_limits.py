"""The limits per IP over real sockets, the idle close, the greeting: with a clock that jumps, so that a minute takes no time."""

from __future__ import annotations

import asyncio
import json
import time

import aiohttp
import msgspec
import pytest
import websockets

from core.config import SimConfig
from core.runtime.sim_server import GREETING, SimServer

USER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
CONFIG = SimConfig(seed=7, latency_min_ms=0, latency_max_ms=0, markets=())
WAIT_S = 5.0


class Venue:
    """A server whose clock can be put ahead."""

    def __init__(self, settings) -> None:
        self.ahead_ms = 0
        self.server = SimServer(settings, clock=lambda: int(time.time() * 1000) + self.ahead_ms)

    async def __aenter__(self):
        await self.server.start()
        self.http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_):
        await self.http.close()
        await self.server.stop()

    async def post(self, path, body):
        async with self.http.post(self.server.url + path, json=body) as r:
            return r.status, await r.text()

    async def info(self, kind, **fields):
        return await self.post("/info", {"type": kind, **fields})

    def ws(self):
        return websockets.connect(self.server.url.replace("http", "ws") + "/ws", compression=None, ping_interval=None)


@pytest.fixture
async def venue():
    async with Venue(CONFIG) as running:
        yield running


async def hear(ws):
    return json.loads(await asyncio.wait_for(ws.recv(), WAIT_S))


def say(ws, **frame):
    return ws.send(json.dumps(frame))


async def is_cut(ws):
    """Whether the other side goes without a close frame."""
    with pytest.raises(websockets.ConnectionClosed) as closed:
        await asyncio.wait_for(ws.recv(), WAIT_S)
    return closed.value.rcvd is None


async def test_the_weight_of_a_minute_over_http_and_posts_together(venue):
    for _ in range(19):
        assert (await venue.info("userRole", user=USER))[0] == 200  # 60 each
    async with venue.ws() as ws:
        for i in range(3):
            await say(ws, method="post", id=i, request={"type": "info", "payload": {"type": "meta"}})
            assert (await hear(ws))["data"]["response"]["type"] == "info"
        await say(ws, method="post", id=9, request={"type": "info", "payload": {"type": "exchangeStatus"}})
        response = (await hear(ws))["data"]["response"]
        assert response["type"] == "error"
        assert response["payload"].startswith("429 Too Many Requests")
    assert await venue.info("exchangeStatus") == (429, "null")
    assert await venue.post("/exchange", {"action": {"type": "noop"}}) == (429, "null")
    assert (await venue.post("/control", {"do": "truth"}))[0] == 200
    venue.ahead_ms += 60_000
    assert (await venue.info("exchangeStatus"))[0] == 200


async def test_ten_connections_at_a_time_and_thirty_new_ones_in_a_minute(venue):
    lines = [await venue.ws() for _ in range(10)]
    with pytest.raises(websockets.InvalidStatus) as refused:
        await venue.ws()
    assert refused.value.response.status_code == 429
    for line in lines:
        await line.close()
    async with asyncio.timeout(WAIT_S):
        while venue.server.feed.sessions:
            await venue.post("/control", {"do": "list_faults"})  # asking is the waiting
    for _ in range(19):
        async with venue.ws():
            pass
    with pytest.raises(websockets.InvalidStatus):
        await venue.ws()
    venue.ahead_ms += 60_000
    async with venue.ws() as ws:
        await say(ws, method="ping")
        assert await hear(ws) == {"channel": "pong"}


async def test_two_thousand_messages_in_a_minute_over_all_connections(venue):
    async with venue.ws() as ws, venue.ws() as other:
        for line, count in ((ws, 1_500), (other, 500)):
            for _ in range(count):
                await say(line, method="ping")
            for _ in range(count):
                assert await hear(line) == {"channel": "pong"}
        await say(ws, method="ping")
        assert (await hear(ws))["channel"] == "error"
        await say(other, method="post", id=3, request={"type": "info", "payload": {"type": "meta"}})
        data = (await hear(other))["data"]
        assert (data["id"], data["response"]["type"]) == (3, "error")
        venue.ahead_ms += 60_000
        await say(ws, method="ping")
        assert await hear(ws) == {"channel": "pong"}


async def test_a_silent_minute_ends_a_connection_without_a_close_frame(venue):
    async with venue.ws() as quiet, venue.ws() as asking:
        for line in (quiet, asking):
            await say(line, method="ping")
            await hear(line)
        venue.ahead_ms += 50_000
        await say(asking, method="ping")
        assert await hear(asking) == {"channel": "pong"}
        venue.ahead_ms += 11_000
        assert await is_cut(quiet)
        await say(asking, method="ping")
        assert await hear(asking) == {"channel": "pong"}


async def test_limits_can_be_switched_off():
    async with Venue(msgspec.structs.replace(CONFIG, ip_limits=False)) as venue:
        lines = [await venue.ws() for _ in range(12)]
        for i in range(16):
            await say(lines[0], method="subscribe", subscription={"type": "orderUpdates", "user": f"0x{i:040x}"})
            assert (await hear(lines[0]))["channel"] == "subscriptionResponse"
        for _ in range(30):
            assert (await venue.info("userRole", user=USER))[0] == 200
        for line in lines:
            await line.close()


async def test_the_greeting_is_plain_text_and_comes_first():
    async with Venue(msgspec.structs.replace(CONFIG, greeting=True)) as venue, venue.ws() as ws:
        await say(ws, method="ping")
        assert await asyncio.wait_for(ws.recv(), WAIT_S) == GREETING
        assert await hear(ws) == {"channel": "pong"}


async def test_a_thousand_subscriptions_over_all_connections():
    async with Venue(CONFIG) as venue:
        coins = list(venue.server.exchange.venue.universe.by_coin)
        wanted = [
            {"type": kind, "coin": coin, **more}
            for coin in coins
            for kind, more in (
                *((k, {}) for k in ("bbo", "trades", "activeAssetCtx", "l2Book")),
                *(("l2Book", {"nSigFigs": n}) for n in (2, 3, 4, 5)),
                *(("candle", {"interval": i}) for i in ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "12h")),
            )
        ]
        assert len(wanted) > 1_000 - 200
        wanted = (wanted + [{**w, "fast": True} for w in wanted if w["type"] == "l2Book"])[:1_001]
        feed, heard = venue.server.feed, []
        lines = [feed.open(lambda text: heard.append(json.loads(text)), 0, "10.0.0.1") for _ in range(2)]
        for i, subscription in enumerate(wanted):
            feed.receive(lines[i % 2], json.dumps({"method": "subscribe", "subscription": subscription}), 0)
        errors = [f["data"] for f in heard if f["channel"] == "error"]
        assert len(errors) == 1
        assert "1000" in errors[0]
        first = json.dumps({"method": "unsubscribe", "subscription": wanted[0]})
        again = json.dumps({"method": "subscribe", "subscription": wanted[1_000]})
        heard.clear()
        feed.receive(lines[0], first, 0)
        feed.receive(lines[0], again, 0)
        assert [f["channel"] for f in heard][:2] == ["subscriptionResponse"] * 2
        elsewhere = feed.open(lambda text: heard.append(json.loads(text)), 0, "10.0.0.2")
        heard.clear()
        feed.receive(elsewhere, first.replace("unsubscribe", "subscribe"), 0)
        assert heard[0]["channel"] == "subscriptionResponse"
