"""Fills of the time between two programs: what of them counts, and what is history."""

from __future__ import annotations

from decimal import Decimal

from engine_rig import ACCOUNT, BUY, NOW, SELL, SNDK, TAKER, Rig, make_config, order_of

from core.config import SafetyConfig
from core.messages.commands import FlattenAll
from core.messages.effects import FillRow, Journal, TradeRow
from core.messages.events import Connected, Fills, Subscribed
from core.messages.recovered import Recovered
from core.model.cloid import CloidMaker
from core.model.position import ExitReason, Fill, FillKey

D = Decimal
EARLIER = NOW - 60_000
OURS, THEIRS = CloidMaker(1).next(), "0x" + "f" * 32
SIZE, PX, EXIT_PX = D("0.2"), D(200), D(199)
ENTRY_FEE, EXIT_FEE = SIZE * PX * TAKER, SIZE * EXIT_PX * TAKER
LOSS = SIZE * (EXIT_PX - PX) - ENTRY_FEE - EXIT_FEE


def restarted(*seen: FillKey, since_ms: int | None = EARLIER) -> Rig:
    recovered = Recovered(run_id=2, seen_fills=frozenset(seen), unclean=True, journal_since_ms=since_ms)
    return Rig(recovered=recovered, ready=False)


def trade(rig: Rig, cloid: str, *, closed: bool = True) -> list[Fill]:
    fills = [rig.venue.execute(SNDK, BUY, SIZE, PX, NOW - 5_000, 1, cloid)]
    if closed:
        fills.append(rig.venue.execute(SNDK, SELL, SIZE, EXIT_PX, NOW - 3_000, 2, cloid))
    return fills


def trade_rows(rig: Rig) -> list[TradeRow]:
    return [e.row for _, e in rig.log if isinstance(e, Journal) and isinstance(e.row, TradeRow)]


def test_the_loss_of_a_trade_that_closed_while_away_counts() -> None:
    probe = restarted()
    entry = trade(probe, OURS)[0]
    rig = restarted(entry.key)
    trade(rig, OURS)
    rig.ready()
    (row,) = trade_rows(rig)
    assert (row.trade.exit_reason, row.trade.net_pnl_usd) == (ExitReason.AWAY, LOSS)
    counters = rig.m.risk.counters
    assert (counters.cumulative_pnl_usd, counters.consecutive_losses) == (LOSS, 1)
    assert counters.trades_today == 0, "the run that saw the entry has counted it"
    assert rig.m.tally.realized == LOSS + ENTRY_FEE, "the entry's fee is the earlier run's"
    assert any("while no program was running" in e.text for e in rig.snapshot().audit)


def test_a_trade_that_nobody_saw_at_all_counts_whole() -> None:
    rig = restarted()
    trade(rig, OURS)
    rig.ready()
    counters = rig.m.risk.counters
    assert (counters.cumulative_pnl_usd, counters.trades_today) == (LOSS, 1)
    assert rig.m.tally.realized == LOSS


def test_a_trade_that_was_seen_to_its_end_is_not_counted_again() -> None:
    probe = restarted()
    rig = restarted(*(f.key for f in trade(probe, OURS)))
    trade(rig, OURS)
    rig.ready()
    assert rig.m.risk.counters.cumulative_pnl_usd == 0
    assert not trade_rows(rig)


def test_the_first_run_of_a_journal_finds_only_history() -> None:
    rig = restarted(since_ms=None)
    fills = trade(rig, OURS)
    rig.ready()
    assert rig.m.risk.counters.cumulative_pnl_usd == rig.m.tally.realized == 0
    kept = [e.row.fill for _, e in rig.log if isinstance(e, Journal) and isinstance(e.row, FillRow)]
    assert kept == fills, "but it is in the journal from now on"


def test_what_is_older_than_the_journal_is_history() -> None:
    rig = restarted(since_ms=NOW - 1_000)
    trade(rig, OURS)
    rig.ready()
    assert rig.m.risk.counters.cumulative_pnl_usd == 0


def test_trades_of_other_means_are_not_ours_to_count() -> None:
    rig = restarted()
    trade(rig, THEIRS)
    rig.ready()
    assert rig.m.risk.counters.cumulative_pnl_usd == 0
    assert not trade_rows(rig)


