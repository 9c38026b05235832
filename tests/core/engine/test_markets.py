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
