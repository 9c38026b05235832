"""The network between us and the exchange fails in ways that no exchange does; real sockets, real processes, a road in between (bad_road.py).

Each story has a position open when it happens, and ends flat by the venue's word; what nothing can be sent through is said at once and
closed when the road is open again. The times are in what the tests print.

SPEC 7, 8; LESSONS L23, L34, L38, L39, L46.
"""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bad_road import BadRoad
from fault_stage import Stage, Theatre
from venue_driver import until

from core.messages.exit_codes import ExitCode
from core.messages.snapshot import ConnectionPhase, TradingState

pytestmark = pytest.mark.slow
LONG_MS = 600_000
"""A time stop that does not come into these stories: what closes the position is the hard stop."""


def _with_road(stage: Stage) -> BadRoad:
    road = BadRoad(stage.venue.port)
    stage.port = road.port
    return road


def _entered(stage: Stage, road: BadRoad) -> None:
    stage.start(time_stop_ms=LONG_MS)
    stage.enter()
    stage.program.wait_until("the program knows its position", lambda s: bool(s.positions))


def half_open(stage: Stage) -> None:
    """Both sides write and nothing arrives; the socket says nothing. Noticed by the silence, said, and closed by the connection after it."""
    with _with_road(stage) as road:
        _entered(stage, road)
        road.deaf()
        began = time.monotonic()
        stage.program.wait_until("not ready", lambda s: not s.ready.is_ready, 15)
        stage.program.wait_until("hard stop", lambda s: s.hard_stop.tripped, 15)
        print(f"half open: not ready and latched after {time.monotonic() - began:.1f} s")
        road.clear()
        stage.wait_flat(20)
        stage.wait_hard_stop("disconnect")
        stage.reset()
        stage.at_rest()
        stage.end()


def cut_in_the_middle_of_a_frame(stage: Stage) -> None:
    """Half a frame and a reset: the half is nothing, the rest is a disconnect."""
    with _with_road(stage) as road:
        _entered(stage, road)
        road.cut_in_the_middle()
        stage.wait_flat(10)
        stage.wait_hard_stop("disconnect")
        stage.reset()
        stage.enter()
        stage.end()


def slow_reads(stage: Stage) -> None:
    """The road drips: what arrives is old. Not ready, no entry, and flat all the same."""
    with _with_road(stage) as road:
        _entered(stage, road)
        road.slow(400)
        stage.program.wait_until("not ready", lambda s: not s.ready.is_ready, 20)
        stage.program.wait_until("latched or said", lambda s: s.hard_stop.tripped or bool(s.ready.missing), 10)
        stage.venue.dislocate()
        road.clear()
        stage.program.wait_until("ready or latched", lambda s: s.ready.is_ready or s.hard_stop.tripped, 40)
        stage.venue.settle()
        stage.end()
        until("flat", lambda: not stage.venue.positions(), 5)


def wavering(stage: Stage) -> None:
    """Every piece is late by a time of its own, in both directions: answers, fills and order updates overtake one another."""
    with _with_road(stage) as road:
        stage.start()
        road.wavering(300)
        for _ in range(3):
            stage.enter()
            stage.wait_time_stop(at_most_s=4)
        road.clear()
        stage.at_rest()
        stage.end()


def _behind_a_gateway(status: int, words: str) -> Callable[[Stage], None]:
    def story(stage: Stage) -> None:
        with _with_road(stage) as road:
            _entered(stage, road)
            road.answer(status, words)
            stage.program.wait_until("hard stop", lambda s: s.hard_stop.tripped, 5)
            stage.program.wait_said(f"HTTP {status}", 10)
            time.sleep(6)  # the outage is the thing under test, and it is real time
            s = stage.program.snapshot()
            assert s.connection.phase is ConnectionPhase.RECONNECTING
            assert s.state is not TradingState.ACTIVE
            assert s.positions, "what is open is still shown"
            began = time.monotonic()
            road.clear()
            stage.wait_flat(15)
            print(f"HTTP {status}: flat {time.monotonic() - began:.1f} s after the road was open again")
            stage.wait_hard_stop("disconnect")
            stage.at_rest()
            stage.end()

    story.__name__ = f"every_answer_is_{status}"
    return story


def reconnect_storm(stage: Stage) -> None:
    """Every connection is reset at once: tried again soon, for a position waits; never more often than the exchange allows; not in step."""
    with _with_road(stage) as road:
        _entered(stage, road)
        road.slam()
        begun = len(road.connects)
        time.sleep(20)
        at = road.connects[begun:]
        websockets_and_reads = len(at)
        gaps = [b - a for a, b in itertools.pairwise(at)]
        assert 4 <= websockets_and_reads <= 40, websockets_and_reads
        assert len({round(g, 2) for g in gaps}) > len(gaps) // 3, f"in step: {gaps}"
        road.clear()
        stage.wait_flat(15)
        stage.wait_hard_stop("disconnect")
        stage.at_rest()
        stage.end()


def names_cannot_be_resolved(stage: Stage) -> None:
    """The resolver is gone, the connection is cut: said, tried on, and closed when names are back."""
    folder = stage.folder / "nameless"
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("nameless.py"), folder / "sitecustomize.py")
    flag = folder / "flag"
    with _with_road(stage) as road:
        stage.host = "localhost"
        root = Path(__file__).parents[2]
        stage.start(time_stop_ms=LONG_MS, env={"PYTHONPATH": f"{folder}:{root}", "NAMELESS": str(flag)})
        stage.enter()
        stage.program.wait_until("the program knows its position", lambda s: bool(s.positions))
        flag.touch()
        road.cut()
        stage.program.wait_said("name resolution", 10)
        assert stage.program.snapshot().hard_stop.tripped
        flag.unlink()
        stage.wait_flat(15)
        stage.wait_hard_stop("disconnect")
        stage.at_rest()
        stage.end()


def no_tls_behind_the_address(stage: Stage) -> None:
    """Where TLS should be, something answers in plain text: never ready, nothing sent, and the reason is on the screen."""
    with _with_road(stage):
        stage.is_tls = True
        stage.start(is_to_be_ready=False)
        stage.program.wait_said("SSL", 20)
        s = stage.program.snapshot()
        assert not s.ready.is_ready
        assert s.state is not TradingState.ACTIVE
        assert stage.venue.truth()["actions"] == []
        stage.end(ExitCode.NOT_CONFIRMED)


STORIES = (
    half_open,
    reconnect_storm,
    slow_reads,
    wavering,
    _behind_a_gateway(502, "Bad Gateway"),
    _behind_a_gateway(429, "Too Many Requests"),
    cut_in_the_middle_of_a_frame,
    names_cannot_be_resolved,
    no_tls_behind_the_address,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    theatre = Theatre(tmp_path_factory.mktemp("roads"), (), ends=False)
    yield theatre
    theatre.close()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_it_ends_flat(story: Callable[[Stage], None], folder: Theatre) -> None:
    held_s = folder.result(story)
    print(f"{story.__name__}: a position was open for {', '.join(f'{s:.2f} s' for s in held_s) or 'no time'}")
