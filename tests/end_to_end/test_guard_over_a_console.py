"""`hip3-tui guard` as a process of its own: consoles killed, stopped and ended with a position open. The venue's own view is the judge."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from account_driver import TestAccount
from fault_stage import Stage
from pty_driver import spawn
from together import Story, begin_together
from venue_driver import until

from core.runtime.heartbeat import Beat
from core.runtime.keys import TEST_GUARD_KEY, TEST_KEY
from core.runtime.small_files import read_file

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WITHIN_S = 10.0
"""What the guard promises, from the death on."""


class GuardProcess:
    """A guard, and what it said."""

    def __init__(self, folder: Path, config: Path | None = None, more: str = "", **env: str) -> None:
        self.user = folder / "user"
        self.user.mkdir(exist_ok=True)
        if not (self.user / "hip3-tui").exists():
            (self.user / "hip3-tui").symlink_to(folder / "state")
        if config is None:
            config = folder / "guard.toml"
            config.write_text((folder / "program.toml").read_text() + more)
        self._out = folder / f"guard-{time.monotonic_ns()}"
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hip3_tui", "guard", "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, "XDG_STATE_HOME": str(self.user), **env},
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self._out.read_text()

    def wait_said(self, text: str, timeout_s: float = 15) -> None:
        until(f"the guard says {text!r}; it said:\n{self.text}", lambda: text in self.text, timeout_s)

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.text

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)


class Watched:
    """A console with a guard, or several."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stage = Stage(folder)
        self.guards: list[GuardProcess] = []

    def start(self, more: str = "", **env: str) -> GuardProcess:
        self.stage.start(time_stop_ms=60_000)
        return self.guard(more, **env)

    def guard(self, more: str = "", **env: str) -> GuardProcess:
        guard = GuardProcess(self.folder, more=more, **env)
        self.guards.append(guard)
        return guard

    def after_death(self, number: int) -> float:
        """The console gets that signal; seconds until the venue is flat."""
        self.stage.program.signal(number)
        died = time.monotonic()
        until("the venue is flat", lambda: not self.stage.venue.positions(), 40)
        return time.monotonic() - died

    def close(self) -> None:
        for guard in self.guards:
            guard.close()
        self.stage.close()


def with_a_guard(play: Callable[..., None], *args: Any) -> Story:
    def story(folder: Path) -> None:
        watched = Watched(folder)
        try:
            play(watched, *args)
        except BaseException as e:
            e.add_note("\n".join([watched.stage.record, *(guard.text for guard in watched.guards)]))
            raise
        finally:
            watched.close()

    return story


def orders_of_the_guard(stage: Stage) -> list[object]:
    return [a for a in stage.venue.truth()["actions"] if a["signer"].startswith("0x70997970")]


def a_console_that_is_killed(watched: Watched) -> None:
    guard = watched.start()
    guard.wait_said("ready")
    guard.wait_said("console: alive")
    stage = watched.stage
    stage.enter()
    TestAccount(stage.venue.port).rest(stage.venue.COIN, 3)
    flat_s = watched.after_death(signal.SIGKILL)
    assert flat_s < WITHIN_S
    print(f"flat {flat_s:.2f} s after kill -9")
    guard.wait_said("dealt with: the console died: flat and no open order, confirmed", 20)
    assert stage.venue.truth()["openOrders"] == []
    sent = len(orders_of_the_guard(stage))
    stage.start()
    snapshot = stage.program.wait_until("latched", lambda s: s.hard_stop.tripped)
    assert snapshot.hard_stop.reason == "the console died (hip3-tui guard)"
    stage.program.wait_said("stopped from outside: the console died (hip3-tui guard): flat and no open order", 10)
    guard.wait_said("console: alive, process", 10)
    stage.reset()
    stage.end()
    guard.wait_said("console: ended in order")
    assert len(orders_of_the_guard(stage)) == sent, "it acted once"
    guard.end()
    for key in (TEST_KEY, TEST_GUARD_KEY):
        assert key[2:] not in guard.text


def a_console_that_hangs_and_wakes(watched: Watched) -> None:
    guard = watched.start()
    guard.wait_said("console: alive")
    stage = watched.stage
    stage.enter()
    flat_s = watched.after_death(signal.SIGSTOP)
    assert flat_s < WITHIN_S
    print(f"flat {flat_s:.2f} s after SIGSTOP")
    guard.wait_said("dealt with: the console hangs: flat and no open order, confirmed", 20)
    stage.program.signal(signal.SIGCONT)
    stage.program.wait_until("latched on waking", lambda s: s.hard_stop.tripped, 15)
    assert stage.latch_on_disk() == "the console hangs (hip3-tui guard)"
    guard.wait_said("console: alive, process", 10)
    assert stage.venue.positions() == []
    stage.end()
    guard.end()


