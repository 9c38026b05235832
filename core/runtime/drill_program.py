"""The program that is rehearsed: everything the console's program is, and a thread that tells the scenario when it is ready.

Reads its order from a file that the judge left, assembles the shipped program from it, says READY to the simulator once the engine is, and
ends the program in order when the scenario is over. Easy to get wrong: nothing here may lend the engine a hand; it only watches.

Issue 4 part 5.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from msgspec import Struct

from core.config import Config
from core.messages.drill import DrillStory
from core.messages.exit_codes import ExitCode
from core.runtime.assembly import Program, assemble

ORDER_FILE = "drill.json"
_LOOK_EVERY_S = 0.1
_ANSWER_S = 5.0

_log = logging.getLogger(__name__)


class DrillOrder(Struct, frozen=True):
    """What the judge wants to be run."""

    config: Config
    control_url: str
    source: str
    headless: bool
    story: DrillStory


class DrillWatch:
    """How far the rehearsal has come. Implements core.messages.drill.DrillHandle."""

    def __init__(self, story: DrillStory) -> None:
        self._story = story
        self.ready_at: float | None = None
        """Monotonic seconds at which READY was said."""

    @property
    def story(self) -> DrillStory:
        return self._story

    @property
    def elapsed_ms(self) -> int | None:
        return None if self.ready_at is None else int((time.monotonic() - self.ready_at) * 1000)


def read_order(folder: Path) -> DrillOrder:
    return msgspec.json.decode((folder / ORDER_FILE).read_bytes(), type=DrillOrder)


def assemble_drill(
    order: DrillOrder, restore_terminal: Callable[[], None] = lambda: None
) -> tuple[Program, DrillWatch]:
    """The shipped program, watched; and its watch.

    Raises:
        ConfigError: As `assemble`.
    """
    program = assemble(order.config, order.source, restore_terminal=restore_terminal, preflight=False)
    watch = DrillWatch(order.story)
    threading.Thread(target=_watch, args=(program, order.control_url, watch), name="drill", daemon=True).start()
    return program, watch


def run_headless(order: DrillOrder) -> NoReturn:
    """Run it without a screen until it has ended."""
    program, _ = assemble_drill(order)
    program.first_frame.set()  # there is none
    program.engine.wait_done(None)
    program.lifecycle.finish(0)


def _watch(program: Program, control_url: str, watch: DrillWatch) -> None:
    while not program.engine.wait_done(_LOOK_EVERY_S):
        latest = program.engine.latest
        try:
            if watch.ready_at is None:
                if latest is not None and latest.ready.is_ready:
                    _ask(control_url, "ready")
                    watch.ready_at = time.monotonic()
            elif _ask(control_url, "scenario")["isOver"]:
                program.lifecycle.begin_exit(ExitCode.OK, "the drill is over")
                return
        except OSError as e:
            _log.info("the simulator does not answer the drill: %s", e)


def _ask(url: str, do: str) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps({"do": do}).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:
        result: dict[str, Any] = json.loads(answer.read())
        return result
