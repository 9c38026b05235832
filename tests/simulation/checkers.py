"""What must hold in every world, each checker one thing, judged on what really happened (ledger) and on the venue's truth.

`all_checkers()` makes one fresh set for one world. A checker that finds something wrong raises Violation with its own name, which is how
the report of the mutants says who caught what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from account_checkers import ACCOUNT_CHECKERS
from book_checkers import BOOK_CHECKERS
from check import is_by_hand
from ending_checkers import ENDING_CHECKERS
from fitness_checkers import FITNESS_CHECKERS
from ledger import ZERO, Ledger, all_read
from more_checkers import ENTRY_CHECKERS
from own_trades import own_trades
from posts_checkers import POSTS_CHECKERS
from risk_checkers import RISK_CHECKERS
from run_checkers import RUN_CHECKERS
from session_checkers import SESSION_CHECKERS
from signer_checkers import SIGNER_CHECKERS
from stop_checkers import STOP_CHECKERS
from ticket_checkers import TICKET_CHECKERS
from view_checkers import VIEW_CHECKERS

from core.messages.effects import (
    Alert,
    Effect,
    Journal,
    OrderRow,
    PersistLatch,
    Post,
    PostRow,
    Repost,
    SignalRow,
)
from core.messages.events import Connected, Disconnected, Fills, FillsRead, PositionsRead, PostSent, Tick
from core.messages.tape import Message
from core.model.cloid import is_ours
from core.model.market import MarketKey
from core.model.order import Cancels, Orders
from core.model.rounding import MIN_NOTIONAL_USD, is_valid_price, is_valid_size
from core.sim.truth import ActionEntry
from core.sim.world.watcher import Violation, Watcher
from core.sim.world.world import World

EXIT_BOUND_MS = 25_000
"""How long an exit may take beyond its time while the connection holds and the venue lets it: one lost post looked up to its end, and the
next attempt."""
ENTRY_WITHIN_MS = 1_000
BY_HAND_WITHIN_MS = 5_000


class Checker(Watcher):
    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def fail(self, text: str) -> None:
        raise Violation(type(self).__name__, text)

    def expect(self, holds: object, text: str) -> None:
        if not holds:
            self.fail(text)


def orders_of(effect: Effect, *, entries: bool) -> list:
    if not isinstance(effect, Post) or not isinstance(effect.batch, Orders):
        return []
    return [o for o in effect.batch.orders if o.reduce_only is not entries]


class Exposure(Checker):
    """Position, what may still become one, and the new order: never above the limits, at the marks known when it was decided."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        new = [o for e in effects for o in orders_of(e, entries=True)]
        if not new:
            return
        x = world.plan.config.execution
        usd: dict[str, Decimal] = {}
        for coin, held in self.ledger.held.items():
            usd[coin] = abs(held.szi) * self._mark(world, coin)
        for placed in self.ledger.live_entries(world):
            order = placed.order
            usd[order.market.name] = usd.get(order.market.name, ZERO) + order.size * self._mark(
                world, order.market.name
            )
        for resting in world.exchange.venue.open_orders(world.plan.account):
            if is_ours(resting.cloid) and not resting.reduce_only:
                usd[resting.coin] = usd.get(resting.coin, ZERO) + resting.sz * self._mark(world, resting.coin)
        for order in new:
            name = order.market.name
            self.expect(
                usd.get(name, ZERO) <= x.max_notional_per_market,
                f"{name}: ${usd.get(name, ZERO):.2f} with this order, limit ${x.max_notional_per_market}",
            )
        total = sum(usd.values(), ZERO)
        self.expect(
            total <= x.max_notional_total, f"${total:.2f} in all with this order, limit ${x.max_notional_total}"
        )

    def _mark(self, world: World, coin: str) -> Decimal:
        known = {m.name: px for m, px in self.ledger.marks.items()}
        return known.get(coin) or world.exchange.venue.markets[coin].mark_px

    def executed(self, world: World, entry: ActionEntry) -> None:
        """The venue's truth, with room for a mark that moved while the order was on its way."""
        x = world.plan.config.execution
        total = ZERO
        for coin, held in self.ledger.held.items():
            usd = abs(held.szi) * world.exchange.venue.markets[coin].mark_px
            self.expect(usd <= x.max_notional_per_market * Decimal("1.1"), f"{coin}: ${usd:.2f} held")
            total += usd
        self.expect(total <= x.max_notional_total * Decimal("1.1"), f"${total:.2f} held in all")


class Nonces(Checker):
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


