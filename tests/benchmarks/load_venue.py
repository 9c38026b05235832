"""A venue under load, for bench_console: our simulated exchange, plus several hundred quotes a second and a stream of dislocations.

Runs as a process of its own, so that its work is not counted as the console's. The extra quotes repeat the venue's own touch with
another size, so that none can be skipped as unchanged. The dislocations are real and go round all markets, one at a time: the touch leaves
the oracle, the order fills there, the touch comes back. (The book and not the oracle, because contexts are sent every few seconds only.)
Each leaves room for the entry, its exit on a tick, and the interval after both, so that hardly an entry has to wait for its turn.

Awake, it looks for bytes instead of waiting for them, which takes a core of its own. Waking a reader on another core is work of the one who
writes, inside his `send`; in a virtual machine that core has to be asked for first, which took 1 to 2.5 ms of one order in ten. The exchange is never on
our own machine, so this is no part of an order's road.

    python tests/benchmarks/load_venue.py QUOTES_PER_SECOND [awake]
"""

from __future__ import annotations

import asyncio
import os
import selectors
import sys
import time
from decimal import Decimal
from typing import Any

import msgspec

from core.config import SimConfig
from core.model.rounding import round_price, tick_size
from core.runtime.sim_server import SimServer
from core.sim.session import Session

MARKETS = ("BTC", "ETH", "SOL", "xyz:SNDK", "xyz:NVDA", "xyz:TSLA", "xyz:HOOD", "xyz:GOLD")
DISLOCATED_BY = Decimal("0.004")
DISLOCATED_FOR_S = 0.15
LEVEL_FOR_S = 0.19
TOUCH_USD = 800
"""At the touch; an order takes a twentieth of it."""


def now_ms() -> int:
    return int(time.time() * 1000)


class LoadVenue:
    def __init__(self, quotes_per_second: int) -> None:
        self._rate = quotes_per_second
        self._sent = 0
        self.server = SimServer(SimConfig(seed=3, latency_min_ms=2, latency_max_ms=5, markets=MARKETS, ip_limits=False))

    async def run(self) -> None:
        await self.server.start()
        print(f"listening on {self.server.url}", flush=True)
        await asyncio.gather(self._flood(), self._dislocate(), self.server.wait())

    async def _flood(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            await asyncio.sleep(0.002)
            while self._sent < (loop.time() - begun) * self._rate:
                self._sent += 1
                self._quote(MARKETS[self._sent % len(MARKETS)])

    def _quote(self, name: str) -> None:
        book: Any = self.server.exchange.info({"type": "l2Book", "coin": name}, now_ms())
        if book is None or not all(book["levels"]):
            return
        bid, ask = book["levels"][0][0], book["levels"][1][0]
        bid = {**bid, "sz": str(Decimal(bid["sz"]) + self._sent % 10)}
        text = msgspec.json.encode(
            {"channel": "bbo", "data": {"coin": name, "time": now_ms(), "bbo": [bid, ask]}}
        ).decode()
        for session in self.server.feed.sessions:
            if _listens(session, name):
                session.send_text(text, now_ms())

    async def _dislocate(self) -> None:
        for name in MARKETS:
            self._pin(name, dislocated=False)
        while True:
            for name in MARKETS:
                self._pin(name, dislocated=True)
                await asyncio.sleep(DISLOCATED_FOR_S)
                self._pin(name, dislocated=False)
                await asyncio.sleep(LEVEL_FOR_S)

    def _pin(self, name: str, dislocated: bool) -> None:
        listing = self.server.exchange.venue.markets[name].listing
        decimals = listing.spec.sz_decimals
        oracle = round_price(listing.start_px, True, decimals)
        ask = round_price(oracle * (1 - DISLOCATED_BY), True, decimals) if dislocated else oracle
        self.server.exchange.control(
            {
                "do": "set_price",
                "coin": name,
                "oracle": str(oracle),
                "bid": str(ask - tick_size(ask, decimals)),
                "ask": str(ask),
                "size": str(round(TOUCH_USD / ask, decimals)),
            },
            now_ms(),
        )


class Awake(selectors.DefaultSelector):
    """Waits without sleeping; lets others on its core have their turn."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            found = super().select(0)
            if found or (end is not None and time.monotonic() >= end):
                return found
            os.sched_yield()


def _listens(session: Session, name: str) -> bool:
    return any(s.kind == "bbo" and s.coin == name for s in session.subscriptions.values())


if __name__ == "__main__":
    selector = Awake() if "awake" in sys.argv[2:] else selectors.DefaultSelector()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        runner.run(LoadVenue(int(sys.argv[1])).run())
