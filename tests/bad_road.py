"""A TCP road between the program and the venue on which things go wrong that no venue does: half-open, slow, cut in the middle of a frame.

Bytes go through as they come, until the weather changes. Runs its own event loop in its own thread; every method may be called from the test's.
"""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import struct
import threading
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

_HTTP_ANSWER = "HTTP/1.1 {status} {words}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"


class BadRoad:
    """Listens on a loopback port of its own and leads to ``to_port``. Use as a context manager."""

    def __init__(self, to_port: int, tls: ssl.SSLContext | None = None, seed: int = 1) -> None:
        self._to_port = to_port
        self._tls = tls
        self._dice = random.Random(seed)
        self._weather: tuple[str, Any] = ("clear", None)
        self._changed: asyncio.Event
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter | None]] = set()
        self.connects: list[float] = []
        """When each connection was asked for, monotonic seconds."""
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self._listen())

    def __enter__(self) -> BadRoad:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    # --- the weather -------------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Everything goes through again; what was held back, too."""
        self._set("clear")

    def deaf(self) -> None:
        """Both sides write, and nothing arrives: a half-open connection. New ones open and hear nothing either."""
        self._set("deaf")

    def slow(self, bytes_per_s: int) -> None:
        """What comes from the venue drips."""
        self._set("slow", bytes_per_s)

    def wavering(self, most_ms: int) -> None:
        """Each piece waits for a time of its own, in either direction, so that the channels of the program overtake one another."""
        self._set("wavering", most_ms)

    def answer(self, status: int, words: str) -> None:
        """Every new connection gets this HTTP answer, as from a gateway before the venue; the open ones are cut."""
        self._set("answer", (status, words))
        self.cut()

    def slam(self) -> None:
        """Every new connection is accepted and reset at once; the open ones are cut."""
        self._set("slam")
        self.cut()

    def cut(self) -> None:
        """Reset every open connection between two bytes."""
        self._do(self._reset_all())

    def cut_in_the_middle(self) -> None:
        """The next bytes from the venue arrive by half, and the connection is reset."""
        self._set("half")

    # --- inside ------------------------------------------------------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _set(self, name: str, value: Any = None) -> None:
        async def change() -> None:
            self._weather = (name, value)
            self._changed.set()
            self._changed = asyncio.Event()

        self._do(change())

    async def _listen(self) -> None:
        self._changed = asyncio.Event()
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        await self._reset_all()
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()

    async def _reset_all(self) -> None:
        for near, far in list(self._pairs):
            for writer in (near, far):
                if writer is not None:
                    _reset(writer)
        self._pairs.clear()

    async def _take(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        self.connects.append(time.monotonic())
        name, value = self._weather
        if name == "slam":
            _reset(near)
            return
        if name == "answer":
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await reader.readuntil(b"\r\n\r\n")
                status, words = value
                body = f"<html><h1>{status} {words}</h1></html>"
                near.write(_HTTP_ANSWER.format(status=status, words=words, length=len(body), body=body).encode())
                await near.drain()
            near.close()
            return
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            _reset(near)
            return
        pair = (near, far)
        self._pairs.add(pair)
        await asyncio.wait(
            [
                asyncio.ensure_future(self._carry(reader, far, False)),
                asyncio.ensure_future(self._carry(far_reader, near, True)),
            ],
            return_when=asyncio.FIRST_COMPLETED,
        )
        self._pairs.discard(pair)
        for writer in pair:
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, from_venue: bool) -> None:
        with suppress(OSError, ssl.SSLError):
            while data := await reader.read(65536):
                while data:
                    name, value = self._weather
                    if name == "deaf":
                        await self._changed.wait()
                    elif name == "slow" and from_venue:
                        piece = max(1, value // 20)
                        writer.write(data[:piece])
                        data = data[piece:]
                        await asyncio.sleep(0.05)
                    elif name == "half" and from_venue and len(data) > 1:
                        writer.write(data[: len(data) // 2])
                        await writer.drain()
                        self._weather = ("clear", None)
                        await asyncio.sleep(0.02)  # the half is to arrive
                        _reset(writer)
                        return
                    else:
                        if name == "wavering":
                            await asyncio.sleep(self._dice.uniform(0, value / 1000))
                        writer.write(data)
                        await writer.drain()
                        data = b""


def _reset(writer: asyncio.StreamWriter) -> None:
    """End with RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    with suppress(OSError):
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
