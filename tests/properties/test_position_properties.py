"""PositionTracker against a venue whose whole history is known: fills shown in any order, twice, in pieces, with answers of
clearinghouseState in between that are late, or once empty by mistake.

What SPEC 6 promises: each fill counts once, by (time, coin, tid), so size, PnL and fees do not depend on how we were told; an answer older
than our newest fill proves nothing; one answer without a position we hold closes nothing; after two answers that agree we hold what the
exchange holds. What it does not promise: the average entry price of fills shown out of order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from hypothesis import event, given
from hypothesis import strategies as st
from msgspec import Struct
from property_budget import examples

from core.engine.positions import AGREE_AFTER_MS, PositionTracker
from core.messages.events import PositionsRead, VenuePosition
from core.model.market import MarketKey
from core.model.order import OrderSide
from core.model.position import Fill, FillKey

BUY, SELL = OrderSide.BUY, OrderSide.SELL
START = 1_705_054_000_000
DEX = "xyz"
MARKETS = [MarketKey(DEX, "SNDK"), MarketKey(DEX, "NVDA")]
LAST = 10_000_000
"""After every history."""
PRICE = st.integers(1, 500).map(lambda n: Decimal(n) / 2)


class History(Struct, frozen=True):
    """What really happened, oldest first. No two fills of a market fall into one millisecond."""

    fills: tuple[Fill, ...]

    def size(self, market: MarketKey, until_ms: int) -> Decimal:
        mine = [f for f in self.fills if f.market == market and f.time_ms <= until_ms]
        return sum((f.size * f.side.sign for f in mine), Decimal(0))

    def read(self, until_ms: int) -> PositionsRead:
        """A true answer as of a block time."""
        held = [(m, self.size(m, until_ms)) for m in MARKETS]
        positions = tuple(VenuePosition(m, s, Decimal(100), abs(s) * 100, Decimal(0)) for m, s in held if s)
        return PositionsRead(DEX, until_ms, positions, Decimal(1000), Decimal(1000))


def empty(time_ms: int) -> PositionsRead:
    return PositionsRead(DEX, time_ms, (), Decimal(0), Decimal(0))


@st.composite
def histories(draw: st.DrawFn, markets: int = 2, most: int = 14) -> History:
    moves = draw(
        st.lists(
            st.tuples(st.integers(0, markets - 1), st.booleans(), st.integers(1, 4), PRICE, st.integers(1, 90_000)),
            max_size=most,
        )
    )
    held: Counter[MarketKey] = Counter()
    now, fills = START, []
    for tid, (which, buys, size, px, later) in enumerate(moves):
        market, side, now = MARKETS[which], BUY if buys else SELL, now + later
        fills.append(
            Fill(
                market=market,
                side=side,
                price=px,
                size=Decimal(size),
                time_ms=now,
                start_position=Decimal(held[market]),
                closed_pnl=px - 100,
                fee=px / 1000,
                oid=tid,
                tid=tid % 3,  # tids repeat: it takes all three parts of the key to tell fills apart
            )
        )
        held[market] += size * side.sign
    return History(tuple(fills))


def synced(history: History, at_ms: int = START) -> PositionTracker:
    tracker = PositionTracker()
    ask(tracker, history.read(at_ms), at_ms, is_first=True)
    return tracker


def ask(
    tracker: PositionTracker, read: PositionsRead, now_ms: int, *, is_first: bool = False, unsettled: bool = False
) -> list[MarketKey]:
    """Give one answer; returns the markets that it closed."""
    changes = tracker.reconcile(read, now_ms, is_first=is_first, is_unsettled=lambda market: unsettled)
    return [c.market for c in changes if c.closed and c.by_resync]


def show(tracker: PositionTracker, fills: Iterable[Fill], now_ms: int = LAST) -> list[Fill]:
    """Show fills as one message; returns those that were new, as the engine's books would take them."""
    new = tracker.take_new(tuple(fills))
    for fill in new:
        tracker.apply(fill, now_ms)
    return new


def signed(tracker: PositionTracker, market: MarketKey) -> Decimal:
    position = tracker.get(market)
    assert position is None or position.size > 0, "flat is None, never a size of zero"
    return position.signed_size if position else Decimal(0)


def blocks(history: History) -> st.SearchStrategy[int]:
    """Block times that matter: those of the fills, and right before and after them."""
    return st.sampled_from([START, *(f.time_ms + more for f in history.fills for more in (-1, 0, 1))])


