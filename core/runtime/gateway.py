"""The way to the exchange: keeps one WebSocket open, never gives up, and tells the engine what came and what left.

Decides when to connect again, nothing else. Keeps the signed bytes of each post until the engine forgets it, so that a lost exit can be
repeated as the very same bytes. Rules that are easy to get wrong: Disconnected is in the inbox before anything of the next connection;
and a post that finds no connection is answered at once instead of waiting for one, because by then it may be the wrong thing to do.

SPEC 6, 7; PROTOCOL 6, 9.2; LESSONS L02, L38.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from core.messages.events import AnyEvent, ChannelError, Connected, Disconnected, PostNotSent
from core.model.market import MarketKey
from core.runtime import quick_tls
from core.runtime.clock import Clock
from core.runtime.feed_connection import FeedConnection
from core.runtime.link import Link, LinkTimes
from core.runtime.quick_socket import connect_to
from core.runtime.rate_window import RateWindow

MESSAGES_PER_MINUTE = 1900
"""The exchange takes 2000 from one address; the rest is left for an emergency stop from the same machine."""
CONNECTS_PER_MINUTE = 25
"""Of 30, for the same reason."""
MAX_FRAME_BYTES = 16 << 20
"""The fills snapshot of a busy account, 2000 fills of nearly 500 bytes, comes close to the library's default of 1 MiB."""


class GatewayTimes(Struct, frozen=True):
    """Every wait has a limit. Seconds."""

    link: LinkTimes = LinkTimes()
    open_within_s: float = 5.0
    close_within_s: float = 1.0
    retry_first_s: float = 0.5
    retry_most_s: float = 3.0
    """A position may be waiting to be closed behind this. As short as `CONNECTS_PER_MINUTE` allows for any length of time."""
    settled_after_s: float = 30.0
    """A connection that lived this long was a good one: the next trouble starts counting anew."""


_TIMES = GatewayTimes()


