"""What is under way, in the banner's words: for how long, how far, and what one may do."""

from __future__ import annotations

import pytest
import snapshots_for_tests as made
from msgspec.structs import replace
from snapshots_for_tests import T0

from core.messages.snapshot import ConnectionPhase, ReadyView, Snapshot
from hip3_tui.panes.alarm import alarm_lines
from hip3_tui.panes.picture import Picture, Window
from hip3_tui.panes.progress import SHOWN_AFTER_MS, progress


def at(phase: ConnectionPhase, since: int = 4_000, *, epoch: int = 1, reason: str = "", **changes: object) -> Picture:
    link = made.connection(phase=phase, since_ms=T0 - since, epoch=epoch, reason=reason)
    return Picture(made.snapshot(connection=link, **changes), T0)


def words(picture: Picture) -> str:
    return " | ".join(f"{plate} {text}".strip() for plate, text, _ in progress(picture))


def test_nothing_while_all_is_well() -> None:
    assert progress(at(ConnectionPhase.LIVE)) == []
    assert progress(Picture(None, T0)) == []


@pytest.mark.parametrize("phase", [p for p in ConnectionPhase if p is not ConnectionPhase.LIVE])
def test_what_is_over_in_a_moment_moves_no_screen(phase: ConnectionPhase) -> None:
    assert progress(at(phase, SHOWN_AFTER_MS - 1)) == []
    assert progress(at(phase, SHOWN_AFTER_MS)) != []


def test_connecting_says_where_to_and_for_how_long() -> None:
    text = words(at(ConnectionPhase.CONNECTING))
    assert text.startswith("CONNECTING to ws://127.0.0.1:40123/ws for 4.0s")
    assert "X latches the hard stop now" in text
    assert "Q leaves" in text


def test_reconnecting_says_what_was_open() -> None:
    text = words(at(ConnectionPhase.RECONNECTING, 12_000, epoch=3, reason="no pong for 10 s"))
    assert "RECONNECTING connection 3 was lost 12s ago: no pong for 10 s" in text
    assert "1 position ($14.83) and 1 order were open" in text
    flat = replace(made.flat(), connection=made.connection(phase=ConnectionPhase.RECONNECTING, since_ms=T0 - 5_000))
    assert "Nothing was open when it went." in words(Picture(flat, T0))


def test_resyncing_counts_what_has_been_read() -> None:
    ready = ReadyView(False, True, False, True, ("market data", "fills"))
    text = words(at(ConnectionPhase.SYNCING, epoch=2, ready=ready))
    assert (
        "RESYNCING connected; 2 of 4 read (… data of 6 of 7 markets, ✓ orders, … fills, ✓ positions) after 4.0s" in text
    )
    assert "SYNCING connected" in words(at(ConnectionPhase.SYNCING, epoch=1, ready=ready))


def test_a_window_has_no_keys_to_speak_of() -> None:
    picture = at(ConnectionPhase.CONNECTING)
    window = Picture(picture.snapshot, T0, window=Window(may_brake=False, note=""))
    assert "this window waits with the console" in words(window)
    assert "latches" not in words(window)


@pytest.mark.parametrize("change", ["dead", "finished"])
def test_what_has_ended_is_not_under_way(change: str) -> None:
    picture = at(ConnectionPhase.RECONNECTING)
    assert picture.snapshot is not None
    ended: Snapshot = replace(picture.snapshot, **({"engine_error": "x"} if change == "dead" else {"finished": True}))
    assert progress(Picture(ended, T0)) == []


def test_it_stands_below_the_alarms() -> None:
    stopped = made.hard_stopped(connection=made.connection(phase=ConnectionPhase.RECONNECTING, since_ms=T0 - 9_000))
    plates = [line[0][0].strip() for line in alarm_lines(Picture(stopped, T0), 120) if line[0][0].strip()]
    assert plates[0] == "HARD STOP"
    assert "RECONNECTING" in plates
