"""Lessons about the operator: stops that end what is there, latches that last, dialogs that say what they do, figures that do not flatter."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from engine_rig import BUY, NVDA, SNDK, Rig
from lesson_console import console
from lesson_stage import WireStage, wire_config
from textual.widgets import Input

from core.messages.commands import CancelAll, ResetHardStop, Shutdown, TripHardStop
from core.messages.effects import Alert, Finished, PersistLatch, SignalRow, TradeRow
from core.messages.exit_codes import ExitCode
from core.messages.queries import QueryOpenOrders, QueryPositions
from core.messages.snapshot import TradingState
from core.model.cloid import OWNERSHIP_TAG
from core.model.position import ExitReason
from core.runtime.clock import ManualClock
from core.runtime.engine_thread import Ending, EngineThread
from core.runtime.journal import Journal
from core.runtime.lifecycle import Lifecycle
from hip3_tui.screens.reset import ResetScreen

OURS = f"0x{OWNERSHIP_TAG}" + "0" * 23 + "7"
THEIRS = "0x" + "ab" * 16


# --- stops ------------------------------------------------------------------------------------------------------------------


def test_l26_a_stop_is_over_when_the_exchange_says_flat_and_not_before() -> None:
    """A position, an entry whose answer was lost, and an order of an earlier run in the book. The orderly stop ends when the exchange itself, asked
    afterwards, reports no position and no order of ours; the trail says so, and the program may leave with 0."""
    stage = WireStage(wire_config("xyz:SNDK", "BTC"), ready=False)
    stage.by_hand(NVDA, BUY, "100", "0.11", c=OURS)
    stage.ready()
    stage.enter(SNDK)
    stage.fault("lose_request")
    btc = stage.m.markets_configured[1]
    stage.enter(btc)
    assert stage.held()
    stop = Shutdown(command_id="q", reason="ada quit")
    stage.handle(stop)
    assert stage.answer_of(stop) == "orderly stop: ada quit"
    while not stage.effects(Finished):
        stage.advance(100)
        shutdown = stage.snapshot().shutdown
        assert shutdown is not None
        assert stage.now < shutdown.deadline_ms + 1_000
    (finished,) = stage.effects(Finished)
    assert finished == Finished(True, "the exchange reports flat and no order of ours")
    assert stage.held() == {}
    assert stage.truth()["openOrders"] == []
    assert exit_code(finished) == ExitCode.OK
    assert stage.snapshot().trades[0].exit_reason is ExitReason.SHUTDOWN


@pytest.mark.parametrize("silent", [QueryPositions, QueryOpenOrders])
def test_l26_flat_by_our_own_books_is_not_confirmed(silent: type) -> None:
    """We believe that we are flat, and one of the two questions gets no answer. At its limit the stop says NOT CONFIRMED, alerts, and the
    program's exit code is not 0."""
    rig = Rig()
    rig.open_position()
    rig.handle(Shutdown(command_id="q", reason="signal 15"))
    rig.muted = {silent}
    rig.advance(100)
    rig.fill_post(rig.posts[-1])
    rig.advance(15_500)
    (finished,) = rig.effects(Finished)
    assert finished == Finished(False, "NOT CONFIRMED after 15 s: no position known; 0 orders")
    assert [a.body for a in rig.effects(Alert) if a.title == "stopped"] == [finished.text]
    assert exit_code(finished) == ExitCode.NOT_CONFIRMED


def exit_code(finished: Finished) -> int:
    """What the program would leave with, by the word of its life cycle."""
    ending = Ending(confirmed=finished.confirmed, text=finished.text)
    engine = SimpleNamespace(ending=ending, has_run=True, is_done=True, error="", latest=None)
    code, words = Lifecycle(cast(EngineThread, engine), grace_s=1.0)._verdict()
    assert finished.text in words
    return code


def test_l27_a_position_made_by_hand_is_part_of_what_flat_means() -> None:
    """The operator buys by hand: in a configured market, and in one that this program does not trade. Both are on the screen. The stop does not
    report flat while either is there; it closes both, and only then the exchange's word counts."""
    stage = WireStage()
    stage.by_hand(SNDK, BUY, "1700", "0.01", tif="Ioc")
    stage.by_hand(NVDA, BUY, "190", "0.1", tif="Ioc")
    stage.advance(12_000)
    seen = {str(p.market): p.is_external for p in stage.snapshot().positions}
    assert seen == {"xyz:SNDK": False, "xyz:NVDA": True}
    stage.handle(Shutdown(command_id="q", reason="ada quit"))
    assert stage.effects(Finished) == []
    assert stage.snapshot().shutdown is not None
    stage.advance(3_000)
    assert stage.held() == {}
    assert [f.confirmed for f in stage.effects(Finished)] == [True]


