"""How the venue writes an account: its state on one dex, and its funding.

Easy to get wrong: the shapes of an account that never existed and of a flat one differ in amounts alone; and cumFunding counts what was
paid, so what was received is negative there and positive everywhere else.

PROTOCOL 6.6, 8.1, 8.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from core.sim.accounts import ZERO, DexBalance, Position, margin_of
from core.sim.events import FundingPayment
from core.sim.margin_tiers import table_of
from core.sim.universe import Universe
from core.sim.wire import Json, number, usd


def clearinghouse_state(
    balance: DexBalance | None,
    marks: dict[str, Decimal],
    universe: Universe,
    now_ms: int,
    funding_received: Mapping[str, Decimal] = {},
) -> Json:
    """One dex of one account; an unknown one is a flat one with nothing.

    Args:
        funding_received: Since the account began, by coin.
    """
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
            {
                "type": "oneWay",
                "position": _position(
                    position, marks[coin], universe, m.cross_value - m.maintenance, funding_received.get(coin, ZERO)
                ),
            }
            for coin, position in balance.positions.items()
        ],
        "time": now_ms,
    }


def _position(position: Position, mark: Decimal, universe: Universe, cross_cushion: Decimal, received: Decimal) -> Json:
    """
    Args:
        cross_cushion: What the cross positions may lose together before they are liquidated.
    """
    value = abs(position.szi) * mark
    pnl = position.unrealized(mark)
    leverage: Json = {"type": "cross" if position.is_cross else "isolated", "value": position.leverage}
    if position.is_cross:
        margin = value / position.leverage
    else:
        leverage["rawUsd"] = usd(position.raw_usd)
        margin = position.raw_usd + position.szi * mark
    listing = universe.by_coin[position.coin]
    table = table_of(listing)
    cushion = cross_cushion if position.is_cross else margin - table.maintenance(value)
    liquidation_px = _liquidation_px(position.szi, mark, cushion, table.at(value).max_leverage)
    cost = abs(position.szi) * position.entry_px
    return {
        "coin": position.coin,
        "szi": number(position.szi),
        "leverage": leverage,
        "entryPx": usd(position.entry_px),
        "positionValue": usd(value),
        "unrealizedPnl": usd(pnl),
        "returnOnEquity": usd(pnl * position.leverage / cost),
        "liquidationPx": None if liquidation_px is None else usd(liquidation_px),
        "marginUsed": usd(margin),
        "maxLeverage": listing.spec.max_leverage,
        "cumFunding": {
            "allTime": usd(-received),
            "sinceOpen": usd(-position.funding_since_open),
            "sinceChange": usd(-position.funding_since_change),
        },
    }


def _liquidation_px(szi: Decimal, mark: Decimal, cushion: Decimal, max_leverage: int) -> Decimal | None:
    """The mark at which this position alone would have used up the cushion; None where no price does that.

    The maintenance margin moves with the price too: by a 2 x max_leverage-th of the notional, with the leverage of its tier.
    """
    px = mark - cushion / (szi - abs(szi) / (2 * max_leverage))
    return px if px > 0 else None


def funding(f: FundingPayment) -> Json:
    """A payment as the socket tells it."""
    return {
        "time": f.time,
        "coin": f.coin,
        "usdc": usd(f.usdc),
        "szi": number(f.szi),
        "fundingRate": number(f.funding_rate),
        "nSamples": None,
    }


def funding_row(f: FundingPayment) -> Json:
    """A payment as info tells it."""
    told = funding(f)
    del told["time"]
    return {"time": f.time, "hash": f.hash, "delta": {"type": "funding", **told}}
