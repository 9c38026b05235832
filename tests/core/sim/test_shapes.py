"""Everything the venue writes against samples of the real one: the same keys, the same kinds of values.

Keys that a sample has only sometimes are named with it; ours may have no key that no sample has.
"""

from __future__ import annotations

import base64
import json
import zlib

import pytest
from venue_samples import (
    ACTIVE,
    AGENT,
    AUCTION,
    CANDLE,
    DELEGATOR,
    DEX_LIMITS,
    FRONT,
    FUNDING,
    HISTORY,
    LIST_CTX,
    PERIOD,
    REFERRAL,
    SPOT_CTX,
    STATE,
    TRADE,
    USER,
    WEB_DATA_2,
    WEB_DATA_3,
    differences,
    golden,
)

from core.sim.feed import Feed

CLOID = "0x0000000000000000000000000000abcd"
HOUR_MS = 3_600_000


class Line:
    """A connection that keeps what it heard, by channel."""

    def __init__(self, desk):
        self.desk, self.feed = desk, Feed(desk.exchange)
        self.heard = []
        self.session = self.feed.open(lambda text: self.heard.append(json.loads(text)), desk.now_ms)

    def subscribe(self, **subscription):
        frame = json.dumps({"method": "subscribe", "subscription": subscription})
        self.feed.receive(self.session, frame, self.desk.now_ms)

    def live(self, ms=70):
        self.feed.publish(self.desk.later(ms), self.desk.now_ms)

    def of(self, channel):
        return [f for f in self.heard if f["channel"] == channel]


@pytest.fixture
def desk(desk):
    """A venue where something of everything has happened."""
    desk.control(do="approve_agent", user=USER, agent=AGENT, name="bot1")
    desk.order(True, "1700", "0.05", cloid=CLOID)
    desk.order(True, "1600", "0.05", tif="Gtc", cloid=CLOID)
    desk.order(False, "1800", "0.05", tif="Gtc", reduce_only=True)
    desk.later()
    return desk


ORDER_KEYS = frozenset({"cloid", "reduceOnly"})
FILL_KEYS = frozenset({"cloid"})

INFO = [
    ("info_clearinghouse_state", {"type": "clearinghouseState", "user": USER, "dex": "xyz"}, frozenset()),
    ("info_exchange_status", {"type": "exchangeStatus"}, frozenset()),
    ("info_l2_book", {"type": "l2Book", "coin": "xyz:SNDK"}, frozenset()),
    ("info_open_orders", {"type": "openOrders", "user": USER, "dex": "xyz"}, ORDER_KEYS),
    ("info_order_status", {"type": "orderStatus", "user": USER, "oid": CLOID}, frozenset()),
    ("info_order_status_unknown", {"type": "orderStatus", "user": USER, "oid": 1}, frozenset()),
    ("info_user_fills_by_time", {"type": "userFillsByTime", "user": USER, "startTime": 0}, FILL_KEYS),
    ("info_user_rate_limit", {"type": "userRateLimit", "user": USER}, frozenset()),
    ("info_user_role_agent", {"type": "userRole", "user": AGENT}, frozenset()),
    (
        "info_meta_xyz",
        {"type": "meta", "dex": "xyz"},
        frozenset({"growthMode", "lastGrowthModeChangeTime", "onlyIsolated", "marginMode", "isDelisted", "deployerFeeScale"}),
    ),
    (
        "info_user_fees",
        {"type": "userFees", "user": USER},
        frozenset({"tiers", "spotCross", "spotAdd", "referralDiscount", "stakingDiscountTiers", "feeTrialEscrow",
                   "nextTrialAvailableTimestamp", "stakingLink", "activeStakingDiscount"}),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "request_", "optional"), INFO, ids=[row[0] for row in INFO])
def test_info_is_shaped_like_the_samples(desk, name, request_, optional):
    assert differences(golden(name), desk.exchange.info(request_, desk.now_ms), optional) == []


def test_the_list_of_dexes_begins_with_null(desk):
    main, *ours = desk.info("perpDexs")
    optional = {"feeRecipient", "assetToStreamingOiCap", "subDeployers", "lastDeployerFeeScaleChangeTime"}
    assert main is None
    assert (
        differences(
            golden("info_perp_dexs")[1:], ours, optional | {"assetToFundingInterestRate", "assetToFundingClamp"}
        )
        == []
    )


