"""What the real venue writes, as samples, and what is different in shape from one of them.

A sample is a file of tests/golden/messages, or one here after PROTOCOL 6 and 8. null in a sample stands for anything.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden" / "messages"
USER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
AGENT = "0x" + "a9" * 20

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def kind(value):
    """What a value is, as far as a client can care."""
    if isinstance(value, str):
        for name, pattern in (("number", _NUMBER), ("address", _ADDRESS)):
            if pattern.fullmatch(value):
                return name
        return "text"
    return type(value).__name__


def differences(sample, ours, optional=frozenset(), at="$"):
    """What is different in shape; [] for the same. Of lists, each of ours is compared with the first of the sample; null stands for anything."""
    if isinstance(sample, dict) and isinstance(ours, dict):
        missing = sample.keys() - ours.keys() - optional
        more = ours.keys() - sample.keys() - optional
        found = [f"{at}: without {key}" for key in sorted(missing)] + [f"{at}: {key} is new" for key in sorted(more)]
        for key in sample.keys() & ours.keys():
            found += differences(sample[key], ours[key], optional, f"{at}.{key}")
        return found
    if isinstance(sample, list) and isinstance(ours, list):
        if not sample:
            return []
        if not ours:
            return [f"{at}: empty"]
        pairs = zip(sample, ours, strict=True) if _is_tuple(sample) else ((sample[0], item) for item in ours)
        return [d for i, (s, o) in enumerate(pairs) for d in differences(s, o, optional, f"{at}[{i}]")]
    return [] if sample is None or kind(sample) == kind(ours) else [f"{at}: {sample!r} but {ours!r}"]


def _is_tuple(sample):
    """A list of things of different kinds has a meaning for each place."""
    return len(sample) > 1 and len({kind(item) for item in sample}) > 1


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text())


def sample(text):
    """JSON with names of other samples in it, as `"<name>"`."""
    return json.loads(re.sub(r'"<(\w+)>"', lambda m: json.dumps(globals()[m[1]]), text))


CTX = golden("ws_active_asset_ctx")["data"]["ctx"]
LIST_CTX = {**CTX, "premium": None, "midPx": None, "impactPxs": None}
"""Among many coins there are some without a book."""
STATE = golden("info_clearinghouse_state")
FUNDING = golden("ws_user_funding")["data"]["funding"]
CANDLE = sample(
    """{"t": 1, "T": 2, "s": "BTC", "i": "1m", "o": "1.0", "c": "1.0", "h": "1.0", "l": "1.0", "v": "1.0", "n": 1}"""
)
FRONT = sample("""{"coin": "BTC", "side": "A", "limitPx": "1600.0", "sz": "0.05", "oid": 1, "timestamp": 1, "origSz": "0.05",
  "triggerCondition": "N/A", "isTrigger": false, "triggerPx": "0.0", "children": [], "isPositionTpsl": false,
  "reduceOnly": true, "orderType": "Limit", "tif": "Gtc", "cloid": null}""")
HISTORY = {"order": FRONT, "status": "open", "statusTimestamp": 1}
TRADE = sample("""{"coin": "xyz:SNDK", "side": "B", "px": "1698.6", "sz": "0.1", "time": 1, "hash": "0x6c35", "tid": 1,
  "users": ["<USER>", "<USER>"]}""")
SPOT_CTX = sample("""{"prevDayPx": "0.2", "dayNtlVlm": "0.0", "markPx": "0.2", "midPx": null, "circulatingSupply": "0.0",
  "coin": "PURR/USDC", "totalSupply": "0.0", "dayBaseVlm": "0.0"}""")
ACTIVE = sample("""{"user": "<USER>", "coin": "xyz:SNDK", "leverage": {"type": "cross", "value": 10},
  "maxTradeSzs": ["1.2", "1.3"], "availableToTrade": ["200.0", "210.0"], "markPx": "1698.3"}""")
PERIOD = {"accountValueHistory": [[1, "1.0"]], "pnlHistory": [[1, "-1.0"]], "vlm": "1.0"}
AUCTION = {"startTimeSeconds": 0, "durationSeconds": 1, "startGas": "500.0", "currentGas": None, "endGas": None}
WEB_DATA_2 = sample("""{"clearinghouseState": null, "leadingVaults": [], "totalVaultEquity": "0.0", "openOrders": [],
  "agentAddress": null, "agentValidUntil": null, "cumLedger": "1.0", "meta": null, "assetCtxs": ["<LIST_CTX>"],
  "serverTime": 1, "isVault": false, "user": "<USER>", "twapStates": [], "spotState": {"balances": []},
  "spotAssetCtxs": ["<SPOT_CTX>"], "perpsAtOpenInterestCap": []}""")
WEB_DATA_3 = sample("""{"userState": {"agentAddress": null, "agentValidUntil": null, "cumLedger": "1000.0", "serverTime": 1,
  "isVault": false, "user": "<USER>", "abstraction": "disabled"}, "perpDexStates": [{"totalVaultEquity": "0.0"}]}""")
REFERRAL = sample("""{"referredBy": null, "cumVlm": "1.0", "unclaimedRewards": "0.0", "claimedRewards": "0.0",
  "builderRewards": "0.0", "tokenToState": [], "referrerState": {"stage": "needToTrade", "data": {"required": "1.0"}},
  "rewardHistory": []}""")
DEX_LIMITS = sample("""{"totalOiCap": "1.0", "oiSzCapPerPerp": "1.0", "maxTransferNtl": "1.0",
  "coinToOiCap": [["xyz:SNDK", "1.0"]]}""")
DELEGATOR = sample(
    """{"delegated": "0.0", "undelegated": "0.0", "totalPendingWithdrawal": "0.0", "nPendingWithdrawals": 0}"""
)
