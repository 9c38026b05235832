import snapshots_for_tests as made
from snapshots_for_tests import T0

from core.messages.effects import Severity
from hip3_tui.notices import ANSWER_WITHIN_MS, Notices
from hip3_tui.panes.picture import Picture


def test_a_hard_stop_is_told_once_and_with_a_bell() -> None:
    notices = Notices()
    assert notices.of(Picture(made.snapshot(), T0), T0) == []
    (told,) = notices.of(Picture(made.hard_stopped(), T0), T0)
    assert (told.title, told.text, told.bell) == ("HARD STOP", "6 losses in a row > 5", True)
    assert notices.of(Picture(made.hard_stopped(), T0), T0) == []


def test_a_second_trip_after_a_reset_is_told_again() -> None:
    notices = Notices()
    notices.of(Picture(made.hard_stopped(), T0), T0)
    notices.of(Picture(made.snapshot(), T0), T0)
    assert len(notices.of(Picture(made.hard_stopped(), T0), T0)) == 1


def test_a_dead_engine_is_told_once() -> None:
    notices = Notices()
    dead = Picture(made.snapshot(), T0, error="journal unwritable", is_done=True)
    assert [n.title for n in notices.of(dead, T0)] == ["ENGINE DEAD"]
    assert notices.of(dead, T0) == []


def test_the_answer_to_a_command_is_told_with_its_severity() -> None:
    notices = Notices()
    notices.expect("c-9", "Flatten all", T0)
    entry = made.audit(9, "refused: flat already", command_id="c-9", severity=Severity.WARNING)
    (told,) = notices.of(Picture(made.snapshot(audit=(*made.trail(), entry)), T0), T0)
    assert (told.title, told.text, told.severity) == ("Flatten all", "refused: flat already", Severity.WARNING)


def test_silence_is_told_too() -> None:
    """By the console's clock, which counts from anywhere; the picture's is the engine's."""
    notices, console_ms = Notices(), 5_000
    notices.expect("c-9", "Flatten all", console_ms)
    assert notices.of(Picture(made.snapshot(), T0), console_ms + ANSWER_WITHIN_MS) == []
    (told,) = notices.of(Picture(made.snapshot(), T0), console_ms + ANSWER_WITHIN_MS + 1)
    assert "no answer" in told.text
    assert notices.of(Picture(made.snapshot(), T0), console_ms + 60_000) == []
