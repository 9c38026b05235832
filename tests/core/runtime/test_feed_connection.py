"""The fast lane against a real server of the library: order, fragments, and what is left to `recv`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidState, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from core.runtime.feed_connection import MASK_BYTES, MASKS_AHEAD, FeedConnection, Masks, text_frame


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


def parsed(data: bytes) -> Frame:
    """What the library's own reader makes of it, as a server's."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    parsing = Frame.parse(reader.read_exact, mask=True)
    with pytest.raises(StopIteration) as done:
        next(parsing)
    frame: Frame = done.value.value
    return frame


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 70_001])
def test_a_frame_of_any_length_is_read_by_the_library(length: int) -> None:
    message = bytes(ord("a") + i % 26 for i in range(length))
    assert parsed(text_frame(message, b"\x01\x80\x7f\xfe")) == Frame(Opcode.TEXT, message)


@given(st.binary(max_size=300), st.binary(min_size=MASK_BYTES, max_size=MASK_BYTES))
def test_bytes_are_those_that_the_library_reads_back(message: bytes, mask: bytes) -> None:
    frame = text_frame(message, mask)
    assert parsed(frame) == Frame(Opcode.TEXT, message)
    assert frame[-len(message) - MASK_BYTES :][:MASK_BYTES] == mask


def test_a_mask_is_given_out_once_and_the_system_is_asked_for_a_thousand_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    real = os.urandom

    def urandom(count: int) -> bytes:
        asked.append(count)
        return real(count)

    monkeypatch.setattr(os, "urandom", urandom)
    masks = Masks()
    given_out = [masks.next() for _ in range(MASKS_AHEAD)]
    assert asked == [MASK_BYTES * MASKS_AHEAD]
    assert {len(mask) for mask in given_out} == {MASK_BYTES}
    # A thousand of four random bytes: two equal ones happen once in ten thousand runs, three pairs never.
    assert len(set(given_out)) > MASKS_AHEAD - 3
    later = [masks.next() for _ in range(MASKS_AHEAD)]
    assert len(asked) == 2
    assert later != given_out


async def test_writing_an_order_does_not_ask_the_system_for_random_bytes(
    pair: tuple[FeedConnection, ServerConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking lets go of the interpreter, between the signature and the socket."""
    ours, theirs = pair
    asked: list[int] = []

    def ask(count: int) -> bytes:
        asked.append(count)
        return bytes(count)

    with monkeypatch.context() as patch:
        patch.setattr(os, "urandom", ask)
        patch.setattr("secrets.token_bytes", ask)
        for i in range(100):
            assert ours.write_text(b"order %d" % i)
    assert asked == []
    async with asyncio.timeout(5):
        assert [await theirs.recv() for _ in range(100)] == [f"order {i}" for i in range(100)]


async def test_in_the_middle_of_a_message_in_parts_nothing_else_is_written(
    pair: tuple[FeedConnection, ServerConnection],
) -> None:
    ours, _ = pair
    ours.protocol.send_text(b"the first part", fin=False)
    with pytest.raises(ProtocolError):
        ours.write_text(b"an order")
