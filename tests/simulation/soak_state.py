"""The sums of a soak in a file, so that hours of it can be played in pieces, whenever the machine is free.

A file belongs to whatever lives were played into it: seeds, levels and lengths may differ from piece to piece, and no life is counted
twice. Easy to get wrong: the file is replaced in one step, for a soak is interrupted by force more often than not.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from seeds import Case, Life
from soak_report import Totals


class StateError(ValueError):
    """The file is not one of ours, or cannot be read or written; the text says which file and why."""


class State:
    def __init__(self, path: Path | None, totals: Totals, played: dict[str, set[int]]) -> None:
        self._path = path
        self.totals = totals
        self._played = played
        """Seeds by what else makes the life: level, trouble, length."""

    @classmethod
    def of(cls, path: Path | None) -> State:
        """What the file holds; empty sums without a file, or where there is none yet.

        Raises:
            StateError: It cannot be read.
        """
        if path is None or not path.exists():
            return cls(path, Totals(), {})
        try:
            data = msgspec.json.decode(path.read_bytes())
            totals = _totals(data["totals"])
            played = {kind: set(_spread(pieces)) for kind, pieces in data["played"].items()}
        except (OSError, msgspec.MsgspecError, KeyError, TypeError, AttributeError, ValueError) as e:
            raise StateError(f"{path}: not the sums of a soak: {type(e).__name__}: {e}") from None
        return cls(path, totals, played)

    def without_played(self, cases: Iterable[Case]) -> Iterator[Case]:
        """Those that are not in the sums."""
        return (case for case in cases if case.seed not in self._played.get(_kind(case), ()))

    def note(self, case: Case) -> None:
        self._played.setdefault(_kind(case), set()).add(case.seed)

    def save(self) -> None:
        """Nothing without a file.

        Raises:
            StateError: It cannot be written.
        """
        if self._path is None:
            return
        played = {kind: _pieces(seeds) for kind, seeds in self._played.items()}
        data = msgspec.json.encode({"totals": msgspec.to_builtins(vars(self.totals)), "played": played})
        beside = self._path.with_name(self._path.name + ".new")
        try:
            beside.write_bytes(data)
            os.replace(beside, self._path)
        except OSError as e:
            raise StateError(f"{self._path}: cannot be written: {e.strerror}") from None


def _kind(case: Case) -> str:
    return str(case).partition(f"--seed {case.seed} ")[2]


def _totals(data: dict[str, Any]) -> Totals:
    totals = Totals()
    for name, empty in vars(totals).items():
        value = data[name]
        if name == "red":
            value = msgspec.convert(value, list[Life])
        elif isinstance(empty, Counter):
            value = Counter(value)
        elif type(value) not in (int, float):
            raise TypeError(f"{name} is no number")
        setattr(totals, name, value)
    return totals


def _pieces(seeds: set[int]) -> list[tuple[int, int]]:
    """Runs of seeds as (first, last)."""
    found: list[tuple[int, int]] = []
    for seed in sorted(seeds):
        if found and found[-1][1] == seed - 1:
            found[-1] = (found[-1][0], seed)
        else:
            found.append((seed, seed))
    return found


def _spread(pieces: Iterable[Iterable[int]]) -> Iterator[int]:
    for first, last in pieces:
        yield from range(first, last + 1)
