"""Turns of an engine as lines that a person reads: what came, and what was done about it.

Decides nothing. Easy to get wrong: most of a tape is ticks on which nothing happened, and ten of those tell nobody anything, so a row of
them becomes one line.

DESIGN "One order".
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
from msgspec import Struct

from core.messages.events import Tick
from core.messages.tape import Turn
from core.model.market import MarketKey

_WIDTH = 150
_MOST_EFFECTS = 12
_MOST_ITEMS = 4
_LONG_HEX = 12
"""Beyond it the last digits of an address or a cloid are enough to tell it from the others."""


def tell(value: Any) -> str:
    """A message, an effect or a part of one: what is as it always is (a field at its default) is left out."""
    match value:
        case MarketKey():
            return value.name
        case Struct():
            return f"{type(value).__name__}({', '.join(_fields(value))})"
        case Enum():
            return str(value.value)
        case tuple() | list():
            shown = [tell(item) for item in value[:_MOST_ITEMS]]
            more = len(value) - len(shown)
            return "[" + ", ".join([*shown, f"{more} more"] if more else shown) + "]"
        case str() if value.startswith("0x") and len(value) > _LONG_HEX:
            return f"…{value[-6:]}"
        case str():
            return value if value and not any(c in value for c in " ,()[]") else repr(value)
        case Decimal():
            return str(value)
    return "none" if value is None else str(value)


def _fields(struct: Struct) -> list[str]:
    fields = msgspec.structs.fields(struct)
    values = [(f.name, getattr(struct, f.name), f.default) for f in fields]
    kept = [(name, value) for name, value, default in values if value != default]
    if len(fields) == 1:
        return [tell(value) for _, value in kept]
    return [f"{name}={tell(value)}" for name, value in kept]


def time_of_day(ms: int) -> str:
    """UTC, to the millisecond."""
    seconds, millis = divmod(ms, 1000)
    minutes, second = divmod(seconds % 86_400, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{millis:03d}"


def tell_turn(number: int, turn: Turn) -> list[str]:
    """One line for the message, one for each effect."""
    lines = [_cut(f"{number:>8}  {time_of_day(turn.now_ms)}  {tell(turn.message)}")]
    lines += [_cut(f"{'':>24}-> {tell(effect)}") for effect in turn.effects[:_MOST_EFFECTS]]
    if len(turn.effects) > _MOST_EFFECTS:
        lines.append(f"{'':>24}-> {len(turn.effects) - _MOST_EFFECTS} more effects")
    if turn.error:
        lines.append(_cut(f"{'':>24}!! {turn.error}"))
    return lines


def _cut(line: str) -> str:
    line = line.replace("\n", " ")
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"


class Story:
    """The last turns. Args: keep: how many that say something; ticks on which nothing happened are counted only."""

    def __init__(self, keep: int = 10) -> None:
        self._kept: deque[tuple[int, int, Turn]] = deque(maxlen=keep)
        """Ticks before it, its number, the turn."""
        self._ticks = 0

    def add(self, number: int, turn: Turn) -> None:
        if isinstance(turn.message, Tick) and not turn.effects and not turn.error:
            self._ticks += 1
        else:
            self._kept.append((self._ticks, number, turn))
            self._ticks = 0

    @property
    def lines(self) -> tuple[str, ...]:
        lines: list[str] = []
        for ticks, number, turn in self._kept:
            lines += _quiet(ticks)
            lines += tell_turn(number, turn)
        return (*lines, *_quiet(self._ticks))


def _quiet(ticks: int) -> list[str]:
    return [f"{'':>10}{ticks} tick{'s' if ticks > 1 else ''} without effect"] if ticks else []
