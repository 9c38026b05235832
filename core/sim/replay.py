"""A tape played again: a fresh engine is given every message at its recorded time, and must answer as the first one did.

Pure: it is handed the start and the turns and opens nothing. Rules that are easy to get wrong: an engine that raised goes on with what it
had changed by then, so the replay goes on as well, and what was raised is compared like an effect; and nothing after the first difference
means anything, because from there on two different engines are compared.

Issue part "replay"; DESIGN "One sentence".
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from core.engine.engine import Engine
from core.messages.effects import Effect
from core.messages.tape import Message, Start, Turn
from core.sim.differences import differences
from core.sim.telling import Story, tell_turn


class Difference(Struct, frozen=True):
    """The first turn that came out differently."""

    turn: int
    now_ms: int
    message: Message
    told: tuple[str, ...]
    """The turn as it was recorded, for a reader."""
    lines: tuple[str, ...]
    """One line for each difference in it."""


class ReplayReport(Struct, frozen=True):
    """What a replay found."""

    turns: int
    """Turns compared, the differing one included; they are numbered from 1."""
    effects: int
    """Effects of the recording in those turns."""
    first_ms: int | None
    last_ms: int | None
    story: tuple[str, ...]
    """The last turns before the difference, or before the end."""
    difference: Difference | None = None


def replay(start: Start, turns: Iterable[Turn]) -> ReplayReport:
    """Run a fresh engine through the recorded life, up to the first difference.

    Args:
        start: What the engine was made of.
        turns: What it was given and what it answered, in order.
    """
    engine = Engine(start.config, start.run, start.recovered, start.now_ms)
    story = Story()
    count = effects = 0
    first_ms = last_ms = None
    for count, turn in enumerate(turns, 1):
        first_ms = turn.now_ms if first_ms is None else first_ms
        last_ms = turn.now_ms
        effects += len(turn.effects)
        answer, error = _give(engine, turn)
        found = differences(turn.effects, answer, turn.error, error)
        if found:
            difference = Difference(count, turn.now_ms, turn.message, tuple(tell_turn(count, turn)), found)
            return ReplayReport(count, effects, first_ms, last_ms, story.lines, difference)
        story.add(count, turn)
    return ReplayReport(count, effects, first_ms, last_ms, story.lines)


def _give(engine: Engine, turn: Turn) -> tuple[list[Effect], str]:
    try:
        return engine.handle(turn.message, turn.now_ms), ""
    except Exception as e:  # the engine under replay may raise whatever the recorded one may have raised
        return [], f"{type(e).__name__}: {e}"
