"""What a verification makes of an engine that does not get ready, or does not answer."""

from __future__ import annotations

from typing import Any, cast

import pytest
from engine_rig import SNDK, Rig, make_config

from core.messages.commands import Command, PauseEntries
from core.messages.snapshot import Snapshot
from core.messages.verification import Verdict
from core.runtime import verify_program
from core.runtime.assembly import Program
from core.runtime.verify_desk import NoAnswer, ask_info
from core.runtime.verify_program import Verification


class Engine:
    def __init__(self, latest: Snapshot | None) -> None:
        self.latest = latest
        self.sent: list[Command] = []

    def wait_done(self, timeout_s: float) -> bool:
        return False

    def send(self, command: Command) -> None:
        self.sent.append(command)


class Made:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine


@pytest.mark.parametrize("has_reported", [True, False])
def test_a_program_that_does_not_get_ready_fails_the_first_check_and_runs_no_other(
    monkeypatch: pytest.MonkeyPatch, has_reported: bool
) -> None:
    monkeypatch.setattr(verify_program, "READY_WITHIN_S", 0.05)
    engine = Engine(Rig(ready=False).snapshot() if has_reported else None)
    results = Verification(cast(Program, Made(engine)), make_config(), SNDK).run()
    assert results[0].verdict is Verdict.FAIL
    assert ("not ready after" if has_reported else "has not reported") in results[0].reason
    assert {r.verdict for r in results[1:]} == {Verdict.NOT_RUN}
    assert len(results) == 10
    (pause,) = engine.sent
    assert isinstance(pause, PauseEntries)
    assert pause.paused, "nothing of our own may be entered meanwhile"


def test_an_exchange_that_does_not_answer_is_no_empty_answer() -> None:
    with pytest.raises(NoAnswer, match="openOrders"):
        ask_info("http://127.0.0.1:9/info", {"type": "openOrders"})


def test_everything_it_can_measure_has_a_name() -> None:
    checks: Any = Verification(cast(Program, Made(Engine(None))), make_config(), SNDK)._steps
    assert sorted(checks) == list(range(1, 11))
