"""What a run without a screen says at its end, and how a command without one answers preflight."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine_rig import Rig

from core.messages.preflight import WORD, Go
from core.runtime.engine_thread import Ending
from core.runtime.headless import answer_preflight, summary_of, write_summary


@dataclass
class Desk:
    report: Any = None
    answers: list[Go] = field(default_factory=list)
    refusal: str = ""

    def go(self, answer: Go) -> str:
        self.answers.append(answer)
        return self.refusal


def program(desk: Desk | None = None, *, ended: bool = False, **engine: Any) -> Any:
    done = threading.Event()
    if ended:
        done.set()
    engine = {"latest": None, "ending": None, "error": "", "stop_reason": "", "wait_done": done.wait, **engine}
    return SimpleNamespace(
        preflight=desk, engine=SimpleNamespace(**engine), paths=SimpleNamespace(journal=Path("journal.db"))
    )


def test_where_nothing_waits_nothing_is_answered() -> None:
    assert answer_preflight(program(), Go("ada")) == ""


def test_the_answer_waits_for_the_report_and_tells_a_refusal() -> None:
    desk = Desk()
    assert "not read everything" in answer_preflight(program(desk), Go("ada", WORD), within_s=0.2)
    assert desk.answers == []
    assert answer_preflight(program(desk, ended=True), Go("ada", WORD)) == "the program was stopped"
    desk.report, desk.refusal = object(), "1 checks failed: signer"
    assert answer_preflight(program(desk), Go("ada", WORD)) == "1 checks failed: signer"
    desk.refusal = ""
    assert answer_preflight(program(desk), Go("ada", WORD)) == ""
    assert desk.answers[-1] == Go("ada", WORD)


def test_the_summary_has_the_counts_of_the_last_snapshot() -> None:
    rig = Rig()
    rig.open_position()
    told = summary_of(rig.snapshot())
    assert (told["traded"], told["ready_reached"], told["entries"], told["fills"]) == (True, True, 1, 1)
    assert told["sent_minus_completed"] == told["posts_sent"] - told["posts_completed"] == told["inflight"]
    assert len(told["positions_open"]) == 1
    assert json.loads(json.dumps(told)) == told


def test_a_run_that_never_had_an_engine_has_traded_nothing(tmp_path: Path) -> None:
    file = tmp_path / "end.json"
    ending = Ending(confirmed=True, text="stopped before trading began; nothing was sent")
    write_summary(program(ending=ending, stop_reason="preflight"), file)
    told = json.loads(file.read_text())
    assert (told["traded"], told["flat_confirmed"], told["stop_reason"]) == (False, True, "preflight")
    assert list(tmp_path.iterdir()) == [file]


def test_a_death_is_not_flat(tmp_path: Path) -> None:
    file = tmp_path / "end.json"
    write_summary(program(error="ValueError: no"), file)
    told = json.loads(file.read_text())
    assert (told["flat_confirmed"], told["ended"], told["engine_error"]) == (False, "ValueError: no", "ValueError: no")
