"""The whole program without a screen, in a process of its own, so that a test can ask it, signal it and kill it.

Run as a program (`python headless_driver.py CONFIG STATE_DIR`) it assembles everything but the console and answers lines on stdin: an empty line
with the newest snapshot, any other line is a command for the engine. `HeadlessProgram` is the other end of those pipes.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import msgspec

from core.messages.commands import AnyCommand
from core.messages.snapshot import AuditEntry, Snapshot


class HeadlessProgram:
    """A running program. What it said is kept, so that a failing test can show it."""

    def __init__(self, config: Path, state_dir: Path, words: Path, env: Mapping[str, str] | None = None) -> None:
        """Start it.

        Args:
            words: The file that takes its stderr.
            env: Beside the environment of the tests.
        """
        self._words = words
        with words.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, __file__, str(config), str(state_dir)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=Path(__file__).parents[1],
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **(env or {})},
                start_new_session=True,
            )
        self._lock = threading.Lock()
        self._audit: dict[int, AuditEntry] = {}

    def snapshot(self) -> Snapshot:
        """The newest picture of the engine; waits for the first one."""
        with self._lock:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            while True:
                self.process.stdin.write(b"\n")
                self.process.stdin.flush()
                line = self.process.stdout.readline()
                assert line, f"the program ended with {self.process.wait(5)}: {self.last_words}"
                if line != b"null\n":
                    break
                time.sleep(0.02)  # it is still starting, and it is another process
            snapshot = msgspec.json.decode(line, type=Snapshot)
            self._audit.update({entry.number: entry for entry in snapshot.audit})
            return snapshot

    def send(self, command: AnyCommand) -> None:
        with self._lock:
            assert self.process.stdin is not None
            self.process.stdin.write(msgspec.json.encode(command) + b"\n")
            self.process.stdin.flush()

    def wait_until(self, what: str, holds: Callable[[Snapshot], bool], timeout_s: float = 10.0) -> Snapshot:
        end = time.monotonic() + timeout_s
        while not holds(snapshot := self.snapshot()):
            assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
            time.sleep(0.03)  # the program is another process; there is no clock of ours to pass in
        return snapshot

    def wait_said(self, text: str, timeout_s: float = 10.0) -> None:
        """Wait until a line of the audit trail holds the text."""
        self.wait_until(f"the audit trail says {text!r}", lambda _: self.has_said(text), timeout_s)

    def has_said(self, text: str) -> bool:
        return any(text in f"{e.kind}: {e.text}" for e in self._audit.values())

    @property
    def trail(self) -> str:
        """The audit trail as far as it was seen, for whoever has to find out what went wrong."""
        entries = [self._audit[n] for n in sorted(self._audit)]
        return "\n".join(f"{(e.at_ms - entries[0].at_ms) / 1000:7.2f} {e.kind}: {e.text}" for e in entries)

    @property
    def last_words(self) -> str:
        return self._words.read_text()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait_exit(self, timeout_s: float) -> int:
        return self.process.wait(timeout_s)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:  # a question that nobody will answer any more
                continue


def main(config_name: str, state_dir: str) -> NoReturn:
    from core.runtime.assembly import assemble
    from core.runtime.config_file import load_config

    program = assemble(load_config(Path(config_name)), config_name, state_dir=Path(state_dir))
    program.first_frame.set()  # there is none
    unread = b""
    while not program.engine.is_done:
        if not select.select([0], [], [], 0.05)[0]:
            continue
        read = os.read(0, 1 << 16)
        if not read:  # whoever started us is gone
            break
        *lines, unread = (unread + read).split(b"\n")
        for line in lines:
            if line:
                program.engine.send(msgspec.json.decode(line, type=AnyCommand))
            else:
                sys.stdout.buffer.write(msgspec.json.encode(program.engine.latest) + b"\n")
                sys.stdout.buffer.flush()
    program.lifecycle.finish(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
