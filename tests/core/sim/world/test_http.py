"""Plain HTTP of a world: an answer or none, within its bound; and what is sent again is executed once."""

from __future__ import annotations

from typing import Any

import pytest
from world_rig import live, quiet_world

from core.hyperliquid.actions import envelope
from core.sim.world.http import ANSWER_WITHIN_MS, Http, NoAnswer
from core.sim.world.plan import START_MS, dice_of
from core.sim.world.program import NO_SIGNATURE


class Asked:
    """A quiet world, and what came of requests that were made of it."""

    def __init__(self) -> None:
        self.world, _ = quiet_world()
        self.http = Http(self.world, dice_of(1, "test"))
        self.got: list[tuple[int, Any]] = []
        self.executed = 0

    def fault(self, name: str, **settings: Any) -> None:
        self.world.exchange.control({"do": "fault", "name": name, **settings}, self.world.agenda.now_ms)

    def run(self, steps: Any, for_ms: int = 20_000) -> tuple[int, Any]:
        began = self.world.agenda.now_ms

        def all_of_it() -> Any:
            try:
                answer = yield from steps
            except NoAnswer as e:
                answer = e
            self.got.append((self.world.agenda.now_ms - began, answer))

        self.http.run(all_of_it(), lambda: None)
        live(self.world, for_ms)
        (got,) = self.got
        self.got.clear()
        return got

    def info(self) -> tuple[int, Any]:
        return self.run(self.http.info({"type": "perpDexs"}))

    def exchange(self) -> tuple[int, Any]:
        payload = envelope({"type": "noop"}, START_MS + 50_000, NO_SIGNATURE, None, None)

        def submit() -> Any:
            self.executed += 1
            return self.world.submit(self.world.exchange.decode(payload))

        return self.run(self.http.exchange(submit))


@pytest.fixture
def asked() -> Asked:
    return Asked()


def test_a_question_is_answered_after_its_way_there_and_back(asked):
    took_ms, answer = asked.info()
    assert took_ms <= 25
    assert answer.startswith(b"[null,")


def test_a_failure_is_no_answer(asked):
    asked.fault("info_down", for_ms=100)
    _, answer = asked.info()
    assert isinstance(answer, NoAnswer)
    assert "HTTP 502" in str(answer)


def test_a_lost_question_fails_after_the_bound(asked):
    asked.world.reads.lose_until_ms = asked.world.agenda.now_ms + 1
    took_ms, answer = asked.info()
    assert took_ms == ANSWER_WITHIN_MS
    assert isinstance(answer, NoAnswer)


def test_a_lost_action_is_sent_again_and_executed_once(asked):
    asked.fault("lose_request")
    took_ms, answer = asked.exchange()
    assert took_ms < ANSWER_WITHIN_MS + 500
    assert b'"ok"' in answer
    assert asked.executed == 1


def test_an_action_whose_answer_is_lost_is_not_said_to_be_refused(asked):
    """The second time the venue says that the nonce is used: by the first."""
    asked.fault("lose_reply")
    _, answer = asked.exchange()
    assert isinstance(answer, NoAnswer)
    assert "arrived before" in str(answer)
    assert asked.executed == 2
    assert sum(e.error is None for e in asked.world.exchange.actions if e.kind == "noop") == 1


def test_too_many_questions_hold_up_what_comes_after(asked):
    asked.fault("http_429", road="info")
    _, answer = asked.info()
    assert isinstance(answer, NoAnswer)
    asked.http._paused_until_ms = asked.world.agenda.now_ms + 2_000
    took_ms, answer = asked.info()
    assert took_ms > 2_000
    assert answer.startswith(b"[null,")


def test_a_late_answer_comes_late_or_not_at_all(asked):
    asked.fault("late_reply", ms=1_000)
    took_ms, answer = asked.exchange()
    assert 1_000 < took_ms < 1_100
    assert b'"ok"' in answer
