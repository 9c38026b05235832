"""A few hundred lives of the engine, in well under a minute: all green, and none of them for want of anything happening.

They are played on all cores while the tests ask for them one after another. A red one brings its story and the command that plays it again.
The last tests ask for sums: a world in which nothing goes wrong any more, or nothing is traded, would be green for ever.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor

import pytest
from check import Check
from checkers import all_checkers
from seeds import Case, Life, added, alone, play
from soak import make_pool, play_all

from core.sim.faults import FAULTS
from core.sim.world.plan import LATEST_FROM, NEWEST_FROM, Depth
from core.sim.world.troubles import ALL_TROUBLES

WEATHER_MS, ALONE_WEATHER_MS = 25_000, 40_000
"""Shorter than the soak's: what is found late in long lives is found there. A trouble alone gets time to strike a few times."""
MIXED, CHUNK = 160, 10
WIRE_FROM = 110
"""Mixed seeds from here on are played at wire level."""
NEWEST, NEWEST_CHUNK = range(NEWEST_FROM, NEWEST_FROM + 20), 5
"""Seeds of a mixture that holds the newer faults and orders by hand too."""
LATEST = range(LATEST_FROM, LATEST_FROM + 15)
"""And of one that holds everything: somebody runs the stop program now and then."""
ALONE_SEEDS = range(1000, 1003)

Chunk = tuple[Case, ...]


def _mixed() -> dict[str, Chunk]:
    cases = [Case(s, (Depth.WIRE if s >= WIRE_FROM else Depth.VALUE).value, None, WEATHER_MS) for s in range(MIXED)]
    mixed = {f"{s}-{s + CHUNK - 1}": tuple(cases[s : s + CHUNK]) for s in range(0, MIXED, CHUNK)}
    newest = [
        Case(s, (Depth.WIRE if s % 4 == 0 else Depth.VALUE).value, None, ALONE_WEATHER_MS) for s in (*NEWEST, *LATEST)
    ]
    chunks = [tuple(newest[i : i + NEWEST_CHUNK]) for i in range(0, len(newest), NEWEST_CHUNK)]
    return mixed | {f"{chunk[0].seed}-{chunk[-1].seed}": chunk for chunk in chunks}


MIXED_CHUNKS = _mixed()
ALONE_CHUNKS = {
    trouble: tuple(case for case in alone(ALONE_SEEDS, weather_ms=ALONE_WEATHER_MS) if case.only == trouble)
    for trouble in ALL_TROUBLES
}
ALL_CHUNKS = (*ALONE_CHUNKS.values(), *MIXED_CHUNKS.values())


class Lives:
    """Lives by chunk, each played once."""

    def __init__(self, pool: ProcessPoolExecutor | None) -> None:
        self._pool = pool
        self._under_way: dict[Chunk, Future[list[Life]]] = {}
        self._played: dict[Chunk, list[Life]] = {}

    def begin(self, chunk: Chunk) -> None:
        if self._pool is not None and chunk not in self._under_way:
            self._under_way[chunk] = self._pool.submit(play_all, list(chunk))

    def of(self, chunk: Chunk) -> list[Life]:
        if chunk not in self._played:
            self.begin(chunk)
            self._played[chunk] = play_all(list(chunk)) if self._pool is None else self._under_way[chunk].result()
        return self._played[chunk]

    def all(self) -> list[Life]:
        for chunk in ALL_CHUNKS:
            self.begin(chunk)
        return [life for chunk in ALL_CHUNKS for life in self.of(chunk)]


@pytest.fixture(scope="module")
def lives(request: pytest.FixtureRequest) -> Iterator[Lives]:
    jobs = os.cpu_count() or 1
    if jobs == 1 or "PYTEST_XDIST_WORKER" in os.environ:  # under xdist the cores are taken
        yield Lives(None)
        return
    pool = make_pool(jobs)
    try:
        found = Lives(pool)
        for item in request.session.items:
            if item.path == request.path and isinstance(item, pytest.Function) and hasattr(item, "callspec"):
                chunk = item.callspec.params.get("chunk")
                if chunk is not None:
                    found.begin(chunk)
        yield found
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@pytest.fixture(scope="module")
def reached(lives: Lives):
    return added(life.marks for life in lives.all())


