"""One client's connection to the simulated exchange: the way out of a WebSocket, and how an HTTP body is read or a connection cut.

Decides nothing. Easy to get wrong: the venue cuts without a close frame, so the transport is aborted; and a client that does not read must
not grow our memory, so it is cut when too much has piled up.

PROTOCOL 1.1, 6.1.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
from aiohttp import web

from core.sim.admission import PARSE, WireFailure

MAX_WAITING_FRAMES = 20_000
MAX_WAITING_CHARS = 16_000_000
"""A frame with the state of all dexes is some 20 kB, so a bound on frames alone would be none on memory."""


class Lost(Exception):
    """A fault swallowed a message."""


class Cut(Exception):
    """A fault cuts the connection."""


class Connection:
    """One socket's way out."""

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._ws = ws
        self._transport = transport
        self._frames: asyncio.Queue[str] = asyncio.Queue(MAX_WAITING_FRAMES)
        self._chars = 0
        """Of all frames that wait."""
        self.is_over = False

    def send(self, text: str) -> None:
        if self.is_over:
            return
        self._chars += len(text)
        if self._chars > MAX_WAITING_CHARS or self._frames.full():
            self.cut()
        else:
            self._frames.put_nowait(text)

    def cut(self) -> None:
        """Drop the connection without a close frame."""
        self.is_over = True
        if self._transport is not None:
            self._transport.abort()

    async def write_all(self) -> None:
        with contextlib.suppress(ConnectionError):  # the reader sees the same end and cleans up
            while True:
                text = await self._frames.get()
                self._chars -= len(text)
                await self._ws.send_str(text)


async def json_body(request: web.BaseRequest) -> Any:
    """The JSON of a request.

    Raises:
        WireFailure: Wrong method, content type or syntax.
    """
    if request.method != "POST":
        raise WireFailure(405, "")
    if not _is_json(request.content_type):
        raise WireFailure(415, "Expected request with `Content-Type: application/json`")
    body = await request.read()
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise WireFailure(400, f"{PARSE}: {e}") from None


def _is_json(content_type: str) -> bool:
    return content_type == "application/json" or (
        content_type.startswith("application/") and content_type.endswith("+json")
    )


def failure_response(failure: WireFailure) -> web.Response:
    """How a request that failed below the JSON answers looks."""
    kind = "application/json" if failure.text == "null" else "text/html" if failure.status == 502 else "text/plain"
    headers = {"Allow": "POST"} if failure.status == 405 else None
    return web.Response(status=failure.status, text=failure.text, content_type=kind, headers=headers)


def cut_http(request: web.BaseRequest) -> web.StreamResponse:
    """Drop an HTTP connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