@st.composite
def tellings(draw: st.DrawFn, history: History) -> list[list[Fill]]:
    """Every fill at least once, some again, in any order, cut into messages anywhere."""
    again = draw(st.lists(st.sampled_from(history.fills), max_size=8)) if history.fills else []
    order = draw(st.permutations([*history.fills, *again]))
    cuts = sorted(draw(st.sets(st.integers(0, len(order)), max_size=8)))
    return [list(order[a:b]) for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]


# --- fills alone ----------------------------------------------------------------------------------------------------------


@examples(60)
@given(st.data(), histories())
def test_size_pnl_and_fees_do_not_depend_on_how_fills_were_shown(data: st.DataObject, history: History) -> None:
    tracker = synced(History(()))
    counted: list[Fill] = []
    for message in data.draw(tellings(history)):
        counted += show(tracker, message)
    assert Counter(f.key for f in counted) == Counter(f.key for f in history.fills), "each fill once"
    assert sum(f.closed_pnl for f in counted) == sum(f.closed_pnl for f in history.fills)
    assert sum(f.fee for f in counted) == sum(f.fee for f in history.fills)
    for market in MARKETS:
        assert signed(tracker, market) == history.size(market, LAST + START)


@examples(60)
@given(st.data(), histories())
def test_fills_of_one_message_are_applied_as_they_happened(data: st.DataObject, history: History) -> None:
    """One message in any order is the same as one fill at a time: entry price and times too."""
    one_by_one, at_once = synced(History(())), synced(History(()))
    for fill in history.fills:
        show(one_by_one, [fill])
    show(at_once, data.draw(st.permutations(history.fills)))
    assert at_once.all() == one_by_one.all() or sorted(at_once.all(), key=str) == sorted(one_by_one.all(), key=str)


@given(histories(), st.data())
def test_fills_of_an_earlier_run_never_count_again(history: History, data: st.DataObject) -> None:
    seen = data.draw(st.sets(st.sampled_from(history.fills)) if history.fills else st.just(set()))
    keys: frozenset[FillKey] = frozenset(f.key for f in seen)
    new = PositionTracker(keys).take_new(history.fills)
    assert [f.key for f in new] == [f.key for f in history.fills if f.key not in keys]


@given(histories(), st.data())
def test_what_came_before_the_first_answer_is_applied_after_it_and_once(history: History, data: st.DataObject) -> None:
    tracker = PositionTracker()
    early = data.draw(tellings(history))
    block = data.draw(st.integers(START, START + 1_000_000))
    for message in early:
        show(tracker, message)
    assert tracker.all() == [], "nothing is held before the exchange said so"
    ask(tracker, history.read(block), block, is_first=True)
    for market in MARKETS:
        assert signed(tracker, market) == history.size(market, LAST + START)


# --- fills and answers ----------------------------------------------------------------------------------------------------


@examples(60)
@given(st.data(), histories())
def test_true_answers_however_late_never_spoil_what_the_fills_add_up_to(data: st.DataObject, history: History) -> None:
    """Any mix of fills in any order and answers that were true at some block: at the end we hold what the exchange holds."""
    tracker = synced(history, START)
    messages = data.draw(tellings(history))
    now = START
    for message in messages:
        show(tracker, message)
        for _ in range(data.draw(st.integers(0, 2))):
            now += data.draw(st.integers(0, 3 * AGREE_AFTER_MS))
            block = data.draw(blocks(history))
            ask(
                tracker, history.read(block), now, is_first=data.draw(st.booleans()), unsettled=data.draw(st.booleans())
            )
    end = START + LAST
    for market in MARKETS:
        if signed(tracker, market) != history.size(market, end):
            event("an answer was taken over that a late fill contradicts")
    for at in (end, end + AGREE_AFTER_MS, end + 2 * AGREE_AFTER_MS):
        ask(tracker, history.read(at), at)
    assert not tracker.has_suspects
    for market in MARKETS:
        assert signed(tracker, market) == history.size(market, end)


@examples(60)
@given(st.data(), histories())
def test_with_true_answers_the_fills_alone_are_enough(data: st.DataObject, history: History) -> None:
    """No last answer puts it right: true answers, adopted or not, leave a size to which the fills still missing add up."""
    tracker = synced(history, START)
    now = START
    for message in data.draw(tellings(history)):
        show(tracker, message)
        now += data.draw(st.integers(0, 3 * AGREE_AFTER_MS))
        block = data.draw(blocks(history))
        ask(tracker, history.read(block), now, is_first=data.draw(st.booleans()), unsettled=data.draw(st.booleans()))
    for market in MARKETS:
        assert signed(tracker, market) == history.size(market, LAST + START)


