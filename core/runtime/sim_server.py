"""The simulated exchange on one port: /info, /exchange, /ws and /control. Carries, delays and loses messages; decides nothing.

Everything the venue knows and rules is in core.sim. Here are sockets, real time in blocks of about 70 ms, the delay of each reply (drawn
from the seed), and the faults that happen between client and venue. Easy to get wrong: the venue cuts a connection without a close frame,
so we abort the transport; and a client that does not read must not grow our memory, so it is cut when too much has piled up.

PROTOCOL 1, 6.1, 14 steps 1, 9 and 10; SPEC 9.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from core.config import LOOPBACK_HOSTS, SimConfig
from core.sim.admission import PARSE, Envelope, WireFailure
from core.sim.control import ControlError
from core.sim.exchange import Exchange, Submission
from core.sim.feed import Feed
from core.sim.market import BLOCK_MS
from core.sim.session import Post, Session
from core.sim.subscriptions import SocketKilled

_MAX_WAITING_FRAMES = 20_000
_LOST_AFTER_S = 60.0
"""How long an HTTP request that was lost on purpose hangs before its connection is cut."""
_IDLE_CHECK_BLOCKS = 10

Clock = Callable[[], int]


class SimServerError(Exception):
    """The server cannot run; the text is one line for the operator."""


def wall_ms() -> int:
    return int(time.time() * 1000)


class SimServer:
    """One exchange and its port."""

    def __init__(
        self,
        config: SimConfig,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        allow_remote: bool = False,
        clock: Clock = wall_ms,
    ) -> None:
        """
        Args:
            port: 0 takes a free one; see `port` after `start`.
            allow_remote: Whether a host other than loopback may be bound. /control stays loopback-only.

        Raises:
            SimServerError: Host not allowed, or a market in the config that is not listed.
        """
        if host not in LOOPBACK_HOSTS and not allow_remote:
            raise SimServerError(f"host {host}: the simulator binds loopback only ({', '.join(LOOPBACK_HOSTS)})")
        self._config = config
        self._host = host
        self.port = port
        self._clock = clock
        self._dice = random.Random(f"{config.seed}/latency")
        try:
            self.exchange = Exchange(
                seed=config.seed,
                markets=config.markets,
                balance_usd=config.balance_usd,
                start_ms=clock(),
                accounts=config.accounts,
                is_mainnet=config.network == "mainnet",
            )
        except ValueError as e:
            raise SimServerError(str(e)) from None
        self.feed = Feed(self.exchange)
        self._connections: dict[Session, _Connection] = {}
        self._waiting: list[tuple[int, int, Envelope, asyncio.Future[Submission]]] = []
        self._arrivals = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._blocks: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    # life ----------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind and begin to live.

        Raises:
            SimServerError: The port is taken or may not be bound.
        """
        app = web.Application()
        app.router.add_route("*", "/info", self._http_info)
        app.router.add_route("*", "/exchange", self._http_exchange)
        app.router.add_route("*", "/control", self._http_control)
        app.router.add_get("/ws", self._http_ws)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port)
        try:
            await site.start()
        except OSError as e:
            await self._runner.cleanup()
            why = os.strerror(e.errno) if e.errno else str(e)  # asyncio's own text is longer and says less
            raise SimServerError(f"cannot listen on {self._host}:{self.port}: {why}") from None
        self.port = self._runner.addresses[0][1]
        self._blocks = asyncio.create_task(self._live_in_blocks(), name="sim blocks")

    async def wait(self) -> None:
        """Return only when living has failed, and raise why."""
        assert self._blocks is not None
        await self._blocks

    async def stop(self) -> None:
        self.cut_all()
        tasks = [*self._tasks, *([self._blocks] if self._blocks else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)  # how the blocks ended is told by `wait`
        if self._runner is not None:
            await self._runner.cleanup()

    async def _live_in_blocks(self) -> None:
        count = 0
        while True:
            await asyncio.sleep((BLOCK_MS - self._clock() % BLOCK_MS) / 1000)
            now_ms = self._clock()
            due = [w for w in self._waiting if w[0] <= now_ms]
            if due:
                self._waiting = [w for w in self._waiting if w[0] > now_ms]
                for _, _, envelope, future in sorted(due, key=lambda w: (w[2].block_class, w[1])):
                    submission = self.exchange.submit(envelope, now_ms)
                    if not future.done():
                        future.set_result(submission)
            self.feed.publish(self.exchange.advance(now_ms), now_ms)
            count += 1
            if count % _IDLE_CHECK_BLOCKS == 0:
                for session in self.feed.idle(now_ms):
                    self._connections[session].cut()

    def cut_all(self) -> int:
        """Drop every WebSocket connection without a close frame; returns how many."""
        connections = list(self._connections.values())
        for connection in connections:
            connection.cut()
        return len(connections)

    # what every road shares ----------------------------------------------------------------------------------------

    def _latency_ms(self) -> tuple[int, int]:
        """(until the venue has it, until the sender has the reply), drawn for one request."""
        whole = self._dice.randint(self._config.latency_min_ms, self._config.latency_max_ms)
        return int(whole * self._dice.uniform(0.3, 0.7)), whole

    async def _ask(self, request: Any) -> Any:
        there_ms, whole_ms = self._latency_ms()
        await asyncio.sleep(there_ms / 1000)
        try:
            return self.exchange.info(request, self._clock())
        finally:
            await asyncio.sleep((whole_ms - there_ms) / 1000)

    async def _act(self, raw: Any) -> dict[str, Any]:
        """Carry an action to the venue and its reply back.

        Raises:
            WireFailure: It does not decode.
            _Lost: A fault swallowed the request or the reply.
            _Cut: A fault cuts the connection.
        """
        there_ms, whole_ms = self._latency_ms()
        begun_ms = self._clock()
        faults = self.exchange.faults
        try:
            envelope = self.exchange.decode(raw)
        except WireFailure:
            await asyncio.sleep(whole_ms / 1000)
            raise
        user = self.exchange.acting_user(envelope) if faults.in_force() else None
        if faults.strike("lose_request", begun_ms, user):
            raise _Lost
        future: asyncio.Future[Submission] = asyncio.get_running_loop().create_future()
        self._arrivals += 1
        self._waiting.append((begun_ms + there_ms, self._arrivals, envelope, future))
        submission = await future
        now_ms = self._clock()
        if faults.strike("drop_after_execution", now_ms, submission.user):
            raise _Cut
        if faults.strike("lose_reply", now_ms, submission.user):
            raise _Lost
        late = faults.strike("late_reply", now_ms, submission.user)
        rest_ms = begun_ms + whole_ms + (late.ms if late else 0) - now_ms
        await asyncio.sleep(max(0, rest_ms) / 1000)
        return submission.reply

    # HTTP ----------------------------------------------------------------------------------------------------------

    async def _http_info(self, request: web.Request) -> web.StreamResponse:
        return await self._rest(request, self._ask)

    async def _http_exchange(self, request: web.Request) -> web.StreamResponse:
        return await self._rest(request, self._act)

    async def _rest(
        self, request: web.Request, handle: Callable[[Any], Coroutine[Any, Any, Any]]
    ) -> web.StreamResponse:
        try:
            body = await handle(await _json_body(request))
        except WireFailure as e:
            kind = "application/json" if e.text == "null" else "text/html" if e.status == 502 else "text/plain"
            return web.Response(status=e.status, text=e.text, content_type=kind)
        except _Lost:
            await asyncio.sleep(_LOST_AFTER_S)
            return _cut_http(request)
        except _Cut:
            return _cut_http(request)
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")

    async def _http_control(self, request: web.Request) -> web.StreamResponse:
        if request.remote not in LOOPBACK_HOSTS:
            return web.json_response({"error": "control is for loopback peers only"}, status=403)
        try:
            command = await _json_body(request)
            if isinstance(command, dict) and command.get("do") == "drop_connections":
                return web.json_response({"ok": True, "dropped": self.cut_all()})
            answer = self.exchange.control(command, self._clock())
        except WireFailure as e:
            return web.json_response({"error": e.text}, status=e.status)
        except ControlError as e:
            return web.json_response({"error": str(e)}, status=400)
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    # WebSocket -----------------------------------------------------------------------------------------------------

    async def _http_ws(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
        await ws.prepare(request)
        connection = _Connection(ws, request.transport)
        session = self.feed.open(connection.send, self._clock())
        self._connections[session] = connection
        writer = asyncio.create_task(connection.write_all(), name="sim ws writer")
        try:
            async for message in ws:
                if message.type is not WSMsgType.TEXT:
                    continue
                post = self.feed.receive(session, message.data, self._clock())
                if post is not None:
                    self._spawn(self._carry_post(session, connection, post))
        except SocketKilled:
            connection.cut()
        finally:
            self.feed.close(session)
            del self._connections[session]
            connection.is_over = True
            writer.cancel()
        return ws

    async def _carry_post(self, session: Session, connection: _Connection, post: Post) -> None:
        try:
            if post.kind == "info":
                payload = await self._ask(post.payload)
            else:
                payload = await self._act(post.payload)
        except WireFailure as e:
            self.feed.fail(session, post, e, self._clock())
        except _Lost:
            pass  # that is the fault: executed or not, nobody is told
        except _Cut:
            connection.cut()
        else:
            self.feed.answer(session, post, payload, self._clock())
        finally:
            self.feed.forget(post)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None and self._blocks is not None:
            # A mistake of ours must not look like a venue that keeps silent: the whole server ends, loudly.
            print(f"simulator: {task.exception()!r}", file=sys.stderr, flush=True)
            self._blocks.cancel()


class _Lost(Exception):
    """A fault swallowed a message."""


class _Cut(Exception):
    """A fault cuts the connection."""


class _Connection:
    """One socket's way out."""

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._ws = ws
        self._transport = transport
        self._frames: asyncio.Queue[str] = asyncio.Queue(_MAX_WAITING_FRAMES)
        self.is_over = False

    def send(self, text: str) -> None:
        if self.is_over:
            return
        try:
            self._frames.put_nowait(text)
        except asyncio.QueueFull:
            self.cut()

    def cut(self) -> None:
        """Drop the connection without a close frame."""
        self.is_over = True
        if self._transport is not None:
            self._transport.abort()

    async def write_all(self) -> None:
        with contextlib.suppress(ConnectionError):  # the reader sees the same end and cleans up
            while True:
                await self._ws.send_str(await self._frames.get())


async def _json_body(request: web.Request) -> Any:
    """The JSON of a request.

    Raises:
        WireFailure: Wrong method, content type or syntax.
    """
    if request.method != "POST":
        raise WireFailure(405, "")
    if request.content_type != "application/json":
        raise WireFailure(415, "Expected request with `Content-Type: application/json`")
    body = await request.read()
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise WireFailure(400, f"{PARSE}: {e}") from None


def _cut_http(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
