"""Tells fingers from a flood: what arrives in one read and is too much for a hand is a paste or noise, and no key of it may act.

Knows no key by name. Easy to get wrong: a hand that hammers on one key while the program stood still sends a crowd too, and that is X, X, X.
"""

from __future__ import annotations

from textual.events import Key, Paste
from textual.message import Message

FLOOD_KEYS = 16
"""More keys than this in one read, of several kinds: no fingers, but a paste into the wrong window, or noise on the line."""
_HAMMERED_KINDS = 3
"""Fingers that hammer on one key (X!) while we stood still arrive as a crowd as well, but of few kinds."""


def as_one_paste(messages: list[Message]) -> list[Message]:
    """What was read at once, with a flood of keys turned into one paste: letters of pasted words must not stop, flatten or quit anything.

    Terminals that mark a paste as one need this not; the others, and noise, do. Text fields take it as they take any paste.
    """
    keys = [m for m in messages if isinstance(m, Key)]
    if len(keys) <= FLOOD_KEYS or len({m.key for m in keys}) <= _HAMMERED_KINDS:
        return messages
    rest = [m for m in messages if not isinstance(m, Key)]
    return [*rest, Paste("".join(m.character or "" for m in keys if m.is_printable))]