ANSWERS = [
    ({"type": "metaAndAssetCtxs", "dex": "xyz"}, [None, [LIST_CTX]]),
    ({"type": "frontendOpenOrders", "user": USER, "dex": "xyz"}, [FRONT]),
    ({"type": "historicalOrders", "user": USER}, [HISTORY]),
    ({"type": "userFills", "user": USER}, golden("info_user_fills_by_time")),
    ({"type": "recentTrades", "coin": "xyz:SNDK"}, [TRADE]),
    ({"type": "candleSnapshot", "req": {"coin": "xyz:SNDK", "interval": "1m", "startTime": 0}}, [CANDLE]),
    ({"type": "userFunding", "user": USER, "startTime": 0},
     [{"time": 1, "hash": "0x6c35", "delta": {"type": "funding", **{k: v for k, v in FUNDING.items() if k != "time"}}}]),
    ({"type": "fundingHistory", "coin": "BTC", "startTime": 0},
     [{"coin": "BTC", "fundingRate": "0.0000125", "premium": "0.0", "time": 1}]),
    ({"type": "predictedFundings"},
     [["BTC", [["HlPerp", {"fundingRate": "0.0000125", "nextFundingTime": 1, "fundingIntervalHours": 1}]]]]),
    ({"type": "userNonFundingLedgerUpdates", "user": USER, "startTime": 0}, []),
    ({"type": "extraAgents", "user": USER}, [{"name": "bot1", "address": AGENT, "validUntil": None}]),
    ({"type": "activeAssetData", "user": USER, "coin": "xyz:SNDK"}, ACTIVE),
    ({"type": "activeAssetData", "user": USER, "coin": "xyz:INTC"},
     {"user": USER, "coin": "xyz:INTC", "leverage": {"type": "isolated", "value": 10, "rawUsd": "0.0"},
      "maxTradeSzs": ["1.2", "1.3"], "availableToTrade": ["200.0", "210.0"], "markPx": "36.0"}),
    ({"type": "perpDexLimits", "dex": "xyz"},
     DEX_LIMITS),
    ({"type": "perpDexLimits"}, None),
    ({"type": "perpDexStatus", "dex": "xyz"}, {"totalNetDeposit": "1.0"}),
    ({"type": "perpsAtOpenInterestCap"}, []),
    ({"type": "marginTable", "id": 10}, {"description": "", "marginTiers": [{"lowerBound": "0.0", "maxLeverage": 10}]}),
    ({"type": "maxMarketOrderNtls"}, [[1, "BTC"]]),
    ({"type": "userAbstraction", "user": USER}, "disabled"),
    ({"type": "userDexAbstraction", "user": USER}, False),
    ({"type": "spotMetaAndAssetCtxs"}, [None, [SPOT_CTX]]),
    ({"type": "spotClearinghouseState", "user": USER}, {"balances": []}),
    ({"type": "webData2", "user": USER},
     WEB_DATA_2),
    ({"type": "portfolio", "user": USER}, [["day", PERIOD]]),
    ({"type": "referral", "user": USER},
     REFERRAL),
    ({"type": "subAccounts", "user": USER}, None),
    ({"type": "subAccounts2", "user": USER}, None),
    ({"type": "vaultDetails", "vaultAddress": AGENT}, None),
    ({"type": "userVaultEquities", "user": USER}, []),
    ({"type": "delegations", "user": USER}, []),
    ({"type": "delegatorSummary", "user": USER},
     DELEGATOR),
    ({"type": "delegatorHistory", "user": USER}, []),
    ({"type": "delegatorRewards", "user": USER}, []),
    ({"type": "maxBuilderFee", "user": USER, "builder": AGENT}, 0),
    ({"type": "approvedBuilders", "user": USER}, []),
    ({"type": "userToMultiSigSigners", "user": USER}, None),
    ({"type": "legalCheck", "user": USER}, {"ipAllowed": True, "acceptedTerms": True, "userAllowed": True}),
    ({"type": "isVip", "user": USER}, False),
    ({"type": "preTransferCheck", "user": USER, "source": USER},
     {"fee": "0.0", "isSanctioned": False, "userExists": True, "userHasSentTx": True}),
    ({"type": "userTwapSliceFills", "user": USER}, []),
    ({"type": "twapHistory", "user": USER}, []),
    ({"type": "perpDeployAuctionStatus"}, AUCTION),
    ({"type": "spotDeployState", "user": USER}, {"states": [], "gasAuction": AUCTION}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "sample"), ANSWERS, ids=[f"{i}-{row[0]['type']}" for i, row in enumerate(ANSWERS)]
)
def test_other_answers(desk, request_, sample):
    desk.later(HOUR_MS)
    ours = desk.exchange.info(request_, desk.now_ms)
    if sample in ([], None):
        assert ours == sample
    else:
        assert differences(sample, ours, FILL_KEYS) == []


