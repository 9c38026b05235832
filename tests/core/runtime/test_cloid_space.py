"""The space of a program's order ids: new at every start, even where the clock says what it said before."""

from __future__ import annotations

from core.model.cloid import CloidMaker, cloid_by_hand, is_by_hand, is_ours
from core.runtime.clock import ManualClock
from core.runtime.cloid_space import new_space


def test_programs_of_one_second_do_not_meet() -> None:
    clock = ManualClock()
    spaces = [new_space(clock) for _ in range(500)]
    assert len(set(spaces)) == 500
    assert {s >> 32 for s in spaces} == {clock.wall_ms() // 1000}


def test_a_later_program_is_apart_whatever_the_dice_say() -> None:
    clock = ManualClock()
    before = new_space(clock)
    clock.advance(1000)
    assert new_space(clock) >> 32 == (before >> 32) + 1


def test_ids_of_a_drawn_space_are_ours_and_those_by_hand_are_told_apart() -> None:
    for _ in range(100):
        space = new_space(ManualClock())
        own, by_hand = CloidMaker(space).next(), cloid_by_hand(space, 1)
        assert is_ours(own)
        assert is_ours(by_hand)
        assert is_by_hand(by_hand, space)
        assert not is_by_hand(own, space)
        assert not is_by_hand(by_hand, new_space(ManualClock()))
