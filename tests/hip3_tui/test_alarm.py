"""The banner when the engine says nothing, or has not been told what is open."""

from __future__ import annotations

import snapshots_for_tests as made
from msgspec.structs import replace

from hip3_tui.panes.alarm import alarm_lines
from hip3_tui.panes.picture import Picture, Window

T0 = made.T0


def banner(picture: Picture) -> str:
    return " ".join(" ".join("".join(words for words, _ in line) for line in alarm_lines(picture, 120)).split())


def test_an_engine_that_says_nothing_for_long_hangs_and_the_way_out_is_named() -> None:
    snapshot = made.snapshot()
    assert "HANGS" not in banner(Picture(snapshot, T0 + 4_500))
    assert "OLD PICTURE" in banner(Picture(snapshot, T0 + 4_500))
    text = banner(Picture(snapshot, T0 + 5_500))
    assert "ENGINE HANGS no key works and no time stop fires" in text
    assert "`hip3-tui stop` in another terminal" in text
    assert text.index("ENGINE HANGS") < text.index("OLD PICTURE")


def test_a_window_beside_it_cannot_tell_and_says_nothing_of_the_kind() -> None:
    assert "HANGS" not in banner(Picture(made.snapshot(), T0 + 60_000, window=Window(may_brake=False, note="")))


def test_a_latched_start_does_not_say_flat_before_the_exchange_did() -> None:
    stopped = made.hard_stopped()
    nothing = replace(stopped, hard_stop=replace(stopped.hard_stop, orders_left=0, positions_left=0))
    assert "nothing is left open" in banner(Picture(nothing, T0))
    unread = replace(nothing, ready=replace(nothing.ready, position_synced=False))
    assert "nothing is left open" not in banner(Picture(unread, T0))
    assert "what is open is not known: the exchange has not said yet" in banner(Picture(unread, T0))
