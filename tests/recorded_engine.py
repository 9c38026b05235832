"""An engine with a recorder around it, as the loop has one: what it is given and what it answers become lines of a tape."""

from __future__ import annotations

from typing import Any

from core.engine.engine import Engine
from core.messages.effects import Effect
from core.messages.snapshot import LoopStats
from core.messages.tape import Message, Start, Turn, decode_start, decode_turn, encode_start, encode_turn


class RecordedEngine:
    """Takes the engine's place. ``look_every``: so many turns apart it is looked at, at a time that is nobody's business."""

    look_every = 0

    def __init__(self, *made_of: Any) -> None:
        self._engine = Engine(*made_of)
        self._lines = [encode_start(Start(*made_of))]

    def handle(self, message: Message, now_ms: int) -> list[Effect]:
        try:
            effects = self._engine.handle(message, now_ms)
        except Exception as e:
            self._lines.append(encode_turn(now_ms, message, (), f"{type(e).__name__}: {e}"))
            raise
        self._lines.append(encode_turn(now_ms, message, effects))
        if self.look_every and len(self._lines) % self.look_every == 0:
            self._engine.snapshot(now_ms + len(self._lines) * 1_000, LoopStats())
        return effects

    @property
    def tape(self) -> tuple[Start, list[Turn]]:
        """Having been lines in between."""
        first, *rest = self._lines
        return decode_start(first), [decode_turn(line, number) for number, line in enumerate(rest, 2)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)
