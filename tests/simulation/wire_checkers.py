"""Checkers of what leaves: nonces, the count in flight, what may be in one batch, and that the venue finds no fault with it. See checkers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from check import Check
from ledger import Ledger

from core.messages.effects import Effect, Journal, Post, PostRow, Repost
from core.messages.events import Fills, FillsRead, PositionsRead, PostSent
from core.messages.tape import Message
from core.model.order import Cancels, Orders
from core.model.rounding import MIN_NOTIONAL_USD, is_valid_price, is_valid_size
from core.sim.truth import ActionEntry
from core.sim.world.world import World


class Nonces(Check):
    """Strictly rising, restarts included; one nonce, one content; a repeat is the very same."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._last = 0

    def crashed(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        self.turn(world, message, effects)

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Post):
                self.expect(effect.nonce > self._last, f"nonce {effect.nonce} after {self._last}")
                self._last = effect.nonce

    def executed(self, world: World, entry: ActionEntry) -> None:
        post = self.ledger.posts.get(entry.nonce)
        if post is not None and entry.items:
            count = len(post.batch.orders) if isinstance(post.batch, Orders) else len(post.batch.cancels)
            self.expect(entry.items == count, f"nonce {entry.nonce}: {entry.items} items at the venue, {count} decided")


class Inflight(Check):
    """Never above the limit, never below zero, always sent minus completed; counted here from the messages and the journal's rows."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._open: dict[int, bool] = {}
        self.peak = 0

    def started(self, world: World) -> None:
        self._open.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, PostSent) and message.post_id in self._open:
            self._open[message.post_id] = True
        for effect in effects:
            if isinstance(effect, (Post, Repost)):
                self._open[effect.post_id] = False
            elif isinstance(effect, Journal) and isinstance(effect.row, PostRow) and effect.row.outcome != "opened":
                self.expect(
                    effect.row.post_id in self._open, f"post {effect.row.post_id} was closed twice, or never opened"
                )
                del self._open[effect.row.post_id]
        engine = world.engine
        assert engine is not None
        posts = engine.machines.posts
        self.peak = max(self.peak, posts.inflight)
        sent = sum(self._open.values())
        self.expect(posts.inflight == sent, f"inflight {posts.inflight}, and {sent} posts are sent and open")
        self.expect(posts.inflight == posts.sent_total - posts.completed_total, "inflight is not sent minus completed")
        self.expect(posts.inflight <= world.plan.config.execution.inflight_limit, f"inflight {posts.inflight}")

    def at_rest(self, world: World) -> None:
        self.expect(not self._open, f"posts {list(self._open)} were never closed")


class Batches(Check):
    """One action type per batch, caps held, at most one post per interval, none without a connection."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._last_ms: int | None = None

    def started(self, world: World) -> None:
        self._last_ms = None

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        x = world.plan.config.execution
        for effect in effects:
            if not isinstance(effect, (Post, Repost)):
                continue
            self.expect(self.ledger.connected_ms is not None, "a post without a connection")
            if self._last_ms is not None:
                gap = world.steady_ms - self._last_ms
                self.expect(gap >= x.tick_interval_ms, f"two posts within {gap} ms")
            self._last_ms = world.steady_ms
            if isinstance(effect, Repost):
                continue
            if isinstance(effect.batch, Cancels):
                kinds = {c.oid is not None for c in effect.batch.cancels}
                self.expect(len(kinds) == 1, "cancels by oid and by cloid in one action")
                self.expect(len(effect.batch.cancels) <= x.batch_max_cancels, f"{len(effect.batch.cancels)} cancels")
            else:
                self.expect(0 < len(effect.batch.orders) <= x.batch_max_orders, f"{len(effect.batch.orders)} orders")
                entries = [o.reduce_only for o in effect.batch.orders]
                self.expect(entries == sorted(entries, reverse=True), "an entry before an exit in one batch")


