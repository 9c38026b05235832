"""What can be done with the chosen row, and that a row that is gone offers nothing."""

from decimal import Decimal as D

import pytest
import snapshots_for_tests as made
from snapshots_for_tests import SELL, T0

from core.messages.commands import CancelExternal, CancelOrder, FlattenMarket
from core.messages.snapshot import Snapshot
from core.model.market import MarketKey
from core.model.order import OrderStatus
from hip3_tui.chosen_row import (
    chosen_row,
    close_row,
    close_row_preview,
    close_row_title,
    ids_of,
    row_closed_not,
    row_deed,
)
from hip3_tui.panes.fills import key_of
from hip3_tui.panes.orders import order_key
from hip3_tui.panes.picture import Picture, Selected


def picture(snapshot: Snapshot | None, list: str = "", key: str = "", entry: object = None) -> Picture:
    selected = Selected(list, key, entry) if list else None  # type: ignore[arg-type]
    return Picture(snapshot, T0, selected=selected)


def test_nothing_chosen_nothing_done() -> None:
    for it in (picture(None), picture(made.snapshot()), picture(made.snapshot(), "signals", "x")):
        assert chosen_row(it) is None
        assert row_deed(it) == ""
        assert "Choose a position or an order first" in row_closed_not(it)


def test_a_position_is_flattened_alone() -> None:
    it = picture(made.snapshot(positions=(made.position(), made.position("SOL"))), "positions", "SOL")
    assert row_deed(it) == "flatten it"
    assert close_row_title(it) == "Flatten SOL"
    assert close_row(it, "c-1", "ada") == FlattenMarket(command_id="c-1", who="ada", market=MarketKey("", "SOL"))
    (sending,) = close_row_preview(it)
    assert sending.words == "SELL 0.012 SOL down to 1,223.7 ($14.83)"


def test_an_order_is_cancelled_alone_an_exit_too() -> None:
    for changes in ({}, {"purpose": "exit", "reduce_only": True}):
        order = made.order(7, side=SELL, filled=D("0.002"), **changes)
        it = picture(made.snapshot(orders=(order,)), "orders", order_key(order))
        assert row_deed(it) == "cancel it"
        assert close_row_title(it) == "Cancel order 000007 on xyz:SNDK"
        assert close_row(it, "c-1", "ada") == CancelOrder(command_id="c-1", who="ada", cloid=order.cloid)
        (sending,) = close_row_preview(it)
        assert sending.words == "CANCEL SELL 0.01 xyz:SNDK at 1,235.2 ($12.35)"


def test_an_external_order_is_cancelled_by_its_client_id_or_else_by_the_exchange_s() -> None:
    named = made.order(7, is_external=True)
    it = picture(made.snapshot(orders=(named,)), "orders", order_key(named))
    assert close_row_title(it) == "Cancel EXTERNAL order 000007 on xyz:SNDK"
    assert close_row(it, "c-1", "ada") == CancelOrder(command_id="c-1", who="ada", cloid=named.cloid)
    nameless = made.order(7, cloid=None, oid=41, is_external=True)
    it = picture(made.snapshot(orders=(nameless,)), "orders", order_key(nameless))
    assert row_deed(it) == "cancel it"
    assert close_row_title(it) == "Cancel EXTERNAL order oid 41 on xyz:SNDK"
    assert close_row(it, "c-1", "ada") == CancelExternal(command_id="c-1", who="ada", oid=41)
    (sending,) = close_row_preview(it)
    assert sending.words == "CANCEL BUY 0.012 xyz:SNDK at 1,235.2 ($14.82)"
    assert sending.note == "EXTERNAL in flight"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": OrderStatus.FILLED, "is_settled": True}, "This order is over: filled."),
        ({"status": OrderStatus.CANCELED}, "This order is over: canceled."),
        ({"cloid": None, "oid": None, "is_external": True}, "has no id yet"),
    ],
)
def test_an_order_that_cannot_be_cancelled_says_why(changes: dict[str, object], why: str) -> None:
    order = made.order(7, **changes)
    it = picture(made.snapshot(orders=(order,)), "orders", order_key(order))
    assert row_deed(it) == ""
    assert why in row_closed_not(it)


def test_an_unknown_order_can_be_cancelled() -> None:
    order = made.order(7, status=OrderStatus.UNKNOWN)
    assert row_deed(picture(made.snapshot(orders=(order,)), "orders", order_key(order))) == "cancel it"


def test_a_row_that_is_gone_offers_nothing() -> None:
    for list, key in (("positions", "SOL"), ("orders", "0xdead"), ("markets", "xyz:NO"), ("fills", "fill 1")):
        it = picture(made.snapshot(), list, key)
        assert chosen_row(it) is None
        assert row_deed(it) == ""


def test_what_is_only_read_offers_nothing_and_says_so() -> None:
    snapshot = made.snapshot()
    for list, key in (("markets", "BTC"), ("fills", key_of(snapshot.fills[0])), ("fills", key_of(snapshot.trades[0]))):
        it = picture(snapshot, list, key)
        assert chosen_row(it) is not None
        assert "Only a position can be flattened" in row_closed_not(it)


def test_ids_begin_with_the_one_that_tells_most() -> None:
    order = made.order(7)
    assert ids_of(order) == [("cloid", order.cloid), ("oid", "81234500007")]
    assert ids_of(made.order(7, cloid=None)) == [("oid", "81234500007")]
    assert ids_of(made.position()) == [("market", "xyz:SNDK")]
    assert ids_of(made.market("BTC", "88123")) == [("market", "BTC"), ("asset id", "7")]
    assert ids_of(made.fill(1)) == [("tid", "900001"), ("oid", "81234500001")]
    assert ids_of(made.trade(1)) == [("trade id", "s-1")]
    assert ids_of(made.trail()[3]) == [("correlation id", "s-7"), ("line", "4")]
    assert ids_of(made.trail()[6]) == [("command id", "c-1"), ("line", "7")]
    assert chosen_row(picture(made.snapshot(), "audit", "4", made.trail()[3])) == made.trail()[3]
