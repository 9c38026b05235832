"""Which lines of the engine a life comes by: a mutant is tried only where its line is run.

Decides nothing about red. Slow (every line is traced), so it is done once for many lives; `hunt.py --reach FILE` keeps the answer in a file.
"""

from __future__ import annotations

import ast
import difflib
import json
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from mutants.mutant import ROOT, Mutant
from mutants.workshop import Life, live

_TRACED = (str(ROOT / "core/engine") + "/", str(ROOT / "core/model") + "/")

Reached = dict[Life, frozenset[tuple[str, int]]]
"""File (from the root) and line, of lives that the shipped engine lives green."""


def lines_of(mutant: Mutant) -> set[tuple[str, int]]:
    """What the mutant changes, and the line after it: the body of a guard is run when the guard holds."""
    old = (ROOT / mutant.file).read_text(encoding="utf-8").splitlines()
    changed: set[tuple[str, int]] = set()
    matcher = difflib.SequenceMatcher(a=old, b=mutant.source().splitlines(), autojunk=False)
    for tag, start, end, _, _ in matcher.get_opcodes():
        if tag != "equal":
            changed |= {(mutant.file, n + 1) for n in range(start, max(end, start + 1) + 1)}
    return changed


def trace(several: Sequence[Life]) -> str:
    """Live them all in this process (a child of the workshop); the answer as text."""
    found = []
    for life in several:
        seen: dict[CodeType, set[int]] = {}
        left: dict[CodeType, int] = {}

        def enter(frame: FrameType, event: str, _: Any, seen: Any = seen, left: Any = left) -> Any:
            code = frame.f_code
            if not code.co_filename.startswith(_TRACED):
                return None
            if code not in seen:
                seen[code] = set()
                left[code] = len({n for _, _, n in code.co_lines() if n is not None})
            return step if len(seen[code]) < left[code] else None

        def step(frame: FrameType, event: str, _: Any, seen: Any = seen) -> Any:
            seen[frame.f_code].add(frame.f_lineno)
            return step

        sys.settrace(enter)
        try:
            outcome = live(life)
        finally:
            sys.settrace(None)
        if not outcome.checker:
            lines = {(str(Path(c.co_filename).relative_to(ROOT)), n) for c, ns in seen.items() for n in ns}
            found.append([[life.seed, life.weather_ms, life.only], sorted(lines)])
    return json.dumps(found)


def parse(text: str) -> Reached:
    return {Life(*life): frozenset((f, n) for f, n in lines) for life, lines in json.loads(text)}


@cache
def _inside_functions(file: str) -> frozenset[int]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    bodies = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    return frozenset(line for b in bodies for line in range(b.body[0].lineno, (b.end_lineno or 0) + 1))


def lives_for(mutant: Mutant, reached: Reached, most: int) -> list[Life]:
    """Those lives that come by most of the mutant's lines, and among them the most different ones (kinds in turn)."""
    wanted = {(file, n) for file, n in lines_of(mutant) if n in _inside_functions(file)}
    if not wanted:  # a table, a constant: run once, when it is imported, and asked in any life
        return sorted(reached, key=lambda x: x.seed)[:most]
    met = {life: len(wanted & lines) for life, lines in reached.items()}
    best = sorted((life for life, count in met.items() if count), key=lambda x: (-met[x], x.seed))
    return best[:most]