@pytest.mark.parametrize("chunk", ALONE_CHUNKS.values(), ids=ALONE_CHUNKS)
def test_one_trouble_again_and_again(lives, chunk):
    assert_green(lives.of(chunk))


@pytest.mark.parametrize("chunk", MIXED_CHUNKS.values(), ids=MIXED_CHUNKS)
def test_mixed_troubles(lives, chunk):
    assert_green(lives.of(chunk))


def assert_green(found: list[Life]) -> None:
    red = [life for life in found if life.is_red]
    if red:
        pytest.fail("\n\n".join([*(life.report for life in red), *(life.verdict for life in red)]), pytrace=False)


# --- and it was not for want of anything happening ---------------------------------------------------------------------


@pytest.mark.timeout(300)
def test_enough_was_played_and_traded(lives):
    found = lives.all()
    assert len(found) >= 200
    assert sum(life.fills for life in found) > 2_000
    assert sum(life.turns for life in found) > 200_000
    assert sum(life.virtual_ms for life in found) > 3 * 3_600_000
    assert sum(life.actions for life in found if life.case.depth == Depth.WIRE.value) > 200


@pytest.mark.parametrize("trouble", ALL_TROUBLES)
def test_every_trouble_struck(reached, trouble):
    assert reached[f"trouble {trouble}"] > 0


@pytest.mark.parametrize("fault", [name for name in ALL_TROUBLES if name in FAULTS])
def test_every_fault_of_the_venue_made_a_difference(lives, fault):
    """Being asked for is not enough: somebody has to have met it."""
    assert added(life.struck for life in lives.all())[fault] > 0


OTHERWISE = {"clock_ahead", "clock_behind"}
"""Drawn as server_clock."""


def test_every_fault_of_the_venue_is_a_trouble():
    """A fault that no seed can draw is a fault that nobody has tried."""
    assert set(FAULTS) - OTHERWISE <= set(ALL_TROUBLES)


IMPORTANT = (
    "kill",
    "repost",
    "finished",
    "reconnect asked for",
    "order entry unknown",
    "order exit unknown",
    "order entry rejected",
    "order entry ended in part",
    "order exit ended in part",
    "order exit rejected",
    "order manual in flight",
    "order manual open",
    "order manual filled",
    "order manual canceled",
    "post orders timed out",
    "post orders disconnected",
    "post orders not sent",
    "post orders refused",
    "post cancels timed out",
    "hard stop disconnected",
    "hard stop operator key (operator)",
    "hard stop clock drift",
    "hard stop reset",
    "audit lookup",
    "alert flatten failed",
    "trade ended by time stop",
    "trade ended by hard stop",
    "trade ended by operator",
    "trade ended by shutdown",
    "signal accepted",
    "signal hard stop",
    "signal not ready",
    "signal paused",
    "signal market risk",
    "signal action budget",
    "signal max position per market",
    "signal max position total",
    "signal daily trade cap",
    "stop program heard",
    "stop confirmed",
    "event TimeJump",
    "event ReadFailed",
    "event PostNotSent",
)
"""Where a life has to have been now and then. Each is a place that the checkers would otherwise guard in vain."""


@pytest.mark.parametrize("mark", IMPORTANT)
def test_every_important_place_was_reached(reached, mark):
    assert reached[mark] > 0


def test_a_life_that_breaks_a_rule_is_red():
    """The planted one: a checker that objects to the tenth order. It must not pass for green anywhere on the way here."""
    objecting = Objecting(all_checkers()[0])
    life = play(Case(0, weather_ms=WEATHER_MS), [objecting])
    assert (life.checker, life.text) == ("Objecting", "the tenth order")
    with pytest.raises(pytest.fail.Exception, match=r'make soak ARGS="--seed 0 --depth value --weather-ms 25000"'):
        assert_green([life])


class Objecting(Check):
    def executed(self, world, entry):
        objects = sum(e.kind == "order" for e in world.exchange.actions) >= 10
        self.expect(not objects, "the tenth order")
