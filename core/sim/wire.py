"""How the venue writes what it knows: JSON shapes of orders, fills, books, contexts and accounts.

Builds dictionaries and decides nothing. Easy to get wrong: numbers are strings and whole ones end in ".0"; optional keys (cloid,
reduceOnly, isSnapshot) are absent, not null, except in the frontend shapes, where they are null.

PROTOCOL 2.3, 6.5, 6.6, 7, 8.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Struct

from core.model.market import MarginMode
from core.model.rounding import wire_text
from core.sim.accounts import MAKER_RATE, TAKER_RATE, Account, margin_of
from core.sim.book import Level
from core.sim.market import CoinMarket
from core.sim.orders import OPEN, OrderRecord
from core.sim.universe import Dex, Listing, Universe

Json = dict[str, Any]

STRANGER = "0x" + "5" * 40
"""The other side of trades with the market's own liquidity."""

_USD = Decimal("0.000001")
CENT = Decimal("0.01")


class Fill(Struct, frozen=True):
    """One side of one trade, as its user is told."""

    user: str
    coin: str
    px: Decimal
    sz: Decimal
    is_buy: bool
    time: int
    start_position: Decimal
    direction: str
    closed_pnl: Decimal
    hash: str
    oid: int
    crossed: bool
    fee: Decimal
    tid: int
    cloid: str | None


class Trade(Struct, frozen=True):
    """A public print."""

    coin: str
    is_buy: bool
    px: Decimal
    sz: Decimal
    time: int
    hash: str
    tid: int
    users: tuple[str, str]


def number(value: Decimal) -> str:
    """A number as the venue prints it: `1698.1`, `0.05`, `95000.0`, `0.0`."""
    text = wire_text(value)
    return text if "." in text else text + ".0"


def usd(value: Decimal) -> str:
    return number(value.quantize(_USD))


def side(is_buy: bool) -> str:
    return "B" if is_buy else "A"


# orders ----------------------------------------------------------------------------------------------------------------


def basic_order(order: OrderRecord) -> Json:
    """As orderUpdates and openOrders have it."""
    shape: Json = {
        "coin": order.coin,
        "side": side(order.is_buy),
        "limitPx": number(order.limit_px),
        "sz": number(order.sz),
        "oid": order.oid,
        "timestamp": order.timestamp,
        "origSz": number(order.orig_sz),
    }
    if order.cloid is not None:
        shape["cloid"] = order.cloid
    if order.reduce_only:
        shape["reduceOnly"] = True
    return shape


def order_update(order: OrderRecord, status: str | None = None) -> Json:
    return {
        "order": basic_order(order),
        "status": status or order.status,
        "statusTimestamp": order.status_timestamp,
    }


def frontend_order(order: OrderRecord) -> Json:
    return {
        "coin": order.coin,
        "side": side(order.is_buy),
        "limitPx": number(order.limit_px),
        "sz": number(order.sz),
        "oid": order.oid,
        "timestamp": order.timestamp,
        "triggerCondition": "N/A",
        "isTrigger": False,
        "triggerPx": "0.0",
        "children": [],
        "isPositionTpsl": False,
        "reduceOnly": order.reduce_only,
        "orderType": "Limit",
        "origSz": number(order.orig_sz),
        "tif": order.tif,
        "cloid": order.cloid,
    }


def history_order(order: OrderRecord) -> Json:
    return {"order": frontend_order(order), "status": order.status, "statusTimestamp": order.status_timestamp}


def resting_status(order: OrderRecord) -> Json:
    inner: Json = {"oid": order.oid}
    if order.cloid is not None:
        inner["cloid"] = order.cloid
    return {"resting": inner}


def filled_status(order: OrderRecord, total_sz: Decimal, avg_px: Decimal) -> Json:
    inner: Json = {"totalSz": number(total_sz), "avgPx": number(avg_px), "oid": order.oid}
    if order.cloid is not None:
        inner["cloid"] = order.cloid
    return {"filled": inner}


# fills and trades ------------------------------------------------------------------------------------------------------


def fill(f: Fill) -> Json:
    shape: Json = {
        "coin": f.coin,
        "px": number(f.px),
        "sz": number(f.sz),
        "side": side(f.is_buy),
        "time": f.time,
        "startPosition": number(f.start_position),
        "dir": f.direction,
        "closedPnl": usd(f.closed_pnl),
        "hash": f.hash,
        "oid": f.oid,
        "crossed": f.crossed,
        "fee": usd(f.fee),
        "tid": f.tid,
        "feeToken": "USDC",
        "twapId": None,
    }
    if f.cloid is not None:
        shape["cloid"] = f.cloid
    return shape


