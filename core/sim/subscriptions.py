"""What can be subscribed to, and how a subscription is spelt back in its ack.

Three outcomes besides a good one: an invalid subscription is answered on the error channel; a market that does not exist, or an impossible
nSigFigs, kills the whole socket without a word. Easy to get wrong: the ack is not what was sent; defaults are filled in and users lower-cased.

PROTOCOL 6.2 to 6.6.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from core.sim.admission import ADDRESS
from core.sim.info import SIG_FIGS
from core.sim.universe import Universe
from core.sim.wire import Json

COIN_CHANNELS = ("l2Book", "bbo", "trades", "activeAssetCtx")
USER_CHANNELS = ("orderUpdates", "userFills", "userEvents", "clearinghouseState", "openOrders")


class InvalidSubscription(Exception):
    """Answered on the error channel; the socket lives on."""


class SocketKilled(Exception):
    """The venue drops the connection without a word."""


class Subscription(Struct, frozen=True):
    """A valid subscription."""

    kind: str
    echo: Json
    """As acked."""
    coin: str | None = None
    user: str | None = None
    dex: str = ""

    @property
    def key(self) -> str:
        """Equal for equal subscriptions."""
        return compact(self.echo)

    @property
    def channel(self) -> str:
        """The channel its frames come on."""
        return "user" if self.kind == "userEvents" else self.kind

    @property
    def is_fast(self) -> bool:
        return bool(self.echo.get("fast"))

    @property
    def sig_figs(self) -> int | None:
        figures: int | None = self.echo.get("nSigFigs")
        return figures


_encoder = msgspec.json.Encoder()


def compact(value: Any) -> str:
    """JSON without blanks."""
    return _encoder.encode(value).decode()


def read_subscription(raw: Any, universe: Universe) -> Subscription:
    """Read the `subscription` of a frame.

    Raises:
        InvalidSubscription: Unsupported type, bad user or unknown dex.
        SocketKilled: Unknown coin or impossible nSigFigs.
    """
    if not isinstance(raw, dict):
        raise InvalidSubscription
    kind = raw.get("type")
    if kind in COIN_CHANNELS:
        return _coin_subscription(kind, raw, universe)
    if kind in USER_CHANNELS:
        return _user_subscription(kind, raw, universe)
    if kind == "allMids":
        dex = _dex(raw, universe)
        return Subscription("allMids", {"type": "allMids", "dex": dex}, dex=dex)
    raise InvalidSubscription


def _coin_subscription(kind: str, raw: Json, universe: Universe) -> Subscription:
    coin = raw.get("coin")
    if not isinstance(coin, str):
        raise InvalidSubscription
    if coin not in universe.by_coin:
        raise SocketKilled
    echo: Json = {"type": kind, "coin": coin}
    if kind == "l2Book":
        figures, mantissa = raw.get("nSigFigs"), raw.get("mantissa")
        if figures not in (None, *SIG_FIGS) or mantissa not in (None, 2, 5):
            raise SocketKilled
        echo |= {"nSigFigs": figures, "mantissa": mantissa, "fast": bool(raw.get("fast", False))}
    return Subscription(kind, echo, coin=coin)


def _user_subscription(kind: str, raw: Json, universe: Universe) -> Subscription:
    user = raw.get("user")
    if not isinstance(user, str) or ADDRESS.fullmatch(user) is None:
        raise InvalidSubscription
    user = user.lower()
    echo: Json = {"type": kind, "user": user}
    dex = ""
    if kind == "userFills":
        echo["aggregateByTime"] = bool(raw.get("aggregateByTime", False))
    if kind in ("clearinghouseState", "openOrders"):
        dex = echo["dex"] = _dex(raw, universe)
    return Subscription(kind, echo, user=user, dex=dex)


def _dex(raw: Json, universe: Universe) -> str:
    dex = raw.get("dex") or ""
    if not isinstance(dex, str) or dex not in universe.by_dex:
        raise InvalidSubscription
    return dex
