"""The last events of a world as a text that a person can read: who said what to whom, one line each. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.messages.effects import ForgetPost, Journal, OrderRow, PersistCounters, PostRow, SignalRow
from core.sim.telling import tell
from core.sim.truth import ActionEntry
from core.sim.world.plan import START_MS
from core.sim.world.world import World

_WIDTH = 300


def story(world: World, last: int = 60) -> str:
    """The last lines of a life."""
    return "\n".join(line for h in list(world.story)[-last:] for line in _lines(h.at_ms, h.what, h.effects))


def _lines(at_ms: int, what: Any, effects: Iterable[Any]) -> Iterable[str]:
    stamp = f"{(at_ms - START_MS) / 1000:9.3f}"
    if isinstance(what, str):
        yield f"{stamp}  -- {what}"
    elif isinstance(what, ActionEntry):
        said = what.error or what.statuses
        yield f"{stamp}  venue: {what.kind} nonce {what.nonce} -> {said}"
    else:
        yield f"{stamp}  > {tell(what)}"[:_WIDTH]
    for effect in effects:
        text = _effect(effect)
        if text:
            yield f"           < {text}"[:_WIDTH]


def _effect(effect: Any) -> str:
    match effect:
        case ForgetPost() | PersistCounters():
            return ""
        case Journal(OrderRow() | PostRow() | SignalRow() as row):
            return f"journal {tell(row)}"
        case Journal(row):
            return getattr(row, "text", "") and f"says: {row.text}"  # type: ignore[union-attr]
    return tell(effect)
