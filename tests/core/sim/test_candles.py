"""Candles: what trades make of an interval, quiet ones, long ones, and the months."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.sim.candles import INTERVALS, MOST_CANDLES, Candles, end_of

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
T0 = 1_790_000_000_000 // DAY * DAY


def candles(*trades):
    found = Candles()
    for at_ms, px in trades:
        found.add("BTC", Decimal(px), Decimal("0.5"), T0 + at_ms)
    return found


def rows(found, interval="1m", start_ms=0, end_ms=10**15, now_ms=0):
    return [
        (c.start_ms - T0, *map(int, (c.open, c.high, c.low, c.close)), c.volume, c.trades)
        for c in found.read("BTC", interval, start_ms, end_ms, T0 + now_ms)
    ]


def test_a_minute_opens_closes_and_has_its_extremes():
    found = candles((0, 10), (1_000, 14), (59_000, 9), (59_999, 11), (60_000, 20))
    assert rows(found, now_ms=60_000) == [
        (0, 10, 14, 9, 11, Decimal("2.0"), 4),
        (MINUTE, 20, 20, 20, 20, Decimal("0.5"), 1),
    ]


def test_quiet_minutes_lie_flat_at_the_last_price_but_nothing_is_before_the_first():
    found = candles((MINUTE, 10), (4 * MINUTE, 12))
    assert [(r[0] // MINUTE, r[4], r[6]) for r in rows(found, now_ms=5 * MINUTE)] == [
        (1, 10, 1),
        (2, 10, 0),
        (3, 10, 0),
        (4, 12, 1),
        (5, 12, 0),
    ]
    assert rows(Candles()) == []
    assert Candles().latest("BTC", "1m", T0) is None


def test_a_span_takes_every_candle_that_it_touches():
    found = candles((0, 10), (MINUTE, 11), (2 * MINUTE, 12))
    assert [r[0] for r in rows(found, start_ms=T0 + MINUTE - 1, end_ms=T0 + MINUTE, now_ms=2 * MINUTE)] == [0, MINUTE]
    assert rows(found, start_ms=T0 + 3 * MINUTE, now_ms=2 * MINUTE) == []
    assert rows(found, end_ms=T0 - 1, now_ms=2 * MINUTE) == []


def test_long_intervals_are_put_together():
    found = candles((0, 10), (30 * MINUTE, 20), (HOUR, 5), (26 * HOUR, 7))
    assert [r[:5] for r in rows(found, "1d", now_ms=26 * HOUR)] == [(0, 10, 20, 5, 5), (DAY, 7, 7, 7, 7)]
    assert [r[0] // HOUR for r in rows(found, "12h", now_ms=26 * HOUR)] == [0, 12, 24]
    assert rows(found, "15m", now_ms=HOUR)[-1][:2] == (HOUR, 5)


def test_months_differ_in_length():
    found = Candles()
    for month, day in ((1, 31), (3, 1)):
        at_ms = int(datetime(2026, month, day, tzinfo=UTC).timestamp()) * 1000
        found.add("BTC", Decimal(month), Decimal(1), at_ms)
    months = found.read("BTC", "1M", 0, 10**15, at_ms)
    begun = [datetime.fromtimestamp(c.start_ms / 1000, UTC).strftime("%Y-%m-%d") for c in months]
    assert begun == ["2026-01-01", "2026-02-01", "2026-03-01"]
    assert (end_of(months[1], "1M") + 1 - months[1].start_ms) // DAY == 28


@pytest.mark.parametrize("interval", INTERVALS)
def test_the_candle_of_this_moment_is_the_last_one_of_the_span(interval):
    found = candles((0, 10), (30_000, 11), (7 * HOUR, 12), (7 * HOUR + 10, 13))
    for now_ms in (7 * HOUR + 20, 9 * HOUR, 40 * DAY):
        read = found.read("BTC", interval, T0 + now_ms, T0 + now_ms, T0 + now_ms)
        assert found.latest("BTC", interval, T0 + now_ms) == read[-1]


def test_only_so_many_are_kept_and_shown():
    found = Candles()
    tracemalloc.start()
    for i in range(3 * MOST_CANDLES):
        found.add("BTC", Decimal(10), Decimal(1), T0 + i * MINUTE)
        if i == MOST_CANDLES:
            full, _ = tracemalloc.get_traced_memory()
    end, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(rows(found, now_ms=i * MINUTE)) == MOST_CANDLES
    assert end < full * 1.2
