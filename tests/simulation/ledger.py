"""What really happened in a world, written down once for all checkers: posts and their orders, the venue's positions, the connection.

Independent of the engine's own books: it reads messages, effects and the venue. Judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from core.messages.commands import ResetHardStop
from core.messages.effects import Effect, PersistLatch, Post
from core.messages.events import AssetCtx, Bbo, Connected, Disconnected, Fills
from core.messages.tape import Message
from core.model.market import MarketKey
from core.model.order import Orders, PendingOrder
from core.sim.truth import ActionEntry
from core.sim.world.watcher import Watcher
from core.sim.world.world import World

ZERO = Decimal(0)


class Placed:
    """One order that was handed to the outside."""

    def __init__(self, order: PendingOrder, post: Post, at_ms: int) -> None:
        self.order = order
        self.post = post
        self.at_ms = at_ms
        """True time."""
        self.is_executed = False
        """The venue took it up, whatever became of it."""


class Held:
    """A position at the venue."""

    def __init__(self, szi: Decimal, opened_ms: int) -> None:
        self.szi = szi
        self.opened_ms = opened_ms


class Away:
    """A time without a program that knows the fills: gone, started again, the list of fills read."""

    def __init__(self, gone_ms: int) -> None:
        self.gone_ms = gone_ms
        self.started_ms = gone_ms
        self.read_ms: int | None = None


class Ledger(Watcher):
    quiet = (Bbo, AssetCtx)

    def __init__(self) -> None:
        self.posts: dict[int, Post] = {}
        """By nonce, of all lives."""
        self.placed: dict[str, Placed] = {}
        """By cloid, of all lives."""
        self._open_entries: dict[str, Placed] = {}
        self.held: dict[str, Held] = {}
        """By coin."""
        self.connected_ms: int | None = None
        """True time since when the program is connected; None: it is not."""
        self.started_ms = 0
        self.latched = False
        self.latched_ms = 0
        self.marks: dict[MarketKey, Decimal] = {}
        """As the program last heard."""
        self.touch: dict[MarketKey, tuple[Bbo, int]] = {}
        """Newest touch, and when the program heard of it (its own time)."""
        self.context: dict[MarketKey, tuple[AssetCtx, int]] = {}
        self.kills = 0
        self.overrides = 0
        self._fills = 0
        self.away: list[Away] = [Away(0)]
        """When no program ran that knew of the fills; the first is what was before the first start."""

    def started(self, world: World) -> None:
        self.connected_ms = None
        self.started_ms = world.agenda.now_ms
        if world.disk.is_stopped:
            self.latched, self.latched_ms = True, world.agenda.now_ms
        self.away[-1].started_ms = world.agenda.now_ms
        self.touch.clear()
        self.context.clear()
        self.marks.clear()

    def crashed(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        self.kills += 1
        self._leave(world)
        self._take(world, effects)
        self.connected_ms = None

    def finished(self, world: World, confirmed: bool) -> None:
        self._leave(world)
        self.connected_ms = None

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        fills = len(world.exchange.venue.fills.get(world.plan.account, ()))
        if fills != self._fills:  # an order in the book is filled without an action of ours
            self._fills = fills
            self._look_at_positions(world)
        match message:
            case AssetCtx():
                self.marks[message.market] = message.mark_px
                self.context[message.market] = (message, world.local_ms)
            case Bbo():
                before = self.touch.get(message.market)
                if before is None or message.time_ms >= before[0].time_ms:
                    self.touch[message.market] = (message, world.local_ms)
            case Fills(is_snapshot=True) if self.away[-1].read_ms is None:
                self.away[-1].read_ms = world.agenda.now_ms
            case Connected():
                self.connected_ms = world.agenda.now_ms
            case Disconnected():
                self.connected_ms = None
                self.touch.clear()
                self.context.clear()
            case ResetHardStop(override=True):
                self.overrides += 1
        self._take(world, effects)

    def _leave(self, world: World) -> None:
        if self.away[-1].read_ms is not None:
            self.away.append(Away(world.agenda.now_ms))

    def _take(self, world: World, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, PersistLatch):
                now_latched = effect.latch.tripped_at_ms is not None
                if now_latched and not self.latched:
                    self.latched_ms = world.agenda.now_ms
                self.latched = now_latched
            elif isinstance(effect, Post):
                self.posts[effect.nonce] = effect
                if isinstance(effect.batch, Orders):
                    for order in effect.batch.orders:
                        placed = self.placed[order.cloid] = Placed(order, effect, world.agenda.now_ms)
                        if not order.reduce_only:
                            self._open_entries[order.cloid] = placed

    def live_entries(self, world: World) -> list[Placed]:
        """Entries that may still reach the venue and be executed there."""
        now_ms, live = world.agenda.now_ms, []
        for cloid, placed in list(self._open_entries.items()):
            expires = placed.post.expires_after_ms
            if placed.is_executed or not world.road.is_under_way(placed.post.nonce):
                del self._open_entries[cloid]
            elif expires is None or expires >= now_ms:
                live.append(placed)
        return live

    def executed(self, world: World, entry: ActionEntry) -> None:
        post = self.posts.get(entry.nonce)
        if post is not None and isinstance(post.batch, Orders) and entry.error is None:
            for order in post.batch.orders:
                self.placed[order.cloid].is_executed = True
        self._look_at_positions(world)

    def _look_at_positions(self, world: World) -> None:
        account = world.exchange.venue.accounts[world.plan.account]
        for market in world.plan.config.markets:
            listing = world.exchange.venue.universe.by_coin[market.coin]
            szi = account.szi(listing)
            held = self.held.get(market.coin)
            if not szi:
                self.held.pop(market.coin, None)
            elif held is None or (held.szi > 0) != (szi > 0):
                self.held[market.coin] = Held(szi, world.agenda.now_ms)
            else:
                held.szi = szi


def all_read(world: World) -> bool:
    """Whether every fill of the account was on a dex that the console reads; of the others it cannot know what was held before."""
    fills = world.exchange.venue.fills.get(world.plan.account, ())
    return all(MarketKey.parse(f.coin).dex in world.plan.config.dexes for f in fills)
