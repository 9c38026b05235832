"""Who catches which mutant, as a text file that the hunt writes: name, then checker and life, or a unit test.

    entries.last_too_old    EntryInTime  12 20000 -
    scheduler.latched       unit         tests/core/engine/test_scheduler.py::test_...
    orders.late_end         replay       3 - +storm tests/core/engine/test_orders.py::test_...

`replay`: no checker minds, but the tape of this life, as the shipped engine lives it, is another one without the guard; the unit test says
what the guard is for. `python tests/simulation/mutants/record.py` counts them. Judges nothing. A life is its seed, the length of its weather, and its only trouble (- : drawn).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from msgspec import Struct
from mutants.workshop import Life

FILE = Path(__file__).with_name("record.txt")
UNIT = "unit"
REPLAY = "replay"


class Caught(Struct, frozen=True):
    checker: str
    life: Life | None = None
    test: str = ""

    @property
    def is_unit(self) -> bool:
        return self.checker == UNIT

    def __str__(self) -> str:
        return f"{self.checker:14} {' '.join(str(x) for x in (self.life, self.test) if x)}"


def read() -> dict[str, Caught]:
    found = {}
    for line in FILE.read_text(encoding="utf-8").splitlines() if FILE.exists() else ():
        name, checker, *rest = line.split(maxsplit=2 if f" {UNIT} " in line else -1)
        if checker == UNIT:
            found[name] = Caught(UNIT, test=rest[0])
        else:
            seed, weather, only, *test = rest
            life = Life(int(seed), None if weather == "-" else int(weather), None if only == "-" else only)
            found[name] = Caught(checker, life, " ".join(test))
    return found


def write(caught: Mapping[str, Caught]) -> None:
    text = "".join(f"{name:32} {how}\n" for name, how in sorted(caught.items()))
    FILE.write_text(text, encoding="utf-8")


def summary() -> str:
    """How many guards each checker stands for, most first."""
    known = read()
    counts = Counter(how.checker for how in known.values())
    in_lives = sum(counts.values()) - counts[UNIT]
    lines = [f"{len(known)} mutants: {in_lives} turn a life red, {counts[UNIT]} a unit test alone"]
    return "\n".join((*lines, *(f"  {checker:20} {count:4}" for checker, count in counts.most_common())))


if __name__ == "__main__":
    print(summary())
