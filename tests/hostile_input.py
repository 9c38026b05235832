"""Hostile input for the simulated exchange: what clients send when they are broken, malicious or from another world.

A corpus of every kind of message that works, and ways to spoil one: values of the wrong type, numbers that no market knows, keys missing,
doubled and foreign, nesting without end, and bytes that are no JSON at all. Everything follows from a seed, so that a finding can be repeated.
"""

from __future__ import annotations

import copy
import json
import random
from typing import Any

ALICE = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
BOB = "0x14791697260e4c9a71f18484c9f997b308e59325"
NOBODY = "0x" + "00" * 20

CLOID = "0x0000000000000000000000000000abcd"

INFO_KINDS_OF_USERS = (
    "clearinghouseState",
    "spotClearinghouseState",
    "openOrders",
    "frontendOpenOrders",
    "historicalOrders",
    "userFills",
    "userRole",
    "userRateLimit",
    "userFees",
    "extraAgents",
    "userAbstraction",
    "userNonFundingLedgerUpdates",
    "portfolio",
    "subAccounts",
    "referral",
    "userTwapSliceFills",
    "userVaultEquities",
    "delegatorSummary",
    "webData2",
    "borrowLendUserState",
)
INFO: list[dict[str, Any]] = [
    *({"type": kind, "user": BOB, "dex": "xyz"} for kind in INFO_KINDS_OF_USERS),
    *({"type": kind, "user": ALICE} for kind in INFO_KINDS_OF_USERS),
    {
        "type": "userFillsByTime",
        "user": BOB,
        "startTime": 0,
        "endTime": None,
        "reversed": True,
        "aggregateByTime": True,
    },
    {"type": "userFunding", "user": BOB, "startTime": 0},
    {"type": "orderStatus", "user": BOB, "oid": 57_118_842_001},
    {"type": "orderStatus", "user": BOB, "oid": CLOID},
    {"type": "activeAssetData", "user": BOB, "coin": "xyz:SNDK"},
    {"type": "l2Book", "coin": "xyz:SNDK", "nSigFigs": 5, "mantissa": 2},
    {"type": "l2Book", "coin": "BTC", "nSigFigs": None, "mantissa": None},
    {"type": "recentTrades", "coin": "BTC"},
    {"type": "fundingHistory", "coin": "BTC", "startTime": 0, "endTime": 1_790_000_000_000},
    {"type": "candleSnapshot", "req": {"coin": "BTC", "interval": "1m", "startTime": 0, "endTime": 1_790_000_000_000}},
    *(
        {"type": kind, "dex": "xyz"}
        for kind in ("meta", "metaAndAssetCtxs", "allMids", "perpDexLimits", "perpDexStatus", "perpsAtOpenInterestCap")
    ),
    *({"type": kind} for kind in ("perpDexs", "allPerpMetas", "spotMeta", "spotMetaAndAssetCtxs", "exchangeStatus")),
    {"type": "marginTable", "id": 10},
]


def _order(**changes: Any) -> dict[str, Any]:
    return {"a": 110016, "b": True, "p": "1600.5", "s": "0.1", "r": False, "t": {"limit": {"tif": "Gtc"}}} | changes


