"""What an engine was told and what it answered, turn by turn: enough to run a fresh engine through the same life.

One JSON line for the start, then one for each turn. Decides nothing, opens no file. Rule that is easy to get wrong: a turn is recorded
with the time that the engine was given, not with the time at which it was written down.

DESIGN "One sentence".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from core.config import Config
from core.messages.commands import AnyCommand
from core.messages.effects import Effect
from core.messages.events import AnyEvent
from core.messages.recovered import Recovered
from core.messages.snapshot import RunInfo

FORMAT = 1

Message = AnyEvent | AnyCommand


class TapeError(ValueError):
    """A line that is not what it should be; the text says which line, and why."""


class Start(Struct, frozen=True):
    """What the engine was made of."""

    config: Config
    run: RunInfo
    recovered: Recovered
    now_ms: int
    format: int = FORMAT


class Turn(Struct, frozen=True, array_like=True):
    """One message and its effects."""

    now_ms: int
    message: Message
    effects: tuple[Effect, ...] = ()
    error: str = ""
    """What the engine raised instead of answering, as ``Type: text``."""


_UNREADABLE = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError, AssertionError)
"""Everything a damaged line can make the decoder raise: bytes that are no text, a number beyond any, depth, a value that never was."""

_encoder = msgspec.json.Encoder()


@cache
def _start() -> msgspec.json.Decoder[Start]:
    return msgspec.json.Decoder(Start)


@cache
def _turn() -> msgspec.json.Decoder[Turn]:
    """Made when first needed: a run only writes, and the unions take 10 ms to prepare."""
    return msgspec.json.Decoder(Turn)


def encode_start(start: Start) -> bytes:
    """One line, without its end. What was seen is sorted: a set has no order of its own, and the same start must give the same bytes."""
    data = msgspec.to_builtins(start)
    data["recovered"]["seen_fills"] = sorted(start.recovered.seen_fills)
    data["recovered"]["seen_funding"] = sorted(start.recovered.seen_funding)
    return _encoder.encode(_writable(data))


def encode_turn(now_ms: int, message: Message, effects: Sequence[Effect], error: str = "") -> bytes:
    """One line, without its end."""
    turn = (now_ms, message, effects, error) if error else (now_ms, message, effects)
    try:
        return _encoder.encode(turn)
    except UnicodeEncodeError:
        return _encoder.encode(_writable(msgspec.to_builtins(turn)))


def _writable(data: Any) -> Any:
    """Half a surrogate pair (a broken paste) cannot be written; it becomes a question mark, in what was said and in what was answered."""
    match data:
        case str():
            return data.encode("utf-8", "replace").decode()
        case dict():
            return {key: _writable(value) for key, value in data.items()}
        case list() | tuple():
            return [_writable(item) for item in data]
    return data


def decode_start(line: bytes) -> Start:
    """Read the first line.

    Raises:
        TapeError: Not a start, or of a format that this program does not know.
    """
    try:
        start = _start().decode(line)
    except _UNREADABLE as e:
        raise TapeError(f"line 1: not the start of a tape: {e}") from None
    if start.format != FORMAT:
        raise TapeError(f"line 1: format {start.format}; this program reads format {FORMAT}")
    return start


def decode_turn(line: bytes, number: int) -> Turn:
    """Read line ``number``, counted from 1 with the start.

    Raises:
        TapeError: Not a turn.
    """
    try:
        return _turn().decode(line)
    except _UNREADABLE as e:
        raise TapeError(f"line {number}: not a turn: {e}") from None
