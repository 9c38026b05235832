"""How the venue writes its spot market: two pairs that nobody trades, so that a client that wants a spot universe
finds one. They are the two that the SDK's own example of subscriptions names, one by its tokens and one by its number.

PROTOCOL 2.1, 8.5.
"""

from __future__ import annotations

from core.sim.wire import Json

PAIRS = ("PURR/USDC", "@1")
_PX = "0.2"


def spot_meta() -> Json:
    tokens = [
        _token("USDC", 0, 8, 8, "0x6d1e7cde53ba9467b783cb7c530ce054"),
        _token("PURR", 1, 0, 5, "0xc1fb593aeffbeb02f85e0308e9956a90"),
        _token("HFUN", 2, 2, 8, "0xbaf265ef389da684513d98d68edf4eae", is_canonical=False),
    ]
    pairs = [
        {"name": name, "tokens": [i + 1, 0], "index": i, "isCanonical": name[0] != "@"} for i, name in enumerate(PAIRS)
    ]
    return {"universe": pairs, "tokens": tokens}


def _token(
    name: str, index: int, sz_decimals: int, wei_decimals: int, token_id: str, *, is_canonical: bool = True
) -> Json:
    return {
        "name": name,
        "szDecimals": sz_decimals,
        "weiDecimals": wei_decimals,
        "index": index,
        "tokenId": token_id,
        "isCanonical": is_canonical,
        "evmContract": None,
        "fullName": None,
        "deployerTradingFeeShare": "0.0",
    }


def spot_ctx(pair: str) -> Json:
    """A context without a trade."""
    return {
        "prevDayPx": _PX,
        "dayNtlVlm": "0.0",
        "markPx": _PX,
        "midPx": None,
        "circulatingSupply": "0.0",
        "coin": pair,
        "totalSupply": "0.0",
        "dayBaseVlm": "0.0",
    }


def token_details(token_id: str) -> Json | None:
    """One token, by its id; None for one that is not listed."""
    for token in spot_meta()["tokens"]:
        if token["tokenId"] == token_id.lower():
            return {
                "name": token["name"],
                "maxSupply": "0.0",
                "totalSupply": "0.0",
                "circulatingSupply": "0.0",
                "szDecimals": token["szDecimals"],
                "weiDecimals": token["weiDecimals"],
                "midPx": "1.0" if token["index"] == 0 else _PX,
                "markPx": "1.0" if token["index"] == 0 else _PX,
                "prevDayPx": "1.0" if token["index"] == 0 else _PX,
                "genesis": None,
                "deployer": None,
                "deployGas": None,
                "deployTime": None,
                "seededUsdc": "0.0",
                "nonCirculatingUserBalances": [],
                "futureEmissions": "0.0",
            }
    return None
