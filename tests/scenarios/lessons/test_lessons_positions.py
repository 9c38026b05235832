"""Lessons about knowing what is held: empty answers, old fills, resyncs, dexes that do not answer. One story each."""

from __future__ import annotations

from pathlib import Path

from engine_rig import BUY, NOW, NVDA, SELL, D, Rig, make_config, order_of
from lesson_stage import SNDK, WireStage, wire_config, write_down

from core.config import ExecutionConfig, RiskConfig
from core.messages.commands import FlattenMarket, TripHardStop
from core.messages.effects import Ask, LatchState
from core.messages.events import Fills, FillsRead
from core.messages.queries import QueryFills, QueryOrderStatus, QueryPositions
from core.messages.recovered import Recovered
from core.messages.snapshot import TradingState
from core.model.market import MarketKey
from core.model.order import OrderStatus
from core.model.position import ExitReason
from core.runtime.clock import ManualClock
from core.runtime.journal import Journal

BTC = MarketKey.parse("BTC")


# --- fills that come again -----------------------------------------------------------------------------------------------------


def test_l05_fills_of_the_day_shown_again_bring_no_position_back() -> None:
    """Three trades, all closed. The connection drops; the next one begins with a snapshot of all six fills, and shows it twice. Nothing comes
    back: flat, three trades, and the same result to the cent. Only the fill that happened meanwhile is new."""
    rig = Rig(make_config(execution=ExecutionConfig(max_notional_total=D(200))))
    for _ in range(3):
        rig.lose_trade(D("0.1"))
    rig.open_position()
    before = rig.snapshot()
    rig.disconnect()
    missed = rig.venue.execute(SNDK, SELL, D("0.1"), D(200), rig.now + 500, 77, None)  # by hand, while we were away
    rig.advance(1_000)
    rig.ready()
    rig.handle(Fills(tuple(rig.venue.fills), is_snapshot=True))
    after = rig.snapshot()
    assert after.tally.fills == before.tally.fills + 1
    assert after.pnl.realized_usd == before.pnl.realized_usd + missed.closed_pnl - missed.fee
    assert [p.size for p in after.positions] == [before.positions[0].size - missed.size]
    assert len(after.trades) == 3


def test_l05_a_restart_does_not_count_yesterdays_fills_again(tmp_path: Path) -> None:
    """The fills of a run are in its journal. The next run asks for old fills before the snapshot is there (as it does when it looks for a lost
    order): it has seen them all, and begins the day at zero with nothing held."""
    first = Rig()
    first.lose_trade(D(3))
    journal = Journal.open(tmp_path / "journal.db", ManualClock(first.now))
    write_down(first, journal)
    journal.close()
    again = Journal.open(tmp_path / "journal.db", ManualClock(first.now))
    again.close()
    assert len(again.recovered.seen_fills) == 2

    second = Rig(recovered=again.recovered, ready=False)
    second.handle(FillsRead(NOW, tuple(first.venue.fills), complete=True))
    second.ready()
    snapshot = second.snapshot()
    assert (snapshot.positions, snapshot.trades, snapshot.fills) == ((), (), ())
    assert snapshot.pnl.realized_usd == 0
    assert snapshot.pnl.fees_usd == 0
    assert second.m.risk.counters.consecutive_losses == 1, "once, as the first run counted it"


# --- answers that leave out or are empty -----------------------------------------------------------------------------------------


def test_l06_positions_of_every_dex_are_seen_and_closed() -> None:
    """One position on the builder dex and one on the main dex, made elsewhere. A question without the dex answers for the main one alone; here
    each dex is asked by name, both positions are on the screen, and the hard stop closes both."""
    stage = WireStage(wire_config("xyz:SNDK", "BTC"), ready=False)
    stage.by_hand(SNDK, BUY, "1700", "0.02", tif="Ioc")
    stage.by_hand(BTC, SELL, "94900", "0.0005", tif="Ioc")
    stage.ready()
    assert {(str(p.market), p.side, p.size) for p in stage.snapshot().positions} == {
        ("xyz:SNDK", BUY, D("0.02")),
        ("BTC", SELL, D("0.0005")),
    }
    assert {e.query.dex for e in stage.effects(Ask) if isinstance(e.query, QueryPositions)} == {"xyz", ""}
    stage.handle(TripHardStop(command_id="x"))
    stage.advance(2_000)
    assert stage.held() == {}
    assert "HARD STOP done" in stage.alerts()


def test_l07_one_empty_answer_never_closes_a_position() -> None:
    """The exchange answers "nothing held" once although it holds our position. The position stays, with its countdown, marked as in doubt;
    no entry is added meanwhile; and the next answer takes the mark away. The TimeStop closes it in its time."""
    stage = WireStage()
    stage.enter()
    before = stage.position()
    assert before is not None
    stage.fault("empty_clearinghouse_once")
    while not stage.m.positions.has_suspects:
        stage.advance(100)
        assert stage.now < before.entry_ms + 20_000
    held = stage.position()
    assert held is not None
    assert held.is_suspect
    assert (held.size, held.time_stop_at_ms) == (before.size, before.time_stop_at_ms)
    assert stage.market(SNDK).gate.startswith("not ready: the exchange and we disagree")
    stage.advance(2_500)
    held = stage.position()
    assert held is not None
    assert not held.is_suspect
    assert len(stage.wire) == 1, "nothing was sent on the strength of it"
    stage.advance(30_000)
    assert stage.snapshot().trades[0].exit_reason is ExitReason.TIME_STOP


