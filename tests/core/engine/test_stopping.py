"""HardStop and the orderly stop where there is little or nothing to stop, and what must be given before a reset."""

from __future__ import annotations

import pytest
from engine_rig import NVDA, SNDK, D, Rig, foreign_order, make_config, make_run, update

from core.messages.commands import ResetHardStop, Shutdown, TripHardStop
from core.messages.effects import Alert, Finished, LatchState, PersistLatch, PostRow, Severity
from core.messages.events import OrderUpdates
from core.messages.queries import QueryOpenOrders, QueryPositions
from core.messages.snapshot import TradingState

STOP = Shutdown(command_id="q", reason="operator")
TRIP = TripHardStop(command_id="x")


def observing(account: bool = True) -> Rig:
    config = make_config(mode="observation", signer=None)
    rig = Rig(config, ready=False, run=None if account else make_run(config, account=""))
    rig.connect()
    rig.quote()
    rig.advance(1_000)
    return rig


# --- orderly stop -------------------------------------------------------------------------------------------------------------


def test_an_observer_ends_at_once_whatever_the_account_holds() -> None:
    rig = observing()
    rig.venue.held[SNDK] = (D("0.2"), D(200))
    rig.advance(10_000)
    assert rig.snapshot().positions != ()
    effects = rig.handle(STOP)
    assert Finished(True, "nothing to close: observation mode") in effects
    assert rig.snapshot().finished


def test_a_stop_before_the_connection_is_up_ends_at_once_and_does_not_claim_to_know() -> None:
    rig = Rig(ready=False)
    (finished,) = [e for e in rig.handle(STOP) if isinstance(e, Finished)]
    assert finished == Finished(False, "nothing was sent in this run, but what the account holds was never read")
    assert rig.effects(Alert)[-1].severity is Severity.CRITICAL


def test_a_stop_before_the_first_ready_ends_at_once_where_the_account_was_read_and_is_flat() -> None:
    rig = Rig(ready=False)
    rig.connect()
    rig.advance(1)
    assert not rig.snapshot().ready.is_ready, "no market has data yet"
    (finished,) = [e for e in rig.handle(STOP) if isinstance(e, Finished)]
    assert finished == Finished(True, "nothing was sent in this run")


def test_a_stop_before_the_first_ready_closes_what_was_found() -> None:
    rig = Rig(ready=False)
    rig.venue.held[SNDK] = (D("0.2"), D(200))
    rig.connect()
    rig.advance(1)
    assert not rig.snapshot().ready.is_ready
    assert [e for e in rig.handle(STOP) if isinstance(e, Finished)] == []
    rig.advance(100)
    rig.fill_post(rig.posts[-1])
    rig.advance(1_000)
    (finished,) = rig.effects(Finished)
    assert finished == Finished(True, "the exchange reports flat and no order of ours")


def test_a_position_that_comes_up_during_a_stop_is_closed_as_well() -> None:
    """An entry that was on its way when the stop was asked for."""
    rig = Rig()
    post = rig.enter()
    rig.handle(STOP)
    assert rig.m.flattener.get(SNDK) is None
    rig.fill_post(post)
    rig.advance(200)
    assert rig.m.flattener.get(SNDK) is not None


def test_a_program_ends_once() -> None:
    rig = Rig()
    rig.handle(STOP)
    rig.advance(1_000)
    rig.handle(Shutdown(command_id="r", reason="again"))
    rig.advance(20_000)
    assert len(rig.effects(Finished)) == 1


@pytest.mark.parametrize("mute", [QueryPositions, QueryOpenOrders])
def test_both_lists_of_the_exchange_must_say_so(mute: type) -> None:
    rig = Rig()
    rig.muted = {mute}
    rig.handle(STOP)
    rig.advance(14_900)
    assert rig.effects(Finished) == []
    shutdown = rig.snapshot().shutdown
    assert shutdown is not None
    assert shutdown.step == "asking the exchange to confirm"
    rig.muted = set()
    rig.disconnect()
    rig.advance(200)
    (finished,) = rig.effects(Finished)
    assert finished == Finished(False, "NOT CONFIRMED after 15 s: no position known; 0 orders")


def test_a_stop_says_that_it_waits_for_the_connection() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(STOP)
    rig.disconnect()
    rig.advance(100)
    shutdown = rig.snapshot().shutdown
    assert shutdown is not None
    assert (shutdown.step, shutdown.positions_left) == ("waiting for the connection", 1)
    assert rig.snapshot().state is TradingState.HALTED