class OnTheWire(Check):
    """No price or size off tick, lot, minimum or band; nothing that the venue calls malformed; no exit where there is nothing to reduce."""

    quiet = ()

    MALFORMED = ("tick size", "invalid size", "zero size", "minimum value", "too far from", "invalid price", "lot")
    UNSEEN_MS = 2_000
    """For so long after another program of the owner's closed something, an exit may leave that does not know of it yet."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._closed_ms: dict[str, int] = {}
        """When another program of the owner's closed something, last."""
        self._untold: dict[str, int] = {}
        """Of those: what the engine was not told of yet."""
        self._unseen_by: dict[int, set[str]] = {}
        """Of each post: what others closed before or after it left, and the engine had not been told of when it did."""
        self._unfit: set[int] = set()
        """Posts that left when the venue had changed its rules and we did not know."""

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for coin in _told_of(message, self._untold) if self._untold else ():
            self._untold.pop(coin, None)
        for effect in effects:
            if not isinstance(effect, Post) or not isinstance(effect.batch, Orders):
                continue
            self._unseen_by[effect.nonce] = set(self._untold)
            if not self._knows_the_specs(world):
                self._unfit.add(effect.nonce)
            cloids = [o.cloid for o in effect.batch.orders]
            self.expect(len(set(cloids)) == len(cloids), "one cloid twice in a batch")
            for order in effect.batch.orders:
                engine = world.engine
                assert engine is not None
                spec = engine.machines.specs[order.market]
                what = f"{order.market} {order.side.value} {order.size} @ {order.price}"
                self.expect(is_valid_price(order.price, spec.sz_decimals), f"{what}: price off the tick")
                self.expect(is_valid_size(order.size, spec.sz_decimals), f"{what}: size off the lot")
                if not order.reduce_only:
                    self.expect(order.size * order.price >= MIN_NOTIONAL_USD, f"{what}: under the minimum")

    def _knows_the_specs(self, world: World) -> bool:
        """What the venue has changed a moment ago, nobody can keep to."""
        engine = world.engine
        if engine is None:
            return False
        listed = world.exchange.venue.universe.by_coin
        return all(listed[m.name].spec == spec for m, spec in engine.machines.specs.items() if m.name in listed)

    def executed(self, world: World, entry: ActionEntry) -> None:
        post = self.ledger.posts.get(entry.nonce)
        if post is None:
            filled = [o.coin for o in entry.orders if o.coin and o.reduce_only and o.result and o.result.filled_sz]
            closed = dict.fromkeys(filled, entry.time)
            self._closed_ms.update(closed)
            self._untold.update(closed)
            for unseen in self._unseen_by.values() if filled else ():
                unseen.update(filled)
            return
        was_unfit = entry.nonce in self._unfit
        if was_unfit or not self._knows_the_specs(world):
            return
        for i, status in enumerate(entry.statuses or ()):
            error = status.get("error", "").lower() if isinstance(status, dict) else ""
            found = [m for m in self.MALFORMED if m in error]
            if found == ["minimum value"] and self._was_the_whole(entry, i):
                continue
            self.expect(not found, f"the venue found fault with an order of ours: {error}")

    def _was_the_whole(self, entry: ActionEntry, i: int) -> bool:
        """An exit of less than the minimum is taken where it closes all there is; and another program closed it a moment before."""
        order, coin = entry.orders[i], entry.orders[i].coin or ""
        closed_ms = self._closed_ms.get(coin)
        is_unseen = coin in self._unseen_by.get(entry.nonce, ())
        return order.reduce_only and is_unseen and closed_ms is not None and entry.time - closed_ms <= self.UNSEEN_MS


def _told_of(message: Message, closed_ms: Mapping[str, int]) -> Iterable[str]:
    """Of what others closed: what this message tells the engine."""
    if isinstance(message, (Fills, FillsRead)):
        return [f.market.name for f in message.fills]
    if isinstance(message, PositionsRead):
        of_dex = [c for c in closed_ms if c.rpartition(":")[0] == message.dex]
        return [c for c in of_dex if closed_ms[c] <= message.time_ms]
    return ()
