"""The guard beside a console with a simulator of its own: started so that the simulator outlives the console with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from test_stop_target import OWN

from core.config import parse_config
from core.runtime.guard_process import guards_environment, start_guard


class Started:
    def __init__(self, error: OSError | None = None) -> None:
        self.args: list[str] = []
        self.popen: dict[str, Any] = {}
        self._error = error

    def start_child(self, args: list[str], **popen: Any) -> Any:
        if self._error is not None:
            raise self._error
        self.args, self.popen = args, popen
        return SimpleNamespace(pid=77)


SIMULATOR: Any = SimpleNamespace(lifeline=9)


def test_it_is_told_whom_to_watch_and_holds_the_simulators_lifeline() -> None:
    started = Started()
    child = start_guard(started.start_child, Path("my.toml"), Path("/s/journal.db"), SIMULATOR, {"A": "1"})
    assert child is not None
    assert started.args[:4] == [sys.executable, "-m", "hip3_tui", "guard"]
    assert started.args[4:] == ["--config", "my.toml", "--child-of", "/s/journal.db"]
    assert started.popen["pass_fds"] == (9,)
    assert started.popen["env"] == {"A": "1"}
    assert {started.popen[name] for name in ("stdin", "stdout", "stderr")} == {subprocess.DEVNULL}, "not the terminal"


def test_a_console_goes_on_without_a_guard_that_cannot_be_started() -> None:
    assert start_guard(Started(OSError("no processes left")).start_child, Path("a"), Path("b"), SIMULATOR, {}) is None


def test_it_is_given_everything_but_the_consoles_key() -> None:
    text = OWN + '[signer]\nkey_source = { type = "env_var", var_name = "CONSOLE_KEY" }\n'
    text += '[guard]\nkey_source = { type = "env_var", var_name = "GUARD_KEY" }\n'
    environ = {"CONSOLE_KEY": "x", "GUARD_KEY": "y", "HOME": "/"}
    assert guards_environment(parse_config(text, "my.toml"), environ) == {"GUARD_KEY": "y", "HOME": "/"}
    assert guards_environment(parse_config(OWN, "my.toml"), environ) == environ
