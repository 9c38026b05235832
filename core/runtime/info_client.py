"""Asks the exchange over POST /info, one task per query, and puts the answers in the inbox.

Decides the order when the exchange's weight limit makes queries wait: what an exit waits for goes first and may use the room that the
others must leave. Every query gets exactly one answer, unless a new connection makes it void, and every wait has a limit, the wait in
line included. Easy to get wrong: 429 or a
time-out says nothing about the thing asked for, so it is ReadFailed, never an empty answer.

SPEC 6, 7; PROTOCOL 1.1, 8, 9.1; LESSONS L39.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Any

import aiohttp
from msgspec import Struct

from core.hyperliquid.info import extra_weight, read_answer, request_bodies, weight
from core.hyperliquid.wire_values import quoted
from core.messages.events import AnyEvent, ReadFailed, ServerTimeRead
from core.messages.queries import (
    Query,
    QueryBook,
    QueryFills,
    QueryOpenOrders,
    QueryOrderStatus,
    QueryPositions,
    QueryServerTime,
)
from core.runtime import quick_tls
from core.runtime.clock import Clock
from core.runtime.rate_window import RateWindow

WEIGHT_PER_MINUTE = 1200
_WEIGHT_BY_RANK = (1150, 1000, 800)
"""How far each rank may fill the minute. What is beyond belongs to the ranks before it, the last 50 to an emergency stop."""
MAX_WAITING = 500
MAX_BODY_BYTES = 16 << 20
_PAUSE_AFTER_429_S = 2.0
"""Neither body nor cool-down of a 429 is published; asking on at once can only make it longer."""
_TIME_ROUND_TRIP_MS = 3000
"""An answer that took longer than this cannot tell the time to the second that the drift limits need."""


class InfoTimes(Struct, frozen=True):
    """Every wait has a limit. Seconds."""

    connect_within_s: float = 3.0
    answer_within_s: float = 4.0
    wait_at_most_s: float = 6.0
    """In line, for weight or for a free place."""


_TIMES = InfoTimes()


class _ReadError(Exception):
    """The text is the reason of a ReadFailed."""


class InfoClient:
    """The program's way to /info."""

    def __init__(
        self,
        url: str,
        account: str,
        put: Callable[[AnyEvent], None],
        clock: Clock,
        *,
        times: InfoTimes = _TIMES,
        weights: RateWindow | None = None,
        max_concurrent: int = 8,
    ) -> None:
        """Make it; `run` starts asking.

        Args:
            url: The exchange's ``/info``.
            account: Address whose state is asked for.
            put: Takes the answers.
            clock: For limits and for judging the server's time.
            times: The limits of every wait.
            weights: The minute's weight; shared if more than one client asks from here.
            max_concurrent: Requests under way at once.
        """
        self._url = url
        self._account = account
        self._put = put
        self._clock = clock
        self._times = times
        self._weights = weights or RateWindow(WEIGHT_PER_MINUTE)
        self._max_concurrent = max_concurrent
        self._waiting: list[tuple[int, int, float, Query]] = []
        self._epoch = 0
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._work = asyncio.Event()
        self._paused_until = 0.0

    def ask(self, query: Query) -> None:
        """Put the query in line. Its answer, or ReadFailed, comes through the inbox."""
        if len(self._waiting) >= MAX_WAITING:
            self._put(ReadFailed(query, f"{MAX_WAITING} queries are waiting already"))
            return
        self._count += 1
        heapq.heappush(self._waiting, (rank(query), self._count, self._clock.monotonic(), query))
        self._work.set()

    def forget(self) -> None:
        """A new connection is open, and the engine asks everything anew: an answer from before must not be taken for one of those."""
        self._epoch += 1
        self._waiting.clear()

    async def run(self) -> None:
        """Serve the line until cancelled."""
        timeout = aiohttp.ClientTimeout(
            total=self._times.answer_within_s, sock_connect=self._times.connect_within_s, connect=None
        )
        # Its answers are read in the engine's thread. limit=0: this client's own limit is the one that ranks.
        tls = quick_tls.context() if self._url.startswith("https:") else True
        connector = aiohttp.TCPConnector(limit=0, ssl=tls)
        try:
            # trust_env False: neither proxies nor credentials are taken from the environment.
            async with aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session:
                while True:
                    pause_s = self._start_what_fits(session)
                    self._work.clear()
                    try:
                        async with asyncio.timeout(pause_s):
                            await self._work.wait()
                    except TimeoutError:
                        continue
        finally:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)

    def _start_what_fits(self, session: aiohttp.ClientSession) -> float | None:
        """Start queries in rank order until one has to wait.

        Returns:
            Seconds until it is worth looking again; None: not before something happens.
        """
        self._refuse_overdue()
        while self._waiting:
            now_ms, now = self._clock.now_ms(), self._clock.monotonic()
            oldest = min(at for _, _, at, _ in self._waiting) + self._times.wait_at_most_s - now
            if len(self._tasks) >= self._max_concurrent:
                return max(0.001, oldest)
            if now < self._paused_until:
                return max(0.001, min(oldest, self._paused_until - now))
            order, _, _, query = self._waiting[0]
            limit = _WEIGHT_BY_RANK[order]
            if not self._weights.try_take(now_ms, weight(query), limit):
                return max(0.001, min(oldest, self._weights.wait_ms(now_ms, weight(query), limit) / 1000))
            heapq.heappop(self._waiting)
            task = asyncio.create_task(self._ask_one(session, query))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        return None

    def _refuse_overdue(self) -> None:
        limit_s = self._times.wait_at_most_s
        deadline = self._clock.monotonic() - limit_s
        overdue = [w for w in self._waiting if w[2] <= deadline]
        if overdue:
            self._waiting = [w for w in self._waiting if w[2] > deadline]
            heapq.heapify(self._waiting)
            for _, _, _, query in overdue:
                self._put(ReadFailed(query, f"waited {limit_s:g} s for its turn"))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._work.set()

    # --- one query -------------------------------------------------------------------------------------------------------

    async def _ask_one(self, session: aiohttp.ClientSession, query: Query) -> None:
        """Exactly one event comes out of this, unless the question is forgotten meanwhile or the program is ending."""
        epoch = self._epoch
        try:
            event = await self._answer_to(session, query)
        except _ReadError as e:
            event = ReadFailed(query, str(e))
        except TimeoutError:
            event = ReadFailed(query, f"no answer within {self._times.answer_within_s:g} s")
        except (aiohttp.ClientError, OSError) as e:
            event = ReadFailed(query, f"{type(e).__name__}: {e}")
        except Exception as e:  # our own mistake; the engine still has to hear that the read failed
            event = ReadFailed(query, f"failed inside: {type(e).__name__}: {e}")
        self._weights.take(self._clock.now_ms(), extra_weight(event))
        if epoch == self._epoch:
            self._put(event)

    async def _answer_to(self, session: aiohttp.ClientSession, query: Query) -> AnyEvent:
        started_ms = self._clock.now_ms()
        answers = tuple([await self._post(session, body) for body in request_bodies(query, self._account)])
        ended_ms = self._clock.now_ms()
        try:
            event = read_answer(query, answers, (started_ms + ended_ms) // 2)
        except ValueError as e:
            raise _ReadError(str(e)) from None
        if isinstance(event, ServerTimeRead) and ended_ms - started_ms > _TIME_ROUND_TRIP_MS:
            raise _ReadError(f"the answer took {ended_ms - started_ms} ms, too long to tell the time from")
        return event

    async def _post(self, session: aiohttp.ClientSession, body: dict[str, Any]) -> bytes:
        async with session.post(self._url, json=body, allow_redirects=False) as response:
            data = await _read_bounded(response)
            if response.status == 429:
                self._paused_until = self._clock.monotonic() + _PAUSE_AFTER_429_S
                raise _ReadError(f"HTTP 429: the {WEIGHT_PER_MINUTE} that one address may ask in a minute are used up")
            if response.status != 200:
                raise _ReadError(f"{body['type']}: HTTP {response.status}: {quoted(data)}")
            return data


def rank(query: Query) -> int:
    """0 for what an exit or an unknown order waits for, 1 for what readiness waits for, 2 for the rest."""
    match query:
        case QueryOrderStatus() | QueryPositions():
            return 0
        case QueryOpenOrders() | QueryFills() | QueryBook() | QueryServerTime():
            return 1
        case _:
            return 2


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        data += chunk
        if len(data) > MAX_BODY_BYTES:
            raise _ReadError(f"answer longer than {MAX_BODY_BYTES} bytes")
    return bytes(data)
