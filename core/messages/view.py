"""What a running program lets its operator's other windows see, and the little they may ask of it: one frame for each snapshot.

A frame is its length in 4 bytes and one value in MessagePack. The program greets first, then sends its newest snapshot again and again; a
viewer sends commands or nothing. Decides which commands those may be; opens no socket. Easy to get wrong: another window is for looking,
and in need for stopping. What adds risk or takes a brake off (reset, resume, orders, leaving) is asked at the console itself.

SPEC 11.
"""

from __future__ import annotations

from functools import cache

import msgspec
from msgspec import Struct

from core.messages.commands import (
    AnyCommand,
    CancelAll,
    CancelExternal,
    CancelOrder,
    FlattenAll,
    FlattenMarket,
    PauseEntries,
    TripHardStop,
)
from core.messages.snapshot import Snapshot

FORMAT = 1
HEAD = 4
"""Bytes of the length before each frame."""
MOST_BYTES = 4 << 20
"""Of one frame. A snapshot is 5 to 50 kB; what claims to be larger than this is no frame of ours."""
MOST_COMMAND_BYTES = 4 << 10
_LONGEST = 300


class Greeting(Struct, frozen=True):
    """The first frame. A viewer of another version of the program cannot read its snapshots, and must say so."""

    version: str
    pid: int
    format: int = FORMAT


class ViewError(ValueError):
    """Bytes that are not what they should be."""


_BRAKES = FlattenAll | FlattenMarket | CancelAll | CancelOrder | CancelExternal | TripHardStop | PauseEntries

_UNREADABLE = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)
"""What broken bytes make the decoder raise; text that is no UTF-8 is a ValueError of Python's own."""

_encoder = msgspec.msgpack.Encoder()


@cache
def _snapshots() -> msgspec.msgpack.Decoder[Snapshot]:
    """Made when first needed: the program that is looked at reads none."""
    return msgspec.msgpack.Decoder(Snapshot)


@cache
def _commands() -> msgspec.msgpack.Decoder[AnyCommand]:
    return msgspec.msgpack.Decoder(_BRAKES)


def frame(value: Greeting | Snapshot | AnyCommand) -> bytes:
    data = _encoder.encode(value)
    return len(data).to_bytes(HEAD, "big") + data


def only_brakes(command: AnyCommand) -> bool:
    """Whether another window may ask for this: it closes, cancels, stops or pauses, and nothing else."""
    return isinstance(command, _BRAKES) and not (isinstance(command, PauseEntries) and not command.paused)


def read_greeting(data: bytes, version: str) -> Greeting:
    """
    Raises:
        ViewError: Not a greeting, or of a program that is not this version.
    """
    try:
        greeting = msgspec.msgpack.decode(data, type=Greeting)
    except _UNREADABLE as e:
        raise ViewError(f"what answers there is not a console: {_one_line(e)}") from None
    if (greeting.version, greeting.format) != (version, FORMAT):
        raise ViewError(f"the running console is version {greeting.version}, this is {version}: they cannot be mixed")
    return greeting


def read_snapshot(data: bytes) -> Snapshot:
    """
    Raises:
        ViewError: Not a snapshot.
    """
    try:
        return _snapshots().decode(data)
    except _UNREADABLE as e:
        raise ViewError(f"not a snapshot: {_one_line(e)}") from None


def read_command(data: bytes) -> AnyCommand:
    """
    Raises:
        ViewError: Not a command, or one that another window may not give.
    """
    try:
        command = _commands().decode(data)
    except _UNREADABLE as e:
        raise ViewError(f"not a command that another window may give: {_one_line(e)}") from None
    if not only_brakes(command):
        raise ViewError("entries are resumed at the console itself")
    return command


def _one_line(error: Exception) -> str:
    """The decoder quotes what it was sent, and this goes to a log."""
    return "".join(c if c.isprintable() else "?" for c in str(error))[:_LONGEST]


class Frames:
    """Cuts a stream of bytes into frames."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that these bytes complete.

        Raises:
            ViewError: A frame claims to be larger than any is.
        """
        self._buffer += data
        frames: list[bytes] = []
        while len(self._buffer) >= HEAD:
            length = int.from_bytes(self._buffer[:HEAD], "big")
            if length > self._most:
                raise ViewError(f"a frame of {length} bytes; at most {self._most} are expected")
            if len(self._buffer) < HEAD + length:
                break
            frames.append(bytes(self._buffer[HEAD : HEAD + length]))
            del self._buffer[: HEAD + length]
        return frames
