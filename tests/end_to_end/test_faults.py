"""Each thing that can go wrong between us and the exchange, as a short story over real sockets, with real processes on both sides.

A story opens a position by a dislocation held still, lets something go wrong, and says what must be true. The venue's own view is the
judge (/control), never what the program believes. At the end of every story the program is at rest (`Stage.at_rest`) and ends in order.
Stories spend their time waiting, so several of them run at once, each with a venue and a program of its own.

SPEC 6, 7, 8; PROTOCOL 14; LESSONS.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from fault_stage import BY_SIGTERM, POST_TIMEOUT_MS, Stage, Theatre
from venue_driver import until

from core.messages.exit_codes import ExitCode

# --- requests and replies that get lost ----------------------------------------------------------------------------------------


def lost_request_of_an_entry(stage: Stage) -> None:
    """Unknown, looked for, proven absent; nothing else is sent for that market meanwhile."""
    stage.start()
    stage.venue.fault("lose_request")
    stage.venue.dislocate()
    stage.program.wait_said(f"no answer within {POST_TIMEOUT_MS} ms")
    stage.program.wait_said("never reached the exchange")
    assert stage.venue.orders_received() == [], "it did not wait to know"
    stage.enter_and_leave()
    s = stage.at_rest()
    assert s.tally.orders_timed_out == 1
    assert len(stage.venue.fills()) == 2


def lost_request_of_an_exit(stage: Stage) -> None:
    """The same signed bytes go out again: flat soon, and closed once."""
    stage.start()
    stage.enter()
    stage.venue.fault("lose_request")
    stage.wait_time_stop(at_most_s=POST_TIMEOUT_MS / 1000 + 1.5)
    s = stage.at_rest()
    assert stage.program.has_said("once more")
    assert s.tally.flattens == 1
    assert len(stage.venue.fills()) == 2


def lost_reply_to_an_entry(stage: Stage) -> None:
    """Executed, and never answered: the position is known from the other channels and closed in its time."""
    stage.start()
    stage.venue.fault("lose_reply")
    stage.enter()
    stage.wait_time_stop()
    s = stage.at_rest()
    assert (s.tally.orders_accepted, s.tally.orders_timed_out) == (2, 0), "what other channels told is no time-out"
    assert s.tally.entries == 1
    assert len(stage.venue.fills()) == 2


def lost_reply_to_an_exit(stage: Stage) -> None:
    """Executed, and never answered: nothing is sent twice."""
    stage.start()
    stage.enter()
    stage.venue.fault("lose_reply")
    stage.wait_time_stop()
    stage.program.wait_said(f"no answer within {POST_TIMEOUT_MS} ms")
    stage.at_rest()
    assert len(stage.venue.orders_received()) == 2
    assert stage.venue.orders_received(accepted=False) == []


def late_reply_to_an_entry_and_to_its_exit(stage: Stage) -> None:
    """The answer comes long after the deadline: heard, and changes nothing any more."""
    stage.start()
    stage.venue.fault("late_reply", count=2, ms=3 * POST_TIMEOUT_MS)
    stage.enter()
    stage.wait_time_stop()
    stage.at_rest()
    stage.program.wait_until(
        "both answers came", lambda _: stage.program.trail.count("answered after its deadline") == 2
    )
    stage.at_rest()
    assert len(stage.venue.fills()) == 2


def lost_replies_with_every_account_channel_silent(stage: Stage) -> None:
    """Nobody tells us anything: entry and exit are both found by asking."""
    stage.start()
    stage.venue.fault("silent_channels", channels=["userFills", "orderUpdates"])
    stage.venue.fault("lose_reply", count=2)
    stage.enter()
    stage.wait_time_stop(at_most_s=3)
    s = stage.at_rest()
    assert "lose_reply" not in stage.venue.faults_in_force()
    assert s.tally.entries == 1
    assert len(stage.venue.fills()) == 2


def lost_request_of_an_entry_and_then_the_connection(stage: Stage) -> None:
    """HardStop with an order that may be anywhere: done only when it is proven that it is nowhere."""
    stage.start()
    stage.venue.fault("lose_request")
    stage.venue.dislocate()
    stage.program.wait_until("it was sent", lambda s: s.tally.posts_sent == 1)
    stage.venue.drop_connections()
    stage.venue.settle()
    stage.wait_hard_stop("disconnected")
    assert stage.program.has_said("never reached the exchange")
    assert stage.venue.orders_received() == []
    stage.at_rest()


# --- connections that break ----------------------------------------------------------------------------------------------------


def connection_cut_after_an_entry_executed(stage: Stage) -> None:
    """HardStop; the position that nobody told us of is found by the resync and closed."""
    stage.start(time_stop_ms=60_000)
    stage.venue.fault("drop_after_execution")
    stage.enter()
    stage.wait_flat(8)
    stage.wait_hard_stop("disconnected")
    stage.reset()
    stage.at_rest()


def connection_cut_after_an_exit_executed(stage: Stage) -> None:
    """HardStop, flat already: no second exit may open the other side."""
    stage.start()
    stage.enter()
    stage.venue.fault("drop_after_execution")
    stage.wait_time_stop()
    stage.wait_hard_stop("disconnected")
    stage.reset()
    stage.at_rest()
    assert len(stage.venue.fills()) == 2


def connection_lost_with_a_position(stage: Stage) -> None:
    """HardStop, closed long before its TimeStop; after a reset it trades again."""
    stage.start(time_stop_ms=4_000)
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    assert stage.venue.drop_connections() == 1
    assert stage.wait_flat(8) < 3.5
    stage.wait_hard_stop("disconnected")
    fills = len(stage.venue.fills())
    stage.venue.dislocate()
    stage.program.wait_said("hard stop", 5)
    stage.wait_ready()
    assert len(stage.venue.fills()) == fills, "a latched engine entered"
    stage.venue.settle()
    stage.reset()
    stage.enter()
    stage.wait_flat(8)
    stage.at_rest()


def connection_lost_five_times_in_a_row(stage: Stage) -> None:
    """Each new connection is cut as soon as it is there; the first that lasts closes the position."""
    stage.start(time_stop_ms=60_000)
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    for _ in range(5):
        until("there is a connection to cut", lambda: stage.venue.drop_connections() == 1, 15)
    held_s = stage.wait_flat(15)
    assert held_s < 13, f"a position waited {held_s:.1f} s for a connection"
    stage.wait_hard_stop("disconnected")
    assert stage.program.snapshot().connection.epoch >= 5
    stage.at_rest()


def snapshot_twice_on_reconnect(stage: Stage) -> None:
    """Fills shown again count once."""
    stage.start(time_stop_ms=60_000)
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    stage.venue.fault("duplicate_snapshot")
    stage.venue.drop_connections()
    stage.wait_flat(8)
    stage.wait_hard_stop("disconnected")
    s = stage.at_rest()
    assert "duplicate_snapshot" not in stage.venue.faults_in_force()
    assert s.tally.fills == len(stage.venue.fills()) == 2
    assert s.pnl.trades == 1


def venue_gone_and_back_with_an_empty_account(stage: Stage) -> None:
    """HardStop; what the new venue does not know is given up, but only when it has said so twice."""
    stage.start(time_stop_ms=60_000)
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    stage.venue.kill()
    stage.program.wait_until("hard stop", lambda s: s.hard_stop.tripped)
    stage.venue.start()
    stage.program.wait_said("the exchange says flat; taken over", 25)
    stage.wait_hard_stop("disconnected")
    s = stage.program.snapshot()
    assert s.positions == ()
    assert stage.venue.fills() == [], "an exit of a position that is not there was filled"
    assert s.inflight.value == s.tally.posts_sent - s.tally.posts_completed == 0
    stage.reset()
    # What the first venue earned and took is gone with it; the new one is even with us from here on.
    before = s.pnl.realized_usd
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    assert stage.venue.drop_connections() == 1
    stage.wait_flat(15)
    stage.program.wait_until("the books agree", lambda s: s.pnl.realized_usd - before == stage.venue.earned())


# --- channels and answers that lie ---------------------------------------------------------------------------------------------


def market_channels_silent(stage: Stage) -> None:
    """An open position is closed in its time; without prices nothing is entered; with prices it is."""
    stage.start()
    stage.enter()
    stage.venue.fault("silent_channels", channels=["bbo", "activeAssetCtx"])
    stage.wait_time_stop()
    stage.program.wait_until("not ready", lambda s: not s.ready.md_ready)
    fills = len(stage.venue.fills())
    stage.venue.dislocate()
    time.sleep(1.0)  # the time in which nothing may happen
    assert len(stage.venue.fills()) == fills, "entered without prices"
    stage.venue.settle()
    stage.venue.clear_faults()
    stage.wait_ready()
    stage.enter_and_leave()
    stage.at_rest()


def fills_channel_silent(stage: Stage) -> None:
    """Fills are found by asking for them, and the TimeStop counts from the true entry."""
    stage.start()
    stage.venue.fault("silent_channels", channels=["userFills"])
    stage.enter()
    stage.wait_time_stop(at_most_s=2.5)
    s = stage.at_rest()
    assert s.tally.fills == 2
    stage.enter()
    stage.wait_time_stop(at_most_s=2.5)
    stage.at_rest()


def order_updates_muted(stage: Stage) -> None:
    """The reply to the post is enough."""
    stage.start()
    stage.venue.fault("mute_order_updates")
    stage.enter_and_leave()
    stage.enter_and_leave()
    stage.at_rest()


def an_order_not_known_once(stage: Stage) -> None:
    """One "unknown" is no proof of absence: the look-up goes on, the position is not lost."""
    stage.start()
    stage.venue.fault("silent_channels", channels=["userFills", "orderUpdates"])
    stage.venue.fault("unknown_oid_once")
    stage.venue.fault("lose_reply")
    stage.enter()
    stage.wait_time_stop(at_most_s=3)
    stage.at_rest()
    assert "unknown_oid_once" not in stage.venue.faults_in_force(), "it was never asked for"
    assert not stage.program.has_said("never reached the exchange")


def an_empty_answer_with_a_position_open(stage: Stage) -> None:
    """One answer without the position closes nothing in our book; the TimeStop closes it at the venue."""
    stage.start(position_sync_ms=300, time_stop_ms=3_000)
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    stage.venue.fault("empty_clearinghouse_once")
    until("the fault has struck", lambda: not stage.venue.faults_in_force(), 5)
    while stage.venue.positions():
        held = bool(stage.program.snapshot().positions)
        assert held or not stage.venue.positions(), "the book was closed by an answer, not by a fill"
    held_s = stage.wait_flat(1)
    assert 2.8 < held_s < 5
    s = stage.at_rest()
    assert not stage.program.has_said("taken over")
    assert s.trades[0].exit_reason.value == "time stop"


def an_empty_answer_right_after_a_reconnect(stage: Stage) -> None:
    """The first answer of the new connection lies: the position is closed all the same, not forgotten."""
    stage.start(time_stop_ms=60_000)
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    stage.venue.fault("empty_clearinghouse_once")
    stage.venue.drop_connections()
    stage.wait_flat(8)
    assert stage.venue.faults_in_force() == []
    stage.wait_hard_stop("disconnected")
    stage.at_rest()
    assert not stage.program.has_said("taken over")


# --- refusals ------------------------------------------------------------------------------------------------------------------


def post_only_phase(stage: Stage) -> None:
    """Exits are tried until they pass, entries wait; nothing of it counts as a rejection of ours."""
    stage.start()
    stage.enter()
    stage.venue.fault("post_only")
    stage.program.wait_said("post-only", 10)
    time.sleep(1.0)  # some more attempts
    stage.venue.clear_faults()
    stage.wait_flat(4)
    s = stage.at_rest()
    assert len(stage.venue.fills()) == 2
    assert not s.hard_stop.tripped
    stage.venue.dislocate()
    stage.program.wait_until("the entry waits", lambda s: any("post-only" in m.gate for m in s.markets))
    assert len(stage.venue.fills()) == 2
    stage.venue.settle()


def every_order_rejected(stage: Stage) -> None:
    """An entry is given up, an exit never is."""
    stage.start()
    stage.venue.fault("reject_all", text="Insufficient margin to place order.")
    stage.venue.dislocate()
    stage.program.wait_said("Insufficient margin", 5)
    stage.venue.settle()
    stage.venue.clear_faults()
    stage.wait_ready()
    time.sleep(1.2)  # the pause after an entry that bought nothing
    stage.enter()
    stage.venue.fault("reject_all", text="Insufficient margin to place order.")
    stage.program.wait_said("exit rejected", 5)
    stage.program.wait_until("it tries again", lambda s: any(p.exit_attempts >= 3 for p in s.positions))
    stage.venue.clear_faults()
    stage.wait_flat(4)
    s = stage.at_rest()
    assert s.tally.orders_rejected >= 3
    assert len(stage.venue.fills()) == 2


def every_action_refused(stage: Stage) -> None:
    """The whole post is refused: the same, one floor up."""
    stage.start()
    stage.enter()
    stage.venue.fault("reject_all", level="action", text="The exchange is out for lunch.")
    stage.program.wait_said("out for lunch", 5)
    stage.program.wait_until("it tries again", lambda s: any(p.exit_attempts >= 3 for p in s.positions))
    stage.venue.clear_faults()
    stage.wait_flat(4)
    stage.at_rest()
    assert len(stage.venue.fills()) == 2


def info_down(stage: Stage) -> None:
    """Questions fail for a while: positions are still closed, and it comes back by itself."""
    stage.start(position_sync_ms=500)
    stage.enter()
    stage.venue.fault("info_down")
    stage.wait_time_stop()
    stage.program.wait_said("502")
    stage.venue.clear_faults()
    stage.wait_ready()
    stage.enter_and_leave()
    stage.at_rest()


def info_down_while_reconnecting(stage: Stage) -> None:
    """Without answers there is nothing to flatten from: it waits for them, and then flattens what is really there."""
    stage.start(time_stop_ms=60_000)
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    stage.venue.fault("info_down")
    stage.venue.drop_connections()
    stage.program.wait_until("it is back", lambda s: s.connection.epoch == 2)
    stage.program.wait_said("502")
    stage.venue.clear_faults()
    stage.wait_flat(5)
    stage.wait_hard_stop("disconnected")
    stage.at_rest()


# --- our own end -----------------------------------------------------------------------------------------------------------------


def sigterm_with_a_position(stage: Stage) -> None:
    """Flat first, then the end, and the exit code says so."""
    stage.start(time_stop_ms=60_000)
    stage.enter()
    stage.program.signal(signal.SIGTERM)
    stage.wait_flat(8)
    assert stage.program.wait_exit(10) == BY_SIGTERM
    assert "flat confirmed" in stage.program.last_words
    assert stage.venue.truth()["openOrders"] == []
    stage.start()
    assert not stage.program.has_said("did not end in an orderly stop")
    stage.at_rest()


def sigterm_and_the_exit_is_lost(stage: Stage) -> None:
    """The end waits until the exit is through."""
    stage.start(time_stop_ms=60_000)
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    stage.venue.fault("lose_request")
    stage.program.signal(signal.SIGTERM)
    assert stage.program.wait_exit(15) == BY_SIGTERM
    assert stage.venue.positions() == []
    assert len(stage.venue.fills()) == 2
    stage.start()
    stage.at_rest()


def sigterm_and_the_connection_is_lost(stage: Stage) -> None:
    """It comes back to close what is open before it ends, and leaves the latch behind."""
    stage.start(time_stop_ms=60_000)
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    stage.venue.fault("drop_after_execution")
    stage.program.signal(signal.SIGTERM)
    assert stage.program.wait_exit(15) == BY_SIGTERM
    assert stage.venue.positions() == []
    assert "disconnected" in stage.latch_on_disk()
    stage.start()
    stage.program.wait_said("still latched from an earlier run")
    stage.reset()
    stage.enter_and_leave()
    stage.at_rest()


def sigterm_and_nobody_confirms(stage: Stage) -> None:
    """Flat without the exchange's word for it is not a success: closed all the same, and the exit code says what is not known."""
    stage.start(time_stop_ms=60_000, stop_grace_ms=3_000)
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    stage.venue.fault("info_down")
    stage.program.signal(signal.SIGTERM)
    stage.wait_flat(2)
    assert stage.program.wait_exit(10) == ExitCode.NOT_CONFIRMED
    assert "NOT CONFIRMED" in stage.program.last_words
    stage.venue.clear_faults()
    stage.start()
    stage.at_rest()


