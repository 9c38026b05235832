"""Runs a real program in a tmux of its own: keys as tmux sends them, the screen, the title and the clipboard as tmux has them.

A server of its own under a name of its own, so that nobody's sessions are touched; it ends with the test.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CONF = """
set -g default-terminal screen-256color
set -g set-clipboard on
set -g remain-on-exit on
set -g status off
set -s escape-time 0
"""


class TmuxProgram:
    """Use as a context manager. ``cols`` and ``rows`` may be changed while it runs."""

    def __init__(
        self, args: Sequence[str], folder: Path, cols: int = 120, rows: int = 40, env: Mapping[str, str] | None = None
    ) -> None:
        conf = folder / "tmux.conf"
        conf.write_text(CONF)
        self._name = f"hip3-test-{os.getpid()}-{folder.name}"
        self._conf = str(conf)
        self._env = {**os.environ, **(env or {})}
        self._env.pop("TMUX", None)
        self._code = folder / "exit_code"
        # tmux is told of an end twice, by the terminal and by the process, and may keep the first alone: the shell writes the code down.
        shell = ("sh", "-c", '"$@"; echo $? >"$0"', str(self._code), *args)
        self._do("-f", self._conf, "new-session", "-d", "-x", str(cols), "-y", str(rows), *shell)

    def __enter__(self) -> TmuxProgram:
        return self

    def __exit__(self, *error: object) -> None:
        subprocess.run(["tmux", "-L", self._name, "kill-server"], env=self._env, check=False, capture_output=True)

    def send(self, *keys: str) -> None:
        """By tmux's names: ``j``, ``Enter``, ``C-c``, ``BTab``."""
        self._do("send-keys", *keys)

    def type(self, words: str) -> None:
        """Into a field. Returns when they stand there: read together with the next key they would be a paste, which no key follows."""
        self._do("send-keys", "-l", words)
        self.wait_for(words)

    def resize(self, cols: int, rows: int) -> None:
        """Returns when tmux itself has the pane at this size; what the program makes of it is the test's to see."""
        deadline = time.monotonic() + 30
        while self._do("display-message", "-p", "#{pane_width}x#{pane_height}").strip() != f"{cols}x{rows}":
            assert time.monotonic() < deadline, f"tmux did not resize to {cols}x{rows}"
            self._do("resize-window", "-x", str(cols), "-y", str(rows))

    def screen(self) -> str:
        return self._do("capture-pane", "-p")

    def history(self) -> str:
        """With what has gone off at the top."""
        return self._do("capture-pane", "-p", "-S", "-")

    def title(self) -> str:
        return self._do("display-message", "-p", "#{pane_title}").strip()

    def clipboard(self) -> str:
        """What a program has put there; empty before the first time."""
        return self._do("show-buffer") if self._do("list-buffers") else ""

    def exit_code(self) -> int | None:
        """None while it runs."""
        code = self._code.read_text().strip() if self._code.exists() else ""
        return int(code) if code else None

    def wait_for(self, words: str, timeout: float = 60) -> str:
        return self.until(lambda: words in self.screen(), f"on the screen: {words}", timeout)

    def wait_gone(self, words: str, timeout: float = 60) -> str:
        return self.until(lambda: words not in self.screen(), f"off the screen: {words}", timeout)

    def until(self, holds: Callable[[], bool], what: str, timeout: float = 60) -> str:
        """Ask until it holds. Returns the screen."""
        end = time.monotonic() + timeout
        while not holds():
            assert time.monotonic() < end, f"not within {timeout} s: {what}; the screen:\n{self.screen()}"
            time.sleep(0.1)  # tmux is another process; there is no clock of ours to pass in
        return self.screen()

    def _do(self, *command: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._name, *command], env=self._env, check=True, capture_output=True, text=True, timeout=20
        )
        return done.stdout
