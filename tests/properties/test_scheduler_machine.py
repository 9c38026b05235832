"""BatchScheduler against three plain lists, under every sequence of calls that hypothesis can think of; every answer is compared.

The model is SPEC 4's table read line by line. It keeps no counters: what it knows is three lists, a number for inflight, and which exits
the outside has not settled.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from property_budget import examples

from core.config import ExecutionConfig
from core.engine.hard_stop import HardStopLatch
from core.engine.scheduler import BatchScheduler, Enqueued
from core.model.cloid import Cloid, CloidMaker
from core.model.market import MarketKey
from core.model.order import Cancels, Orders, OrderSide, PendingCancel, PendingOrder, TimeInForce

MARKETS = [MarketKey("xyz", f"M{i}") for i in range(6)]
markets = st.sampled_from(MARKETS)


class SchedulerAgainstLists(RuleBasedStateMachine):
    @initialize(
        caps=st.tuples(*[st.integers(1, 6)] * 3),
        batches=st.tuples(*[st.integers(1, 4)] * 2),
        watermark=st.sampled_from([1, 50, 80, 100]),
    )
    def start(self, caps: tuple[int, int, int], batches: tuple[int, int], watermark: int) -> None:
        self.cancel_cap, self.exit_cap, self.new_cap = caps
        self.max_orders, self.max_cancels = batches
        self.watermark = watermark
        self.inflight = 0
        self.unresolved: set[MarketKey] = set()
        """Markets with an exit that was handed out and is not settled."""
        self.latch = HardStopLatch()
        self.scheduler = BatchScheduler(
            ExecutionConfig(
                inflight_high_watermark=watermark,
                cancel_queue_cap=self.cancel_cap,
                reduce_only_queue_cap=self.exit_cap,
                new_order_queue_cap=self.new_cap,
                batch_max_orders=self.max_orders,
                batch_max_cancels=self.max_cancels,
            ),
            self.latch,
            lambda: self.inflight,
            lambda market: market in self.unresolved,
        )
        self.cloids = CloidMaker(7)
        self.oid = 0
        self.cancels: list[PendingCancel] = []
        self.exits: list[PendingOrder] = []
        self.news: list[PendingOrder] = []

    def order(self, market: MarketKey, *, reduce_only: bool) -> PendingOrder:
        side = OrderSide.SELL if reduce_only else OrderSide.BUY
        return PendingOrder(
            self.cloids.next(), market, side, Decimal(100), Decimal(1), reduce_only, TimeInForce.IOC, 1_705_054_000_000
        )

    # --- in -----------------------------------------------------------------------------------------------------------

    @rule(market=markets)
    def enqueue_new(self, market: MarketKey) -> None:
        order = self.order(market, reduce_only=False)
        if self.inflight >= 100:
            expected = Enqueued.INFLIGHT_FULL
        elif len(self.news) >= self.new_cap:
            expected = Enqueued.QUEUE_FULL
        else:
            self.news.append(order)
            expected = Enqueued.QUEUED if self.inflight < self.watermark else Enqueued.QUEUED_DEGRADED
        assert self.scheduler.enqueue_new_order(order) is expected

    @rule(several=st.lists(markets, min_size=1, max_size=4))
    def enqueue_exits(self, several: list[MarketKey]) -> None:
        for market in several:
            order = self.order(market, reduce_only=True)
            if market in self.unresolved or market in [o.market for o in self.exits]:
                expected = Enqueued.DUPLICATE_FLATTEN
            elif len(self.exits) >= self.exit_cap:
                expected = Enqueued.QUEUE_FULL
            else:
                self.exits.append(order)
                expected = Enqueued.INFLIGHT_FULL if self.inflight >= 100 else Enqueued.QUEUED
            assert self.scheduler.enqueue_reduce_only(order) is expected

    @rule(market=markets, by_oid=st.booleans())
    def enqueue_cancel(self, market: MarketKey, by_oid: bool) -> None:
        self.oid += 1
        cancel = PendingCancel(market, oid=self.oid) if by_oid else PendingCancel(market, cloid=self.cloids.next())
        expected = Enqueued.QUEUED if len(self.cancels) < self.cancel_cap else Enqueued.QUEUE_FULL
        if expected is Enqueued.QUEUED:
            self.cancels.append(cancel)
        assert self.scheduler.enqueue_cancel(cancel) is expected

    # --- out ----------------------------------------------------------------------------------------------------------

    @rule(limited=st.booleans())
    def tick_and_it_leaves(self, limited: bool) -> None:
        self.tick(limited)

    def tick(self, limited: bool) -> Orders | Cancels | None:
        before = self.inflight
        expected = self.expected_batch(limited)
        batch = self.scheduler.tick(limited=limited)
        assert batch == expected
        assert self.inflight == before, "tick never counts"
        if isinstance(batch, Orders):
            self.unresolved |= {o.market for o in batch.orders if o.reduce_only}
            assert 0 < len(batch.orders) <= self.max_orders
            assert list(batch.orders) == sorted(batch.orders, key=lambda o: not o.reduce_only), "exits first"
        elif isinstance(batch, Cancels):
            assert len({c.oid is None for c in batch.cancels}) == 1, "two kinds of cancel are two actions"
        return batch

    def expected_batch(self, limited: bool) -> Orders | Cancels | None:
        if self.inflight == 100:
            return None
        if limited:
            return self.pop_orders(with_new=False) or self.pop_cancels()
        return self.pop_cancels() or self.pop_orders(with_new=self.inflight < self.watermark and not self.latch.tripped)

    def pop_cancels(self) -> Cancels | None:
        if not self.cancels:
            return None
        by_oid = self.cancels[0].oid is not None
        same = [c for c in self.cancels if (c.oid is not None) == by_oid][: self.max_cancels]
        self.cancels = [c for c in self.cancels if c not in same]
        return Cancels(tuple(same))

    def pop_orders(self, *, with_new: bool) -> Orders | None:
        exits = self.exits[: self.max_orders]
        news = self.news[: self.max_orders - len(exits)] if with_new else []
        self.exits, self.news = self.exits[len(exits) :], self.news[len(news) :]
        return Orders((*exits, *news)) if exits or news else None

    # --- back ---------------------------------------------------------------------------------------------------------

    @rule(limited=st.booleans())
    def tick_and_nothing_leaves(self, limited: bool) -> None:
        """Back to the front, in their order; they may pass the cap, for they were under it before. An entry is dropped, not put back."""
        batch = self.tick(limited)
        if isinstance(batch, Orders):
            exits = [o for o in batch.orders if o.reduce_only]
            self.scheduler.requeue_reduce_only(exits)
            self.exits = exits + self.exits
        elif isinstance(batch, Cancels):
            self.scheduler.requeue_cancels(batch.cancels)
            self.cancels = [*batch.cancels, *self.cancels]

    @precondition(lambda self: self.unresolved)
    @rule(data=st.data())
    def an_exit_settles(self, data: st.DataObject) -> None:
        market = data.draw(st.sampled_from(sorted(self.unresolved)))
        self.unresolved.discard(market)
        for order in [o for o in self.exits if o.market == market]:
            # What is settled elsewhere is taken out of the queue, as the engine does.
            assert self.scheduler.remove(order.cloid)
            self.exits.remove(order)

    # --- around -------------------------------------------------------------------------------------------------------

    @rule(value=st.sampled_from([0, 0, 0, 49, 50, 79, 80, 99, 100]) | st.integers(0, 100))
    def set_inflight(self, value: int) -> None:
        self.inflight = value

    @rule()
    def trip_or_reset(self) -> None:
        if self.latch.tripped:
            self.latch.reset()
        else:
            assert self.latch.trip("model", 1)
            assert not self.latch.trip("again", 2)

    @rule(how=st.sampled_from(["drop new", "drop the rest", "take back", "take back", "take back"]), data=st.data())
    def empty_a_queue_or_take_one_back(self, how: str, data: st.DataObject) -> None:
        if how == "drop new":
            assert self.scheduler.drop_new_orders() == [(o.cloid, o.market) for o in self.news]
            self.news = []
        elif how == "drop the rest":
            assert self.scheduler.drop_exits_and_cancels() == [o.cloid for o in self.exits]
            self.unresolved -= {o.market for o in self.exits}
            self.exits, self.cancels = [], []
        else:
            queued = [o.cloid for o in (*self.news, *self.exits)]
            cloid = data.draw(st.sampled_from([*queued, Cloid("0x" + "f" * 32)]))
            assert self.scheduler.remove(cloid) is (cloid in queued)
            self.news = [o for o in self.news if o.cloid != cloid]
            self.exits = [o for o in self.exits if o.cloid != cloid]

    # --- always -------------------------------------------------------------------------------------------------------

    @invariant()
    def depths_agree(self) -> None:
        assert self.scheduler.depths == (len(self.cancels), len(self.exits), len(self.news))
        assert self.scheduler.is_empty is not any(self.scheduler.depths)

    @invariant()
    def one_exit_per_market(self) -> None:
        waiting: Sequence[MarketKey] = [o.market for o in self.exits]
        assert len(waiting) == len(set(waiting))

    def teardown(self) -> None:
        """Whatever was left comes out in its order and nothing else does, once the way is free."""
        if not hasattr(self, "scheduler"):
            return
        self.inflight = 0
        if self.latch.tripped:
            self.latch.reset()
        while not self.scheduler.is_empty:
            assert self.scheduler.tick() == self.expected_batch(False)
        assert [self.cancels, self.exits, self.news] == [[], [], []]
        assert self.scheduler.tick() is None


TestSchedulerAgainstLists = SchedulerAgainstLists.TestCase
TestSchedulerAgainstLists.settings = examples(60)
