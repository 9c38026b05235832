"""Alerts: what did not arrive comes first, and what a target is called is all that is told of it."""

from __future__ import annotations

import snapshots_for_tests as made
from console_desk import desk
from snapshots_for_tests import T0
from test_panes import shown

from core.messages.alerts import AlertTarget, TargetState
from hip3_tui.panes.alerts import AlertsPane

TARGETS = (
    AlertTarget("ntfy", TargetState.OK, delivered=12),
    AlertTarget("mail", TargetState.STARTING),
    AlertTarget("slack", TargetState.RETRYING, 3, given_up=1, waiting=2, last_error="503", last_error_ms=T0 - 4_000),
)


def test_the_worst_comes_first_with_its_reason() -> None:
    lines = shown(AlertsPane(), made.snapshot(alerts=TARGETS), 70, 5).splitlines()
    assert lines[0] == " retrying   slack  3 delivered  2 waiting  1 GIVEN UP  4.0s ago: 503"
    assert lines[1] == "ok  ntfy  12 delivered"


def test_what_finds_no_room_is_counted() -> None:
    lines = shown(AlertsPane(), made.snapshot(alerts=TARGETS), 70, 2).splitlines()
    assert "slack" in lines[0]
    assert lines[1] == "+2 more, none of them worse"
    assert "waiting" in shown(AlertsPane(), None, 70, 2)


async def test_it_has_a_place_only_where_there_is_room_and_something_to_tell() -> None:
    async with desk(made.snapshot(alerts=TARGETS), (200, 60)) as it:
        assert "── Alerts 3 targets" in it.text()
        assert "slack" in it.text()
        await it.see(made.snapshot())
        assert "── Alerts" not in it.text()
    async with desk(made.snapshot(alerts=TARGETS), (120, 40)) as it:
        assert "alerts: 1 of 3 not delivered" in it.flowing()
