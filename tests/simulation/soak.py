"""Seeds for as long as asked, on all cores; or one seed with its story.

    make soak ARGS="--minutes 60"                        until the time is over
    make soak ARGS="--seeds 0-999 --depth both"          these seeds, at value and at wire level
    make soak ARGS="--minutes 5 --only crash"            lives of one trouble; `--only each`: every trouble in turn
    make soak ARGS="--minutes 60 --hours 2"              lives of two hours: everyday trading, a trouble every few minutes
    make soak ARGS="--minutes 60 --state soak.json"      sums are kept in the file; asked again, it goes on where it was
    make soak ARGS="--seed 12 --depth wire"              one life, its story and its verdict
    make soak ARGS="--seed 12 --tape life.tape"          and what its engines were told and answered, for `hip3-tui replay`

Exit code 0: every seed was green, 1: one was red, 2: wrong arguments. Ctrl+C or SIGTERM ends it early, with the report of what was played.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [p for p in (str(ROOT), str(HERE)) if p not in sys.path]

from seeds import STORY_LINES, Case, Life, play  # noqa: E402
from soak_state import State, StateError  # noqa: E402

from core.sim.world.plan import Depth  # noqa: E402
from core.sim.world.troubles import ALL_TROUBLES  # noqa: E402

EACH = "each"
MOST_HOURS = 12
"""Until midnight, where counters of the day begin anew; the venue lists 10,000 fills of an account, which is about as long."""
_PROGRESS_EVERY_S = 10.0
_AT_ONCE = 4
"""A short life takes a fraction of a second."""


# --- many lives --------------------------------------------------------------------------------------------------------


def begin_worker() -> None:
    """A worker leaves Ctrl+C to the parent, and does not look for garbage among the modules."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()


def play_all(cases: list[Case]) -> list[Life]:
    return [play(case) for case in cases]


def make_pool(jobs: int) -> ProcessPoolExecutor:
    """Fresh interpreters: a fork would copy whatever threads hold at that moment. Ctrl+C does not reach them while they start either."""
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), begin_worker)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # they inherit it; for us it only waits
    try:
        for _ in range(jobs):
            pool.submit(os.getpid)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pool


def lives_of(cases: Iterable[Case], jobs: int, deadline: float | None, at_once: int = _AT_ONCE) -> Iterator[Life]:
    """Play them as they come, in any order.

    Args:
        deadline: On the monotonic clock; no life is begun after it.
        at_once: Lives handed to a worker together.
    """
    cases = iter(cases)
    if jobs == 1:
        for case in cases:
            if deadline is not None and time.monotonic() >= deadline:
                return
            yield play(case)
        return
    with make_pool(jobs) as pool:
        running: set[Future[list[Life]]] = set()
        try:
            while True:
                while len(running) < 2 * jobs and (deadline is None or time.monotonic() < deadline):
                    some = list(islice(cases, at_once))
                    if not some:
                        break
                    running.add(pool.submit(play_all, some))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def cases_of(args: argparse.Namespace) -> Iterator[Case]:
    """What was asked for; without end when there is only a time."""
    first, last = args.seeds or (args.first, None)
    depths = [d.value for d in Depth] if args.depth == "both" else [args.depth]
    troubles = list(ALL_TROUBLES)
    for seed in count(first) if last is None else range(first, last + 1):
        only = troubles[seed % len(troubles)] if args.only == EACH else args.only
        for depth in depths:
            yield Case(seed, depth, only, args.weather_ms, args.hours)


def soak(args: argparse.Namespace) -> int:
    """Play until the end and tell; answers the exit code."""
    began = time.monotonic()
    deadline = None if args.minutes is None else began + 60 * args.minutes
    state = State.of(args.state)
    totals, next_word = state.totals, began + _PROGRESS_EVERY_S
    earlier_s = totals.wall_s
    lives = lives_of(state.without_played(cases_of(args)), args.jobs, deadline, _AT_ONCE if args.hours is None else 1)
    try:
        print(f"playing with --jobs {args.jobs}; Ctrl+C ends it with the report", flush=True)
        for life in lives:
            totals.add(life)
            totals.wall_s = earlier_s + time.monotonic() - began
            state.note(life.case)
            if life.is_red:
                print(f"{life.verdict}\n       again: {life.case.command}", flush=True)
            if time.monotonic() >= next_word:
                print(totals.progress(), flush=True)
                state.save()
                next_word = time.monotonic() + _PROGRESS_EVERY_S
    except KeyboardInterrupt:
        print("\ninterrupted", flush=True)
    totals.wall_s = earlier_s + time.monotonic() - began
    state.save()
    print(totals.report(args.jobs), flush=True)
    return 1 if totals.red else 0


