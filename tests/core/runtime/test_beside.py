"""Alerts and metrics around the real program: our simulator, a real engine, a server that takes notifications."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import pytest
from notification_servers import NotificationServer
from test_assembly import SIM_CONFIG, log_of, run_program

from core.config import ConfigError, parse_config
from core.messages.effects import Severity
from core.messages.events import Noticed
from core.messages.exit_codes import ExitCode
from core.runtime.beside import open_beside
from core.runtime.clock import SystemClock
from core.runtime.inbox import Inbox

ACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
TOKEN = "JHMHI8qBe7bk2ZwO5U711o3dV"


def config_with(tmp_path: Path, lines: str) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(SIM_CONFIG.read_text(encoding="utf-8") + lines, encoding="utf-8")
    return path


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def heard(server: NotificationServer, text: str) -> bool:
    return any(text in taken.body for taken in server.taken)


def test_a_run_tells_its_hard_stop_and_its_end_and_shows_no_secret(tmp_path: Path) -> None:
    with NotificationServer() as server:
        config = config_with(
            tmp_path, f'[alerts]\nexit_wait_ms = 30_000\nurls = ["json://u:{TOKEN}@127.0.0.1:{server.port}/{TOKEN}"]\n'
        )
        then = """
until(lambda s: s.ready.is_ready)
program.engine.send(TripHardStop(command_id="1", who="op", reason="drill"))
until(lambda s: s.hard_stop.tripped and not s.positions)
until(lambda s: s.alerts and s.alerts[0].delivered)
print(program.engine.latest.alerts, flush=True)
"""
        done = run_program(tmp_path, then, config=config)
        assert done.returncode == 0, done.stderr
        assert heard(server, "HARD STOP"), server.taken
        assert heard(server, "drill (op)")
        assert heard(server, "stopped"), "the last one is delivered before the program is gone"
        assert heard(server, "hip3-tui simulator 0xf39f..2266")
    assert "json://...@127.0.0.1" in done.stdout
    for path in (p for p in tmp_path.rglob("*") if p.is_file() and p != config):
        assert TOKEN.encode() not in path.read_bytes(), f"{path} has the secret"
    assert TOKEN not in done.stdout + done.stderr


def test_a_target_that_is_down_is_told_on_screen_and_in_the_last_words(tmp_path: Path) -> None:
    port = free_port()
    config = config_with(tmp_path, f'[alerts]\nexit_wait_ms = 500\nurls = ["json://127.0.0.1:{port}/{TOKEN}"]\n')
    then = """
until(lambda s: s.ready.is_ready)
program.engine.send(TripHardStop(command_id="1", who="op", reason="drill"))
until(lambda s: any("not delivered" in e.text for e in s.audit))
print([e.text for e in program.engine.latest.audit if e.kind == "alerts"], flush=True)
"""
    done = run_program(tmp_path, then, config=config)
    assert done.returncode == 0, done.stderr
    assert "'HARD STOP' not delivered (connection refused), trying again" in done.stdout
    assert "not delivered to json://" in done.stderr, done.stderr
    assert done.stderr.rstrip().splitlines()[-1].startswith("hip3-tui: stopped"), "the verdict stays the last word"
    assert "not delivered to json://" in log_of(tmp_path)
    assert TOKEN not in done.stdout + done.stderr + log_of(tmp_path)


def test_a_program_that_ends_before_it_connects_tells_that_too(tmp_path: Path) -> None:
    with NotificationServer() as server:
        config = config_with(
            tmp_path, f'[alerts]\nexit_wait_ms = 30_000\nurls = ["json://127.0.0.1:{server.port}/x"]\n'
        )
        before = "simulator.stop(); simulator = SimProcess(b'{}', (sys.executable, '-c', 'import sys; sys.exit(\\'no memory\\')'))"
        done = run_program(tmp_path, "until(lambda s: False)", before, config=config)
        assert done.returncode == 78, done.stderr
        assert heard(server, "start refused")


def test_an_engine_that_dies_tells_it_although_it_cannot_speak_itself(tmp_path: Path) -> None:
    with NotificationServer() as server:
        config = config_with(
            tmp_path, f'[alerts]\nexit_wait_ms = 30_000\nurls = ["json://127.0.0.1:{server.port}/x"]\n'
        )
        before = """