def test_l27_the_hard_stop_covers_what_was_placed_by_hand() -> None:
    """An order by hand that rests in the book, and a position by hand. X cancels the one and closes the other; it calls itself done only when
    both are gone."""
    stage = WireStage(ready=False)
    stage.by_hand(SNDK, BUY, "1500", "0.02")
    stage.by_hand(SNDK, BUY, "1700", "0.01", tif="Ioc")
    stage.ready()
    stage.handle(TripHardStop(command_id="x"))
    assert "HARD STOP done" not in stage.alerts()
    stage.advance(3_000)
    assert stage.truth()["openOrders"] == []
    assert stage.held() == {}
    assert "HARD STOP done" in stage.alerts()


# --- the latch ----------------------------------------------------------------------------------------------------------------


def test_l29_the_latch_is_on_disk_in_the_instant_it_is_set(tmp_path: Path) -> None:
    """The hard stop trips with a position open, and the machine loses power in that moment: what is on the disk then is all there is. The next
    start finds the latch with its reason and its time, lets no entry out, and closes what it finds; only the operator releases it."""
    rig = Rig()
    rig.open_position()
    rig.handle(TripHardStop(command_id="x"))
    tripped_at = rig.now
    running, dead = tmp_path / "running" / "journal.db", tmp_path / "dead"
    journal = Journal.open(running, ManualClock(rig.now))
    (latch,) = rig.effects(PersistLatch)
    assert rig.last[0] is latch, "before every other effect"
    assert journal.persist_latch(latch.latch)
    shutil.copytree(running.parent, dead)  # the disk as a kill would leave it, with the journal still open
    journal.close()

    after = Journal.open(dead / "journal.db", ManualClock(rig.now))
    after.close()
    assert after.recovered.unclean
    second = Rig(recovered=after.recovered, ready=False)
    second.venue.held = dict(rig.venue.held)
    second.ready()
    stop = second.snapshot().hard_stop
    assert (stop.tripped, stop.reason, stop.at_ms) == (True, "operator key (operator)", tripped_at)
    assert "still latched from an earlier run: operator key (operator)" in second.audit("hard stop")
    second.fill_post(second.posts[-1])
    second.advance(1_000)
    assert second.dislocate() is None
    assert second.market(SNDK).last_denial == "hard stop: operator key (operator)"
    second.handle(ResetHardStop(command_id="r", reason="looked"))
    second.advance(1_000)
    assert second.snapshot().state is TradingState.ACTIVE


async def test_l30_the_reset_says_what_it_does_and_does_what_it_says() -> None:
    """The latch is closed and a position is left. The dialog names why it tripped and what is open, says that a reset would be refused, that it
    closes and cancels nothing. The operator overrides it: the latch is released, and indeed nothing was closed by that and nothing was sent."""
    rig = Rig()
    rig.open_position()
    rig.handle(TripHardStop(command_id="x", reason="looks wrong"))
    rig.advance(100)
    rig.reject(rig.posts[-1])
    async with console(rig, (80, 24)) as screen:
        await screen.press("r")
        text = await screen.look()
        for words in (
            "Reset the hard stop?",
            "It tripped: looks wrong (operator)",
            "WOULD BE REFUSED",
            "1 position left open",
            "1 positions and 0 orders are left",
            "Does: releases the latch, entries are possible again",
            "Does not: close, cancel or forget anything",
            "paused entries stay paused",
        ):
            assert words in text
        await screen.press(*"ok", "enter")
        assert rig.snapshot().hard_stop.tripped, "the word is missing"
        screen.app.screen.query_one("#word", Input).value = "OVERRIDE"
        sent = len(rig.posts)
        await screen.press("enter")
        assert not isinstance(screen.app.screen, ResetScreen)
        text = await screen.look(100)
    assert not rig.snapshot().hard_stop.tripped
    assert len(rig.posts) == sent
    assert rig.position() is not None
    assert any("OVERRIDING: 1 positions and 0 orders are left" in t for t in rig.audit("reset"))
    assert any("released by ada: ok" in t for t in rig.audit("reset"))


def test_l31_whose_order_it_is_decides_who_ends_it() -> None:
    """After a restart two orders rest: one that an earlier run left, one that somebody else placed. The screen tells them apart. Cancel-all and
    the orderly stop take ours and leave theirs; the hard stop alone takes theirs as well, and says so."""
    stage = WireStage(ready=False)
    stage.by_hand(SNDK, BUY, "1500", "0.02", c=OURS)
    stage.by_hand(SNDK, BUY, "1501", "0.02", c=THEIRS)
    stage.ready()
    told = {o.cloid: (o.is_external, o.reason) for o in stage.snapshot().orders}
    assert told == {OURS: (True, "an earlier run's"), THEIRS: (True, "foreign")}
    cancel = CancelAll(command_id="c")
    stage.handle(cancel)
    stage.advance(2_000)
    assert stage.answer_of(cancel) == "cancel all: 0 queued taken back, 1 cancels; 1 EXTERNAL orders left alone"
    assert [o["cloid"] for o in stage.truth()["openOrders"]] == [THEIRS]
    stage.handle(TripHardStop(command_id="x"))
    (alert,) = [a for a in stage.effects(Alert) if a.title == "HARD STOP"]
    assert "1 orders (1 of them EXTERNAL, cancelled too)" in alert.body
    stage.advance(2_000)
    assert stage.truth()["openOrders"] == []
    assert stage.snapshot().orders == ()


