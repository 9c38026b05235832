"""A list of fills that comes late, or is newer than the first answer: what of it is history, and what happened in this run."""

from __future__ import annotations

from decimal import Decimal

from engine_rig import ACCOUNT, BUY, NOW, SELL, SNDK, TAKER, Rig, orders_of

from core.engine.positions import PositionTracker
from core.messages.commands import FlattenAll
from core.messages.effects import FillRow, Journal
from core.messages.events import Connected, Fills, FillsRead, PositionsRead, Subscribed
from core.messages.queries import QueryFills, QueryPositions
from core.messages.recovered import Recovered
from core.model.cloid import CloidMaker
from core.model.position import Fill, FillKey

D = Decimal
EARLIER = NOW - 60_000
OURS, THEIRS = CloidMaker(1).next(), "0x" + "f" * 32
SIZE, PX, EXIT_PX = D("0.2"), D(200), D(199)
ENTRY_FEE, EXIT_FEE = SIZE * PX * TAKER, SIZE * EXIT_PX * TAKER
LOSS = SIZE * (EXIT_PX - PX) - ENTRY_FEE - EXIT_FEE


def restarted(*seen: FillKey) -> Rig:
    """Connected; the list of fills is still to come."""
    recovered = Recovered(run_id=2, seen_fills=frozenset(seen), unclean=True, journal_since_ms=EARLIER)
    rig = Rig(recovered=recovered, ready=False)
    rig.muted.add(QueryFills)
    return rig


def connected(rig: Rig) -> None:
    """Positions are read without the list of fills after a while."""
    rig.handle(Connected(1))
    rig.handle(Subscribed("orderUpdates", ACCOUNT))
    rig.advance(7_000)


def opened(rig: Rig, at_ms: int = NOW - 5_000) -> Fill:
    return rig.venue.execute(SNDK, BUY, SIZE, PX, at_ms, 1, OURS)


def closed(rig: Rig, cloid: str = THEIRS) -> Fill:
    return rig.venue.execute(SNDK, SELL, SIZE, EXIT_PX, rig.now, 2, cloid)


def rows(rig: Rig) -> list[FillRow]:
    return [e.row for _, e in rig.log if isinstance(e, Journal) and isinstance(e.row, FillRow)]


def test_what_closed_a_position_that_was_read_is_no_history() -> None:
    rig = restarted()
    opened(rig)
    connected(rig)
    assert rig.position() is not None
    rig.muted.add(QueryPositions)
    closed(rig)
    rig.handle(Fills(tuple(rig.venue.fills), is_snapshot=True))
    assert rig.position() is None, "at once, and not with the second answer that says so"
    counters = rig.m.risk.counters
    assert (counters.cumulative_pnl_usd, counters.trades_total, counters.trades_today) == (LOSS, 1, 1)
    assert len(rows(rig)) == 2, "each once"


def test_what_an_order_of_this_run_did_is_no_history_even_where_the_size_has_it_already() -> None:
    rig = restarted()
    opened(rig)
    connected(rig)
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(200)
    exit_ = orders_of(rig.posts[-1])[0]
    rig.execute(exit_, SIZE / 2, EXIT_PX)
    rig.disconnect()
    connected(rig)
    position = rig.position()
    assert position is not None
    assert position.size == SIZE / 2, "the first answer of a connection is taken over"
    rig.handle(Fills(tuple(rig.venue.fills), is_snapshot=True))
    order = rig.m.orders.get(exit_.cloid)
    assert order is not None
    assert order.filled_size == SIZE / 2


def test_what_a_list_shows_that_was_seen_is_not_applied_again() -> None:
    rig = restarted()
    opened(rig)
    connected(rig)
    half = rig.venue.execute(SNDK, SELL, SIZE / 2, EXIT_PX, rig.now, 2, THEIRS)
    rig.handle(FillsRead(rig.now - 60_000, (half,), True))
    rig.handle(Fills(tuple(rig.venue.fills), is_snapshot=True))
    position = rig.position()
    assert position is not None
    assert position.size == SIZE / 2


def test_fills_that_are_asked_for_before_the_list_comes_leave_history_to_it() -> None:
    rig = restarted()
    opened(rig)
    closed(rig)
    connected(rig)
    rig.handle(FillsRead(EARLIER, tuple(rig.venue.fills), True))
    assert rig.m.risk.counters.trades_total == 0
    rig.handle(Fills(tuple(rig.venue.fills), is_snapshot=True))
    counters = rig.m.risk.counters
    assert (counters.trades_today, counters.trades_total, counters.cumulative_pnl_usd) == (1, 1, LOSS)


def test_and_they_tell_what_was_paid_for_a_position_that_was_found() -> None:
    probe = restarted()
    rig = restarted(opened(probe).key)
    entry = opened(rig)
    connected(rig)
    exit_ = closed(rig)
    rig.handle(FillsRead(EARLIER, (entry, exit_), True))
    assert rig.position() is None
    assert rig.m.risk.counters.cumulative_pnl_usd == LOSS


