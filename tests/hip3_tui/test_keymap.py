"""The operator's own keys: how they are read, named and refused."""

import pytest

from hip3_tui.keymap import Keymap, KeysError, key_name
from hip3_tui.operator_actions import DEFAULT_KEYMAP, OPERATOR_ACTIONS


def refusal(**changes: list[str]) -> str:
    with pytest.raises(KeysError) as caught:
        DEFAULT_KEYMAP.remapped(changes)
    return str(caught.value)


def test_our_own_keys_are_accepted_as_they_are() -> None:
    same = DEFAULT_KEYMAP.remapped({action.id: list(action.keys) for action in OPERATOR_ACTIONS})
    assert {i: same.keys(i) for i in same.ids()} == {a.id: a.keys for a in OPERATOR_ACTIONS}


@pytest.mark.parametrize(
    ("written", "key", "name"),
    [
        ("z", "z", "z"),
        ("Z", "Z", "Z"),
        ("?", "question_mark", "?"),
        ("-", "minus", "-"),
        ("ctrl+x", "ctrl+x", "^X"),
        ("Ctrl+X", "ctrl+x", "^X"),
        ("F5", "f5", "F5"),
        ("shift+tab", "shift+tab", "Shift+Tab"),
        ("PageDown", "pagedown", "PgDn"),
        ("Esc", "escape", "Esc"),
        ("return", "enter", "Enter"),
        ("ctrl+i", "tab", "Tab"),
        ("up", "up", "↑"),
        ("space", "space", "Space"),
        ("ü", "ü", "ü"),
    ],
)
def test_a_key_as_it_is_written_and_called(written: str, key: str, name: str) -> None:
    keymap = Keymap({"hard_stop": ("x",), "quit": ("q",), "a": ()}).remapped({"a": [written]})
    assert keymap.keys("a") == (key,)
    assert keymap.name("a") == key_name(key) == name


def test_a_letter_in_both_cases_is_called_by_its_capital() -> None:
    keymap = Keymap({"hard_stop": ("x", "X"), "quit": ("g",), "a": ("G",)})
    assert [keymap.name(i) for i in ("hard_stop", "quit", "a")] == ["X", "g", "G"]
    assert keymap.names("hard_stop") == ("X",)


def test_the_others_keep_their_keys() -> None:
    keymap = DEFAULT_KEYMAP.remapped({"flatten_all": ["z"]})
    assert keymap.name("flatten_all") == "z"
    assert keymap.name("cancel_all") == "C"


def test_two_actions_may_change_places() -> None:
    keymap = DEFAULT_KEYMAP.remapped({"flatten_all": ["c"], "cancel_all": ["f"]})
    assert (keymap.name("flatten_all"), keymap.name("cancel_all")) == ("c", "f")


def test_an_action_may_go_without_a_key_unless_it_is_the_stop_or_the_way_out() -> None:
    assert DEFAULT_KEYMAP.remapped({"help": []}).name("help") == ""
    assert refusal(hard_stop=[]) == "hard_stop: needs at least one key"
    assert refusal(quit=[]) == "quit: needs at least one key"


def test_refusals_say_what_is_wrong() -> None:
    assert refusal(flatten_al=["z"]).startswith("'flatten_al': no such action; did you mean 'flatten_all'? allowed: ")
    assert refusal(flatten_all=["x"]) == "'x' is given to two actions: flatten_all and hard_stop"
    assert "flatten_all: 'hyper+x' is no key; expected a character, or a name such as" in refusal(
        flatten_all=["hyper+x"]
    )
    assert "'' is no key" in refusal(flatten_all=[""])
    assert "is no key" in refusal(flatten_all=["\x1b"])


def test_what_may_be_a_secret_is_not_repeated() -> None:
    secret = "ab" * 32
    assert secret not in refusal(**{secret: ["z"]})
    assert secret not in refusal(help=[secret])
