"""One dex in an emergency: what is read of it and when, and when the exchange has said that nothing is open on it.

Easy to get wrong: a failed read is not an empty one; what was read before the last send is no news; and one empty answer is no proof, the
exchange is known to answer empty by mistake, so a second must have been asked for at least two seconds later.

PROTOCOL 8, 9.1; lessons L07, L34.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum

from msgspec import Struct

from core.engine.emergency_plan import TwapCancel
from core.messages.events import OrderReport, VenuePosition
from core.model.cloid import is_ours
from core.model.market import MarketKey, MarketSpec
from core.model.order import Cancels, Orders

AGREE_AFTER_MS = 2_000
"""Two empty answers must be this far apart to count as two."""
NEVER = 1 << 62
_AGAIN_MS, _AGAIN_MOST_MS = 100, 2_000
"""After a send: the exchange's own view follows its answer by a block or so. Longer each time nothing helped."""
_FAILED_AGAIN_MS, _FAILED_AGAIN_MOST_MS = 250, 2_000
_ORDERS_EVERY_MS = 8_000
"""While positions resist: a look at the orders costs ten times that at the positions."""
_MIDS_FOR_MS = 1_500


class Kind(Enum):
    """What is read; the values are for people."""

    DEXES = "the list of dexes"
    TWAPS = "TWAPs"
    POSITIONS = "positions"
    ORDERS = "open orders"
    SPECS = "markets"
    MIDS = "prices"


class Read(Struct, frozen=True):
    """Something to be asked; ``dex`` where it is about one."""

    kind: Kind
    dex: str = ""


class Send(Struct, frozen=True):
    """An action to be signed and sent. Its number tells it apart from others of the same content."""

    number: int
    dexes: tuple[str, ...]
    batch: Orders | Cancels | TwapCancel


class Left(Struct, frozen=True):
    """What is not known to be closed on one dex."""

    dex: str
    positions: tuple[VenuePosition, ...] = ()
    orders: tuple[OrderReport, ...] = ()
    trouble: str = ""


class Asked:
    """One thing that is read again and again."""

    def __init__(self, due_ms: int = 0) -> None:
        self.under_way = False
        self.due_ms = due_ms
        self.answered_ms = -1
        self.trouble = ""
        self._failures = 0

    def is_due(self, now_ms: int) -> bool:
        return not self.under_way and now_ms >= self.due_ms

    def answered(self, now_ms: int, due_ms: int) -> None:
        self.under_way, self.trouble, self._failures = False, "", 0
        self.answered_ms, self.due_ms = now_ms, due_ms

    def failed(self, reason: str, now_ms: int) -> None:
        wait_ms = min(_FAILED_AGAIN_MS << min(self._failures, 10), _FAILED_AGAIN_MOST_MS)
        self.under_way, self.trouble, self.due_ms = False, reason, now_ms + wait_ms
        self._failures += 1


