"""MarketStateCache: the newest touch and context of each market, and nothing of markets that are not ours."""

from __future__ import annotations

from engine_rig import NOW, SNDK, D, Rig
from msgspec.structs import replace

from core.model.market import MarketKey


def test_a_market_that_is_not_ours_is_not_kept() -> None:
    rig = Rig()
    other = MarketKey("flx", "TSLA")
    markets = rig.m.markets
    assert markets.on_bbo(replace(rig.venue.bbo(SNDK, NOW), market=other), NOW) is None
    assert markets.on_ctx(replace(rig.ctx(SNDK), market=other), NOW) is None
    assert other not in [s.market for s in markets.all()]


def test_a_touch_older_than_the_newest_is_noted_and_not_used() -> None:
    rig = Rig()
    newest = rig.venue.bbo(SNDK, rig.now)
    rig.handle(newest)
    state = rig.m.markets.on_bbo(replace(newest, time_ms=rig.now - 1, bid_px=D(1)), rig.now)
    assert state is not None
    assert (state.bid_px, state.went_back_ms) == (newest.bid_px, rig.now)


def test_an_older_book_answer_is_not_used_and_is_no_sign_of_time_going_back() -> None:
    rig = Rig()
    newest = rig.venue.bbo(SNDK, rig.now)
    rig.handle(newest)
    state = rig.m.markets.on_bbo(replace(newest, time_ms=rig.now - 1, bid_px=D(1), from_book=True), rig.now)
    assert state is not None
    assert (state.bid_px, state.went_back_ms) == (newest.bid_px, None)


def test_after_a_disconnect_no_touch_is_fresh_and_marks_stay_for_exposure() -> None:
    rig = Rig()
    state = rig.m.markets[SNDK]
    state.left_out, state.first_wanted_ms = True, NOW
    mark = state.mark_px
    rig.m.markets.forget_quotes()
    assert (state.bbo_age_ms(rig.now), state.ctx_age_ms(rig.now)) == (None, None)
    assert (state.bbo_time_ms, state.first_wanted_ms, state.left_out) == (None, None, False)
    assert rig.m.markets.mark(SNDK) == mark
    older = replace(rig.venue.bbo(SNDK, rig.now - 5_000), bid_px=D(199))
    assert rig.m.markets.on_bbo(older, rig.now) is state
    assert state.bid_px == D(199), "the first of a connection is the newest, whatever its time"


def test_an_age_is_never_negative_though_our_clock_was_set_back() -> None:
    rig = Rig()
    state = rig.m.markets[SNDK]
    rig.handle(rig.venue.bbo(SNDK, rig.now))
    rig.handle(rig.ctx(SNDK))
    assert (state.bbo_age_ms(rig.now - 60_000), state.ctx_age_ms(rig.now - 60_000)) == (0, 0)