def test_l07_two_empty_answers_close_it_and_that_is_told() -> None:
    """Two answers two seconds apart agree: then it is gone (the fill may never reach us), and the trail says who said so."""
    rig = Rig()
    rig.muted = {QueryFills}
    rig.open_position()
    rig.venue.held.clear()
    rig.advance(12_000)
    assert rig.position() is None
    assert "xyz:SNDK: the exchange says flat; taken over" in rig.audit("resync")
    assert len(rig.posts) == 1


def test_l08_no_resync_leaves_a_gap_to_buy_through() -> None:
    """Positions are read anew every second, and after each answer the dislocation is there to be bought: with a cache that is emptied first,
    $50 became $1,607. Here the position is replaced in one step, so the limit holds at every instant, and the refusals are on the screen."""
    rig = Rig(make_config(("xyz:SNDK",), risk=RiskConfig(position_sync_ms=1_000)))
    rig.open_position()
    limit = rig.config.execution.max_notional_per_market
    for _ in range(200):
        rig.dislocate()
        assert rig.m.exposure_usd(SNDK) <= limit * D("1.01")
        assert rig.position() is not None
        rig.advance(100)
    assert len(rig.posts) == 1
    assert rig.snapshot().tally.entries == 1
    assert "max position per market" in dict(rig.snapshot().tally.denied)


def test_l09_a_resync_that_changes_the_size_does_not_wind_the_clock_back() -> None:
    """The position is read each second, and each time a little more is held than we knew, added by hand elsewhere. Sizes are taken over again
    and again; the time of entry is not, and 30 s after it the TimeStop closes all of it."""
    rig = Rig(make_config(risk=RiskConfig(position_sync_ms=1_000)))
    opened = rig.open_position()
    for _ in range(9):
        size, px = rig.venue.held[SNDK]
        rig.venue.held[SNDK] = (size + D("0.001"), px)
        rig.advance(3_200)
    taken_over = rig.position()
    assert taken_over is not None
    assert taken_over.size > opened.size + D("0.005")
    assert taken_over.entry_ms == opened.entry_ms
    assert taken_over.time_stop_at_ms == opened.time_stop_at_ms
    assert len(rig.posts) == 1
    rig.advance(opened.entry_ms + 30_200 - rig.now)
    assert order_of(rig.posts[-1]).reduce_only
    held = rig.position()
    assert held is not None
    assert held.exit_reason == "time stop"


def test_l09_a_resync_every_second_at_the_exchange_itself() -> None:
    """The same at the simulated exchange, undisturbed: thirty answers, one entry time, and one trade on the screen, closed by its TimeStop
    half a minute after it began."""
    stage = WireStage(wire_config(risk=RiskConfig(position_sync_ms=1_000)))
    stage.enter()
    entry = stage.position()
    assert entry is not None
    stage.advance(32_000)
    assert sum(isinstance(e.query, QueryPositions) for e in stage.effects(Ask)) > 25
    (trade,) = stage.snapshot().trades
    assert trade.exit_reason is ExitReason.TIME_STOP
    assert 30_000 < trade.exit_ms - entry.entry_ms < 30_500


# --- one dex that does not answer -------------------------------------------------------------------------------------------------


def test_l34_a_dex_that_does_not_load_keeps_no_position_of_another_open() -> None:
    """A restart with a latch on disk and a position on the builder dex, while nothing about the main dex can be read. There is no READY, and
    no market data; the position is closed nevertheless, at the exchange's own mark, and the screen says which dex is missing."""
    latched = Recovered(run_id=2, latch=LatchState(NOW - 60_000, "loss"))
    stage = WireStage(wire_config("xyz:SNDK", "BTC"), latched, ready=False)
    stage.by_hand(SNDK, BUY, "1700", "0.02", tif="Ioc")
    stage.fails = lambda body: body.get("dex") == ""
    stage.connect()
    stage.advance(3_000)
    assert stage.snapshot().state is TradingState.REDUCING
    assert "positions of main dex" in stage.snapshot().ready.missing
    assert stage.held() == {}
    assert "HARD STOP done" not in stage.alerts(), "what the main dex holds is not known"


def test_l34_a_market_that_cannot_be_closed_does_not_hold_up_the_next() -> None:
    """The exit of one market is lost, and so is every answer about it: it stays UNKNOWN. Another market runs into its TimeStop meanwhile; its exit
    leaves at once and closes it, and the screen shows one market open with its attempt unresolved."""
    rig = Rig()
    rig.open_position(SNDK)
    rig.advance(10_000)
    rig.muted = {QueryOrderStatus, QueryFills}
    rig.handle(FlattenMarket(command_id="f", market=SNDK))
    rig.advance(1_000)
    lost = order_of(rig.posts[-1])
    rig.muted.add(QueryPositions)
    rig.open_position(NVDA)
    rig.advance(30_300)
    closing = order_of(rig.posts[-1])
    assert (closing.market, closing.reduce_only) == (NVDA, True)
    assert rig.order(lost).status is OrderStatus.UNKNOWN
    rig.fill_post(rig.posts[-1])
    assert [p.market for p in rig.snapshot().positions] == [SNDK]
    assert [t.market for t in rig.snapshot().trades] == [NVDA]