# channels --------------------------------------------------------------------------------------------------------------


CHANNELS = [
    ({"type": "activeAssetCtx", "coin": "xyz:SNDK"}, golden("ws_active_asset_ctx")),
    ({"type": "activeAssetCtx", "coin": "MATIC"}, golden("ws_active_asset_ctx_empty_book")),
    ({"type": "activeAssetCtx", "coin": "PURR/USDC"}, {"channel": "activeSpotAssetCtx", "data": {"coin": "a", "ctx": SPOT_CTX}}),
    ({"type": "bbo", "coin": "xyz:SNDK"}, golden("ws_bbo")),
    ({"type": "l2Book", "coin": "xyz:SNDK"}, golden("ws_l2book")),
    ({"type": "l2Book", "coin": "BTC", "fast": True}, golden("ws_l2book_fast")),
    ({"type": "trades", "coin": "xyz:SNDK"}, {"channel": "trades", "data": [TRADE]}),
    ({"type": "candle", "coin": "xyz:SNDK", "interval": "1m"}, {"channel": "candle", "data": CANDLE}),
    ({"type": "allMids"}, {"channel": "allMids", "data": {"mids": None}}),
    ({"type": "allDexsAssetCtxs"}, {"channel": "allDexsAssetCtxs", "data": {"ctxs": [["", [LIST_CTX]]]}}),
    ({"type": "assetCtxs", "dex": "xyz"}, {"channel": "assetCtxs", "data": {"dex": "xyz", "ctxs": [LIST_CTX]}}),
    ({"type": "spotAssetCtxs"}, {"channel": "spotAssetCtxs", "data": [SPOT_CTX]}),
    ({"type": "userFills", "user": USER}, golden("ws_user_fills_snapshot")),
    ({"type": "userFundings", "user": USER},
     {"channel": "userFundings", "data": {"isSnapshot": True, "user": USER, "fundings": []}}),
    ({"type": "userNonFundingLedgerUpdates", "user": USER},
     {"channel": "userNonFundingLedgerUpdates",
      "data": {"isSnapshot": True, "user": USER, "nonFundingLedgerUpdates": []}}),
    ({"type": "userHistoricalOrders", "user": USER},
     {"channel": "userHistoricalOrders", "data": {"isSnapshot": True, "user": USER, "orderHistory": [HISTORY]}}),
    ({"type": "userTwapSliceFills", "user": USER},
     {"channel": "userTwapSliceFills", "data": {"isSnapshot": True, "user": USER, "twapSliceFills": []}}),
    ({"type": "userTwapHistory", "user": USER},
     {"channel": "userTwapHistory", "data": {"isSnapshot": True, "user": USER, "history": []}}),
    ({"type": "twapStates", "user": USER}, {"channel": "twapStates", "data": {"dex": "", "user": USER, "states": []}}),
    ({"type": "clearinghouseState", "user": USER, "dex": "xyz"},
     {"channel": "clearinghouseState", "data": {"dex": "xyz", "user": USER, "clearinghouseState": STATE}}),
    ({"type": "openOrders", "user": USER, "dex": "xyz"},
     {"channel": "openOrders", "data": {"dex": "xyz", "user": USER, "orders": [FRONT]}}),
    ({"type": "spotState", "user": USER}, {"channel": "spotState", "data": {"user": USER, "spotState": {"balances": []}}}),
    ({"type": "activeAssetData", "user": USER, "coin": "xyz:SNDK"}, {"channel": "activeAssetData", "data": ACTIVE}),
    ({"type": "webData3", "user": USER},
     {"channel": "webData3", "data": WEB_DATA_3}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("subscription", "sample"), CHANNELS, ids=[f"{i}-{row[0]['type']}" for i, row in enumerate(CHANNELS)]
)
def test_snapshots(desk, subscription, sample):
    line = Line(desk)
    line.subscribe(**subscription)
    ack, first = line.heard
    assert ack["channel"] == "subscriptionResponse"
    assert differences(sample, first, FILL_KEYS) == []


def test_all_states_at_once(desk):
    line = Line(desk)
    line.subscribe(type="allDexsClearinghouseState", user=USER)
    data = line.heard[1]["data"]
    assert [name for name, _ in data["clearinghouseStates"]] == [d.name for d in desk.exchange.venue.universe.dexes]
    assert differences(STATE, dict(data["clearinghouseStates"])["xyz"]) == []


def test_fast_contexts_are_packed_and_then_only_what_changed(desk):
    def unpacked(frame):
        return json.loads(zlib.decompress(base64.b64decode(frame["data"]), -zlib.MAX_WBITS))

    line = Line(desk)
    line.subscribe(type="fastAssetCtxs")
    for _ in range(30):
        line.live()
    frames = [unpacked(f) for f in line.of("fastAssetCtxs")]
    assert frames[0]["xyz:SNDK"] == {"markPx": "1699.1", "midPx": "1698.5"}
    assert frames[0]["MATIC"]["midPx"] is None
    desk.pin(bid="1690", ask="1691")
    for _ in range(30):
        line.live()
    assert [list(unpacked(f)) for f in line.of("fastAssetCtxs")[len(frames) :]] == [["xyz:SNDK"]]


LIVE = [
    ("orderUpdates", "ws_order_updates_open_then_filled", ORDER_KEYS),
    ("userFills", "ws_user_fills_live", FILL_KEYS),
    ("user", "ws_user_fills", FILL_KEYS),
]


@pytest.mark.parametrize(("channel", "name", "optional"), LIVE, ids=[row[0] for row in LIVE])
def test_live_frames(desk, channel, name, optional):
    line = Line(desk)
    line.subscribe(type="userEvents" if channel == "user" else channel, user=USER)
    line.live()
    line.heard.clear()
    desk.order(True, "1700", "0.05", cloid=CLOID)
    line.live()
    assert differences(golden(name), line.of(channel)[0], optional) == []


def test_an_order_that_met_nobody(desk):
    line = Line(desk)
    line.subscribe(type="orderUpdates", user=USER)
    line.live()
    line.heard.clear()
    desk.order(False, "1750", "0.05", reduce_only=True)
    line.live()
    assert differences(golden("ws_order_updates_ioc_no_match"), line.of("orderUpdates")[0]) == []


def test_funding_on_every_channel(desk):
    line = Line(desk)
    for subscription in ("userEvents", "userFundings"):
        line.subscribe(type=subscription, user=USER)
    line.heard.clear()
    line.live(HOUR_MS)
    (event,) = [f for f in line.of("user") if "funding" in f["data"]]
    assert differences(golden("ws_user_funding"), event) == []
    (live,) = line.of("userFundings")
    assert differences({"user": USER, "fundings": [FUNDING]}, live["data"]) == []
    again = Line(desk)
    again.subscribe(type="userFundings", user=USER)
    assert again.heard[1]["data"] == {"isSnapshot": True, **live["data"]}


def test_orders_that_the_account_did_not_end_itself(desk):
    line = Line(desk)
    line.subscribe(type="userHistoricalOrders", user=USER)
    line.heard.clear()
    (resting,) = (o for o in desk.info("openOrders", user=USER, dex="xyz") if o["limitPx"] == "1600.0")
    desk.send({"type": "cancel", "cancels": [{"a": 110016, "o": resting["oid"]}]})
    line.live()
    (frame,) = line.of("userHistoricalOrders")
    assert differences({"user": USER, "orderHistory": [HISTORY]}, frame["data"]) == []
    assert frame["data"]["orderHistory"][-1]["status"] == "canceled"


def test_the_comparison_sees_differences():
    assert differences({"a": "1.0"}, {"a": 1.0}) == ["$.a: '1.0' but 1.0"]
    assert differences({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}) == ["$.a[0]: c is new"]
    assert differences(["x", 1], ["x", "1"]) == ["$[1]: 1 but '1'"]
    assert differences({"a": 1}, {}) == ["$: without a"]
