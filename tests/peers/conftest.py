"""What every foreign client is tried against: a venue of its own with still markets."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from peer_accounts import ACCOUNTS
from venue_thread import QUIET, VenueThread

PEERS = Path(__file__).parents[2] / ".venv-peers"
"""Where `make peers` puts the clients that are not among our own dependencies."""

if PEERS.is_dir():
    sys.path.append(str(PEERS))  # at the end: what requirements.lock names comes from there

STILL = {
    "ETH": ("3199.5", "3200.5"),
    "xyz:SNDK": ("1698.1", "1698.6"),
    "test:ABC": ("9.998", "10.002"),
}


def still_venue(**changes: Any) -> VenueThread:
    return VenueThread(msgspec.structs.replace(QUIET, accounts=tuple(a.address for a in ACCOUNTS), **changes))


def hold_still(venue: VenueThread) -> None:
    for coin, (bid, ask) in STILL.items():
        venue.pin(coin, bid, ask, size="100")


@pytest.fixture
def venue() -> Iterator[VenueThread]:
    """ETH, xyz:SNDK and test:ABC stand still with plenty at the touch; BTC moves."""
    with still_venue() as running:
        hold_still(running)
        yield running


@pytest.fixture
def mainnet_venue() -> Iterator[VenueThread]:
    """The same, for clients that sign for mainnet."""
    with still_venue(network="mainnet") as running:
        hold_still(running)
        yield running
