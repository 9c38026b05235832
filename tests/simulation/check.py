"""What a checker of its own file starts from, and what the venue's refusals mean. See checkers."""

from __future__ import annotations

from ledger import Ledger

from core.messages.effects import Effect, Post
from core.model.order import Orders, PendingOrder
from core.sim.world.watcher import Violation, Watcher

EXPLAINED = (
    "could not immediately match",
    "ioccancel",
    "reduce only order would increase",
    "reduceonly",
    "minimum value",
    "mintradentl",
    "only post-only orders",
    "too many cumulative requests",
    "action already expired",
    "no liquidity available",
    "noliquidity",
    "open interest",
    "openinterest",
    "would have immediately matched",
    "badalopx",
)
"""What the market or the venue's state explains, in the venue's own words."""


class Check(Watcher):
    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def expect(self, holds: object, text: str) -> None:
        if not holds:
            raise Violation(type(self).__name__, text)


def is_by_hand(order: PendingOrder) -> bool:
    """One that the operator placed: its number begins where the engine's never get to (core.model.cloid)."""
    return order.cloid[-8:-5] == "00a"


def is_explained(error: str) -> bool:
    return any(e in error.lower() for e in EXPLAINED)


def orders_of(effect: Effect, *, entries: bool) -> list[PendingOrder]:
    """Of a post: those that may add to a position, or those that only reduce one."""
    if not isinstance(effect, Post) or not isinstance(effect.batch, Orders):
        return []
    return [o for o in effect.batch.orders if o.reduce_only is not entries]


def has_entry(effect: Effect) -> bool:
    return bool(orders_of(effect, entries=True))
