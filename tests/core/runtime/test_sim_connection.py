"""A client that does not read its socket: what waits for it is bounded in frames and in characters, and then it is cut."""

from __future__ import annotations

import asyncio

import pytest

from core.runtime.sim_connection import MAX_WAITING_CHARS, MAX_WAITING_FRAMES, Connection


class Transport:
    is_cut = False

    def abort(self) -> None:
        self.is_cut = True


class Socket:
    """Takes frames when it is let."""

    def __init__(self) -> None:
        self.taken = asyncio.Queue()

    async def send_str(self, text):
        self.taken.put_nowait(text)


@pytest.fixture
def transport():
    return Transport()


def test_many_small_frames(transport):
    connection = Connection(Socket(), transport)
    for _ in range(MAX_WAITING_FRAMES):
        connection.send("x")
    assert not transport.is_cut
    connection.send("x")
    assert transport.is_cut
    assert connection.is_over


def test_few_large_frames(transport):
    connection = Connection(Socket(), transport)
    frame = "x" * (MAX_WAITING_CHARS // 4)
    for _ in range(4):
        connection.send(frame)
    assert not transport.is_cut
    connection.send("x")
    assert transport.is_cut


async def test_what_was_read_does_not_wait_any_more(transport):
    socket = Socket()
    connection = Connection(socket, transport)
    writer = asyncio.create_task(connection.write_all())
    frame = "x" * (MAX_WAITING_CHARS // 2)
    for _ in range(5):
        connection.send(frame)
        assert await asyncio.wait_for(socket.taken.get(), 30) == frame
    assert not transport.is_cut
    writer.cancel()
