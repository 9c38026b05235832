"""A child process that listens, fails, stays silent, floods, refuses to end, and dies, each played by a few lines of Python."""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
import time

import msgspec
import pytest

from core.config import Config, SimConfig, parse_config
from core.runtime import sim_process
from core.runtime.sim_process import CHILD_COMMAND, SimProcess, SimProcessError, own_simulator

LISTENS = "import sys; print('listening on http://127.0.0.1:4711', flush=True); "
UNTIL_STDIN_ENDS = "sys.stdin.read()"


def a_config(ws_url: str, info_url: str, more: str = "") -> Config:
    top = f'ws_url = "{ws_url}"\ninfo_url = "{info_url}"\nmode = "observation"\n[[markets]]\ncoin = "BTC"\n'
    return parse_config(top + more, "test")


def child(code: str) -> SimProcess:
    return SimProcess(b"{}", (sys.executable, "-c", code))


@pytest.fixture
def started():
    processes: list[SimProcess] = []

    def start(code: str) -> SimProcess:
        processes.append(child(code))
        return processes[-1]

    yield start
    for process in processes:
        process.stop(grace_s=0)


def test_it_tells_where_it_listens(started):
    assert started(LISTENS + UNTIL_STDIN_ENDS).wait_listening(10) == ("127.0.0.1", 4711)


def test_lines_before_the_listening_line_do_no_harm(started):
    assert started("print('warming up'); " + LISTENS + UNTIL_STDIN_ENDS).wait_listening(10)[1] == 4711


def test_one_that_fails_gives_its_code_and_its_words():
    with pytest.raises(SimProcessError, match=r"ended with code 3: port 80: permission denied"):
        child("import sys; print('port 80: permission denied', file=sys.stderr); sys.exit(3)").wait_listening(10)


def test_one_that_stays_silent_is_given_up_and_ended():
    process = child("import sys; " + UNTIL_STDIN_ENDS)
    with pytest.raises(SimProcessError, match=r"did not say that it listens within 0\.2 s: it wrote nothing"):
        process.wait_listening(0.2)
    assert process.poll() is not None


def test_a_program_that_cannot_be_started():
    with pytest.raises(SimProcessError, match="could not be started"):
        SimProcess(b"{}", ("/nonexistent/program",))


def test_stop_ends_it_and_may_be_called_again(started):
    process = started(LISTENS + UNTIL_STDIN_ENDS)
    process.wait_listening(10)
    code = process.stop()
    assert process.poll() == code == process.stop()


def test_stop_is_bounded_when_the_child_ignores_everything(started):
    process = started("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LISTENS + "signal.sigwait([])")
    process.wait_listening(10)
    begun = time.monotonic()
    assert process.stop(grace_s=0.3) == -signal.SIGKILL
    assert time.monotonic() - begun < 3


def test_a_flood_of_output_never_blocks_it(started):
    flood = "[print('x' * 1000, flush=True) for _ in range(2000)]; [print('y' * 1000, file=sys.stderr) for _ in range(2000)]; "
    process = started("import sys; " + flood + LISTENS + UNTIL_STDIN_ENDS)
    assert process.wait_listening(10)[1] == 4711


def test_a_death_is_seen_and_logged(started, caplog):
    process = started("import sys; print('out of memory', file=sys.stderr, flush=True); " + LISTENS + UNTIL_STDIN_ENDS)
    process.wait_listening(10)
    with caplog.at_level(logging.ERROR, logger="core.runtime.sim_process"):
        os.kill(process.pid, signal.SIGKILL)
        assert process._reader is not None
        process._reader.join(10)
    assert process.poll() == -signal.SIGKILL
    assert "simulator died, code -9: out of memory" in caplog.text


def test_it_is_told_its_settings_in_one_line(started):
    process = started("import sys; print('told', sys.stdin.readline().strip()); " + LISTENS + UNTIL_STDIN_ENDS)
    process.wait_listening(10)
    assert list(process._last_lines) == ["told {}"]


def test_it_is_told_nothing_before_somebody_waits_for_it(started, tmp_path):
    """Which is how it does not load beside the console's first frame."""
    up, told = tmp_path / "up", tmp_path / "told"
    code = f"import sys, pathlib; pathlib.Path({str(up)!r}).touch(); sys.stdin.readline(); pathlib.Path({str(told)!r}).touch(); "
    process = started(code + LISTENS + UNTIL_STDIN_ENDS)
    deadline = time.monotonic() + 10
    while not up.exists():
        assert time.monotonic() < deadline
    assert not told.exists()
    process.wait_listening(10)
    assert told.exists()


def test_a_child_that_is_told_nothing_ends_quietly():
    done = subprocess.run([*CHILD_COMMAND], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_only_a_config_that_asks_for_a_simulator_gets_one():
    assert own_simulator(a_config("ws://127.0.0.1:4711/ws", "http://127.0.0.1:4711/info")) is None


def test_the_traded_account_is_funded(monkeypatch):
    told: list[bytes] = []
    monkeypatch.setattr(sim_process, "SimProcess", lambda settings, command, env: told.append(settings))
    account = "0x" + "ab" * 20
    config = a_config(
        "ws://127.0.0.1:0/ws", "http://127.0.0.1:0/info", f'[account]\naddress = "{account}"\n[sim]\nseed = 9'
    )
    own_simulator(config)
    settings = msgspec.json.decode(told[0], type=SimConfig)
    assert settings.seed == 9
    assert settings.accounts == (account,)


def test_the_child_does_not_inherit_the_key(monkeypatch):
    seen: list[dict[str, str]] = []
    monkeypatch.setattr(sim_process, "SimProcess", lambda settings, command, env: seen.append(env))
    monkeypatch.setenv("MY_SECRET", "ab" * 32)
    config = a_config(
        "ws://127.0.0.1:0/ws",
        "http://127.0.0.1:0/info",
        '[signer]\nkey_source = { type = "env_var", var_name = "MY_SECRET" }',
    )
    own_simulator(config)
    assert "PATH" in seen[0]
    assert "ab" * 32 not in seen[0].values()


def test_it_has_a_session_of_its_own(started):
    """The terminal's Ctrl+C goes to a process group, its hang-up to a session."""
    process = started(LISTENS + UNTIL_STDIN_ENDS)
    process.wait_listening(10)
    assert os.getsid(process.pid) == process.pid


def test_one_that_was_never_heard_can_be_stopped():
    assert child(UNTIL_STDIN_ENDS).stop() is not None


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs a way to wait for a grandchild")
def test_it_ends_by_itself_when_we_are_killed():
    """The parent is a process of its own here, killed without a chance to stop its child."""
    parent_code = (
        "import sys; from core.runtime.sim_process import SimProcess\n"
        f"child = SimProcess(b'', (sys.executable, '-c', {LISTENS + UNTIL_STDIN_ENDS!r}))\n"
        "child.wait_listening(10); print(child.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", parent_code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    with parent.stdin, parent.stdout:
        child_pid = int(parent.stdout.readline())
        watched = os.pidfd_open(child_pid)
        parent.kill()
        parent.wait()
        readable, _, _ = select.select([watched], [], [], 10)
    os.close(watched)
    assert readable, "the child outlived us"