def trade(t: Trade) -> Json:
    return {
        "coin": t.coin,
        "side": side(t.is_buy),
        "px": number(t.px),
        "sz": number(t.sz),
        "time": t.time,
        "hash": t.hash,
        "tid": t.tid,
        "users": list(t.users),
    }


# books and contexts ----------------------------------------------------------------------------------------------------


def level(x: Level) -> Json:
    return {"px": number(x.px), "sz": number(x.sz), "n": x.n}


def l2_book(coin: str, bids: list[Level], asks: list[Level], now_ms: int) -> Json:
    return {"coin": coin, "time": now_ms, "levels": [[level(x) for x in bids], [level(x) for x in asks]]}


def bbo(coin: str, bid: Level | None, ask: Level | None, now_ms: int) -> Json:
    return {"coin": coin, "time": now_ms, "bbo": [bid and level(bid), ask and level(ask)]}


def asset_ctx(market: CoinMarket) -> Json:
    mid = market.mid_px
    premium = None if mid is None else usd((mid - market.oracle_px) / market.oracle_px)
    return {
        "funding": "0.0000125",
        "openInterest": number(market.open_interest),
        "prevDayPx": number(market.prev_day_px),
        "dayNtlVlm": usd(market.day_usd),
        "premium": premium,
        "oraclePx": number(market.oracle_px),
        "markPx": number(market.mark_px),
        "midPx": None if mid is None else number(mid),
        "impactPxs": None if mid is None else [number(market.bids[0].px), number(market.asks[0].px)],
        "dayBaseVlm": number(market.day_base),
    }


# universes -------------------------------------------------------------------------------------------------------------


def universe_entry(m: Listing) -> Json:
    spec = m.spec
    shape: Json = {
        "szDecimals": spec.sz_decimals,
        "name": m.coin,
        "maxLeverage": spec.max_leverage,
        "marginTableId": spec.max_leverage,
    }
    if spec.margin_mode is not MarginMode.CROSS:
        shape["onlyIsolated"] = True
        shape["marginMode"] = spec.margin_mode.value
    if spec.growth_mode:
        shape["growthMode"] = "enabled"
        shape["lastGrowthModeChangeTime"] = "2025-11-23T17:37:10.033211662"
    if spec.is_delisted:
        shape["isDelisted"] = True
    return shape


def meta(dex: Dex) -> Json:
    tables = sorted({m.spec.max_leverage for m in dex.listings})
    return {
        "universe": [universe_entry(m) for m in dex.listings],
        "marginTables": [
            [n, {"description": "", "marginTiers": [{"lowerBound": "0.0", "maxLeverage": n}]}] for n in tables
        ],
        "collateralToken": 0,
    }


def perp_dexs(universe: Universe) -> list[Json | None]:
    shapes: list[Json | None] = [None]
    for dex in universe.dexes[1:]:
        shapes.append(
            {
                "name": dex.name,
                "fullName": dex.full_name,
                "deployer": dex.deployer,
                "oracleUpdater": None,
                "feeRecipient": dex.deployer,
                "assetToStreamingOiCap": [[m.coin, "100000000.0"] for m in dex.listings],
                "subDeployers": [["setOracle", [dex.deployer]]],
                "deployerFeeScale": number(dex.deployer_fee_scale),
                "lastDeployerFeeScaleChangeTime": "1970-01-01T00:00:00",
                "assetToFundingMultiplier": [[m.coin, "0.5"] for m in dex.listings],
                "assetToFundingInterestRate": [],
            }
        )
    return shapes


def spot_meta() -> Json:
    """One pair, so that a client that wants a spot universe finds one."""
    tokens = [
        {
            "name": "USDC",
            "szDecimals": 8,
            "weiDecimals": 8,
            "index": 0,
            "tokenId": "0x6d1e7cde53ba9467b783cb7c530ce054",
            "isCanonical": True,
            "evmContract": None,
            "fullName": None,
        },
        {
            "name": "PURR",
            "szDecimals": 0,
            "weiDecimals": 5,
            "index": 1,
            "tokenId": "0xc1fb593aeffbeb02f85e0308e9956a90",
            "isCanonical": True,
            "evmContract": None,
            "fullName": None,
        },
    ]
    return {"universe": [{"name": "PURR/USDC", "tokens": [1, 0], "index": 0, "isCanonical": True}], "tokens": tokens}


