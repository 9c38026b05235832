"""The simulated exchange on one port: /info, /exchange, /ws and /control. Carries, delays and loses messages; decides nothing.

Everything the venue knows and rules is in core.sim. Here are sockets, real time in blocks of about 70 ms, the delay of each reply (drawn
from the seed), the limits per IP, and the faults that happen between client and venue. Easy to get wrong: a refusal by a limit comes before
the venue knows of the request, and costs nothing; posts on a socket cost the same weight as requests over HTTP.

PROTOCOL 1, 6.1, 9.1, 9.2, 14 steps 1, 9 and 10; SPEC 9.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from core.config import LOOPBACK_HOSTS, SimConfig
from core.runtime.sim_clock import VenueClock, wall_ms
from core.runtime.sim_connection import Connection, Cut, Lost, cut_http, failure_response, json_body
from core.runtime.sim_limits import IpLimits, action_weight, answer_weight, info_weight
from core.runtime.sim_road import Road
from core.runtime.sim_stage import SimStage, new_exchange
from core.runtime.sim_state import StateFile
from core.sim.admission import Envelope, WireFailure
from core.sim.control import ControlError
from core.sim.exchange import Exchange, Submission
from core.sim.feed import Feed
from core.sim.info import NoAnswer
from core.sim.market import BLOCK_MS
from core.sim.scenario import Scenario
from core.sim.session import Post, Session, error_frame
from core.sim.subscriptions import SocketKilled

GREETING = "Websocket connection established."
_LOST_AFTER_S = 60.0
"""How long an HTTP request that was lost on purpose hangs before its connection is cut."""
_IDLE_CHECK_BLOCKS = 10

Clock = Callable[[], int]


class SimServerError(Exception):
    """The server cannot run; the text is one line for the operator."""


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
        speed: float = 1.0,
        state: Path | None = None,
    ) -> None:
        """
        Args:
            port: 0 takes a free one; see `port` after `start`.
            allow_remote: Whether a host other than loopback may be bound. /control stays loopback-only.
            speed: How many times faster the venue's time passes than `clock`.
            state: File that /control saves the venue to and loads it from. A venue found there goes on.

        Raises:
            SimServerError: Host not allowed, a market in the config that is not listed, or a state file that cannot be read.
        """
        if host not in LOOPBACK_HOSTS and not allow_remote:
            raise SimServerError(f"host {host}: the simulator binds loopback only ({', '.join(LOOPBACK_HOSTS)})")
        self._config = config
        self._host = host
        self.port = port
        self._clock = VenueClock(clock, speed)
        self._state = StateFile(state)
        try:
            self._take_over(self._state.load() if self._state.exists else new_exchange(config, self._clock()))
        except ValueError as e:
            raise SimServerError(str(e)) from None
        self.stage: SimStage | None = None
        """The scenario that is played, if one is."""
        self._limits = IpLimits(are_enforced=config.ip_limits)
        self._connections: dict[Session, Connection] = {}
        self._waiting: list[tuple[int, int, Envelope, asyncio.Future[Submission]]] = []
        self._arrivals = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.ServerRunner | None = None
        self._blocks: asyncio.Task[None] | None = None

    def _take_over(self, exchange: Exchange) -> None:
        """Be this venue from now on, at its time or later."""
        self.exchange = exchange
        self._clock.not_before(exchange.venue.block_ms)
        self.feed = Feed(exchange, ip_limits=self._config.ip_limits)
        self._road = Road(exchange.faults, self._clock, self._config)

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    def play(self, scenario: Scenario, say: Callable[[str], None]) -> None:
        """Let a scenario begin now. Args: say: takes each line that tells what happens."""
        self.stage = SimStage(scenario, self._clock(), say)

    # life ----------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind and begin to live.

        Raises:
            SimServerError: The port is taken or may not be bound.
        """
        roads = {
            "/info": self._http_info,
            "/exchange": self._http_exchange,
            "/control": self._http_control,
            "/ws": self._http_ws,
        }

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            road = roads.get(request.path)
            return web.Response(status=404) if road is None else await road(request)

        self._runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.2)
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
            await self._clock.pause(BLOCK_MS - self._clock() % BLOCK_MS)
            now_ms = self._clock()
            due = [w for w in self._waiting if w[0] <= now_ms]
            if due:
                self._waiting = [w for w in self._waiting if w[0] > now_ms]
                for _, _, envelope, future in sorted(due, key=lambda w: (w[2].block_class, w[1])):
                    submission = self.exchange.submit(envelope, now_ms)
                    if not future.done():
                        future.set_result(submission)
            self.feed.publish(self.exchange.advance(now_ms), now_ms)
            if self._road.cuts_all_now:
                self.cut_all()
            if self.stage is not None:
                self.stage.play(now_ms, self.feed.has_account_topics or bool(self.exchange.actions), self._do)
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

    def _spend(self, ip: str, weight: int) -> None:
        """
        Raises:
            WireFailure: This IP has used up its minute.
        """
        if not self._limits.spend(ip, weight, self._clock()):
            raise WireFailure(429, "null")

    async def _ask(self, request: Any, ip: str) -> Any:
        self._spend(ip, info_weight(request))
        there_ms, whole_ms = self._road.latency_ms()
        await self._clock.pause(there_ms)
        edge = self._road.edge("info")
        try:
            if edge is not None:
                raise edge.failure
            body = self.exchange.info(request, self._clock())
            self._limits.add(ip, answer_weight(request, body), self._clock())
            return body
        except NoAnswer:
            raise Lost from None
        finally:
            await self._clock.pause(whole_ms - there_ms)

    async def _act(self, raw: Any, ip: str) -> dict[str, Any]:
        """Carry an action to the venue and its reply back.

        Raises:
            WireFailure: It does not decode, or its IP has used up its minute.
            Lost: A fault swallowed the request or the reply.
            Cut: A fault cuts the connection.
        """
        there_ms, whole_ms = self._road.latency_ms()
        begun_ms = self._clock()
        faults = self.exchange.faults
        edge = self._road.edge("exchange")
        if edge is not None and not edge.executed:
            await self._clock.pause(whole_ms)
            raise edge.failure
        try:
            envelope = self.exchange.decode(raw)
        except WireFailure:
            self._spend(ip, action_weight(1))
            await self._clock.pause(whole_ms)
            raise
        self._spend(ip, action_weight(envelope.items))
        user = self.exchange.acting_user(envelope) if faults.in_force() else None
        if faults.strike("lose_request", begun_ms, user):
            raise Lost
        future: asyncio.Future[Submission] = asyncio.get_running_loop().create_future()
        self._arrivals += 1
        self._waiting.append((begun_ms + there_ms, self._arrivals, envelope, future))
        submission = await future
        now_ms = self._clock()
        if faults.strike("drop_after_execution", now_ms, submission.user):
            raise Cut
        if submission.is_swallowed or faults.strike("lose_reply", now_ms, submission.user):
            raise Lost
        late = faults.strike("late_reply", now_ms, submission.user)
        rest_ms = begun_ms + whole_ms + (late.ms if late else 0) - now_ms
        await self._clock.pause(rest_ms)
        if edge is not None:
            raise edge.failure
        return submission.reply

    # HTTP ----------------------------------------------------------------------------------------------------------

    async def _http_info(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._rest(request, self._ask)

    async def _http_exchange(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._rest(request, self._act)

    async def _rest(
        self, request: web.BaseRequest, handle: Callable[[Any, str], Coroutine[Any, Any, Any]]
    ) -> web.StreamResponse:
        try:
            body = await handle(await json_body(request), request.remote or "")
        except WireFailure as e:
            return failure_response(e)
        except Lost:
            await asyncio.sleep(_LOST_AFTER_S)
            return cut_http(request)
        except Cut:
            return cut_http(request)
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")

    async def _http_control(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.remote not in LOOPBACK_HOSTS:
            return web.json_response({"error": "control is for loopback peers only"}, status=403)
        try:
            command = await json_body(request)
            answer = self._do(command)
        except WireFailure as e:
            return web.json_response({"error": e.text}, status=e.status)
        except ControlError as e:
            return web.json_response({"error": str(e)}, status=400)
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    def _do(self, command: Any) -> dict[str, Any]:
        """Run one /control command.

        Raises:
            ControlError: Unknown or impossible; the text says what is allowed.
        """
        own = self._own_command(command)
        if own is None and self.stage is not None:
            own = self.stage.command(command, self._clock())
        return own or self.exchange.control(command, self._clock())

    def _own_command(self, command: Any) -> dict[str, Any] | None:
        """Carry out what is about connections or files; None for what the exchange must know.

        Raises:
            ControlError: It cannot be saved or loaded.
        """
        match command:
            case {"do": "drop_connections"}:
                return {"ok": True, "dropped": self.cut_all()}
            case {"do": "save"}:
                return {"ok": True, "bytes": self._state.save(self.exchange)}
            case {"do": "load"}:
                self._take_over(self._state.load())
                return {"ok": True, "dropped": self.cut_all()}
        return None

    # WebSocket -----------------------------------------------------------------------------------------------------

    async def _http_ws(self, request: web.BaseRequest) -> web.StreamResponse:
        if not self._road.lets_in:
            return web.Response(status=503, text="Service Unavailable")
        ip = request.remote or ""
        if not self._limits.connect(ip, self._clock()):
            return failure_response(WireFailure(429, "null"))
        try:
            return await self._serve_ws(request, ip)
        finally:
            self._limits.disconnect(ip)

    async def _serve_ws(self, request: web.BaseRequest, ip: str) -> web.StreamResponse:
        ws = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
        await ws.prepare(request)
        connection = Connection(ws, request.transport)
        session = self.feed.open(connection.send, self._clock(), ip)
        self._connections[session] = connection
        writer = asyncio.create_task(connection.write_all(), name="sim ws writer")
        if self._config.greeting:
            session.send_text(GREETING, self._clock())
        try:
            async for message in ws:
                if message.type is not WSMsgType.TEXT:
                    continue
                await asyncio.sleep(self._road.read_after_s())
                if connection.is_over:
                    break  # cut while this frame was on its way
                self._hear(session, connection, message.data)
        except SocketKilled:
            connection.cut()
        finally:
            self.feed.close(session)
            del self._connections[session]
            connection.is_over = True
            writer.cancel()
        return ws

    def _hear(self, session: Session, connection: Connection, text: str) -> None:
        """
        Raises:
            SocketKilled: The connection must be cut.
        """
        if not self._limits.message(session.ip, self._clock()):
            self.feed.refuse(session, text, self._clock())
            return
        post = self.feed.receive(session, text, self._clock())
        if post is not None:
            self._spawn(self._carry_post(session, connection, post))

    async def _carry_post(self, session: Session, connection: Connection, post: Post) -> None:
        feed = self.feed  # the one that counts this post, also when another venue is loaded meanwhile
        try:
            error = self._road.post_error()
            if error is not None:
                session.send(error_frame(post, error), self._clock())
                return
            if post.kind == "info":
                payload = await self._ask(post.payload, session.ip)
            else:
                payload = await self._act(post.payload, session.ip)
        except WireFailure as e:
            feed.fail(session, post, e, self._clock())
        except Lost:
            pass  # that is the fault: executed or not, nobody is told
        except Cut:
            connection.cut()
        else:
            feed.answer(session, post, payload, self._clock())
        finally:
            feed.forget(post)

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
