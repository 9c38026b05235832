"""What a dangerous key would send, order by order, read off the snapshot: for the question before and for the word afterwards.

The engine decides what is really sent, at the moment it gets the command; this is what it would be now. Easy to get wrong: it must leave out
what the engine leaves out (core.engine.operator), or the operator counts on something that does not happen.

SPEC 11.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from core.messages.snapshot import OrderView, PositionView
from core.model.cloid import is_ours
from core.model.order import OrderStatus, TimeInForce
from hip3_tui import format as f
from hip3_tui.panes.picture import Picture


class Sending(NamedTuple):
    """One order, or one cancel."""

    what: str
    """``SELL``, ``CANCEL BUY``"""
    size: str
    market: str
    price: str
    """``down to 1,223.7``: the worst price it may be done at."""
    notional: str
    note: str = ""

    @property
    def words(self) -> str:
        """``SELL 0.012 xyz:SNDK down to 1,223.7 ($14.83)``"""
        return f"{self.what} {self.size} {self.market} {self.price} ({self.notional})"


_MOST_TOLD = 3


def told(sendings: list[Sending]) -> str:
    """In one sentence, for those who were not asked."""
    words = "; ".join(s.words for s in sendings[:_MOST_TOLD])
    more = len(sendings) - _MOST_TOLD
    return f"{words}; +{more} more" if more > 0 else words


# --- flatten ---------------------------------------------------------------------------------------------------------


def flatten_preview(picture: Picture) -> list[Sending]:
    """One reduce-only order for each position: the whole of it, the other way."""
    snapshot = picture.snapshot
    if snapshot is None:
        return []
    return [closing(position, snapshot.run.flatten_slippage_bps) for position in snapshot.positions]


def closing(position: PositionView, slippage_bps: Decimal) -> Sending:
    side = position.side.opposite
    about = position.mark_px if position.mark_px is not None else position.entry_px
    # To the digits of the mark: close enough to see what may happen; the engine rounds to the tick.
    bound = (about * (1 + side.sign * slippage_bps / 10_000)).quantize(
        about, ROUND_CEILING if side.is_buy else ROUND_FLOOR
    )
    return Sending(
        "BUY" if side.is_buy else "SELL",
        f.size(position.size),
        position.market.name,
        f"{'up' if side.is_buy else 'down'} to {f.price(bound)}",
        f.usd(about * position.size),
        "EXTERNAL" if position.is_external else "",
    )


# --- cancel ----------------------------------------------------------------------------------------------------------


def cancel_preview(picture: Picture) -> list[Sending]:
    """The orders of ours that are not over. Exits are left alone."""
    if picture.snapshot is None:
        return []
    return [canceling(order) for order in picture.snapshot.orders if is_in_cancel_all(order)]


def canceling(order: OrderView) -> Sending:
    left = order.size - order.filled
    return Sending(
        f"CANCEL {'BUY' if order.side.is_buy else 'SELL'}",
        f.size(left),
        order.market.name,
        f"at {f.price(order.price)}",
        f.usd(order.price * left),
        _marks(order),
    )


def _marks(order: OrderView) -> str:
    """Whose it is, where that is somebody else, and whether anybody knows how it is."""
    status = " UNKNOWN " if order.status is OrderStatus.UNKNOWN else order.status.value
    return f"EXTERNAL {status}" if order.is_external else status


def is_in_cancel_all(order: OrderView) -> bool:
    """Ours, of this run or an earlier one, not over, and no exit."""
    if order.status.is_terminal or (order.reduce_only and order.tif is TimeInForce.IOC):
        return False
    return not order.is_external or is_ours(order.cloid)
