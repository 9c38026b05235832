"""Asker: one question of a kind at a time, and never for ever."""

from __future__ import annotations

from engine_rig import NOW

from core.engine.asking import ANSWER_TIMEOUT_MS, Asker
from core.messages.effects import Ask
from core.messages.queries import QueryFees, QueryPositions

XYZ, MAIN = QueryPositions("xyz"), QueryPositions("")


def test_the_same_question_is_not_asked_while_it_is_out() -> None:
    asker = Asker()
    assert asker.ask(XYZ, NOW) == [Ask(XYZ)]
    assert asker.ask(XYZ, NOW + 1) == []
    assert asker.ask(MAIN, NOW + 1) == [Ask(MAIN)], "another dex is another question"


def test_an_answer_says_when_it_was_asked_and_frees_the_question() -> None:
    asker = Asker()
    asker.ask(XYZ, NOW)
    assert asker.on_answer(XYZ, NOW + 100) == NOW
    assert asker.ask(XYZ, NOW + 101) == [Ask(XYZ)]


def test_an_answer_that_never_comes_frees_the_question_too() -> None:
    asker = Asker()
    asker.ask(XYZ, NOW)
    assert asker.ask(XYZ, NOW + ANSWER_TIMEOUT_MS - 1) == []
    assert asker.ask(XYZ, NOW + ANSWER_TIMEOUT_MS) == [Ask(XYZ)]


def test_every_so_often_counts_from_the_answer() -> None:
    asker = Asker()
    assert asker.ask_every(XYZ, 1_000, NOW) == [Ask(XYZ)]
    asker.on_answer(XYZ, NOW + 500)
    assert asker.ask_every(XYZ, 1_000, NOW + 1_499) == []
    assert asker.ask_every(XYZ, 1_000, NOW + 1_500) == [Ask(XYZ)]


def test_a_failed_read_is_asked_again_soon_and_then_later_each_time() -> None:
    asker, now = Asker(), NOW
    fees = QueryFees()
    asker.ask_every(fees, 3_600_000, now)
    for pause in (1_000, 2_000, 4_000, 8_000, 10_000, 10_000):
        asker.on_failure(fees, now)
        assert asker.ask_every(fees, 3_600_000, now + pause - 1) == []
        now += pause
        assert asker.ask_every(fees, 3_600_000, now) == [Ask(fees)]
    asker.on_answer(fees, now)
    assert asker.ask_every(fees, 3_600_000, now + 60_000) == [], "an answer ends the row of failures"


def test_failures_slow_down_a_question_that_is_asked_often() -> None:
    asker = Asker()
    for _ in range(4):
        asker.ask(XYZ, NOW)
        asker.on_failure(XYZ, NOW)
    assert asker.ask_every(XYZ, 500, NOW + 7_999) == []
    assert asker.ask_every(XYZ, 500, NOW + 8_000) == [Ask(XYZ)]


def test_an_answer_that_nobody_asked_for_says_nothing_about_the_next_question() -> None:
    asker = Asker()
    assert asker.on_answer(XYZ, NOW) is None
    assert asker.ask_every(XYZ, 60_000, NOW + 1) == [Ask(XYZ)]


def test_after_a_disconnect_everything_is_asked_anew() -> None:
    asker = Asker()
    asker.ask(XYZ, NOW)
    asker.forget()
    assert asker.on_answer(XYZ, NOW + 1) is None
    assert asker.ask_every(XYZ, 60_000, NOW + 2) == [Ask(XYZ)]


def test_a_dropped_question_leaves_no_trace() -> None:
    asker = Asker()
    asker.ask(XYZ, NOW)
    asker.drop(XYZ)
    assert asker.ask(XYZ, NOW + 1) == [Ask(XYZ)]


def test_a_failure_of_what_nobody_asked_says_nothing_about_the_next_question() -> None:
    """It is of a connection that is gone, and the interval of this one's last good answer holds."""
    asker = Asker()
    asker.ask(XYZ, NOW)
    asker.on_answer(XYZ, NOW)
    asker.on_failure(XYZ, NOW + 1)
    assert asker.ask_every(XYZ, 60_000, NOW + 59_999) == []
    assert asker.ask_every(XYZ, 60_000, NOW + 60_000) == [Ask(XYZ)]


def test_a_clock_that_was_set_back_does_not_hold_up_what_is_due() -> None:
    asker = Asker()
    asker.ask(XYZ, NOW)
    asker.on_answer(XYZ, NOW + 100)
    asker.ask(MAIN, NOW + 100)
    changes = asker.changes
    asker.set_back(60_000)
    assert asker.changes > changes, "whoever keeps a due time works it out anew"
    back = NOW - 60_000
    assert asker.ask_every(XYZ, 1_000, back + 1_099) == []
    assert asker.ask_every(XYZ, 1_000, back + 1_100) == [Ask(XYZ)]
    assert asker.ask(MAIN, back + 99 + ANSWER_TIMEOUT_MS) == []
    assert asker.ask(MAIN, back + 100 + ANSWER_TIMEOUT_MS) == [Ask(MAIN)]
