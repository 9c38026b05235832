"""What ccxt is given to find the simulated exchange: its documented `urls` override, a wallet address and a key; nothing else.

Without set_sandbox_mode ccxt signs for mainnet, so the venue runs with network = "mainnet" here, as `hip3-tui sim --network mainnet` does.
"""

from __future__ import annotations

from typing import Any

import pytest
from venue_thread import VenueThread

WITHOUT_CCXT = "ccxt is not among our dependencies: `make peers` installs it apart and runs these tests"

ETH, SNDK, ABC = "ETH/USDC:USDC", "XYZ-SNDK/USDC:USDC", "TEST-ABC/USDC:USDC"


def need(module: str) -> Any:
    """The module, or skip the whole file."""
    return pytest.importorskip(module, reason=WITHOUT_CCXT)


def settings(venue: VenueThread, wallet: Any) -> dict[str, Any]:
    return {
        "walletAddress": wallet.address,
        "privateKey": wallet.key.to_0x_hex(),
        "enableRateLimit": False,
        "urls": {
            "api": {
                "public": venue.url,
                "private": venue.url,
                "ws": {"public": "ws" + venue.url.removeprefix("http") + "/ws"},
            }
        },
    }
