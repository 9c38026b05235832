"""The snapshot: serialisable, and every field says what is so."""

from __future__ import annotations

import msgspec
from engine_rig import BTC, BUY, NOW, NVDA, SNDK, D, Rig, foreign_order, make_config, make_run, order_of, report_of
from msgspec.structs import replace

from core.config import SafetyConfig
from core.messages.commands import FlattenAll, Shutdown, TripHardStop
from core.messages.events import OrderOutcome, Outcome
from core.messages.snapshot import LoopStats, Snapshot, TradingState
from core.model.market import MarketKey, MarketSpec
from core.model.order import OrderStatus


def busy_rig() -> Rig:
    """One of everything: a closed trade, a position being closed, an open order, a foreign one, a refused signal, a stop."""
    rig = Rig()
    rig.lose_trade(D("0.5"), BTC)
    rig.venue.open_orders = [foreign_order()]
    rig.advance(31_000)
    rig.open_position(SNDK)
    post = rig.enter(NVDA)
    rig.reply(post, OrderOutcome(Outcome.RESTING, 501))
    rig.venue.open_orders.append(report_of(order_of(post), OrderStatus.OPEN, 501))
    rig.dislocate(SNDK)
    rig.handle(TripHardStop(command_id="x"))
    rig.handle(Shutdown(command_id="q", reason="operator"))
    rig.advance(100)
    return rig


def test_a_full_snapshot_survives_the_wire() -> None:
    snapshot = busy_rig().snapshot()
    for encoded in (msgspec.msgpack.encode(snapshot), msgspec.json.encode(snapshot)):
        decode = msgspec.msgpack.decode if encoded[:1] != b"{" else msgspec.json.decode
        assert decode(encoded, type=Snapshot) == snapshot


def test_a_full_snapshot_has_one_of_everything() -> None:
    s = busy_rig().snapshot()
    assert s.positions
    assert s.trades
    assert len(s.fills) == 3
    assert {o.status for o in s.orders} >= {OrderStatus.OPEN, OrderStatus.FILLED}
    assert any(o.is_external for o in s.orders)
    assert s.hard_stop.tripped
    assert s.shutdown is not None
    assert s.shutdown.deadline_ms - s.shutdown.since_ms == 15_000
    assert s.tally.denied
    assert s.tally.signals == 4
    assert s.tally.entries == 3
    assert s.pnl.trades == 1
    assert s.pnl.history == (s.trades[0].net_pnl_usd,) or len(s.pnl.history) == 1
    assert s.connection.order_latency_ms is not None
    assert [q.name for q in s.queues] == ["cancel", "reduce-only", "new"]
    assert [q.cap for q in s.queues] == [200, 500, 1000]


def test_snapshots_are_numbered_without_gaps_and_so_is_the_audit_trail() -> None:
    rig = busy_rig()
    first, second = rig.snapshot(), rig.snapshot()
    assert second.number == first.number + 1
    numbers = [e.number for e in second.audit]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_positions_countdown_and_worth() -> None:
    rig = Rig()
    opened = rig.open_position()
    rig.move(SNDK, 100)
    rig.advance(10_000)
    (p,) = rig.snapshot().positions
    assert p.time_stop_at_ms is not None
    assert p.time_stop_at_ms - rig.snapshot().at_ms == 30_000 - (rig.now - opened.entry_ms)
    assert p.mark_px is not None
    assert p.notional_usd == p.size * p.mark_px
    fees = (p.entry_px + p.mark_px) * p.size * D("0.00045")
    assert p.upnl_usd == (p.mark_px - p.entry_px) * p.size - fees
    assert rig.snapshot().pnl.unrealized_usd == (p.mark_px - p.entry_px) * p.size
    assert rig.snapshot().pnl.exposure_usd == p.notional_usd
    assert rig.snapshot().pnl.account_value_usd == 2_000


def test_a_position_without_a_price_has_no_worth_and_is_shown_all_the_same() -> None:
    """In a market that we do not watch, before its positions were read: what is unknown is not zero."""
    rig = Rig(ready=False)
    gold = MarketKey("xyz", "GOLD")
    rig.venue.specs[gold] = MarketSpec(gold, 110003, 3, 2, 20)
    rig.ready()
    rig.show(rig.venue.execute(gold, BUY, D("0.5"), D(100), rig.now, 5, None))
    (p,) = rig.snapshot().positions
    assert (p.market, p.size, p.is_external) == (gold, D("0.5"), True)
    assert (p.mark_px, p.notional_usd, p.upnl_usd) == (None, None, None)
    assert rig.snapshot().pnl.unrealized_usd == 0
    assert rig.snapshot().pnl.exposure_usd == 50, "against the limits it counts at its entry"


