"""A day of market on our simulated exchange, at a multiple of real time and over real sockets: what does its memory do?

One trader buys, sells, rests and cancels at a steady pace, some others do so now and then, listeners hear every kind of channel, readers ask,
and every hour somebody's connection is cut. The exchange's memory is read from outside once in every hour of its own time. At the start it
fills what it keeps (the latest fills, orders and actions, which takes some ten hours at the usual pace); what must not grow is the rest.

``python tests/tools/venue_day.py`` (``--hours 24 --speed 60``); ends with 1 when the last quarter grew by more than ``--most`` MB an hour.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from core.config import SimConfig
from core.hyperliquid.actions import canonical_action
from core.hyperliquid.signing import sign_l1_action
from core.hyperliquid.signing_key import SigningKey

ROOT = Path(__file__).parents[2]
MARKETS = ("BTC", "ETH", "SOL", "xyz:SNDK", "xyz:NVDA", "xyz:TSLA", "xyz:HOOD")
HOUR_MS = 3_600_000
ETH = 1
TRADERS = 4
RICH_USD = Decimal(1_000_000)
"""The fees of a day are some thousand dollars."""
QUIET_PACE = 10
"""How many times rarer the others trade than the first."""


class Venue:
    """The simulator in a process of its own."""

    def __init__(self, settings: SimConfig, speed: float) -> None:
        self.speed = speed
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hip3_tui", "sim", "--child", "--speed", str(speed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(settings).decode() + "\n")
        self._process.stdin.flush()
        self.url = self._process.stdout.readline().split()[-1]
        self.ws_url = self.url.replace("http", "ws", 1) + "/ws"
        self._begun = time.monotonic()

    @property
    def lived_ms(self) -> float:
        """How much of its time has passed."""
        return (time.monotonic() - self._begun) * 1000 * self.speed

    async def live(self, ms: float) -> None:
        await asyncio.sleep(ms / 1000 / self.speed)

    def memory_mb(self) -> float:
        told = subprocess.run(["ps", "-o", "rss=", "-p", str(self._process.pid)], capture_output=True, text=True)
        return int(told.stdout) / 1024

    def cpu_s(self) -> float:
        told = subprocess.run(["ps", "-o", "time=", "-p", str(self._process.pid)], capture_output=True, text=True)
        hours, minutes, seconds = told.stdout.strip().rsplit("-", 1)[-1].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


class Trader:
    """Trades in turns over one socket: buy, rest, cancel, sell."""

    _nonces = itertools.count(int(time.time() * 1000))

    def __init__(self, number: int, http: aiohttp.ClientSession, venue: Venue, counts: Counter[str]) -> None:
        self.key = SigningKey(number.to_bytes(32, "big"))
        self._http, self._venue, self._counts = http, venue, counts
        self._number = 0

    async def run(self, pace_ms: float) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, aiohttp.WSMessageTypeError, ConnectionError, TimeoutError):
                async with self._http.ws_connect(self._venue.ws_url, max_msg_size=0) as ws:
                    for what in ({"type": "userFills"}, {"type": "orderUpdates"}, {"type": "openOrders", "dex": ""}):
                        subscription = {**what, "user": self.key.address}
                        await ws.send_json({"method": "subscribe", "subscription": subscription})
                    while True:
                        await self._trade(ws)
                        await self._venue.live(pace_ms)
            self._counts["reconnects"] += 1
            await asyncio.sleep(0.05)

    async def _trade(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._number += 1
        cloid = f"0x{self._number:032x}"
        for is_buy, tif, px in ((True, "Ioc", "5000"), (True, "Gtc", "1100"), (False, "Ioc", "1000")):
            order = {"a": ETH, "b": is_buy, "p": px, "s": "0.05", "r": False, "t": {"limit": {"tif": tif}}, "c": cloid}
            await self._post(ws, {"type": "order", "orders": [order], "grouping": "na"})
            if tif == "Gtc":
                await self._post(ws, {"type": "cancelByCloid", "cancels": [{"asset": ETH, "cloid": cloid}]})
        self._counts["trades"] += 2

    async def _post(self, ws: aiohttp.ClientWebSocketResponse, action: dict[str, Any]) -> None:
        nonce = next(self._nonces)
        body = {"action": action, "nonce": nonce, "signature": None, "vaultAddress": None, "expiresAfter": None}
        body["signature"] = sign_l1_action(self.key, canonical_action(action), None, nonce, None, False)
        await ws.send_json({"method": "post", "id": nonce, "request": {"type": "action", "payload": body}})
        async with asyncio.timeout(30):
            while True:
                frame = await ws.receive_json()
                if frame["channel"] == "post" and frame["data"]["id"] == nonce:
                    break
        text = json.dumps(frame)
        self._counts["actions"] += 1
        self._counts["refused"] += '"error"' in text or '"err"' in text


async def listen(http: aiohttp.ClientSession, venue: Venue, user: str, counts: Counter[str]) -> None:
    """Hear a bit of everything, and come back after every cut."""
    wanted: list[dict[str, Any]] = [
        *({"type": kind, "coin": "ETH"} for kind in ("bbo", "trades", "l2Book", "activeAssetCtx")),
        {"type": "candle", "coin": "ETH", "interval": "1m"},
        {"type": "allMids"},
        *({"type": kind, "user": user} for kind in ("userFills", "userEvents", "webData3", "clearinghouseState")),
        *({"type": kind, "user": user} for kind in ("userFundings", "allDexsClearinghouseState", "spotState")),
    ]
    while True:
        with contextlib.suppress(aiohttp.ClientError, ConnectionError):
            async with http.ws_connect(venue.ws_url, max_msg_size=0) as ws:
                for subscription in wanted:
                    await ws.send_json({"method": "subscribe", "subscription": subscription})
                async for _ in ws:
                    counts["frames"] += 1
        await asyncio.sleep(0.05)


async def read(http: aiohttp.ClientSession, venue: Venue, user: str, counts: Counter[str]) -> None:
    """Ask what clients ask, every minute of the venue's time."""
    kinds = ("clearinghouseState", "frontendOpenOrders", "userRateLimit", "userFills", "historicalOrders", "meta")
    for kind in itertools.cycle(kinds):
        with contextlib.suppress(aiohttp.ClientError):
            async with http.post(venue.url + "/info", json={"type": kind, "user": user}) as answer:
                await answer.read()
                counts["reads"] += answer.status == 200
        await venue.live(60_000)


