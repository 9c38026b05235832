"""The walls of the house: who may import whom, and how large one idea may get."""

from __future__ import annotations

import ast
import logging
from collections import Counter
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
SOURCES = sorted(p for top in ("core", "hip3_tui") for p in (ROOT / top).rglob("*.py"))

MOST_LINES = 400
MAY_BE_LONGER: dict[str, int] = {}
"""File -> its own limit, with the reason beside it."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_go_downward_only(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    code = lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True)
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False  # the linter's own logging set-up silences whatever was there before it
    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_holds_one_idea(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAY_BE_LONGER.get(name_of(path), MOST_LINES)


def test_no_file_is_excused_that_needs_no_excuse():
    needed = {name_of(p) for p in SOURCES if len(p.read_text(encoding="utf-8").splitlines()) > MOST_LINES}
    assert set(MAY_BE_LONGER) <= needed


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_every_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def imported_by(path: Path) -> set[str]:
    """Every module a file imports, those inside functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def test_only_the_command_line_knows_the_outside():
    """The contract in pyproject.toml lets it through; here nobody else gets through, whatever that list becomes."""
    knowing = {name_of(p) for p in SOURCES if any(m.startswith("core.runtime") for m in imported_by(p))}
    assert {n for n in knowing if n.startswith("hip3_tui/") and not n.startswith("hip3_tui/commands/")} == set()


@pytest.mark.parametrize("part", ["model", "messages", "engine", "hyperliquid", "analysis", "sim"])
def test_what_must_be_repeatable_asks_neither_clock_nor_dice_nor_uuid(part):
    """Wider than the contract: these modules would also be a way to a result that a seed does not repeat."""
    unrepeatable = {"time", "uuid", "secrets", "datetime.now"}
    for path in SOURCES:
        if name_of(path).startswith(f"core/{part}/"):
            assert not unrepeatable & imported_by(path), name_of(path)


def test_no_two_test_files_share_a_name():
    """They are collected by their bare names: of two alike, the second cannot be imported."""
    names = Counter(p.name for p in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