_TRIGGER = {"trigger": {"isMarket": True, "triggerPx": "1500", "tpsl": "sl"}}
ACTIONS: list[dict[str, Any]] = [
    {"type": "order", "orders": [_order()], "grouping": "na"},
    {"type": "order", "orders": [_order(c=CLOID), _order(b=False, p="1800")], "grouping": "na"},
    {"type": "order", "orders": [_order(t={"limit": {"tif": "Ioc"}}, p="1800")], "grouping": "na"},
    {"type": "order", "orders": [_order(t=_TRIGGER, r=True, b=False)], "grouping": "na"},
    {
        "type": "order",
        "orders": [_order(), _order(t=_TRIGGER, r=True, b=False)],
        "grouping": "normalTpsl",
        "builder": {"b": BOB, "f": 10},
    },
    {"type": "cancel", "cancels": [{"a": 110016, "o": 57_118_842_001}]},
    {"type": "cancelByCloid", "cancels": [{"asset": 110016, "cloid": CLOID}]},
    {"type": "modify", "oid": 57_118_842_001, "order": _order()},
    {"type": "batchModify", "modifies": [{"oid": CLOID, "order": _order(p="1610")}]},
    {"type": "scheduleCancel", "time": 1_790_000_100_000},
    {"type": "scheduleCancel"},
    {"type": "updateLeverage", "asset": 110016, "isCross": False, "leverage": 5},
    {"type": "updateIsolatedMargin", "asset": 110016, "isBuy": True, "ntli": 1_000_000},
    {"type": "topUpIsolatedOnlyMargin", "asset": 110016, "leverage": "3"},
    {"type": "noop"},
    {"type": "createVault", "name": "one", "description": "some words", "initialUsd": 100_000_000, "nonce": 1},
    {"type": "vaultModify", "vaultAddress": BOB, "allowDeposits": None, "alwaysCloseOnWithdraw": True},
    {"type": "vaultDistribute", "vaultAddress": BOB, "usd": 0},
    {"type": "multiSig", "signatures": [], "payload": {"multiSigUser": BOB, "outerSigner": ALICE, "action": {}}},
    {"type": "reserveRequestWeight", "weight": 10},
    {"type": "agentSetAbstraction", "abstraction": "i"},
    {
        "type": "approveAgent",
        "signatureChainId": "0x66eee",
        "hyperliquidChain": "Testnet",
        "agentAddress": "0x" + "ab" * 20,
        "agentName": "bot",
        "nonce": 1_790_000_000_001,
    },
    {
        "type": "sendAsset",
        "signatureChainId": "0x66eee",
        "hyperliquidChain": "Testnet",
        "destination": BOB,
        "sourceDex": "",
        "destinationDex": "xyz",
        "token": "USDC:0x6d1e7cde53ba9467b783cb7c530ce054",
        "amount": "10",
        "fromSubAccount": "",
        "nonce": 1_790_000_000_001,
    },
]

SUBSCRIPTIONS: list[dict[str, Any]] = [
    *({"type": kind, "coin": "xyz:SNDK"} for kind in ("l2Book", "bbo", "trades", "activeAssetCtx")),
    {"type": "l2Book", "coin": "BTC", "nSigFigs": 3, "mantissa": None, "fast": True},
    {"type": "candle", "coin": "BTC", "interval": "1m"},
    {"type": "allMids", "dex": "xyz"},
    *({"type": kind} for kind in ("allDexsAssetCtxs", "fastAssetCtxs")),
    *(
        {"type": kind, "user": ALICE, "dex": "xyz"}
        for kind in (
            "orderUpdates",
            "userFills",
            "userEvents",
            "userFundings",
            "userNonFundingLedgerUpdates",
            "clearinghouseState",
            "allDexsClearinghouseState",
            "openOrders",
            "webData3",
            "spotState",
            "userHistoricalOrders",
            "notification",
        )
    ),
    {"type": "activeAssetData", "user": ALICE, "coin": "xyz:SNDK"},
]

FRAMES: list[dict[str, Any]] = [
    {"method": "ping"},
    *({"method": "subscribe", "subscription": s} for s in SUBSCRIPTIONS),
    *({"method": "unsubscribe", "subscription": s} for s in SUBSCRIPTIONS),
    *({"method": "post", "id": i, "request": {"type": "info", "payload": p}} for i, p in enumerate(INFO)),
    {"method": "post", "id": 256, "request": {"type": "action", "payload": {"action": ACTIONS[0], "nonce": 1}}},
]

CONTROLS: list[dict[str, Any]] = [
    *({"do": what} for what in ("truth", "list_faults", "clear_faults", "pause_market", "resume_market")),
    {"do": "set_price", "coin": "xyz:SNDK", "oracle": "1700", "bid": "1698", "ask": "1699", "size": "1"},
    {"do": "release", "coin": "xyz:SNDK"},
    {"do": "fund", "user": "0x" + "cd" * 20, "usd": "10"},
    {"do": "approve_agent", "user": BOB, "agent": "0x" + "ef" * 20, "name": "x"},
    {"do": "fault", "name": "fill_delay", "count": 1, "ms": 100},
    {"do": "fault", "name": "dex_reads_fail", "dex": "xyz", "answer": "500", "requests": ["openOrders"], "count": 1},
    {"do": "fault", "name": "reject_all", "for_ms": 100, "text": "no", "level": "order", "address": BOB},
]

# spoiling --------------------------------------------------------------------------------------------------------------

