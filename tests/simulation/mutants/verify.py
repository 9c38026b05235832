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
from mutants.everything import MUTANTS
from mutants.mutant import Mutant
from mutants.record import REPLAY, UNIT, Caught
from mutants.workshop import KINDS, Life, Outcome, lives, prepare, unit_tests

MORE_LIVES = tuple(Life(seed, None, kind) for seed in (1, 2, 3) for kind in KINDS)


class Verifier:
    def __init__(self) -> None:
        self._shipped: dict[Life, Outcome] = {}

    def verify(self, mutant: Mutant, known: Caught) -> tuple[str, str]:
        """Who catches it; empty if nobody does. And what there is to say."""
        if known.is_unit:
            return (UNIT, "") if unit_tests(mutant, known.test) else ("", f"{known.test} does not notice")
        assert known.life is not None
        if known.checker == REPLAY:
            return self._replay(mutant, known)
        outcome = self._red(mutant, known.life)
        if outcome is not None:
            return outcome.checker, outcome.text
        for life in MORE_LIVES:
            outcome = self._red(mutant, life)
            if outcome is not None:
                return outcome.checker, f"moved from {known.life} to {life}: {outcome.text}"
        return "", f"survives {known.life} and {len(MORE_LIVES)} more lives"

    def _replay(self, mutant: Mutant, known: Caught) -> tuple[str, str]:
        """Its tape is another one in the life of the record, or, where the cards were dealt anew, in one of a few more."""
        if not unit_tests(mutant, known.test):
            return "", f"{known.test} does not notice"
        assert known.life is not None
        for life in (known.life, *MORE_LIVES):
            shipped = self._life(life)
            if not shipped.checker and lives(mutant, [life])[0][1] != shipped:
                return REPLAY, "" if life == known.life else f"moved from {known.life} to {life}"
        return UNIT, f"no tape differs any more, in {known.life} and {len(MORE_LIVES)} more lives"

    def _life(self, life: Life) -> Outcome:
        if life not in self._shipped:
            self._shipped[life] = lives(None, [life])[0][1]
        return self._shipped[life]

    def _red(self, mutant: Mutant, life: Life) -> Outcome | None:
        if self._life(life).checker:
            return None
        outcome = lives(mutant, [life])[0][1]
        return outcome if outcome.checker else None


def main(names: list[str]) -> None:
    known = record.read()
    prepare()
    verifier = Verifier()
    for name in names:
        checker, said = verifier.verify(MUTANTS[name], known[name])
        print(json.dumps({"name": name, "checker": checker, "said": said}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
