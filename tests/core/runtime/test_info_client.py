"""The info client against a small HTTP server in the same process: every query gets one answer, in rank order, within limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from core.messages.events import (
    FeesRead,
    OpenOrdersRead,
    OrderStatusRead,
    PositionsRead,
    RateLimitRead,
    ReadFailed,
    ServerTimeRead,
    SpecsRead,
)
from core.messages.queries import (
    Query,
    QueryBook,
    QueryFees,
    QueryFills,
    QueryFunding,
    QueryOpenOrders,
    QueryOrderStatus,
    QueryPositions,
    QueryRateLimit,
    QueryServerTime,
    QuerySpecs,
)
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.runtime import info_client as info_client_module
from core.runtime.clock import ManualClock, SystemClock
from core.runtime.info_client import InfoClient, InfoTimes
from core.runtime.rate_window import RateWindow

GOLDEN = Path(__file__).parents[2] / "golden" / "messages"
CLOID = Cloid("0xa1f0cddc000000000000000000000001")
FILES = {
    "perpDexs": "perp_dexs",
    "meta": "meta_xyz",
    "clearinghouseState": "clearinghouse_state",
    "openOrders": "open_orders",
    "orderStatus": "order_status",
    "userFillsByTime": "user_fills_by_time",
    "userFunding": "user_funding",
    "l2Book": "l2_book",
    "userRateLimit": "user_rate_limit",
    "userFees": "user_fees",
    "exchangeStatus": "exchange_status",
}

Answer = Callable[[dict[str, Any]], Awaitable[web.StreamResponse | None]]


class Venue:
    """Answers with the recorded bodies; a test may answer differently."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: Answer | None = None
        self.under_way = 0
        self.most_under_way = 0
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            special = await self.answer(body) if self.answer else None
        finally:
            self.under_way -= 1
        if special is not None:
            return special
        return web.json_response(json.loads((GOLDEN / f"info_{FILES[body['type']]}.json").read_text()))

    @property
    def types(self) -> list[str]:
        return [b["type"] for b in self.asked]


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    venue = Venue()
    app = web.Application()
    app.router.add_post("/info", venue.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    venue.url = f"http://127.0.0.1:{runner.addresses[0][1]}/info"
    yield venue
    await runner.cleanup()


class Events(list[Any]):
    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    def put(self, event: Any) -> None:
        self.append(event)
        self._news.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self) < count:
                self._news.clear()
                await self._news.wait()


@pytest.fixture
async def events() -> Events:
    return Events()


@asynccontextmanager
async def asking(url: str, events: Events, *queries: Query, clock: Any = None, **kw: Any) -> AsyncIterator[InfoClient]:
    """A running client that was asked these before it began."""
    client = InfoClient(url, "0xabc", events.put, clock or SystemClock(), **kw)
    for query in queries:
        client.ask(query)
    task = asyncio.create_task(client.run())
    try:
        yield client
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_every_query_gets_its_answer(venue: Venue, events: Events) -> None:
    queries: list[Query] = [
        QuerySpecs("xyz"),
        QueryPositions("xyz"),
        QueryOpenOrders("xyz"),
        QueryOrderStatus(CLOID),
        QueryFills(5),
        QueryBook(MarketKey("xyz", "SNDK")),
        QueryFunding(5),
        QueryRateLimit(),
        QueryFees(),
        QueryServerTime(),
    ]
    async with asking(venue.url, events, *queries):
        await events.until(10)
    kinds = sorted(type(e).__name__ for e in events)
    assert kinds == sorted(
        [
            "SpecsRead",
            "PositionsRead",
            "OpenOrdersRead",
            "OrderStatusRead",
            "FillsRead",
            "FundingRead",
            "Bbo",
            "RateLimitRead",
            "FeesRead",
            "ServerTimeRead",
        ]
    )
    assert {b["user"] for b in venue.asked if "user" in b} == {"0xabc"}


