"""The scenario file: read and checked, or refused with one line that names it.

Issue 4 part 5.
"""

from __future__ import annotations

from pathlib import Path

from core.runtime.config_file import read_text
from core.sim.scenario import Scenario, parse_scenario


def load_scenario(path: Path) -> Scenario:
    """Read and check a scenario.

    Raises:
        ConfigError: It cannot be read, or what it says cannot be played.
    """
    return parse_scenario(read_text(path, "scenario file"), str(path))
