"""Where a life has been, counted by name: what came in, what was decided, what became of it. Judges nothing.

The tests ask for sums of these, so that a change which keeps the world from ever getting somewhere is noticed; `make soak` shows them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from core.messages.commands import Command
from core.messages.effects import Ask, Effect, Journal, OrderRow, PersistLatch, PostRow, SignalRow, TradeRow
from core.messages.tape import Message
from core.sim.truth import ActionEntry
from core.sim.world.watcher import Watcher
from core.sim.world.world import World

_NUMBERS = re.compile(r"-?\$?\d[\d.,]*")


def _name(kind: type[Message]) -> str:
    return f"{'command' if issubclass(kind, Command) else 'event'} {kind.__name__}"


@lru_cache(maxsize=4096)
def _words(words: tuple[str, ...]) -> str:
    """The same few come again and again."""
    return _NUMBERS.sub("n", " ".join(words))


class Branches(Watcher):
    def __init__(self) -> None:
        self._reached: Counter[str] = Counter()
        self._messages: Counter[type[Message]] = Counter()
        """Apart, for every turn counts one."""
        self.programs = 0
        self.actions = 0

    @property
    def reached(self) -> Counter[str]:
        """How often each was reached."""
        return self._reached + Counter({_name(kind): count for kind, count in self._messages.items()})

    def started(self, world: World) -> None:
        self.programs += 1
        engine = world.engine
        assert engine is not None
        if engine.machines.latch.tripped:
            self._reached["started latched"] += 1

    def executed(self, world: World, entry: ActionEntry) -> None:
        self.actions += 1
        self._reached[f"venue {entry.kind} {'refused' if entry.error else 'taken'}"] += 1

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        self._messages[type(message)] += 1
        for effect in effects:
            match effect:
                case Journal(SignalRow(verdict=verdict)):
                    self._reach("signal", verdict.split(":")[0])
                case Journal(OrderRow() as row):
                    self._reach("order", row.purpose, row.status.value)
                    if row.status.is_terminal and 0 < row.filled_size < row.size:
                        self._reach("order", row.purpose, "ended in part")
                case Journal(PostRow(kind=kind, outcome=outcome)):
                    self._reach("post", kind, outcome.split(":")[0])
                case Journal(TradeRow(trade=trade)):
                    self._reach("trade ended by", trade.exit_reason.value)
                case PersistLatch(latch):
                    self._reach("hard stop", latch.reason.split(":")[0] if latch.tripped_at_ms is not None else "reset")
                case Ask(query):
                    self._reach("asked", type(query).__name__)

    def _reach(self, *words: str) -> None:
        self._reached[_words(words)] += 1