def test_a_closing_position_says_why_and_since_when() -> None:
    rig = Rig()
    rig.open_position()
    rig.handle(FlattenAll(command_id="f"))
    began = rig.now
    rig.advance(200)
    (p,) = rig.snapshot().positions
    assert (p.exit_reason, p.exit_attempts, p.exit_started_ms) == ("operator", 1, began)


def test_a_market_shows_edge_threshold_and_gate() -> None:
    rig = Rig()
    view = rig.market(SNDK)
    assert (view.asset_id, view.index) == (110016, 16)
    assert view.buy_edge_bps == (D(200) - D("200.02")) / 200 * 10_000
    assert view.sell_edge_bps == view.buy_edge_bps
    assert view.threshold_bps == D("16.5")
    assert view.spread_bps == 2
    assert view.gate == ""
    rig.enter(SNDK)
    assert rig.market(SNDK).gate == "pending order"


def test_edges_are_sampled_once_a_second() -> None:
    rig = Rig()
    rig.advance(5_000)
    assert 5 <= len(rig.market(SNDK).edge_history) <= 7


def test_inflight_and_its_history() -> None:
    rig = Rig()
    post = rig.enter()
    view = rig.snapshot().inflight
    assert (view.value, view.limit, view.high_watermark, view.maximum) == (1, 100, 80, 1)
    rig.fill_post(post)
    rig.advance(3_000)
    view = rig.snapshot().inflight
    assert (view.value, view.maximum) == (0, 1)
    assert max(view.history) == 1
    assert view.history[-1] == 0


def test_latency_is_from_sent_to_answered() -> None:
    rig = Rig()
    post = rig.enter()
    rig.now += 230
    rig.fill_post(post)
    connection = rig.snapshot().connection
    assert connection.order_latency_ms == connection.order_latency_p50_ms == connection.order_latency_max_ms == 230


def test_states_in_their_order_of_weight() -> None:
    rig = Rig(ready=False)
    assert (rig.snapshot().state, rig.snapshot().state_reason) == (TradingState.HALTED, "connecting")
    rig.connect()
    assert rig.snapshot().state is TradingState.REDUCING
    rig.ready()
    assert rig.snapshot().state is TradingState.ACTIVE
    rig.handle(TripHardStop(command_id="x"))
    assert rig.snapshot().state_reason == "hard stop: operator key (operator)"
    rig.disconnect("bye")
    assert (rig.snapshot().state, rig.snapshot().state_reason) == (TradingState.HALTED, "bye")


def test_an_observer_is_halted_whatever_else_is_true() -> None:
    rig = Rig(make_config(mode="observation"))
    assert rig.snapshot().ready.is_ready
    shown = rig.snapshot()
    assert (shown.state, shown.state_reason) == (TradingState.HALTED, "observation mode: nothing is sent")


def test_a_stop_and_a_checkpoint_are_no_trading() -> None:
    rig = Rig(make_config(safety=SafetyConfig(checkpoints=(1,))))
    rig.lose_trade(D("0.5"))
    shown = rig.snapshot()
    assert shown.state is TradingState.REDUCING
    assert "checkpoint 1" in shown.state_reason
    rig = Rig()
    rig.open_position()
    rig.sends = False
    rig.handle(Shutdown(command_id="q", reason="operator"))
    shown = rig.snapshot()
    assert shown.state is TradingState.REDUCING
    assert shown.state_reason.startswith("stopping: ")


def test_only_what_the_engine_will_close_has_a_countdown() -> None:
    """No time stop of a market that is not in the config, nor in a run by hand."""
    config = make_config()
    rig = Rig(config, run=replace(make_run(config), by_hand=True))
    rig.show(rig.venue.execute(SNDK, BUY, D("0.5"), D(200), rig.now, 5, None))
    (p,) = rig.snapshot().positions
    assert (p.time_stop_at_ms, p.is_external) == (None, False)
    rig = Rig(ready=False)
    gold = MarketKey("xyz", "GOLD")
    rig.venue.specs[gold] = MarketSpec(gold, 110003, 3, 2, 20)
    rig.ready()
    rig.show(rig.venue.execute(gold, BUY, D("0.5"), D(100), rig.now, 5, None))
    (p,) = rig.snapshot().positions
    assert (p.time_stop_at_ms, p.is_external) == (None, True)


def test_reading_changes_nothing() -> None:
    rig = busy_rig()
    a, b = rig.snapshot(), rig.snapshot()
    assert msgspec.structs.replace(a, number=b.number) == b


def test_loop_stats_are_passed_on() -> None:
    rig = Rig()
    stats = LoopStats(tick_late_p99_ms=1.5)
    assert rig.engine.snapshot(rig.now, stats).loop is stats
    assert rig.snapshot().run.started_ms == NOW
