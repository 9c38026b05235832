"""Lessons about connections that are dead, silent, killed or slow, and about time that passes without us. One story each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from engine_rig import NVDA, D, Rig, make_config, order_of
from lesson_console import console
from lesson_stage import ME, SNDK, WireStage

from core.config import ExecutionConfig, SimConfig
from core.messages.commands import Shutdown
from core.messages.effects import Alert, Ask, Finished, PersistLatch, Reconnect
from core.messages.events import Connected, Disconnected, ReadFailed, Subscribed, Tick, TimeJump
from core.messages.queries import (
    QueryBook,
    QueryFills,
    QueryOpenOrders,
    QueryOrderStatus,
    QueryPositions,
    QueryServerTime,
    QuerySpecs,
)
from core.messages.snapshot import ConnectionPhase, TradingState
from core.model.market import MarketKey
from core.model.order import OrderStatus
from core.model.position import ExitReason
from core.runtime.clock import SystemClock
from core.runtime.gateway import Gateway, GatewayTimes
from core.runtime.info_client import InfoClient, InfoTimes
from core.runtime.link import LinkTimes
from core.runtime.sim_server import SimServer
from core.sim.session import IDLE_MS

REST = D("0.1")
QUICK = GatewayTimes(link=LinkTimes(ping_every_s=60), retry_first_s=0.01, retry_most_s=0.05, close_within_s=0.2)
ALL_QUERIES: set[type] = {
    QueryBook,
    QueryFills,
    QueryOpenOrders,
    QueryOrderStatus,
    QueryPositions,
    QueryServerTime,
    QuerySpecs,
}


class Inbox(list[Any]):
    """What a gateway or an info client told, with the moment of each."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []
        self._news = asyncio.Event()

    def put(self, event: Any) -> None:
        self.append(event)
        self.at.append(time.monotonic())
        self._news.set()

    async def until(self, kind: type, count: int = 1) -> tuple[Any, float]:
        """The count-th event of a kind, and when it came."""
        async with asyncio.timeout(5):
            while True:
                found = [(e, at) for e, at in zip(self, self.at, strict=True) if isinstance(e, kind)]
                if len(found) >= count:
                    return found[count - 1]
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def connected(times: GatewayTimes = QUICK, account: str = ME) -> AsyncIterator[tuple[SimServer, Gateway, Inbox]]:
    """The shipped gateway on a real socket to the shipped simulator."""
    server, inbox = SimServer(SimConfig(seed=3, latency_min_ms=1, latency_max_ms=3)), Inbox()
    await server.start()
    gateway = Gateway(f"{server.url.replace('http', 'ws')}/ws", account, inbox.put, SystemClock(), times=times)
    running = asyncio.create_task(gateway.run())
    try:
        await inbox.until(Subscribed, 2)
        yield server, gateway, inbox
    finally:
        running.cancel()
        await asyncio.wait([running])
        await server.stop()


# --- silence ------------------------------------------------------------------------------------------------------------------


def test_l23_a_silence_of_half_a_minute_ends_the_connection_and_the_next_one_asks_for_everything() -> None:
    """The socket is open, pings are answered, and not one message of market data comes. Entries stop at once, with the reason on the screen;
    after 30 s the connection is given up, the next one subscribes to all of it anew, and data flows again."""
    stage = WireStage()
    stage.fault("silent_channels", channels=["bbo", "activeAssetCtx"])
    stage.fails = lambda body: body["type"] == "l2Book"
    stage.advance(4_000)
    assert "bbo of xyz:SNDK" in stage.snapshot().ready.missing
    stage.advance(25_000)
    assert stage.effects(Reconnect) == []
    stage.advance(3_000)
    assert [e.reason for e in stage.effects(Reconnect)] == ["no market data for 30 s"]
    assert "no market data for 30 s behind an open socket" in stage.audit("connection")
    stage.control(do="clear_faults")
    stage.fails = lambda body: False
    stage.cut("no market data for 30 s")
    stage.ready()
    assert stage.session is not None
    wanted = {(s.kind, s.coin) for s in stage.session.subscriptions.values()}
    assert {("bbo", "xyz:SNDK"), ("activeAssetCtx", "xyz:SNDK"), ("orderUpdates", None), ("userFills", None)} <= wanted
    assert stage.market(SNDK).ctx_age_ms is not None
    assert stage.snapshot().ready.is_ready


def test_l23_one_channel_that_falls_silent_is_not_hidden_by_another_that_talks() -> None:
    """The touch goes on coming, and the oracle prices of every market stop. Each channel has an age of its own: entries stop after 8 s,
    naming the oracle, and after 30 s the connection is made anew, for this channel speaks every second of its own accord."""
    rig = Rig()
    rig.quotes_live = False
    touch_only(rig, 9_000)
    assert "oracle of xyz:SNDK" in rig.snapshot().ready.missing
    assert rig.effects(Reconnect) == []
    touch_only(rig, 23_000)
    assert [e.reason for e in rig.effects(Reconnect)] == ["no oracle price for 30 s"]


