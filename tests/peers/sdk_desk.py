"""The official SDK as its own examples set it up (`setup(base_url)` there): a wallet, Info and Exchange on one address."""

from __future__ import annotations

from typing import Any

from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from venue_thread import VenueThread

DEXS = ["", "xyz", "test"]
GTC: Any = {"limit": {"tif": "Gtc"}}
ALO: Any = {"limit": {"tif": "Alo"}}
IOC: Any = {"limit": {"tif": "Ioc"}}


class SdkDesk:
    """One trader with the official SDK."""

    def __init__(self, venue: VenueThread, wallet: Any, **how: Any) -> None:
        self.venue = venue
        self.wallet = wallet
        self.address: str = how.get("account_address") or wallet.address
        self.info = Info(venue.url, skip_ws=True, perp_dexs=DEXS)
        self.exchange = Exchange(wallet, venue.url, perp_dexs=DEXS, **how)

    def position(self, coin: str) -> dict[str, Any] | None:
        dex = coin.split(":")[0] if ":" in coin else ""
        for held in self.info.user_state(self.address, dex)["assetPositions"]:
            if held["position"]["coin"] == coin:
                return dict(held["position"])
        return None


def one(result: Any) -> Any:
    """The only element of an answer's statuses."""
    assert result["status"] == "ok", result
    (status,) = result["response"]["data"]["statuses"]
    return status


def resting(result: Any) -> int:
    status = one(result)
    assert "resting" in status, status
    oid: int = status["resting"]["oid"]
    return oid


def filled(result: Any) -> dict[str, Any]:
    status = one(result)
    assert "filled" in status, status
    return dict(status["filled"])
