"""Our own simulated exchange as a process of its own: started, heard, stopped, outlived.

Starts ``python -m hip3_tui sim`` on a free loopback port, tells it its settings, waits within a bound for the line that names the port,
and keeps the last lines it wrote for the log. Never restarts it: a simulator that dies is a disconnect to the engine, hence a HardStop, as with any exchange.

Easy to get wrong
* It has a session of its own, or the terminal's Ctrl+C and hang-up would kill the exchange before the engine got flat.
* Its stdin is a pipe: one line of settings, then nothing, read to the end. When we are killed outright, the kernel closes the pipe
  and it ends by itself.
* Both its outputs are read all the time once it listens: a full pipe would stop the exchange in the middle of a print.
* It is started first of all, before the program blocks its signals, and is told its settings last, when somebody waits for it: until then it has
  loaded next to nothing. Both loading at once would cost the console's first frame half a second on a machine of two processors.

SPEC 9.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import selectors
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO

import msgspec

from core.config import Config, SimConfig
from core.runtime.hardening import environ_without_secrets

log = logging.getLogger(__name__)

CHILD_COMMAND = (sys.executable, "-m", "hip3_tui", "sim", "--child")
START_TIMEOUT_S = 15.0
"""From start to the listening line. It takes under a second; a machine under load may need several."""
STOP_GRACE_S = 1.0
_LISTENING = re.compile(r"^listening on http://(?P<host>[^/\s]+):(?P<port>\d+)\s*$")
_KEPT_LINES = 20


class SimProcessError(Exception):
    """The simulator did not start. The text says why, with its own last words."""


def own_simulator(config: Config) -> SimProcess | None:
    """Start the simulator that this config asks for, if it does.

    Raises:
        SimProcessError: The process could not even be started.
    """
    if not config.runs_own_simulator:
        return None
    return SimProcess(
        msgspec.json.encode(simulator_settings(config)), CHILD_COMMAND, env=environ_without_secrets(config, os.environ)
    )


def simulator_settings(config: Config) -> SimConfig:
    """Its [sim], with the account that is traded among the funded ones."""
    if config.account is None:
        return config.sim
    return msgspec.structs.replace(config.sim, accounts=(*config.sim.accounts, config.account.address))


class SimProcess:
    """A running simulator.

    Args:
        settings: Its first line of stdin, without the line end.
        command: How to start the program.
        popen: What starts a process; `StopSignals.start_child` once the program has blocked its signals.
        env: Its environment; ours, if None.
    """

    def __init__(
        self,
        settings: bytes,
        command: Sequence[str],
        popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen,
        env: Mapping[str, str] | None = None,
    ) -> None:
        assert b"\n" not in settings
        try:
            self._process = popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env=env,
            )
        except OSError as e:
            raise SimProcessError(f"the simulator could not be started: {e}") from None
        self._settings = settings
        self._url: str | None = None
        self._heard = threading.Event()
        """Set once the listening line came, or never will."""
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._stopping = False
        self._reader: threading.Thread | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def lifeline(self) -> int:
        """The descriptor that keeps it alive: it ends when every process that has this one has closed it."""
        assert self._process.stdin is not None
        return self._process.stdin.fileno()

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.poll()

    def wait_listening(self, timeout_s: float = START_TIMEOUT_S) -> tuple[str, int]:
        """Tell it its settings, wait for the line that names host and port, and hear what it writes from now on. Once.

        Raises:
            SimProcessError: It ended first, or the time was over; it is stopped then.
        """
        assert self._reader is None
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it died already, or was stopped; its last words tell
            self._process.stdin.write(self._settings + b"\n")
            self._process.stdin.flush()
        self._reader = threading.Thread(target=self._read, name="sim-output", daemon=True)
        self._reader.start()
        in_time = self._heard.wait(timeout_s)
        if self._url is None:
            code = self.stop()
            what = f"ended with code {code}" if in_time else f"did not say that it listens within {timeout_s:g} s"
            words = " | ".join(self._last_lines) or "it wrote nothing"
            raise SimProcessError(f"the simulator {what}: {words}")
        host, _, port = self._url.rpartition(":")
        return host, int(port)

    def stop(self, grace_s: float = STOP_GRACE_S) -> int:
        """End it: closed stdin first, TERM with it, KILL after the grace. Safe to call again. Returns the exit code."""
        self._stopping = True
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.terminate()
        try:
            code = self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if self._reader is not None:
            self._reader.join(grace_s)
        return code

    def _read(self) -> None:
        """The thread behind it all: hears every line until both outputs are closed, then buries the process."""
        out, err = self._process.stdout, self._process.stderr
        assert out is not None
        assert err is not None
        pending: dict[IO[bytes], bytes] = {out: b"", err: b""}
        with selectors.DefaultSelector() as selector:
            for stream in pending:
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    stream = key.fileobj  # type: ignore[assignment]
                    chunk = stream.read1(65_536)  # type: ignore[attr-defined]
                    *lines, pending[stream] = (pending[stream] + chunk).split(b"\n")
                    if not chunk:
                        selector.unregister(stream)
                        lines = [pending[stream]] if pending[stream] else []
                    for line in lines:
                        self._hear(line.decode(errors="replace").rstrip())
        out.close()
        err.close()
        self._heard.set()
        code = self._process.wait()
        if self._stopping:
            log.info("simulator ended, code %d", code)
        else:
            log.error("simulator died, code %d: %s", code, " | ".join(self._last_lines))

    def _hear(self, line: str) -> None:
        match = _LISTENING.match(line)
        if match and self._url is None:
            self._url = f"{match['host']}:{match['port']}"
            self._heard.set()
        else:
            self._last_lines.append(line)
            log.debug("simulator: %s", line)
