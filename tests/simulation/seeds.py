"""One seed's life, played under every checker and told in figures: what the tests ask of many seeds, and what `make soak` adds up.

    life = play(Case(12, "wire"))        # never raises: a life that went red says so
    life.checker, life.text, life.story  # empty when it is green
    life.case.command                    # the one command that plays it again

A case names everything that its life depends on, so it can be played in any process. Easy to get wrong: whatever is raised in there is a
red seed, also where the world or a checker itself broke; nothing may be mistaken for a seed that was never played.
"""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from branches import Branches
from checkers import all_checkers
from msgspec import Struct, field
from way_out_checkers import TimeStopped
from wire_checkers import Inflight

from core.messages.effects import Effect
from core.messages.events import Tick
from core.messages.tape import Message
from core.sim.world.plan import START_MS, Depth, draw
from core.sim.world.story import story
from core.sim.world.troubles import ALL_TROUBLES
from core.sim.world.watcher import Violation, Watcher
from core.sim.world.world import ACCOUNT, World

STORY_LINES = 40
MOST_TURNS, MOST_TURNS_A_SECOND = 200_000, 100
"""Forty times what a short life has, and four times a long one. A life beyond it goes round in circles."""


class Case(Struct, frozen=True):
    """Which life."""

    seed: int
    depth: str = Depth.VALUE.value
    only: str | None = None
    """Its one trouble; None: a mixture."""
    weather_ms: int | None = None
    """How long things go wrong; None: as the seed has it."""
    hours: float | None = None
    """A long life of everyday trading; None: a short one in which things go wrong all the time."""

    def __str__(self) -> str:
        return " ".join(["--seed", str(self.seed), *self._rest()])

    def _rest(self) -> Iterator[str]:
        yield from ("--depth", self.depth)
        if self.only is not None:
            yield from ("--only", self.only)
        if self.weather_ms is not None:
            yield from ("--weather-ms", str(self.weather_ms))
        if self.hours is not None:
            yield from ("--hours", f"{self.hours:g}")

    @property
    def command(self) -> str:
        """Plays it again, from a fresh clone as well."""
        return f'make soak ARGS="{self}"'


class Life(Struct, frozen=True, kw_only=True):
    """What a life came to. Times are virtual unless they say otherwise."""

    case: Case
    checker: str = ""
    """Who found something wrong; empty: nobody."""
    text: str = ""
    story: str = ""
    digest: str = ""
    """Of the tape; the same case always has the same."""
    virtual_ms: int = 0
    cpu_s: float = 0.0
    turns: int = 0
    programs: int = 0
    actions: int = 0
    """Actions that the venue took or refused."""
    fills: int = 0
    peak_inflight: int = 0
    longest_hold_ms: int = 0
    """How long a position was held at most while nothing was in the way of its exit."""
    marks: dict[str, int] = field(default_factory=dict)
    """What it has been through, by name."""
    struck: dict[str, int] = field(default_factory=dict)
    """Faults of the venue that made a difference, by name."""

    @property
    def is_red(self) -> bool:
        return bool(self.checker)

    @property
    def verdict(self) -> str:
        """One line, and for a red one the command that shows it again."""
        if self.is_red:
            head = self.text.splitlines()[0] if self.text else ""
            return f"RED    seed {self.case.seed} {self.case.depth}: {self.checker}: {head}"
        return f"green  seed {self.case.seed} {self.case.depth}: {self.turns} turns, {self.fills} fills"

    @property
    def report(self) -> str:
        """For whoever has to mend it."""
        return f"{self.story}\n\n{self.checker}: {self.text}\nagain: {self.case.command}"


class Endless(Watcher):
    """A life has an end."""

    quiet = (Tick,)

    def __init__(self, hours: float | None) -> None:
        self._most = MOST_TURNS + int((hours or 0) * 3600 * MOST_TURNS_A_SECOND)

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if world.turns > self._most:
            raise Violation("Endless", f"{world.turns} turns in {(world.agenda.now_ms - START_MS) / 1000:.1f} s")


def play(
    case: Case,
    more: Iterable[Watcher] = (),
    *,
    story_lines: int = STORY_LINES,
    always_tell: bool = False,
    record: Callable[[bytes], None] | None = None,
) -> Life:
    """Let it live.

    Args:
        more: Watchers beside all checkers.
        always_tell: The story of a green life as well.
        record: Told every line of the tape, without its end.
    """
    ledger, checks = all_checkers()
    branches = Branches()
    plan = draw(case.seed, Depth(case.depth), ACCOUNT, only=case.only, weather_ms=case.weather_ms, hours=case.hours)
    world = World(plan, (ledger, *checks, branches, Endless(case.hours), *more), record=record)
    checker = text = ""
    began = time.process_time()
    try:
        world.live()
    except Violation as e:
        checker, text = e.checker, e.text
        if e.__cause__ is not None:
            text += "\n" + "".join(traceback.format_exception(e.__cause__, limit=-6)).rstrip()
    except Exception as e:  # the world itself, or a checker, is broken: red like anything else
        checker, text = type(e).__name__, f"{e}\n{''.join(traceback.format_exception(e, limit=-6)).rstrip()}"
    cpu_s = time.process_time() - began
    by_kind = {type(c): c for c in checks}
    inflight, time_stopped = by_kind[Inflight], by_kind[TimeStopped]
    assert isinstance(inflight, Inflight)
    assert isinstance(time_stopped, TimeStopped)
    return Life(
        case=case,
        checker=checker,
        text=text,
        story=story(world, story_lines) if checker or always_tell else "",
        digest=world.digest,
        virtual_ms=world.agenda.now_ms - START_MS,
        cpu_s=cpu_s,
        turns=world.turns,
        programs=branches.programs,
        actions=branches.actions,
        fills=len(world.exchange.venue.fills_of(ACCOUNT)),
        peak_inflight=inflight.peak,
        longest_hold_ms=time_stopped.longest_ms,
        marks=dict(world.marks + branches.reached),
        struck=dict(world.exchange.faults.struck),
    )


def alone(seeds: Iterable[int], depth: str = Depth.VALUE.value, weather_ms: int | None = None) -> list[Case]:
    """Every trouble alone, with each of these seeds."""
    return [Case(seed, depth, only, weather_ms) for seed in seeds for only in ALL_TROUBLES]


def added(counts: Iterable[dict[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total