def touch_only(rig: Rig, ms: int) -> None:
    for _ in range(ms // 500):
        for market in rig.m.markets_configured:
            rig.handle(rig.venue.bbo(market, rig.now))
        rig.advance(500)


def test_l23_with_the_accounts_channels_silent_a_trade_is_found_by_asking() -> None:
    """Order updates and fills stop coming, the answers to posts too. Entry and exit are both found by asking, and the trade is complete, with
    its fees and its exit reason."""
    stage = WireStage()
    stage.fault("silent_channels", channels=["orderUpdates", "userFills"])
    stage.fault("lose_reply", count=2)
    stage.enter()
    stage.advance(50_000)
    (trade,) = stage.snapshot().trades
    assert trade.exit_reason is ExitReason.TIME_STOP
    assert trade.fees_usd > 0
    assert stage.held() == {}
    assert stage.snapshot().tally.orders_timed_out == 2


async def test_l24_a_kill_right_after_a_subscribe_names_the_coin_on_the_screen() -> None:
    """On a real socket: a coin that the exchange does not know is subscribed, and the connection is dead without a word. The operator does not
    read "connection lost" but which subscription it was and what the exchange does that for."""
    async with connected() as (_, gateway, inbox):
        gateway.subscribe((MarketKey.parse("xyz:SNKD"),))
        lost, _ = await inbox.until(Disconnected)
    rig = Rig()
    rig.handle(lost)
    shown = rig.snapshot().connection.reason
    assert "xyz:snkd, which was not acknowledged" in shown
    assert "the exchange does this for a market it does not know" in shown
    assert f"lost: {shown}" in rig.audit("connection")


async def test_l25_a_quiet_account_keeps_its_connection() -> None:
    """A socket on which only the account's channels are subscribed, and nothing happens for hours. The exchange drops what it has not written to
    for 60 s; our pings make it write, several times a minute."""
    every_ms = LinkTimes().ping_every_s * 1_000
    assert 15_000 <= every_ms <= 30_000
    stage = WireStage(ready=False)
    stage.connect()
    assert stage.session is not None
    heard = len(stage.heard)
    for _ in range(40):
        stage.now += int(every_ms)
        assert stage.feed.idle(stage.now) == []
        stage._receive('{"method":"ping"}')
    stage._pump()
    assert stage.heard[heard:] == ["pong"] * 40
    stage.now += IDLE_MS
    assert stage.feed.idle(stage.now) == [stage.session], "without pings it would be dropped"

    times = GatewayTimes(link=LinkTimes(ping_every_s=0.03, pong_within_s=1.0))
    async with connected(times) as (server, _, inbox):
        (session,) = server.feed.sessions
        before = session.last_sent_ms
        await asyncio.sleep(0.2)  # a real socket: its own clock has to run
        assert session.last_sent_ms >= before + 100
        assert not [e for e in inbox if isinstance(e, Disconnected)]


# --- drops ---------------------------------------------------------------------------------------------------------------------


async def test_l38_a_connection_that_dies_is_off_the_screen_within_a_second() -> None:
    """The server restarts. The gateway tells at once, well under a second; with that word readiness falls on all four counts, the state is
    HALTED, and the screen says so at its next look. Ready comes back only after everything was read anew."""
    async with connected() as (server, _, inbox):
        cut_at = time.monotonic()
        server.cut_all()
        lost, told_at = await inbox.until(Disconnected)
        assert told_at - cut_at < 1.0
        await inbox.until(Connected, 2)
    rig = Rig()
    async with console(rig) as screen:
        assert "ACTIVE" in await screen.look()
        rig.handle(lost)
        text = await screen.look(250)
    ready = rig.snapshot().ready
    assert not any((ready.md_ready, ready.order_snapshot, ready.fills_snapshot, ready.position_synced))
    assert "HALTED" in text
    assert "RECONNECTING" in text
    assert "ACTIVE" not in text.split("HALTED")[0]
    assert rig.dislocate() is None
    rig.muted = {QueryPositions}
    rig.connect()
    rig.quote()
    rig.advance(1_000)
    assert not rig.snapshot().ready.is_ready
    assert rig.snapshot().connection.phase is ConnectionPhase.SYNCING


def test_l46_one_reconnect_after_fifteen_quiet_hours_stops_reads_and_closes() -> None:
    """A night without a fault, then one drop of half a second with a position open; most of it is gone meanwhile, and no fill tells how. It
    latches, reads what is really held, closes that and nothing more, and stays stopped until the operator has looked."""
    rig = Rig()
    rig.now += 15 * 3_600_000
    rig.ready()
    rig.quote()
    position = rig.open_position()
    effects = rig.disconnect("connection lost without a close frame")
    assert isinstance(effects[0], PersistLatch)
    rig.advance(500)
    rig.venue.held[SNDK] = (REST, position.entry_px)
    asked = len(rig.effects(Ask))
    rig.ready()
    assert {type(e.query) for e in rig.effects(Ask)[asked:]} >= {QueryPositions, QueryOpenOrders, QuerySpecs}
    exit_ = order_of(rig.posts[-1])
    assert (exit_.reduce_only, exit_.size) == (True, REST)
    rig.fill_post(rig.posts[-1])
    rig.advance(2_000)
    stop = rig.snapshot().hard_stop
    assert (stop.tripped, stop.positions_left, stop.orders_left) == (True, 0, 0)
    assert stop.reason == "disconnected: connection lost without a close frame"
    assert [a.title for a in rig.effects(Alert)] == ["HARD STOP", "HARD STOP done"]
    assert rig.dislocate() is None
    assert rig.snapshot().state is TradingState.REDUCING


# --- waits --------------------------------------------------------------------------------------------------------------------------


def test_l39_an_exchange_that_answers_nothing_holds_up_nothing() -> None:
    """From one moment on not a single question and not a single post is answered. The post is given up after 5 s, each question is asked again
    after 15 s, and the orderly stop ends at its own limit and says that nobody confirmed. No wait goes on for ever."""
    rig = Rig()
    rig.open_position()
    rig.muted = set(ALL_QUERIES)
    asked_from = rig.now
    exit_due = rig.now + 30_100
    rig.advance(21_000)
    times = [at for at, e in rig.log if at > asked_from and e == Ask(QueryPositions("xyz"))]
    assert len(times) == 2
    assert 15_000 <= times[1] - times[0] <= 15_500
    rig.advance(exit_due - rig.now + 5_100)
    order = order_of(rig.posts[-1])
    assert (order.reduce_only, rig.order(order).status) == (True, OrderStatus.UNKNOWN)
    stop = Shutdown(command_id="q", reason="operator")
    rig.handle(stop)
    rig.advance(16_000)
    (finished,) = rig.effects(Finished)
    assert not finished.confirmed
    assert finished.text.startswith("NOT CONFIRMED after 15 s: xyz:SNDK buy 0.249")


async def test_l39_a_call_that_hangs_is_a_failed_read_and_not_an_empty_one() -> None:
    """On a real socket: a server takes the question and never answers. The wait ends at its limit as a failure that names the time; the engine
    counts and shows it, and knows no less about its position than before."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # to the end of the connection, which the client brings about
        writer.close()

    inbox, server = Inbox(), await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/info"
    client = InfoClient(url, ME, inbox.put, SystemClock(), times=InfoTimes(answer_within_s=0.15))
    running = asyncio.create_task(client.run())
    try:
        client.ask(QueryPositions("xyz"))
        failed, _ = await inbox.until(ReadFailed)
    finally:
        running.cancel()
        await asyncio.wait([running])
        server.close()
    assert failed == ReadFailed(QueryPositions("xyz"), "no answer within 0.15 s")
    rig = Rig()
    position = rig.open_position()
    rig.handle(failed)
    assert rig.audit("read") == ["QueryPositions failed: no answer within 0.15 s"]
    assert rig.snapshot().tally.errors == 1
    assert rig.position() == position


# --- time without us -------------------------------------------------------------------------------------------------------------------


def test_l41_after_the_lid_was_closed_for_an_hour_nothing_old_is_believed() -> None:
    """The laptop slept with a position open and an entry of another market on its way. On the first tick afterwards the exit leaves, without
    waiting for the resync; the lost entry is looked for; no price from before the sleep makes an entry; and the trail says how long it was."""
    rig = Rig(make_config(execution=ExecutionConfig(max_notional_total=D(200))))
    position = rig.open_position()
    entry = rig.enter(NVDA)
    rig.advance(100)
    rig.now += 3_600_000
    rig.handle(TimeJump(3_600_000))
    asked = len(rig.effects(Ask))
    rig.handle(Tick())
    exit_ = order_of(rig.posts[-1])
    assert (exit_.market, exit_.reduce_only, exit_.size) == (SNDK, True, position.size)
    assert rig.order(order_of(entry)).status is OrderStatus.UNKNOWN
    assert {type(e.query) for e in rig.effects(Ask)[asked:]} >= {QueryPositions, QueryOrderStatus, QueryFills}
    assert "no time passed for us during 3600000 ms; reading everything again" in rig.audit("clock")
    assert any("held for 3600 s, closing it" in text for text in rig.audit("alert"))
    assert len(rig.posts) == 3
    rig.fill_post(rig.posts[-1])
    assert rig.position() is None


def test_l41_an_old_quote_makes_no_entry_after_the_sleep() -> None:
    """Only the oracle price comes after the sleep; the touch on the screen is an hour old. It is shown as never seen, and nothing is bought."""
    rig = Rig()
    rig.muted = {QueryBook}
    rig.now += 3_600_000
    rig.handle(TimeJump(3_600_000))
    rig.handle(rig.ctx(SNDK, D(204)))
    rig.handle(Tick())
    assert rig.market(SNDK).bbo_age_ms is None
    assert rig.posts == []
    assert "bbo" in rig.market(SNDK).gate
