"""The looks at an entry's market: when they are taken, what they see, and when there is nothing to see."""

from __future__ import annotations

import pytest
from engine_rig import BUY, NOW, NVDA, SELL, SNDK, D, Rig

from core.engine.edge_watch import LOOKS_MS, EdgeWatch
from core.engine.markets import MarketState
from core.messages.effects import EdgeRow, Journal
from core.model.signal import Signal


def state_at(now_ms: int, market=SNDK, oracle: str = "1000", bid: str = "995", ask: str = "998") -> MarketState:
    state = MarketState(market)
    state.oracle_px, state.bid_px, state.ask_px = D(oracle), D(bid), D(ask)
    state.bbo_at_ms = state.ctx_at_ms = now_ms
    return state


def rows(journals: list[Journal]) -> list[EdgeRow]:
    return [j.row for j in journals if isinstance(j.row, EdgeRow)]


class Watch:
    """One watch and the states of its markets, always fresh unless told otherwise."""

    def __init__(self) -> None:
        self.watch = EdgeWatch(2_000, 8_000)
        self.states = {m: state_at(NOW, m) for m in (SNDK, NVDA)}

    def filled(self, signal_id: str = "s1-1", side=BUY, market=SNDK, at_ms: int = NOW, fill_side=None) -> list[EdgeRow]:
        signal = Signal(signal_id, market, side, NOW, *(D(n) for n in range(1, 10)))
        return rows(self.watch.on_fill(signal, fill_side or side, self.states[market], at_ms))

    def tick(self, at_ms: int, *, fresh: bool = True) -> list[EdgeRow]:
        if fresh:
            for state in self.states.values():
                state.bbo_at_ms = state.ctx_at_ms = at_ms
        return rows(self.watch.on_tick(self.states.__getitem__, at_ms))


def test_the_first_look_is_taken_with_the_fill() -> None:
    (row,) = Watch().filled()
    assert row == EdgeRow("s1-1", SNDK, BUY, 0, 0, D(1000), D(995), D(998), D(20))


def test_a_sale_looks_at_the_bid() -> None:
    (row,) = Watch().filled(side=SELL)
    assert (row.side, row.edge_bps) == (SELL, D(-50))


def test_the_looks_are_taken_at_1_3_and_5_seconds_and_then_no_more() -> None:
    w = Watch()
    w.filled()
    taken = [(at, row.after_ms, row.late_ms) for at in range(100, 8_000, 100) for row in w.tick(NOW + at)]
    assert taken == [(1_000, 1_000, 0), (3_000, 3_000, 0), (5_000, 5_000, 0)]
    assert w.watch._watched == []


def test_a_late_tick_takes_what_is_due_and_says_how_late() -> None:
    w = Watch()
    w.filled()
    assert w.tick(NOW + 999) == []
    assert [(r.after_ms, r.late_ms) for r in w.tick(NOW + 3_450)] == [(1_000, 2_450), (3_000, 450)]


def test_the_second_fill_of_an_entry_starts_nothing_anew() -> None:
    w = Watch()
    w.filled()
    assert w.filled(at_ms=NOW + 50) == []
    assert len(w.tick(NOW + 1_000)) == 1


def test_the_fill_of_an_exit_starts_nothing() -> None:
    w = Watch()
    assert w.filled(fill_side=SELL) == []
    assert w.tick(NOW + 1_000) == []


def test_two_entries_are_watched_each_on_its_own_market() -> None:
    w = Watch()
    w.filled()
    w.filled("s1-2", SELL, NVDA, NOW + 500)
    w.states[NVDA].bid_px = D(1001)
    assert [(r.correlation_id, r.edge_bps) for r in w.tick(NOW + 1_500)] == [("s1-1", D(20)), ("s1-2", D(10))]


@pytest.mark.parametrize(
    ("bbo_age", "ctx_age", "has_touch", "has_oracle"),
    [
        (2_000, 8_000, True, True),
        (2_001, 0, False, True),
        (0, 8_001, True, False),
        (None, 0, False, True),
        (0, None, True, False),
    ],
)
def test_old_data_is_no_edge(bbo_age: int | None, ctx_age: int | None, has_touch: bool, has_oracle: bool) -> None:
    w = Watch()
    state = w.states[SNDK]
    state.bbo_at_ms = None if bbo_age is None else NOW - bbo_age
    state.ctx_at_ms = None if ctx_age is None else NOW - ctx_age
    (row,) = w.filled()
    assert (row.bid_px is not None, row.ask_px is not None, row.oracle_px is not None) == (
        has_touch,
        has_touch,
        has_oracle,
    )
    assert (row.edge_bps is not None) == (has_touch and has_oracle)


def test_a_side_that_is_missing_is_no_edge() -> None:
    w = Watch()
    w.states[SNDK].ask_px = None
    (row,) = w.filled()
    assert (row.edge_bps, row.bid_px) == (None, D(995))


# --- in the engine ---------------------------------------------------------------------------------------------------------


def seen(rig: Rig) -> list[tuple[int, EdgeRow]]:
    return [(at, e.row) for at, e in rig.log if isinstance(e, Journal) and isinstance(e.row, EdgeRow)]


def test_an_entry_of_a_signal_is_watched_and_an_exit_is_not() -> None:
    rig = Rig()
    rig.open_position()
    opened = rig.now - 100
    rig.advance(40_000)
    looks = seen(rig)
    assert [row.after_ms for _, row in looks] == list(LOOKS_MS)
    assert [at - opened for at, _ in looks] == [0, 1_000, 3_000, 5_000]
    assert {(row.correlation_id, row.side, row.market) for _, row in looks} == {("s1-1", BUY, SNDK)}
    assert all(row.edge_bps is not None for _, row in looks)


def test_without_a_connection_there_is_nothing_to_see() -> None:
    rig = Rig()
    rig.open_position()
    rig.disconnect()
    rig.quotes_live = False
    rig.advance(1_500)
    (_, at_fill), (_, later) = seen(rig)
    assert at_fill.edge_bps is not None
    assert (later.after_ms, later.edge_bps, later.oracle_px) == (1_000, None, None)
