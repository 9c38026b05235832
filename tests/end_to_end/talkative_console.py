"""The shipped console, made to say everything it can: run by test_no_secret_leaves.py on a pty.

talkative_console.py FOLDER run --config FILE. Every logger at its lowest level; when FOLDER/picture appears, a screenshot and every frame of every
thread with its locals are written into FOLDER; when FOLDER/break appears, the console crashes, and the crash is written with locals too.
"""

from __future__ import annotations

import io
import logging
import sys
import traceback
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.traceback import Traceback

from core.runtime import log_file
from hip3_tui.app import ConsoleApp
from hip3_tui.cli import main
from hip3_tui.crash import Crash

folder = Path(sys.argv[1])
_refresh_picture, _noted = ConsoleApp.refresh_picture, Crash.noted


def frames_of_all_threads() -> str:
    told = []
    for frame in sys._current_frames().values():
        stack = traceback.StackSummary.extract(traceback.walk_stack(frame), capture_locals=True)
        told += stack.format()
    return "".join(told)


def refresh_picture(self: ConsoleApp) -> None:
    for name in ("websockets", "aiohttp", "asyncio", "urllib3", "apprise"):
        logging.getLogger(name).setLevel(1)
    _refresh_picture(self)
    if (folder / "picture").exists() and not (folder / "screen.svg").exists():
        (folder / "frames.txt").write_text(frames_of_all_threads())
        (folder / "screen.svg").write_text(self.export_screenshot())
    if (folder / "break").exists():
        raise RuntimeError("broken on purpose")


def noted(self: Crash, error: BaseException) -> None:
    screen = Console(file=io.StringIO(), width=300)
    screen.print(
        Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True, locals_max_string=None)
    )
    with_locals = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert isinstance(screen.file, io.StringIO)
    with (folder / "crash-with-locals.txt").open("a") as file:
        file.write(screen.file.getvalue() + "".join(with_locals.format()))
    _noted(self, error)


ConsoleApp.refresh_picture = refresh_picture  # type: ignore[method-assign]
Crash.noted = noted  # type: ignore[method-assign]
defaults: Any = (1,)
log_file.start_log.__defaults__ = defaults
sys.argv = ["hip3-tui", *sys.argv[2:]]
main()
