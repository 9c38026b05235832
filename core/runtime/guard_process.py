"""A guard beside a console with a simulator of its own: started by the console's command, outliving the console.

Easy to get wrong: the simulator ends when its stdin is closed, and the kernel closes that when the console is killed; then the guard would find
no exchange to act on. So it inherits that pipe, and the simulator lives until the guard has ended too.

SPEC 11.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.config import Config, EnvVarKey
from core.runtime.sim_process import SimProcess

_log = logging.getLogger(__name__)

StartChild = Callable[..., "subprocess.Popen[Any]"]


def guards_environment(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """What a guard needs of ours: everything but the console's own key."""
    source = config.signer.key_source if config.signer is not None else None
    secret = source.var_name if isinstance(source, EnvVarKey) else None
    return {name: value for name, value in environ.items() if name != secret}


def start_guard(
    start_child: StartChild, config: Path, journal: Path, simulator: SimProcess, env: Mapping[str, str]
) -> subprocess.Popen[Any] | None:
    """Start it. None: it could not be started; the log says why, and the console goes on without one.

    Args:
        env: As it was before the console wiped what it had read of it, see `guards_environment`.
    """
    args = [sys.executable, "-m", "hip3_tui", "guard", "--config", str(config), "--child-of", str(journal)]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        child = start_child(args, pass_fds=(simulator.lifeline,), env=env, **quiet)
    except OSError as e:
        _log.error("the guard could not be started: %s", e)
        return None
    _log.info("a guard watches this console: process %d; its log is guard.log beside the journal", child.pid)
    return child
