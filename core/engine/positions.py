"""PositionTracker: what we hold. Two sources, one writer.

Fills move a position, each once, by (time, coin, tid). clearinghouseState of the dex is the truth of its size: a difference is adopted
when a second answer, at least two seconds later, says the same; one answer without a position we hold closes nothing. Easy to get
wrong: an answer older than our newest fill proves nothing, a resync must not touch the entry time, and state is replaced, never
cleared first.

SPEC 6; lessons L05, L07, L08, L09.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from core.messages.events import OrderReport, PositionsRead, VenuePosition
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus
from core.model.position import Fill, FillKey, Position

AGREE_AFTER_MS = 2_000
"""Two answers must be this far apart to count as two."""
_HISTORY = 500
"""Fills kept per market to find out when a position was opened."""

_ZERO = Decimal(0)


class PositionChange(Struct, frozen=True):
    """A position before and after; None is flat. ``by_resync``: the exchange's view was adopted, no fill did it.

    ``is_found``: by the first answer of this run: an earlier one may have made it, and counted it.
    """

    market: MarketKey
    before: Position | None
    after: Position | None
    by_resync: bool = False
    is_found: bool = False

    @property
    def opened(self) -> bool:
        return self.after is not None and (self.before is None or self.before.side is not self.after.side)

    @property
    def closed(self) -> bool:
        return self.before is not None and (self.after is None or self.before.side is not self.after.side)


class _Suspicion(Struct, frozen=True):
    signed_size: Decimal
    since_ms: int
    by_fills: bool = False
    """The fills say so, and the first answer does not; or an order was filled whose fills were not told yet."""
    after_ms: int = 0
    """Of the exchange: an answer from before it proves nothing."""


class PositionTracker:
    def __init__(self, seen_fills: frozenset[FillKey] = frozenset()) -> None:
        self._positions: dict[MarketKey, Position] = {}
        self._seen: set[FillKey] = set(seen_fills)
        self._baseline_ms: dict[str, int] = {}
        """Dex -> block time of the first answer of this run: fills up to it are in its sizes already."""
        self._adopted_until: dict[MarketKey, int] = {}
        self._moved_ms: dict[MarketKey, int] = {}
        """Block time of the newest fill that moved the market, flat now or not."""
        self._buffered: list[Fill] = []
        self._history_kept: list[Fill] = []
        self._history: dict[MarketKey, list[Fill]] = {}
        self._in_history: set[FillKey] = set()
        self._suspects: dict[MarketKey, _Suspicion] = {}

    # --- fills -------------------------------------------------------------------------------------------------------

    def take_new(self, fills: tuple[Fill, ...]) -> list[Fill]:
        """Those of the fills that were never seen before, in time order. From now on they count as seen."""
        new = []
        for fill in sorted(fills, key=lambda f: f.time_ms):
            self._remember(fill)
            if fill.key not in self._seen:
                self._seen.add(fill.key)
                new.append(fill)
        return new

    def keep_history(self, fills: Iterable[Fill]) -> None:
        """Fills that are history, of a dex that was not read yet: its first answer may be older than they are."""
        self._history_kept.extend(f for f in fills if f.market.dex not in self._baseline_ms)

    def remember(self, fills: Iterable[Fill]) -> None:
        """They tell when a position was opened, whoever counts them."""
        for fill in sorted(fills, key=lambda f: f.time_ms):
            self._remember(fill)

    def is_unseen(self, fill: Fill) -> bool:
        return fill.key not in self._seen

    def is_newer(self, fill: Fill) -> bool:
        """Than the answer that our size of its market comes from; False while there is none."""
        return fill.market.dex in self._baseline_ms and fill.time_ms > self._contained_until(fill.market)

    def doubt_filled(self, said: OrderReport, now_ms: int) -> None:
        """Somebody else's order was filled, or one of an earlier run, and not all of its fills were told: we hold more than we know of."""
        if said.status in (OrderStatus.UNKNOWN, OrderStatus.REJECTED) or said.market.dex not in self._baseline_ms:
            return
        seen = sum((f.size for f in self._history.get(said.market, ()) if f.oid == said.oid), _ZERO)
        untold = said.original_size - said.remaining - seen
        if untold > 0 and said.status_time_ms > self._contained_until(said.market):
            position = self._positions.get(said.market)
            size = (position.signed_size if position else _ZERO) + untold * said.side.sign
            self._suspects[said.market] = _Suspicion(size, now_ms, by_fills=True, after_ms=said.status_time_ms)

    def apply(self, fill: Fill, now_ms: int) -> PositionChange | None:
        """Move the position by a new fill. None when the size already contains it, or its dex is not synced yet (it is kept)."""
        if fill.market.dex not in self._baseline_ms:
            self._buffered.append(fill)
            return None
        if fill.time_ms <= self._contained_until(fill.market):
            return None
        self._suspects.pop(fill.market, None)
        self._moved_ms[fill.market] = max(fill.time_ms, self._moved_ms.get(fill.market, 0))
        before = self._positions.get(fill.market)
        after = _moved(before, fill, now_ms)
        if before is None and after is not None and fill.start_position * fill.side.sign > 0:
            # The exchange held some before this fill: what we took for the end of it was none.
            built = self._built_since(fill.market, fill.side, now_ms)
            after = replace(after, entry_timestamp_ms=min(built, after.entry_timestamp_ms))
        return self._store(fill.market, before, after, by_resync=False)

    # --- the exchange's own view ---------------------------------------------------------------------------------------

    def reconcile(
        self, read: PositionsRead, now_ms: int, *, is_first: bool, is_unsettled: Callable[[MarketKey], bool]
    ) -> list[PositionChange]:
        """Compare with one answer of clearinghouseState and adopt what is proven.

        Args:
            is_first: The first answer since the connection came up: adopted at once, but for positions it does not have.
            is_unsettled: Whether an order of that market may still move it; then a difference proves nothing.
        """
        changes: list[PositionChange] = []
        first_ever = read.dex not in self._baseline_ms
        theirs = {p.market: p for p in read.positions}
        ours = [m for m in self._positions if m.dex == read.dex]
        for market in dict.fromkeys([*ours, *theirs]):
            position = self._positions.get(market)
            venue = theirs.get(market)
            mine = position.signed_size if position else _ZERO
            said = venue.signed_size if venue else _ZERO
            if mine == said:
                if market in self._suspects and self._suspects[market].after_ms <= read.time_ms:
                    del self._suspects[market]
                continue
            if max(self._moved_ms.get(market, 0), self._contained_until(market)) > read.time_ms:
                continue  # older than what our size is made of
            if is_unsettled(market) and not is_first:
                continue
            if (is_first and venue is not None) or self._is_proven(market, said, now_ms):
                change = self._adopt(market, position, venue, read.time_ms, now_ms)
                changes.append(replace(change, is_found=first_ever))
        for market in [s for s in self._suspects if s.dex == read.dex and s not in theirs and s not in self._positions]:
            # Neither of us holds it any more: what one answer said once must not stand as the first of two for a later one.
            suspicion = self._suspects[market]
            if suspicion.after_ms > read.time_ms:
                continue
            if not suspicion.by_fills or now_ms - suspicion.since_ms >= AGREE_AFTER_MS:
                del self._suspects[market]
        if first_ever:
            self._doubt_denied(read.dex, theirs, now_ms)
            self._baseline_ms[read.dex] = read.time_ms
            changes.extend(self._apply_buffered(read, now_ms))
        return changes

    def _doubt_denied(self, dex: str, theirs: Container[MarketKey], now_ms: int) -> None:
        """A first answer that lacks what the fills say is open: no entry before a second one, as with a position that we hold."""
        for market, fills in self._history.items():
            end = fills[-1].start_position + fills[-1].size * fills[-1].side.sign if fills else _ZERO
            if market.dex == dex and market not in theirs and market not in self._positions and end:
                self._suspects[market] = _Suspicion(end, now_ms, by_fills=True)

    def _contained_until(self, market: MarketKey) -> int:
        """Block time of the answer that our size comes from: fills up to it are in it, and older answers know less."""
        return max(self._baseline_ms.get(market.dex, 0), self._adopted_until.get(market, 0))

    def _is_proven(self, market: MarketKey, said: Decimal, now_ms: int) -> bool:
        suspicion = self._suspects.get(market)
        if suspicion is not None and suspicion.signed_size == said:
            return now_ms - suspicion.since_ms >= AGREE_AFTER_MS
        self._suspects[market] = _Suspicion(said, now_ms)
        return False

    def _adopt(
        self, market: MarketKey, mine: Position | None, venue: VenuePosition | None, time_ms: int, now_ms: int
    ) -> PositionChange:
        self._suspects.pop(market, None)
        self._adopted_until[market] = time_ms
        if venue is None:
            return self._store(market, mine, None, by_resync=True)
        side = OrderSide.BUY if venue.signed_size > 0 else OrderSide.SELL
        same = mine is not None and mine.side is side
        entry_ms = mine.entry_timestamp_ms if mine is not None and same else self._built_since(market, side, now_ms)
        after = Position(
            market=market,
            side=side,
            size=abs(venue.signed_size),
            entry_price=venue.entry_price,
            entry_timestamp_ms=entry_ms,
            last_fill_timestamp_ms=mine.last_fill_timestamp_ms if mine is not None and same else entry_ms,
            unrealized_pnl=venue.unrealized_pnl,
        )
        return self._store(market, mine, after, by_resync=True)

    def _apply_buffered(self, read: PositionsRead, now_ms: int) -> list[PositionChange]:
        """Fills that came before the first answer: those the answer already contains are dropped."""
        history = {f.key for f in self._history_kept}
        mine = [f for f in [*self._history_kept, *self._buffered] if f.market.dex == read.dex]
        self._buffered = [f for f in self._buffered if f.market.dex != read.dex]
        self._history_kept = [f for f in self._history_kept if f.market.dex != read.dex]
        changes = []
        for fill in sorted(mine, key=lambda f: f.time_ms):
            if fill.time_ms > read.time_ms:
                change = self.apply(fill, now_ms)
                assert change is not None, f"fill {fill.tid} is newer than the first answer, and not taken"
                is_history = fill.key in history
                changes.append(replace(change, by_resync=is_history, is_found=is_history))
        return changes

    # --- questions ---------------------------------------------------------------------------------------------------

    def get(self, market: MarketKey) -> Position | None:
        return self._positions.get(market)

    def all(self) -> list[Position]:
        return list(self._positions.values())

    @property
    def is_flat(self) -> bool:
        return not self._positions

    def is_suspect(self, market: MarketKey) -> bool:
        return market in self._suspects

    @property
    def has_suspects(self) -> bool:
        return bool(self._suspects)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _store(
        self, market: MarketKey, before: Position | None, after: Position | None, by_resync: bool
    ) -> PositionChange:
        if after is None:
            self._positions.pop(market, None)
        else:
            self._positions[market] = after
        return PositionChange(market, before, after, by_resync)

    def _remember(self, fill: Fill) -> None:
        fills = self._history.setdefault(fill.market, [])
        if fill.key in self._in_history:
            return
        self._in_history.add(fill.key)
        fills.append(fill)
        if len(fills) > 1 and fills[-2].time_ms > fill.time_ms:
            fills.sort(key=lambda f: f.time_ms)
        self._in_history.difference_update(f.key for f in fills[:-_HISTORY])
        del fills[:-_HISTORY]

    def fills_that_built(self, market: MarketKey, side: OrderSide) -> list[Fill]:
        """The fills seen since the market was last flat or on the other side, oldest first; empty if that is not known."""
        built: list[Fill] = []
        for fill in reversed(self._history.get(market, [])):
            end = fill.start_position + fill.size * fill.side.sign
            if end == 0 or (end > 0) != (side is OrderSide.BUY):
                break
            built.append(fill)
            if fill.start_position == 0 or (fill.start_position > 0) != (side is OrderSide.BUY):
                break
        return built[::-1]

    def _built_since(self, market: MarketKey, side: OrderSide, now_ms: int) -> int:
        """When the position was opened: the oldest fill that built it; now, if none is known."""
        built = self.fills_that_built(market, side)
        return min(built[0].time_ms, now_ms) if built else now_ms


def _moved(before: Position | None, fill: Fill, now_ms: int) -> Position | None:
    """The position after one fill, by arithmetic alone."""
    entry_ms = min(fill.time_ms, now_ms)
    if before is None:
        return Position(fill.market, fill.side, fill.size, fill.price, entry_ms, fill.time_ms)
    if before.side is fill.side:
        size = before.size + fill.size
        price = (before.entry_price * before.size + fill.price * fill.size) / size
        return replace(before, size=size, entry_price=price, last_fill_timestamp_ms=fill.time_ms)
    if fill.size < before.size:
        return replace(before, size=before.size - fill.size, last_fill_timestamp_ms=fill.time_ms)
    if fill.size == before.size:
        return None
    return Position(fill.market, fill.side, fill.size - before.size, fill.price, entry_ms, fill.time_ms)