def test_the_state_names_the_step_of_an_orderly_stop() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(STOP)
    snapshot = rig.snapshot()
    assert (snapshot.state, snapshot.state_reason) == (TradingState.REDUCING, "stopping: closing positions and orders")


# --- HardStop -----------------------------------------------------------------------------------------------------------------


def test_an_observers_hard_stop_latches_and_touches_nothing() -> None:
    """Orders of others included: there is no key to cancel them with."""
    rig = observing()
    rig.handle(OrderUpdates((foreign_order(NVDA),)))
    rig.handle(TRIP)
    rig.advance(5_000)
    assert rig.snapshot().hard_stop.tripped
    assert (rig.posts, rig.m.cancels.wanted) == ([], [])
    (alert,) = [a for a in rig.effects(Alert) if a.title == "HARD STOP"]
    assert "EXTERNAL" not in alert.body


def test_a_hard_stop_says_once_that_nothing_is_left() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(TRIP)
    rig.advance(100)
    assert "HARD STOP done" not in rig.alerts()
    rig.fill_post(rig.posts[-1])
    rig.advance(5_000)
    assert rig.alerts().count("HARD STOP done") == 1


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_reset_needs_a_reason_even_with_an_override(reason: str) -> None:
    rig = Rig()
    rig.handle(TRIP)
    reset = ResetHardStop(command_id="r", reason=reason, override=True)
    rig.handle(reset)
    assert rig.answer_of(reset) == "reset refused: a reset needs a reason"
    assert rig.snapshot().hard_stop.tripped


def test_a_reset_releases_what_is_flat_and_is_answered() -> None:
    rig = Rig()
    rig.handle(TRIP)
    rig.advance(1_000)
    reset = ResetHardStop(command_id="r", reason="looked at it", who="ann")
    effects = rig.handle(reset)
    assert PersistLatch(LatchState()) in effects
    assert rig.answer_of(reset) == "hard stop released by ann: looked at it"
    assert rig.snapshot().state is TradingState.ACTIVE
    assert rig.dislocate() is not None


def test_an_override_says_what_it_overrode() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(TRIP)
    plain = ResetHardStop(command_id="r", reason="now")
    rig.handle(plain)
    assert rig.answer_of(plain) == "reset refused: 1 positions and 0 orders are left"
    override = ResetHardStop(command_id="o", reason="now", override=True)
    rig.handle(override)
    assert rig.answer_of(override).endswith("now OVERRIDING: 1 positions and 0 orders are left")
    assert not rig.snapshot().hard_stop.tripped


def test_a_reset_waits_until_the_exchange_was_read_after_a_reconnect() -> None:
    rig = Rig()
    rig.disconnect()
    rig.muted = {QueryPositions}
    rig.connect()
    rig.advance(1_000)
    reset = ResetHardStop(command_id="r", reason="looked at it")
    rig.handle(reset)
    assert rig.answer_of(reset).endswith("positions and orders are not in sync with the exchange yet")


def test_a_second_trip_keeps_the_first_reason() -> None:
    rig = Rig()
    rig.handle(TripHardStop(command_id="x", reason="one"))
    rig.handle(TripHardStop(command_id="y", reason="two"))
    assert rig.snapshot().hard_stop.reason == "one (operator)"
    assert "already latched; also: two (operator)" in rig.audit("hard stop")
    assert rig.alerts().count("HARD STOP") == 1


def test_a_post_whose_answer_comes_after_flat_was_confirmed_is_closed_in_the_journal() -> None:
    rig = Rig()
    rig.open_position(SNDK)
    rig.handle(STOP)
    rig.advance(200)
    exit_post = rig.posts[-1]
    (order,) = exit_post.batch.orders  # type: ignore[union-attr]
    rig.show(rig.execute(order))
    rig.handle(update(rig.venue.known[order.cloid]))
    rig.advance(3_000)
    assert rig.snapshot().finished
    closed = [row.outcome for row in rig.rows(PostRow) if row.post_id == exit_post.post_id]
    assert closed == ["opened", "unanswered at the end"]
    assert sum(1 for row in rig.rows(PostRow) if row.outcome == "unanswered at the end") == 1
