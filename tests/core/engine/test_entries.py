"""From a dislocation to a queued order; one dislocation is one episode."""

from __future__ import annotations

from engine_rig import BTC, NVDA, SELL, SNDK, D, Rig, make_config, order_of
from msgspec.structs import replace

from core.config import ExecutionConfig, MarketConfig, SafetyConfig
from core.messages.effects import OrderRow, SignalRow
from core.messages.events import Bbo
from core.model.order import OrderStatus, TimeInForce


def hold_dislocated(rig: Rig, times: int) -> None:
    """The oracle stays away; the touch comes again and again."""
    for _ in range(times):
        rig.handle(rig.ctx(SNDK, D("201")))
        rig.handle(rig.venue.bbo(SNDK, rig.now))


def test_an_entry_is_an_ioc_at_the_rounded_reach_with_its_signal_journaled() -> None:
    rig = Rig()
    order = order_of(rig.enter())
    assert (order.tif, order.reduce_only, order.price, order.size) == (TimeInForce.IOC, False, D("200.07"), D("0.249"))
    (row,) = rig.rows(SignalRow)
    assert (row.verdict, row.signal.signal_id) == ("accepted", "s1-1")
    assert row.signal.edge_bps > row.signal.expected_edge_bps
    (queued, *_) = [r for r in rig.rows(OrderRow) if r.cloid == order.cloid]
    assert queued.correlation_id == "s1-1"


def test_a_refused_dislocation_is_counted_once_however_often_it_is_seen() -> None:
    rig = Rig(make_config(safety=SafetyConfig(allowed_markets=("BTC",))))
    hold_dislocated(rig, 20)
    tally = rig.snapshot().tally
    assert tally.signals == 1
    assert tally.denied == (("market not allowed", 1),)
    assert len(rig.rows(SignalRow)) == 1
    rig.quote(SNDK)
    hold_dislocated(rig, 1)
    assert rig.snapshot().tally.signals == 2, "it went away and came back: another one"


def test_a_dislocation_to_the_other_side_is_another_one() -> None:
    rig = Rig(make_config(safety=SafetyConfig(allowed_markets=("BTC",))))
    rig.handle(rig.ctx(SNDK, D(201)))
    rig.handle(rig.ctx(SNDK, D(199)))
    assert rig.snapshot().tally.signals == 2
    assert {r.signal.side for r in rig.rows(SignalRow)} >= {SELL}


def test_no_second_entry_while_one_is_on_its_way() -> None:
    rig = Rig(make_config(execution=ExecutionConfig(max_notional_per_market=D(25))))
    rig.enter()
    hold_dislocated(rig, 5)
    rig.advance(300)
    assert len(rig.posts) == 1


def test_no_entry_beside_a_position_even_with_room_for_it() -> None:
    """The order of the gates lets room decide first; with room left the position itself refuses."""
    rig = Rig()
    post = rig.enter()
    part = rig.execute(order_of(post), size=D("0.05"))
    rig.reply_filled(post, part)
    rig.show(part)
    bid, ask = rig.venue.quotes[SNDK]
    rig.handle(Bbo(SNDK, rig.now, bid, D(2), ask, D(2)))  # 5 % of 2 is $20: there is room for that
    rig.handle(rig.ctx(SNDK, D(201)))
    assert rig.market(SNDK).last_denial == "has position"


def test_threshold_of_one_market() -> None:
    rig = Rig(replace(make_config(), markets=(MarketConfig("xyz:SNDK"), MarketConfig("BTC", threshold_bps=D(60)))))
    assert rig.market(SNDK).threshold_bps == D("16.5")
    assert rig.market(BTC).threshold_bps == D("66.5")
    assert rig.dislocate(BTC, 50) is None
    assert rig.dislocate(BTC, 70) is not None


def test_a_full_inflight_denies_the_entry_and_registers_nothing() -> None:
    rig = Rig(make_config(execution=ExecutionConfig(inflight_limit=1, inflight_high_watermark=1)))
    rig.enter(SNDK)
    rig.advance(100)
    assert rig.dislocate(NVDA) is None
    assert rig.market(NVDA).last_denial == "enqueue: inflight full"
    assert not rig.m.orders.is_busy(NVDA)


def test_a_dropped_entry_frees_its_market_and_says_why() -> None:
    rig = Rig()
    rig.enter(SNDK)
    rig.dislocate(NVDA)
    rig.disconnect()
    (dropped,) = [o for o in rig.snapshot().orders if o.market == NVDA]
    assert (dropped.status, dropped.reason) == (OrderStatus.CANCELED, "disconnected")
    assert not rig.m.orders.is_busy(NVDA)