async def test_specs_ask_for_the_dexes_and_the_dex(venue: Venue, events: Events) -> None:
    async with asking(venue.url, events, QuerySpecs("xyz")):
        await events.until(1)
    assert venue.asked == [{"type": "perpDexs"}, {"type": "meta", "dex": "xyz"}]
    assert isinstance(events[0], SpecsRead)


async def test_what_exits_wait_for_goes_first(venue: Venue, events: Events) -> None:
    queries = [QueryFees(), QueryRateLimit(), QueryOpenOrders("xyz"), QueryPositions("xyz"), QueryOrderStatus(CLOID)]
    async with asking(venue.url, events, *queries, max_concurrent=1):
        await events.until(5)
    assert [type(e) for e in events] == [PositionsRead, OrderStatusRead, OpenOrdersRead, FeesRead, RateLimitRead]


async def test_concurrency_is_bounded(venue: Venue, events: Events) -> None:
    gate = asyncio.Event()

    async def wait(body: dict[str, Any]) -> None:
        if venue.under_way == 3:
            gate.set()
        await gate.wait()

    venue.answer = wait  # type: ignore[assignment]
    async with asking(venue.url, events, *[QueryPositions("xyz")] * 12, max_concurrent=3):
        await events.until(12)
    assert venue.most_under_way == 3


async def test_exits_use_the_weight_the_others_must_leave(venue: Venue, events: Events) -> None:
    weights = RateWindow(1200)
    clock = ManualClock()
    weights.take(clock.now_ms(), 990)
    queries = [QueryFees(), QueryOpenOrders("xyz"), QueryPositions("xyz")]
    async with asking(venue.url, events, *queries, clock=clock, weights=weights) as client:
        await events.until(1)
        await asyncio.sleep(0.05)
        assert [type(e) for e in events] == [PositionsRead]
        client.ask(QueryOrderStatus(CLOID))
        await events.until(2)
        assert isinstance(events[1], OrderStatusRead)
    assert venue.types == ["clearinghouseState", "orderStatus"]


async def test_a_query_that_waits_too_long_for_its_turn_fails(venue: Venue, events: Events) -> None:
    weights = RateWindow(1200)
    clock = SystemClock()
    weights.take(clock.now_ms(), 1200)
    times = InfoTimes(wait_at_most_s=0.05)
    async with asking(venue.url, events, QueryFees(), clock=clock, weights=weights, times=times):
        await events.until(1)
    assert events == [ReadFailed(QueryFees(), "waited 0.05 s for its turn")]


async def test_what_was_asked_on_an_earlier_connection_is_not_answered_on_the_next(
    venue: Venue, events: Events
) -> None:
    """Such an answer would be taken for that of the same question, asked anew."""
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(body: dict[str, Any]) -> web.StreamResponse | None:
        arrived.set()
        await go_on.wait()
        return None

    venue.answer = slowly
    async with asking(venue.url, events, QueryOpenOrders("xyz"), max_concurrent=1) as client:
        async with asyncio.timeout(5):
            await arrived.wait()
        client.ask(QueryFees())  # still in line
        client.forget()
        client.ask(QueryPositions("xyz"))
        go_on.set()
        await events.until(1)
        client.ask(QueryRateLimit())
        await events.until(2)
    assert [type(e) for e in events] == [PositionsRead, RateLimitRead]