def venue_stands_still(stage: Stage) -> None:
    """An open socket and nobody behind it: exits pile up there, and when it wakes one of them counts."""
    stage.start()
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    stage.venue.signal(signal.SIGSTOP)
    stage.program.wait_said("once more")
    stage.venue.signal(signal.SIGCONT)
    stage.wait_flat(5)
    stage.at_rest()
    assert len(stage.venue.fills()) == 2


def program_stands_still(stage: Stage) -> None:
    """A suspended machine: the first thing after waking is to close what is overdue."""
    stage.start()
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    stage.program.signal(signal.SIGSTOP)
    time.sleep(4.0)  # the standstill is the thing under test, and it is real time
    assert stage.venue.positions()
    stage.program.signal(signal.SIGCONT)
    until("the venue is flat", lambda: not stage.venue.positions(), 1.0)
    stage.wait_flat(1)
    stage.at_rest()
    assert stage.program.has_said("no time passed for us")


def killed_with_a_position(stage: Stage) -> None:
    """The next start finds the position, closes it in its own time, says how the last run ended, and repeats no nonce."""
    stage.start()
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    stage.wait_fill_on_disk()
    stage.program.signal(signal.SIGKILL)
    assert stage.program.wait_exit(5) == -signal.SIGKILL
    last_nonce = stage.venue.truth()["actions"][-1]["nonce"]
    time.sleep(2.0)  # a TimeStop that counted from the second start would be late by this much at least
    stage.start(time_stop_ms=6_000)
    stage.program.wait_said("did not end in an orderly stop")
    held_s = stage.wait_flat(8)
    assert 5.8 < held_s < 7.5, f"the TimeStop did not count from the true entry: held for {held_s:.2f} s"
    assert stage.venue.truth()["actions"][-1]["nonce"] > last_nonce
    s = stage.at_rest()
    assert s.trades[0].exit_reason.value == "time stop"
    opened, closed = stage.venue.fills()
    assert s.trades[0].entry_price == Decimal(opened["px"]), "the trade does not know where it began"
    assert s.trades[0].fees_usd == Decimal(opened["fee"]) + Decimal(closed["fee"])


