"""Who catches which mutant, as a text file that the hunt writes: name, then checker and life, or a unit test.

    entries.last_too_old    EntryInTime  12 20000 -
    scheduler.latched       unit         tests/core/engine/test_scheduler.py::test_...

Judges nothing. A life is its seed, the length of its weather, and its only trouble (- : drawn).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from mutants.workshop import Life

FILE = Path(__file__).with_name("record.txt")
UNIT = "unit"


class Caught(Struct, frozen=True):
    checker: str
    life: Life | None = None
    test: str = ""

    @property
    def is_unit(self) -> bool:
        return self.checker == UNIT

    def __str__(self) -> str:
        return f"{self.checker:14} {self.test if self.life is None else self.life}"


def read() -> dict[str, Caught]:
    found = {}
    for line in FILE.read_text(encoding="utf-8").splitlines() if FILE.exists() else ():
        name, checker, *rest = line.split(maxsplit=2 if f" {UNIT} " in line else -1)
        if checker == UNIT:
            found[name] = Caught(UNIT, test=rest[0])
        else:
            seed, weather, only = rest
            life = Life(int(seed), None if weather == "-" else int(weather), None if only == "-" else only)
            found[name] = Caught(checker, life)
    return found


def write(caught: Mapping[str, Caught]) -> None:
    text = "".join(f"{name:32} {how}\n" for name, how in sorted(caught.items()))
    FILE.write_text(text, encoding="utf-8")
