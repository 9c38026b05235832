"""A paste into the wrong window is no key; a hammering hand is."""

from __future__ import annotations

from textual.events import Key, Paste, Resize
from textual.geometry import Size
from textual.message import Message

from hip3_tui.key_flood import FLOOD_KEYS, as_one_paste


def typed(text: str) -> list[Message]:
    return [Key(c, c) for c in text]


def test_a_few_keys_are_keys():
    keys = typed("xfcq" * (FLOOD_KEYS // 4))
    assert as_one_paste(keys) == keys


def test_words_in_one_read_are_a_paste():
    (paste,) = as_one_paste(typed("fix the queue, please"))
    assert isinstance(paste, Paste)
    assert paste.text == "fix the queue, please"


def test_hammering_on_one_key_is_no_paste():
    assert len(as_one_paste(typed("x" * 40))) == 40


def test_what_is_no_key_comes_through():
    resize = Resize(Size(80, 24), Size(80, 24))
    messages = as_one_paste([*typed("the quick brown fox jumps"), resize])
    assert messages[0] is resize
    assert isinstance(messages[1], Paste)
