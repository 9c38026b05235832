"""One WebSocket connection from open to gone: a reader, a writer and a watchdog. The gateway makes one after another.

Decides when a connection is dead; never opens one. Rules that are easy to get wrong: a post counts as not sent only when its bytes
certainly stayed here; once they were handed to the transport, every failure leaves the outcome open, and it counts as sent. And a silence
is the server's only if we were listening: time in which our own loop stood still must not make the watchdog bite.

SPEC 7; PROTOCOL 6.1, 6.2, 6.4, 6.7; LESSONS L23, L24, L25.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from core.hyperliquid.parsing import PongReceived, parse_frame
from core.messages.events import AnyEvent, PostNotSent, PostSent, Subscribed
from core.runtime.clock import Clock
from core.runtime.feed_connection import FeedConnection

_PING = b'{"method":"ping"}'
_BLAME_S = 5.0
"""A coin the exchange does not know ends the connection within 0.1 s of the subscribe; generous for slow roads."""
_READ_BURST = 64
"""Frames read in one go before the loop gets a turn: after a stall thousands may be waiting."""
_WATCH_SLICES = 10
"""The wait for a pong is cut in this many pieces. A loop that stood still loses one piece of patience, not all of it."""


class LinkTimes(Struct, frozen=True):
    """Every wait has a limit. Seconds."""

    ping_every_s: float = 15.0
    """The exchange closes what it has not written to for 60 s; PROTOCOL 6.1 asks for 15-30."""
    pong_within_s: float = 10.0
    quiet_after_s: float = 3.0
    """Not one frame for so long is rare where prices are subscribed to: asked at once whether anybody is there."""
    quiet_pong_within_s: float = 4.0
    """A half-open connection is found out within this and the line above; an exit may be waiting behind it."""
    send_within_s: float = 2.0
    """A write that does not get into the kernel's buffer for that long: the other end is not reading."""


Key = tuple[str, str]
"""Channel type and target (coin or user, lower case), which is how an acknowledgement is matched; the echo adds defaults."""


