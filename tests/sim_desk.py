"""A venue with a still market and one trader with a key, for tests of its rules."""

from __future__ import annotations

from decimal import Decimal

from core.hyperliquid.actions import canonical_action
from core.hyperliquid.signing import sign_l1_action, sign_user_action
from core.sim.exchange import PUBLIC_TEST_ACCOUNT, Exchange

TEST_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
OTHER_KEY = "0x0123456789012345678901234567890123456789012345678901234567890123"
OTHER_USER = "0x14791697260e4c9a71f18484c9f997b308e59325"
START_MS = 1_790_000_000_000
SNDK = 110016


def limit(is_buy, px, sz, *, tif="Gtc", reduce_only=False, a=SNDK, cloid=None):
    """An order as it stands in an action."""
    order = {"a": a, "b": is_buy, "p": px, "s": sz, "r": reduce_only, "t": {"limit": {"tif": tif}}}
    return order | ({"c": cloid} if cloid else {})


def trigger(tpsl, is_buy, trigger_px, sz, *, px=None, is_market=True, reduce_only=True, a=SNDK, cloid=None):
    """A stop or a take profit as it stands in an action."""
    how = {"trigger": {"isMarket": is_market, "triggerPx": trigger_px, "tpsl": tpsl}}
    order = {"a": a, "b": is_buy, "p": px or trigger_px, "s": sz, "r": reduce_only, "t": how}
    return order | ({"c": cloid} if cloid else {})


class Desk:
    """One exchange, a clock that is a number, and an ordinary client's habits."""

    def __init__(self, **settings) -> None:
        settings = {
            "seed": 7,
            "markets": (),
            "balance_usd": Decimal(1000),
            "start_ms": START_MS,
            "accounts": (OTHER_USER,),
        } | settings
        self.exchange = Exchange(**settings)
        self.now_ms = START_MS
        self._nonce = START_MS

    user = PUBLIC_TEST_ACCOUNT

    def pin(self, coin="xyz:SNDK", oracle="1700", bid="1698", ask="1699", size="1"):
        self.control(do="set_price", coin=coin, oracle=oracle, bid=bid, ask=ask, size=size)

    def control(self, **command):
        return self.exchange.control(command, self.now_ms)

    def next_nonce(self) -> int:
        self._nonce += 1
        return self._nonce

    def envelope(self, action, *, key=TEST_KEY, nonce=None, vault=None, expires=None, is_mainnet=False):
        nonce = self.next_nonce() if nonce is None else nonce
        signature = sign_l1_action(key, canonical_action(action), vault, nonce, expires, is_mainnet)
        return {
            "action": action,
            "nonce": nonce,
            "signature": signature,
            "vaultAddress": vault,
            "expiresAfter": expires,
        }

    def send(self, action, **how):
        """Answer of the exchange, as the wire has it."""
        return self.raw(self.envelope(action, **how))

    def raw(self, envelope):
        return self.exchange.submit(self.exchange.decode(envelope), self.now_ms).reply

    def send_own(self, kind, *, key=TEST_KEY, chain="Testnet", outer_nonce=None, vault=None, expires=None, **fields):
        """Answer to an action that its owner signs in their own name."""
        nonce = self.next_nonce()
        time_key = "time" if kind in ("usdSend", "withdraw3", "spotSend") else "nonce"
        action = {"type": kind, "signatureChainId": "0x66eee", "hyperliquidChain": chain, **fields, time_key: nonce}
        return self.raw(
            {
                "action": action,
                "nonce": nonce if outer_nonce is None else outer_nonce,
                "signature": sign_user_action(key, action),
                "vaultAddress": vault,
                "expiresAfter": expires,
            }
        )

    def orders(self, *orders, grouping="na", **how):
        """All elements of `statuses`."""
        reply = self.send({"type": "order", "orders": list(orders), "grouping": grouping}, **how)
        assert reply["status"] == "ok", reply
        return reply["response"]["data"]["statuses"]

    def front(self, user=PUBLIC_TEST_ACCOUNT, dex="xyz"):
        """frontendOpenOrders."""
        return self.info("frontendOpenOrders", user=user, dex=dex)

    def status(self, oid, user=PUBLIC_TEST_ACCOUNT):
        """The word that orderStatus has for an order."""
        answer = self.info("orderStatus", user=user, oid=oid)
        return answer["order"]["status"] if answer["status"] == "order" else answer["status"]

    def order(self, is_buy, px, sz, *, a=SNDK, tif="Ioc", reduce_only=False, cloid=None, **how):
        """The one element of `statuses`."""
        order = {"a": a, "b": is_buy, "p": px, "s": sz, "r": reduce_only, "t": {"limit": {"tif": tif}}}
        if cloid:
            order["c"] = cloid
        reply = self.send({"type": "order", "orders": [order], "grouping": "na"}, **how)
        assert reply["status"] == "ok", reply
        (status,) = reply["response"]["data"]["statuses"]
        return status

    def later(self, ms=70):
        """What users and markets are told about the time that passes."""
        self.now_ms += ms
        return self.exchange.advance(self.now_ms)

    def told(self, channel, user=PUBLIC_TEST_ACCOUNT):
        """What a user is told on a channel by the next block."""
        return [e.data for e in self.later().user_events if e.channel == channel and e.user == user]

    def info(self, kind, **fields):
        return self.exchange.info({"type": kind, **fields}, self.now_ms)

    def position(self, coin="xyz:SNDK", user=PUBLIC_TEST_ACCOUNT):
        dex = coin.split(":")[0] if ":" in coin else ""
        state = self.info("clearinghouseState", user=user, dex=dex)
        return {p["position"]["coin"]: p["position"] for p in state["assetPositions"]}.get(coin)

    def szi(self, coin="xyz:SNDK", user=PUBLIC_TEST_ACCOUNT):
        position = self.position(coin, user)
        return position["szi"] if position else "0.0"

    def account_value(self, dex="xyz", user=PUBLIC_TEST_ACCOUNT):
        return Decimal(self.info("clearinghouseState", user=user, dex=dex)["marginSummary"]["accountValue"])
