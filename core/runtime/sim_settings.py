"""Faults of the simulator that a config file or the command line asks for: checked before anything is started.

Turns text into settings, or into one ConfigError that says what is allowed. Easy to get wrong: whether a coin is listed is known to the
exchange alone, so that much is refused when it starts.

SPEC 9; issue 4 part 4.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from core.config import ConfigError, SimConfig
from core.config_faults import FaultConfig
from core.sim.fault_list import FaultError, check_settings
from core.sim.fault_text import read_fault, settings_of, told


def check_faults(faults: Iterable[FaultConfig], source: str) -> None:
    """That each exists and takes what is set.

    Raises:
        ConfigError: Names the file and the place in it.
    """
    for i, fault in enumerate(faults):
        try:
            check_settings(fault.name, settings_of(fault))
        except FaultError as e:
            raise ConfigError(f"{source}: sim.faults[{i}]: {e}") from None


def with_faults(settings: SimConfig, texts: Iterable[str]) -> SimConfig:
    """The settings, with the faults that the command line names after those of the file.

    Raises:
        ConfigError: One of them is not a fault.
    """
    try:
        added = [msgspec.convert(read_fault(text), FaultConfig) for text in texts]
    except FaultError as e:
        raise ConfigError(f"--fault {e}; hip3-tui sim --list-faults explains each") from None
    return msgspec.structs.replace(settings, faults=(*settings.faults, *added))


def faults_told() -> str:
    """Every fault in a line."""
    return told()
