"""What an emergency sends, given what the exchange says is open: pure arithmetic and a few judgements about its texts.

Everything that leaves is a cancel or reduce-only, so whatever happens to it (lost, doubled, late), it can only make the account smaller.
Easy to get wrong: "already gone" is success, and a position is closed whole, because a part of it may be too small to be taken.

SPEC 6 (Flattener), 11; PROTOCOL 3.2, 7.1, 9.3, 10; lessons L22, L28, L33, L36.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import Enum

from msgspec import Struct

from core.messages.events import OrderReport, VenuePosition
from core.model.cloid import Cloid
from core.model.market import MarketKey, MarketSpec
from core.model.order import Cancels, Orders, OrderSide, PendingCancel, PendingOrder, TimeInForce
from core.model.rounding import round_price, round_size

MAX_CANCELS = 100
"""In one action: half of what the exchange takes, so that the limit is never the reason."""
MAX_EXITS = 50
_BPS = Decimal(10_000)
_FIRST_BPS, _WIDER_BPS, _MOST_BPS = Decimal(100), Decimal(50), Decimal(200)


class Twap(Struct, frozen=True):
    """An order that the exchange itself slices over time. One that goes on would open again what was closed."""

    market: MarketKey
    twap_id: int


class TwapCancel(Struct, frozen=True):
    """One action that ends one TWAP."""

    twap: Twap


class CannotClose(Exception):
    """No exit can be built for a position; the text says why."""


def slippage_bps(attempt: int) -> Decimal:
    """How far from mid the attempt goes (the first is number 0): 1 %, 1.5 %, then 2 %."""
    return min(_FIRST_BPS + _WIDER_BPS * attempt, _MOST_BPS)


def exit_order(
    position: VenuePosition, spec: MarketSpec | None, mid_px: Decimal | None, attempt: int, cloid: Cloid, now_ms: int
) -> PendingOrder:
    """A reduce-only IOC of the whole position.

    Args:
        mid_px: None where it could not be read: the mark does, as far as the position's value tells it.
        attempt: How many were made before.

    Raises:
        CannotClose: The market's rules are not known, or no price is.
    """
    if spec is None:
        raise CannotClose("the exchange lists no such market")
    size = round_size(abs(position.signed_size), spec.sz_decimals)
    if size <= 0:
        raise CannotClose(f"size {position.signed_size} is less than one lot")
    side = OrderSide.SELL if position.signed_size > 0 else OrderSide.BUY
    reference = mid_px if mid_px is not None else position.position_value / abs(position.signed_size)
    try:
        price = round_price(reference * (1 + side.sign * slippage_bps(attempt) / _BPS), side.is_buy, spec.sz_decimals)
    except (ValueError, ArithmeticError):
        raise CannotClose(f"no price: neither mid nor mark is known ({reference})") from None
    return PendingOrder(cloid, position.market, side, price, size, True, TimeInForce.IOC, now_ms)


def exit_batches(orders: Sequence[PendingOrder], *, separately: bool) -> list[Orders]:
    """As few actions as can be; or one for each, after a whole action was refused: one bad order must not hold up the others."""
    step = 1 if separately else MAX_EXITS
    return [Orders(tuple(orders[i : i + step])) for i in range(0, len(orders), step)]


def cancel_batches(orders: Iterable[OrderReport], *, separately: bool) -> list[Cancels]:
    """Cancels by oid: whoever placed the orders, and triggers as well."""
    cancels = [PendingCancel(o.market, oid=o.oid) for o in orders]
    step = 1 if separately else MAX_CANCELS
    return [Cancels(tuple(cancels[i : i + step])) for i in range(0, len(cancels), step)]


class Refusal(Enum):
    """Why a whole action was refused, as far as it matters for what to do next."""

    BUDGET = "the request budget of the address is used up"
    KEY = "the exchange does not take this key for the account"
    NONCE = "the nonce was used up"
    OTHER = ""


def judge_refusal(text: str) -> Refusal:
    word = text.lower()
    if "too many cumulative requests" in word:
        return Refusal.BUDGET
    if "invalid nonce" in word:
        return Refusal.NONCE
    if "does not exist" in word or "must deposit" in word or "vault not registered" in word:
        return Refusal.KEY
    return Refusal.OTHER


def is_gone(text: str) -> bool:
    """Whether the error of a cancel says that there is nothing left to cancel."""
    return "never placed, already canceled, or filled" in text.lower()


def is_flat_already(text: str) -> bool:
    """Whether the error of an exit says that there is nothing left to close."""
    return "reduce only order would increase position" in text.lower()
