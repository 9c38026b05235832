"""Hostile input through real sockets: malformed HTTP, bodies that are no JSON, frames that are no frames. The server answers or hangs up,
and serves the next one. What the exchange makes of readable messages is in test_hostile_venue; `make fuzz` plays more.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest
from hostile_input import ACTIONS, ALICE, deep
from venue_rooms import MAY_ANSWER, OURS, bodies, socket_frames
from venue_thread import QUIET

from core.runtime.sim_server import SimServer

CASES = 400


@pytest.fixture
async def server() -> AsyncIterator[SimServer]:
    running = SimServer(QUIET)
    await running.start()
    yield running
    assert running._blocks is not None
    assert not running._blocks.done(), "the venue died of it"
    await running.stop()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_bodies(server, http):
    count = await bodies(server, http, random.Random("bodies"), CASES)
    assert set(count) >= {"200", "400", "415", "422"}, count


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[" * 200_000,
        b'{"type":' * 100_000,
        json.dumps({"type": "meta", "dex": deep(900, random.Random(1))}).encode(),
        json.dumps({"action": {"type": "noop", "more": deep(900, random.Random(2))}, "nonce": 1}).encode(),
        json.dumps({"action": {**ACTIONS[0], "more": deep(500, random.Random(3))}, "nonce": 1}).encode(),
        b'{"type":"meta","type":"l2Book"}',
        b'{"type":"\\ud800"}',
        b'{"type":"l2Book","coin":"\\u0000"}',
        b'{"type":"l2Book","coin":"BTC","nSigFigs":1e400}',
        b'{"type":"orderStatus","user":"%s","oid":1e400}' % ALICE.encode(),
        b'{"type":"orderStatus","user":"%s","oid":%s}' % (ALICE.encode(), b"9" * 4_000),
        b" " * (2 << 20),
    ],
    ids=lambda body: body[:20].decode() + f"({len(body)})",
)
@pytest.mark.parametrize("road", ["/info", "/exchange", "/control"])
async def test_bodies_at_the_edge(server, http, road, body):
    async with http.post(server.url + road, data=body, headers={"Content-Type": "application/json"}) as answer:
        text = await answer.text()
        assert answer.status in MAY_ANSWER or (answer.status == 500 and text == "null")
        assert not any(word in text for word in OURS), text[:300]


async def test_signed_actions_with_nesting_do_not_harm(server, http):
    """The hash is taken over everything that came, however deep."""
    for levels in (10, 100, 300, 500, 900):
        for action in ({"type": "noop"}, ACTIONS[0]):
            raw = {"action": {**action, "x": deep(levels, random.Random(levels))}, "nonce": server._clock()}
            raw["signature"] = {"r": "0x1", "s": "0x1", "v": 27}
            async with http.post(server.url + "/exchange", json=raw) as answer:
                assert answer.status in (200, 400, 422)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /info HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /info HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\nContent-Type: application/json\r\n\r\n{",
        b"POST /info HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nzz\r\n",
        b"POST /info HTTP/9.9\r\n" + b"A: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
        b"GET /%00/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_what_is_no_request(server, http, sent):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(sent)
    await writer.drain()
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(4_096), 5)
    assert b"Traceback" not in answer
    assert not answer.startswith(b"HTTP/1.1 2")
    writer.close()
    async with http.post(server.url + "/info", json={"type": "meta"}) as alive:
        assert alive.status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
async def test_other_methods(server, http, method):
    async with http.request(method, server.url + "/info") as answer:
        assert answer.status == 405
        assert await answer.text() == ""


async def test_frames(server, http):
    count = await socket_frames(server, http, random.Random("frames"), CASES)
    assert count["heard"] > count["cases"] / 10


async def test_frames_too_large_or_not_text(server, http):
    async with http.ws_connect(server.url + "/ws") as ws:
        await ws.send_bytes(b"\x00" * 1_000)
        await ws.send_str("[" * 900_000)
        assert msgspec.json.decode((await ws.receive(timeout=5)).data)["channel"] == "error"
        await ws.send_str('{"method":"ping"}')
        assert (await ws.receive(timeout=5)).data == '{"channel":"pong"}'
        await ws.send_str("x" * (2 << 20))
        ended = await ws.receive(timeout=5)
        assert ended.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
