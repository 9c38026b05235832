"""Virtual time: in order, never in the past, and the clock of what happens is its own time."""

from __future__ import annotations

from core.sim.world.agenda import Agenda


def test_things_happen_in_the_order_of_their_times():
    agenda, seen = Agenda(1_000), []
    for when in (1_300, 1_100, 1_200):
        agenda.at(when, lambda when=when: seen.append((when, agenda.now_ms)))
    agenda.run(2_000)
    assert seen == [(1_100, 1_100), (1_200, 1_200), (1_300, 1_300)]


def test_within_one_time_first_come_first_served():
    agenda, seen = Agenda(0), []
    for name in "abc":
        agenda.after(5, lambda name=name: seen.append(name))
    agenda.run(10)
    assert seen == ["a", "b", "c"]


def test_what_is_due_at_the_end_waits_for_the_next_round_and_the_clock_stands_at_the_end():
    agenda, seen = Agenda(0), []
    agenda.at(10, lambda: seen.append(agenda.now_ms))
    agenda.run(10)
    assert (seen, agenda.now_ms) == ([], 10)
    agenda.run(11)
    assert (seen, agenda.now_ms) == ([10], 11)


def test_asked_for_too_late_it_happens_now_and_never_in_the_past():
    agenda, seen = Agenda(100), []
    agenda.at(150, lambda: agenda.at(20, lambda: seen.append(agenda.now_ms)))
    agenda.run(200)
    assert seen == [150]


def test_the_clock_does_not_go_back():
    agenda = Agenda(100)
    agenda.run(50)
    assert agenda.now_ms == 100


def test_what_happens_can_ask_for_more_within_the_same_round():
    agenda, seen = Agenda(0), []

    def again() -> None:
        seen.append(agenda.now_ms)
        agenda.after(10, again)

    agenda.after(10, again)
    agenda.run(45)
    assert seen == [10, 20, 30, 40]
