"""The fast lane against a real server of the library: order, fragments, and what is left to `recv`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidState

from core.runtime.feed_connection import FeedConnection


@pytest.fixture
async def pair() -> AsyncIterator[tuple[FeedConnection, ServerConnection]]:
    """Our end and the server's end of one connection."""
    theirs: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()

    async def handle(ws: ServerConnection) -> None:
        theirs.set_result(ws)
        await ws.wait_closed()

    async with serve(handle, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        ours = await connect(
            f"ws://127.0.0.1:{port}/", create_connection=FeedConnection, compression=None, max_queue=None, proxy=None
        )
        assert isinstance(ours, FeedConnection)
        yield ours, await theirs
        await ours.close()


class Lane:
    """Takes what it is offered as long as it is open."""

    def __init__(self) -> None:
        self.is_open = True
        self.taken: list[bytes] = []
        self.changed = asyncio.Event()

    def take(self, message: bytes) -> bool:
        if self.is_open:
            self.taken.append(message)
            self.changed.set()
        return self.is_open

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.taken) < count:
                self.changed.clear()
                await self.changed.wait()


async def test_whole_texts_are_taken_at_once_and_in_order(pair: tuple[FeedConnection, ServerConnection]) -> None:
    ours, theirs = pair
    lane = Lane()
    ours.take_frame = lane.take
    for i in range(50):
        await theirs.send(f"text {i}")
    await lane.until(50)
    assert lane.taken == [b"text %d" % i for i in range(50)]


async def test_without_a_taker_and_for_what_it_leaves_the_library_delivers(
    pair: tuple[FeedConnection, ServerConnection],
) -> None:
    ours, theirs = pair
    await theirs.send("first")
    lane = Lane()
    lane.is_open = False
    async with asyncio.timeout(5):
        assert await ours.recv(decode=False) == b"first"
        ours.take_frame = lane.take
        await theirs.send("second")
        assert await ours.recv(decode=False) == b"second"


async def test_nothing_is_taken_past_a_message_that_waits(pair: tuple[FeedConnection, ServerConnection]) -> None:
    ours, theirs = pair
    lane = Lane()
    lane.is_open = False
    ours.take_frame = lane.take
    async with asyncio.timeout(5):
        await theirs.send("waits")
        await (await theirs.ping())  # answered: our end has read everything before it
        lane.is_open = True
        await theirs.send("behind it")
        await (await theirs.ping())
        assert lane.taken == []
        assert [await ours.recv(decode=False), await ours.recv(decode=False)] == [b"waits", b"behind it"]


async def test_a_message_in_fragments_is_put_together_by_the_library(
    pair: tuple[FeedConnection, ServerConnection],
) -> None:
    ours, theirs = pair
    lane = Lane()
    ours.take_frame = lane.take
    await theirs.send(["in ", "three ", "parts"])
    async with asyncio.timeout(5):
        assert await ours.recv(decode=False) == b"in three parts"
        await theirs.send("whole")
    await lane.until(1)
    assert lane.taken == [b"whole"]


async def test_what_is_written_arrives_as_text_and_a_closed_connection_takes_nothing(
    pair: tuple[FeedConnection, ServerConnection],
) -> None:
    ours, theirs = pair
    assert ours.write_text(b'{"method":"ping"}')
    async with asyncio.timeout(5):
        assert await theirs.recv() == '{"method":"ping"}'
    await ours.close()
    with pytest.raises(InvalidState):
        ours.write_text(b"too late")