class Gateway:
    """The one connection of this program to the exchange's WebSocket."""

    def __init__(
        self,
        url: str,
        account: str,
        put: Callable[[AnyEvent], None],
        clock: Clock,
        *,
        times: GatewayTimes = _TIMES,
        messages: RateWindow | None = None,
        connects: RateWindow | None = None,
    ) -> None:
        """Make it; `run` connects.

        Args:
            url: The exchange's ``/ws``.
            account: Address whose orders and fills are subscribed to; empty: market data only.
            put: Takes the events, in order.
            clock: For limits and measurements.
            times: The limits of every wait.
            messages: What may be sent; shared if there is more than one connection from here.
            connects: How often may be connected.
        """
        self._url = url
        # Made once: reading the trusted certificates holds the engine up for 30 ms, and a reconnect is no moment for that.
        self._tls = quick_tls.context() if urlsplit(url).scheme == "wss" else None
        self._account = account
        self._put = put
        self._clock = clock
        self._times = times
        self._messages = messages or RateWindow(MESSAGES_PER_MINUTE)
        self._connects = connects or RateWindow(CONNECTS_PER_MINUTE)
        self._payloads: dict[int, bytes] = {}
        self._link: Link | None = None
        self._epoch = 0
        self._troubles = 0
        self._closing: set[asyncio.Task[None]] = set()
        self._dice = random.Random()  # spreads reconnects; nothing of the trading depends on it

    # --- what the engine's effects ask ---------------------------------------------------------------------------------

    def post(self, post_id: int, payload: bytes) -> None:
        """Send a signed payload under this id and keep it until `forget`."""
        assert post_id not in self._payloads, f"post {post_id} was handed over twice"
        self._payloads[post_id] = payload
        link = self._link
        if link is None:
            self._put(PostNotSent(post_id, "not connected"))
        elif not self._messages.try_take(self._clock.now_ms()):
            self._put(PostNotSent(post_id, f"{self._messages.limit} messages a minute are used up"))
        else:
            link.post(
                post_id, b'{"method":"post","id":%d,"request":{"type":"action","payload":%b}}' % (post_id, payload)
            )

    def repost(self, post_id: int, original_post_id: int) -> None:
        """Send the bytes of an earlier post again under a new id. The nonce inside admits them only once."""
        payload = self._payloads.get(original_post_id)
        if payload is None:
            self._put(PostNotSent(post_id, f"the signed bytes of post {original_post_id} are gone"))
        else:
            self.post(post_id, payload)

    def forget(self, post_id: int) -> None:
        self._payloads.pop(post_id, None)

    def subscribe(self, markets: tuple[MarketKey, ...]) -> None:
        """Subscribe to the data of these markets on the connection that is open now, if one is."""
        for market in markets:
            for channel in ("bbo", "activeAssetCtx"):
                self._subscribe({"type": channel, "coin": market.name})

    def reconnect(self, reason: str) -> None:
        """Give up the open connection and make another."""
        if self._link is not None:
            self._link.drop(reason)

    # --- the connection's life -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect, serve, connect again, until cancelled."""
        try:
            while True:
                await self._wait_for_turn()
                ws = await self._open()
                if ws is not None:
                    await self._serve(ws)
        finally:
            if self._closing:
                await asyncio.wait(self._closing)

    async def _wait_for_turn(self) -> None:
        """Longer after each trouble, never beyond the limit; and never more connections than the exchange takes."""
        delay = 0.0
        if self._troubles:
            first, most = self._times.retry_first_s, self._times.retry_most_s
            delay = first * 2 ** min(self._troubles - 1, 10) * self._dice.uniform(0.75, 1.25)
            delay = min(max(delay, first), most)
        await asyncio.sleep(max(delay, self._connects.wait_ms(self._clock.now_ms()) / 1000))
        self._connects.take(self._clock.now_ms(), 1)

    async def _open(self) -> FeedConnection | None:
        try:
            ws = await self._connect()
            assert isinstance(ws, FeedConnection), "made by create_connection"
            return ws
        except (OSError, WebSocketException, EOFError) as e:
            self._troubles += 1
            timed_out = f"timed out after {self._times.open_within_s:g} s" if isinstance(e, TimeoutError) else ""
            text = str(e) or timed_out or type(e).__name__
            self._put(ChannelError(f"cannot connect to {self._url} (attempt {self._troubles}): {text}"))
            return None

    async def _connect(self) -> ClientConnection:
        parts = urlsplit(self._url)
        assert parts.hostname, "the config has seen to that"
        async with asyncio.timeout(self._times.open_within_s):
            sock = await connect_to(parts.hostname, parts.port or (443 if self._tls else 80))
            return await connect(
                self._url,
                sock=sock,
                ssl=self._tls,
                create_connection=FeedConnection,
                compression=None,  # the exchange offers none, and inflating costs more than the bytes
                max_queue=None,  # a full queue would stop the reading, pongs included (TEXTUAL 4)
                max_size=MAX_FRAME_BYTES,
                ping_interval=None,  # the exchange's own ping is JSON; the link sends it
                proxy=None,
                open_timeout=None,  # ours, which covers the socket as well
                close_timeout=self._times.close_within_s,
            )

    async def _serve(self, ws: FeedConnection) -> None:
        opened_at = self._clock.monotonic()
        self._epoch += 1
        self._link = link = Link(ws, self._put, self._clock, self._times.link)
        self._put(Connected(self._epoch))
        if self._account:
            for channel in ("orderUpdates", "userFills"):
                self._subscribe({"type": channel, "user": self._account})
        reason = "stopped"
        try:
            reason = await link.run()
        finally:
            self._link = None
            self._put(Disconnected(reason))
            self._in_background(_close(ws, 2 * self._times.close_within_s))
        settled = self._clock.monotonic() - opened_at >= self._times.settled_after_s
        self._troubles = 1 if settled else self._troubles + 1

    def _subscribe(self, subscription: dict[str, Any]) -> None:
        if self._link is not None:
            self._messages.take(self._clock.now_ms(), 1)
            self._link.subscribe(subscription)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _close(ws: FeedConnection, within_s: float) -> None:
    """Say goodbye if anybody listens. Bounded here, for the library's own limit does not cover a full write buffer."""
    try:
        async with asyncio.timeout(within_s):
            await ws.close()
    except (OSError, TimeoutError, WebSocketException):
        ws.transport.abort()
