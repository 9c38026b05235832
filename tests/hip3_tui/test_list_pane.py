"""The cursor of a list: known by the row's key, never on a neighbour by accident, the window moved as little as can be."""

import pytest

from hip3_tui.panes.list_pane import Cursor

ROWS = [f"r{i}" for i in range(10)]


def entered(rows: list[str] = ROWS, *, from_end: bool = False) -> Cursor:
    cursor = Cursor(from_end=from_end)
    cursor.enter(rows)
    return cursor


def test_a_list_is_entered_at_its_top_or_where_it_grows() -> None:
    assert entered().key == "r0"
    assert entered(from_end=True).key == "r9"
    assert entered([]).key == ""


def test_it_moves_and_stops_at_both_ends() -> None:
    cursor = entered()
    for by, key in ((1, "r1"), (-5, "r0"), (100, "r9"), (-1, "r8")):
        cursor.move(by, ROWS)
        assert cursor.key == key


def test_it_stays_on_its_row_when_others_come_and_go() -> None:
    cursor = entered()
    cursor.move(3, ROWS)
    cursor.follow(["new", *ROWS[2:]])
    assert (cursor.key, cursor.at) == ("r3", 2)


def test_when_its_row_is_gone_nothing_is_chosen_until_it_is_moved() -> None:
    cursor = entered()
    cursor.move(3, ROWS)
    rest = [row for row in ROWS if row != "r3"]
    cursor.follow(rest)
    assert cursor.key == ""
    cursor.follow(rest)
    assert cursor.key == "", "not at the next look either"
    cursor.move(1, rest)
    assert cursor.key == "r4", "the row that is in its place now"


def test_a_row_that_comes_back_is_not_chosen_again() -> None:
    cursor = entered()
    cursor.follow(ROWS[1:])
    cursor.follow(ROWS)
    assert cursor.key == ""


def test_an_empty_list_takes_any_move() -> None:
    cursor = entered([])
    cursor.move(1, [])
    cursor.to(5, [])
    assert (cursor.key, list(cursor.window(0, lambda _: 1, 5))) == ("", [])


def test_the_window_follows_the_cursor_and_moves_no_more_than_it_must() -> None:
    cursor = entered()
    seen = []
    for by in (0, 2, 1, 1, -1, -2, -2, 9):
        cursor.move(by, ROWS)
        sight = cursor.window(len(ROWS), lambda _: 1, 3)
        seen.append((cursor.at, sight.start, sight.stop))
    assert seen == [(0, 0, 3), (2, 0, 3), (3, 1, 4), (4, 2, 5), (3, 2, 5), (1, 1, 4), (0, 0, 3), (9, 7, 10)]


@pytest.mark.parametrize("at", range(10))
def test_tall_rows_are_whole_and_the_room_is_used(at: int) -> None:
    heights = [1, 3, 2, 1, 1, 2, 4, 1, 1, 1]
    cursor = entered()
    cursor.to(at, ROWS)
    sight = cursor.window(10, lambda i: heights[i], 5)
    assert at in sight
    assert sum(heights[i] for i in sight) <= 5
    assert sum(heights[i] for i in sight) + (heights[sight.stop] if sight.stop < 10 else heights[sight.start - 1]) > 5


def test_a_row_taller_than_the_room_is_shown_alone() -> None:
    cursor = entered()
    cursor.to(4, ROWS)
    assert list(cursor.window(10, lambda _: 9, 5)) == [4]


def test_rows_that_went_away_leave_no_hole_at_the_end() -> None:
    cursor = entered(from_end=True)
    cursor.window(10, lambda _: 1, 4)
    cursor.follow(ROWS[:5])
    assert list(cursor.window(5, lambda _: 1, 4)) == [1, 2, 3, 4]
