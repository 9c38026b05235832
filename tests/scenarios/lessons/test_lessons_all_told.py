"""Every lesson has its story here, under its own number. L47 and L48 are told where there is a real terminal, in tests/hip3_tui."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LESSONS = [f"l{n:02d}" for n in range(1, 47)]


@cache
def stories() -> dict[str, str]:
    """Name of each test of this folder -> its docstring."""
    found = {}
    for path in sorted(HERE.glob("test_lessons_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_l"):
                found[node.name] = ast.get_docstring(node) or ""
    return found


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_has_a_story(lesson: str) -> None:
    told = {name: text for name, text in stories().items() if name.startswith(f"test_{lesson}_")}
    assert told, f"nobody tells {lesson.upper()}"
    short = [name for name, text in told.items() if len(text.split()) < 15]
    assert not short, f"event, effect, and what the operator sees: {short}"
