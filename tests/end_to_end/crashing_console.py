"""The shipped console, with one thing in it that breaks when a file appears; run by test_crashed_console.py on a pty.

crashing_console.py WHERE FLAG_FILE run --config FILE      WHERE: pane, worker, timer
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hip3_tui.app import ConsoleApp
from hip3_tui.cli import main
from hip3_tui.panes.fills import FillsPane

where, flag = sys.argv[1], Path(sys.argv[2])
_lines = FillsPane.lines
_refresh_picture = ConsoleApp.refresh_picture


class Broken(Exception):
    """What the tests look for."""


def lines(self: FillsPane, *args: Any) -> Any:
    if where == "pane" and flag.exists():
        raise Broken("a pane broke")
    return _lines(self, *args)


async def work() -> None:
    raise Broken("a worker broke")


def refresh_picture(self: ConsoleApp) -> None:
    if where == "timer" and flag.exists():
        raise Broken("a timer broke")
    if where == "worker" and flag.exists():
        self.run_worker(work())
    _refresh_picture(self)


FillsPane.lines = lines  # type: ignore[method-assign]
ConsoleApp.refresh_picture = refresh_picture  # type: ignore[method-assign]
sys.argv = ["hip3-tui", *sys.argv[3:]]
main()
