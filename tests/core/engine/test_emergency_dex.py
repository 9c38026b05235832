"""One dex: when it is read, what is news, and that nothing but two empty answers, far enough apart, is flat."""

from __future__ import annotations

from decimal import Decimal as D

from core.engine.emergency_dex import AGREE_AFTER_MS, NEVER, Dex, Kind, Read, counted, dex_name
from core.messages.events import OrderReport, VenuePosition
from core.model.market import MarketKey, MarketSpec
from core.model.order import OrderSide, OrderStatus

SNDK = MarketKey("xyz", "SNDK")
SPECS = {SNDK: MarketSpec(SNDK, 110_016, 16, 3, 10)}
HELD = (VenuePosition(SNDK, D("0.05"), D(1700), D(85), D(0)),)
OURS = "0x68697033" + "0" * 24
LOOK = [Read(Kind.POSITIONS, "xyz"), Read(Kind.ORDERS, "xyz")]


def resting(oid: int, cloid: str | None = None) -> OrderReport:
    return OrderReport(SNDK, oid, cloid, OrderSide.BUY, D(1), D(1), D(1), False, OrderStatus.OPEN, "open", 1, 1)


def looked(
    dex: Dex, now_ms: int, positions: tuple[VenuePosition, ...] = (), orders: tuple[OrderReport, ...] = ()
) -> str:
    """Both questions asked and answered at that time; what it said."""
    assert [r for r in dex.reads_due(now_ms) if r in LOOK] == LOOK
    return dex.on_positions(positions, now_ms) + dex.on_orders(orders, now_ms)


def test_flat_is_said_twice() -> None:
    dex = Dex("xyz")
    assert looked(dex, 100) == ""
    assert dex.empty_since_ms == 100
    assert dex.confirmed_ms is None
    assert dex.reads_due(100 + AGREE_AFTER_MS - 1) == []
    assert dex.next_due_ms(150) == 100 + AGREE_AFTER_MS, "not before: nobody is kept awake by what nobody waits for"
    assert "said twice" in looked(dex, 100 + AGREE_AFTER_MS)
    assert dex.confirmed_ms == 100 + AGREE_AFTER_MS
    assert dex.reads_due(NEVER - 1) == [], "once confirmed it is left alone"


def test_something_in_the_second_answer_begins_anew() -> None:
    dex = Dex("xyz")
    looked(dex, 100)
    assert "1 positions (xyz:SNDK +0.05)" in looked(dex, 2_100, HELD)
    assert (dex.empty_since_ms, dex.confirmed_ms) == (None, None)


def test_a_failed_read_is_no_empty_one() -> None:
    dex = Dex("xyz")
    looked(dex, 100)
    dex.reads_due(2_100)
    dex.on_positions((), 2_100)
    dex.on_failed(Kind.ORDERS, "HTTP 502", 2_100)
    assert (dex.empty_since_ms, dex.confirmed_ms) == (None, None)
    assert dex.trouble == "open orders: HTTP 502"
    assert dex.reads_due(2_101) == []
    assert dex.reads_due(2_500) == [LOOK[1]], "asked again a little later"
    dex.on_orders((), 2_500)
    assert dex.trouble == ""
    assert dex.empty_since_ms == 2_500
    assert dex.confirmed_ms is None


def test_failures_wait_longer_each_time_up_to_two_seconds() -> None:
    dex = Dex("xyz")
    assert LOOK[0] in dex.reads_due(0)
    now_ms, waits = 0, []
    for _ in range(6):
        dex.on_failed(Kind.POSITIONS, "down", now_ms)
        failed_ms = now_ms
        while LOOK[0] not in dex.reads_due(now_ms):
            now_ms += 10
        waits.append(now_ms - failed_ms)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (250, 2_000)


def test_markets_and_prices_are_asked_for_when_something_is_open() -> None:
    dex = Dex("xyz")
    looked(dex, 100, HELD)
    assert dex.reads_due(101) == [Read(Kind.SPECS, "xyz"), Read(Kind.MIDS, "xyz")]
    assert not dex.can_close
    dex.on_specs(SPECS, 200)
    assert not dex.can_close, "prices are on the way"
    dex.on_mids({SNDK: D(1700)}, 200)
    assert dex.can_close
    assert not dex.can_cancel


def test_without_prices_it_closes_by_the_mark() -> None:
    dex = Dex("xyz")
    looked(dex, 100, HELD)
    dex.reads_due(101)
    dex.on_specs(SPECS, 200)
    dex.on_failed(Kind.MIDS, "HTTP 500", 200)
    assert dex.can_close
    assert dex.mids == {}


def test_while_markets_are_not_known_looking_goes_on() -> None:
    dex = Dex("xyz")
    looked(dex, 100, HELD)
    dex.reads_due(101)
    dex.on_failed(Kind.SPECS, "HTTP 502", 200)
    assert Read(Kind.SPECS, "xyz") in dex.reads_due(3_000)
    dex.on_failed(Kind.SPECS, "HTTP 502", 3_000)
    assert dex.on_positions((), 3_000) == ""
    assert dex.on_orders((), 3_000) != "", "somebody else closed it"


def test_what_was_read_before_the_last_send_is_no_news() -> None:
    dex = Dex("xyz")
    looked(dex, 100, HELD)
    dex.on_specs(SPECS, 100)
    dex.to_close, dex.sending = False, 1
    assert dex.reads_due(150) == [], "not while an action is on its way"
    dex.sending = 0
    dex.on_acted(300)
    assert dex.reads_due(400) == LOOK
    dex.on_positions((), 450)
    assert "asking again" in dex.on_orders((), 460)
    assert dex.empty_since_ms == 460


def test_orders_are_looked_at_less_often_while_a_position_resists_and_at_once_when_it_is_gone() -> None:
    dex = Dex("xyz")
    dex.on_specs(SPECS, 0)
    now_ms, asked = 100, []
    looked(dex, now_ms, HELD)
    for _ in range(8):
        dex.to_close = False
        dex.on_acted(now_ms)
        now_ms += 2_000
        due = [r for r in dex.reads_due(now_ms) if r in LOOK]
        asked += due
        if LOOK[1] in due:
            dex.on_orders((), now_ms)
        dex.on_positions(HELD, now_ms)
    assert asked.count(LOOK[0]) == 8
    assert asked.count(LOOK[1]) <= 3
    dex.to_close = False
    dex.on_acted(now_ms)
    assert dex.reads_due(now_ms + 2_000) == LOOK[:1]
    dex.on_positions((), now_ms + 2_000)
    assert dex.empty_since_ms is None, "orders were not looked at since"
    assert dex.reads_due(now_ms + 2_000) == LOOK[1:]


def test_the_same_is_not_told_twice() -> None:
    dex = Dex("xyz")
    assert "1 orders (1 of them EXTERNAL)" in looked(dex, 100, orders=(resting(1),))
    dex.to_cancel = False
    dex.on_acted(100)
    assert looked(dex, 300, orders=(resting(1),)) == ""


def test_counting() -> None:
    assert counted((resting(1, OURS), resting(2, OURS))) == "2 orders"
    assert counted((resting(1, OURS), resting(2, "0x" + "1" * 32))) == "2 orders (1 of them EXTERNAL)"
    assert dex_name("") == "main dex"
