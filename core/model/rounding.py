"""How a price and a size may be written.

A price has at most five significant figures and at most 6 - szDecimals decimals; an integer price is always fine. A size has at
most szDecimals decimals. Buys round up and sells round down (the order must still cross), sizes round down (never more than asked).
Easy to get wrong: the tick follows the price, so it changes when a price crosses a decade. Everything is Decimal; text has neither
trailing zeros nor an exponent, because the exchange re-writes numbers before it hashes them.

SPEC 2; the venue's tick-and-lot page.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Context, Decimal

MAX_SIGNIFICANT_FIGURES = 5
MAX_PERP_DECIMALS = 6
MIN_NOTIONAL_USD = Decimal(10)
"""size x limit price of an order; an order that closes the whole position is exempt."""

# Wide enough that no product of a price and a size is ever rounded by the context itself.
_EXACT = Context(prec=60)


def price_exponent(px: Decimal, sz_decimals: int) -> int:
    """The power of ten of the tick at this price (0 for whole numbers, -1 for 0.1, ...). Prices at and above 100000 still tick by 1."""
    by_figures = px.adjusted() - (MAX_SIGNIFICANT_FIGURES - 1)
    by_decimals = -(MAX_PERP_DECIMALS - sz_decimals)
    return min(0, max(by_figures, by_decimals))


_POWERS_OF_TEN = tuple(Decimal(1).scaleb(-places) for places in range(MAX_PERP_DECIMALS + 1))


def tick_size(px: Decimal, sz_decimals: int) -> Decimal:
    """The distance between two valid prices at this price."""
    return _POWERS_OF_TEN[-price_exponent(px, sz_decimals)]


def round_price(px: Decimal, is_buy: bool, sz_decimals: int) -> Decimal:
    """The nearest valid price that is not worse for crossing: up for a buy, down for a sell.

    Raises:
        ValueError: The price is not a positive finite number, or rounds to zero.
    """
    if not px.is_finite() or px <= 0:
        raise ValueError(f"price {px}: expected a positive number")
    rounded = px.quantize(tick_size(px, sz_decimals), rounding=ROUND_CEILING if is_buy else ROUND_FLOOR, context=_EXACT)
    if rounded <= 0:
        raise ValueError(f"price {px} rounds to zero with szDecimals {sz_decimals}")
    return rounded


def round_size(sz: Decimal, sz_decimals: int) -> Decimal:
    """The size cut down to whole lots; may be zero, and then it must not leave.

    Raises:
        ValueError: The size is negative or not finite.
    """
    if not sz.is_finite() or sz < 0:
        raise ValueError(f"size {sz}: expected a number of zero or more")
    return sz.quantize(Decimal(1).scaleb(-sz_decimals), rounding=ROUND_DOWN, context=_EXACT)


def is_valid_price(px: Decimal, sz_decimals: int) -> bool:
    """Whether the exchange would take this price as it stands."""
    return px.is_finite() and px > 0 and round_price(px, True, sz_decimals) == px


def is_valid_size(sz: Decimal, sz_decimals: int) -> bool:
    """Whether the exchange would take this size as it stands."""
    return sz.is_finite() and sz > 0 and round_size(sz, sz_decimals) == sz


def wire_text(value: Decimal) -> str:
    """The one text of a number: no exponent, no trailing zeros, no negative zero.

    Raises:
        ValueError: Not a finite number.
    """
    if not value.is_finite():
        raise ValueError(f"{value} cannot be written on the wire")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def format_price(px: Decimal, is_buy: bool, sz_decimals: int) -> str:
    """`round_price` as wire text."""
    return wire_text(round_price(px, is_buy, sz_decimals))


def format_size(sz: Decimal, sz_decimals: int) -> str:
    """`round_size` as wire text."""
    return wire_text(round_size(sz, sz_decimals))