def as_long_as_the_console_lives_it_does_nothing(watched: Watched) -> None:
    guard = watched.start("[guard]\nheartbeat_timeout_ms = 2000\n")
    guard.wait_said("console: alive")
    stage = watched.stage
    stage.enter()
    then_ms = stage.program.snapshot().at_ms
    stage.program.wait_until("it held for 8 s", lambda s: s.at_ms > then_ms + 8_000, 40)
    assert stage.venue.positions() != [], "the position is the console's"
    assert orders_of_the_guard(stage) == []
    stage.end()
    guard.wait_said("console: ended in order")
    guard.end()
    assert orders_of_the_guard(stage) == []
    assert "died" not in guard.text


def nothing_open_latches_nobody(watched: Watched) -> None:
    guard = watched.start()
    guard.wait_said("console: alive")
    watched.stage.program.signal(signal.SIGKILL)
    guard.wait_said("dealt with: the console died: nothing was open", 25)
    assert orders_of_the_guard(watched.stage) == []
    watched.stage.start()
    assert not watched.stage.program.snapshot().hard_stop.tripped
    watched.stage.end()
    guard.end()


def whatever_goes_wrong_it_ends_flat(watched: Watched, fault: str, settings: dict[str, int]) -> None:
    guard = watched.start()
    guard.wait_said("console: alive")
    watched.stage.enter()
    watched.stage.program.signal(signal.SIGKILL)
    watched.stage.venue.fault(fault, **settings)
    died = time.monotonic()
    until("the venue is flat", lambda: not watched.stage.venue.positions(), 40)
    assert time.monotonic() - died < WITHIN_S
    guard.wait_said("flat and no open order, confirmed", 30)
    guard.end()
    watched.stage.start()
    watched.stage.program.wait_until("latched", lambda s: s.hard_stop.tripped)
    watched.stage.reset()
    watched.stage.end()


def a_position_that_nobody_takes_is_alarmed_and_closed_when_it_can_be(watched: Watched) -> None:
    with told() as (url, alerts):
        guard = watched.start(f'[guard]\nact_within_ms = 10000\n[alerts]\nurls = ["{url}"]\n')
        guard.wait_said("console: alive")
        stage = watched.stage
        stage.enter()
        stage.venue.fault("halt", coin=stage.venue.COIN)
        stage.program.signal(signal.SIGKILL)
        guard.wait_said("NOT CONFIRMED", 30)
        until("alerts came", lambda: sum("NOT CONFIRMED" in text for text in alerts) > 0, 20)
        stage.venue.clear_faults()
        stage.venue.settle()
        until("the venue is flat", lambda: not stage.venue.positions(), 30)
        guard.wait_said("dealt with", 30)
        until("the end was told", lambda: any("dealt with" in text for text in alerts), 20)
        assert any("the console died" in text for text in alerts)
        guard.end()
        stage.start()
        stage.program.wait_until("latched", lambda s: s.hard_stop.tripped)
        stage.reset()
        stage.end()


def one_guard_for_each_account(watched: Watched) -> None:
    first = watched.start()
    first.wait_said("console: alive")
    second = watched.guard()
    assert second.process.wait(20) == 78
    assert "another guard watches" in second.text
    assert f"process {first.process.pid}" in second.text
    first.process.kill()
    first.process.wait(5)
    third = watched.guard()
    third.wait_said("console: alive")
    third.end()
    watched.stage.end()


def a_guard_that_starts_after_the_death(watched: Watched) -> None:
    watched.stage.start(time_stop_ms=60_000)
    watched.stage.enter()
    watched.stage.program.signal(signal.SIGKILL)
    watched.stage.program.wait_exit(5)
    guard = watched.guard()
    until("the venue is flat", lambda: not watched.stage.venue.positions(), 15)
    guard.wait_said("dealt with", 20)
    guard.end()
    TestAccount(watched.stage.venue.port).hold(watched.stage.venue.COIN)  # the operator's own hand, afterwards
    again = watched.guard()
    again.wait_said("dead, and dealt with")
    again.wait_said("ready")
    again.end()
    assert watched.stage.venue.positions() != [], "what came after it is not the guard's to close"


