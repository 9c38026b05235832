"""How the venue writes what it knows: numbers, and JSON shapes of orders, fills, trades, books and contexts.

Builds dictionaries and decides nothing. Easy to get wrong: numbers are strings and whole ones end in ".0"; optional keys (cloid,
reduceOnly, isSnapshot) are absent, not null, except in the frontend shapes, where they are null.

PROTOCOL 2.3, 6.5, 6.6, 7, 8.2 to 8.4.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Struct

from core.model.rounding import wire_text
from core.sim.book import Level
from core.sim.market import CoinMarket
from core.sim.orders import OrderRecord

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
    builder_fee: Decimal = Decimal(0)
    """Part of `fee`."""
    liquidation: tuple[str, Decimal, str] | None = None
    """Whose position was closed by force, at which mark, and by what: market or backstop."""
    twap_id: int | None = None


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
    text = str(value)
    if not text.isascii() or not text[0].isdigit() or not text[-1].isdigit() or "E" in text:
        text = wire_text(value)  # a sign, an exponent, or no number at all: seldom
        return text if "." in text else text + ".0"
    if "." not in text:
        return text + ".0"
    text = text.rstrip("0")
    return text + "0" if text[-1] == "." else text


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


def order_type(order: OrderRecord) -> str:
    """What kind of order it is called."""
    trigger = order.trigger
    if trigger is None:
        return "Market" if order.tif in ("FrontendMarket", "LiquidationMarket") else "Limit"
    return f"{'Stop' if trigger.tpsl == 'sl' else 'Take Profit'} {'Market' if trigger.is_market else 'Limit'}"


def trigger_condition(order: OrderRecord) -> str:
    if order.trigger is None:
        return "N/A"
    return f"Price {'above' if order.trigger.is_above else 'below'} {wire_text(order.trigger.px)}"


def frontend_order(order: OrderRecord) -> Json:
    trigger = order.trigger
    return {
        "coin": order.coin,
        "side": side(order.is_buy),
        "limitPx": number(order.limit_px),
        "sz": number(order.sz),
        "oid": order.oid,
        "timestamp": order.timestamp,
        "triggerCondition": trigger_condition(order),
        "isTrigger": trigger is not None,
        "triggerPx": "0.0" if trigger is None else number(trigger.px),
        "children": [frontend_order(child) for child in order.children if child.parent == order.oid],
        "isPositionTpsl": order.is_position_tpsl,
        "reduceOnly": order.reduce_only,
        "orderType": order_type(order),
        "origSz": number(order.orig_sz),
        "tif": order.tif if trigger is None else None,
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
        "twapId": f.twap_id,
    }
    if f.cloid is not None:
        shape["cloid"] = f.cloid
    if f.builder_fee:
        shape["builderFee"] = usd(f.builder_fee)
    if f.liquidation is not None:
        user, mark_px, method = f.liquidation
        shape["liquidation"] = {"liquidatedUser": user, "markPx": number(mark_px), "method": method}
    return shape


def aggregated(fills: list[Json]) -> list[Json]:
    """Fills, oldest first, with those of one crossing order in one instant put together: sizes and fees added, the price averaged."""
    found: list[Json] = []
    for f in fills:
        last = found[-1] if found else None
        if last is None or not f["crossed"] or (f["oid"], f["time"]) != (last["oid"], last["time"]):
            found.append(dict(f))
            continue
        sz, more = Decimal(last["sz"]), Decimal(f["sz"])
        last["px"] = usd((Decimal(last["px"]) * sz + Decimal(f["px"]) * more) / (sz + more))
        last["sz"] = number(sz + more)
        for key in ("closedPnl", "fee", "builderFee"):
            if key in last:
                last[key] = usd(Decimal(last[key]) + Decimal(f.get(key, "0")))
    return found


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
    mid, bid, ask = market.mid_px, market.touch(True), market.touch(False)
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
        "impactPxs": [number(bid.px), number(ask.px)] if bid and ask else None,
        "dayBaseVlm": number(market.day_base),
    }


def truth_order(order: OrderRecord) -> Json:
    """For /control: all we know of an order."""
    assert order.is_live
    return {"user": order.user, **basic_order(order), "tif": order.tif, "reduceOnly": order.reduce_only}