# accounts --------------------------------------------------------------------------------------------------------------


def clearinghouse_state(
    account: Account | None, dex: str, marks: dict[str, Decimal], universe: Universe, now_ms: int
) -> Json:
    """One dex of one account; an unknown account is a flat one with nothing."""
    if account is None:
        none = {"accountValue": "0.0", "totalNtlPos": "0.0", "totalRawUsd": "0.0", "totalMarginUsed": "0.0"}
        return {
            "marginSummary": none,
            "crossMarginSummary": dict(none),
            "crossMaintenanceMarginUsed": "0.0",
            "withdrawable": "0.0",
            "assetPositions": [],
            "time": now_ms,
        }
    balance = account.dexes[dex]
    m = margin_of(balance, marks, universe)
    return {
        "marginSummary": {
            "accountValue": usd(m.account_value),
            "totalNtlPos": usd(m.notional),
            "totalRawUsd": usd(m.raw_usd),
            "totalMarginUsed": usd(m.margin_used),
        },
        "crossMarginSummary": {
            "accountValue": usd(m.cross_value),
            "totalNtlPos": usd(m.cross_notional),
            "totalRawUsd": usd(balance.raw_usd),
            "totalMarginUsed": usd(m.cross_margin_used),
        },
        "crossMaintenanceMarginUsed": usd(m.maintenance),
        "withdrawable": usd(m.withdrawable),
        "assetPositions": [
            {"type": "oneWay", "position": _position(account, dex, coin, marks[coin], universe)}
            for coin in balance.positions
        ],
        "time": now_ms,
    }


def _position(account: Account, dex: str, coin: str, mark: Decimal, universe: Universe) -> Json:
    position = account.dexes[dex].positions[coin]
    value = abs(position.szi) * mark
    pnl = position.unrealized(mark)
    leverage: Json = {"type": "cross" if position.is_cross else "isolated", "value": position.leverage}
    if position.is_cross:
        margin = value / position.leverage
    else:
        leverage["rawUsd"] = usd(position.raw_usd)
        margin = position.raw_usd + position.szi * mark
    cost = abs(position.szi) * position.entry_px
    return {
        "coin": coin,
        "szi": number(position.szi),
        "leverage": leverage,
        "entryPx": usd(position.entry_px),
        "positionValue": usd(value),
        "unrealizedPnl": usd(pnl),
        "returnOnEquity": usd(pnl * position.leverage / cost),
        "liquidationPx": None,
        "marginUsed": usd(margin),
        "maxLeverage": universe.by_coin[coin].spec.max_leverage,
        "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"},
    }


def user_fees() -> Json:
    return {
        "dailyUserVlm": [],
        "feeSchedule": {
            "cross": wire_text(TAKER_RATE),
            "add": wire_text(MAKER_RATE),
            "spotCross": "0.0007",
            "spotAdd": "0.0004",
            "tiers": {
                "vip": [
                    {
                        "ntlCutoff": "5000000.0",
                        "cross": "0.0004",
                        "add": "0.00012",
                        "spotCross": "0.0006",
                        "spotAdd": "0.0003",
                    }
                ],
                "mm": [{"makerFractionCutoff": "0.005", "add": "-0.00001"}],
            },
            "referralDiscount": "0.04",
            "stakingDiscountTiers": [{"bpsOfMaxSupply": "0.0", "discount": "0.0"}],
        },
        "userCrossRate": wire_text(TAKER_RATE),
        "userAddRate": wire_text(MAKER_RATE),
        "userSpotCrossRate": "0.0007",
        "userSpotAddRate": "0.0004",
        "activeReferralDiscount": "0.0",
        "trial": None,
        "feeTrialEscrow": "0.0",
        "nextTrialAvailableTimestamp": None,
        "stakingLink": None,
        "activeStakingDiscount": {"bpsOfMaxSupply": "0.0", "discount": "0.0"},
    }


def truth_order(order: OrderRecord) -> Json:
    """For /control: all we know of an order."""
    assert order.status == OPEN
    return {"user": order.user, **basic_order(order), "tif": order.tif, "reduceOnly": order.reduce_only}