NUMBERS: list[Any] = [
    0,
    -1,
    1,
    2**31,
    2**53 + 1,
    2**63,
    2**64 - 1,
    2**64,
    -(2**63) - 1,
    10**400,
    0.1,
    -0.0,
    1e308,
    5e-324,
    float("nan"),
    float("inf"),
    -float("inf"),
]
TEXTS = [
    "",
    " ",
    "0",
    "-0",
    "-1",
    "+1",
    "1.",
    ".1",
    "1e5",
    "1e400",
    "1E-400",
    "1e999999999",
    "NaN",
    "sNaN",
    "Infinity",
    "-Infinity",
    "1_000",
    "１２",  # digits of another script are digits to Decimal and to int
    "0x10",
    "9" * 31,
    "9" * 5_000,
    "0." + "0" * 40 + "1",
    "1600.5000000000000000000000000000",
    "null",
    "true",
    "\x00",
    "\ud800",
    "𝔘𝔫𝔦",
    "a" * 70_000,
    "'; DROP TABLE orders; --",
    "../../etc/passwd",
    "{0.__class__}",
    "%s%n",
    "__proto__",
    ALICE,
    ALICE.upper(),
    ALICE[:-1],
    NOBODY,
    BOB,
    CLOID,
    CLOID.upper(),
    CLOID[:-1] + "g",
    "Gtc",
    "Alo",
    "FrontendMarket",
    "LiquidationMarket",
    "xyz",
    "XYZ:SNDK",
    "btc",
    "xyz:",
    ":",
    "test:ABC",
    "@1",
    "#0",
]


def deep(levels: int, dice: random.Random) -> Any:
    value: Any = dice.choice([None, 1, "x"])
    for _ in range(levels):
        value = [value] if dice.random() < 0.5 else {"a": value}
    return value


def nasty(dice: random.Random) -> Any:
    """A value that does not belong where it will be put."""
    draw = dice.random()
    if draw < 0.35:
        return dice.choice(NUMBERS)
    if draw < 0.75:
        return dice.choice(TEXTS)
    if draw < 0.80:
        return deep(dice.choice([2, 20, 200]), dice)
    return copy.deepcopy(dice.choice([None, True, False, [], {}, [[]], [None], {"": None}, ["a", 1], *ACTIONS, *INFO]))


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Every (container, key) of a message."""
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, child in items:
        found.append((value, key))
        _places(child, found)
    return found


def spoil(message: Any, dice: random.Random) -> Any:
    """A message of the corpus with one to three things wrong (or, rarely, nothing)."""
    message = copy.deepcopy(message)
    for _ in range(dice.choice([0, 1, 1, 1, 1, 2, 3])):
        places = _places(message, [])
        if not places or dice.random() < 0.02:
            return nasty(dice)
        container, key = dice.choice(places)
        draw = dice.random()
        if draw < 0.70:
            container[key] = nasty(dice)
        elif draw < 0.80:
            del container[key]
        elif draw < 0.88 and isinstance(container, dict):
            container[dice.choice(TEXTS)[:40]] = nasty(dice)
        elif draw < 0.94 and isinstance(container, list):
            container.extend([copy.deepcopy(container[key])] * dice.choice([1, 5, 250]))
        elif isinstance(container, dict):
            shuffled = list(container.items())
            dice.shuffle(shuffled)
            container.clear()
            container.update(shuffled)
    return message


def as_bytes(message: Any, dice: random.Random) -> bytes:
    """As it goes over the wire; half of the time with the bytes spoiled too."""
    text = json.dumps(message, ensure_ascii=dice.random() < 0.5)  # writes NaN and Infinity, as Python clients do
    data = text.encode(errors="surrogatepass")
    draw = dice.random()
    if draw < 0.5 or not data:
        return data
    at = dice.randrange(len(data))
    if draw < 0.6:
        return data[:at]
    if draw < 0.7:
        return data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :]
    if draw < 0.75:
        return data + data
    if draw < 0.8:
        return data.replace(b"1", b"1e400")
    if draw < 0.85:
        return b"\xef\xbb\xbf" + data
    if draw < 0.9:
        return bytes(dice.randrange(256) for _ in range(dice.randrange(200)))
    if draw < 0.95:
        return b"[" * dice.choice([10, 1_000, 100_000]) + data
    return data.replace(b'"', b"'")
