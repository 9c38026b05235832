"""Faults between client and venue, over real sockets: edges that fail, storms, sockets cut, not let in, read slowly."""

from __future__ import annotations

import asyncio
import json
import time

import aiohttp
import msgspec
import pytest
import websockets
from test_sim_server import CONFIG, USER, WAIT_S, Client, action_post, hear, say

from core.config_faults import FaultConfig
from core.runtime.sim_server import SimServer, SimServerError


@pytest.fixture
async def client():
    server = SimServer(CONFIG)
    await server.start()
    async with aiohttp.ClientSession() as http:
        c = Client(server, http)
        await c.pin()
        yield c
    await server.stop()


async def truth(client):
    return await client.control(do="truth")


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [("http_429", 429, "Too Many Requests"), ("http_502", 502, "<html>"), ("http_500", 500, "null")],
)
async def test_an_edge_that_fails(client, name, status, body):
    await client.control(do="fault", name=name, road="info")
    executed, _ = await client.post("/exchange", client.signed({"type": "noop"}))
    assert executed == 200, "it was to strike questions alone"
    found, text = await client.post("/info", {"type": "perpDexs"})
    assert (found, text[: len(body)]) == (status, body)
    assert (await client.post("/info", {"type": "perpDexs"}))[0] == 200


async def test_an_edge_that_fails_before_and_after_execution(client):
    await client.control(do="fault", name="http_502", road="exchange")
    status, _ = await client.post("/exchange", client.order(True, "1700", "0.05"))
    assert status == 502
    assert (await truth(client))["actions"] == []
    await client.control(do="fault", name="http_502", road="exchange", executed=True)
    status, _ = await client.post("/exchange", client.order(True, "1700", "0.05"))
    assert status == 502
    assert [a["accepted"] for a in (await truth(client))["actions"]] == [True]
    assert (await truth(client))["faultsStruck"] == {"http_502": 2}


async def test_a_post_meets_the_same_edge_as_a_line_of_its_own(client):
    await client.control(do="fault", name="http_429", road="exchange")
    async with client.ws() as ws:
        await say(ws, **action_post(7, client.order(True, "1700", "0.05")))
        answer = await hear(ws, "post")
    assert answer["id"] == 7
    assert answer["response"] == {"type": "error", "payload": "429 Too Many Requests: Too Many Requests"}


async def test_an_error_payload_instead_of_an_answer(client):
    await client.control(do="fault", name="post_error", text="Cannot do that.")
    async with client.ws() as ws:
        await say(ws, **action_post(8, client.order(True, "1700", "0.05")))
        assert (await hear(ws, "post"))["response"] == {"type": "error", "payload": "Cannot do that."}
        await say(ws, **action_post(9, client.order(True, "1700", "0.05")))
        assert (await hear(ws, "post"))["response"]["type"] == "action"
    assert len((await truth(client))["actions"]) == 1


async def test_a_read_of_one_dex_that_is_never_answered(client):
    await client.control(do="fault", name="dex_reads_fail", dex="xyz", answer="silence")
    async with client.ws() as ws:
        for number, dex in ((1, "xyz"), (2, "")):
            payload = {"type": "openOrders", "user": USER, "dex": dex}
            await say(ws, method="post", id=number, request={"type": "info", "payload": payload})
        assert (await hear(ws, "post"))["id"] == 2, "the first was never answered"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await client.post("/info", {"type": "clearinghouseState", "user": USER, "dex": "xyz"})
    status, _ = await client.post("/info", {"type": "clearinghouseState", "user": USER})
    assert status == 200


async def test_a_storm_makes_everything_slower(client):
    await client.control(do="fault", name="latency_storm", ms=400)
    begun = time.monotonic()
    for _ in range(4):
        await client.info("exchangeStatus")
    slow = time.monotonic() - begun
    await client.control(do="clear_faults")
    begun = time.monotonic()
    for _ in range(4):
        await client.info("exchangeStatus")
    assert slow > 0.4 > time.monotonic() - begun


async def test_sockets_are_dropped_again_and_again_and_not_let_in(client):
    await client.control(do="fault", name="drop_connections", count=2, ms=300)
    drops = 0
    async with asyncio.timeout(WAIT_S):
        while drops < 2:
            async with client.ws() as ws:
                await say(ws, method="ping")
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    await hear(ws, "nothing of that name")
                assert closed.value.rcvd is None
                drops = (await truth(client))["faultsStruck"]["drop_connections"]
    await client.control(do="fault", name="refuse_connections", count=1)
    with pytest.raises(websockets.InvalidStatus):
        async with client.ws():
            pass
    async with client.ws() as ws:
        await say(ws, method="ping")
        await hear(ws, "pong")


async def test_a_socket_that_is_told_nothing_is_dropped_early(client):
    await client.control(do="fault", name="idle_close", ms=200)
    async with client.ws() as ws:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(ws.recv(), WAIT_S)
        assert closed.value.rcvd is None


async def test_frames_are_read_slowly(client):
    await client.control(do="fault", name="slow_reads", ms=200, count=2)
    async with client.ws() as ws:
        begun = time.monotonic()
        for _ in range(3):
            await say(ws, method="ping")
        for _ in range(3):
            await hear(ws, "pong")
        assert 0.4 <= time.monotonic() - begun < 2


async def test_a_black_hole_over_a_real_socket(client):
    await client.control(do="fault", name="black_hole")
    async with client.ws() as ws:
        await say(ws, method="subscribe", subscription={"type": "userFills", "user": USER})
        await hear(ws, "userFills")
        order = client.order(True, "1700", "0.05")
        await say(ws, **action_post(1, order))
        async with asyncio.timeout(WAIT_S):
            while not (await truth(client))["positions"]:
                pass  # asking is the waiting
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ws.recv(), 0.4)
        cloid = order["action"]["orders"][0]["c"]
        assert (await client.info("orderStatus", user=USER, oid=cloid))["status"] == "order"
        assert (await hear(ws, "userFills"))["fills"][0]["sz"] == "0.05"


async def test_faults_of_the_settings_are_in_force_from_the_start():
    faults = (FaultConfig(name="http_500", road="info", count=1), FaultConfig(name="post_only", address=USER))
    server = SimServer(msgspec.structs.replace(CONFIG, faults=faults))
    await server.start()
    async with aiohttp.ClientSession() as http:
        c = Client(server, http)
        assert (await c.post("/info", {"type": "perpDexs"}))[0] == 500
        _, text = await c.post("/exchange", c.order(True, "1700", "0.05"))
        assert "post-only" in json.loads(text)["response"]["data"]["statuses"][0]["error"]
    await server.stop()


def test_a_fault_on_a_coin_that_is_not_listed_is_one_clear_line():
    with pytest.raises(SimServerError, match="fault halt: coin = 'NOPE': not listed"):
        SimServer(msgspec.structs.replace(CONFIG, faults=(FaultConfig(name="halt", coin="NOPE"),)))
