"""The desks that tests of the simulated exchange sit at."""

from __future__ import annotations

import pytest
from sim_desk import Desk


@pytest.fixture
def desk() -> Desk:
    """SNDK pinned at 1698 / 1699 with one whole share at each touch."""
    d = Desk()
    d.pin()
    d.later()
    return d


@pytest.fixture
def make_desk():
    return Desk