def a_key_that_is_not_the_accounts_is_told_at_once(watched: Watched) -> None:
    stranger = '[guard]\nkey_source = { type = "env_var", var_name = "GUARD_KEY" }\n'
    guard = watched.start(stranger, GUARD_KEY="0x" + "33" * 32)
    guard.wait_said("is no agent of account")
    guard.end()
    watched.stage.end()


FAULTS: dict[str, dict[str, int]] = {
    "lose_reply": {"count": 2},
    "lose_request": {"count": 2},
    "empty_clearinghouse_once": {},
    "info_down": {"for_ms": 3000},
}
STORIES: dict[str, Story] = {
    **{
        play.__name__: with_a_guard(play)
        for play in (
            a_console_that_is_killed,
            a_console_that_hangs_and_wakes,
            as_long_as_the_console_lives_it_does_nothing,
            nothing_open_latches_nobody,
            a_position_that_nobody_takes_is_alarmed_and_closed_when_it_can_be,
            one_guard_for_each_account,
            a_guard_that_starts_after_the_death,
            a_key_that_is_not_the_accounts_is_told_at_once,
        )
    },
    **{fault: with_a_guard(whatever_goes_wrong_it_ends_flat, fault, settings) for fault, settings in FAULTS.items()},
}


@pytest.fixture(scope="module")
def playing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    yield from begin_together(request, tmp_path_factory.mktemp("guards"), STORIES)


@pytest.mark.parametrize("story", STORIES)
def test_guarded(playing: dict[str, Future[None]], story: str) -> None:
    playing[story].result()


# --- beside a console with a simulator of its own -----------------------------------------------------------------------------------


def test_make_run_with_a_guard_outlives_the_console(tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    text = (ROOT / "config" / "sim.toml").read_text().replace("[execution]\n", "[execution]\ntime_stop_ms = 60000\n")
    config.write_text(text)
    env = {"XDG_STATE_HOME": str(tmp_path)}
    args = [sys.executable, "-m", "hip3_tui", "run", "--config", str(config), "--guard"]
    with spawn(args, env=env, cwd=str(ROOT)) as console:
        runs = tmp_path / "hip3-tui" / "simulator" / "runs"
        until("a heartbeat", lambda: bool(list(runs.glob("*/journal.db.heartbeat"))), 30)
        (file,) = runs.glob("*/journal.db.heartbeat")
        beat = read_file(file, Beat)
        assert beat is not None
        port = int(beat.info_url.rsplit(":", 1)[1].split("/")[0])
        log = file.with_name("journal.db.guard.log")
        until("the guard watches", lambda: log.exists() and "console: alive" in log.read_text(), 30)
        account = TestAccount(port)
        account.hold("xyz:SNDK")
        assert account.positions()
        console.signal(signal.SIGKILL)
        died = time.monotonic()
        until("flat", lambda: not account.positions(), 20)
        assert time.monotonic() - died < WITHIN_S
        until("the guard ended", lambda: "guard: ended" in log.read_text(), 30)
        until("the simulator ended after it", lambda: not is_listening(account), 20)


def is_listening(account: TestAccount) -> bool:
    try:
        account.info(type="exchangeStatus")
    except OSError:
        return False
    return True


def test_it_ends_with_a_console_that_ends_in_order(tmp_path: Path) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path)}
    args = [sys.executable, "-m", "hip3_tui", "run", "--config", str(ROOT / "config" / "sim.toml"), "--guard"]
    with spawn(args, env=env, cwd=str(ROOT)) as console:
        runs = tmp_path / "hip3-tui" / "simulator" / "runs"
        until(
            "the guard watches", lambda: any("console: alive" in p.read_text() for p in runs.glob("*/*.guard.log")), 40
        )
        console.wait_for("✓ positions", 60)  # before that the exchange has not confirmed anything
        console.signal(signal.SIGTERM)
        assert console.wait_exit(40) == 128 + signal.SIGTERM
    (log,) = runs.glob("*/*.guard.log")
    until("the guard ended", lambda: "guard: ended" in log.read_text(), 20)
    assert "console: ended in order" in log.read_text()
    assert "died" not in log.read_text()


# --- a channel that is told ---------------------------------------------------------------------------------------------------------


class told:
    """A web hook on loopback. Gives its URL, as notifications name it, and the texts that came."""

    def __enter__(self) -> tuple[str, list[str]]:
        texts: list[str] = []

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                texts.append(f"{body.get('title')}: {body.get('message')}")
                self.send_response(200)
                self.end_headers()

            log_message: Callable[..., None] = lambda *_: None  # type: ignore[assignment]

        self._server = HTTPServer(("127.0.0.1", 0), Hook)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"json://127.0.0.1:{self._server.server_port}/", texts

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
