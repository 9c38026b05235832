"""The gateway against a small WebSocket server in the same process: reconnects, order of events, watchdog, posts and their bytes."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from core.messages.events import (
    Bbo,
    ChannelError,
    Connected,
    Disconnected,
    Fills,
    PostNotSent,
    PostReply,
    PostSent,
    Subscribed,
)
from core.model.market import MarketKey
from core.runtime import quick_tls
from core.runtime.clock import SystemClock
from core.runtime.gateway import CONNECTS_PER_MINUTE, Gateway, GatewayTimes
from core.runtime.link import LinkTimes
from core.runtime.rate_window import RateWindow

ACCOUNT = "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
SNDK = MarketKey("xyz", "SNDK")
QUICK = GatewayTimes(link=LinkTimes(ping_every_s=60), retry_first_s=0.01, retry_most_s=0.05, close_within_s=0.2)

Behaviour = Callable[["Venue", ServerConnection, dict[str, Any]], Any]


class Venue:
    """Acknowledges subscriptions and answers pings and posts; a test may replace its behaviour."""

    def __init__(self) -> None:
        self.connections: list[ServerConnection] = []
        self.received: list[dict[str, Any]] = []
        self.raw: list[str] = []
        self.news = asyncio.Event()
        self.behave: Behaviour | None = None
        self.greeting: list[str] = []
        self.server: Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def start(self, port: int = 0) -> None:
        self.server = await serve(self.handle, "127.0.0.1", port, ping_interval=None, close_timeout=0.2, max_size=None)
        self.port = next(iter(self.server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        assert self.server is not None
        self.drop_all()
        self.server.close()
        await self.server.wait_closed()

    def drop_all(self) -> None:
        """End every connection as the exchange does it: without a close frame."""
        for ws in self.connections:
            ws.transport.abort()
        self.connections.clear()

    async def handle(self, ws: ServerConnection) -> None:
        self.connections.append(ws)
        for text in self.greeting:
            await ws.send(text)
        with suppress(ConnectionClosed):
            async for raw in ws:
                assert isinstance(raw, str), "the exchange reads text frames"
                message = json.loads(raw)
                self.raw.append(raw)
                self.received.append(message)
                self.news.set()
                answer = self.behave(self, ws, message) if self.behave else usual(message)
                if answer is not None:
                    await ws.send(json.dumps(answer))

    def of_method(self, method: str) -> list[dict[str, Any]]:
        return [m for m in self.received if m["method"] == method]

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not enough():
                self.news.clear()
                await self.news.wait()


def usual(message: dict[str, Any]) -> dict[str, Any] | None:
    match message["method"]:
        case "subscribe":
            subscription = dict(message["subscription"])
            if "user" in subscription:
                subscription["user"] = subscription["user"].lower()
            return {"channel": "subscriptionResponse", "data": {"method": "subscribe", "subscription": subscription}}
        case "ping":
            return {"channel": "pong"}
        case _:
            payload = {"status": "ok", "response": {"type": "default"}}
            return {
                "channel": "post",
                "data": {"id": message["id"], "response": {"type": "action", "payload": payload}},
            }


class Events(list[Any]):
    """What the gateway put, in order."""

    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    def put(self, event: Any) -> None:
        self.append(event)
        self._news.set()

    def of(self, kind: type) -> list[Any]:
        return [e for e in self if isinstance(e, kind)]

    async def until(self, kind: type, count: int = 1) -> Any:
        """The count-th event of that kind."""
        async with asyncio.timeout(5):
            while len(self.of(kind)) < count:
                self._news.clear()
                await self._news.wait()
        return self.of(kind)[count - 1]


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    venue = Venue()
    await venue.start()
    yield venue
    await venue.stop()


@pytest.fixture
async def events() -> Events:
    return Events()


@asynccontextmanager
async def running(gateway: Gateway) -> AsyncIterator[Gateway]:
    task = asyncio.create_task(gateway.run())
    try:
        yield gateway
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def make(venue: Venue, events: Events, times: GatewayTimes = QUICK, **kw: Any) -> Gateway:
    return Gateway(venue.url, ACCOUNT, events.put, SystemClock(), times=times, **kw)


# --- connecting ------------------------------------------------------------------------------------------------------


async def test_connects_and_subscribes_the_account(venue: Venue, events: Events) -> None:
    async with running(make(venue, events)):
        await events.until(Subscribed, 2)
    assert events[0] == Connected(1)
    assert events.of(Subscribed) == [
        Subscribed("orderUpdates", ACCOUNT.lower()),
        Subscribed("userFills", ACCOUNT.lower()),
    ]
    assert events[-1] == Disconnected("stopped")


async def test_markets_are_subscribed_once_per_connection_with_quote_and_context(venue: Venue, events: Events) -> None:
    gateway = make(venue, events)
    async with running(gateway):
        await events.until(Connected)
        gateway.subscribe((SNDK,))
        gateway.subscribe((SNDK, MarketKey("", "BTC")))
        await events.until(Subscribed, 6)
        asked = [(m["subscription"]["type"], m["subscription"].get("coin")) for m in venue.of_method("subscribe")]
        assert asked[2:] == [
            ("bbo", "xyz:SNDK"),
            ("activeAssetCtx", "xyz:SNDK"),
            ("bbo", "BTC"),
            ("activeAssetCtx", "BTC"),
        ]
        venue.drop_all()
        await events.until(Connected, 2)
        gateway.subscribe((SNDK,))
        await events.until(Subscribed, 10)


async def test_an_account_is_not_needed_for_watching(venue: Venue, events: Events) -> None:
    gateway = Gateway(venue.url, "", events.put, SystemClock(), times=QUICK)
    async with running(gateway):
        await events.until(Connected)
        gateway.subscribe((SNDK,))
        await events.until(Subscribed, 2)
    assert {m["subscription"]["type"] for m in venue.of_method("subscribe")} == {"bbo", "activeAssetCtx"}


async def test_frames_come_out_as_events_and_the_greeting_does_not(venue: Venue, events: Events) -> None:
    quote = {"coin": "xyz:SNDK", "time": 1, "bbo": [{"px": "1", "sz": "2", "n": 1}, None]}
    venue.greeting = ["Websocket connection established.", json.dumps({"channel": "bbo", "data": quote}), "nonsense"]
    async with running(make(venue, events)):
        assert (await events.until(Bbo)).market == SNDK
        assert "nonsense" in (await events.until(ChannelError)).text


def quote_frame(time_ms: int) -> str:
    data = {"coin": "xyz:SNDK", "time": time_ms, "bbo": [{"px": "1", "sz": "2", "n": 1}, None]}
    return json.dumps({"channel": "bbo", "data": data})


async def test_fills_of_another_user_are_an_error_and_not_ours(venue: Venue, events: Events) -> None:
    async with running(make(venue, events)):
        await events.until(Subscribed, 2)
        frame = {"channel": "userFills", "data": {"user": "0x" + "c" * 40, "isSnapshot": True, "fills": []}}
        await venue.connections[0].send(json.dumps(frame))
        assert "userFills of another user" in (await events.until(ChannelError)).text
    assert events.of(Fills) == []


async def test_a_burst_keeps_its_order_and_gives_way_to_the_rest(venue: Venue, events: Events) -> None:
    """Some of it is taken at once and the rest by the reader; in between everything else gets its turn."""
    in_one_turn: list[int] = []
    turns = [0]

    def put(event: Any) -> None:
        if isinstance(event, Bbo):
            if not turns[0]:
                asyncio.get_running_loop().call_soon(end_of_turn)
            turns[0] += 1
        events.put(event)

    def end_of_turn() -> None:
        in_one_turn.append(turns[0])
        turns[0] = 0

    async with running(Gateway(venue.url, "", put, SystemClock(), times=QUICK)) as gateway:
        await events.until(Connected)
        gateway.subscribe((SNDK,))
        await events.until(Subscribed, 2)
        (ws,) = venue.connections
        for i in range(500):
            ws.protocol.send_text(quote_frame(i).encode())
        ws.send_data()
        await events.until(Bbo, 500)
    assert [e.time_ms for e in events.of(Bbo)] == list(range(500))
    assert max(in_one_turn) <= 2 * 64


async def test_our_own_mistake_while_taking_a_frame_ends_the_connection_and_is_named(
    venue: Venue, events: Events
) -> None:
    def put(event: Any) -> None:
        if isinstance(event, Bbo):
            raise RuntimeError("no room")
        events.put(event)

    async with running(Gateway(venue.url, "", put, SystemClock(), times=QUICK)) as gateway:
        await events.until(Connected)
        gateway.subscribe((SNDK,))
        await events.until(Subscribed, 2)
        await venue.connections[0].send(quote_frame(1))
        assert "RuntimeError: no room" in (await events.until(Disconnected)).reason
        await events.until(Connected, 2)


async def test_never_gives_up_and_says_why_it_cannot_connect(events: Events) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        gateway = Gateway(f"ws://127.0.0.1:{port}/ws", ACCOUNT, events.put, SystemClock(), times=QUICK)
        async with running(gateway):
            error = await events.until(ChannelError, 3)
            assert f"cannot connect to ws://127.0.0.1:{port}/ws (attempt 3)" in error.text
            assert not events.of(Disconnected), "what was never connected cannot be disconnected"
    venue = Venue()
    async with running(gateway):
        await venue.start(port)
        await events.until(Connected)
    await venue.stop()


async def test_a_server_that_is_no_websocket(events: Events) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
    async with running(Gateway(url, ACCOUNT, events.put, SystemClock(), times=QUICK)):
        assert "502" in (await events.until(ChannelError, 2)).text
    server.close()


async def test_who_is_trusted_is_read_once_and_not_again_at_a_reconnect(
    events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[ssl.SSLContext] = []
    monkeypatch.setattr(quick_tls, "context", lambda: made.append(ssl.create_default_context()) or made[-1])
    hello: asyncio.Queue[bytes] = asyncio.Queue()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello.put_nowait(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
    async with running(Gateway(url, ACCOUNT, events.put, SystemClock(), times=QUICK)):
        await events.until(ChannelError, 3)
    server.close()
    assert len(made) == 1
    assert {hello.get_nowait() for _ in range(3)} == {b"\x16"}, "a TLS handshake each time"


async def test_a_server_that_accepts_and_says_nothing_is_given_up_in_time(events: Events) -> None:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
    times = GatewayTimes(open_within_s=0.05, retry_first_s=0.01, retry_most_s=0.02)
    async with running(Gateway(url, ACCOUNT, events.put, SystemClock(), times=times)):
        assert "timed out" in (await events.until(ChannelError, 2)).text
    server.close()


async def test_connections_per_minute_are_limited(venue: Venue, events: Events) -> None:
    venue.behave = lambda v, ws, message: ws.transport.abort()
    async with running(make(venue, events, connects=RateWindow(3))):
        await events.until(Disconnected, 3)
        await asyncio.sleep(0.3)  # with the retries of QUICK, room for at least five more
        assert len(events.of(Connected)) == 3


def test_the_longest_wait_is_short_and_still_within_the_connections_per_minute() -> None:
    longest_s = GatewayTimes().retry_most_s
    assert longest_s <= 3, "a position may be waiting to be closed behind it"
    assert 60 / longest_s <= CONNECTS_PER_MINUTE, "an outage of an hour would be spent waiting for the minute's limit"


# --- losing the connection -------------------------------------------------------------------------------------------


async def test_l38_a_drop_is_told_at_once_and_before_anything_of_the_next_connection(
    venue: Venue, events: Events
) -> None:
    async with running(make(venue, events)):
        await events.until(Subscribed, 2)
        venue.drop_all()
        await events.until(Subscribed, 4)
    kinds = [type(e).__name__ for e in events[:-1]]
    one_life = ["Connected", "Subscribed", "Subscribed"]
    assert kinds == [*one_life, "Disconnected", *one_life]
    assert [e.epoch for e in events.of(Connected)] == [1, 2]
    assert events.of(Disconnected)[0].reason == "connection lost without a close frame"


async def test_a_close_with_a_reason_is_passed_on(venue: Venue, events: Events) -> None:
    async with running(make(venue, events)):
        await events.until(Subscribed, 2)
        await venue.connections[0].close(1012, "service restart")
        assert (await events.until(Disconnected)).reason == "closed by the exchange, code 1012: service restart"


async def test_l24_a_kill_right_after_a_subscribe_names_it(venue: Venue, events: Events) -> None:
    def kill_on_bad_coin(v: Venue, ws: ServerConnection, message: dict[str, Any]) -> Any:
        if message.get("subscription", {}).get("coin") == "xyz:SNKD":
            ws.transport.abort()
            return None
        return usual(message)

    venue.behave = kill_on_bad_coin
    gateway = make(venue, events)
    async with running(gateway):
        await events.until(Subscribed, 2)
        gateway.subscribe((SNDK, MarketKey("xyz", "SNKD"), MarketKey("", "BTC")))
        reason = (await events.until(Disconnected)).reason
    assert "bbo xyz:snkd" in reason
    assert "a market it does not know" in reason


async def test_l23_a_connection_that_is_dead_behind_an_open_socket(venue: Venue, events: Events) -> None:
    venue.behave = lambda v, ws, message: None if message["method"] == "ping" else usual(message)
    times = GatewayTimes(link=LinkTimes(ping_every_s=0.03, pong_within_s=0.05), retry_first_s=0.01, close_within_s=0.1)
    async with running(make(venue, events, times)):
        assert (await events.until(Disconnected)).reason == "no answer to a ping within 0.05 s"
        await events.until(Connected, 2)


async def test_l23_a_silence_is_asked_about_long_before_the_next_regular_ping(venue: Venue, events: Events) -> None:
    venue.behave = lambda v, ws, message: None if message["method"] == "ping" else usual(message)
    link = LinkTimes(ping_every_s=60, quiet_after_s=0.05, quiet_pong_within_s=0.1)
    times = GatewayTimes(link=link, retry_first_s=0.01, close_within_s=0.1)
    async with running(make(venue, events, times)):
        assert (await events.until(Disconnected)).reason == "no answer to a ping within 0.1 s"
        await events.until(Connected, 2)


async def test_a_silence_that_ends_by_itself_is_no_reason(venue: Venue, events: Events) -> None:
    """The ping into a short silence is not answered, but something else is heard meanwhile."""
    asked: list[object] = []

    def behave(v: Venue, ws: object, message: dict[str, object]) -> object:
        if message["method"] == "ping":
            asked.append(message)
            return {"channel": "error", "data": "not a pong"}
        return usual(message)

    venue.behave = behave  # type: ignore[assignment]
    times = GatewayTimes(link=LinkTimes(ping_every_s=60, quiet_after_s=0.03, quiet_pong_within_s=0.06))
    async with running(make(venue, events, times)):
        await venue.until(lambda: len(asked) >= 3)
        assert not events.of(Disconnected)


async def test_l25_pings_keep_a_quiet_connection(venue: Venue, events: Events) -> None:
    times = GatewayTimes(link=LinkTimes(ping_every_s=0.02, pong_within_s=1.0))
    async with running(make(venue, events, times)):
        await venue.until(lambda: len(venue.of_method("ping")) >= 5)
        assert not events.of(Disconnected)


async def test_time_in_which_we_stood_still_is_not_the_servers_silence(venue: Venue, events: Events) -> None:
    times = GatewayTimes(link=LinkTimes(ping_every_s=0.05, pong_within_s=0.5))
    async with running(make(venue, events, times)):
        await venue.until(lambda: len(venue.of_method("ping")) >= 1)
        loop = asyncio.get_running_loop()
        frozen_until = loop.time() + 0.8
        while loop.time() < frozen_until:  # the loop stands still: a stall, on purpose
            pass
        await venue.until(lambda: len(venue.of_method("ping")) >= 3)
        assert not events.of(Disconnected)


async def test_reconnect_on_the_engines_word(venue: Venue, events: Events) -> None:
    gateway = make(venue, events)
    async with running(gateway):
        await events.until(Connected)
        gateway.reconnect("market data is stale")
        assert (await events.until(Disconnected)).reason == "market data is stale"
        await events.until(Connected, 2)


# --- posts -----------------------------------------------------------------------------------------------------------


async def test_a_post_is_sent_then_answered(venue: Venue, events: Events) -> None:
    gateway = make(venue, events)
    async with running(gateway):
        await events.until(Subscribed, 2)
        gateway.post(7, b'{"action":{"type":"order"},"nonce":5}')
        await events.until(PostReply)
    assert events[3:5] == [PostSent(7), PostReply(7, ())]
    (post,) = venue.of_method("post")
    assert post == {
        "method": "post",
        "id": 7,
        "request": {"type": "action", "payload": {"action": {"type": "order"}, "nonce": 5}},
    }


async def test_posts_go_before_waiting_subscriptions_and_in_order(venue: Venue, events: Events) -> None:
    gateway = make(venue, events)
    async with running(gateway):
        await events.until(Subscribed, 2)
        gateway.subscribe((SNDK,))
        gateway.post(1, b"{}")
        gateway.post(2, b"{}")
        await events.until(Subscribed, 4)
        assert [m.get("id", "subscribe") for m in venue.received[2:]] == [1, 2, "subscribe", "subscribe"]


async def test_a_post_without_a_connection_is_answered_at_once(venue: Venue, events: Events) -> None:
    gateway = make(venue, events)
    gateway.post(1, b"{}")
    assert events == [PostNotSent(1, "not connected")]
    async with running(gateway):
        await events.until(Subscribed, 2)
        assert not venue.of_method("post"), "what was refused must not be sent later"


async def test_posts_waiting_when_the_connection_goes_are_answered_before_the_disconnect(
    venue: Venue, events: Events
) -> None:
    gateway = make(venue, events)
    async with running(gateway):
        await events.until(Subscribed, 2)
        gateway.post(1, b"{}")
        gateway.reconnect("now")
        await events.until(Disconnected)
    answered = [e for e in events if isinstance(e, (PostSent, PostNotSent, Disconnected))]
    assert [type(e) for e in answered[:2]] in ([PostSent, Disconnected], [PostNotSent, Disconnected])


async def test_a_repost_is_the_very_same_bytes_under_a_new_id_even_on_the_next_connection(
    venue: Venue, events: Events
) -> None:
    payload = b'{"nonce":5,  "action":{"type":"cancel"},"signature":{"r":"0x01"}}'
    gateway = make(venue, events)
    async with running(gateway):
        await events.until(Subscribed, 2)
        gateway.post(1, payload)
        await events.until(PostReply)
        venue.drop_all()
        await events.until(Subscribed, 4)
        gateway.repost(2, 1)
        await events.until(PostReply, 2)
        gateway.forget(1)
        gateway.repost(3, 2)  # the newer id holds them as well
        await events.until(PostReply, 3)
    sent = [raw for raw in venue.raw if '"post"' in raw]
    request = '"request":{"type":"action","payload":' + payload.decode() + "}}"
    assert sent == ['{"method":"post","id":' + post_id + "," + request for post_id in "123"]


async def test_forgotten_bytes_cannot_be_sent_again(venue: Venue, events: Events) -> None:
    gateway = make(venue, events)
    async with running(gateway):
        await events.until(Subscribed, 2)
        gateway.post(1, b"{}")
        await events.until(PostReply)
        gateway.forget(1)
        gateway.repost(2, 1)
        assert (await events.until(PostNotSent)) == PostNotSent(2, "the signed bytes of post 1 are gone")


async def test_messages_per_minute_are_limited_and_the_refusal_says_so(venue: Venue, events: Events) -> None:
    gateway = make(venue, events, messages=RateWindow(4))
    async with running(gateway):
        await events.until(Subscribed, 2)
        for post_id in (1, 2, 3):
            gateway.post(post_id, b"{}")
        await events.until(PostSent, 2)
    assert events.of(PostNotSent) == [PostNotSent(3, "4 messages a minute are used up")]


async def test_a_write_that_blocks_ends_the_connection_and_its_outcome_stays_open(events: Events) -> None:
    """The other end reads the handshake and then nothing: the bytes are handed over, whether they arrive nobody knows."""
    accepted: list[asyncio.StreamReader] = []

    async def handshake_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from websockets.utils import accept_key

        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\r\n\r\n"
        )
        accepted.append(reader)
        writer.transport.pause_reading()  # type: ignore[attr-defined]

    server = await asyncio.start_server(handshake_only, "127.0.0.1", 0, limit=1024)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
    times = GatewayTimes(link=LinkTimes(send_within_s=0.2), retry_first_s=5, close_within_s=0.1)
    gateway = Gateway(url, "", events.put, SystemClock(), times=times)
    async with running(gateway):
        await events.until(Connected)
        gateway.post(1, b'"' + b"x" * 20_000_000 + b'"')
        gateway.post(2, b"{}")
        assert (await events.until(Disconnected)).reason == "a message did not leave within 0.2 s"
    assert events.of(PostSent) == [PostSent(1)]
    assert events.of(PostNotSent) == [PostNotSent(2, "connection lost before it was written")]
    assert events.index(events.of(PostNotSent)[0]) < events.index(events.of(Disconnected)[0])
    server.close()


async def test_what_does_not_fit_the_socket_at_once_is_finished_in_order(venue: Venue, events: Events) -> None:
    gateway = make(venue, events)
    async with running(gateway):
        await events.until(Subscribed, 2)
        gateway.post(1, b'"' + b"x" * 8_000_000 + b'"')
        gateway.post(2, b"{}")
        gateway.subscribe((SNDK,))
        await events.until(Subscribed, 4)
        await events.until(PostReply, 2)
    assert [m.get("id", "subscribe") for m in venue.received[2:]] == [1, 2, "subscribe", "subscribe"]
    assert [len(m["request"]["payload"]) for m in venue.of_method("post")] == [8_000_000, 0]
    assert events.of(PostSent) == [PostSent(1), PostSent(2)]


async def test_a_connection_that_is_closing_takes_no_post(venue: Venue, events: Events) -> None:
    gateway = make(venue, events)
    async with running(gateway):
        await events.until(Subscribed, 2)
        venue.drop_all()
        gateway.post(1, b"{}")
        await events.until(Disconnected)
        answers = [e for e in events if isinstance(e, (PostSent, PostNotSent))]
        assert len(answers) == 1, "answered exactly once, one way or the other"
