"""A socket that keeps the interpreter is a socket like any other: same bytes, same errors; only who gets the interpreter differs."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from core.runtime import quick_socket
from core.runtime.quick_socket import CHUNK, QuickSocket, connect_to

Pair = tuple[QuickSocket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """One of ours that never waits, and a plain one at the other end."""
    server = socket.create_server(("127.0.0.1", 0))
    ours = QuickSocket(socket.AF_INET, socket.SOCK_STREAM)
    ours.connect(server.getsockname())
    other, _ = server.accept()
    other.settimeout(30)
    ours.setblocking(False)
    with server, ours, other:
        yield ours, other


def readable(sock: socket.socket) -> None:
    assert select.select([sock], [], [], 30)[0]


def test_what_is_sent_arrives_and_the_other_way_round(pair: Pair) -> None:
    ours, other = pair
    assert ours.send(b"order\x00\xff") == 7
    assert other.recv(100) == b"order\x00\xff"
    other.sendall(b"fill\x00")
    readable(ours)
    assert ours.recv(3) == b"fil"
    assert ours.recv(100) == b"l\x00"


def test_into_a_buffer_as_tls_reads(pair: Pair) -> None:
    ours, other = pair
    other.sendall(b"abcde")
    readable(ours)
    buffer = bytearray(b"........")
    assert ours.recv_into(memoryview(buffer)[1:5]) == 4
    assert buffer == b".abcd..."
    assert ours.recv_into(buffer, 1) == 1
    assert buffer == b"eabcd..."


def test_nothing_there_is_said_as_ever(pair: Pair) -> None:
    ours, _ = pair
    for read in (lambda: ours.recv(10), lambda: ours.recv_into(bytearray(10))):
        with pytest.raises(BlockingIOError):
            read()


def test_a_full_buffer_takes_a_part_and_then_nothing(pair: Pair) -> None:
    ours, _ = pair
    data = bytes(64 << 20)
    first = ours.send(data)
    assert 0 < first < len(data)
    with contextlib.suppress(BlockingIOError):
        while True:
            assert ours.send(data) > 0
    with pytest.raises(BlockingIOError):
        ours.send(data)


def test_the_end_is_empty_and_a_closed_one_is_an_error(pair: Pair) -> None:
    ours, other = pair
    other.shutdown(socket.SHUT_WR)
    readable(ours)
    assert ours.recv(10) == b""
    ours.close()
    with pytest.raises(OSError, match="descriptor"):
        ours.send(b"x")


def test_a_reset_is_an_error_of_its_own_kind(pair: Pair) -> None:
    ours, other = pair
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other.close()
    readable(ours)
    with pytest.raises(ConnectionResetError):
        ours.recv(10)


def test_a_long_message_comes_in_pieces(pair: Pair) -> None:
    ours, other = pair
    data = bytes(range(256)) * (CHUNK // 64)
    sender = threading.Thread(target=other.sendall, args=(data,))
    sender.start()
    got = b""
    while len(got) < len(data):
        readable(ours)
        piece = ours.recv(1 << 20)
        assert 0 < len(piece) <= CHUNK
        got += piece
    sender.join()
    assert got == data


def test_one_that_may_wait_waits_without_stopping_the_program(pair: Pair) -> None:
    """Through the library it would hold the interpreter, and the thread that answers would never run."""
    ours, other = pair
    ours.settimeout(30)
    answering = threading.Timer(0.05, other.sendall, (b"late",))
    answering.start()
    assert ours.recv(10) == b"late"
    answering.join()


@pytest.mark.parametrize("data", [bytearray(b"abc"), memoryview(b"abc")])
def test_other_kinds_of_bytes_go_pythons_way(pair: Pair, data: bytearray) -> None:
    ours, other = pair
    assert ours.send(data) == 3
    assert other.recv(10) == b"abc"


def test_without_the_library_everything_is_the_same(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick_socket, "FUNCTIONS", None)
    test_what_is_sent_arrives_and_the_other_way_round(pair)
    test_into_a_buffer_as_tls_reads(pair)
    test_nothing_there_is_said_as_ever(pair)


def another_thread_came_to_run(work: Callable[[], object], times: int) -> bool:
    """Whether a thread that wants nothing but the interpreter got it while this one worked, and nobody took it away by force."""
    count, go_on = [0], [True]

    def run() -> None:
        while go_on[0]:
            count[0] += 1
            select.select([], [], [], 0)  # gives it back

    other = threading.Thread(target=run)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    other.start()
    while not count[0]:
        select.select([], [], [], 0.001)
    sys.setswitchinterval(60)
    try:
        select.select([], [], [], 0.05)  # its last wait was begun before, and is a short one
        began = count[0]
        for _ in range(times):
            work()
            if count[0] != began:
                return True
        return False
    finally:
        sys.setswitchinterval(before)
        go_on[0] = False
        other.join()


@pytest.mark.skipif(quick_socket.FUNCTIONS is None, reason="without the library it goes Python's way")
def test_the_interpreter_is_kept(pair: Pair) -> None:
    ours, _ = pair

    def read(sock: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            sock.recv(10)

    assert not another_thread_came_to_run(lambda: read(ours), 2_000)
    with socket.socket(fileno=socket.dup(ours.fileno())) as plain:
        plain.setblocking(False)
        assert another_thread_came_to_run(lambda: read(plain), 2_000_000)


# --- connecting -----------------------------------------------------------------------------------------------------------


async def test_it_connects_by_name_and_never_waits() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        await connect_to("localhost", server.getsockname()[1]) as sock,
    ):
        assert sock.gettimeout() == 0
        assert sock.getpeername() == server.getsockname()


async def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as gone:
        refusing = gone.getsockname()
        gone.close()
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in (refusing, server.getsockname())
        ]

        async def getaddrinfo(*_: object, **__: object) -> object:
            return addresses

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
        with await connect_to("both", 1) as sock:
            assert sock.getpeername() == server.getsockname()
        addresses.pop()
        with pytest.raises(ConnectionRefusedError):
            await connect_to("one", 1)
        addresses.clear()
        with pytest.raises(OSError, match="no address of none is known"):
            await connect_to("none", 1)


async def test_a_name_that_is_not_known_says_so() -> None:
    with pytest.raises(OSError, match=r"\w"):
        await connect_to("no-such-host.invalid", 1)