def killed_between_hard_stop_and_reconnect(stage: Stage) -> None:
    """The latch is on disk already: the next start closes what it finds without waiting for a TimeStop."""
    stage.start(time_stop_ms=60_000)
    stage.enter()
    stage.program.wait_until("it is known", lambda s: bool(s.positions))
    stage.venue.drop_connections()
    stage.program.wait_until("it is latched", lambda s: s.hard_stop.tripped)
    stage.program.signal(signal.SIGKILL)
    assert stage.program.wait_exit(5) == -signal.SIGKILL
    assert stage.venue.positions()
    stage.start(time_stop_ms=60_000)
    stage.wait_flat(3)
    stage.wait_hard_stop("disconnected")
    stage.reset()
    stage.at_rest()


def killed_with_an_entry_on_its_way(stage: Stage) -> None:
    """Not even the reply was heard: the next start finds what came of it."""
    stage.start()
    stage.venue.fault("late_reply", ms=5_000)
    stage.venue.fault("silent_channels", channels=["userFills", "orderUpdates"])
    stage.enter()
    stage.program.signal(signal.SIGKILL)
    assert stage.program.wait_exit(5) == -signal.SIGKILL
    stage.venue.clear_faults()
    stage.start()
    stage.wait_flat(4)
    stage.at_rest(missed=1)
    assert len(stage.venue.fills()) == 2