def test_a_position_still_open_is_taken_over_and_counts_when_it_closes() -> None:
    rig = restarted()
    trade(rig, OURS, closed=False)
    rig.ready()
    assert rig.m.risk.counters.trades_today == 1
    assert rig.m.tally.fees == ENTRY_FEE
    rig.advance(26_000)
    rig.fill_post(rig.posts[-1], px=EXIT_PX)
    assert rig.m.risk.counters.cumulative_pnl_usd == LOSS


def test_a_position_that_is_read_before_its_fills_come_has_its_entry_fee_all_the_same() -> None:
    """The snapshot of the fills was late, the position was taken over without it, and the entry's fee was in no PnL."""
    rig = restarted()
    trade(rig, OURS, closed=False)
    rig.handle(Connected(1))
    rig.handle(Subscribed("orderUpdates", ACCOUNT))
    rig.advance(7_000)
    assert rig.position() is not None, "taken over without a fill"
    rig.handle(Fills(tuple(rig.venue.fills), is_snapshot=True))
    rig.advance(3_000)
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(200)
    rig.fill_post(rig.posts[-1], px=EXIT_PX)
    assert rig.m.risk.counters.cumulative_pnl_usd == LOSS


def test_a_position_that_is_closed_before_its_fills_come_is_booked_whole_when_they_do() -> None:
    rig = restarted()
    trade(rig, OURS, closed=False)
    rig.handle(Connected(1))
    rig.handle(Subscribed("orderUpdates", ACCOUNT))
    rig.advance(7_000)
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(200)
    rig.fill_post(rig.posts[-1], px=EXIT_PX)
    assert rig.m.risk.counters.cumulative_pnl_usd == LOSS + ENTRY_FEE, "all that is known so far"
    rig.handle(Fills(tuple(rig.venue.fills), is_snapshot=True))
    counters = rig.m.risk.counters
    assert (counters.cumulative_pnl_usd, counters.trades_total) == (LOSS, 1)
    rig.handle(Fills(tuple(rig.venue.fills), is_snapshot=True))
    assert rig.m.risk.counters == counters, "and once"


def test_an_entry_fee_that_breaks_the_limit_when_it_comes_to_be_known_stops_everything() -> None:
    limit = -(LOSS + ENTRY_FEE) + ENTRY_FEE / 2
    config = make_config(safety=SafetyConfig(auto_stop_loss_usd=limit))
    recovered = Recovered(run_id=2, unclean=True, journal_since_ms=EARLIER)
    rig = Rig(config, recovered=recovered, ready=False)
    trade(rig, OURS, closed=False)
    rig.handle(Connected(1))
    rig.handle(Subscribed("orderUpdates", ACCOUNT))
    rig.advance(7_000)
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(200)
    rig.fill_post(rig.posts[-1], px=EXIT_PX)
    assert not rig.m.latch.tripped
    rig.handle(Fills(tuple(rig.venue.fills), is_snapshot=True))
    assert "cumulative loss" in rig.m.latch.reason


# --- the story of what an earlier run opened ----------------------------------------------------------------------------------


def knowing() -> Rig:
    recovered = Recovered(run_id=2, unclean=True, journal_since_ms=EARLIER, opened_by={OURS: "1-7"})
    return Rig(recovered=recovered, ready=False)


def test_the_exit_the_fills_and_the_trade_of_what_an_earlier_run_opened_keep_its_id() -> None:
    rig = knowing()
    trade(rig, OURS, closed=False)
    rig.ready()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(500)
    (post,) = rig.posts
    exit_order = order_of(post)
    assert rig.m.orders.get(exit_order.cloid).correlation_id == "1-7"  # type: ignore[union-attr]
    rig.fill_post(post)
    (row,) = trade_rows(rig)
    assert row.trade.trade_id == "1-7"
    fills = [e.row for _, e in rig.log if isinstance(e, Journal) and isinstance(e.row, FillRow)]
    assert [r.correlation_id for r in fills] == ["1-7", "1-7"]


def test_a_trade_that_ended_while_nobody_looked_keeps_its_id_too() -> None:
    rig = knowing()
    trade(rig, OURS)
    rig.ready()
    (row,) = trade_rows(rig)
    assert (row.trade.trade_id, row.trade.exit_reason) == ("1-7", ExitReason.AWAY)


def test_what_somebody_else_opened_has_no_story() -> None:
    rig = knowing()
    trade(rig, THEIRS, closed=False)
    rig.ready()
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(500)
    assert rig.m.orders.get(order_of(rig.posts[0]).cloid).correlation_id == ""  # type: ignore[union-attr]