class OneEntry(Checker):
    """At most one entry of a market that is not settled: none is filled while the venue holds a position there already."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._seen = 0

    def executed(self, world: World, entry: ActionEntry) -> None:
        fills = world.exchange.venue.fills.get(world.plan.account, ())
        new = list(fills)[self._seen :] if len(fills) != self._seen else []
        self._seen = len(fills)
        first: set[int] = set()
        for fill in new:
            placed = self.ledger.placed.get(fill.cloid or "")
            if placed is None or placed.order.reduce_only or is_by_hand(placed.order) or fill.oid in first:
                continue
            first.add(fill.oid)
            self.expect(
                fill.start_position == 0,
                f"{fill.coin}: an entry was filled on top of a position of {fill.start_position}",
            )


class EntryAllowed(Checker):
    """No entry leaves after the latch, while paused, stopping, disconnected or not ready; and every entry can expire, no exit can."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if not isinstance(effect, Post):
                continue
            new = orders_of(effect, entries=True)
            self.expect(
                bool(new) == (effect.expires_after_ms is not None),
                "expiresAfter goes with entries, and with nothing else",
            )
            if not new:
                continue
            engine = world.engine
            assert engine is not None
            m = engine.machines
            self.expect(not self.ledger.latched, "an entry after the latch")
            self.expect(not m.paused or all(is_by_hand(o) for o in new), "an entry while paused")
            self.expect(m.stopping is None, "an entry while stopping")
            self.expect(self.ledger.connected_ms is not None, "an entry without a connection")
            self.expect(m.readiness.is_ready, "an entry while not ready")
            self.expect(
                all(o.market in m.allowed for o in new), f"an entry on {[str(o.market) for o in new]}, not all allowed"
            )
            expires = effect.expires_after_ms
            assert expires is not None
            latest = world.local_ms + m.nonces.offset_ms + world.plan.config.execution.post_timeout_ms
            self.expect(expires <= latest, f"expires {expires - latest} ms later than the answer is waited for")


class EntryInTime(Checker):
    """An entry leaves within a bound of its signal, or never."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._signals: dict[str, int] = {}
        self._signal_of: dict[str, str] = {}

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Journal) and isinstance(effect.row, SignalRow):
                self._signals[effect.row.signal.signal_id] = effect.row.signal.at_ms
            elif isinstance(effect, Journal) and isinstance(effect.row, OrderRow) and effect.row.correlation_id:
                self._signal_of[effect.row.cloid] = effect.row.correlation_id
        for effect in effects:
            for order in orders_of(effect, entries=True):
                signal_id = self._signal_of.get(order.cloid)
                at_ms = self._signals.get(signal_id) if signal_id else None
                at_ms = order.created_at_ms if at_ms is None else at_ms
                age = world.local_ms - at_ms
                most = BY_HAND_WITHIN_MS if is_by_hand(order) else ENTRY_WITHIN_MS
                self.expect(age <= most, f"{order.market}: an entry left {age} ms after its signal")


class EntryWorth(Checker):
    """An entry has its edge on the data known, rounded price and all, and that data is fresh."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if not isinstance(effect, Journal) or not isinstance(effect.row, SignalRow):
                continue
            if effect.row.verdict != "accepted":
                continue
            self._judge(world, effect.row)

    def _judge(self, world: World, row: SignalRow) -> None:
        signal, config = row.signal, world.plan.config
        touch, context = self.ledger.touch.get(signal.market), self.ledger.context.get(signal.market)
        if touch is None or context is None:
            self.fail(f"{signal.market}: a signal without a touch or an oracle price")
        assert touch is not None
        assert context is not None
        ages = (world.local_ms - touch[1], world.local_ms - context[1])
        self.expect(ages[0] <= config.risk.bbo_stale_ms, f"{signal.market}: a signal on a touch {ages[0]} ms old")
        self.expect(
            ages[1] <= config.risk.ctx_stale_ms, f"{signal.market}: a signal on an oracle price {ages[1]} ms old"
        )
        bbo, ctx = touch[0], context[0]
        if bbo.ask_px is None or bbo.bid_px is None:
            self.fail(f"{signal.market}: a signal on a one-sided book")
        assert bbo.ask_px is not None
        assert bbo.bid_px is not None
        assert bbo.ask_sz is not None
        assert bbo.bid_sz is not None
        mid = (bbo.ask_px + bbo.bid_px) / 2
        divergence = abs(ctx.mark_px - mid) / mid * 10_000
        most = config.risk.max_mark_mid_divergence_bps
        self.expect(divergence <= most, f"{signal.market}: mark and mid {divergence:.1f} bps apart")
        sign = signal.side.sign
        engine = world.engine
        assert engine is not None
        spec = engine.machines.specs[signal.market]
        fee_bps = Decimal("4.5") * spec.fee_scale
        edge = sign * (ctx.oracle_px - signal.price) / ctx.oracle_px * 10_000
        wanted = fee_bps + config.execution.min_edge_bps
        self.expect(edge >= wanted, f"{signal.market}: edge {edge:.2f} bps at the limit price, {wanted} wanted")
        touch_px, touch_sz = (bbo.ask_px, bbo.ask_sz) if sign > 0 else (bbo.bid_px, bbo.bid_sz)
        gap = sign * (ctx.oracle_px - touch_px) / ctx.oracle_px * 10_000
        wanted += config.execution.slippage_bps
        self.expect(gap >= wanted, f"{signal.market}: {gap:.2f} bps at the touch, {wanted} wanted")
        share = config.execution.size_alpha * touch_sz
        self.expect(signal.size <= share, f"{signal.market}: size {signal.size} of {touch_sz} at the touch")