def test_l31_an_orderly_stop_leaves_what_is_not_ours() -> None:
    """The same two orders, and the operator quits: ours is gone, theirs is still in the book, and the stop is confirmed all the same."""
    stage = WireStage(ready=False)
    stage.by_hand(SNDK, BUY, "1500", "0.02", c=OURS)
    stage.by_hand(SNDK, BUY, "1501", "0.02", c=THEIRS)
    stage.ready()
    stage.handle(Shutdown(command_id="q", reason="ada quit"))
    stage.advance(3_000)
    assert [f.confirmed for f in stage.effects(Finished)] == [True]
    assert [o["cloid"] for o in stage.truth()["openOrders"]] == [THEIRS]


# --- the screen -----------------------------------------------------------------------------------------------------------------


async def test_l40_a_picture_that_stands_still_is_marked_as_old() -> None:
    """After hours of work the engine publishes no more, and everything on the screen looks as it did. The age of the picture is on the screen all
    the time; a second without a new one is marked, and an hour of it reads as an hour. A new one takes the mark away."""
    rig = Rig()
    rig.open_position()
    async with console(rig) as screen:
        assert "0.0s old" in await screen.look()
        for _ in range(3):
            rig.now += 3_600_000
            text = await screen.look(3_600_000)
            assert "STALE" not in text
        assert "0.9s old" in await screen.look(900, publish=False)
        assert "STALE 1.2s" in await screen.look(300, publish=False)
        text = await screen.look(3_600_000, publish=False)
        assert "STALE 1h00m" in text
        assert "OLD PICTURE nothing new from the engine for 1h00m" in text
        rig.now += 3_601_200
        text = await screen.look()
        assert "STALE" not in text
        assert "0.0s old" in text


# --- what it was worth ------------------------------------------------------------------------------------------------------------


def test_l43_trades_are_judged_by_their_fills_and_not_by_their_signals() -> None:
    """Six signals, each with 30 bps of edge after fees by the oracle; the oracle comes back before the exit each time, so that every trade pays the
    spread and both fees. The signals look fine to the end. What counts are the fills: each trade shows its exit reason and its net result, the
    sum is the exchange's to the cent, and six losses in a row stop it."""
    stage = WireStage()
    for _ in range(6):
        stage.enter()
        stage.advance(33_000, step=500)
    snapshot = stage.snapshot()
    signals = [r.signal for r in stage.rows(SignalRow) if r.verdict == "accepted"]
    assert len(signals) == 6
    assert all(s.expected_edge_bps > 30 for s in signals)
    assert len(snapshot.trades) == 6
    for trade in snapshot.trades:
        assert trade.exit_reason is ExitReason.TIME_STOP
        assert trade.expected_edge_bps is not None
        assert trade.expected_edge_bps > 30
        assert trade.actual_edge_bps < 0
        assert trade.slippage_bps == trade.expected_edge_bps - trade.actual_edge_bps
        assert trade.net_pnl_usd == trade.gross_pnl_usd - trade.fees_usd < trade.gross_pnl_usd < 0
    earned = sum(float(f["closedPnl"]) - float(f["fee"]) for f in stage.truth()["fills"])
    assert float(snapshot.pnl.realized_usd) == pytest.approx(earned, abs=1e-9)
    assert snapshot.pnl.realized_usd == sum(t.net_pnl_usd for t in snapshot.trades)
    assert (snapshot.pnl.trades, snapshot.pnl.wins) == (6, 0)
    assert [r.trade.trade_id for r in stage.rows(TradeRow)] == [s.signal_id for s in signals]
    assert snapshot.hard_stop.reason == "6 losses in a row > 5"
    assert sum("closed by time stop" in text and "net -$" in text for text in stage.audit("trade")) == 6


def test_l43_a_win_before_fees_that_is_a_loss_after_them_is_a_loss() -> None:
    """A trade earns three cents and its fees are nine. On the screen, in the journal and for the losing streak it is a loss of six."""
    rig = Rig()
    held = rig.open_position()
    rig.advance(30_200)
    rig.fill_post(rig.posts[-1], px=held.entry_px * (1 + 3 * held.size / 10_000))
    (trade,) = rig.snapshot().trades
    assert trade.gross_pnl_usd > 0
    assert trade.net_pnl_usd < 0
    assert rig.m.risk.counters.consecutive_losses == 1
    assert rig.m.risk.counters.cumulative_pnl_usd == trade.net_pnl_usd
    assert rig.snapshot().pnl.wins == 0
    assert any("net -$" in text for text in rig.audit("trade"))
