"""The key bar: nothing leaves it without a word, and every key on it can be clicked."""

from __future__ import annotations

import pytest
import snapshots_for_tests as made
from console_desk import desk
from snapshots_for_tests import T0

from hip3_tui.operator_actions import DEFAULT_KEYMAP, OPERATOR_ACTIONS
from hip3_tui.panes.key_bar import KeyBar
from hip3_tui.panes.live_lines import line_width
from hip3_tui.panes.picture import Picture


def bar(width: int, snapshot: object, next_view: str = "") -> tuple[str, KeyBar]:
    pane = KeyBar()
    pane.next_view = next_view
    (line,) = pane.lines(Picture(snapshot, T0 + 100), width, 1)  # type: ignore[arg-type]
    assert line_width(line) <= width
    return "".join(words for words, _ in line), pane


@pytest.mark.parametrize("snapshot", [made.snapshot(), made.flat(), made.hard_stopped(), made.snapshot(paused=True)])
def test_at_80_columns_every_key_that_acts_on_money_is_there_and_what_is_left_out_is_marked(snapshot: object) -> None:
    words, _ = bar(80, snapshot, "Markets")
    for key, label in (
        ("F", "Flatten"),
        ("C", "Cancel"),
        ("X", "HARD STOP"),
        ("Q", "Quit"),
        ("O", "Order"),
        ("?", "H"),
    ):
        assert any(form in f" {words}" for form in (f" {key} {label}", f" {key}  {label}", f" {key} ({label})")), words
    assert words.endswith("…"), "the palette stands in the help"


def test_wide_enough_there_is_no_mark() -> None:
    words, _ = bar(130, made.snapshot())
    assert "…" not in words
    for action in OPERATOR_ACTIONS:
        if action.label and action.exists(Picture(made.snapshot(), T0)):
            assert f" {DEFAULT_KEYMAP.name(action.id)} " in words


@pytest.mark.parametrize("width", range(80, 131, 5))
def test_each_place_belongs_to_what_stands_there(width: int) -> None:
    words, pane = bar(width, made.snapshot(), "Markets")
    for start, end, action in pane._places:
        assert words[start:end].strip().startswith(DEFAULT_KEYMAP.name(action.id))
        assert end <= width


async def test_every_key_of_the_bar_can_be_clicked() -> None:
    """Each opens, sends or does what its key does: nothing on the line is deaf."""
    async with desk(made.snapshot(), (130, 40)) as it:
        done: list[str] = []
        it.app.action_operate = done.append  # type: ignore[method-assign]
        pane = it.app.trading.panes["keys"]
        assert isinstance(pane, KeyBar)
        for start, _, action in pane._places:
            await it.pilot.click(offset=(start + 1, 39))
            await it.pilot.pause()
            assert done[-1:] == [action.id]
        assert len(done) == len(pane._places) >= 9
