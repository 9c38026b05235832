"""Two lists of effects, and where they differ: one readable line per difference.

Effects are compared as they are written: a price of 1.50 is not a price of 1.5, because the exchange would be sent another text. Easy to
get wrong: an effect that is missing moves all that follow, so the lists are aligned first and only then compared one by one.

Issue part "replay".
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

import msgspec

from core.messages.effects import Effect
from core.sim.telling import tell

MOST_LINES = 40
_ABSENT = object()


def differences(
    recorded: Sequence[Effect], replayed: Sequence[Effect], recorded_error: str = "", replayed_error: str = ""
) -> tuple[str, ...]:
    """What is not the same, at most `MOST_LINES` of it; empty when everything is."""
    lines: list[str] = []
    if recorded_error != replayed_error:
        lines.append(f"raised: recorded {recorded_error or 'nothing'}, replayed {replayed_error or 'nothing'}")
    before, after = [_written(e) for e in recorded], [_written(e) for e in replayed]
    if before == after:
        return tuple(lines)
    for kind, a, a_end, b, b_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        while a < a_end and b < b_end and _name(recorded[a]) == _name(replayed[b]):
            where = f"effect {a + 1}, {_name(recorded[a])}"
            lines += [f"{where}: {line}" for line in _fields("", _plain(recorded[a]), _plain(replayed[b]))]
            a, b = a + 1, b + 1
        lines += [f"effect {i + 1} recorded, not replayed: {tell(recorded[i])}" for i in range(a, a_end)]
        lines += [f"effect {i + 1} replayed, not recorded: {tell(replayed[i])}" for i in range(b, b_end)]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"{len(lines) - MOST_LINES + 1} more differences"]
    return tuple(lines)


def _written(effect: Effect) -> bytes:
    return msgspec.json.encode(effect)


def _plain(effect: Effect) -> Any:
    return msgspec.to_builtins(effect)


def _name(effect: Effect) -> str:
    inner = getattr(effect, "row", None)
    return type(effect).__name__ + (f" {type(inner).__name__}" if inner is not None else "")


def _fields(path: str, before: Any, after: Any) -> list[str]:
    """Walk two values of builtins side by side."""
    if isinstance(before, dict) and isinstance(after, dict):
        steps = [(f"{path}.{key}".lstrip("."), *(_at(v, key) for v in (before, after))) for key in {**before, **after}]
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        longest = range(max(len(before), len(after)))
        steps = [(f"{path}[{i}]", *(_at(v, i) for v in (before, after))) for i in longest]
    elif before == after and type(before) is type(after):
        return []
    else:
        return [f"{path}: recorded {_shown(before)}, replayed {_shown(after)}"]
    return [line for step in steps for line in _fields(*step)]


def _at(container: Any, place: str | int) -> Any:
    try:
        return container[place]
    except (KeyError, IndexError):
        return _ABSENT


def _shown(value: Any) -> str:
    return "nothing" if value is _ABSENT else tell(value)
