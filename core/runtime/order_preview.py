"""What an order by hand would be, before it is sent: rounded, judged by every gate, and written as the action that would be signed.

Decides nothing: the facts come with the snapshot, the judgement is the engine's own (core.engine.hand_gates), the action the signer's. It
signs nothing and needs no key. Easy to get wrong: the action holds the id that the command carries, or it would not be the one that is signed.

SPEC 11 (order ticket); lessons L01, L37.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from core.engine.hand_gates import judge, round_order, warnings
from core.hyperliquid.actions import order_action
from core.messages.commands import PlaceOrder
from core.messages.snapshot import Snapshot
from core.messages.ticket import OrderFacts, OrderPreview, Rounded
from core.model.cloid import Cloid
from core.model.order import PendingOrder, TimeInForce

_BPS = Decimal(10_000)
_NO_ID = Cloid("0x" + "0" * 32)


def preview_order(command: PlaceOrder, snapshot: Snapshot) -> OrderPreview | None:
    """The order as it would be now; None for a market that is not configured. Implements core.messages.handle.OrderPreviewer."""
    facts = next((m.facts for m in snapshot.markets if m.market == command.market), None)
    if facts is None:
        return None
    rounded = round_order(command, facts)
    return OrderPreview(
        facts=facts,
        rounded=rounded,
        verdicts=judge(command, rounded, facts),
        warnings=warnings(command, rounded, facts),
        fee_usd=_fee(command, rounded, facts),
        action_json=_action(command, rounded, facts),
    )


def _fee(command: PlaceOrder, rounded: Rounded, facts: OrderFacts) -> Decimal | None:
    notional = rounded.notional_usd
    if notional is None:
        return None
    rests = command.tif is TimeInForce.ALO or (command.tif is TimeInForce.GTC and not _crosses(command, rounded, facts))
    return notional * (facts.maker_fee_bps if rests else facts.taker_fee_bps) / _BPS


def _crosses(command: PlaceOrder, rounded: Rounded, facts: OrderFacts) -> bool:
    touch = facts.ask_px if command.side.is_buy else facts.bid_px
    if touch is None or rounded.price is None:
        return False
    return rounded.price >= touch if command.side.is_buy else rounded.price <= touch


def _action(command: PlaceOrder, rounded: Rounded, facts: OrderFacts) -> str:
    if rounded.price is None or not rounded.size or facts.asset_id is None:
        return ""
    order = PendingOrder(
        cloid=command.cloid or _NO_ID,
        market=command.market,
        side=command.side,
        price=rounded.price,
        size=rounded.size,
        reduce_only=command.reduce_only,
        tif=command.tif,
        created_at_ms=0,
    )
    asset_id = facts.asset_id
    return msgspec.json.encode(order_action([order], lambda market: asset_id)).decode()
