"""One guard taken out of the engine, and how its changed source gets into an interpreter without touching a file.

Decides nothing about what has to notice. Rule that is easy to get wrong: the old text must occur exactly once in its file, so that a
mutant never changes another place than the one it names.

Issue 3 part 4.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from msgspec import Struct

ROOT = Path(__file__).resolve().parents[3]


class DoesNotApply(Exception):
    """The source has moved on: the old text is not there, or not only once."""


class Mutant(Struct, frozen=True):
    name: str
    """File and guard."""
    file: str
    """From the root of the project."""
    old: str
    new: str

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").replace("/", ".")

    def source(self) -> str:
        """The changed file.

        Raises:
            DoesNotApply: The old text does not occur exactly once.
        """
        text = (ROOT / self.file).read_text(encoding="utf-8")
        count = text.count(self.old)
        if count != 1:
            raise DoesNotApply(f"{self.name}: {self.old!r} occurs {count} times in {self.file}, not once")
        return text.replace(self.old, self.new)


def never(name: str, condition: str) -> tuple[str, str, str]:
    """``if <condition>:`` is never true."""
    assert condition.startswith(("if ", "elif ")), condition
    keyword = condition.split()[0]
    first, colon, rest = condition.partition(":\n") if ":\n" in condition else (condition.rstrip(":"), ":", "")
    assert first, name
    return name, condition, f"{keyword} False{colon}{rest}"


def without(name: str, text: str) -> tuple[str, str, str]:
    """The text is gone."""
    return name, text, ""


def nothing(name: str, statement: str) -> tuple[str, str, str]:
    """The statement does nothing."""
    return name, statement, "pass"


def change(name: str, old: str, new: str) -> tuple[str, str, str]:
    assert old != new, name
    return name, old, new


def of(file: str, *guards: tuple[str, str, str]) -> list[Mutant]:
    """The mutants of one file."""
    stem = Path(file).stem
    return [Mutant(f"{stem}.{name}", file, old, new) for name, old, new in guards]


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module from changed text instead of its file; no byte code is written or read."""

    def __init__(self, fullname: str, path: str, text: str) -> None:
        super().__init__(fullname, path)
        self._text = text

    def get_code(self, fullname: str):  # type: ignore[no-untyped-def]
        return compile(self._text, self.path, "exec", dont_inherit=True)


class _Finder:
    def __init__(self, mutants: Sequence[Mutant]) -> None:
        first = mutants[0]
        self._module = first.module
        self._path = str(ROOT / first.file)
        self._text = together(mutants)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._module:
            return None
        return importlib.util.spec_from_loader(fullname, _Loader(fullname, self._path, self._text), origin=self._path)


def together(mutants: Sequence[Mutant]) -> str:
    """One file without several of its guards.

    Raises:
        DoesNotApply: An old text does not occur exactly once, in the file or in what the others left of it.
    """
    text = mutants[0].source()
    for mutant in mutants[1:]:
        count = text.count(mutant.old)
        if count != 1 or mutant.file != mutants[0].file:
            raise DoesNotApply(f"{mutant.name}: {mutant.old!r} occurs {count} times beside {mutants[0].name}, not once")
        text = text.replace(mutant.old, mutant.new)
    return text


def install(mutants: Sequence[Mutant]) -> None:
    """From here on this interpreter imports the mutants' modules changed. What imported them already has to be forgotten before."""
    for module in dict.fromkeys(m.module for m in mutants):
        assert module not in sys.modules, f"{module} is imported already"
        sys.meta_path.insert(0, _Finder([m for m in mutants if m.module == module]))  # type: ignore[arg-type]