STORIES: tuple[Callable[[Stage], None], ...] = (
    connection_lost_five_times_in_a_row,
    venue_gone_and_back_with_an_empty_account,
    lost_request_of_an_entry,
    lost_request_of_an_exit,
    lost_reply_to_an_entry,
    lost_reply_to_an_exit,
    late_reply_to_an_entry_and_to_its_exit,
    lost_replies_with_every_account_channel_silent,
    lost_request_of_an_entry_and_then_the_connection,
    connection_cut_after_an_entry_executed,
    connection_cut_after_an_exit_executed,
    connection_lost_with_a_position,
    snapshot_twice_on_reconnect,
    market_channels_silent,
    fills_channel_silent,
    order_updates_muted,
    an_order_not_known_once,
    an_empty_answer_with_a_position_open,
    an_empty_answer_right_after_a_reconnect,
    post_only_phase,
    every_order_rejected,
    every_action_refused,
    info_down,
    info_down_while_reconnecting,
    sigterm_with_a_position,
    sigterm_and_the_exit_is_lost,
    sigterm_and_the_connection_is_lost,
    sigterm_and_nobody_confirms,
    venue_stands_still,
    program_stands_still,
    killed_with_a_position,
    killed_between_hard_stop_and_reconnect,
    killed_with_an_entry_on_its_way,
)
"""The longest first: they run several at a time."""


@pytest.fixture(scope="module")
def theatre(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    # A worker of a divided run sees every test and runs a few: there, each story begins when its turn comes.
    divided = "PYTEST_XDIST_WORKER" in os.environ
    specs = () if divided else (getattr(item, "callspec", None) for item in request.session.items)
    wanted = {spec.id for spec in specs if spec is not None}
    theatre = Theatre(tmp_path_factory.mktemp("faults"), [s for s in STORIES if s.__name__ in wanted])
    yield theatre
    theatre.close()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_it_ends_flat(story: Callable[[Stage], None], theatre: Theatre) -> None:
    held_s = theatre.result(story)
    print(f"{story.__name__}: a position was open for {', '.join(f'{s:.2f} s' for s in held_s) or 'no time'}")
