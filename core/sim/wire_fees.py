"""How the venue writes an account's fees and the schedule they come from.

Easy to get wrong: these are base rates; what a HIP-3 market charges is a multiple that userFees does not show.

PROTOCOL 2.6, 8.5.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from core.model.rounding import wire_text
from core.sim.accounts import MAKER_RATE, TAKER_RATE, ZERO
from core.sim.wire import Fill, Json, usd

_DAY_MS = 86_400_000

_VIP = (
    ("5000000.0", "0.0004", "0.00012", "0.0006", "0.0003"),
    ("25000000.0", "0.00035", "0.00008", "0.0005", "0.0002"),
    ("100000000.0", "0.0003", "0.00004", "0.0004", "0.0001"),
    ("500000000.0", "0.00028", "0.0", "0.00035", "0.0"),
    ("2000000000.0", "0.00026", "0.0", "0.0003", "0.0"),
    ("7000000000.0", "0.00024", "0.0", "0.00025", "0.0"),
)
"""Volume of 14 days, taker, maker, and both of spot."""
_MAKER_REBATES = (("0.005", "-0.00001"), ("0.015", "-0.00002"), ("0.03", "-0.00003"))
_NO_STAKE = {"bpsOfMaxSupply": "0.0", "discount": "0.0"}


def user_fees(fills: Iterable[Fill], exchange_usd: Decimal, now_ms: int, factor: int = 1) -> Json:
    """
    Args:
        fills: The account's own, for its volume of today.
        exchange_usd: What everybody traded today.
        factor: How many times the usual the rates are.
    """
    return {
        "dailyUserVlm": [_today(fills, exchange_usd, now_ms)],
        "feeSchedule": _schedule(),
        "userCrossRate": wire_text(TAKER_RATE * factor),
        "userAddRate": wire_text(MAKER_RATE * factor),
        "userSpotCrossRate": "0.0007",
        "userSpotAddRate": "0.0004",
        "activeReferralDiscount": "0.0",
        "trial": None,
        "feeTrialEscrow": "0.0",
        "nextTrialAvailableTimestamp": None,
        "stakingLink": None,
        "activeStakingDiscount": dict(_NO_STAKE),
    }


def _schedule() -> Json:
    names = ("ntlCutoff", "cross", "add", "spotCross", "spotAdd")
    return {
        "cross": wire_text(TAKER_RATE),
        "add": wire_text(MAKER_RATE),
        "spotCross": "0.0007",
        "spotAdd": "0.0004",
        "tiers": {
            "vip": [dict(zip(names, tier, strict=True)) for tier in _VIP],
            "mm": [{"makerFractionCutoff": share, "add": rate} for share, rate in _MAKER_REBATES],
        },
        "referralDiscount": "0.04",
        "stakingDiscountTiers": [dict(_NO_STAKE)],
    }


def _today(fills: Iterable[Fill], exchange_usd: Decimal, now_ms: int) -> Json:
    begun_ms = now_ms - now_ms % _DAY_MS
    volume = {True: ZERO, False: ZERO}
    for f in fills:
        if f.time >= begun_ms:
            volume[f.crossed] += f.px * f.sz
    return {
        "date": datetime.fromtimestamp(begun_ms // 1000, UTC).date().isoformat(),
        "userCross": usd(volume[True]),
        "userAdd": usd(volume[False]),
        "exchange": usd(exchange_usd),
    }