@examples(60)
@given(st.data(), histories(), st.integers(0, 20))
def test_one_empty_answer_closes_nothing(data: st.DataObject, history: History, lie_at: int) -> None:
    """Fills in order, true answers, and a single one that is empty by mistake, first of a connection or not."""
    tracker = synced(history, START)
    step = 0
    for fill in history.fills:
        show(tracker, [fill], fill.time_ms)
        for _ in range(data.draw(st.integers(0, 3))):
            now = fill.time_ms + data.draw(st.integers(0, 10_000))
            is_lie = step == lie_at
            step += 1
            read = empty(now) if is_lie else history.read(fill.time_ms)
            assert ask(tracker, read, now, is_first=data.draw(st.booleans())) == []
        assert signed(tracker, fill.market) == history.size(fill.market, fill.time_ms)


@given(histories(markets=1, most=6), st.integers(0, 3 * AGREE_AFTER_MS), st.booleans())
def test_a_second_empty_answer_closes_when_it_is_two_seconds_later_and_nothing_is_under_way(
    history: History, later: int, unsettled: bool
) -> None:
    tracker = synced(history, START)
    show(tracker, history.fills)
    (market, end) = (MARKETS[0], START + LAST)
    held = signed(tracker, market)
    assert ask(tracker, empty(end), end) == []
    closed = ask(tracker, empty(end + later), end + later, unsettled=unsettled)
    assert closed == ([market] if held and later >= AGREE_AFTER_MS and not unsettled else [])


# --- when it was opened ---------------------------------------------------------------------------------------------------


def opened_ms(fills: Iterable[Fill]) -> int | None:
    """When the position that these fills end in was opened, told forwards: the last time that it came from zero or crossed it."""
    size, since = Decimal(0), None
    for fill in fills:
        after = size + fill.size * fill.side.sign
        if after == 0:
            since = None
        elif size == 0 or (size > 0) != (after > 0):
            since = fill.time_ms
        size = after
    return since


@examples(60)
@given(histories(markets=1), st.data())
def test_the_entry_time_is_that_of_the_fill_that_opened(history: History, data: st.DataObject) -> None:
    tracker = synced(History(()))
    for fill in history.fills:
        show(tracker, [fill], fill.time_ms + data.draw(st.integers(0, 5)))
    position = tracker.get(MARKETS[0])
    assert (position.entry_timestamp_ms if position else None) == opened_ms(history.fills)


@examples(60)
@given(histories(markets=1), st.data())
def test_after_a_restart_it_is_still_that_fill_however_the_snapshot_is_sorted(
    history: History, data: st.DataObject
) -> None:
    """A new tracker, the fills of the snapshot in any order and in pieces, then the first answer."""
    tracker = PositionTracker(frozenset(f.key for f in history.fills))
    for message in data.draw(tellings(history)):
        assert show(tracker, message) == []
    end = START + LAST
    ask(tracker, history.read(end), end, is_first=True)
    position = tracker.get(MARKETS[0])
    assert (position.entry_timestamp_ms if position else None) == opened_ms(history.fills)


@given(histories(markets=1), st.data())
def test_without_its_opening_fill_a_found_position_is_as_old_as_the_oldest_fill_that_is_known(
    history: History, data: st.DataObject
) -> None:
    known = history.fills[data.draw(st.integers(0, len(history.fills))) :]
    tracker = PositionTracker()
    tracker.take_new(known)
    end = START + LAST
    ask(tracker, history.read(end), end, is_first=True)
    position = tracker.get(MARKETS[0])
    since = opened_ms(history.fills)
    if position is None or since is None:
        assert position is None
        assert since is None
    elif known:
        assert position.entry_timestamp_ms == max(since, known[0].time_ms)
    else:
        assert position.entry_timestamp_ms == end, "no fill tells: now"


@examples(10)
@given(st.integers(55, 90), st.lists(st.booleans(), min_size=2, max_size=3))
def test_a_long_snapshot_shown_again_does_not_make_its_fills_two(count: int, newest_first: list[bool]) -> None:
    """A reconnect repeats the whole snapshot; the fills that built a position still make one trade, with the fees of one."""
    market = MARKETS[0]
    fills = tuple(
        Fill(market, BUY, Decimal(100), Decimal(1), START + i + 1, Decimal(i), Decimal(0), Decimal(1), i, i)
        for i in range(count)
    )
    tracker = synced(History(()))
    for backwards in newest_first:
        show(tracker, reversed(fills) if backwards else fills)
    built = tracker.fills_that_built(market, BUY)
    assert [f.key for f in built] == [f.key for f in fills]
