"""Orders under every sequence of reports: the table is total and closed, what was filled never shrinks, and a market is free only when its
order is terminal *and* the fills add up.

Two kinds of tests. In the first, anything may be said of an order, sense or nonsense. In the second an order has a true life at the venue,
and what varies is what we hear of it: reply, updates, fills and our own timeout, in any order, each once or more.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import Struct
from property_budget import examples

from core.engine.orders import Change, OrderTable
from core.messages.events import OrderReport
from core.model.cloid import Cloid, CloidMaker
from core.model.market import MarketKey
from core.model.order import (
    TRANSITIONS,
    OrderSide,
    OrderStatus,
    PendingOrder,
    Purpose,
    Report,
    TimeInForce,
    TrackedOrder,
)
from core.model.position import Fill

S, R = OrderStatus, Report
NOW = 1_705_054_000_000
MARKETS = [MarketKey("xyz", "SNDK"), MarketKey("", "BTC")]
ENDS = (S.FILLED, S.CANCELED, S.REJECTED)


def pending(cloid: Cloid, market: MarketKey, size: int, *, reduce_only: bool) -> PendingOrder:
    return PendingOrder(cloid, market, OrderSide.BUY, Decimal(100), Decimal(size), reduce_only, TimeInForce.IOC, NOW)


def said_of(order: PendingOrder, status: OrderStatus, filled: int, oid: int) -> OrderReport:
    """What the venue says: a status, and how much is left."""
    return OrderReport(
        market=order.market,
        oid=oid,
        cloid=order.cloid,
        side=order.side,
        limit_px=order.price,
        remaining=order.size - filled,
        original_size=order.size,
        reduce_only=order.reduce_only,
        status=status,
        status_text=status.value,
        status_time_ms=NOW,
        placed_time_ms=NOW,
    )


def fill_of(order: PendingOrder, size: int, oid: int, tid: int) -> Fill:
    zero = Decimal(0)
    return Fill(order.market, order.side, order.price, Decimal(size), NOW, zero, zero, zero, oid, tid, order.cloid)


# --- the table by itself --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "report"), list(product(S, R)))
def test_every_report_in_every_state_has_its_answer(status: OrderStatus, report: Report) -> None:
    """Spelled out, and told again it is no news: no state is left by saying twice what has just been said."""
    after = TRANSITIONS[status][report]
    if status in ENDS:
        assert after is None, "terminal never leaves terminal"
    if after is not None:
        assert after is not status
        assert TRANSITIONS[after][report] is None, "the same words once more change nothing"


@given(st.sampled_from(sorted(set(S) - set(ENDS), key=str)), st.lists(st.sampled_from(R), max_size=20))
def test_the_first_terminal_word_stands_whatever_follows(status: OrderStatus, reports: list[Report]) -> None:
    ended: OrderStatus | None = None
    for report in reports:
        status = TRANSITIONS[status][report] or status
        if ended is None and status in ENDS:
            ended = status
        assert ended is None or status is ended


# --- anything may be said ---------------------------------------------------------------------------------------------------


class Heard(Struct):
    """What a test has told the table about one order."""

    order: PendingOrder
    oid: int
    filled: int = 0
    ended: OrderStatus | None = None
    is_settled: bool = False
    """It ended, and no more is said to be filled than was seen; more may be said later, and it is waited for again."""


class AnythingMayBeSaid(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.table = OrderTable()
        self.cloids = CloidMaker(3)
        self.heard: list[Heard] = []
        self.now = NOW
        self.tid = 0

    def one(self, data: st.DataObject) -> Heard:
        return data.draw(st.sampled_from(self.heard))

    def told(self, heard: Heard, tell: Callable[[], Change | None]) -> None:
        """Tell the table something of one order; only that order may change, and the answer says how."""
        self.now += 1
        everyone = {h.order.cloid: self.table.get(h.order.cloid) for h in self.heard}
        change = tell()
        after = {h.order.cloid: self.table.get(h.order.cloid) for h in self.heard}
        mine = heard.order.cloid
        if change is None:
            assert after == everyone
        else:
            assert (change.before, change.after) == (everyone[mine], after[mine])
            assert change.ended is (heard.ended is None and change.after.status in ENDS)
            assert {c: o for c, o in after.items() if c != mine} == {c: o for c, o in everyone.items() if c != mine}
            before, now = everyone[mine], after[mine]
            assert before is not None
            assert now is not None
            assert now.filled_size >= before.filled_size, "what was filled never shrinks"
            assert before.oid is None or now.oid == before.oid
            if before.venue_filled is not None and not change.settled:
                assert now.venue_filled is not None
                assert now.venue_filled >= before.venue_filled
        tracked = after[mine]
        assert tracked is not None
        if tracked.status in ENDS and heard.ended is None:
            heard.ended = tracked.status
        heard.is_settled = heard.ended is not None and tracked.filled_size >= (tracked.venue_filled or 0)

    @rule(market=st.sampled_from(MARKETS), size=st.integers(1, 5), reduce_only=st.booleans())
    def register(self, market: MarketKey, size: int, reduce_only: bool) -> None:
        order = pending(self.cloids.next(), market, size, reduce_only=reduce_only)
        self.table.register(order, Purpose.ENTRY, "s1-1", self.now)
        self.heard.append(Heard(order, 100 + len(self.heard)))

    @precondition(lambda self: self.heard)
    @rule(data=st.data(), report=st.sampled_from(R), filled=st.none() | st.integers(0, 5), with_oid=st.booleans())
    def report(self, data: st.DataObject, report: Report, filled: int | None, with_oid: bool) -> None:
        heard = self.one(data)
        said = None if filled is None else Decimal(min(filled, int(heard.order.size)))
        oid = heard.oid if with_oid else None
        self.told(
            heard,
            lambda: self.table.report(heard.order.cloid, report, self.now, oid=oid, venue_filled=said, reason="r"),
        )

    @precondition(lambda self: self.heard)
    @rule(
        data=st.data(),
        filled=st.integers(0, 5),
        status=st.sampled_from(sorted(set(S) - {S.QUEUED, S.IN_FLIGHT}, key=str)),
    )
    def venue_says(self, data: st.DataObject, filled: int, status: OrderStatus) -> None:
        heard = self.one(data)
        said = said_of(heard.order, status, min(filled, int(heard.order.size)), heard.oid)
        self.told(heard, lambda: self.table.on_venue_report(said, self.now))

    @precondition(lambda self: any(h.filled < h.order.size for h in self.heard))
    @rule(data=st.data(), size=st.integers(1, 5))
    def fill(self, data: st.DataObject, size: int) -> None:
        heard = data.draw(st.sampled_from([h for h in self.heard if h.filled < h.order.size]))
        size = min(size, int(heard.order.size) - heard.filled)
        heard.filled += size
        self.tid += 1
        self.told(heard, lambda: self.table.on_fill(fill_of(heard.order, size, heard.oid, self.tid), self.now))

    @precondition(lambda self: self.heard)
    @rule(data=st.data())
    def believe_fills(self, data: st.DataObject) -> None:
        heard = self.one(data)
        self.told(heard, lambda: self.table.believe_fills(heard.order.cloid, self.now))

    @rule(filled=st.booleans())
    def a_stranger_is_nobody_of_ours(self, filled: bool) -> None:
        stranger = Cloid("0x" + "e" * 32)
        assert self.table.get(stranger) is None
        assert self.table.report(stranger, R.FILLED, self.now) is None
        if filled:
            order = pending(stranger, MARKETS[0], 1, reduce_only=False)
            assert self.table.on_fill(fill_of(order, 1, 9, 1), self.now) is None

    # --- always ---------------------------------------------------------------------------------------------------------

    @invariant()
    def each_order_is_what_was_said(self) -> None:
        for heard in self.heard:
            tracked = self.table.get(heard.order.cloid)
            assert tracked is not None
            assert tracked.filled_size == heard.filled <= tracked.original_size == heard.order.size
            assert heard.ended is None or tracked.status is heard.ended, "terminal never leaves terminal"
            assert heard.filled < heard.order.size or tracked.status in ENDS, "nothing is left of it, whatever was said"

    @invariant()
    def a_market_is_free_when_all_its_orders_are_settled(self) -> None:
        for market in MARKETS:
            mine = [h for h in self.heard if h.order.market == market and not h.is_settled]
            assert self.table.has_unsettled(market) is bool(mine)
            assert self.table.is_busy(market) is any(not h.order.reduce_only for h in mine)
            assert self.table.has_unresolved_exit(market) is any(h.order.reduce_only for h in mine)
        waiting = {h.order.cloid for h in self.heard if not h.is_settled}
        assert {o.cloid for o in self.table.unsettled()} == waiting
        assert {o.cloid for o in self.table.live()} <= waiting
        assert {o.cloid for o in self.table.ended()} == {h.order.cloid for h in self.heard} - waiting

    @invariant()
    def pending_size_is_what_may_still_fill(self) -> None:
        for market in MARKETS:
            total = Decimal(0)
            for heard in self.heard:
                if heard.order.market == market and not heard.order.reduce_only and not heard.is_settled:
                    total += self.may_still_fill(self.table.get(heard.order.cloid))
            assert self.table.pending_size(market) == total

    @staticmethod
    def may_still_fill(tracked: TrackedOrder | None) -> Decimal:
        assert tracked is not None
        most = tracked.original_size if tracked.status not in ENDS else tracked.venue_filled or Decimal(0)
        return max(most - tracked.filled_size, Decimal(0))


TestAnythingMayBeSaid = AnythingMayBeSaid.TestCase
TestAnythingMayBeSaid.settings = examples(50)


# --- a true life, heard in any order ------------------------------------------------------------------------------------------


class Life(Struct, frozen=True):
    """What the venue did with an order."""

    size: int
    fills: tuple[int, ...]
    end: OrderStatus
    rested: bool

    @property
    def filled(self) -> int:
        return sum(self.fills)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    size = draw(st.integers(1, 6))
    fills: list[int] = []
    while sum(fills) < size and draw(st.booleans()):
        fills.append(draw(st.integers(1, size - sum(fills))))
    if sum(fills) == size:
        end = S.FILLED
    elif fills:
        end = draw(st.sampled_from([S.FILLED, S.CANCELED]))  # an IOC filled in part is answered "filled"
    else:
        end = draw(st.sampled_from([S.CANCELED, S.REJECTED]))
    return Life(size, tuple(fills), end, draw(st.booleans()))


Tell = Callable[[OrderTable], object]


def messages_about(life: Life, order: PendingOrder) -> tuple[list[Tell], list[tuple[int, Tell]], list[Tell]]:
    """What may be heard: words that leave it open, each fill once, and words that end it with the size that was filled."""
    oid = 55

    def word(status: OrderStatus, filled: int) -> Tell:
        return lambda table: table.on_venue_report(said_of(order, status, filled, oid), NOW)

    def ours(report: Report) -> Tell:
        return lambda table: table.report(order.cloid, report, NOW)

    def fill(size: int, tid: int) -> Tell:
        return lambda table: table.on_fill(fill_of(order, size, oid, tid), NOW)

    def answer(table: OrderTable) -> object:
        ends = {S.FILLED: R.FILLED, S.CANCELED: R.CANCELED, S.REJECTED: R.REJECTED}
        return table.report(order.cloid, ends[life.end], NOW, oid=oid, venue_filled=Decimal(life.filled))

    open_words = [ours(R.POSTED), ours(R.LOST), word(S.UNKNOWN, 0)]
    if life.rested and life.end is not S.REJECTED:
        open_words.append(word(S.OPEN, 0))
        so_far = 0
        for size in life.fills:
            so_far += size
            if so_far < life.size:
                open_words.append(word(S.PARTIAL_FILLED, so_far))
    fills = [(size, fill(size, tid)) for tid, size in enumerate(life.fills)]
    return open_words, fills, [answer, word(life.end, life.filled)]


@examples(120)
@given(lives(), st.booleans(), st.data())
def test_a_market_is_free_only_when_terminal_and_the_fills_add_up(
    life: Life, reduce_only: bool, data: st.DataObject
) -> None:
    order = pending(CloidMaker(1).next(), MARKETS[0], life.size, reduce_only=reduce_only)
    table = OrderTable()
    table.register(order, Purpose.ENTRY, "s1-1", NOW)
    open_words, fills, last_words = messages_about(life, order)
    heard = data.draw(st.lists(st.sampled_from([*open_words, *last_words]), max_size=10))
    script: list[tuple[int, Tell]] = data.draw(
        st.permutations([*fills, *((0, tell) for tell in [*heard, data.draw(st.sampled_from(last_words))])])
    )
    seen, was_ended = 0, False
    for size, tell in script:
        tell(table)
        seen += size
        was_ended |= tell in last_words
        tracked = table.get(order.cloid)
        assert tracked is not None
        assert tracked.filled_size == seen <= life.size
        free = not table.has_unsettled(order.market)
        assert free is not (table.has_unresolved_exit(order.market) if reduce_only else table.is_busy(order.market))
        if free:
            assert tracked.status in ENDS
            assert seen == life.filled, "free, and fills are still on their way"
        if was_ended and seen == life.filled:
            assert free, "everything was heard"
    tracked = table.get(order.cloid)
    assert tracked is not None
    assert tracked.status is life.end
    assert tracked.venue_filled == life.filled
    assert table.pending_size(order.market) == 0


# --- orders of others ---------------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.sampled_from(sorted(set(S) - {S.QUEUED, S.IN_FLIGHT}, key=str))), max_size=20
    ),
    st.sets(st.integers(1, 4)),
)
def test_foreign_orders_are_those_heard_of_as_open_and_never_as_ended(
    heard: list[tuple[int, OrderStatus]], listed: set[int]
) -> None:
    """Odd oids live on one dex, even ones on the other; then a full list of one dex comes. What ended does not begin again."""
    table = OrderTable()
    expected: set[int] = set()
    ended: set[int] = set()
    for oid, status in heard:
        order = pending(Cloid("0x" + f"{oid:032x}"), MARKETS[oid % 2], 2, reduce_only=False)
        assert table.on_venue_report(said_of(order, status, 1, oid), NOW) is None
        ended |= {oid} if status in ENDS else set()
        expected = (expected | {oid}) - ended
    assert {o.oid for o in table.external()} == expected
    assert all(o.is_external and not o.status.is_terminal for o in table.external())
    table.replace_external("", frozenset(listed))
    assert {o.oid for o in table.external()} == {i for i in expected if MARKETS[i % 2].dex or i in listed}
    assert table.unsettled() == []
