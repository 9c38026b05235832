"""What the operating system would show of a process that holds a key, and what can be done about it.

No core file, no look into the memory from another process of the same user, no key in the environment that /proc shows and children inherit.
Best effort: what a system does not offer is reported, not fatal. Easy to get wrong: taking a variable out of `os.environ` leaves its bytes where
the kernel put them at the start, and /proc/PID/environ shows those; a core that is piped to a program is not stopped by a limit of 0; and
neither of it helps against root, nor against what Python itself has copied (SECURITY.md says so).

SPEC 5 (secrets); LESSONS L42.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Mapping

from core.config import Config, EnvVarKey

_PR_SET_DUMPABLE = 4
"""Linux, prctl(2). 0: no core, and /proc/PID/mem, environ and ptrace are root's alone."""


def keep_out_of_core_files() -> tuple[str, ...]:
    """Before a key is read. Returns what could not be done, in words; safe to call again."""
    left: list[str] = []
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as e:
        left.append(f"core files cannot be switched off: {e}")
    if sys.platform == "linux":
        try:
            refused = ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0
        except (OSError, AttributeError):
            refused = True
        if refused:
            left.append("the memory of this process can be read by others of the same user: prctl is refused")
    return tuple(left)


def wipe_variable(name: str) -> bool:
    """Overwrite an environment variable's value where the kernel put it, then take it away. False: there is none."""
    if name not in os.environ:
        return False
    try:
        libc = ctypes.CDLL(None)
        libc.getenv.restype = ctypes.c_void_p
        address = libc.getenv(os.fsencode(name))
        if address:
            ctypes.memset(address, ord("x"), len(ctypes.string_at(address)))
    except (OSError, AttributeError):
        pass  # no C library to ask: the variable is at least gone for us and for children
    del os.environ[name]
    return True


def wipe_key_variables(config: Config) -> None:
    """The keys and the alerts' URLs were read for the last time: nobody needs their variables any more. Whoever starts a guard keeps
    what that one needs before this."""
    sources = (config.signer.key_source if config.signer is not None else None, config.guard.key_source)
    for name in (*(s.var_name for s in sources if isinstance(s, EnvVarKey)), *config.alerts.urls_env):
        wipe_variable(name)


def environ_without_secrets(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a child that has no use for keys and URLs."""
    sources = (config.signer.key_source if config.signer is not None else None, config.guard.key_source)
    secret = {source.var_name for source in sources if isinstance(source, EnvVarKey)} | set(config.alerts.urls_env)
    return {name: value for name, value in environ.items() if name not in secret}
