"""A socket whose reads and writes keep the interpreter.

Python lets go of the interpreter for every call on a socket, also for one that cannot wait. While the console draws it is taken at once,
and the engine's thread stands behind it for a millisecond or more: between the bytes of a quote and its parsing, and between an order's
bytes and the next word of the engine. Here `recv`, `recv_into` and `send` of a socket that never waits are made through `ctypes.PyDLL`,
which keeps it: some ten microseconds each. Everything else, and everything on a system without that library, goes Python's own way
with equal results. Easy to get wrong: a socket that may wait would stop the whole program here, so only one that may not goes the short way.

DESIGN "Hosting".
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
from collections.abc import Callable
from typing import Any

CHUNK = 1 << 16
"""Bytes of one read at most; what is left is read in the next turn of the loop."""
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)
"""Python ignores the signal as well; whoever hosts us might not."""

Call = Callable[[int, Any, int, int], int]


def _functions() -> tuple[Call, Call] | None:
    """`recv` and `send` of the C library; None where it is not as expected."""
    try:
        library = ctypes.PyDLL(None, use_errno=True)
        recv, send = library.recv, library.send
    except (OSError, AttributeError, TypeError):
        return None
    recv.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    send.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
    recv.restype = send.restype = ctypes.c_ssize_t
    return recv, send


FUNCTIONS = _functions()


class QuickSocket(socket.socket):
    """Errors and results are those of the class it stands for."""

    _chunk: Any = None

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        if FUNCTIONS is None or self.gettimeout() != 0.0:
            return super().recv(bufsize, flags)
        if self._chunk is None:
            self._chunk = ctypes.create_string_buffer(CHUNK)
        count = _checked(FUNCTIONS[0](self.fileno(), self._chunk, min(bufsize, CHUNK), flags))
        return bytes(memoryview(self._chunk)[:count])

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        if FUNCTIONS is None or self.gettimeout() != 0.0:
            return super().recv_into(buffer, nbytes, flags)
        size = nbytes or len(buffer)
        place = (ctypes.c_char * size).from_buffer(buffer)
        return _checked(FUNCTIONS[0](self.fileno(), place, size, flags))

    def send(self, data: Any, flags: int = 0, /) -> int:
        if FUNCTIONS is None or type(data) is not bytes or self.gettimeout() != 0.0:
            return super().send(data, flags)
        return _checked(FUNCTIONS[1](self.fileno(), data, len(data), flags | _NO_SIGNAL))


def _checked(count: int) -> int:
    if count >= 0:
        return count
    number = ctypes.get_errno()
    raise OSError(
        number, os.strerror(number)
    )  # Python makes the right kind of it: BlockingIOError, ConnectionResetError ...


async def connect_to(host: str, port: int) -> QuickSocket:
    """A connection to the first address of the host that takes one. No limit of its own.

    Raises:
        OSError: No address is known, or none took it; the last one's reason.
    """
    loop = asyncio.get_running_loop()
    error: OSError = OSError(f"no address of {host} is known")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = QuickSocket(family, kind, protocol)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, address)
        except OSError as e:
            sock.close()
            error = e
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise error
