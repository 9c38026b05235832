"""TradingReadyChecker: four conditions, per dex where they are per dex."""

from __future__ import annotations

import pytest

from core.engine.readiness import TradingReadyChecker


def complete() -> TradingReadyChecker:
    checker = TradingReadyChecker(("xyz", ""))
    checker.md_missing = ()
    checker.on_subscribed("orderUpdates")
    checker.on_fills_snapshot()
    for dex in ("xyz", ""):
        checker.on_open_orders(dex)
        checker.on_positions(dex)
    for what in ("fees", "budget", "clock", "role"):
        checker.on_bootstrap(what)
    return checker


def test_all_four_are_ready() -> None:
    checker = complete()
    assert checker.is_ready
    assert checker.view().is_ready
    assert checker.view().missing == ()


def test_a_disconnect_takes_all_of_them() -> None:
    checker = complete()
    checker.reset()
    view = checker.view()
    assert not any((view.md_ready, view.order_snapshot, view.fills_snapshot, view.position_synced))
    assert not checker.dex_synced("xyz")


def test_each_dex_must_have_answered() -> None:
    checker = TradingReadyChecker(("xyz", ""))
    checker.on_subscribed("orderUpdates")
    checker.on_open_orders("xyz")
    checker.on_positions("xyz")
    assert not checker.order_snapshot
    assert checker.dex_synced("xyz")
    assert not checker.dex_synced("")
    missing = checker.view().missing
    assert "open orders of main dex" in missing
    assert "positions of main dex" in missing
    assert "fills snapshot" in missing


def test_l02_open_orders_without_the_ack_are_no_snapshot() -> None:
    checker = TradingReadyChecker(("xyz",))
    checker.on_open_orders("xyz")
    assert not checker.order_snapshot
    assert "orderUpdates ack" in checker.view().missing
    checker.on_subscribed("orderUpdates")
    assert checker.order_snapshot


@pytest.mark.parametrize("what", ["fees", "budget", "clock", "role"])
def test_positions_are_synced_only_with_fees_budget_and_clock(what: str) -> None:
    checker = TradingReadyChecker(("xyz",))
    checker.on_positions("xyz")
    for other in {"fees", "budget", "clock", "role"} - {what}:
        checker.on_bootstrap(other)
    assert not checker.position_synced
    assert f"reads outstanding: {what}" in checker.view().missing


def test_what_the_account_holds_is_known_whatever_the_clock_says() -> None:
    checker = TradingReadyChecker(("xyz",))
    checker.on_positions("xyz")
    assert not checker.account_read, "orders may rest"
    checker.on_subscribed("orderUpdates")
    checker.on_open_orders("xyz")
    assert checker.account_read
    assert not checker.position_synced
    assert checker.view().knows_what_is_open
    checker.stale_dexes = ("xyz",)
    assert not checker.account_read
    assert not checker.view().knows_positions


def test_market_data_can_fall_back_alone() -> None:
    checker = complete()
    checker.md_missing = ("bbo of BTC",)
    view = checker.view()
    assert not view.is_ready
    assert view.missing == ("bbo of BTC",)
    assert view.position_synced


def test_positions_that_were_not_read_for_long_are_not_known_any_more() -> None:
    checker = complete()
    checker.stale_dexes = ("xyz",)
    assert not checker.position_synced
    assert "positions of xyz" in checker.view().missing
    assert checker.dex_synced("xyz"), "exits go on"
    checker.stale_dexes = ()
    assert checker.is_ready