from core.engine.engine import Engine
def fail(self, message, now_ms):
    raise ZeroDivisionError("of the engine")
Engine.handle = fail
"""
        done = run_program(tmp_path, "until(lambda s: False)", before, config=config)
        assert done.returncode == 1, done.stderr
        assert heard(server, "the engine died")
        assert heard(server, "look at the exchange now")


def test_metrics_of_a_run_and_a_port_that_is_taken(tmp_path: Path) -> None:
    port = free_port()
    config = config_with(tmp_path, f"[metrics]\nport = {port}\n")
    then = f"""
import urllib.request
until(lambda s: s.ready.is_ready)
end = time.monotonic() + 30
while True:
    try:
        text = urllib.request.urlopen("http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
        break
    except OSError:
        assert time.monotonic() < end
        program.engine.wait_done(0.05)
print([line for line in text.splitlines() if line.startswith(("hip3_engine_up", "hip3_ready", "batch_sent"))])
"""
    done = run_program(tmp_path, then, config=config)
    assert done.returncode == 0, done.stderr
    assert "hip3_engine_up 1.0" in done.stdout
    assert "batch_sent_total" in done.stdout
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
        holder.listen()
        then = """
until(lambda s: s.ready.is_ready and any(e.kind == "metrics" for e in s.audit))
print([e.text for e in program.engine.latest.audit if e.kind == "metrics"], flush=True)
"""
        done = run_program(tmp_path, then, config=config)
    assert done.returncode == 0, done.stderr
    assert f"no metrics: port {port} on 127.0.0.1: Address already in use" in done.stdout


def test_a_place_that_is_not_there_refuses_the_start(tmp_path: Path) -> None:
    config = parse_config(config_with(tmp_path, '[alerts]\nurls_env = ["NO_SUCH"]\n').read_text(), "c")
    with pytest.raises(ConfigError, match=r"c: alerts\.urls_env: variable NO_SUCH is not set"):
        open_beside(config, "c", ACCOUNT, SystemClock(), {}, threading.Event())


def test_what_there_was_to_say_before_the_engine_is_said_first(tmp_path: Path) -> None:
    file = tmp_path / "urls"
    file.write_text("ntfy://topic")
    file.chmod(0o644)
    config = parse_config(config_with(tmp_path, f'[alerts]\nurls_files = ["{file}"]\n').read_text(), "c")
    masked, beside = open_beside(config, "c", ACCOUNT, SystemClock(), {}, threading.Event())
    assert masked.alerts.urls_files == (str(file),)
    beside.notice("start", "second")

    async def drained() -> list[object]:
        inbox = Inbox()
        beside.connect(inbox)
        beside.notice("start", "third")
        return [inbox.take() for _ in range(len(inbox))]

    first, *rest = asyncio.run(drained())
    assert isinstance(first, Noticed)
    assert "can be read by others" in first.text
    assert rest == [Noticed(Severity.WARNING, "start", text) for text in ("second", "third")]


def test_only_a_wedged_end_is_told_by_the_life_cycle() -> None:
    config = parse_config(SIM_CONFIG.read_text(encoding="utf-8"), "c")
    _, beside = open_beside(config, "c", ACCOUNT, SystemClock(), {}, threading.Event())
    told: list[str] = []
    beside.alerts.tell = lambda alert: told.append(f"{alert.title}: {alert.body}")  # type: ignore[method-assign]
    for code in ExitCode:
        beside.leaving(code, f"words {code.name}")
    assert told == ["NOT CONFIRMED flat: words WEDGED; look at the exchange now"]