# --- one life ----------------------------------------------------------------------------------------------------------


class TapeFiles:
    """A tape holds one program's life, so every start begins a file: NAME, NAME.2, NAME.3 ..."""

    def __init__(self, path: Path) -> None:
        self.paths: list[Path] = []
        self._path = path
        self._lines: list[list[bytes]] = []

    def take(self, line: bytes) -> None:
        if line.startswith(b"{"):  # a start; a turn is an array
            self._lines.append([])
        self._lines[-1].append(line)

    def write(self) -> None:
        for number, lines in enumerate(self._lines, 1):
            path = self._path if number == 1 else self._path.with_name(f"{self._path.name}.{number}")
            path.write_bytes(b"".join(line + b"\n" for line in lines))
            self.paths.append(path)


def one(args: argparse.Namespace) -> int:
    """Play one life and tell it; answers the exit code."""
    only = list(ALL_TROUBLES)[args.seed % len(ALL_TROUBLES)] if args.only == EACH else args.only
    tapes = None if args.tape is None else TapeFiles(args.tape)
    code = 0
    for depth in [d.value for d in Depth] if args.depth == "both" else [args.depth]:
        life = play(
            Case(args.seed, depth, only, args.weather_ms, args.hours),
            story_lines=args.story,
            always_tell=True,
            record=None if tapes is None else tapes.take,
        )
        if life.is_red:
            code = 1
            print(life.report)
        else:
            print(f"{life.story}\n")
        print(f"{life.verdict}\ntape {life.digest}", flush=True)
    if tapes is not None:
        tapes.write()
        for path in tapes.paths:
            print(f"hip3-tui replay {path}")
    return code


# --- arguments ---------------------------------------------------------------------------------------------------------


def seed_range(text: str) -> tuple[int, int]:
    """``A-B``, both included, or ``A``."""
    first, _, last = text.partition("-")
    if not first.isdecimal() or (last and not last.isdecimal()) or (last and int(last) < int(first)):
        raise argparse.ArgumentTypeError(f"{text!r}: expected A-B with A <= B, for example 0-99")
    return int(first), int(last or first)


def some_hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0 < hours <= MOST_HOURS:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of hours up to {MOST_HOURS}")
    return hours


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("soak", description="The engine in simulated lives, under every checker.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--minutes", type=float, help="how long; default 1 unless seeds are named")
    what.add_argument("--seeds", type=seed_range, metavar="A-B", help="these seeds, B included")
    what.add_argument("--seed", type=int, help="one seed, with its story")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="SEED", help="first seed of --minutes")
    parser.add_argument("--depth", choices=[*(d.value for d in Depth), "both"], default=Depth.VALUE.value)
    parser.add_argument(
        "--only", choices=[*ALL_TROUBLES, EACH], metavar="TROUBLE", help=f"{', '.join(ALL_TROUBLES)}; or {EACH}"
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--weather-ms", type=int, help="how long things go wrong; default as the seed has it")
    length.add_argument("--hours", type=some_hours, help="long lives: everyday trading, a trouble every few minutes")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep the sums here, and go on from them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes; default one for each core")
    parser.add_argument("--story", type=int, default=STORY_LINES, metavar="LINES", help="of --seed: how much of it")
    parser.add_argument("--tape", type=Path, metavar="FILE", help="of --seed: write its tape")
    args = parser.parse_args(argv)
    if args.seed is None and args.seeds is None and args.minutes is None:
        args.minutes = 1.0
    if args.tape is not None and (args.seed is None or args.depth == "both"):
        parser.error("--tape: goes with --seed at one depth")
    if args.state is not None and args.seed is not None:
        parser.error("--state: one seed has no sums to keep")
    if args.jobs < 1:
        parser.error(f"--jobs {args.jobs}: expected 1 or more")
    return args


def main(argv: list[str] | None = None) -> int:
    args = arguments(argv)
    if args.seed is not None:
        return one(args)
    try:
        return soak(args)
    except StateError as e:
        print(f"soak: {e}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else its workers would wait for ever for the next life
    sys.exit(main())
