"""Plain HTTP against a small server in the same process: one answer or NoAnswer, and the same bytes again where nothing is known."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from core.runtime import venue_http as venue_http_module
from core.runtime.clock import SystemClock
from core.runtime.venue_http import HttpTimes, NoAnswer, VenueHttp, exchange_url_of

OK = '{"status":"ok","response":{"type":"default"}}'
DUPLICATE = '{"status":"err","response":"Invalid nonce: duplicate nonce 5"}'
Answer = Callable[[bytes], Awaitable[web.StreamResponse]]


class Server:
    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.answers: list[Answer] = []
        self.pauses: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.received.append((request.path, body))
        answer = self.answers.pop(0) if self.answers else say(OK)
        return await answer(body)


def say(text: str, status: int = 200) -> Answer:
    async def answer(body: bytes) -> web.StreamResponse:
        return web.Response(text=text, status=status)

    return answer


async def silence(body: bytes) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[VenueHttp]:
    app = web.Application()
    app.router.add_post("/{road}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    times = HttpTimes(connect_within_s=1, answer_within_s=0.2)
    try:
        async with VenueHttp(
            f"http://127.0.0.1:{port}/info", SystemClock(), times=times, on_pause=server.pauses.append
        ) as http:
            yield http
    finally:
        await runner.cleanup()


def test_actions_go_beside_the_questions() -> None:
    assert exchange_url_of("https://api.hyperliquid.xyz/info") == "https://api.hyperliquid.xyz/exchange"


async def test_a_question_and_its_answer() -> None:
    server = Server()
    async with serving(server) as http:
        assert await http.info({"type": "perpDexs"}) == OK.encode()
    (path, body), *_ = server.received
    assert (path, json.loads(body)) == ("/info", {"type": "perpDexs"})


@pytest.mark.parametrize("answer", [silence, say("null", 500), say("<html>", 502), say("slow", 422)])
async def test_a_question_without_an_answer(answer: Answer) -> None:
    server = Server()
    server.answers = [answer]
    async with serving(server) as http:
        with pytest.raises(NoAnswer):
            await http.info({"type": "perpDexs"})


async def test_nobody_there() -> None:
    async with VenueHttp("http://127.0.0.1:9/info", SystemClock()) as http:
        with pytest.raises(NoAnswer):
            await http.info({"type": "perpDexs"})
        with pytest.raises(NoAnswer, match="3 times"):
            await http.exchange(b"{}")


async def test_the_same_bytes_again_until_there_is_an_answer() -> None:
    server = Server()
    server.answers = [silence, say("<html>", 502), say(OK)]
    async with serving(server) as http:
        assert await http.exchange(b'{"signed":1}') == OK.encode()
    assert server.received == [("/exchange", b'{"signed":1}')] * 3


async def test_duplicate_nonce_for_bytes_sent_again_means_they_had_arrived() -> None:
    server = Server()
    server.answers = [silence, say(DUPLICATE)]
    async with serving(server) as http:
        with pytest.raises(NoAnswer, match="had arrived before"):
            await http.exchange(b"{}")


async def test_duplicate_nonce_for_new_bytes_is_an_answer() -> None:
    server = Server()
    server.answers = [say(DUPLICATE)]
    async with serving(server) as http:
        assert await http.exchange(b"{}") == DUPLICATE.encode()
    assert len(server.received) == 1


async def test_what_was_not_understood_is_not_said_again() -> None:
    server = Server()
    server.answers = [say("Failed to deserialize", 422)]
    async with serving(server) as http:
        assert await http.exchange(b"{}") == b"Failed to deserialize"
    assert len(server.received) == 1


async def test_429_holds_up_everything_for_a_while_and_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venue_http_module, "_PAUSE_S", 0.3)
    server = Server()
    server.answers = [say("Too Many Requests", 429), say(OK)]
    clock = SystemClock()
    async with serving(server) as http:
        http._pause_s = 0.3
        with pytest.raises(NoAnswer, match="429"):
            await http.info({"type": "meta"})
        begun = clock.monotonic()
        await asyncio.gather(http.info({"type": "meta"}), http.exchange(b"{}"))
        assert clock.monotonic() - begun >= 0.25
    assert server.pauses == ["HTTP 429: this machine asks too much; waiting 0.3 s"]


async def test_an_answer_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venue_http_module, "MAX_BODY_BYTES", 1000)
    server = Server()
    server.answers = [say("x" * 2000)]
    async with serving(server) as http:
        with pytest.raises(NoAnswer, match="longer than 1000 bytes"):
            await http.info({"type": "meta"})
