"""The table of actions: every row can be done, shown and refused, whoever added it."""

import importlib

import pytest
import snapshots_for_tests as made
from snapshots_for_tests import T0
from textual.screen import Screen

from hip3_tui.app import ConsoleApp
from hip3_tui.deeds import Deeds
from hip3_tui.operator_action import Group, OperatorAction
from hip3_tui.operator_actions import (
    ACTIONS,
    DEFAULT_KEYMAP,
    OPERATOR_ACTIONS,
    key_of,
)
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.trading import TradingScreen


@pytest.mark.parametrize("action", OPERATOR_ACTIONS, ids=lambda action: action.id)
def test_what_a_row_names_is_there(action: OperatorAction) -> None:
    if action.screen:
        file, name = action.screen.split(":")
        assert issubclass(getattr(importlib.import_module(f"hip3_tui.screens.{file}"), name), Screen)
    if action.does:
        deed = f"do_{action.does}"
        assert callable(next(d for owner in (TradingScreen, ConsoleApp, Deeds) if (d := getattr(owner, deed, None))))
    assert action.title
    assert action.help.endswith(".")


def test_ids_and_keys_are_taken_once() -> None:
    assert len(ACTIONS) == len(OPERATOR_ACTIONS)
    keys = [key for action in OPERATOR_ACTIONS for key in action.keys]
    assert sorted(set(keys)) == sorted(keys)


def test_what_sends_asks_and_shows_what() -> None:
    for action in OPERATOR_ACTIONS:
        if action.command is not None and action.dangerous and action.id != "hard_stop":
            assert action.asks, action.id
            assert action.preview is not None, action.id
    assert not ACTIONS["hard_stop"].asks, "hard stop never asks"


def test_an_action_does_one_thing() -> None:
    with pytest.raises(AssertionError, match="one of the three"):
        OperatorAction(id="a", keys=(), title="A", help="", group=Group.LOOK)
    with pytest.raises(AssertionError, match="one of the three"):
        OperatorAction(id="a", keys=(), title="A", help="", group=Group.LOOK, does="quit", screen="help:HelpScreen")
    with pytest.raises(AssertionError, match="needs a label"):
        OperatorAction(id="a", keys=(), title="A", help="", group=Group.LOOK, does="quit", asks=True)


def test_an_action_without_a_key_is_named_by_its_place_in_the_palette() -> None:
    keyless = Picture(None, T0, keymap=DEFAULT_KEYMAP.remapped({"reset": []}))
    assert key_of(keyless, "reset") == "^P Reset the hard stop"
    assert key_of(Picture(None, T0), "reset") == "R"


@pytest.mark.parametrize("picture", [Picture(None, T0), Picture(made.snapshot(), T0), Picture(made.flat(), T0 + 9_000)])
def test_every_row_can_say_whether_it_is_of_use_now(picture: Picture) -> None:
    for action in OPERATOR_ACTIONS:
        assert isinstance(action.unavailable(picture), str)
        assert action.title_for(picture)
        assert isinstance(action.label_for(picture), str)