class DailyCap(Checker):
    """No entry when the positions opened today have reached the cap."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if any(orders_of(e, entries=True) for e in effects):
            engine = world.engine
            assert engine is not None
            cap = world.plan.config.max_daily_trades
            counters = engine.machines.risk.counters
            opened = counters.trades_today if counters.day == engine.machines.now // 86_400_000 else 0
            live = len(self.ledger.live_entries(world))  # this one among them
            self.expect(opened + live <= cap, f"{live} entries under way after {opened} positions of {cap} today")


class TimeStopped(Checker):
    """No position at the venue older than its TimeStop and a bound, as long as the program is connected and the venue lets it out."""

    quiet = (Tick,)

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.longest_ms = 0

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if not isinstance(message, Tick) or not self.ledger.held or self.ledger.connected_ms is None:
            return
        now_ms, limit = world.agenda.now_ms, world.plan.config.execution.time_stop_ms + EXIT_BOUND_MS
        free_since = max(self.ledger.connected_ms, world.hindered_until_ms)
        for coin, held in self.ledger.held.items():
            age = now_ms - max(held.opened_ms, free_since)
            self.longest_ms = max(self.longest_ms, age)
            self.expect(
                age <= limit, f"{coin}: held for {age} ms with nothing in the way; time stop and bound are {limit}"
            )
            if self.ledger.latched:
                since = now_ms - max(held.opened_ms, free_since, self.ledger.latched_ms)
                self.expect(since <= EXIT_BOUND_MS, f"{coin}: still held {since} ms after the hard stop")


class Inflight(Checker):
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


class Batches(Checker):
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


class OnTheWire(Checker):
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


class Reducing(Checker):
    """One live exit per market; none on the wrong side of the position that the program knows of."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            for order in orders_of(effect, entries=False):
                engine = world.engine
                assert engine is not None
                m = engine.machines
                position = m.positions.get(order.market)
                self.expect(position is not None, f"{order.market}: an exit, and no position is known")
                assert position is not None
                self.expect(position.side is not order.side, f"{order.market}: an exit on the side of the position")
                # What waited in the queue while others closed a part is cut down by the venue.
                is_of_now = order.created_at_ms == world.local_ms
                self.expect(
                    not is_of_now or order.size <= position.size,
                    f"{order.market}: an exit of {order.size} for {position.size}",
                )
                others = [
                    o
                    for o in m.orders.unsettled()
                    if o.reduce_only and o.market == order.market and o.cloid != order.cloid and not o.is_resting
                ]
                self.expect(
                    not others, f"{order.market}: a second exit while {[o.cloid for o in others]} is not settled"
                )