class Dex:
    """What is known of one dex."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.positions: tuple[VenuePosition, ...] = ()
        self.orders: tuple[OrderReport, ...] = ()
        self.specs: Mapping[MarketKey, MarketSpec] | None = None
        self.mids: Mapping[MarketKey, Decimal] = {}
        self.to_close = self.to_cancel = False
        """Positions, or orders, were read and nothing was sent about them yet."""
        self.wants_specs = False
        self.sending = 0
        self.separately = False
        self.empty_since_ms: int | None = None
        """When the first of the two empty answers came; and the second."""
        self.confirmed_ms: int | None = None
        self._reads = {kind: Asked() for kind in (Kind.POSITIONS, Kind.ORDERS, Kind.SPECS, Kind.MIDS)}
        self._mids_until_ms = 0
        self._rounds = 0
        self._looked_from_ms = 0
        self._told = ""

    # --- reading -------------------------------------------------------------------------------------------------------------

    def reads_due(self, now_ms: int) -> list[Read]:
        """What to ask now; under way from now on."""
        due = [kind for kind in self._wanted(now_ms) if self._reads[kind].is_due(now_ms)]
        for kind in due:
            self._reads[kind].under_way = True
        return [Read(kind, self.name) for kind in due]

    def next_due_ms(self, now_ms: int) -> int:
        """Of what is wanted now: what nobody waits for is due for ever, and would keep the one who asks awake."""
        reads = [self._reads[kind] for kind in self._wanted(now_ms)]
        return min((a.due_ms for a in reads if not a.under_way), default=NEVER)

    def _wanted(self, now_ms: int) -> list[Kind]:
        kinds = []
        if not self.sending:
            # What was read and waits for its turn to be acted on is not read again.
            waiting = {Kind.POSITIONS: self.to_close, Kind.ORDERS: self.to_cancel}
            kinds += [kind for kind, waits in waiting.items() if self.specs is None or not waits]
        if self.specs is None and (self.wants_specs or not self.is_empty):
            kinds.append(Kind.SPECS)
        if self.to_close and now_ms >= self._mids_until_ms:
            kinds.append(Kind.MIDS)
        return kinds

    def on_positions(self, positions: tuple[VenuePosition, ...], now_ms: int) -> str:
        """Returns what the operator should be told; empty if it is nothing new. So does `on_orders`."""
        self.positions, self.to_close = positions, bool(positions)
        return self._on_look(Kind.POSITIONS, now_ms)

    def on_orders(self, orders: tuple[OrderReport, ...], now_ms: int) -> str:
        self.orders, self.to_cancel = orders, bool(orders)
        return self._on_look(Kind.ORDERS, now_ms)

    def on_specs(self, specs: Mapping[MarketKey, MarketSpec], now_ms: int) -> None:
        self.specs = specs
        self._reads[Kind.SPECS].answered(now_ms, NEVER)

    def on_mids(self, mids: Mapping[MarketKey, Decimal], now_ms: int) -> None:
        self.mids, self._mids_until_ms = mids, now_ms + _MIDS_FOR_MS
        self._reads[Kind.MIDS].answered(now_ms, 0)

    def on_failed(self, kind: Kind, reason: str, now_ms: int) -> None:
        self._reads[kind].failed(reason, now_ms)
        if kind is Kind.MIDS:
            self.mids, self._mids_until_ms = {}, now_ms + _MIDS_FOR_MS  # the mark has to do
        elif kind in (Kind.POSITIONS, Kind.ORDERS):
            self.empty_since_ms = self.confirmed_ms = None

    def _on_look(self, kind: Kind, now_ms: int) -> str:
        look, other = self._reads[kind], self._reads[Kind.ORDERS if kind is Kind.POSITIONS else Kind.POSITIONS]
        # As long as the markets are not known, nothing can be sent: then looking goes on by itself.
        look.answered(now_ms, now_ms + _AGAIN_MOST_MS if self.specs is None and not self.is_empty else NEVER)
        if not self.is_empty:
            self.empty_since_ms = self.confirmed_ms = None
        if other.under_way or other.trouble:
            return ""
        if not self.is_empty:
            found = f"{_listed(self.positions)}{counted(self.orders)}"
            news, self._told = "" if found == self._told else f"open: {found}", found
            return news
        return self._on_empty(now_ms)

    def _on_empty(self, now_ms: int) -> str:
        looks = [self._reads[kind] for kind in (Kind.POSITIONS, Kind.ORDERS)]
        since_ms = self._looked_from_ms if self.empty_since_ms is None else self.empty_since_ms + AGREE_AFTER_MS
        old = [look for look in looks if look.answered_ms < since_ms]
        if not old and self.empty_since_ms is not None:
            news = "" if self.confirmed_ms is not None else "flat and no open order, said twice"
            self.confirmed_ms = now_ms
            return news
        if not old:
            self.empty_since_ms = now_ms
            self.look_again(now_ms + AGREE_AFTER_MS)
            told, self._told = self._told, ""
            return f"nothing is open any more; asking again in {AGREE_AFTER_MS / 1000:g} s" if told else ""
        for look in old:
            look.due_ms = min(look.due_ms, max(now_ms, since_ms))
        return ""

    def look_again(self, at_ms: int) -> None:
        """Ask once more for both, at that time."""
        for kind in (Kind.POSITIONS, Kind.ORDERS):
            self._reads[kind].due_ms = at_ms

    def on_acted(self, now_ms: int, not_before_ms: int = 0) -> None:
        """Something was sent and answered, or nothing could be sent: look what it did, later each time."""
        at_ms = max(now_ms + min(_AGAIN_MS << min(self._rounds, 10), _AGAIN_MOST_MS), not_before_ms)
        self._rounds += 1
        self._looked_from_ms = now_ms
        self._reads[Kind.POSITIONS].due_ms = at_ms
        self._reads[Kind.ORDERS].due_ms = at_ms if self.orders or self._rounds <= 1 else at_ms + _ORDERS_EVERY_MS

    # --- what is known -------------------------------------------------------------------------------------------------------

    @property
    def is_empty(self) -> bool:
        return not self.positions and not self.orders

    @property
    def is_looking(self) -> bool:
        return self._reads[Kind.POSITIONS].under_way or self._reads[Kind.ORDERS].under_way

    @property
    def can_close(self) -> bool:
        return self.to_close and self.specs is not None and not self._reads[Kind.MIDS].under_way

    @property
    def can_cancel(self) -> bool:
        return self.to_cancel and self.specs is not None

    @property
    def trouble(self) -> str:
        return "; ".join(f"{kind.value}: {asked.trouble}" for kind, asked in self._reads.items() if asked.trouble)


def dex_name(dex: str) -> str:
    return dex or "main dex"


def _listed(positions: tuple[VenuePosition, ...]) -> str:
    shown = ", ".join(f"{p.market} {p.signed_size:+}" for p in positions)
    return f"{len(positions)} positions ({shown}); " if positions else ""


def counted(orders: tuple[OrderReport, ...]) -> str:
    """How many, and how many of them were never ours: the operator is told."""
    foreign = sum(not is_ours(o.cloid) for o in orders)
    return f"{len(orders)} orders" + (f" ({foreign} of them EXTERNAL)" if foreign else "")