async def test_the_line_is_bounded(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(info_client_module, "MAX_WAITING", 2)
    client = InfoClient("http://127.0.0.1:1/info", "0xabc", events.put, SystemClock())
    for _ in range(3):
        client.ask(QueryFees())
    assert events == [ReadFailed(QueryFees(), "2 queries are waiting already")]


async def test_long_answers_weigh_more(venue: Venue, events: Events) -> None:
    one = json.loads((GOLDEN / "info_user_fills_by_time.json").read_text())[0]

    async def many(body: dict[str, Any]) -> web.Response:
        return web.json_response([{**one, "tid": i} for i in range(200)])

    venue.answer = many
    weights = RateWindow(1200)
    clock = ManualClock()
    async with asking(venue.url, events, QueryFills(1), clock=clock, weights=weights):
        await events.until(1)
    assert weights.used(clock.now_ms()) == 20 + 10


async def test_l39_a_call_that_hangs_is_given_up(venue: Venue, events: Events) -> None:
    async def hang(body: dict[str, Any]) -> None:
        await asyncio.sleep(30)

    venue.answer = hang  # type: ignore[assignment]
    async with asking(venue.url, events, QueryPositions("xyz"), times=InfoTimes(answer_within_s=0.1)):
        await events.until(1)
    assert events == [ReadFailed(QueryPositions("xyz"), "no answer within 0.1 s")]


async def test_nobody_listening(events: Events) -> None:
    async with asking("http://127.0.0.1:9/info", events, QueryFees()):
        await events.until(1)
    (failed,) = events
    assert isinstance(failed, ReadFailed)
    assert failed.query == QueryFees()
    assert "ClientConnectorError" in failed.reason


@pytest.mark.parametrize(
    ("status", "text", "part"),
    [
        (500, "null", "HTTP 500: 'null'"),
        (502, "<html>Bad Gateway</html>", "HTTP 502"),
        (422, "Failed to deserialize", "HTTP 422: 'Failed to deserialize'"),
        (302, "", "HTTP 302"),
        (200, "null", "makes no sense"),
        (200, "", "makes no sense"),
        (200, '{"assetPositions":[]}', "makes no sense"),
    ],
)
async def test_a_failed_read_is_not_an_empty_read(
    venue: Venue, events: Events, status: int, text: str, part: str
) -> None:
    async def broken(body: dict[str, Any]) -> web.Response:
        return web.Response(status=status, text=text, headers={"Location": "/info"} if status == 302 else None)

    venue.answer = broken
    async with asking(venue.url, events, QueryPositions("xyz")):
        await events.until(1)
    assert isinstance(events[0], ReadFailed)
    assert part in events[0].reason
    assert len(venue.asked) == 1


async def test_an_answer_without_an_end_is_cut_off(
    venue: Venue, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(info_client_module, "MAX_BODY_BYTES", 100_000)

    async def endless(body: dict[str, Any]) -> web.Response:
        return web.Response(body=b" " * 1_000_000)

    venue.answer = endless
    async with asking(venue.url, events, QueryFees()):
        await events.until(1)
    assert events == [ReadFailed(QueryFees(), "answer longer than 100000 bytes")]


async def test_after_a_429_it_pauses_and_then_goes_on(
    venue: Venue, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(info_client_module, "_PAUSE_AFTER_429_S", 0.15)

    async def once(body: dict[str, Any]) -> web.Response | None:
        return web.Response(status=429, text="slow down") if len(venue.asked) == 1 else None

    venue.answer = once
    loop = asyncio.get_running_loop()
    async with asking(venue.url, events, QueryFees()) as client:
        await events.until(1)
        paused_at = loop.time()
        assert events[0].reason == "HTTP 429: the 1200 that one address may ask in a minute are used up"
        client.ask(QueryFees())
        await events.until(2)
    assert isinstance(events[1], FeesRead)
    assert loop.time() - paused_at >= 0.14


async def test_the_servers_time_is_held_against_our_clock_half_way(venue: Venue, events: Events) -> None:
    clock = ManualClock(1_000_000)

    async def slow(body: dict[str, Any]) -> None:
        clock.advance(400 if len(venue.asked) == 1 else 4000)

    venue.answer = slow  # type: ignore[assignment]
    async with asking(venue.url, events, QueryServerTime(), clock=clock) as client:
        await events.until(1)
        client.ask(QueryServerTime())
        await events.until(2)
    assert events[0] == ServerTimeRead(1790232237140, 1_000_200)
    assert isinstance(events[1], ReadFailed)
    assert "too long to tell the time" in events[1].reason


async def test_environment_proxies_are_ignored(venue: Venue, events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    async with asking(venue.url, events, QueryFees()):
        await events.until(1)
    assert isinstance(events[0], FeesRead)
