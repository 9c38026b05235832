"""Market risk gates: each refusal alone, with what clears it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_rig import NOW, NVDA, SNDK, SPECS, D
from msgspec.structs import replace

from core.config import RiskConfig
from core.engine.market_gates import MarketGates, MarketVerdict
from core.engine.markets import MarketState


def good_market() -> MarketState:
    state = MarketState(SNDK)
    state.spec = SPECS[SNDK]
    state.bid_px, state.ask_px = D("199.98"), D("200.02")
    state.bid_sz = state.ask_sz = D(1000)
    state.bbo_at_ms = state.bbo_time_ms = state.ctx_at_ms = NOW
    state.oracle_px = state.mark_px = D(200)
    return state


def gates() -> MarketGates:
    return MarketGates((SNDK,), RiskConfig())


def spread(state: MarketState, bps: str) -> MarketState:
    half = D(200) * D(bps) / 20_000
    state.bid_px, state.ask_px = D(200) - half, D(200) + half
    return state


def test_a_good_market_passes_in_full() -> None:
    verdict = gates().judge(good_market(), NOW)
    assert (verdict.blocked, verdict.size_factor) == ("", D(1))


def _set(**values: object) -> Callable[[MarketState], None]:
    def change(state: MarketState) -> None:
        for name, value in values.items():
            setattr(state, name, value)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_set(spec=None), "no market spec"),
        (_set(left_out=True), "left out"),
        (_set(bbo_at_ms=None), "bbo stale: never seen"),
        (_set(bbo_at_ms=NOW - 2_001), "bbo stale: 2.0 s > 2.0 s; clears with a touch"),
        (_set(spec=replace(SPECS[SNDK], is_delisted=True)), "delisted"),
        (_set(ctx_at_ms=None), "oracle stale: never seen"),
        (_set(ctx_at_ms=NOW - 8_001), "oracle stale: 8.0 s > 8.0 s; clears with an update"),
        (_set(went_back_ms=NOW - 999), "time went backwards"),
        (_set(ask_px=None), "one-sided book"),
        (_set(bid_px=D("200.02")), "crossed book"),
        (_set(mark_px=None), "no mark price"),
        (_set(mark_px=D("201.01")), "mark-mid divergence"),
    ],
)
def test_each_refusal(change: Callable[[MarketState], None], said: str) -> None:
    state = good_market()
    change(state)
    assert said in gates().judge(state, NOW).blocked


@pytest.mark.parametrize(
    "change",
    [
        _set(bbo_at_ms=NOW - 2_000),
        _set(ctx_at_ms=NOW - 8_000),
        _set(went_back_ms=NOW - 1_000),
        _set(mark_px=D(201)),
    ],
)
def test_each_limit_itself_is_allowed(change: Callable[[MarketState], None]) -> None:
    state = good_market()
    change(state)
    assert gates().judge(state, NOW).blocked == ""


def test_a_wide_spread_shrinks_and_a_very_wide_one_blocks() -> None:
    desk, state = gates(), good_market()
    for _ in range(30):
        desk.on_touch(spread(state, "2"))
    assert desk.judge(spread(state, "6"), NOW).size_factor == 1
    wide = desk.judge(spread(state, "6.1"), NOW)
    assert (wide.blocked, wide.size_factor) == ("", D("0.2"))
    assert desk.judge(spread(state, "12"), NOW).blocked == ""
    assert "6 x usual 2.0; clears below it" in desk.judge(spread(state, "12.1"), NOW).blocked


def test_the_usual_spread_is_not_judged_by_before_it_is_known() -> None:
    desk, state = gates(), good_market()
    for _ in range(19):
        desk.on_touch(spread(state, "1"))
    assert desk.judge(spread(state, "40"), NOW).blocked == ""


def test_a_stopped_market_stays_stopped() -> None:
    desk = gates()
    desk.stop(SNDK, "parameters changed")
    assert desk.judge(good_market(), NOW + 3_600_000 * 24).blocked == "parameters changed"


def test_entries_that_bought_nothing_pause_the_market_longer_each_time() -> None:
    desk, state = gates(), good_market()
    pauses = []
    for _ in range(7):
        desk.on_entry_ended(SNDK, False, NOW)
        pause = 0
        while True:
            state.bbo_at_ms = state.ctx_at_ms = NOW + pause
            if not desk.judge(state, NOW + pause).blocked:
                break
            pause += 1_000
        pauses.append(pause)
    assert pauses == [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]
    desk.on_entry_ended(SNDK, True, NOW)
    desk.on_entry_ended(SNDK, False, NOW + 60_000)
    state.bbo_at_ms = state.ctx_at_ms = NOW + 61_000
    assert desk.judge(state, NOW + 61_000).blocked == "", "a fill begins the count anew"


def test_open_interest_at_its_cap_waits_a_minute() -> None:
    desk, state = gates(), good_market()
    desk.on_open_interest_cap(SNDK, NOW)
    assert "open interest" in desk.judge(state, NOW).blocked
    state.bbo_at_ms = state.ctx_at_ms = NOW + 60_000
    assert desk.judge(state, NOW + 60_000).blocked == ""


def test_a_crossed_or_one_sided_touch_teaches_no_spread() -> None:
    """A negative spread would pull the usual one down, until every honest spread is too wide."""
    g = gates()
    for _ in range(30):
        g.on_touch(spread(good_market(), "2"))
    one_sided = good_market()
    one_sided.bid_px = None
    for _ in range(500):
        g.on_touch(one_sided)
        g.on_touch(spread(good_market(), "-50"))
    assert g.judge(spread(good_market(), "2"), NOW) == MarketVerdict("")


def test_what_happened_on_a_market_that_is_not_ours_pauses_none_of_ours() -> None:
    g = gates()
    for _ in range(3):
        g.on_entry_ended(NVDA, filled=False, now_ms=NOW)
    g.on_open_interest_cap(NVDA, NOW)
    assert g.judge(good_market(), NOW).blocked == ""
    g.on_entry_ended(SNDK, filled=False, now_ms=NOW)
    assert g.judge(good_market(), NOW).blocked == "last entry not filled: pause, 1.0 s left", "the shortest one"


def test_one_shock_does_not_become_the_usual_spread() -> None:
    g = gates()
    for _ in range(30):
        g.on_touch(spread(good_market(), "2"))
    g.on_touch(spread(good_market(), "1500"))
    assert g.judge(spread(good_market(), "14"), NOW).blocked.startswith("spread 14.0 bps > 6 x usual 2.2")
