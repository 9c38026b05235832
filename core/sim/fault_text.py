"""Faults as text: read from the command line, and listed for a person.

Easy to get wrong: a coin of a builder's dex has a colon of its own (`halt:coin=xyz:SNDK`), so only the first colon ends the name.

Issue 4 part 4.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec.structs import asdict

from core.config_errors import shown
from core.config_faults import FaultSettings
from core.sim.fault_list import (
    DEFAULTS,
    GROUPS,
    KINDS,
    SETTINGS,
    SPEC_CHANGES,
    FaultError,
    Kind,
    Setting,
    check_settings,
    kind_of,
)


def read_fault(text: str) -> dict[str, Any]:
    """One fault as the command line spells it: `NAME` or `NAME:key=value,key=value`. Rules of change_spec are keys of their own.

    Returns:
        Its name under `name`, and its settings.

    Raises:
        FaultError: No such fault, or settings that it does not take.
    """
    name, _, rest = text.partition(":")
    kind = kind_of(name.strip())
    name = name.strip()
    settings: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = (p.strip() for p in part.partition("="))
        if not equals:
            raise FaultError(f"{name}: {shown(part)}: expected key=value; {name} takes {', '.join(kind.allowed)}")
        if name == "change_spec" and key in SPEC_CHANGES:
            settings.setdefault("changes", {})[key] = _value(f"{name}: {key}", SPEC_CHANGES[key], value)
        else:
            known = SETTINGS.get(key)
            settings[key] = value if known is None else _value(f"{name}: {key}", known.kind, value)
    check_settings(name, settings)
    return {"name": name, **settings}


def settings_of(fault: FaultSettings) -> dict[str, Any]:
    """What is set of a fault that came from a file."""
    fields = {key: getattr(fault, key) for key in FaultSettings.__struct_fields__}
    settings = {key: value for key, value in fields.items() if value is not None}
    if fault.changes is not None:
        settings["changes"] = {key: value for key, value in asdict(fault.changes).items() if value is not None}
    return settings


def _value(at: str, kind: type, text: str) -> Any:
    try:
        if kind is int:
            return int(text)
        if kind is Decimal:
            return Decimal(text)
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
    except (ValueError, KeyError, InvalidOperation):
        expected = "an integer" if kind is int else "true or false" if kind is bool else "a number"
        raise FaultError(f"{at} = {shown(text)}: expected {expected}") from None
    if kind is tuple:
        return tuple(filter(None, text.split("+")))
    return text


def told() -> str:
    """The list for a person: each fault in a line, what it does and what can be set of it."""
    width = max(map(len, KINDS))
    lines = []
    for title, kinds in GROUPS.items():
        lines.append(f"{title}:")
        for name, kind in kinds.items():
            takes = [_told_setting(kind, key) for key in kind.allowed]
            lines.append(f"  {name:<{width}}  {kind.says} [{kind.lasts.value}; {', '.join(takes)}]")
        lines.append("")
    lines.append("settings:")
    for key, setting in SETTINGS.items():
        lines.append(f"  {key:<{width}}  {setting.says}{told_range(setting)}")
    return "\n".join(lines)


def _told_setting(kind: Kind, key: str) -> str:
    default = told_default(kind, key)
    if not default:
        return key
    return f"{key}={default!r}" if " " in default else f"{key}={default}"


def told_default(kind: Kind, key: str) -> str:
    """What a setting is when nothing is said, as text; empty: nothing."""
    default = kind.text if key == "text" else DEFAULTS.get(key)
    if default is None or default == ():
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


def told_range(setting: Setting) -> str:
    if setting.choices:
        return f": {', '.join(setting.choices)}"
    if setting.kind is int:
        return f", {setting.low} to {setting.high}"
    if setting.kind is tuple:
        return ", joined by +"
    return ": true or false" if setting.kind is bool else ""
