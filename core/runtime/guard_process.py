"""A guard beside a console with a simulator of its own: started by the console's command, outliving the console.

Easy to get wrong: the simulator ends when its stdin is closed, and the kernel closes that when the console is killed; then the guard would find
no exchange to act on. So it inherits that pipe, and the simulator lives until the guard has ended too.

SPEC 11.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.runtime.sim_process import SimProcess

_log = logging.getLogger(__name__)

StartChild = Callable[..., "subprocess.Popen[Any]"]


def start_guard(
    start_child: StartChild, config: Path, journal: Path, simulator: SimProcess
) -> subprocess.Popen[Any] | None:
    """Start it. None: it could not be started; the log says why, and the console goes on without one."""
    args = [sys.executable, "-m", "hip3_tui", "guard", "--config", str(config), "--child-of", str(journal)]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        child = start_child(args, pass_fds=(simulator.lifeline,), **quiet)
    except OSError as e:
        _log.error("the guard could not be started: %s", e)
        return None
    _log.info("a guard watches this console: process %d; its log is guard.log beside the journal", child.pid)
    return child
