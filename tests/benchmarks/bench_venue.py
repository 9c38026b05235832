"""How many signed orders a second our simulated exchange takes in one process, and what it adds to their way.

Many clients, each with a key of its own and one request under way, keep one venue busy over loopback, once over HTTP and once over
WebSockets: orders that fill, orders that rest, and their cancels. Everything is signed beforehand; the clients' own work is a write and a read. Beside it stands what no venue can do
without, measured in the same run: reading the JSON and recovering who signed. A reply waits for its block (every 70 ms) by design, so what
the venue adds is counted from the block that answers, not from the request.

Run by ``make bench``, or alone: ``python tests/benchmarks/bench_venue.py``; with ``--profile`` the ten dearest functions follow.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import statistics
import subprocess
import sys
import time
from decimal import Decimal
from typing import Any

import msgspec
from websockets.asyncio.client import connect

from core.config import SimConfig
from core.hyperliquid.actions import canonical_action
from core.hyperliquid.signing import recover_l1_signer, sign_l1_action
from core.hyperliquid.signing_key import SigningKey
from core.runtime.sim_program import keep_collector_calm
from core.runtime.sim_server import SimServer
from core.sim.market import BLOCK_MS

AIM = 2_000
CLIENTS = 300
ACTIONS_EACH = 60
MARKETS = ("BTC", "ETH", "SOL", "xyz:SNDK", "xyz:NVDA", "xyz:TSLA", "xyz:HOOD")
ETH = 1
RAW_ROUNDS = 2_000
HTTP, SOCKET = "HTTP", "WebSockets"


class Client:
    """One trader: its signed requests, in the order it sends them."""

    def __init__(self, number: int) -> None:
        self.key = SigningKey(number.to_bytes(32, "big"))
        self.requests: list[bytes] = []
        self.frames: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.latencies_ms: list[float] = []
        self.refused = 0

    def prepare(self, count: int, first_nonce: int) -> None:
        for i in range(count):
            action, nonce = _action(i), first_nonce + i
            signature = sign_l1_action(self.key, canonical_action(action), None, nonce, None, False)
            body = {
                "action": action,
                "nonce": nonce,
                "signature": signature,
                "vaultAddress": None,
                "expiresAfter": None,
            }
            data = json.dumps(body).encode()
            self.bodies.append(body)
            post = {"method": "post", "id": i, "request": {"type": "action", "payload": body}}
            self.frames.append(json.dumps(post))
            self.requests.append(
                b"POST /exchange HTTP/1.1\r\nHost: venue\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(data), data)
            )

    async def run(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in self.requests:
            writer.write(request)
            sent_ms = time.time() * 1000
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            self._note(sent_ms, await reader.readexactly(length))
        writer.close()

    async def run_on_socket(self, port: int) -> None:
        async with connect(f"ws://127.0.0.1:{port}/ws", compression=None, ping_interval=None) as socket:
            for frame in self.frames:
                sent_ms = time.time() * 1000
                await socket.send(frame)
                self._note(sent_ms, await socket.recv(decode=False))

    def _note(self, sent_ms: float, reply: bytes) -> None:
        block_ms = sent_ms - sent_ms % BLOCK_MS + BLOCK_MS
        self.latencies_ms.append(time.time() * 1000 - block_ms)
        if b'"status":"ok"' not in reply or b'"error"' in reply:
            self.refused += 1


def _action(i: int) -> dict[str, Any]:
    """In turns: buy at the market, rest an order, cancel it, sell at the market."""
    cloid = f"0x{i // 4:032x}"
    turn = i % 4
    if turn == 2:
        return {"type": "cancelByCloid", "cancels": [{"asset": ETH, "cloid": cloid}]}
    tif, px = ("Gtc", "2500") if turn == 1 else ("Ioc", "3300" if turn == 0 else "3100")
    order = {"a": ETH, "b": turn != 3, "p": px, "s": "0.01", "r": False, "t": {"limit": {"tif": tif}}, "c": cloid}
    return {"type": "order", "orders": [order], "grouping": "na"}


# the venue, in a process of its own --------------------------------------------------------------------------------------


async def _serve(settings: SimConfig) -> None:
    server = SimServer(settings)
    await server.start()
    server.exchange.control(
        {"do": "set_price", "coin": "ETH", "oracle": "3200", "bid": "3199", "ask": "3201", "size": "1000"}, 0
    )
    print(server.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the benchmark closes it
    await server.stop()


def serve(profiled: bool) -> None:
    settings = msgspec.json.decode(sys.stdin.readline(), type=SimConfig)
    profile = cProfile.Profile()
    if profiled:
        profile.enable()
    keep_collector_calm()
    asyncio.run(_serve(settings))
    if profiled:
        profile.disable()
        pstats.Stats(profile, stream=sys.stderr).strip_dirs().sort_stats("tottime").print_stats(25)


class Venue:
    def __init__(self, accounts: tuple[str, ...], profiled: bool) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", *(["--profile"] if profiled else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(p for p in (os.getcwd(), os.environ.get("PYTHONPATH")) if p),
            },
            text=True,
        )
        settings = SimConfig(
            seed=3,
            latency_min_ms=0,
            latency_max_ms=0,
            balance_usd=Decimal(1_000_000),
            markets=MARKETS,
            accounts=accounts,
            ip_limits=False,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(settings).decode() + "\n")
        self._process.stdin.flush()
        self.port = int(self._process.stdout.readline())

    def cpu_s(self) -> float:
        with open(f"/proc/{self._process.pid}/stat") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


# measuring -----------------------------------------------------------------------------------------------------------------


def raw_cost_us(client: Client) -> float:
    """Reading one order and recovering its signer, and nothing else: the median."""
    texts = [json.dumps(body).encode() for body in client.bodies]
    took = []
    for i in range(RAW_ROUNDS):
        text = texts[i % len(texts)]
        begun = time.perf_counter_ns()
        body = msgspec.json.decode(text)
        recover_l1_signer(canonical_action(body["action"]), body["signature"], None, body["nonce"], None, False)
        took.append(time.perf_counter_ns() - begun)
    return statistics.median(took) / 1_000


async def _all(clients: list[Client], port: int, road: str) -> float:
    begun = time.perf_counter()
    await asyncio.gather(*(client.run(port) if road == HTTP else client.run_on_socket(port) for client in clients))
    return time.perf_counter() - begun


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--actions", type=int, default=ACTIONS_EACH, help="Of each client.")
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.profile)
        return
    for road in (HTTP, SOCKET):
        measure(road, asked.clients, asked.actions, asked.profile)


def measure(road: str, count_of_clients: int, actions_each: int, profiled: bool) -> None:
    """Each road has a venue of its own: what one has been told, no other need forget."""
    clients = [Client(1_000 + i) for i in range(count_of_clients + 1)]
    now_ms = int(time.time() * 1000)
    for client in clients:
        client.prepare(actions_each, now_ms)
    alone, *many = clients
    raw_us = raw_cost_us(alone)
    venue = Venue(tuple(c.key.address.lower() for c in clients), profiled)
    try:
        asyncio.run(_all([alone], venue.port, road))
        before_s = venue.cpu_s()
        took_s = asyncio.run(_all(many, venue.port, road))
        cpu_s = venue.cpu_s() - before_s
    finally:
        venue.stop()
    count = sum(len(c.latencies_ms) for c in many)
    busy = [ms for c in many for ms in c.latencies_ms]
    each_us = cpu_s / count * 1e6
    print(
        f"{count} signed actions of {len(many)} clients over {road}, one venue process, {len(MARKETS)} markets moving"
    )
    print(
        f"  {count / took_s:8.0f} actions/s answered in {took_s:.1f} s   (refused: {sum(c.refused for c in clients)})"
    )
    print(
        f"  {each_us:8.0f} us of the venue's processor each, all its other work included: room for {1e6 / each_us:.0f}/s"
    )
    print(f"  {raw_us:8.0f} us of them are reading and recovering the signer: {each_us / raw_us:.2f} x the bare cost")
    for name, values in (("one client alone", alone.latencies_ms), (f"{len(many)} clients", busy)):
        p50, p99 = _percentile(values, 0.5), _percentile(values, 0.99)
        print(f"  added latency, {name:17} p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   after the block that answers")
    rate = 1e6 / each_us
    print(f"  aim: {AIM} signed orders/s in one process: {'met' if rate >= AIM else 'MISSED'} ({rate:.0f}/s)")


if __name__ == "__main__":
    main()
