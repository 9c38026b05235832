"""Limits of the run and its checkpoints: exactly so many trades, a pause until somebody decides, and all of it over restarts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine_rig import BTC, BUY, FIRST_START, NVDA, SNDK, Rig, make_config

from core.config import SafetyConfig
from core.engine.run_limits import RunLimits
from core.messages.commands import DecideCheckpoint, FlattenMarket, PlaceOrder
from core.messages.effects import Alert, PersistCounters, RiskCounters, RunCounters
from core.messages.recovered import Recovered
from core.messages.snapshot import CheckpointView, TradingState


def rig_with(recovered: Recovered = FIRST_START, **safety: Any) -> Rig:
    return Rig(make_config(safety=SafetyConfig(**safety)), recovered)


def trade(rig: Rig, market: Any = SNDK) -> None:
    """In and out again, closed by the operator."""
    rig.open_position(market)
    rig.handle(FlattenMarket(command_id="c", market=market))
    rig.advance(200)
    rig.fill_post(rig.posts[-1])
    rig.advance(15_000)
    assert rig.position(market) is None


def view(rig: Rig) -> CheckpointView:
    shown = rig.snapshot().checkpoint
    assert shown is not None
    return shown


def decide(rig: Rig, trades: int, *, go_on: bool, reason: str = "looks right") -> str:
    rig.handle(DecideCheckpoint(command_id="d", who="ada", trades=trades, go_on=go_on, reason=reason))
    return next(e.text for e in reversed(rig.snapshot().audit) if e.command_id == "d")


# --- total trades ------------------------------------------------------------------------------------------------------


def test_no_more_trades_than_the_run_has() -> None:
    rig = rig_with(max_total_trades=2)
    trade(rig)
    trade(rig)
    assert rig.dislocate() is None
    assert rig.market(SNDK).gate == "daily trade cap: 2 of 2 of the run"


def test_an_entry_under_way_counts_toward_the_run() -> None:
    rig = rig_with(max_total_trades=2)
    trade(rig)
    rig.enter(NVDA)
    assert rig.dislocate(SNDK) is None
    assert rig.market(SNDK).gate == "daily trade cap: 2 of 2 of the run"


def test_a_restart_does_not_begin_the_run_anew() -> None:
    first = rig_with(max_total_trades=2)
    trade(first)
    counters = first.effects(PersistCounters)[-1].counters
    second = rig_with(Recovered(run_id=2, counters=counters), max_total_trades=2)
    trade(second)
    assert second.dislocate() is None
    assert view(second).opened == 2


# --- checkpoints -------------------------------------------------------------------------------------------------------


def test_at_a_checkpoint_entries_pause_and_somebody_is_told() -> None:
    rig = rig_with(checkpoints=(1, 3))
    assert view(rig).reached is None
    trade(rig)
    assert view(rig).reached == 1
    assert rig.dislocate() is None
    snapshot = rig.snapshot()
    assert snapshot.state is TradingState.REDUCING
    assert snapshot.state_reason == "checkpoint 1: 1 trades are closed, go on or stop?"
    assert rig.market(SNDK).gate.startswith("paused: checkpoint 1")
    assert [a.title for a in rig.effects(Alert)] == ["checkpoint 1"]


def test_at_a_checkpoint_a_trade_of_others_is_no_news() -> None:
    """One that was open already closes later: the pause is known."""
    rig = rig_with(checkpoints=(1,))
    counters = RiskCounters(trades_total=1)
    limits = rig.m.risk.run_limits
    assert limits.news(None, counters) is not None
    assert limits.news(1, RiskCounters(trades_total=2)) is None


def test_no_trade_beyond_the_checkpoint_is_under_way_when_it_is_reached() -> None:
    rig = rig_with(checkpoints=(2,))
    rig.open_position(SNDK)
    rig.enter(NVDA)
    assert rig.dislocate(BTC) is None
    assert rig.market(BTC).gate == "daily trade cap: 2 trades begun, checkpoint 2 comes first"


def test_going_on_is_kept_with_who_and_why_and_leads_to_the_next() -> None:
    rig = rig_with(checkpoints=(1, 3))
    trade(rig)
    said = decide(rig, 1, go_on=True, reason="fill rate is fine")
    assert said == "checkpoint 1: go on; ada: fill rate is fine"
    assert view(rig).reached is None
    assert view(rig).next == 3
    assert rig.effects(PersistCounters)[-1].counters.run.passed == 1
    trade(rig)
    trade(rig)
    assert view(rig).reached == 3


def test_stopping_holds_over_a_restart_until_somebody_decides_otherwise() -> None:
    first = rig_with(checkpoints=(1,))
    trade(first)
    assert decide(first, 1, go_on=False, reason="slippage") == (
        "checkpoint 1: stop: no further entries in this run; ada: slippage"
    )
    counters = first.effects(PersistCounters)[-1].counters
    second = rig_with(Recovered(run_id=2, counters=counters), checkpoints=(1,))
    assert any(e.text == "checkpoint 1: it was decided to stop" for e in second.snapshot().audit)
    assert view(second).is_stopped
    assert second.dislocate() is None
    decide(second, 1, go_on=True)
    assert not view(second).is_stopped
    second.enter()


def test_a_pause_nobody_has_answered_holds_over_a_restart() -> None:
    first = rig_with(checkpoints=(1,))
    trade(first)
    second = rig_with(Recovered(run_id=2, counters=first.effects(PersistCounters)[-1].counters), checkpoints=(1,))
    assert second.dislocate() is None
    assert view(second).reached == 1


def test_a_decision_about_another_checkpoint_or_without_a_reason_decides_nothing() -> None:
    rig = rig_with(checkpoints=(1, 3))
    assert decide(rig, 1, go_on=True) == "checkpoint 1: none waits for a decision"
    trade(rig)
    assert decide(rig, 3, go_on=True) == "checkpoint 3: it is checkpoint 1 that waits"
    assert decide(rig, 1, go_on=True, reason=" ") == "checkpoint 1: a decision needs a reason"
    assert view(rig).reached == 1


def test_exits_go_on_at_a_checkpoint() -> None:
    rig = rig_with(checkpoints=(1,))
    rig.open_position(NVDA)
    trade_in_hand = rig.position(NVDA)
    assert trade_in_hand is not None
    rig.advance(31_000)
    assert rig.posts[-1].batch.orders[0].reduce_only  # type: ignore[union-attr]


def test_the_numbers_at_a_checkpoint() -> None:
    rig = rig_with(checkpoints=(1,))
    trade(rig)
    (closed,) = rig.snapshot().trades
    shown = view(rig)
    assert (shown.trades, shown.opened, shown.wins) == (1, 1, int(closed.net_pnl_usd > 0))
    assert shown.pnl_usd == closed.net_pnl_usd
    assert shown.edge_bps == closed.actual_edge_bps
    assert shown.slippage_bps == closed.slippage_bps
    assert shown.fill_rate == 1


def test_a_run_without_limits_shows_none() -> None:
    assert Rig().snapshot().checkpoint is None


def test_fill_rate_of_what_was_answered() -> None:
    counters = RiskCounters(run=RunCounters(accepted=6, rejected=1, timed_out=1))
    shown = RunLimits(SafetyConfig(checkpoints=(10,))).view(counters)
    assert shown is not None
    assert shown.fill_rate == Decimal("0.75")
    assert shown.edge_bps is None


# --- whose trades ----------------------------------------------------------------------------------------------------------


def test_a_trade_by_hand_is_no_step_toward_a_checkpoint_and_none_of_the_runs_trades() -> None:
    """A verification leaves two of them in the journal; the hundredth trade of the strategy must still be allowed."""
    rig = rig_with(checkpoints=(1, 3), max_total_trades=2)
    order = PlaceOrder(command_id="p", market=SNDK, side=BUY, usd=Decimal(20), slippage_bps=Decimal(50))
    rig.handle(order)
    rig.advance(100)
    rig.fill_post(rig.posts[-1])
    rig.handle(FlattenMarket(command_id="c", market=SNDK))
    rig.advance(200)
    rig.fill_post(rig.posts[-1])
    rig.advance(15_000)
    assert rig.m.risk.counters.trades_total == 1
    assert (view(rig).trades, view(rig).opened, view(rig).reached) == (0, 0, None)
    assert view(rig).pnl_usd == rig.snapshot().trades[0].net_pnl_usd, "the account pays for it all the same"
    trade(rig)
    assert (view(rig).trades, view(rig).reached) == (1, 1)
    assert decide(rig, 1, go_on=True).startswith("checkpoint 1: go on")
    trade(rig)
    assert rig.dislocate() is None
    assert rig.market(SNDK).gate == "daily trade cap: 2 of 2 of the run"
