"""What is wrong with a config, in words for who wrote the file: file, key, value, what is allowed.

Turns msgspec's one-line message back into a place among the settings and describes what may stand there, from the same types that did
the checking. Never judges by itself.
Easy to get wrong: a config is where a secret key ends up by mistake, as a value, as a name, or without quotes as a number, and this text
goes to the screen. Long hex and long numbers are therefore not quoted, and of a URL no more than scheme and host: a notification URL is a
secret too.

SPEC 9.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_RANGE = re.compile(r"(\w+): (expected .*)", re.DOTALL)
_LONG_HEX = re.compile(r"[0-9a-fA-F]{41}")
"""Longer than an address, so perhaps a secret key."""
_LONGEST_NUMBER = 40
"""A secret key without quotes is a number to TOML, of some 77 digits."""
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#\s]*)(?P<rest>\S*)")
_WITH_HOST = frozenset(
    ("http", "https", "ws", "wss", "json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos")
)
_PLAIN_PATH = re.compile(r"(/\w{0,6})?")
"""/ws, /info: too short to be a token."""
_LONGEST_REASON = 300
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
"""What needs no quotes in TOML. Any other key is shown quoted, for it may hold what a terminal obeys."""


def toml_tables(text: str) -> dict[str, Any]:
    """What a TOML text holds, with every number that has a fraction as it was written.

    Raises:
        ValueError: Not TOML, or nothing that a file of ours ever was: tables nested without end, a number of thousands of digits.
    """
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except RecursionError:
        raise ValueError("nested too deep") from None
    except ArithmeticError:
        raise ValueError("a number that is none") from None
    except ValueError as e:  # TOMLDecodeError is one; so is what Python says of a number with too many digits
        why = " ".join(str(e).split())
        raise ValueError(why if len(why) <= _LONGEST_REASON else why[:_LONGEST_REASON] + " ...") from None


def explain(source: str, data: Mapping[str, Any], message: str, root: type[Struct]) -> str:
    """One line that names the file, the key, the value found and what is allowed.

    Args:
        source: The file's name.
        data: What the file holds.
        message: msgspec's message about it.
        root: The type that all of the file was checked against.
    """
    match = _AT.match(message)
    assert match is not None
    what, path = match["what"], match["path"] or ""
    hint, node = _walk(root, data, path)
    where = path.lstrip(".")

    def at(key: str) -> str:
        name = key if _BARE_KEY.fullmatch(key) and not _LONG_HEX.search(key) else shown(key)
        return f"{source}: {where}.{name}" if where else f"{source}: {name}"

    if unknown := _UNKNOWN.fullmatch(what):
        allowed = _keys_of(_chosen(hint, node))
        near = difflib.get_close_matches(unknown[1], allowed, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        return f"{at(unknown[1])}: unknown key (found {shown(_child(node, unknown[1]))}); {meant}allowed here: {', '.join(allowed)}"
    if missing := _MISSING.fullmatch(what):
        return f"{at(missing[1])}: missing; expected {describe(_field(_chosen(hint, node), hint, missing[1]))}"
    if ranged := _RANGE.fullmatch(what):
        return f"{at(ranged[1])}: {ranged[2]}"
    return f"{source}: {where or 'top level'}: expected {describe(hint)} (found {shown(node)})"


def shown(value: Any) -> str:
    """A value as the file spells it, but nothing that may be a secret."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"text of {len(value)} characters, not shown" if _LONG_HEX.search(value) else repr(_without_urls(value))
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    text = str(value)
    return f"a number of {len(text)} characters, not shown" if len(text) > _LONGEST_NUMBER else text


