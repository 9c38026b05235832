"""A scenario on a running server: it plays by itself, waits for READY, tells what it does, and judges at its end."""

from __future__ import annotations

import asyncio

import aiohttp
import msgspec
from test_sim_server import CONFIG, WAIT_S, Client

from core.runtime.sim_server import SimServer
from core.sim.scenario import parse_scenario

SCENARIO = """
name = "two steps"
story = "y"
seed = 1
markets = ["xyz:SNDK"]
length_s = 1
[[steps]]
at_s = 0
since = "start"
do = "set_price"
coin = "xyz:SNDK"
oracle = 1700
bid = 1698
ask = 1699
[[steps]]
at_s = 0.2
do = "fault"
name = "http_500"
road = "info"
say = "questions fail"
[[steps]]
at_s = 0.3
do = "fault"
name = "one_sided"
coin = "xyz:SNDK"
[[steps]]
at_s = 0.6
do = "hold"
coin = "xyz:SNDK"
[expect]
latched = true
"""


async def test_it_is_played_and_judged():
    lines: list[str] = []
    server = SimServer(msgspec.structs.replace(CONFIG, markets=("xyz:SNDK",)))
    server.play(parse_scenario(SCENARIO, "s"), lines.append)
    await server.start()
    async with aiohttp.ClientSession() as http:
        client = Client(server, http)
        async with asyncio.timeout(WAIT_S):
            while not lines:
                await client.control(do="list_faults")  # asking is the waiting
        assert lines == ["0 s from start: set_price: coin=xyz:SNDK oracle=1700 bid=1698 ask=1699"]
        assert await client.control(do="scenario") == {"name": "two steps", "elapsedMs": None, "isOver": False}
        assert await client.control(do="ready") == {"ok": True}
        async with asyncio.timeout(WAIT_S):
            while "http_500" not in (await client.control(do="list_faults"))["inForce"].__repr__():
                pass  # asking is the waiting
        assert (await client.post("/info", {"type": "perpDexs"}))[0] == 500
        async with asyncio.timeout(WAIT_S):
            while not (await client.control(do="scenario"))["isOver"]:
                pass
            while not any(line.startswith("over") for line in lines):
                await client.control(do="list_faults")
    await server.stop()
    assert lines[1] == "ready: two steps begins, 1 s"
    assert lines[2] == "0.2 s from ready: fault: questions fail"
    assert lines[4].startswith("0.6 s from ready: hold could not be done: ")
    assert lines[5] == "over: two steps"
    assert any(line.startswith("----  latched ") for line in lines)
    assert any(line.startswith("PASS  http_500 struck ") for line in lines)


async def test_without_a_scenario_there_is_nothing_to_be_ready_for():
    server = SimServer(CONFIG)
    await server.start()
    async with aiohttp.ClientSession() as http:
        status, text = await Client(server, http).post("/control", {"do": "ready"})
    await server.stop()
    assert status == 400
    assert "do = 'ready'" in text
