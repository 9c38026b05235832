"""Trends: columns, their scale, and the place they get."""

from __future__ import annotations

from decimal import Decimal as D

import snapshots_for_tests as made
from console_desk import desk
from msgspec.structs import replace
from test_panes import shown

from hip3_tui.panes.trends import TrendsPane, chart


def test_the_highest_fills_its_column_and_the_lowest_still_shows() -> None:
    assert chart([0, 4, 8], 10, 2, low=0) == ["  █", "▁██"]
    assert chart([5, 5], 10, 2, low=5) == ["  ", "▁▁"]
    assert chart([], 10, 2, low=0) == ["", ""]
    assert chart([D(1), D(2), D(3)], 2, 1, low=1) == ["▄█"], "the newest that fit"


def test_both_trends_say_what_they_are_and_between_which_ends() -> None:
    snapshot = made.snapshot()
    link = replace(snapshot.connection, order_latency_ms=231, order_latency_history=(88, 231))
    pnl = replace(snapshot.pnl, realized_usd=D("-1.23"), history=(D("0.10"), D("-1.23")))
    words = shown(TrendsPane(), replace(snapshot, connection=link, pnl=pnl), 31, 13)
    assert "PnL -$1.23" in words
    assert "-$1.23 to $0.10" in words
    assert "answers 231ms" in words
    assert "88ms to 231ms" in words
    assert max(map(len, words.splitlines())) <= 31


def test_nothing_yet_is_said() -> None:
    snapshot = made.snapshot()
    quiet = replace(
        snapshot,
        connection=replace(snapshot.connection, order_latency_history=()),
        pnl=replace(snapshot.pnl, history=()),
    )
    words = shown(TrendsPane(), quiet, 31, 13)
    assert "no trade yet" in words
    assert "no answer yet" in words
    assert "waiting" in shown(TrendsPane(), None, 31, 13)


async def test_a_large_terminal_shows_them_and_a_smaller_one_does_not() -> None:
    async with desk(made.snapshot(), (200, 60)) as it:
        assert "── Trends" in it.text()
        await it.pilot.resize_terminal(120, 40)
        await it.until(lambda: "── Trends" not in it.text(), "the smaller layout")