def masked_url(url: str) -> str:
    """A URL with everything taken out that may be a secret: for most notification services that is all but the scheme.

    A host is shown only where it can be nothing else; ``slack://`` and its like have a token in that place.
    """
    match = _URL.fullmatch(url.strip())
    if match is None:
        return "..."
    scheme, authority, rest = match["scheme"].lower(), match["authority"], match["rest"]
    if scheme not in _WITH_HOST:
        return f"{scheme}://..."
    user, _, host = authority.rpartition("@")
    return f"{scheme}://{'...@' if user else ''}{host}{rest if _PLAIN_PATH.fullmatch(rest) else '/...'}"


def _without_urls(text: str) -> str:
    return _URL.sub(lambda found: masked_url(found[0]), text)


def describe(hint: Any) -> str:
    """What may stand where a value of this type is expected."""
    plain, meta = _unwrapped(hint)
    origin, args = get_origin(plain), get_args(plain)
    if origin is Literal:
        return "one of " + ", ".join(repr(arg) for arg in args)
    if origin is tuple:
        at_least = f" of at least {meta.min_length}" if meta and meta.min_length else ""
        return f"a list{at_least}: each {describe(args[0])}"
    if origin in (Union, UnionType):
        return "a table with type = " + describe(_tags(plain)).removeprefix("one of ").replace(", ", " or ")
    if plain is int:
        return "an integer" + _limits(meta)
    if plain is str:
        return _text(meta)
    names = {Decimal: "a number", bool: "true or false"}
    return names.get(plain, "a table")


def _limits(meta: Meta | None) -> str:
    low, high = (None, None) if meta is None else (meta.ge, meta.le)
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f" of at least {low}" if low is not None else ""


def _text(meta: Meta | None) -> str:
    if meta is not None and meta.pattern is not None:  # addresses are the only settings with a pattern
        return "an address in quotes: 0x and 40 hex digits"
    longest = f" of at most {meta.max_length} characters" if meta and meta.max_length else ""
    return f"text in quotes{longest}{', not empty' if meta and meta.min_length else ''}"


# --- from a path back to a type -----------------------------------------------------------------------------------------


def _walk(root: Any, data: Any, path: str) -> tuple[Any, Any]:
    """The type and the value at a path."""
    hint, node = root, data
    for name, index in _STEP.findall(path):
        if name:
            hint, node = _field(_chosen(hint, node), hint, name), _child(node, name)
        else:
            hint, node = get_args(_unwrapped(hint)[0])[0], node[int(index)]
    return hint, node


def _unwrapped(hint: Any) -> tuple[Any, Meta | None]:
    """The type without its limits and without the None of an optional setting; and its limits."""
    meta: Meta | None = None
    while True:
        if get_origin(hint) is Annotated:
            hint, meta = hint.__origin__, hint.__metadata__[0]
            continue
        arms = get_args(hint)
        if get_origin(hint) in (Union, UnionType) and NoneType in arms:
            hint = Union[tuple(arm for arm in arms if arm is not NoneType)]
            continue
        return hint, meta


def _chosen(hint: Any, node: Any) -> Any:
    """The struct at this place: of several, the one that the value's ``type`` names."""
    plain, _ = _unwrapped(hint)
    if get_origin(plain) in (Union, UnionType):
        members = {member.__struct_config__.tag: member for member in get_args(plain)}
        return members.get(_child(node, "type"))
    return plain


def _field(struct: Any, hint: Any, name: str) -> Any:
    """The type of one key of a struct; ``type`` tells apart the structs of a union."""
    if struct is not None and name in struct.__struct_fields__:
        return get_type_hints(struct, include_extras=True)[name]
    return _tags(_unwrapped(hint)[0])


def _tags(union: Any) -> Any:
    return Literal[tuple(member.__struct_config__.tag for member in get_args(union))]


def _keys_of(struct: Any) -> tuple[str, ...]:
    tag_field = struct.__struct_config__.tag_field
    return (() if tag_field is None else (tag_field,)) + tuple(struct.__struct_fields__)


def _child(node: Any, name: str) -> Any:
    return node.get(name) if isinstance(node, Mapping) else None