def test_a_list_that_is_newer_than_the_first_answer_moves_what_that_answer_says() -> None:
    rig = restarted()
    opened(rig, NOW)
    rig.muted.add(QueryPositions)
    rig.handle(Connected(1))
    for channel in ("orderUpdates", "userFills"):
        rig.handle(Subscribed(channel, ACCOUNT))
    rig.handle(Fills(tuple(rig.venue.fills), is_snapshot=True))
    rig.handle(PositionsRead("xyz", NOW - 1_000, (), D(1000), D(1000)))
    position = rig.position()
    assert position is not None
    assert position.size == SIZE
    assert rig.m.risk.counters.trades_today == 1, "counted with the list, and not again"
    closing = closed(rig)
    rig.handle(Fills((closing,), is_snapshot=False))
    assert rig.position() is None
    assert rig.m.risk.counters.cumulative_pnl_usd == LOSS


def test_a_list_that_comes_after_the_first_answer_is_in_it() -> None:
    rig = restarted()
    entry = opened(rig)
    connected(rig)
    rig.handle(Fills((entry,), is_snapshot=True))
    rig.handle(rig.venue.positions_read("xyz", rig.now))
    position = rig.position()
    assert position is not None
    assert position.size == SIZE
    assert rig.m.positions._history_kept == []


def test_a_position_that_the_first_answer_denied_was_there_before_this_run() -> None:
    """What an earlier run opened, it has counted."""
    probe = restarted()
    rig = restarted(opened(probe).key)
    held = rig.venue.held
    rig.venue.held = {}
    rig.connect()
    opened(rig)
    rig.venue.held = held | rig.venue.held
    rig.handle(Fills(tuple(rig.venue.fills), is_snapshot=True))
    rig.advance(8_000)
    assert rig.position() is not None
    assert rig.m.risk.counters.trades_today == 0


def test_a_position_that_only_the_exchange_tells_of_counts_for_the_day() -> None:
    """Its fill never came; a market that was opened is one of those that the day may have."""
    rig = Rig()
    rig.muted.add(QueryFills)
    rig.advance(1_000)
    rig.venue.execute(SNDK, BUY, SIZE, PX, rig.now, 1, THEIRS)
    rig.advance(8_000)
    assert rig.position() is not None
    assert rig.m.risk.counters.trades_today == 1


def test_a_position_that_is_found_is_not_one_of_today() -> None:
    rig = Rig(ready=False)
    rig.venue.held[SNDK] = (SIZE, PX)
    rig.ready()
    assert rig.position() is not None
    assert rig.m.risk.counters.trades_today == 0


def denied() -> Rig:
    """The list of fills says that a position is open, and the first answer lacks it."""
    probe = restarted()
    rig = restarted(opened(probe).key)
    opened(rig)
    rig.muted.add(QueryPositions)
    rig.connect()
    rig.quote()
    rig.handle(PositionsRead("xyz", rig.now, (), D(1000), D(1000)))
    rig.handle(PositionsRead("", rig.now, (), D(1000), D(1000)))
    return rig


def test_a_first_answer_that_lacks_what_the_fills_say_is_open_lets_no_entry_out() -> None:
    """Killed with a position, the next run read an empty account once, and bought on top of it: twice what the market may have."""
    rig = denied()
    rig.advance(1_500)
    assert rig.m.positions.has_suspects
    assert rig.dislocate(SNDK) is None
    rig.handle(rig.venue.positions_read("xyz", rig.now + 1))
    rig.advance(1_000)
    rig.handle(rig.venue.positions_read("xyz", rig.now + 1))
    position = rig.position()
    assert position is not None
    assert position.size == SIZE
    assert not rig.m.positions.has_suspects


def test_what_a_second_answer_lacks_as_well_is_not_held() -> None:
    tracker = PositionTracker()
    tracker.remember([opened(Rig(ready=False))])

    def read(after_ms: int) -> bool:
        answer = PositionsRead("xyz", NOW + after_ms, (), D(1000), D(1000))
        tracker.reconcile(answer, NOW + after_ms, is_first=not after_ms, is_unsettled=lambda _: False)
        return tracker.has_suspects

    assert [read(ms) for ms in (0, 1_000, 2_000)] == [True, True, False], "so soon it is no second one"
    assert tracker.is_flat


def test_after_the_first_list_every_fill_that_is_read_is_booked() -> None:
    """Also one that the size we took over has in it already: what it cost is not in that."""
    rig = Rig()
    rig.muted.add(QueryFills)
    rig.advance(1_000)
    fill = rig.venue.execute(SNDK, BUY, SIZE, PX, rig.now, 1, THEIRS)
    rig.advance(8_000)
    assert rig.position() is not None
    rig.handle(FillsRead(rig.now - 60_000, (fill,), True))
    assert [row.fill for row in rows(rig)] == [fill]
