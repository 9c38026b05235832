"""Checks the record: `python tests/simulation/mutants/verify.py NAME ...`. One line of JSON per mutant: who caught it now, and what he said.

A mutant is caught when its life of the record is red and the shipped engine lives the same life green (that a unit test of the record is
green without the mutant is what the rest of the tests shows). A change of the world deals other
cards to a life; then the mutant gets another few lives before it counts as a survivor, and the line says that the record has moved.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mutants import record
from mutants.everything import MUTANTS, first_lines
from mutants.mutant import Mutant
from mutants.record import REPLAY, UNIT, Caught
from mutants.workshop import KINDS, Life, Outcome, lives, prepare, unit_tests

MORE_LIVES = tuple(Life(seed, None, kind) for seed in (1, 2, 3) for kind in KINDS)


class Verifier:
    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], dict[Life, Outcome]] = {}

    def verify(self, mutant: Mutant, known: Caught) -> tuple[str, str]:
        """Who catches it; empty if nobody does. And what there is to say."""
        if known.is_unit:
            return (UNIT, "") if unit_tests((mutant,), known.test) else ("", f"{known.test} does not notice")
        if known.checker == REPLAY and not unit_tests((mutant,), known.test):
            return "", f"{known.test} does not notice"
        assert known.life is not None
        for life in (known.life, *MORE_LIVES):
            base, outcome = self._lives(mutant, life)
            moved = "" if life == known.life else f"moved from {known.life} to {life}: "
            if not base.checker and outcome.checker:
                return outcome.checker, moved + outcome.text
            if known.checker == REPLAY and outcome != base and not base.checker:
                return REPLAY, moved
        return "", f"survives {known.life} and {len(MORE_LIVES)} more lives"

    def _lives(self, mutant: Mutant, life: Life) -> tuple[Outcome, Outcome]:
        """With the guard and without it, both without the lines before it."""
        before = first_lines(mutant)
        known = self._known.setdefault(tuple(m.name for m in before), {})
        if life not in known:
            known[life] = lives(before, [life])[0][1]
        return known[life], lives((*before, mutant), [life])[0][1]


def main(names: list[str]) -> None:
    known = record.read()
    prepare()
    verifier = Verifier()
    for name in names:
        checker, said = verifier.verify(MUTANTS[name], known[name])
        print(json.dumps({"name": name, "checker": checker, "said": said}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
