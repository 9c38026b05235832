"""docs/RUNBOOK.md, command by command, as an operator would type them, against our simulated exchange; and that it knows every alarm there is.

A block is run as its first line says: `sh` by bash in one folder, line after line as one script, and must succeed; `sh stdin=key` gets the key to paste;
`sh runs` must say something and go on until it is stopped; `sh terminal` needs one, and is left with Q; `sh settings` is what the operator fills in.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from notification_servers import NotificationServer
from pty_driver import PtyProgram, spawn
from test_real_program import Venue

from core.hyperliquid.signing_key import checksum_address
from core.runtime.config_file import load_config
from core.runtime.keys import TEST_ADDRESS, TEST_KEY
from hip3_tui.cli import COMMANDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "RUNBOOK.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BIN = Path(sys.executable).parent


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture
def venue() -> Iterator[Venue]:
    venue = Venue()
    venue.settle()
    yield venue
    venue.kill()


def settings(block: str, **values: str) -> dict[str, str]:
    """The operator's settings with values of ours; every one of them is known here, and none is left out."""
    named = dict(re.findall(r"^(\w+)=(\S+|\"[^\"]*\")", block, re.MULTILINE))
    assert set(named) == set(values)
    return values


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_command_works_in_the_order_of_the_page(venue: Venue, tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "HIP3_CONFIG"}
    env |= {"PATH": f"{BIN}:{env['PATH']}", "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    done = []
    with NotificationServer() as alerts:
        for language, how, text in BLOCKS:
            assert language == "sh", f"a block of {language} is run by nobody"
            script = text.replace("port = 9464", f"port = {free_port()}").replace("8300", str(free_port()))
            if how == "settings":
                env |= settings(
                    text,
                    WHERE=f"--network testnet --rehearse {venue.port}",
                    ACCOUNT=TEST_ADDRESS,
                    AGENT=TEST_ADDRESS,
                    MARKET="xyz:SNDK",
                    ALERT_URL=f"json://127.0.0.1:{alerts.port}/phone",
                )
            elif how == "terminal":
                in_a_terminal(shlex.split(script), env, tmp_path)
            elif how == "runs":
                until_stopped(script, env, tmp_path)
            else:
                if "key.new" in script:
                    env["AGENT"] = checksum_address(
                        TEST_ADDRESS
                    )  # the same, spelt otherwise: it must come to stand there
                assert how in ("", "stdin=key"), how
                outcome = subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", script],
                    input=TEST_KEY + "\n" if how else "",
                    cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False,
                )  # fmt: skip
                assert outcome.returncode == 0, f"{script}\n{outcome.stdout}\n{outcome.stderr}"
            done.append(how)
        assert any("test alert" in taken.body for taken in alerts.taken)
    assert len(done) == len(BLOCKS) >= 12
    assert (tmp_path / "trading.key").stat().st_mode & 0o077 == 0
    rotated = load_config(tmp_path / "my.toml").signer
    assert rotated is not None
    assert rotated.address == checksum_address(TEST_ADDRESS)
    assert venue.positions() == []
    assert venue.truth()["openOrders"] == []
    assert any(action["accepted"] for action in venue.truth()["actions"]), "it did trade"


def in_a_terminal(command: list[str], env: dict[str, str], folder: Path) -> None:
    with spawn([str(BIN / command[0]), *command[1:]], cols=120, rows=40, env=env, cwd=str(folder)) as program:
        if "run" in command:
            program.wait_for("Begin to trade", timeout=60)
            program.wait_for("0 failed", timeout=60)
            click(program, "Begin to trade")
            program.wait_for("LIVE", timeout=60)
        else:
            program.wait_until(lambda: bool(program.text.strip()), 60, "something is on the screen")
        program.send("q")
        assert program.wait_exit(timeout=60) == 0, program.text


def click(program: PtyProgram, text: str) -> None:
    """The mouse on the middle of a text on the screen, as a terminal reports it."""
    row, line = next((n, line) for n, line in enumerate(program.lines(), 1) if text in line)
    place = f"{line.index(text) + len(text) // 2 + 1};{row}"
    program.send(f"\x1b[<0;{place}M\x1b[<0;{place}m")


def until_stopped(script: str, env: dict[str, str], folder: Path) -> None:
    process = subprocess.Popen(
        ["bash", "-c", f"exec {script}"],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.strip(), f"{script}: said nothing"
        assert process.poll() is None, f"{script}: {first}{process.stdout.read()}"
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(60) in (0, 130, -signal.SIGINT), first + rest
    finally:
        process.kill()
        process.wait()


def test_every_command_named_in_its_text_is_one_of_its_blocks() -> None:
    prose = re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    scripts = "\n".join(text for _, _, text in BLOCKS)
    for name in re.findall(r"`hip3-tui ([\w-]+)", prose):
        assert name in COMMANDS
        assert f"hip3-tui {name}" in scripts, name


def titles_of(path: Path) -> set[str]:
    """Titles given to `alert(severity, title, ...)` and `Alert(severity, title, ...)`, of f-strings what is written out."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or len(node.args) < 2:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in ("alert", "Alert", "_tell"):
            title = node.args[1]
            parts = title.values if isinstance(title, ast.JoinedStr) else [title]
            if isinstance(title, ast.IfExp):
                parts = [title.body, title.orelse]
            for part in parts:
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.strip():
                    found.add(part.value.strip().rstrip(":"))
    return found


def test_every_alarm_of_the_engine_and_of_the_program_has_its_line() -> None:
    runtime = ROOT / "core" / "runtime"
    sources = [
        *(ROOT / "core" / "engine").glob("*.py"),
        runtime / "beside.py",
        runtime / "guard.py",
        runtime / "loop_watch.py",
        runtime / "stop_alerts.py",
    ]
    titles = {title for path in sources for title in titles_of(path)}
    assert {"HARD STOP", "flatten failed", "disconnected", "stopped", "the engine died", "guard cannot act"} <= titles
    table = PAGE[PAGE.index("## Alarms") : PAGE.index("## Emergency")]
    known = set(
        re.findall(r"`([^`]+)`", "\n".join(line.split("|")[1] for line in table.splitlines() if line.count("|") > 3))
    )
    assert titles <= known, titles - known


def test_a_checkpoint_is_an_alarm_with_a_line() -> None:
    """Its title carries a number, so it is looked for here."""
    assert "`checkpoint`" in PAGE
    assert 'return f"checkpoint {reached}"' in (ROOT / "core" / "engine" / "run_limits.py").read_text(encoding="utf-8")