class Link:
    """One connection, already open."""

    def __init__(self, ws: FeedConnection, put: Callable[[AnyEvent], None], clock: Clock, times: LinkTimes) -> None:
        self._ws = ws
        self._put = put
        self._clock = clock
        self._times = times
        self._posts: deque[tuple[int, bytes]] = deque()
        self._frames: deque[tuple[Key | None, bytes]] = deque()
        self._is_full = False
        """The transport has not got rid of the last post yet."""
        self._asked: set[Key] = set()
        self._account = ""
        """Whose channels were asked for; there is one account on a connection."""
        self._unacknowledged: dict[Key, float] = {}
        self._work = asyncio.Event()
        self._pong = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._dropped: asyncio.Future[str] = self._loop.create_future()
        self._taken_at_once = 0
        """Frames taken at once in this turn of the loop."""
        self._heard = 0
        """Frames taken in all."""

    def post(self, post_id: int, frame: bytes) -> None:
        """Write it ahead of everything that is not a post. Answered by PostSent or PostNotSent.

        Written here and now if nothing is in its way: waking the writer would cost a turn of the loop, between signal and socket.
        """
        if self._posts or self._is_full or self._ws.state is not State.OPEN:
            self._posts.append((post_id, frame))
            self._work.set()
            return
        try:
            self._is_full = not self._ws.write_text(frame)
        except Exception as e:  # how far it came is not known
            self.drop(_failed_inside(e))
        if self._is_full:
            self._work.set()
        self._put(PostSent(post_id))

    def subscribe(self, subscription: dict[str, Any]) -> None:
        """Write it once; the same subscription again would only be an error frame."""
        key = _key(subscription["type"], str(subscription.get("coin") or subscription.get("user") or ""))
        if key not in self._asked:
            self._asked.add(key)
            self._account = str(subscription.get("user") or self._account).lower()
            self._frames.append((key, msgspec.json.encode({"method": "subscribe", "subscription": subscription})))
            self._work.set()

    def drop(self, reason: str) -> None:
        """End it. `run` returns the reason."""
        if not self._dropped.done():
            self._dropped.set_result(reason)

    async def run(self) -> str:
        """Serve the connection.

        Returns:
            Why it ended, when it has. By then every post handed over is answered.
        """
        tasks = [asyncio.ensure_future(t) for t in (self._read(), self._write(), self._watch(), self._dropped)]
        self._ws.take_frame = self._take_at_once
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ws.take_frame = None
            ended = [t for t in tasks if t.done()]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._refuse_waiting()
        return _reason(ended[0])

    # --- reader ----------------------------------------------------------------------------------------------------------

    async def _read(self) -> str:
        """What was not taken at once, and the end."""
        count = 0
        try:
            while True:
                self._take(await self._ws.recv(decode=False))
                count += 1
                if count % _READ_BURST == 0:
                    await asyncio.sleep(0)
        except ConnectionClosed as e:
            return self._why_closed(e)

    def _take_at_once(self, raw: bytes) -> bool:
        """A frame in the moment in which it is read. After a burst of them the reader goes on, which gives way to the rest of us."""
        if self._taken_at_once >= _READ_BURST:
            return False
        if not self._taken_at_once:
            self._loop.call_soon(self._next_burst)
        self._taken_at_once += 1
        try:
            self._take(raw)
        except Exception as e:
            self.drop(_failed_inside(e))
        return True

    def _next_burst(self) -> None:
        self._taken_at_once = 0

    def _take(self, raw: bytes) -> None:
        self._heard += 1
        for parsed in parse_frame(raw, self._account):
            if isinstance(parsed, PongReceived):
                self._pong.set()
                continue
            if isinstance(parsed, Subscribed):
                self._unacknowledged.pop(_key(parsed.channel, parsed.target), None)
            self._put(parsed)

    def _why_closed(self, e: ConnectionClosed) -> str:
        if e.rcvd is not None:
            said = f": {e.rcvd.reason}" if e.rcvd.reason else ""
            return f"closed by the exchange, code {e.rcvd.code}{said}"
        suspect = self._suspect()
        if suspect is None:
            return "connection lost without a close frame"
        (channel, target), age_s = suspect
        return (
            f"connection dropped {age_s * 1000:.0f} ms after subscribing to {channel} {target}, which was not acknowledged; "
            "the exchange does this for a market it does not know"
        )

    def _suspect(self) -> tuple[Key, float] | None:
        """The oldest subscription without an answer, if it is young enough to have killed the connection."""
        now = self._clock.monotonic()
        for key, sent_at in self._unacknowledged.items():
            if now - sent_at <= _BLAME_S:
                return key, now - sent_at
        return None

    # --- writer ----------------------------------------------------------------------------------------------------------

    async def _write(self) -> str:
        try:
            while True:
                if self._is_full:
                    async with asyncio.timeout(self._times.send_within_s):
                        with suppress(OSError):  # the connection is lost, which the reader tells
                            await self._ws.drain()
                    self._is_full = False
                elif self._posts:
                    post_id, frame = self._posts.popleft()
                    await self._write_post(post_id, frame)
                elif self._frames:
                    key, frame = self._frames.popleft()
                    if key is not None:
                        self._unacknowledged[key] = self._clock.monotonic()
                    await self._send(frame)
                else:
                    self._work.clear()
                    await self._work.wait()
        except TimeoutError:
            return f"a message did not leave within {self._times.send_within_s:g} s"
        except ConnectionClosed as e:
            return self._why_closed(e)

    async def _write_post(self, post_id: int, frame: bytes) -> None:
        if self._ws.state is not State.OPEN:
            self._put(PostNotSent(post_id, "connection is closing"))
            return
        try:
            await self._send(frame)
        finally:
            # Whatever went wrong here, went wrong after the bytes were handed over.
            self._put(PostSent(post_id))

    async def _send(self, frame: bytes) -> None:
        async with asyncio.timeout(self._times.send_within_s):
            await self._ws.send(frame, text=True)

    def _refuse_waiting(self) -> None:
        while self._posts:
            self._put(PostNotSent(self._posts.popleft()[0], "connection lost before it was written"))

    # --- watchdog --------------------------------------------------------------------------------------------------------

    async def _watch(self) -> str:
        times, since_ping_s = self._times, 0.0
        while True:
            heard = self._heard
            wait_s = min(times.quiet_after_s, times.ping_every_s - since_ping_s)
            await asyncio.sleep(wait_s)
            since_ping_s += wait_s
            is_quiet = wait_s >= times.quiet_after_s and self._heard == heard
            if not is_quiet and since_ping_s < times.ping_every_s:
                continue
            since_ping_s = 0.0
            self._pong.clear()
            self._frames.append((None, _PING))
            self._work.set()
            within_s = times.quiet_pong_within_s if is_quiet else times.pong_within_s
            # Whatever was heard in the short wait is life enough; the pong itself is asked for by the next regular ping.
            if not await self._pong_came(within_s) and not (is_quiet and self._heard != heard):
                return f"no answer to a ping within {within_s:g} s"

    async def _pong_came(self, within_s: float) -> bool:
        for _ in range(_WATCH_SLICES):
            try:
                async with asyncio.timeout(within_s / _WATCH_SLICES):
                    await self._pong.wait()
            except TimeoutError:
                continue
            return True
        return False


def _key(channel: str, target: str) -> Key:
    return channel, target.lower()


def _reason(ended: asyncio.Future[str]) -> str:
    """What the part that ended first says; an exception is our own mistake and is named as one."""
    if ended.cancelled():
        return "stopped"
    error = ended.exception()
    return ended.result() if error is None else _failed_inside(error)


def _failed_inside(error: BaseException) -> str:
    return f"connection failed inside: {type(error).__name__}: {error}"
