"""How the venue writes an account: its state on one dex, and the fee schedule.

Easy to get wrong: the shapes of an account that never existed and of a flat one differ in amounts alone.

PROTOCOL 8.1, 8.5.
"""

from __future__ import annotations

from decimal import Decimal

from core.model.rounding import wire_text
from core.sim.accounts import MAKER_RATE, TAKER_RATE, DexBalance, Position, margin_of
from core.sim.universe import Universe
from core.sim.wire import Json, number, usd


def clearinghouse_state(balance: DexBalance | None, marks: dict[str, Decimal], universe: Universe, now_ms: int) -> Json:
    """One dex of one account; an unknown one is a flat one with nothing."""
    if balance is None:
        none = {"accountValue": "0.0", "totalNtlPos": "0.0", "totalRawUsd": "0.0", "totalMarginUsed": "0.0"}
        return {
            "marginSummary": none,
            "crossMarginSummary": dict(none),
            "crossMaintenanceMarginUsed": "0.0",
            "withdrawable": "0.0",
            "assetPositions": [],
            "time": now_ms,
        }
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
            {"type": "oneWay", "position": _position(position, marks[coin], universe)}
            for coin, position in balance.positions.items()
        ],
        "time": now_ms,
    }


def _position(position: Position, mark: Decimal, universe: Universe) -> Json:
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
        "coin": position.coin,
        "szi": number(position.szi),
        "leverage": leverage,
        "entryPx": usd(position.entry_px),
        "positionValue": usd(value),
        "unrealizedPnl": usd(pnl),
        "returnOnEquity": usd(pnl * position.leverage / cost),
        "liquidationPx": None,
        "marginUsed": usd(margin),
        "maxLeverage": universe.by_coin[position.coin].spec.max_leverage,
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
