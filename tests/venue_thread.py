"""The simulated exchange in a thread of this process, with a clock that can jump: for clients that block and cannot share our loop.

A client is given `url` alone, as it would be given the real venue's. `jump` puts the venue's clock ahead, so that what fires in an hour
fires now; real time goes on beneath it, so sockets and blocks live as ever.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, TypeVar

from core.config import SimConfig
from core.runtime.sim_server import SimServer

T = TypeVar("T")

QUIET = SimConfig(
    seed=7, latency_min_ms=0, latency_max_ms=0, balance_usd=Decimal(100_000), markets=("BTC",), ip_limits=False
)
"""One market moves, and no reply is held back."""


class VenueThread:
    """Started on entry, stopped on exit."""

    def __init__(self, settings: SimConfig = QUIET, **server: Any) -> None:
        self._settings = settings
        self._server_settings = server
        self._ahead_ms = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="venue", daemon=True)

    def __enter__(self) -> VenueThread:
        self.server = SimServer(self._settings, clock=self.now_ms, **self._server_settings)
        self._thread.start()
        self.run(self.server.start())
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.run(self.server.stop())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
            self._loop.close()

    @property
    def url(self) -> str:
        return self.server.url

    def now_ms(self) -> int:
        return int(time.time() * 1000) + self._ahead_ms

    def jump(self, ms: int) -> None:
        self._ahead_ms += ms

    # on the venue's own thread ---------------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def do(self, what: Callable[[], T]) -> T:
        """Call something of the venue between two of its own steps."""

        async def call() -> T:
            return what()

        return self.run(call())

    def control(self, **command: Any) -> dict[str, Any]:
        return self.do(lambda: self.server.exchange.control(command, self.now_ms()))

    def pin(self, coin: str, bid: str, ask: str, oracle: str | None = None, size: str | None = None) -> None:
        """Hold a market there. Without an oracle that is the bid."""
        command = {"do": "set_price", "coin": coin, "bid": bid, "ask": ask, "oracle": oracle or bid}
        self.control(**command, **({"size": size} if size else {}))
