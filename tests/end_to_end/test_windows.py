"""Windows beside the real console: another terminal and a browser's socket, over the real program on the real simulator."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from pty_driver import PtyProgram, spawn

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "hip3_tui")
CONFIG = str(ROOT / "config" / "sim.toml")
PATIENCE_S = 60.0

ELSEWHERE = """
ws_url = "wss://api.hyperliquid-testnet.xyz/ws"
info_url = "https://api.hyperliquid-testnet.xyz/info"
mode = "trading"
[[markets]]
coin = "xyz:SNDK"
[signer]
key_source = { type = "env_var", var_name = "WINDOW_TEST_KEY" }
[account]
address = "0x1234567890abcdef1234567890abcdef12345678"
"""


def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONPATH": str(ROOT)}


@contextmanager
def running(tmp_path: Path) -> Iterator[PtyProgram]:
    """The console itself, once it is live."""
    with spawn([*PROGRAM, "run", "--config", CONFIG], cwd=str(ROOT), env=environment(tmp_path)) as console:
        console.wait_for("LIVE", PATIENCE_S)
        yield console
        if console.process.poll() is None:
            console.send("q")
            assert console.wait_exit(PATIENCE_S) == 0


@contextmanager
def serving(env: Mapping[str, str], *options: str, config: str = CONFIG) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server, and the address that it prints."""
    server = subprocess.Popen(
        [*PROGRAM, "serve", "--config", config, "--port", "0", *options],
        cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        found = re.fullmatch(r"serving on (http://127\.0\.0\.1:\d+/\?key=\S+)\n", line)
        assert found, line
        yield server, found[1]
    finally:
        server.terminate()
        assert server.wait(30) == 0


class Window:
    """A tab: its socket, and what has come so far."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket, self.seen = socket, ""

    async def see(self, words: str) -> None:
        while words not in self.seen:
            message = await self.socket.receive(timeout=PATIENCE_S)
            assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), f"ended before {words!r}"
            data = message.data if isinstance(message.data, str) else message.data.decode(errors="replace")
            self.seen += re.sub(r"\x1b\[[0-9;?<>=]*[a-zA-Z]", "", data)

    async def press(self, key: str) -> None:
        self.seen = ""
        await self.socket.send_json(["stdin", key])


async def in_browser(address: str, *script: tuple[str, str]) -> None:
    """Open a tab; then press each key (empty: none) and wait for its words."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        async with client.get(address) as page:
            assert page.status == 200
        async with client.ws_connect(address.partition("/?")[0] + "/ws?width=120&height=40") as socket:
            window = Window(socket)
            for key, words in script:
                if key:
                    await window.press(key)
                await window.see(words)


def views() -> dict[int, dict[bytes, bytes]]:
    """Windows that live, with their environments."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"hip3_tui\0view" in (folder / "cmdline").read_bytes():
                pairs = (folder / "environ").read_bytes().split(b"\0")
                found[int(folder.name)] = dict(p.split(b"=", 1) for p in pairs if b"=" in p)
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_another_terminal_looks_on_and_its_end_is_its_own(tmp_path):
    with running(tmp_path) as console:
        with spawn([*PROGRAM, "view", "--config", CONFIG], cwd=str(ROOT), env=environment(tmp_path)) as window:
            window.wait_for("VIEW ONLY", PATIENCE_S)
            window.wait_for("LIVE", PATIENCE_S)
            window.send("x")
            window.wait_for("This window only looks", PATIENCE_S)
            window.send("h6")
            window.wait_for("READY-TRADING", PATIENCE_S)
            window.send("qq")
            assert window.wait_exit(PATIENCE_S) == 0
        with spawn([*PROGRAM, "view", "--config", CONFIG], cwd=str(ROOT), env=environment(tmp_path)) as window:
            window.wait_for("VIEW ONLY", PATIENCE_S)
            window.signal(signal.SIGKILL)
            window.wait_exit(PATIENCE_S)
        assert "HARD STOP:" not in console.text
        assert "REDUCING" not in console.text
        with spawn([*PROGRAM, "view", "--config", CONFIG], cwd=str(ROOT), env=environment(tmp_path)) as window:
            window.wait_for("LIVE", PATIENCE_S)
            console.send("q")
            assert console.wait_exit(PATIENCE_S) == 0
            window.wait_for("the console has gone", PATIENCE_S)
            assert window.process.poll() is None
            window.signal(signal.SIGTERM)
            assert window.wait_exit(PATIENCE_S) == 128 + signal.SIGTERM


@pytest.mark.slow
def test_a_browser_looks_and_with_control_it_brakes(tmp_path):
    env = environment(tmp_path)
    with running(tmp_path) as console:
        with serving(env) as (_, address):
            asyncio.run(in_browser(address, ("", "VIEW ONLY"), ("", "LIVE"), ("x", "This window only looks")))
            assert "REDUCING" not in console.text
        with serving(env, "--allow-control") as (_, address):
            asyncio.run(in_browser(address, ("", "BRAKES ONLY"), ("", "LIVE"), ("x", "REDUCING")))
        console.wait_for("HARD STOP", PATIENCE_S)
        console.wait_for("REDUCING", PATIENCE_S)


@pytest.mark.slow
def test_a_key_in_the_environment_reaches_no_window_and_a_killed_server_leaves_none(tmp_path):
    config = tmp_path / "elsewhere.toml"
    config.write_text(ELSEWHERE)
    env = {**environment(tmp_path), "WINDOW_TEST_KEY": "ab" * 32}
    before = set(views())

    async def look(server: subprocess.Popen[str], address: str) -> None:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            async with client.get(address):
                pass
            async with client.ws_connect(address.partition("/?")[0] + "/ws?width=100&height=30") as socket:
                window = Window(socket)
                await window.see("no console is running on testnet")
                ours = {pid: env for pid, env in views().items() if pid not in before}
                assert len(ours) == 1
                for its in ours.values():
                    assert b"WINDOW_TEST_KEY" not in its
                server.kill()
                for _ in range(1500):
                    if not set(views()) & set(ours):
                        return
                    await asyncio.sleep(0.02)
                raise AssertionError("a window outlived its server")

    server = subprocess.Popen(
        [*PROGRAM, "serve", "--config", str(config), "--port", "0"],
        cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        asyncio.run(look(server, server.stdout.readline().split()[-1]))
    finally:
        server.kill()
        server.wait(30)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::"])
def test_control_is_for_this_machine_alone(tmp_path, host):
    done = subprocess.run(
        [*PROGRAM, "serve", "--config", CONFIG, "--allow-control", "--host", host, "--port", "0"],
        cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert f"--allow-control: refused on --host {host}" in line
    assert "allowed on 127.0.0.1" in line


def test_a_port_that_is_taken_is_one_line(tmp_path):
    with serving(environment(tmp_path)) as (_, address):
        port = re.search(r":(\d+)/", address)
        assert port
        done = subprocess.run(
            [*PROGRAM, "serve", "--config", CONFIG, "--port", port[1]],
            cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 78
    assert "--port 0 takes any free port" in done.stderr


def test_a_server_that_was_born_deaf_to_term_hears_it(tmp_path):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        serve = serving(environment(tmp_path))
        serve.__enter__()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    serve.__exit__(None, None, None)  # terminates it, and waits within a bound
