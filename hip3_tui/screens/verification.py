"""The verification on the screen: the newest summary of the ten checks, and how to make another.

It runs nothing: a verification has the account to itself, so it is a command of its own (`hip3-tui verify`). Easy to get wrong: a summary is of a
time, a network and an account, and says nothing of any other; all three stand on top.

SPEC 9 (verification), 11.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from core.messages.verification import NAMES
from hip3_tui import format as f
from hip3_tui.console import Console
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.reading import ReadingScreen

FOLDER = "verification"
"""Beside the journal, where `hip3-tui verify` leaves its summaries."""
_MOST_BYTES = 100_000
_STYLES = {"PASS": "plate-good", "FAIL": "plate-bad", "NOT RUN": "plate-dim"}


class VerificationScreen(ReadingScreen):
    TITLE_TEXT = "Verification"

    def __init__(self, picture: Picture, console: Console) -> None:
        super().__init__(picture)
        self._summary, self._problem = newest(console.outside.folder)

    def body(self, picture: Picture) -> list[Line]:
        width = self.text_width
        return summary_lines(self._summary, self._problem, width)


def newest(folder: Path | None) -> tuple[dict[str, Any], str]:
    """The newest summary of a run's folder, or why there is none."""
    if folder is None:
        return {}, "this console was given no folder"
    found = sorted((folder / FOLDER).glob("verification-*.toml"))
    if not found:
        return {}, "no verification was made on this account yet"
    try:
        if found[-1].stat().st_size > _MOST_BYTES:
            raise ValueError("is too large")
        return tomllib.loads(found[-1].read_text(encoding="utf-8")), ""
    except (OSError, ValueError) as e:
        return {}, f"{found[-1].name}: {e}"


def summary_lines(summary: dict[str, Any], problem: str, width: int) -> list[Line]:
    """The table, or what keeps it from being shown; in any case how to make one."""
    lines: list[Line] = []
    if problem:
        lines += [text(row, "warn") for row in f.wrap(problem, width)]
        lines += [(), *(text(f"{number:>2}  {name}", "dim") for number, name in NAMES.items())]
    else:
        about = "{time}  {network}, {place}, under {rules}'s rules; {market}; account {account}"
        shown = {key: summary.get(key, f.UNKNOWN) for key in ("time", "network", "place", "rules", "market", "account")}
        lines += [text(row) for row in f.wrap(about.format(**shown), width)]
        lines.append(())
        for check in summary.get("checks", ()):
            lines += _check(check, width)
    return [*lines, (), *(text(row, "dim") for row in f.wrap(_HOW, width))]


_HOW = (
    "hip3-tui verify --config F runs the ten checks from a flat account, with orders of about 11 USD, and leaves it flat. It has the account to "
    "itself: end this console first."
)


def _check(check: Any, width: int) -> list[Line]:
    verdict, reason = str(check.get("verdict", f.UNKNOWN)), str(check.get("reason", ""))
    head: Line = (
        (f"{check.get('number', ''):>2} ", "dim"),
        (f" {verdict:<7} ", _STYLES.get(verdict, "warn")),
        (f" {check.get('name', '')}", "strong"),
    )
    return [head, *(((" " * 13, ""), (row, "dim")) for row in f.wrap(reason, width - 13))]
