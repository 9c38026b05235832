"""Which subscriptions there are, how their acks spell them, and what is refused or kills the socket."""

from __future__ import annotations

import pytest

from core.sim.subscriptions import (
    COIN_CHANNELS,
    MARKET_CHANNELS,
    USER_CHANNELS,
    InvalidSubscription,
    SocketKilled,
    compact,
    read_subscription,
)
from core.sim.universe import real_universe

USER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
LOUD = USER.upper().replace("0X", "0x")
UNIVERSE = real_universe()


def read(**raw):
    return read_subscription(raw, UNIVERSE)


@pytest.mark.parametrize(
    ("raw", "more"),
    [
        ({"type": "l2Book", "coin": "BTC"}, {"nSigFigs": None, "mantissa": None, "fast": False}),
        ({"type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 2, "fast": None}, {"fast": False}),
        ({"type": "candle", "coin": "BTC", "interval": "1m"}, {}),
        ({"type": "trades", "coin": "PURR/USDC"}, {}),
        ({"type": "allMids"}, {"dex": ""}),
        ({"type": "allMids", "dex": None}, {"dex": ""}),
        ({"type": "allMids", "dex": "xyz"}, {}),
        ({"type": "assetCtxs"}, {"dex": ""}),
        ({"type": "userFills", "user": LOUD}, {"user": USER, "aggregateByTime": False}),
        ({"type": "openOrders", "user": LOUD}, {"user": USER, "dex": ""}),
        ({"type": "twapStates", "user": USER, "dex": "xyz"}, {}),
        ({"type": "spotState", "user": USER}, {"ignorePortfolioMargin": False}),
        ({"type": "activeAssetData", "user": LOUD, "coin": "xyz:SNDK"}, {"user": USER}),
        ({"type": "webData3", "user": LOUD, "unknown": 1}, {"user": USER}),
    ],
)
def test_the_echo_fills_in_defaults_and_lowers_users(raw, more):
    assert read(**raw).echo == {k: v for k, v in {**raw, **more}.items() if k != "unknown"}


@pytest.mark.parametrize("kind", COIN_CHANNELS)
def test_every_coin_channel_dies_of_an_unknown_coin(kind):
    for coin in ("btc", "SNDK", "XYZ:SNDK", "", "@99"):
        with pytest.raises(SocketKilled):
            read(type=kind, coin=coin, interval="1m")


@pytest.mark.parametrize("kind", USER_CHANNELS)
def test_every_account_channel_wants_an_address(kind):
    for user in (None, "", "me", USER[:-1], f"{USER} ", 5):
        with pytest.raises(InvalidSubscription):
            read(type=kind, user=user, coin="BTC")
    assert read(type=kind, user=LOUD, coin="BTC").user == USER


@pytest.mark.parametrize(
    "grouping", [{"nSigFigs": 1}, {"nSigFigs": 6}, {"nSigFigs": 5, "mantissa": 1}, {"mantissa": 2}]
)
def test_an_impossible_grouping_kills(grouping):
    with pytest.raises(SocketKilled):
        read(type="l2Book", coin="BTC", **grouping)


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "webData2", "user": USER},
        {"type": "allDexsOrderUpdates", "user": USER},
        {"type": "explorerBlock"},
        {"type": "nonsense"},
        {"type": ["bbo"], "coin": "BTC"},
        {"type": "bbo"},
        {"type": "bbo", "coin": 5},
        {"type": "candle", "coin": "BTC"},
        {"type": "candle", "coin": "BTC", "interval": "7m"},
        {"type": "l2Book", "coin": "BTC", "fast": "yes"},
        {"type": "allMids", "dex": "nope"},
        {"type": "openOrders", "user": USER, "dex": 7},
        {"type": "userFills", "user": USER, "aggregateByTime": 1},
        {},
    ],
)
def test_what_is_invalid(raw):
    with pytest.raises(InvalidSubscription):
        read(**raw)
    for wrong in (None, 5, "bbo", []):
        with pytest.raises(InvalidSubscription):
            read_subscription(wrong, UNIVERSE)


def test_channels_and_keys():
    assert read(type="userEvents", user=USER).channel == "user"
    assert read(type="activeAssetCtx", coin="PURR/USDC").channel == "activeSpotAssetCtx"
    for kind in MARKET_CHANNELS:
        assert read(type=kind).channel == kind
    assert read(type="userFills", user=LOUD).key == read(type="userFills", user=USER, aggregateByTime=False).key
    assert read(type="userFills", user=USER).key != read(type="userFills", user=USER, aggregateByTime=True).key


def test_a_clients_own_words_can_hold_numbers_beyond_64_bits():
    assert compact({"type": "x", "n": 2**70}) == '{"type":"x","n":1180591620717411303424}'
