import itertools

import pytest

from hip3_tui.screens.layout import VIEWS, Rect, is_full, place

SIZES = [
    (80, 24),
    (80, 30),
    (80, 60),
    (111, 40),
    (112, 37),
    (112, 38),
    (120, 40),
    (132, 43),
    (190, 50),
    (200, 60),
    (300, 100),
]


def overlap(a: Rect, b: Rect) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


@pytest.mark.parametrize("alarm", [0, 3, 8])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_panes_stay_inside_and_apart(width: int, height: int, alarm: int) -> None:
    for view in range(len(VIEWS)):
        places = place(width, height, alarm, view)
        for name, rect in places.items():
            assert rect.height >= 1
            assert rect.width >= (24 if name == "trends" else 38)
            assert rect.x >= 0
            assert rect.y >= 0
            assert rect.x + rect.width <= width
            assert rect.y + rect.height <= height
        for a, b in itertools.combinations(places.values(), 2):
            assert not overlap(a, b), places


@pytest.mark.parametrize("alarm", [0, 3, 8])
def test_the_essentials_are_there_at_80x24(alarm: int) -> None:
    places = place(80, 24, alarm)
    assert {"status", "positions", "load", "risk", "audit", "keys"} <= set(places)
    assert places["positions"].height >= 4, "title, head, two positions"
    assert ("alarm" in places) == bool(alarm)


def test_an_alarm_of_five_lines_leaves_three_positions_and_every_queue_in_sight_at_80x24() -> None:
    places = place(80, 24, 5)
    assert places["positions"].height == place(80, 24, 0)["positions"].height
    assert places["load"].height >= 4, "title, in flight, queues, budget"
    assert places["audit"].height >= 3


def test_everything_is_there_at_120x40() -> None:
    places = place(120, 40, 0)
    assert is_full(120, 40)
    assert set(places) == {
        "status",
        "positions",
        "signals",
        "risk",
        "markets",
        "orders",
        "audit",
        "load",
        "fills",
        "keys",
    }


def test_a_tall_narrow_terminal_shows_every_list() -> None:
    assert {pane for pane, _, _ in VIEWS} <= set(place(90, 70, 0))


@pytest.mark.parametrize("view", range(len(VIEWS)))
def test_the_chosen_list_is_the_first(view: int) -> None:
    places = place(80, 24, 0, view)
    assert [pane for pane, _, _ in VIEWS if pane in places] == [VIEWS[view][0]]


@pytest.mark.parametrize(("width", "height"), [(79, 24), (80, 23), (20, 5), (1, 1)])
def test_too_small(width: int, height: int) -> None:
    assert place(width, height, 3) == {"too_small": Rect(0, 0, width, height)}


def test_the_markets_of_the_shipped_config_fit_at_80x24_once_asked_for() -> None:
    view = [name for name, _, _ in VIEWS].index("markets")
    places = place(80, 24, 0, view)
    assert places["markets"].height >= 9, "title, head, seven markets"
    assert places["load"].height >= 4, "title, in flight, queues, budget"
    assert places["positions"].height == place(80, 24, 0)["positions"].height
