"""The exchange over plain HTTP, for programs that must get by without a socket of their own: the emergency stop and the guard.

One request, one answer, every wait with a limit. Decides nothing about trading. Easy to get wrong: no answer to an action is no refusal
of it; the same signed bytes may then be sent again, because the nonce lets them in once, and "duplicate nonce" for them means that the first
ones arrived. HTTP 429 holds up everything for a while, for asking on at once only makes it longer.

PROTOCOL 1.1, 5.3, 9.1, 12; lessons L18, L19, L39.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from msgspec import Struct

from core.hyperliquid.parsing import read_action_answer
from core.hyperliquid.wire_values import UNREADABLE, quoted
from core.runtime.clock import Clock

MAX_BODY_BYTES = 16 << 20
_PAUSE_S, _PAUSE_MOST_S = 2.0, 8.0
_TRIES = 3
_BETWEEN_TRIES_S = 0.2


class HttpTimes(Struct, frozen=True):
    """Every wait has a limit. Seconds."""

    connect_within_s: float = 2.0
    answer_within_s: float = 3.0


class NoAnswer(Exception):
    """Nothing is known: about what was asked, or about what became of an action."""


class VenueHttp:
    """Use as an async context manager. Args: info_url: the exchange's ``/info``; its actions go to ``/exchange`` beside it."""

    def __init__(
        self,
        info_url: str,
        clock: Clock,
        *,
        times: HttpTimes = HttpTimes(),  # noqa: B008  frozen
        on_pause: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._info_url = info_url
        self._exchange_url = exchange_url_of(info_url)
        self._clock = clock
        self._times = times
        self._on_pause = on_pause
        self._paused_until = 0.0
        self._pause_s = _PAUSE_S
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> VenueHttp:
        timeout = aiohttp.ClientTimeout(total=self._times.answer_within_s, sock_connect=self._times.connect_within_s)
        # trust_env False: neither proxies nor credentials are taken from the environment.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout, trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def info(self, body: dict[str, Any]) -> bytes:
        """The answer to one question.

        Raises:
            NoAnswer: None came, or none that was meant.
        """
        status, data = await self._post(self._info_url, json=body)
        if status != 200:
            raise NoAnswer(f"HTTP {status}: {quoted(data)}")
        return data

    async def exchange(self, payload: bytes) -> bytes:
        """The answer to one signed action; without one the same bytes are sent again, a few times.

        Raises:
            NoAnswer: What became of the action is not known; or it was taken once and the answer to that was lost.
        """
        reason = ""
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(_BETWEEN_TRIES_S)
            try:
                status, data = await self._post(self._exchange_url, data=payload)
            except NoAnswer as e:
                reason = str(e)
                continue
            if status == 422:  # not even understood: that is certain, and saying it again changes nothing
                return data
            if status != 200:
                reason = f"HTTP {status}: {quoted(data)}"
                continue
            if attempt and _is_duplicate(data):
                raise NoAnswer("the same bytes had arrived before")
            return data
        raise NoAnswer(f"{reason}, {_TRIES} times")

    async def _post(self, url: str, **body: Any) -> tuple[int, bytes]:
        assert self._session is not None, "used outside of its context"
        while (wait_s := self._paused_until - self._clock.monotonic()) > 0:  # noqa: ASYNC110  time itself is waited for
            await asyncio.sleep(wait_s)
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.post(url, headers=headers, allow_redirects=False, **body) as response:
                data = bytearray()
                async for chunk in response.content.iter_chunked(1 << 16):
                    data += chunk
                    if len(data) > MAX_BODY_BYTES:
                        raise NoAnswer(f"answer longer than {MAX_BODY_BYTES} bytes")
        except TimeoutError:
            raise NoAnswer(f"no answer within {self._times.answer_within_s:g} s") from None
        except (aiohttp.ClientError, OSError) as e:
            raise NoAnswer(f"{type(e).__name__}: {e}") from None
        if response.status == 429:
            self._pause()
        elif response.status == 200:
            self._pause_s = _PAUSE_S
        return response.status, bytes(data)

    def _pause(self) -> None:
        now = self._clock.monotonic()
        if now < self._paused_until:
            return
        self._on_pause(f"HTTP 429: this machine asks too much; waiting {self._pause_s:g} s")
        self._paused_until = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, _PAUSE_MOST_S)


def _is_duplicate(data: bytes) -> bool:
    try:
        answer = read_action_answer(data)
    except UNREADABLE:
        return False
    return isinstance(answer, str) and "duplicate nonce" in answer


def exchange_url_of(info_url: str) -> str:
    return urlunsplit(urlsplit(info_url)._replace(path="/exchange", query="", fragment=""))
