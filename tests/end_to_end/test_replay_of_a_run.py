"""The journal of a real run, over real sockets against the real simulator, replays to the same effects; and no key is in it.

The run goes through what makes an engine's life hard to repeat: trades, a connection that breaks, HardStop and reset, a lost reply, keys
pressed, and an end by signal or by a kill. The replay is another process with other hash seeds.

Issue part "replay".
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from headless_driver import HeadlessProgram
from venue_driver import SimVenue, until

from core.config import SimConfig
from core.messages.commands import FlattenAll, PauseEntries, ResetHardStop
from core.runtime.keys import TEST_KEY

KEY_VARIABLE = "HIP3_TEST_OF_REPLAY"
CONFIG = """
ws_url = "ws://127.0.0.1:{port}/ws"
info_url = "http://127.0.0.1:{port}/info"
mode = "trading"
[[markets]]
coin = "xyz:SNDK"
[[markets]]
coin = "BTC"
[signer]
key_source = {{ type = "env_var", var_name = "{variable}" }}
[safety]
allowed_markets = ["xyz:SNDK"]
[execution]
time_stop_ms = 1_500
post_timeout_ms = 800
[risk]
position_sync_ms = 1_000
[journal]
path = "{journal}"
"""


class Run:
    """A venue, a program that trades there, and its journal."""

    def __init__(self, folder: Path) -> None:
        self.journal = folder / "journal.db"
        self.venue = SimVenue(SimConfig(seed=11, latency_min_ms=10, latency_max_ms=40, markets=(SimVenue.COIN, "BTC")))
        self._config = folder / "run.toml"
        self._config.write_text(CONFIG.format(port=self.venue.port, journal=self.journal, variable=KEY_VARIABLE))
        self._folder = folder
        self.programs: list[HeadlessProgram] = []

    def start(self) -> HeadlessProgram:
        words = self._folder / f"stderr-{len(self.programs)}"
        program = HeadlessProgram(self._config, self._folder / "state", words)
        self.programs.append(program)
        program.wait_until("ready", lambda s: s.ready.is_ready, 15)
        return program

    def enter(self) -> None:
        self.venue.dislocate()
        until("an entry is filled", lambda: bool(self.venue.positions()), 10)
        self.venue.settle()

    def wait_flat(self) -> None:
        until("the venue is flat", lambda: not self.venue.positions(), 8)

    def replay(self, *options: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "hip3_tui", "replay", str(self.journal), "--json", *options],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": "77"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        said: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == 0, "\n".join((*said["story"], json.dumps(said["difference"], indent=1)))
        return said

    def close(self) -> None:
        for program in self.programs:
            program.close()
        self.venue.kill()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv(KEY_VARIABLE, TEST_KEY)
    run = Run(tmp_path)
    yield run
    run.close()


def effects_of(run: Run, kind: str) -> int:
    """How often an effect of this kind is on the tape."""
    return sum(lines.count(b'{"type":"%s"' % kind.encode()) for lines in chunks(run.journal))


def chunks(journal: Path) -> list[bytes]:
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        return [zlib.decompress(lines) for (lines,) in db.execute("SELECT lines FROM tape ORDER BY run_id, number")]


def test_a_run_with_everything_in_it_replays_to_the_same_effects(run: Run) -> None:
    program = run.start()
    run.enter()
    run.wait_flat()
    run.venue.fault("lose_reply")
    run.enter()
    run.wait_flat()
    program.send(PauseEntries(command_id="p", paused=True))
    program.send(PauseEntries(command_id="q", paused=False))
    while_it_runs = run.replay()
    assert while_it_runs["identical"]
    assert while_it_runs["end"] == "the run goes on, or was killed"

    run.enter()
    program.send(FlattenAll(command_id="f"))
    run.wait_flat()
    run.enter()
    run.venue.drop_connections()
    program.wait_said("HARD STOP done", 30)
    program.wait_until("ready", lambda s: s.ready.is_ready, 15)
    program.send(ResetHardStop(command_id="r", reason="the story goes on"))
    program.wait_until("released", lambda s: not s.hard_stop.tripped)
    run.enter()
    program.signal(signal.SIGTERM)
    assert program.wait_exit(20) == 128 + signal.SIGTERM

    said = run.replay()
    assert said["end"] == "the run ended in order"
    assert said["turns"] > while_it_runs["turns"] > 50
    assert (said["last_ms"] - said["first_ms"]) / 1000 > 5
    assert effects_of(run, "Post") >= 10
    assert effects_of(run, "PersistLatch") == 2
    assert effects_of(run, "TradeRow") == 5


def test_after_a_kill_the_tape_is_whole_up_to_its_last_second_and_the_next_run_has_its_own(run: Run) -> None:
    first = run.start()
    run.enter()
    first.process.kill()
    first.wait_exit(5)
    killed = run.replay()
    assert killed["identical"]
    assert killed["end"] == "the run goes on, or was killed"

    second = run.start()
    run.wait_flat()
    run.enter()
    run.wait_flat()
    second.signal(signal.SIGTERM)
    assert second.wait_exit(20) == 128 + signal.SIGTERM
    assert run.replay("--run", "1")["turns"] == killed["turns"]
    after = run.replay()
    assert after["run_id"] == 2
    assert run.replay("--run", "2", "--until", "20")["turns"] == 20
    assert_no_key_in(run)


def assert_no_key_in(run: Run) -> None:
    """Neither the key nor a fifth of it, in no spelling: not in any file of the run, not in a line of the tape."""
    digits = TEST_KEY.removeprefix("0x")
    parts = [digits[i : i + 12] for i in range(len(digits) - 11)]
    words = [w for part in parts for w in (part.encode(), part.upper().encode())]
    words += [bytes.fromhex(digits)[i : i + 8] for i in range(0, 25, 8)]
    everything = {str(p): p.read_bytes() for p in run.journal.parent.rglob("*") if p.is_file()}
    everything["tape"] = b"\n".join(chunks(run.journal))
    assert KEY_VARIABLE.encode() in everything["tape"], "where the key is may be said; what it is may not"
    assert [name for name, data in everything.items() if any(w in data for w in words)] == []
