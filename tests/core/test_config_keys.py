"""The kinds of place a key may come from."""

from __future__ import annotations

import msgspec
import pytest

from core.config_keys import EnvVarKey, FileKey, KeySource, SimulatorKey


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"type": "env_var", "var_name": "KEY"}, EnvVarKey(var_name="KEY")),
        ({"type": "file", "path": "a.key"}, FileKey(path="a.key")),
        ({"type": "simulator"}, SimulatorKey()),
    ],
)
def test_kinds(data: dict[str, str], key: KeySource) -> None:
    assert msgspec.convert(data, KeySource) == key


@pytest.mark.parametrize("data", [{"type": "env_var", "var_name": ""}, {"type": "file"}, {"type": "text", "key": "1"}])
def test_anything_else_is_refused(data: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(data, KeySource)
