"""Finds out who catches a mutant: `python tests/simulation/mutants/hunt.py [name ...] [--seeds N] [--only TROUBLE] [--units] [--record]`.

Without names: every mutant that the record does not know, or, with --all, every mutant. Prints one row of the record for each that is
caught, and for each that survives on how many lives it made a difference at all. Lives in which the shipped engine itself is red are
passed over. A mutant that no checker minds but whose tape differs is caught by `replay`, if the record has a test that says what it is for.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from msgspec.structs import replace
from mutants import record
from mutants.everything import MUTANTS, first_lines
from mutants.mutant import ROOT, DoesNotApply, Mutant
from mutants.reach import Reached, lives_for, parse, trace
from mutants.record import REPLAY, UNIT, Caught
from mutants.workshop import KINDS, Life, Outcome, apart, lives, prepare, unit_tests

UNIT_TESTS = "tests/core/engine"


class Hunter:
    def __init__(self, several: Sequence[Life]) -> None:
        self._lives = list(several)
        self._without: dict[tuple[str, ...], dict[Life, Outcome]] = {}

    def hunt(self, mutant: Mutant, reached: Reached | None = None, most: int = 0) -> tuple[Caught | None, str]:
        """Who caught it, and what he said; else on how many lives it made a difference."""
        several = self._lives if reached is None else lives_for(mutant, reached, most)
        if not several:
            return None, "no life comes by"
        before = first_lines(mutant)
        known = self._base(before, several)
        several = [x for x in several if not known[x].checker]
        if not several:
            return None, "every life is red without the first lines alone"
        seen = lives((*before, mutant), several)
        life, outcome = seen[-1]
        if outcome.checker:
            return Caught(outcome.checker, life), outcome.text
        different = [x for x, o in seen if o.digest != known[x].digest]
        said = f"different in {len(different)} of {len(seen)} lives"
        return (Caught(REPLAY, different[0]) if different else None), said

    def _base(self, before: tuple[Mutant, ...], several: Sequence[Life]) -> dict[Life, Outcome]:
        """How the engine fares that has the guard, in these lives; those in which it is red are good for nothing."""
        known = self._without.setdefault(tuple(m.name for m in before), {})
        missing = [x for x in several if x not in known]
        known.update(lives(before, missing, stop_at_red=False) if missing else ())
        for life in missing if not before else ():
            if known[life].checker:
                print(f"# the shipped engine is red in {life}: {known[life].checker}: {known[life].text}", flush=True)
        return known


def main() -> int:
    args = _arguments()
    known = record.read()
    names = args.names or [n for n in MUTANTS if args.all or n not in known]
    seeds = range(args.first, args.first + args.seeds)
    several = [Life(seed, args.weather, kind) for seed in seeds for kind in args.only or KINDS]
    prepare()
    hunter = Hunter(several)
    reached = _reached(Path(args.reach), several) if args.reach else None
    began, count = time.monotonic(), 0
    for name in names:
        try:
            caught, said = (
                hunter.hunt(MUTANTS[name], reached, args.most) if args.seeds else (None, "no lives asked for")
            )
            if caught is not None and caught.checker == REPLAY:
                caught = _with_test(caught, known.get(name))
            if caught is None and args.units:
                test = _unit_test(MUTANTS[name], args.tests)
                caught = Caught(UNIT, test=test) if test else None
        except (DoesNotApply, RuntimeError) as e:
            caught, said = None, str(e)
        if caught is None:
            print(f"SURVIVES {name}: {said}", flush=True)
            continue
        count += 1
        print(f"{name:32} {caught}   # {said[:120]}", flush=True)
        if args.record:
            record.write(record.read() | {name: caught})
    print(f"# {count} of {len(names)} caught in {time.monotonic() - began:.0f} s", flush=True)
    return 0 if count == len(names) else 1


def _with_test(replay: Caught, known: Caught | None) -> Caught | None:
    """A tape that differs says that the guard does something, not that it is right: that is for the test the record has."""
    return replace(replay, test=known.test) if known is not None and known.test else None


def _reached(file: Path, several: Sequence[Life]) -> Reached:
    """From the file, or traced now and kept there."""
    if not file.exists():
        text = apart((), lambda: trace(several))
        assert isinstance(text, str)
        file.write_text(text, encoding="utf-8")
    return parse(file.read_text(encoding="utf-8"))


def _unit_test(mutant: Mutant, tests: str | None) -> str:
    """The first unit test that notices: those of the file itself are asked first."""
    if tests is not None:
        return unit_tests((mutant,), *tests.split())
    own = f"{UNIT_TESTS}/test_{Path(mutant.file).name}"
    return ((ROOT / own).exists() and unit_tests((mutant,), own)) or unit_tests((mutant,), UNIT_TESTS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Who catches a mutant?")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--all", action="store_true", help="those that the record knows as well")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--weather", type=int, help="length of the weather in ms (default: as it is drawn)")
    parser.add_argument("--only", nargs="+", help="the one trouble of all lives, or a kind of trial (trials.py)")
    parser.add_argument("--reach", help="a file: try each mutant only in lives that come by its line")
    parser.add_argument("--most", type=int, default=8, help="in at most so many of them")
    parser.add_argument("--units", action="store_true", help="ask the unit tests about those that survive")
    parser.add_argument("--tests", help="which unit tests (default: those of the file, then those of the engine)")
    parser.add_argument("--record", action="store_true", help="write down what was found")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
