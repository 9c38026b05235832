"""The engine's face: what it does with a message that is not for it, and what it says at its start."""

from __future__ import annotations

import pytest
from engine_rig import NOW, SNDK, SPECS, D, Rig, foreign_order, make_config, make_run, update
from msgspec.structs import replace

from core.engine.engine import Engine
from core.messages.alerts import AlertTarget, TargetState
from core.messages.commands import FlattenAll, Shutdown, TripHardStop
from core.messages.effects import Alert, Ask, Journal, LatchState, PersistLatch, Severity
from core.messages.events import (
    AlertsChanged,
    ChannelError,
    Disconnected,
    Event,
    Noticed,
    OutsideFault,
    TimeJump,
)
from core.messages.queries import QueryFills, QueryOrderStatus, QueryPositions
from core.messages.recovered import Recovered
from core.messages.snapshot import TradingState
from core.model.market import MarketKey
from core.model.order import Cancels

OTHER = MarketKey("xyz", "GOLD")


class NeverHeardOf(Event, frozen=True):
    pass


def test_a_message_that_has_no_handler_is_our_own_mistake_and_no_silence() -> None:
    with pytest.raises(AssertionError, match="NeverHeardOf"):
        Rig().handle(NeverHeardOf())  # type: ignore[arg-type]


def test_prices_of_a_market_that_is_not_ours_are_not_looked_at() -> None:
    """It would be the best entry of the day."""
    rig = Rig()
    rig.handle(replace(rig.venue.bbo(SNDK, rig.now), market=OTHER))
    rig.handle(replace(rig.ctx(SNDK, D(300)), market=OTHER))
    snapshot = rig.snapshot()
    assert OTHER not in [v.market for v in snapshot.markets]
    assert (snapshot.tally.signals, rig.posts) == (0, [])
    assert snapshot.ready.is_ready


def test_a_second_disconnect_renews_the_reason_and_nothing_else() -> None:
    rig = Rig()
    rig.disconnect("socket closed")
    before = rig.snapshot()
    assert rig.disconnect("no route to host") == []
    after = rig.snapshot()
    assert (before.state_reason, after.state_reason) == ("socket closed", "no route to host")
    assert after.hard_stop == before.hard_stop
    assert after.audit == before.audit


def test_a_disconnect_before_anything_was_traded_is_an_alert_and_no_hard_stop() -> None:
    rig = Rig(ready=False)
    rig.connect()
    effects = rig.handle(Disconnected("socket closed"))
    assert Alert(Severity.WARNING, "disconnected", "socket closed") in effects
    assert not rig.snapshot().hard_stop.tripped


def test_a_time_jump_while_the_connection_is_down_asks_nothing() -> None:
    rig = Rig(ready=False)
    effects = rig.handle(TimeJump(60_000))
    assert [e for e in effects if isinstance(e, Ask)] == []
    assert rig.audit("clock") == ["no time passed for us during 60000 ms; reading everything again"]


def test_a_frame_that_was_not_understood_is_counted_and_shown() -> None:
    rig = Rig()
    rig.handle(ChannelError("no such channel"))
    assert rig.audit("channel") == ["no such channel"]
    assert rig.snapshot().tally.errors == 1
    assert rig.snapshot().state is TradingState.ACTIVE


def test_a_fault_of_our_own_side_is_a_hard_stop() -> None:
    rig = Rig()
    effects = rig.handle(OutsideFault("the journal cannot be written"))
    assert effects[0] == PersistLatch(LatchState(rig.now, "the journal cannot be written"))


def test_a_failed_reading_of_the_fills_leaves_nothing_behind() -> None:
    """The next one begins at another time and is another question: kept, each would stay for ever."""
    rig = Rig()
    rig.muted = {QueryOrderStatus}
    rig.failing = {QueryFills}
    rig.enter()
    rig.advance(10_000)
    (query,) = {a.query for a in rig.effects(Ask) if isinstance(a.query, QueryFills)}
    assert len(rig.audit("read")) > 1, "asked again and again"
    assert rig.m.asker.ask(query, rig.now) == [Ask(query)]


def test_the_exchanges_ids_are_told_as_they_were_read() -> None:
    rig = Rig()
    assert rig.engine.asset_ids == {market: spec.asset_id for market, spec in SPECS.items()}
    assert rig.engine.asset_id(SNDK) == 110016


