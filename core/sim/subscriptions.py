"""What can be subscribed to, and how a subscription is spelt back in its ack.

Three outcomes besides a good one: an invalid subscription is answered on the error channel; a market that does not exist, or an impossible
nSigFigs, kills the whole socket without a word. Easy to get wrong: the ack is not what was sent; defaults are filled in and users lower-cased.

PROTOCOL 6.2 to 6.6.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import Struct

from core.sim.admission import ADDRESS
from core.sim.candles import INTERVALS
from core.sim.info_markets import is_grouping
from core.sim.universe import Universe
from core.sim.wire import Json
from core.sim.wire_spot import PAIRS

COIN_CHANNELS = ("l2Book", "bbo", "trades", "activeAssetCtx", "candle")
USER_CHANNELS = (
    "orderUpdates",
    "userFills",
    "userEvents",
    "userFundings",
    "userNonFundingLedgerUpdates",
    "userHistoricalOrders",
    "userTwapSliceFills",
    "userTwapHistory",
    "twapStates",
    "notification",
    "clearinghouseState",
    "allDexsClearinghouseState",
    "openOrders",
    "activeAssetData",
    "webData3",
    "spotState",
)
MARKET_CHANNELS = ("allMids", "assetCtxs", "allDexsAssetCtxs", "fastAssetCtxs", "spotAssetCtxs")
_OF_ONE_DEX = ("allMids", "assetCtxs", "clearinghouseState", "openOrders", "twapStates")


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
        if self.kind == "userEvents":
            return "user"
        return "activeSpotAssetCtx" if self.kind == "activeAssetCtx" and self.coin in PAIRS else self.kind

    @property
    def is_fast(self) -> bool:
        return bool(self.echo.get("fast"))

    @property
    def is_aggregated(self) -> bool:
        return bool(self.echo.get("aggregateByTime"))

    @property
    def sig_figs(self) -> int | None:
        figures: int | None = self.echo.get("nSigFigs")
        return figures

    @property
    def mantissa(self) -> int | None:
        mantissa: int | None = self.echo.get("mantissa")
        return mantissa


_encoder = msgspec.json.Encoder()


def compact(value: Any) -> str:
    """JSON without blanks."""
    try:
        return _encoder.encode(value).decode()
    except OverflowError:  # an integer of more than 64 bits, which only a client's own words can hold
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


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
    if kind in MARKET_CHANNELS:
        echo: Json = {"type": kind}
        return Subscription(kind, echo, dex=_add_dex(echo, raw, universe))
    raise InvalidSubscription


def _coin_subscription(kind: str, raw: Json, universe: Universe) -> Subscription:
    echo: Json = {"type": kind}
    coin = _add_coin(echo, raw, universe)
    if kind == "l2Book":
        figures, mantissa = raw.get("nSigFigs"), raw.get("mantissa")
        if not is_grouping(figures, mantissa):
            raise SocketKilled
        echo |= {"nSigFigs": figures, "mantissa": mantissa, "fast": _flag(raw, "fast")}
    if kind == "candle":
        echo["interval"] = raw.get("interval")
        if not isinstance(echo["interval"], str) or echo["interval"] not in INTERVALS:
            raise InvalidSubscription
    return Subscription(kind, echo, coin=coin)


def _user_subscription(kind: str, raw: Json, universe: Universe) -> Subscription:
    user = raw.get("user")
    if not isinstance(user, str) or ADDRESS.fullmatch(user) is None:
        raise InvalidSubscription
    user = user.lower()
    echo: Json = {"type": kind, "user": user}
    coin = None
    if kind == "userFills":
        echo["aggregateByTime"] = _flag(raw, "aggregateByTime")
    if kind == "spotState":
        echo["ignorePortfolioMargin"] = _flag(raw, "ignorePortfolioMargin")
    if kind == "activeAssetData":
        coin = _add_coin(echo, raw, universe, has_spot=False)
    return Subscription(kind, echo, coin=coin, user=user, dex=_add_dex(echo, raw, universe))


def _add_coin(echo: Json, raw: Json, universe: Universe, *, has_spot: bool = True) -> str:
    coin = raw.get("coin")
    if not isinstance(coin, str):
        raise InvalidSubscription
    if coin not in universe.by_coin and not (has_spot and coin in PAIRS):
        raise SocketKilled
    echo["coin"] = coin
    return coin


def _add_dex(echo: Json, raw: Json, universe: Universe) -> str:
    if echo["type"] not in _OF_ONE_DEX:
        return ""
    dex = raw.get("dex") or ""
    if not isinstance(dex, str) or dex not in universe.by_dex:
        raise InvalidSubscription
    echo["dex"] = dex
    return dex


def _flag(raw: Json, key: str) -> bool:
    value = raw.get(key)
    if value is not None and not isinstance(value, bool):
        raise InvalidSubscription
    return bool(value)
