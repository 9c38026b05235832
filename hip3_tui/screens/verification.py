"""The verification on the screen: the newest summary of the ten checks, and a run of them on this very program.

A run pauses our own entries and needs a flat account; where mainnet's rules apply, the word is typed first. Easy to get wrong: a summary is of a
time, a network and an account, and says nothing of any other; all three stand on top. Nothing is resumed afterwards: that is the operator's.

SPEC 9 (verification), 11.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from textual.widget import Widget
from textual.widgets import Button, Input, Static

from core.messages.verification import NAMES, CheckResult, VerificationHandle
from hip3_tui import format as f
from hip3_tui.console import Console
from hip3_tui.operator_actions import key_of
from hip3_tui.panes.live_lines import Line, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.reading import ReadingScreen

FOLDER = "verification"
"""Beside the journal, where the summaries lie."""
_MOST_BYTES = 100_000
_STYLES = {"PASS": "plate-good", "FAIL": "plate-bad", "NOT RUN": "plate-dim"}


class VerificationScreen(ReadingScreen):
    TITLE_TEXT = "Verification"
    HINT = "up, down: scroll   Tab: button   Esc: back"

    def __init__(self, picture: Picture, console: Console) -> None:
        super().__init__(picture)
        self.console = console
        self._handle: VerificationHandle | None = console.outside.verification if picture.window is None else None
        self._ended = "" if self._handle is None else self._handle.end
        self._summary, self._problem = newest(console.outside.folder)

    def body(self, picture: Picture) -> list[Line]:
        handle, width = self._handle, self.text_width
        if handle is not None and (handle.is_running or (handle.end and not handle.end.startswith("summary"))):
            return run_lines(handle, width, key_of(picture, "pause_entries"), key_of(picture, "hard_stop"))
        if handle is not None and handle.end != self._ended:
            self._ended = handle.end
            self._summary, self._problem = newest(self.console.outside.folder)
        return [*summary_lines(self._summary, self._problem, width), *_how(handle, width)]

    def fields(self) -> Iterable[Widget]:
        word = Input(placeholder=f"type {self._handle.word} to begin" if self._handle else "", id="word", max_length=20)
        word.cursor_blink = False
        word.display = bool(self._handle and self._handle.word)
        yield word
        yield Static("", id="complaint", markup=False)

    def buttons(self) -> Iterable[Button]:
        yield Button("Close", id="close")
        if self._handle is not None:
            yield Button("Run the ten checks", id="go", classes="-danger")

    def on_mount(self) -> None:
        self.query_one("#close", Button).focus()

    def show(self, picture: Picture) -> None:
        super().show(picture)
        if self._handle is not None and self.is_mounted:
            self.query_one("#go", Button).display = not self._handle.is_running
            self.query_one("#word", Input).display = bool(self._handle.word) and not self._handle.is_running

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._begin()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "go":
            self._begin()
        else:
            self.dismiss(None)

    def _begin(self) -> None:
        assert self._handle is not None, "without one there is no button"
        word = self.query_one("#word", Input)
        refusal = self._handle.begin(word.value)
        self.query_one("#complaint", Static).update(f"Not begun: {refusal}." if refusal else "")
        word.clear()
        self.show(self.console.look())
        if not refusal:
            self.query_one("#close", Button).focus()


def run_lines(handle: VerificationHandle, width: int, pause: str, stop: str) -> list[Line]:
    """The run as far as it has come; after one that was broken off, why."""
    done = {result.number: result for result in handle.results}
    now = min((number for number in NAMES if number not in done), default=0) if handle.is_running else 0
    words = f"under way on {handle.market}: our own entries are paused; {stop} stops it with everything else"
    lines = [text(row, "warn") for row in f.wrap(words if handle.is_running else handle.end, width)]
    lines.append(())
    for number, name in NAMES.items():
        if number in done:
            lines += _check(_as_data(done[number]), width)
        else:
            state = " ...     " if number == now else " -       "
            lines.append(((f"{number:>2} ", "dim"), (state, "warn" if number == now else "dim"), (f" {name}", "")))
    return [
        *lines,
        (),
        *(text(row, "dim") for row in f.wrap(f"Afterwards entries stay paused: {pause} resumes.", width)),
    ]


def _as_data(result: CheckResult) -> dict[str, Any]:
    return {"number": result.number, "name": result.name, "verdict": result.verdict.value, "reason": result.reason}


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
    """The table, or what keeps it from being shown."""
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
    return lines


def _how(handle: VerificationHandle | None, width: int) -> list[Line]:
    words = "The ten checks start from a flat account, trade about 11 USD at a time, leave it flat, and take a minute and a time stop."
    if handle is None:
        words += " hip3-tui verify --config F runs them; it has the account to itself: end this console first."
    else:
        words += f" They run on {handle.market}, with our own entries paused from then on."
    return [(), *(text(row, "dim") for row in f.wrap(words, width))]


def _check(check: Any, width: int) -> list[Line]:
    verdict, reason = str(check.get("verdict", f.UNKNOWN)), str(check.get("reason", ""))
    head: Line = (
        (f"{check.get('number', ''):>2} ", "dim"),
        (f" {verdict:<7} ", _STYLES.get(verdict, "warn")),
        (f" {check.get('name', '')}", "strong"),
    )
    return [head, *(((" " * 13, ""), (row, "dim")) for row in f.wrap(reason, width - 13))]
