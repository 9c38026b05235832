"""The exchange answers for every dex but one: during an emergency, during a run, at its end. What the others hold is closed; of the one it is
never said that it is flat. Real sockets, real processes, the venue is the judge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_stage import Stage
from test_emergency_stop import NOT_CONFIRMED, Scene, confirmed, filled

from core.messages.exit_codes import ExitCode

pytestmark = pytest.mark.slow


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    try:
        yield scene
    finally:
        scene.venue.kill()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    try:
        yield stage
    except BaseException as e:
        e.add_note(stage.record)
        raise
    finally:
        stage.close()


def dex_of(coin: str) -> str:
    return coin.split(":")[0] if ":" in coin else ""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("answer", ["500", "silence"])
def test_stop_waits_for_the_one_and_closes_the_others_at_once(scene: Scene, answer: str) -> None:
    filled(scene, 8, 12)
    scene.venue.fault("dex_reads_fail", dex="xyz", answer=answer, for_ms=6_000)
    outcome = scene.stop("--within", "60")
    confirmed(scene, outcome)
    order = scene.venue.fills()[scene.before :]
    late = [fill["time"] for fill in order if dex_of(fill["coin"]) == "xyz"]
    soon = [fill["time"] for fill in order if dex_of(fill["coin"]) != "xyz"]
    assert max(soon) < min(late), "the others did not wait for it"
    print(
        f"{answer}: others flat {min(late) - max(soon)} ms before it, all confirmed after {outcome.verdict['seconds']:.1f} s"
    )


@pytest.mark.timeout(120)
@pytest.mark.parametrize("answer", ["502", "silence"])
def test_stop_never_says_flat_of_one_that_does_not_answer(scene: Scene, answer: str) -> None:
    filled(scene, 8, 12)
    scene.venue.fault("dex_reads_fail", dex="xyz", answer=answer)
    outcome = scene.stop("--within", "12")
    assert outcome.code == NOT_CONFIRMED, outcome.text
    assert outcome.verdict["confirmed"] is False
    assert [left.split(":")[0] for left in outcome.verdict["left"]] == ["xyz"], outcome.verdict
    assert {dex_of(p["coin"]) for p in scene.venue.positions()} == {"xyz"}
    assert scene.never_opened()
    scene.venue.clear_faults()
    confirmed(scene, scene.stop())


@pytest.mark.timeout(120)
@pytest.mark.parametrize("answer", ["500", "silence"])
def test_a_run_closes_in_time_without_its_answers_and_does_not_call_it_confirmed(stage: Stage, answer: str) -> None:
    """Fills come over the socket, so the time stop has what it needs; that it is flat only the exchange can say, and it does not."""
    stage.start()
    stage.enter()
    stage.venue.fault("dex_reads_fail", dex="xyz", answer=answer)
    stage.wait_time_stop(at_most_s=3)
    stage.program.wait_until("its own books are flat", lambda s: not s.positions, 10)
    stage.end(ExitCode.NOT_CONFIRMED)
    assert stage.venue.positions() == []
    stage.venue.clear_faults()
    stage.start()
    stage.enter_and_leave()
    stage.end()


@pytest.mark.timeout(120)
def test_a_hard_stop_while_it_does_not_answer_closes_and_is_done_when_it_does(stage: Stage) -> None:
    from core.messages.commands import TripHardStop

    stage.start(time_stop_ms=60_000)
    stage.enter()
    stage.venue.fault("dex_reads_fail", dex="xyz", answer="500")
    stage.program.send(TripHardStop(command_id="trip", reason="by hand"))
    stage.wait_flat(10)
    assert not stage.program.has_said("HARD STOP done"), "nobody has said that it is flat"
    stage.venue.clear_faults()
    stage.wait_hard_stop("by hand")
    stage.end()
