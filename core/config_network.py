"""Which networks there are, and how a URL tells them apart.

Easy to get wrong: a place is not yet a set of rules; our simulator can rehearse either network (`Config.rules`).

SPEC 9.
"""

from __future__ import annotations

from enum import Enum
from urllib.parse import urlsplit

from core.config_errors import shown


class Network(Enum):
    """A place, read off the URLs; and whose rules apply there. The simulator is our own, on loopback."""

    MAINNET = "mainnet"
    TESTNET = "testnet"
    SIMULATOR = "simulator"


MAINNET_HOST = "api.hyperliquid.xyz"
TESTNET_HOST = "api.hyperliquid-testnet.xyz"
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


def network_of(url: str) -> Network:
    """Which network a URL belongs to.

    Raises:
        ValueError: Neither of the exchange's two hosts nor loopback.
    """
    host = urlsplit(url).hostname or ""
    if host == MAINNET_HOST:
        return Network.MAINNET
    if host == TESTNET_HOST:
        return Network.TESTNET
    if host in LOOPBACK_HOSTS:
        return Network.SIMULATOR
    raise ValueError(f"host {shown(host)}: allowed are {MAINNET_HOST}, {TESTNET_HOST}, or loopback for the simulator")
