"""A config as text again: every setting in force, and where each came from. What may be a secret is left out.

The text is TOML that reads back to the same config, apart from settings left out as secret. Easy to get wrong: a setting that is not set is
no setting with an empty value, so it is shown as a comment; and a key pasted where a name belongs must not come out here either.

SPEC 5, 9.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from core.config import Config
from core.config_section import Section

_MAY_BE_A_KEY = re.compile(r"[0-9a-fA-F]{48}")
_LEFT_OUT = "# {} = (may hold a secret, not shown)"
_COLUMN = 60
"""Where the remark on a setting begins."""


def config_text(config: Config, given: Mapping[str, Any]) -> str:
    """Every setting as TOML, each that the file did not name marked as a default.

    Args:
        config: In force.
        given: What the file holds.
    """
    lines = list(_plain(config, given))
    for name in config.__struct_fields__:
        value = getattr(config, name)
        if isinstance(value, Section):
            lines += ["", f"[{name}]", *_plain(value, _table(given.get(name)), name)]
        elif name == "markets":
            for market, named in zip(value, given.get("markets", [{}] * len(value)), strict=True):
                lines += ["", "[[markets]]", *_plain(market, named)]
    return "\n".join(lines) + "\n"


def _plain(struct: Struct, given: Mapping[str, Any], section: str = "") -> Iterator[str]:
    """The settings of one table that are no tables of their own."""
    secrets: tuple[str, ...] = getattr(struct, "secrets", ())
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        is_table = not section and (isinstance(value, Section) or name == "markets")
        if is_table:
            continue
        if value is None:
            if section or name not in ("signer", "account"):
                yield f"# {name} is not set"
            continue
        line = f"{name} = {_value(value)}"
        if name in secrets or _MAY_BE_A_KEY.search(line):
            yield _LEFT_OUT.format(name)
            continue
        yield line if name in given else f"{line:<{_COLUMN}} # default"


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case str():
            return _quoted(value)
        case tuple() | list():
            return "[" + ", ".join(_value(v) for v in value) + "]"
        case Mapping():
            return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }" if value else "{}"
        case Struct():
            return _value(_members(value))
    raise AssertionError(f"a setting of type {type(value).__name__} cannot be shown")


def _members(struct: Struct) -> dict[str, Any]:
    tag = struct.__struct_config__.tag
    field = struct.__struct_config__.tag_field
    named = {field: tag} if field else {}
    values = {name: getattr(struct, name) for name in struct.__struct_fields__}
    secrets: tuple[str, ...] = getattr(struct, "secrets", ())
    return {**named, **{k: v for k, v in values.items() if v is not None and k not in secrets}}


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    """A basic string of TOML; what a terminal would obey is escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
