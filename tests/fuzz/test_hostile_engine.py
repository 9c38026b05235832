"""Few cases of each room, always the same ones; `make fuzz` plays as many as there is time for. Counts are printed (`-s`)."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from engine_rooms import answers, frames, strangers_and_echoes


def told(name: str, count: Counter[str]) -> Counter[str]:
    print(f"\n{name}: " + ", ".join(f"{n} {what}" for what, n in sorted(count.items())))
    return count


@pytest.mark.parametrize("seed", range(3))
def test_spoiled_frames_make_no_wrong_order(seed: int) -> None:
    count = told("frames", frames(random.Random(f"frames {seed}"), 1_000))
    assert count["understood"] > 100
    assert count["refused"] > 100
    assert count["orders sent"] > 50, "it traded all the while"


def test_others_fills_and_old_frames_change_nothing() -> None:
    count = told("strangers and echoes", strangers_and_echoes(random.Random("echoes"), 600))
    assert count["of others"] > 200
    assert count["echoes"] > 200


def test_spoiled_answers_make_no_wrong_order() -> None:
    count = told("answers", answers(random.Random("answers"), 1_500))
    assert count["understood"] > 30
    assert count["refused"] > 500