class Denials(Checker):
    """Every denial and every acceptance is in the journal once, and counted once."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._rows: Counter[str] = Counter()

    def started(self, world: World) -> None:
        self._rows.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        changed = False
        for effect in effects:
            if isinstance(effect, Journal) and isinstance(effect.row, SignalRow):
                self._rows[effect.row.verdict.split(":")[0]] += 1
                changed = True
        if changed:
            engine = world.engine
            assert engine is not None
            tally = engine.machines.tally
            counted = {g.value: n for g, n in tally.denied.items() if n}
            if tally.entries:
                counted["accepted"] = tally.entries
            self.expect(counted == dict(self._rows), f"counted {counted}, in the journal {dict(self._rows)}")


class Latch(Checker):
    """On the disk before anything else of its turn; the first reason stays; it survives every restart."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._reason = ""

    def started(self, world: World) -> None:
        engine = world.engine
        assert engine is not None
        latch = engine.machines.latch
        self.expect(latch.tripped == self.ledger.latched, "the latch did not survive the restart")
        self._reason = self._reason or latch.reason  # that of the stop program's record
        self.expect(not latch.tripped or latch.reason == self._reason, "the latch came back with another reason")

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        assert engine is not None
        self._look_at(effects)
        self.expect(engine.machines.latch.tripped == self.ledger.latched, "the latch is not what is on the disk")

    def crashed(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        self._look_at(effects)

    def _look_at(self, effects: Sequence[Effect]) -> None:
        persisted = [i for i, e in enumerate(effects) if isinstance(e, PersistLatch)]
        for i in persisted:
            effect = effects[i]
            assert isinstance(effect, PersistLatch)
            if effect.latch.tripped_at_ms is None:
                self._reason = ""
                continue
            before = [e for e in effects[:i] if isinstance(e, (Post, Repost, Alert))]
            self.expect(not before, f"{type(before[0]).__name__ if before else ''} before the latch was on the disk")
            self.expect(self._reason in ("", effect.latch.reason), "the first reason was not kept")
            self._reason = effect.latch.reason


class Stops(Checker):
    """What always has to trip the latch did: a lost connection with something at risk, a limit that was passed."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        engine = world.engine
        if engine is None:
            return
        m = engine.machines
        if isinstance(message, Disconnected) and m.stopping is None and not m.latch.tripped and m.trading:
            # A program that has just begun and has read no positions yet cannot know.
            known = [coin for coin in self.ledger.held if MarketKey.parse(coin).dex in m.positions_read_ms]
            self.expect(not known, f"disconnected with positions at the venue ({known}), and not latched")
        counters, risk = m.risk.counters, world.plan.config.risk
        if not m.latch.tripped and m.stopping is None:
            self.expect(
                counters.consecutive_losses <= risk.max_consecutive_losses,
                f"{counters.consecutive_losses} losses in a row, and not latched",
            )
            self.expect(
                counters.flatten_failures <= risk.max_flatten_failures,
                f"{counters.flatten_failures} flatten failures, and not latched",
            )


class ForeignOrders(Checker):
    """Orders of other means are cancelled by the hard stop alone."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if self.ledger.latched:
            return
        engine = world.engine
        if engine is None:
            return
        foreign = {o.oid for o in engine.machines.orders.external() if not is_ours(o.cloid)}
        for effect in effects:
            if isinstance(effect, Post) and isinstance(effect.batch, Cancels):
                taken = [c.oid for c in effect.batch.cancels if c.oid in foreign]
                self.expect(not taken, f"orders {taken} of other means cancelled without a hard stop")


class Connection(Checker):
    """Ready falls with the connection, and nothing of an earlier connection counts for the next."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, (Connected, Disconnected)):
            engine = world.engine
            if engine is not None:
                self.expect(not engine.machines.readiness.is_ready, f"ready right after {type(message).__name__}")


class Books(Checker):
    """At rest our book is the venue's: no position, no order of ours, nothing unknown, and the same PnL to the last digit."""

    def at_rest(self, world: World) -> None:
        engine = world.engine
        assert engine is not None
        m, venue = engine.machines, world.exchange.venue
        for dex, balance in venue.accounts[world.plan.account].dexes.items():
            self.expect(not balance.positions, f"dex {dex!r}: the venue still holds {list(balance.positions)}")
        ours = [o for o in venue.open_orders(world.plan.account) if is_ours(o.cloid)]
        self.expect(not ours, f"{len(ours)} orders of ours rest at the venue")
        foreign = {o.oid for o in venue.open_orders(world.plan.account)}
        known = {o.oid for o in m.orders.external()}
        self.expect(known <= foreign, f"orders {known - foreign} are shown, and not there")
        if not self.ledger.overrides and m.trading and all_read(world):
            booked, real = m.risk.counters.cumulative_pnl_usd, list(own_trades(world, self.ledger).sums())
            # The average price of a position that was added to has no last digit; what is told of it has.
            agrees = not real or any(abs(booked - r) < Decimal("1e-12") for r in real)
            self.expect(agrees, f"PnL {booked} booked, {', '.join(map(str, real))} at the venue")


def all_checkers() -> tuple[Ledger, list[Watcher]]:
    """A fresh set for one world; the ledger has to come first among its watchers."""
    ledger = Ledger()
    kinds = (
        Exposure,
        Nonces,
        OneEntry,
        EntryAllowed,
        EntryInTime,
        EntryWorth,
        DailyCap,
        TimeStopped,
        Inflight,
        Batches,
        OnTheWire,
        Reducing,
        Denials,
        Latch,
        Stops,
        ForeignOrders,
        Connection,
        Books,
    )
    more = (
        *ENTRY_CHECKERS,
        *RISK_CHECKERS,
        *BOOK_CHECKERS,
        *POSTS_CHECKERS,
        *STOP_CHECKERS,
        *TICKET_CHECKERS,
        *SESSION_CHECKERS,
        *ENDING_CHECKERS,
        *SIGNER_CHECKERS,
        *ACCOUNT_CHECKERS,
        *FITNESS_CHECKERS,
        *RUN_CHECKERS,
        *VIEW_CHECKERS,
    )
    return ledger, [kind(ledger) for kind in (*kinds, *more)]
