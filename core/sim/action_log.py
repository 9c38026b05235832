"""What reached the venue: every action with its items as values and what became of each.

For checkers: typed, so that a rule about prices, sizes or limits is judged without reading JSON. Easy to get wrong: an item of an action
that was refused as a whole has no result of its own, and of a batch answered by one error every item has that error; and the log forgets
its oldest actions, so whoever wants to know how many there were asks its counts, not its length.

Issue 3 part 3, issue 4 part 6.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from core.sim.admission import Envelope
from core.sim.universe import Universe

MOST_ENTRIES = 10_000
MOST_ITEMS = 20_000
"""An action may hold 200 orders of some 2 kB each, so a bound on actions alone would be none on memory."""
_MOST_TEXT = 500
"""Of why an action was refused; it may repeat what a client sent."""


class ItemResult(Struct, frozen=True):
    """What the venue answered to one order or cancel."""

    error: str | None = None
    """Why it was refused; None: it was not."""
    oid: int | None = None
    filled_sz: Decimal = Decimal(0)
    avg_px: Decimal | None = None
    is_resting: bool = False


class OrderItem(Struct, frozen=True):
    """One order of an action, as it came."""

    coin: str | None
    """None: no such asset."""
    asset: int
    is_buy: bool
    px: Decimal
    sz: Decimal
    reduce_only: bool
    tif: str
    """Of one that waits for a trigger: tp or sl."""
    cloid: str | None
    result: ItemResult | None
    """None: the action was refused as a whole."""


class CancelItem(Struct, frozen=True):
    """One cancel of an action, by oid or by cloid."""

    coin: str | None
    asset: int
    oid: int | None
    cloid: str | None
    result: ItemResult | None


class ActionEntry(Struct, frozen=True):
    """One action that reached the venue."""

    time: int
    nonce: int
    signer: str | None
    user: str | None
    kind: str
    items: int
    error: str | None
    """Why the whole action was refused; None when it was accepted."""
    statuses: list[Any] | None
    expires_after: int | None = None
    orders: tuple[OrderItem, ...] = ()
    """Those of modifies too."""
    cancels: tuple[CancelItem, ...] = ()


class ActionLog:
    """The latest actions, oldest first, and how many there ever were."""

    def __init__(self) -> None:
        self._kept: deque[ActionEntry] = deque()
        self._items = 0
        self.received = self.refused = self.orders_rejected = 0
        """Since the venue began."""

    def add(self, new: ActionEntry) -> None:
        self.received += 1
        self.refused += new.error is not None
        if new.kind == "order":
            self.orders_rejected += sum(isinstance(s, dict) and "error" in s for s in new.statuses or ())
        self._kept.append(new)
        self._items += new.items
        while len(self._kept) > MOST_ENTRIES or self._items > MOST_ITEMS:
            self._items -= self._kept.popleft().items

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[ActionEntry]:
        return iter(self._kept)

    def __getitem__(self, index: int) -> ActionEntry:
        return self._kept[index]


def entry(
    universe: Universe,
    envelope: Envelope,
    now_ms: int,
    signer: str | None,
    user: str | None,
    error: str | None,
    statuses: list[Any] | None,
) -> ActionEntry:
    """Write one action down."""
    action, kind = envelope.action, envelope.kind
    count = envelope.items
    results: list[ItemResult | None] = [None] * count
    if statuses is not None:
        told = statuses if len(statuses) == count else statuses[:1] * count
        results = [_result(status) for status in told]
    orders: tuple[OrderItem, ...] = ()
    cancels: tuple[CancelItem, ...] = ()
    if kind in ("order", "modify", "batchModify"):
        orders = tuple(_order(universe, o, r) for o, r in zip(envelope.orders, results, strict=True))
    elif kind == "cancel":
        cancels = tuple(
            CancelItem(_coin(universe, c["a"]), c["a"], c["o"], None, r)
            for c, r in zip(action["cancels"], results, strict=True)
        )
    elif kind == "cancelByCloid":
        cancels = tuple(
            CancelItem(_coin(universe, c["asset"]), c["asset"], None, c["cloid"], r)
            for c, r in zip(action["cancels"], results, strict=True)
        )
    return ActionEntry(
        now_ms,
        envelope.nonce,
        signer,
        user,
        kind,
        count,
        None if error is None else error[:_MOST_TEXT],
        statuses,
        envelope.expires_after,
        orders,
        cancels,
    )


def _coin(universe: Universe, asset: int) -> str | None:
    listing = universe.by_asset.get(asset)
    return None if listing is None else listing.coin


def _order(universe: Universe, raw: dict[str, Any], result: ItemResult | None) -> OrderItem:
    return OrderItem(
        _coin(universe, raw["a"]),
        raw["a"],
        raw["b"],
        Decimal(raw["p"]),
        Decimal(raw["s"]),
        raw["r"],
        raw["t"]["limit"]["tif"] if "limit" in raw["t"] else raw["t"]["trigger"]["tpsl"],
        raw.get("c"),
        result,
    )


def _result(status: Any) -> ItemResult:
    """Read one element of `statuses`."""
    if not isinstance(status, dict):
        return ItemResult()
    if "error" in status:
        return ItemResult(error=status["error"])
    if "resting" in status:
        return ItemResult(oid=status["resting"]["oid"], is_resting=True)
    filled = status["filled"]
    return ItemResult(oid=filled["oid"], filled_sz=Decimal(filled["totalSz"]), avg_px=Decimal(filled["avgPx"]))