def test_the_start_says_what_an_earlier_run_left() -> None:
    config = make_config()
    recovered = Recovered(run_id=3, latch=LatchState(NOW - 1_000, "why"), unclean=True)
    engine = Engine(config, make_run(config, 3), recovered, NOW)
    said = [(e.severity, e.text) for e in engine.machines.audit.entries]
    assert said == [
        (Severity.INFO, "run 3 on simulator, trading"),
        (Severity.WARNING, "the last run did not end in an orderly stop"),
        (Severity.CRITICAL, "still latched from an earlier run: why"),
    ]
    beside = [e for e in engine.machines.out if not isinstance(e, Journal)]
    assert len(engine.machines.out) == 3 + len(beside), "all of it goes to the journal"
    assert beside == [Alert(Severity.CRITICAL, "HARD STOP still latched", "from an earlier run: why")]


def test_the_start_says_who_stopped_it_from_outside() -> None:
    config = make_config()
    recovered = Recovered(run_id=3, latch=LatchState(NOW - 1_000, "why"), stopped_from_outside="why: flat, confirmed")
    engine = Engine(config, make_run(config, 3), recovered, NOW)
    said = [(e.severity, e.kind, e.text) for e in engine.machines.audit.entries]
    assert (Severity.CRITICAL, "stopped from outside", "why: flat, confirmed") in said


def test_every_disconnect_is_told_off_screen_once() -> None:
    """The first is told as the hard stop that it is; a later one has no hard stop of its own to tell it."""
    rig = Rig()
    rig.disconnect("socket closed")
    assert rig.alerts() == ["HARD STOP"]
    rig.connect()
    rig.disconnect("no route to host")
    assert rig.effects(Alert)[-1] == Alert(Severity.WARNING, "disconnected", "no route to host")
    assert rig.alerts().count("disconnected") == 1


def test_a_disconnect_during_an_orderly_stop_is_told_too() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(Shutdown(command_id="1", who="op", reason="test"))
    rig.disconnect("socket closed")
    assert "HARD STOP" in rig.alerts(), "with a position open it is a hard stop even now"
    rig = Rig()
    rig.muted = {QueryPositions}
    rig.handle(Shutdown(command_id="1", who="op", reason="test"))
    rig.disconnect("socket closed")
    assert rig.alerts() == ["disconnected"]


def test_what_is_noticed_beside_trading_is_in_the_audit_trail_and_stops_nothing() -> None:
    rig = Rig()
    effects = rig.handle(Noticed(Severity.WARNING, "metrics", "port 9464 is taken"))
    assert rig.audit("metrics") == ["port 9464 is taken"]
    assert [type(e) for e in effects] == [Journal]
    assert rig.snapshot().state is TradingState.ACTIVE


def test_how_the_alerts_fare_is_in_the_picture() -> None:
    rig = Rig()
    assert rig.snapshot().alerts == ()
    target = AlertTarget("ntfy://...", TargetState.RETRYING, waiting=2, last_error="HTTP 500", last_error_ms=NOW)
    assert rig.handle(AlertsChanged((target,))) == []
    assert rig.snapshot().alerts == (target,)


def closed_and_set_back() -> Rig:
    """A position was opened and closed; then our clock is set back by a minute."""
    rig = Rig()
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(200)
    rig.fill_post(rig.posts[-1])
    rig.advance(2_000)
    rig.now -= 60_000
    return rig


def test_a_clock_that_is_set_back_does_not_hold_up_questions() -> None:
    """An orderly stop ended NOT CONFIRMED, because nothing was asked again until our clock had caught up."""
    rig = closed_and_set_back()
    rig.handle(Shutdown(command_id="s", reason="done"))
    rig.advance(2_000)
    assert rig.m.finished
    assert any("the exchange reports flat" in text for text in rig.audit("alert"))


def test_a_clock_that_is_set_back_does_not_hold_up_posts() -> None:
    rig = closed_and_set_back()
    before = len(rig.posts)
    rig.handle(update(foreign_order()))
    rig.handle(TripHardStop(command_id="x"))
    rig.advance(300)
    assert [type(post.batch) for post in rig.posts[before:]] == [Cancels]