async def control(http: aiohttp.ClientSession, venue: Venue, **command: Any) -> Any:
    async with http.post(venue.url + "/control", json=command) as answer:
        return await answer.json()


async def live(options: argparse.Namespace) -> int:
    keys = [SigningKey((100 + n).to_bytes(32, "big")) for n in range(TRADERS)]
    accounts = tuple(key.address for key in keys)
    settings = SimConfig(seed=7, markets=MARKETS, ip_limits=False, accounts=accounts, balance_usd=RICH_USD)
    venue, counts = Venue(settings, options.speed), Counter[str]()
    samples: list[tuple[float, float]] = []
    print(
        f"{'hour':>5}{'MB':>9}{'grew':>8}{'trades':>9}{'actions':>9}{'refused':>9}{'frames':>10}{'reads':>7}{'cpu s':>8}"
    )
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            pace_ms = 2 * HOUR_MS / options.trades
            traders = [Trader(100 + n, http, venue, counts) for n in range(TRADERS)]
            work = [t.run(pace_ms * (QUIET_PACE if n else 1)) for n, t in enumerate(traders)]
            work += [listen(http, venue, traders[0].key.address, counts) for _ in range(2)]
            work.append(read(http, venue, traders[0].key.address, counts))
            tasks = [asyncio.create_task(w) for w in work]
            for hour in range(1, options.hours + 1):
                await venue.live(max(0, hour * HOUR_MS - venue.lived_ms))
                for task in tasks:
                    if task.done():
                        task.result()
                samples.append((venue.lived_ms / HOUR_MS, venue.memory_mb()))
                grew = samples[-1][1] - samples[-2][1] if len(samples) > 1 else 0.0
                told = "".join(
                    f"{counts[k]:>{w}}"
                    for k, w in (("trades", 9), ("actions", 9), ("refused", 9), ("frames", 10), ("reads", 7))
                )
                print(f"{samples[-1][0]:5.1f}{samples[-1][1]:9.1f}{grew:+8.2f}{told}{venue.cpu_s():8.0f}", flush=True)
                await control(http, venue, do="drop_connections")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        venue.end()
    last = samples[len(samples) * 3 // 4 :]
    per_hour = (last[-1][1] - last[0][1]) / (last[-1][0] - last[0][0])
    print(
        f"\n{samples[-1][0]:.1f} hours at {options.speed:g} times real time; last quarter: {per_hour:+.2f} MB an hour"
    )
    return int(per_hour > options.most)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hours", type=int, default=24, help="at least 8")
    parser.add_argument("--speed", type=float, default=60.0)
    parser.add_argument("--trades", type=int, default=1_300, help="of the first trader, an hour")
    parser.add_argument("--most", type=float, default=0.5, help="MB an hour that the last quarter may grow")
    return asyncio.run(live(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
