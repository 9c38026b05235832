"""Where a key comes from, as a config spells it. The key itself is never in a config.

SPEC 5 (KeySource).
"""

from __future__ import annotations

from typing import Annotated, Union

from msgspec import Meta

from core.config_section import Section


class EnvVarKey(Section, frozen=True, tag="env_var", tag_field="type"):
    var_name: Annotated[str, Meta(min_length=1)]


class FileKey(Section, frozen=True, tag="file", tag_field="type"):
    path: Annotated[str, Meta(min_length=1)]


class SimulatorKey(Section, frozen=True, tag="simulator", tag_field="type"):
    """The publicly known test key that our simulator funds. Refused on any other network."""


KeySource = Union[EnvVarKey, FileKey, SimulatorKey]
