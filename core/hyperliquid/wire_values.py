"""The values inside the venue's JSON: numbers, markets, orders, fills. Shared by frames (parsing) and answers (info).

Decides what is a sane value. Never repairs one: a number that is not plain, finite and of this world makes the element it stands in
unreadable. Easy to get wrong: the exchange's status words are an open set, so they are read by table first and by suffix second, and a
word that is still not understood is UNKNOWN, which is neither alive nor dead.

PROTOCOL 3.4, 6.6, 7.2, 7.3.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from core.messages.events import OrderReport
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus
from core.model.position import Fill

TimeMs = Annotated[int, Meta(ge=0, le=99_999_999_999_999)]
"""Unix ms up to the year 5138; anything beyond was never a time."""
Id = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
"""oid, tid, post id."""
Name = Annotated[str, Meta(min_length=1, max_length=64)]

UNREADABLE = (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError)
"""Everything a hostile or broken text can make the decoders raise."""

_USUAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,30})?").fullmatch
"""What nearly every number looks like; none of these is too large."""
_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?")
_ZERO = Decimal(0)
_HUGE = Decimal(10) ** 15
"""No price, size or amount of this venue comes near; beyond it arithmetic is fed garbage."""
_SHOWN = 300
"""How much of a foreign text is quoted in one of ours."""


def number(text: str) -> Decimal:
    """A finite number of sane size.

    Raises:
        ValueError: Not a plain decimal number, or beyond 1e15.
    """
    if _USUAL(text) is not None:
        return Decimal(text)
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{quoted(text)} is not a number")
    value = Decimal(text)
    if abs(value) > _HUGE:
        raise ValueError(f"{text} is beyond 1e15")
    return value


def price(text: str) -> Decimal:
    """A number above zero."""
    value = number(text)
    if value <= _ZERO:
        raise ValueError(f"price {text} is not above zero")
    return value


def amount(text: str) -> Decimal:
    """A number of zero or more."""
    value = number(text)
    if value < _ZERO:
        raise ValueError(f"{text} is below zero")
    return value


@lru_cache(maxsize=4096)
def market(name: str) -> MarketKey:
    """A market by its wire name; the same few come thousands of times a minute."""
    return MarketKey.parse(name)


def side(letter: str) -> OrderSide:
    """B is buy (bid), A is sell (ask)."""
    if letter == "B":
        return OrderSide.BUY
    if letter == "A":
        return OrderSide.SELL
    raise ValueError(f"side {quoted(letter)}: expected B or A")


def quoted(text: str | bytes) -> str:
    """A foreign text on one line and of bounded length, for a message of ours."""
    if isinstance(text, bytes):
        text = text[: 4 * _SHOWN].decode("utf-8", "replace")
    shown = repr(text[:_SHOWN])
    return shown if len(text) <= _SHOWN else shown + " (cut)"


# --- orders ----------------------------------------------------------------------------------------------------------

_STATUS = {
    "open": OrderStatus.OPEN,
    "accepted": OrderStatus.OPEN,
    "triggered": OrderStatus.OPEN,
    "filled": OrderStatus.FILLED,
    "scheduledcancel": OrderStatus.CANCELED,
    "internalcancel": OrderStatus.CANCELED,
}
_SUFFIX = (
    ("canceled", OrderStatus.CANCELED),
    ("cancelled", OrderStatus.CANCELED),
    ("rejected", OrderStatus.REJECTED),
)


def order_status(text: str) -> OrderStatus:
    """Our status for the exchange's word; UNKNOWN for a word that neither the table nor a suffix explains."""
    word = text.lower()
    known = _STATUS.get(word)
    if known is not None:
        return known
    return next((status for suffix, status in _SUFFIX if word.endswith(suffix)), OrderStatus.UNKNOWN)


class WireOrder(Struct):
    """An order as orderUpdates, openOrders and orderStatus have it; keys we do not use are skipped."""

    coin: Name
    side: str
    limitPx: str
    sz: str
    oid: Id
    timestamp: TimeMs
    origSz: str
    cloid: str | None = None
    reduceOnly: bool | None = None

    def report(self, status_text: str, status_time_ms: int) -> OrderReport:
        """The order with what was said of it.

        Raises:
            ValueError: A value that makes no sense.
        """
        remaining, original = amount(self.sz), amount(self.origSz)
        status = order_status(status_text)
        if status is OrderStatus.OPEN and remaining < original:
            status = OrderStatus.PARTIAL_FILLED
        return OrderReport(
            market=market(self.coin),
            oid=self.oid,
            cloid=self.cloid.lower() if self.cloid else None,
            side=side(self.side),
            limit_px=amount(self.limitPx),
            remaining=remaining,
            original_size=original,
            reduce_only=bool(self.reduceOnly),
            status=status,
            status_text=status_text,
            status_time_ms=status_time_ms,
            placed_time_ms=self.timestamp,
        )


class WireOrderUpdate(Struct):
    """An order and its latest status."""

    order: WireOrder
    status: Name
    statusTimestamp: TimeMs

    def report(self) -> OrderReport:
        return self.order.report(self.status, self.statusTimestamp)


# --- fills -----------------------------------------------------------------------------------------------------------


class WireFill(Struct):
    coin: Name
    px: str
    sz: str
    side: str
    time: TimeMs
    oid: Id
    tid: Id
    fee: str
    startPosition: str
    closedPnl: str
    dir: str = ""
    crossed: bool = True
    feeToken: str = "USDC"
    cloid: str | None = None

    def fill(self) -> Fill:
        """Raises ValueError for a value that makes no sense."""
        return Fill(
            market=market(self.coin),
            side=side(self.side),
            price=price(self.px),
            size=amount(self.sz),
            time_ms=self.time,
            start_position=number(self.startPosition),
            closed_pnl=number(self.closedPnl),
            fee=number(self.fee),
            oid=self.oid,
            tid=self.tid,
            cloid=self.cloid.lower() if self.cloid else None,
            crossed=self.crossed,
            direction=self.dir,
            fee_token=self.feeToken,
        )


def oldest_first(fills: list[Fill]) -> tuple[Fill, ...]:
    """Fills in the order they happened, whichever way round the exchange listed them; those of one millisecond keep their order."""
    if len(fills) > 1 and fills[0].time_ms > fills[-1].time_ms:
        fills = fills[::-1]
    return tuple(sorted(fills, key=lambda f: f.time_ms))
