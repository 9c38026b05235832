"""An account at the simulated exchange, filled by hand: positions and orders on any dex, as an operator or another program would leave them."""

from __future__ import annotations

import json
import time
import urllib.request
from decimal import Decimal
from typing import Any

from core.hyperliquid.actions import envelope
from core.hyperliquid.signing import action_hash, l1_digest
from core.hyperliquid.signing_key import SigningKey
from core.model.rounding import format_price, format_size
from core.runtime.keys import TEST_ADDRESS, TEST_KEY

MARKETS = {
    "": ("BTC", "ETH", "SOL"),
    "xyz": ("xyz:SNDK", "xyz:NVDA", "xyz:TSLA", "xyz:HOOD", "xyz:AAPL", "xyz:AMD"),
    "test": ("test:ABC",),
}
"""Ten markets on three dexes."""


class TestAccount:
    """The public test account, or whoever has the key. Args: port: of the simulator."""

    __test__ = False

    def __init__(self, port: int, key: str = TEST_KEY, account: str = TEST_ADDRESS) -> None:
        self.port = port
        self.address = account
        self.is_mainnet = False
        """Which letter is signed."""
        self.vault: str | None = None
        """The sub-account that is acted for."""
        self._key = SigningKey.from_hex(key)
        self._nonce = int(time.time() * 1000) - 60_000
        self._specs: dict[str, tuple[int, int]] = {}

    def info(self, **body: Any) -> Any:
        return self._post("info", body)

    def positions(self) -> dict[str, Decimal]:
        found = {}
        for dex in MARKETS:
            state = self.info(type="clearinghouseState", user=self.address, dex=dex)
            found.update({p["position"]["coin"]: Decimal(p["position"]["szi"]) for p in state["assetPositions"]})
        return found

    def open_orders(self) -> list[Any]:
        return [o for dex in MARKETS for o in self.info(type="openOrders", user=self.address, dex=dex)]

    # --- acting --------------------------------------------------------------------------------------------------------------

    def act(self, action: dict[str, Any], nonce: int | None = None) -> list[Any]:
        """Sign and send; the statuses of its items."""
        statuses: list[Any] = self.answer_to(action, nonce).get("data", {}).get("statuses", [])
        return statuses

    def answer_to(self, action: dict[str, Any], nonce: int | None = None) -> Any:
        """Sign and send; what the exchange says of it."""
        self._nonce += 1
        used = self._nonce if nonce is None else nonce
        signature = self._key.sign_digest(l1_digest(action_hash(action, self.vault, used, None), self.is_mainnet))
        answer = self._post("exchange", envelope(action, used, signature, self.vault, None))
        assert answer["status"] == "ok", answer
        return answer["response"]

    def hold(self, coin: str, usd: int = 30, *, short: bool = False) -> None:
        """Have a position of about so many dollars."""
        _, mid = self._market(coin)
        status = self.act(
            self._orders([self._order(coin, not short, mid * Decimal("0.97" if short else "1.03"), usd, "Ioc")])
        )
        assert "filled" in status[0], (coin, status)

    def rest(self, coin: str, count: int, usd: int = 12) -> None:
        """Have that many orders far below the market."""
        _, mid = self._market(coin)
        orders = [
            self._order(coin, True, mid * (Decimal("0.8") - Decimal("0.001") * i), usd, "Gtc") for i in range(count)
        ]
        for status in self.act(self._orders(orders)):
            assert "resting" in status, (coin, status)

    def rest_trigger(self, coin: str, tpsl: str = "sl") -> None:
        """Have a stop loss of a long position."""
        _, mid = self._market(coin)
        trigger = format_price(mid * Decimal("0.9"), False, self._specs[coin][1])
        order = self._order(coin, False, mid * Decimal("0.85"), 12, "Gtc")
        order |= {"r": True, "t": {"trigger": {"isMarket": True, "triggerPx": trigger, "tpsl": tpsl}}}
        (status,) = self.act(self._orders([order]))
        assert status == "waitingForTrigger" or "resting" in status, status

    def begin_twap(self, coin: str, usd: int = 150, minutes: int = 5) -> int:
        """Have a TWAP that buys for some minutes; its id."""
        asset, mid = self._market(coin)
        size = format_size(Decimal(usd) / mid, self._specs[coin][1])
        asked = {"a": asset, "b": True, "s": size, "r": False, "m": minutes, "t": False}
        status = self.answer_to({"type": "twapOrder", "twap": asked})["data"]["status"]
        assert "running" in status, status
        twap_id: int = status["running"]["twapId"]
        return twap_id

    def fill_up(self, positions: int = 10, orders: int = 100) -> None:
        """That many positions, long and short, and orders, spread over all dexes."""
        coins = [coin for dex in MARKETS.values() for coin in dex][:positions]
        for i, coin in enumerate(coins):
            self.hold(coin, short=i % 3 == 2)
            count = orders // len(coins) + (i < orders % len(coins))
            if count:
                self.rest(coin, count)
        assert len(self.positions()) == positions
        assert len(self.open_orders()) == orders

    def asset_id(self, coin: str) -> int:
        self._market(coin)
        return self._specs[coin][0]

    # --- inside --------------------------------------------------------------------------------------------------------------

    def _market(self, coin: str) -> tuple[int, Decimal]:
        dex = coin.partition(":")[0] if ":" in coin else ""
        if coin not in self._specs:
            dexes = [d["name"] if d else "" for d in self.info(type="perpDexs")]
            index = dexes.index(dex)
            for i, m in enumerate(self.info(type="meta", dex=dex)["universe"]):
                self._specs[m["name"]] = (i if not index else 100_000 + 10_000 * index + i, m["szDecimals"])
        return self._specs[coin][0], Decimal(self.info(type="allMids", dex=dex)[coin])

    def _order(self, coin: str, is_buy: bool, px: Decimal, usd: int, tif: str) -> dict[str, Any]:
        asset, sz_decimals = self._specs[coin]
        size = format_size(Decimal(usd) / px + Decimal(1).scaleb(-sz_decimals), sz_decimals)
        price = format_price(px, is_buy, sz_decimals)
        return {"a": asset, "b": is_buy, "p": price, "s": size, "r": False, "t": {"limit": {"tif": tif}}}

    def _orders(self, orders: list[dict[str, Any]]) -> dict[str, Any]:
        return {"type": "order", "orders": orders, "grouping": "na"}

    def _post(self, road: str, body: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{road}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read())
