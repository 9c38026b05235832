"""Which key does what: the keys of the table of actions, with the operator's own in their place.

Reads the names that a config uses, refuses what is no key, what is given to two actions, and a console without a hard stop or a way out.
Knows no action but those two. Easy to get wrong: a terminal sends upper and lower case as two keys, so a letter acts only in the cases
that are listed.

SPEC 11.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping

from textual.keys import KEY_ALIASES, Keys, _character_to_key

from core.config_errors import shown

NEVER_WITHOUT = ("hard_stop", "quit")
"""Actions that must keep a key: to stop, and to leave in good order."""

_NAMED = {key.value for key in Keys if not key.value.startswith("<")} - {"return", "ctrl-at"}
_SHOWN = {
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "escape": "Esc",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "delete": "Del",
    "backspace": "Bksp",
}
_MODIFIER = {"ctrl": "^", "shift": "Shift+", "alt": "Alt+"}
_CHARACTER_OF = {_character_to_key(chr(code)): chr(code) for code in range(33, 127)}
"""``question_mark`` -> ``?``: names that Textual has for what stands on a key."""


class KeysError(ValueError):
    """The keys in a config cannot be used; the text says which and why."""


class Keymap:
    """Action id -> its keys, by Textual's names, the first the one that is shown."""

    def __init__(self, keys: Mapping[str, tuple[str, ...]]) -> None:
        self._keys = dict(keys)

    def keys(self, action_id: str) -> tuple[str, ...]:
        return self._keys[action_id]

    def name(self, action_id: str) -> str:
        """What stands on the key, empty for an action without one: ``F``, ``Tab``, ``^P``, ``?``."""
        names = self.names(action_id)
        return names[0] if names else ""

    def names(self, action_id: str) -> tuple[str, ...]:
        """All keys of an action as they are called; a letter that acts in both cases is named once, as the capital that stands on its key."""
        keys = self._keys[action_id]
        both = {key for key in keys if len(key) == 1 and key.swapcase() in keys}
        return tuple(dict.fromkeys(key.upper() if key in both else key_name(key) for key in keys))

    def ids(self) -> tuple[str, ...]:
        return tuple(self._keys)

    def remapped(self, changes: Mapping[str, Iterable[str]]) -> Keymap:
        """With the operator's keys in the place of ours.

        Args:
            changes: Action id -> names of keys, none to leave it to the palette and the mouse.

        Raises:
            KeysError: An unknown action or key, one key for two actions, or none for the hard stop or the way out.
        """
        keys = dict(self._keys)
        for action_id, names in changes.items():
            if action_id not in keys:
                near = difflib.get_close_matches(action_id, keys, n=1)
                meant = f"did you mean {near[0]!r}? " if near else ""
                raise KeysError(f"{shown(action_id)}: no such action; {meant}allowed: {', '.join(keys)}")
            keys[action_id] = tuple(dict.fromkeys(_read(name, action_id) for name in names))
        for action_id in NEVER_WITHOUT:
            if not keys[action_id]:
                raise KeysError(f"{action_id}: needs at least one key")
        taken: dict[str, str] = {}
        for action_id, its_keys in keys.items():
            for key in its_keys:
                other = taken.setdefault(key, action_id)
                if other != action_id:
                    raise KeysError(f"{key_name(key)!r} is given to two actions: {other} and {action_id}")
        return Keymap(keys)


def key_name(key: str) -> str:
    """As it is called on a keyboard; a single letter stays as it is, because its other case is another key."""
    *modifiers, last = key.split("+")
    last = _SHOWN.get(last) or _CHARACTER_OF.get(last) or (last if len(last) == 1 else last.capitalize())
    if modifiers and len(last) == 1:
        last = last.upper()
    return "".join(_MODIFIER.get(modifier, f"{modifier}+") for modifier in modifiers) + last


def _read(name: str, action_id: str) -> str:
    """A config's name for a key, as Textual calls it: ``F``, ``?``, ``ctrl+x``, ``f5``, ``shift+tab``."""
    if len(name) == 1 and unicodedata.category(name)[0] not in "CZ":
        return _character_to_key(name)
    key = {"return": "enter", "esc": "escape", "del": "delete"}.get(name.lower().strip(), name.lower().strip())
    for plain, aliases in KEY_ALIASES.items():
        if key in aliases:
            key = plain
    if key not in _NAMED and key not in _CHARACTER_OF:
        raise KeysError(
            f"{action_id}: {shown(name)} is no key; expected a character, or a name such as 'tab', 'f5', 'ctrl+x', 'shift+tab', 'pagedown'"
        )
    return key
